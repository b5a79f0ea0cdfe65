"""/rates: the calculator, and the report about a file that was handed in; in the pages and in the API."""

import csv
import gzip
import io
import json
import re
import tempfile
import threading
import time
from pathlib import Path

import pytest

from app import create_app
from healthcheck.bounce.many.formats.lists import services
from healthcheck.errors import BusyError, InputError
from healthcheck.faces import example, schemas_many, uploads
from healthcheck.faces import rates as face

QUIET = {"TESTING": True, "RATELIMIT_ENABLED": False, "HURRY": 30, "DEMO": True}
HEAD = b"email,event,timestamp,response\n"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


@pytest.fixture(scope="module")
def app():
    app = create_app(config=QUIET)
    yield app
    app.extensions["desk"].close()
    app.extensions["uploads"].close()


@pytest.fixture
def client(app):
    return app.test_client()


def words(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def form(octets, name="export.csv", **fields):
    """A multipart body made by hand: the test client leaves files of its own open for a large one."""
    parts = [f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields.items()]
    parts.append(
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'.encode() + octets + b"\r\n--b--\r\n"
    )
    return {"data": b"".join(parts), "content_type": "multipart/form-data; boundary=b"}


def hand_in(client, octets, name="export.csv", **fields):
    return client.post("/rates", follow_redirects=True, **form(octets, name, **fields))


def rows(number, kind="delivered", reply="250 OK", first=0):
    return b"".join(f"user{n}@example.net,{kind},2026-11-02T08:00:00Z,{reply}\n".encode() for n in range(first, first + number))


# ------------------------------------------------------------------ the calculator


def test_the_page_is_linked_and_has_both_boxes(client):
    home = client.get("/").text
    assert home.count('href="/rates"') >= 2
    page = client.get("/rates")
    assert 'method="get" action="/rates"' in page.text
    assert 'method="post" action="/rates"' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "Amazon SES may pause an account from 10 %" in page.text


@pytest.mark.parametrize(
    ("query", "band"),
    [
        ("sent=10000&hard=30", "Good"), ("sent=10000&hard=50", "Hard bounces: watch"), ("sent=10000&hard=320", "Hard bounces: bad"),
        ("sent=10000&hard=500", "Hard bounces: critical"), ("sent=10000&hard=1000", "Hard bounces: emergency"),
        ("sent=10000&hard=150&kind=cold", "Hard bounces: bad"), ("sent=10000&complaint=31", "Complaints: bad"),
        ("sent=10,000&hard=3 20", "Hard bounces: bad"), ("sent=99&hard=50", "Not judged"),
    ],
)  # fmt: skip
def test_figures_fall_in_their_band(client, query, band):
    answer = client.get(f"/rates?{query}")
    assert answer.status_code == 200
    assert re.search(rf'<h2 id="h-result">{band}</h2>', answer.text)


def test_the_lines_of_others_are_named_when_crossed(client):
    page = words(client.get("/rates?sent=10000&hard=600&complaint=40"))
    crossed = page[page.index("Lines that this crosses") : page.index("The address of this page")]
    assert "under review from 5 %" in crossed
    assert "may pause an account from 10 %" not in crossed
    assert "never to reach 0.3 %" in crossed


def test_what_was_entered_stands_in_the_form_again(client):
    page = client.get("/rates?sent=12000&hard=7&kind=cold").text
    assert 'name="sent" value="12000"' in page
    assert 'value="cold" selected' in page


@pytest.mark.parametrize(
    "query",
    [
        "sent=nan&hard=1", "sent=inf", "sent=-5", "sent=1e5", "sent=10.5", "sent=0&hard=1", "hard=5", "sent=10&hard=11", "sent=100&hard=60&soft=60",
        "sent=10000&hard=-1", "sent=" + "9" * 400, "sent=99999999999999", "sent=٣٤", "sent=10&kind=spam", "sent=<b>", "sent=1000&hard=0x10",
    ],
)  # fmt: skip
def test_odd_figures_are_refused_in_words(client, query):
    answer = client.get(f"/rates?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "h-result" not in answer.text
    assert "<b>" not in re.sub(r"<b>(Stop|Counted|Keep)", "", answer.text)


def test_large_figures_are_judged(client):
    assert "emergency" in client.get(f"/rates?sent={10**12}&hard={10**12}").text.lower()


def test_numbers_as_people_write_them():
    assert [face.whole_number("sent", text) for text in ("12000", " 12,000 ", "12 000", "12_000", "12\u202f000", "", "0")] == [12000] * 5 + [0, 0]
    with pytest.raises(InputError, match="sent: expected a whole number"):
        face.whole_number("sent", "12.000,5")


# ------------------------------------------------------------------ a file


def test_an_export_is_read_and_told(client):
    answer = hand_in(client, HEAD + rows(900) + rows(40, "bounce", "550 5.1.1 User unknown", 900))
    assert answer.status_code == 200
    page = words(answer)
    assert "Events: 940, addresses: 940." in page
    assert "40 of 940 messages bounced" in page
    assert "user900@example.net" in page
    assert "export.csv:902" in page
    assert answer.headers["Cache-Control"] == "no-store"


def test_given_what_was_sent_and_the_kind_they_count(client):
    page = words(hand_in(client, HEAD + rows(30, "bounce", "550 5.1.1 User unknown"), sent="3,000", kind="cold"))
    assert "30 of 3,000 messages bounced, 1 %" in page
    assert "First contacts" in page


@pytest.mark.parametrize("pack", [lambda octets: octets, gzip.compress])
def test_a_packed_file_is_unpacked(client, pack):
    assert "300 events" in words(hand_in(client, pack(HEAD + rows(300)), "export.csv.gz"))


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "The file is empty"), (b"\x00\x01\x02\xff" * 500, "no text"), (b"PK\x03\x04" + b"x" * 100, "ZIP"), (b"%PDF-1.7\n\x00\x01", ""),
        (b"a,b,c\n1,2,3\n", "no column"), (b"hello there\n", "expected a CSV"), (gzip.compress(gzip.compress(HEAD + rows(3))), "packed twice"),
        (gzip.compress(HEAD)[:15], ""), (HEAD, ""),
    ],
)  # fmt: skip
def test_a_wrong_file_says_what_was_expected(client, octets, said):
    answer = hand_in(client, octets)
    assert answer.status_code in (200, 400)
    if said:
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
        assert said.casefold() in words(answer).casefold()


def test_no_file_is_an_error(client):
    answer = client.post("/rates", data={"kind": "marketing"}, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert "No file was chosen" in answer.text
    assert hand_in(client, HEAD + rows(3), sent="nan").status_code == 400
    assert hand_in(client, HEAD + rows(3), kind="spam").status_code == 400


def test_more_than_twenty_mebibytes_is_413(client):
    answer = hand_in(client, b"x" * (uploads.LIMIT + (1 << 17)))
    assert answer.status_code == 413
    assert "larger than 20 MiB" in words(answer)


def test_a_small_file_that_unpacks_to_much_is_refused(client, monkeypatch):
    monkeypatch.setattr(uploads, "UNPACKED", 1 << 20)
    answer = hand_in(client, gzip.compress(b"\0" * (4 << 20)))
    assert answer.status_code == 400
    assert "more in this file than a page can take" in words(answer)


def test_more_events_or_time_than_a_page_takes_are_refused(client, monkeypatch):
    monkeypatch.setattr(uploads, "EVENTS", 1000)
    assert "up to 400,000 events" in words(hand_in(client, HEAD + rows(5000)))
    monkeypatch.setattr(uploads, "EVENTS", 10**6)
    monkeypatch.setattr(uploads, "SECONDS", -1)
    assert hand_in(client, HEAD + rows(10)).status_code == 400


def test_names_and_rows_stay_text(client):
    octets = (
        HEAD
        + f'"{EVIL.replace(chr(34), chr(34) * 2)}@example.net",bounce,2026-11-02T08:00:00Z,"550 5.1.1 {EVIL.replace(chr(34), chr(34) * 2)}"\n'.encode()
        + rows(5)
    )
    answer = hand_in(client, octets, "<script>.csv")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert "<script>.csv" not in answer.text


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\exports\\march.csv", "..", "", "a" * 500, "\x00\x1b[31m.csv", "名簿.csv", "☃" * 200])
def test_the_name_of_a_file_goes_nowhere(name):
    safe = uploads.safe_name(name)
    assert safe
    assert not set(safe) & set("/\\\0\x1b:")
    assert safe not in (".", "..")
    assert len(safe) <= 80


# ------------------------------------------------------------------ its report, later


def begun(client, octets=None):
    answer = client.post("/rates", **form(octets or HEAD + rows(900) + rows(40, "bounce", "550 5.1.1 User unknown", 900)))
    assert answer.status_code == 303
    return answer.headers["Location"]


def test_the_lists_are_there_for_each_service(client):
    place = begun(client)
    page = client.get(place).text
    for kind in ("decisions", *services()):
        assert f"{place}/{kind}.csv" in page
        answer = client.get(f"{place}/{kind}.csv")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert "attachment" in answer.headers["Content-Disposition"]
        assert answer.text.count("user900@example.net") == 1
        assert len(list(csv.reader(io.StringIO(answer.text)))) in (40, 41)
    assert client.get(f"{place}/nothing.csv").status_code == 404


def test_lists_in_pieces_are_the_same(client, monkeypatch):
    place = begun(client)
    monkeypatch.setattr(uploads, "BATCH", 7)
    pieces = begun(client)
    for kind in ("decisions", *services()):
        assert client.get(f"{place}/{kind}.csv").text == client.get(f"{pieces}/{kind}.csv").text


def test_the_page_can_be_kept(client):
    answer = client.get(f"{begun(client)}/page.html")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "<script" not in answer.text
    assert "user900@example.net" in answer.text


def test_a_report_is_forgotten(client, monkeypatch):
    place = begun(client)
    assert client.get(place).status_code == 200
    monkeypatch.setattr(uploads, "KEEP", -1)
    answer = client.get(place)
    assert answer.status_code == 404
    assert "ten minutes" in answer.text
    assert client.get("/rates/report/nothing").status_code == 404


def test_only_some_reports_are_kept():
    desk = uploads.Uploads(workers=1)
    try:
        kept = [desk.start(io.BytesIO(HEAD + rows(2)), f"{n}.csv", {"kind": "marketing", "sent": None}) for n in range(4)]
        assert all(one.wait(20) for one in kept)
        desk._forget()
        old = uploads.MOST
        uploads.MOST = 2
        try:
            assert [desk.find(one.id) is not None for one in kept] == [False, False, True, True]
        finally:
            uploads.MOST = old
    finally:
        desk.close()


def test_progress_is_shown_while_it_is_read(app, client, monkeypatch):
    held = threading.Event()
    read = uploads._read

    def slow(file, upload):
        upload.events = 12345
        assert held.wait(20)
        return read(file, upload)

    monkeypatch.setattr(uploads, "_read", slow)
    monkeypatch.setitem(app.config, "HURRY", 0.01)
    place = begun(client)
    page = client.get(place)
    assert "12,345 events so far" in page.text
    assert f'data-poll="{place}/progress"' in page.text
    assert '<noscript><meta http-equiv="refresh"' in page.text
    answer = client.get(f"{place}/progress")
    assert (answer.headers["X-Over"], answer.status_code) == ("0", 200)
    assert client.get(f"{place}/page.html").status_code == 404
    held.set()
    app.extensions["uploads"].find(place.rpartition("/")[2]).wait(20)
    assert client.get(f"{place}/progress").headers["X-Over"] == "1"
    assert "940 events" in words(client.get(place))


def test_nothing_is_left_on_the_disk_and_nothing_logged(client, monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []
    read = uploads._read
    monkeypatch.setattr(uploads, "_read", lambda file, upload: (seen.append(list(Path(tmp_path).iterdir())), read(file, upload))[1])
    assert hand_in(client, HEAD + rows(20) + rows(3, "bounce", "550 5.1.1 secret-word")).status_code == 200
    assert seen == [[]]  # no name even while it is read
    monkeypatch.setattr(uploads, "_read", lambda file, upload: 1 / 0)
    answer = hand_in(client, HEAD + b"secret-word@example.net")
    assert answer.status_code == 500
    assert "secret-word" not in answer.text + caplog.text
    assert not list(Path(tmp_path).iterdir())


def test_there_are_no_more_than_so_many_at_once(monkeypatch):
    held = threading.Event()
    monkeypatch.setattr(uploads, "_read", lambda file, upload: held.wait(20) and 1 / 0)
    desk = uploads.Uploads(workers=1, queue=2)
    try:
        for _ in range(3):
            desk.start(io.BytesIO(b"x"), "x", {})
        with pytest.raises(BusyError):
            desk.start(io.BytesIO(b"x"), "x", {})
    finally:
        held.set()
        desk.close()


def test_health_does_not_wait_behind_files(app, client):
    """Two large files are being read, others wait: /healthz and a page answer all the same."""
    large = HEAD + b"".join(
        f"user{n}@example{n % 50}.example,bounce,2026-11-{1 + n % 28:02}T08:00:00Z,550 5.1.1 no such user {n % 300}\n".encode() for n in range(12_000)
    )
    desk = app.extensions["uploads"]
    jobs = [desk.start(io.BytesIO(large), "large.csv", {"kind": "marketing", "sent": None}) for _ in range(3)]
    slowest = 0.0
    asked = 0
    while not jobs[0].over and asked < 40:
        start = time.perf_counter()
        assert client.get("/healthz").status_code == 200
        assert client.get("/rates?sent=1000&hard=5").status_code == 200
        slowest = max(slowest, time.perf_counter() - start)
        asked += 1
    assert asked > 3
    assert slowest < 2, slowest
    for job in jobs:
        assert job.wait(90)
        assert not job.fault


# ------------------------------------------------------------------ the example


def test_the_example_is_a_click_away_and_read_once(client):
    first = client.get("/rates/example")
    assert first.status_code == 303
    page = client.get(first.headers["Location"])
    assert "This export is made up" in page.text
    assert "Authentication fails since 2026-11-17" in page.text
    assert 'href="/scan?domain=shop.example"' in page.text
    assert client.get("/rates/example").headers["Location"] == first.headers["Location"]


def test_the_example_names_nobody():
    octets = example.export()
    assert octets == example.export()
    assert client_file(octets) > 4000
    names = {domain.decode() for domain in re.findall(rb"@([\w.-]+)", octets)}
    assert all(name.endswith((".example", "example.net", "example.org")) for name in names)


def client_file(octets):
    return len(list(csv.DictReader(io.StringIO(octets.decode()))))


def test_the_example_can_be_taken_along(client):
    answer = client.get("/rates/example.csv")
    assert answer.mimetype == "text/csv"
    assert hand_in(client, answer.data).status_code == 200


# ------------------------------------------------------------------ the API


def test_the_api_judges_figures(client):
    answer = client.get("/api/v1/rates?sent=10000&hard=320")
    assert answer.status_code == 200
    schemas_many.RatesOut.model_validate(answer.json, strict=True)
    assert answer.json["worst"] == "bad"
    assert answer.json["rates"][0]["percent"] == 3.2


@pytest.mark.parametrize("query", ["", "sent=0", "sent=nan", "sent=-1", "sent=10&hard=11", "sent=100&hard=60&soft=60", "sent=100&kind=x", "sent=1e999"])
def test_the_api_refuses_what_is_no_figure(client, query):
    answer = client.get(f"/api/v1/rates?{query}")
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")


def test_the_api_reads_a_file(client):
    octets = HEAD + rows(900) + rows(40, "bounce", "550 5.1.1 User unknown", 900)
    answer = client.post("/api/v1/bounces?name=march.csv&most=5", data=octets, content_type="text/csv")
    assert answer.status_code == 200
    schemas_many.BouncesOut.model_validate(answer.json, strict=True)
    assert answer.json["decisions"]["counts"]["suppress"] == 40
    assert len(answer.json["decisions"]["rows"]) == 5
    assert answer.json["input"]["files"][0]["name"] == "march.csv"
    schemas_many.DecisionOut.model_validate(answer.json["decisions"]["rows"][0], strict=True)
    packed = client.post("/api/v1/bounces?sent=20000&kind=cold", data=gzip.compress(octets), content_type="application/gzip")
    assert packed.json["rates"]["total"]["rates"][0]["of"] == 20000


def test_the_api_says_what_is_wrong_with_a_file(client, app):
    for octets in (b"", b"hello\n", b"\0" * 100):
        answer = client.post("/api/v1/bounces", data=octets, content_type="application/octet-stream")
        assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    answer = client.post("/api/v1/bounces", data=b"x" * (uploads.LIMIT + 1), content_type="text/csv")
    assert (answer.status_code, answer.json["status"]) == (413, 413)
    assert "20 MiB" in answer.json["detail"]
    assert client.post("/api/v1/bounces?kind=spam", data=HEAD, content_type="text/csv").status_code == 422


def test_the_description_has_the_file(client):
    said = client.get("/openapi/openapi.json").json["paths"]["/api/v1/bounces"]["post"]
    assert "text/csv" in said["requestBody"]["content"]
    assert json.dumps(said)
