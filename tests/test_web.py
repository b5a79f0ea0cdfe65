"""The pages: what they show, what they refuse, and that nothing pasted or looked up gets out of its place."""

import re
import threading
import time

import pytest

from app import create_app
from healthcheck.catalog import catalog
from healthcheck.edge.world import World
from healthcheck.faces import web
from healthcheck.model import Domain, ScanInput

QUIET = {"TESTING": True, "RATELIMIT_ENABLED": False, "HURRY": 20, "DEMO": True}
REPLY = "550 5.1.1 <nobody@recipient.example>: Recipient address rejected: User unknown"
DMARC = "550-5.7.26 Unauthenticated email from shop.example is not accepted due to\n550-5.7.26 domain's DMARC policy.\n550 5.7.26 gsmtp"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


@pytest.fixture(scope="module")
def app():
    app = create_app(config=QUIET)
    yield app
    app.extensions["desk"].close()


@pytest.fixture
def client(app):
    return app.test_client()


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def upload(client, octets):
    """A file by the form, the body made by hand: the test client leaves files of its own open for a large one."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.eml"\r\nContent-Type: message/rfc822\r\n\r\n'
    return client.post("/explain", data=head + octets + b"\r\n--b--\r\n", content_type="multipart/form-data; boundary=b")


# ------------------------------------------------------------------ pages


def test_home_has_both_boxes_and_the_samples(client):
    page = client.get("/").text
    assert 'action="/scan"' in page
    assert 'action="/explain"' in page
    assert all(sample["title"] in page.replace("&#39;", "'").replace("&amp;", "&") for sample in web.samples()["bounce"])
    assert catalog().words["privacy"]["text"].split(":")[0] in page


def test_without_the_demo_there_are_no_samples_and_no_demo_names():
    app = create_app(config={**QUIET, "DEMO": False})
    assert "sample" not in app.test_client().get("/").text
    assert app.test_client().post("/explain", data={"sample": "dmarc-reject"}).status_code == 400
    worlds = app.extensions["desk"].choose(ScanInput(Domain.parse("shop.example")))
    assert not worlds.only_zone
    worlds.close()


def test_demo_names_are_answered_by_the_demo_world_and_no_others(app):
    choose = app.extensions["desk"].choose
    demo = choose(ScanInput(Domain.parse("shop.example")))
    assert demo is choose(ScanInput(Domain.parse("anything.test")))
    live = choose(ScanInput(Domain.parse("example.com")))
    assert live is not demo
    assert live.describe != demo.describe


@pytest.mark.parametrize("sample", web.samples()["domain"], ids=lambda s: s["id"])
def test_every_sample_domain_has_its_report(client, sample):
    answer = client.get("/scan", query_string={"domain": sample["domain"], "ip": sample["ips"], "selector": sample["selectors"]})
    assert answer.status_code == 200
    page = text_of(answer)
    assert sample["domain"] in page
    assert "Passed" in page
    assert "Scan again" in page
    order = [answer.text.index(part) for part in ('class="verdict', 'id="h-first"', 'class="cards"', 'class="room')]
    assert order == sorted(order)


def test_a_report_has_the_record_its_pictures_and_its_evidence(client):
    page = client.get("/scan?domain=shop.example&ip=203.0.113.77&selector=shop").text
    assert 'class="record"' in page
    assert "data-copy=" in page
    assert "ip4:203.0.113.77" in page
    assert 'class="tree"' in page
    assert "Alignment" in page
    assert "<details" in page


@pytest.mark.parametrize("sample", web.samples()["bounce"], ids=lambda s: s["id"])
def test_every_sample_bounce_has_its_diagnosis(client, sample):
    answer = client.post("/explain", data={"sample": sample["id"]})
    assert answer.status_code == 200
    assert "h-side-0" in answer.text
    assert "What to do" in answer.text
    assert "<mark>" in answer.text


def test_the_side_is_the_headline_and_the_words_are_marked(client):
    page = client.post("/explain", data={"text": REPLY}).text
    assert f'<h2 id="h-side-0">{catalog().words["side"]["recipient"]["title"]}'.replace("'", "&#39;") in page
    assert "User unknown</mark>" in page
    assert "HardBounce" in page  # what Postmark calls it
    assert "Permanent failure" in page


def test_words_over_several_lines_are_marked_where_they_were_pasted(client):
    page = client.post("/explain", data={"text": DMARC.replace("\n", "\r\n")}).text
    paste = page[page.index('class="paste"') :]
    assert re.search(r"<mark>[^<]*DMARC policy</mark>", paste)
    assert "550-5.7.26 Unauth" not in paste.replace("<mark>", "")[: paste.index("</pre>")] or "<mark>" in paste


def test_more_can_be_said_of_the_sender(client):
    text = "550 5.7.1 Delivery not authorized, message refused"
    page = client.post("/explain", data={"text": text}).text
    assert "Do you know more of the sender?" in page
    assert f'<textarea name="text" hidden>\n{text}</textarea>' in page
    more = client.post("/explain", data={"text": text, "from": "shop.example", "ip": "203.0.113.77"}).text
    assert "The whole report on shop.example" in more


def test_an_upload_is_read(client):
    octets = f"From: mailer-daemon@example.net\r\nSubject: failed\r\n\r\n{REPLY}\r\n".encode()
    answer = upload(client, octets)
    assert answer.status_code == 200
    assert "User unknown" in answer.text


def test_an_empty_upload_is_called_empty(client):
    answer = upload(client, b"")
    assert answer.status_code == 400
    assert "The file is empty." in answer.text


def test_more_addresses_than_are_checked_are_refused(client):
    answer = client.post("/explain", data={"text": REPLY, "ip": " ".join(f"192.0.2.{n}" for n in range(17))})
    assert answer.status_code == 400
    assert "At most 16 addresses" in answer.text


def test_noise_is_told_what_is_looked_for(client):
    answer = client.post("/explain", data={"text": "the quick brown fox"})
    assert answer.status_code == 200
    assert "550 5.1.1" in answer.text


# ------------------------------------------------------------------ jobs


def test_a_slow_scan_shows_its_progress_then_its_report(app, client, monkeypatch):
    monkeypatch.setitem(app.config, "HURRY", 0)
    address = "/scan?domain=listed.example&ip=198.51.100.66&ip=198.51.100.7"
    first = client.get(address)
    assert '<meta http-equiv="refresh"' in first.text
    assert first.text.count("<li") >= 7
    poll = re.search(r'data-poll="([^"]+)"', first.text)[1].replace("&amp;", "&")
    end = time.monotonic() + 20
    while client.get(poll).headers["X-Over"] != "1" and time.monotonic() < end:
        time.sleep(0.05)
    assert 'class="verdict' in client.get(address).text


def test_the_same_inputs_join_one_job_and_scan_again_starts_another(app, client):
    desk = app.extensions["desk"]
    before = desk.counters["scans"]
    threads = [threading.Thread(target=lambda: app.test_client().get("/scan?domain=parked.example&selector=one")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.counters["scans"] == before + 1
    again = client.post("/scan", data={"domain": "parked.example", "selector": "one"})
    assert (again.status_code, again.headers["Location"]) == (303, "/scan?domain=parked.example&selector=one")
    assert desk.counters["scans"] == before + 2


def test_a_diagnosis_answers_at_once_and_its_evidence_follows(app, client, monkeypatch):
    monkeypatch.setitem(app.config, "HURRY", 0)
    page = client.post("/explain", data={"text": DMARC, "ip": "203.0.113.77", "selector": "shop, other"}).text
    id_ = re.search(r'data-evidence="/explain/([^/]+)/evidence/"', page)[1]
    assert "data-pending" in page
    case = app.extensions["desk"].case(id_)
    assert case.wait(20)
    later = client.get(f"/explain/{id_}")
    assert "data-pending" not in later.text
    assert "What you pasted" not in later.text
    part = client.get(f"/explain/{id_}/evidence/0")
    assert part.headers["X-Over"] == "1"
    assert 'id="failure-0"' in part.text
    assert "<html" not in part.text
    # the case holds what was read, never what was pasted
    assert DMARC not in repr(case.__dict__)
    assert client.get(f"/explain/{id_}/evidence/7").status_code == 404
    assert client.get("/explain/nothing").status_code == 404


# ------------------------------------------------------------------ the knowledge base


def test_every_page_of_the_knowledge_base_opens(client):
    known = catalog()
    pages = ["/codes", "/checks", "/causes", "/glossary", "/codes/5.7.999", "/codes/421", "/favicon.ico"]
    pages += [f"/codes/{code}" for code in (*known.enhanced_rows, *known.basic_rows)] + [f"/checks/{code}" for code in known.checks]
    pages += [f"/causes/{slug}" for slug in known.causes] + [f"/glossary/{slug}" for slug in known.glossary]
    for page in pages:
        assert client.get(page).status_code in (200, 301), page


def test_every_link_inside_leads_somewhere(client):
    seen, todo = set(), ["/", "/codes", "/checks", "/causes", "/glossary", "/causes/auth-dmarc", "/codes?q=aws+bounce+codes", "/glossary/hard-bounce"]
    for page in todo:
        for href in re.findall(r'href="(/[^"]*)"', client.get(page).text):
            target = href.replace("&amp;", "&").partition("#")[0]
            if target not in seen and not target.startswith("/scan"):
                seen.add(target)
                with client.get(target) as answer:  # closes what a static file has open
                    assert answer.status_code < 400, f"{page} links to {target}"


@pytest.mark.parametrize("question", [q["question"] for q in catalog().words["questions"]])
def test_every_question_leads_to_its_page(client, question):
    answer = client.get("/codes", query_string={"q": question})
    page = next(q["page"] for q in catalog().words["questions"] if q["question"] == question)
    assert f'href="{page}"' in answer.text
    assert client.get(page.partition("#")[0]).status_code == 200


@pytest.mark.parametrize("q", ["5.7.26", "550", "SPF001", "suppress bounces from this recipient", "AWS bounce codes", "mailbox full"])
def test_searches_find_something(client, q):
    assert 'class="hits"' in client.get("/codes", query_string={"q": q}).text


# ------------------------------------------------------------------ bad input, hostile input


@pytest.mark.parametrize(
    "domain", ["", " ", "192.0.2.1", "2001:db8::1", "com", "a" * 64 + ".example", "x." * 160 + "example", "a..b", "a\0b.example", "exa mple.com", "☃"]
)
def test_a_name_that_is_none_is_told_so_beside_its_field(client, domain):
    answer = client.get("/scan", query_string={"domain": domain})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize("domain", ["http://healthy.example/x", "someone@healthy.example", "_dmarc.healthy.example", "Healthy.Example."])
def test_the_obvious_reading_is_taken(client, domain):
    answer = client.get("/scan", query_string={"domain": domain})
    assert answer.status_code == 200
    assert "<title>healthy.example" in answer.text


def test_an_internationalised_name_is_shown_both_ways(client):
    answer = client.get("/scan", query_string={"domain": "bücher.example"})
    assert answer.status_code == 200
    assert "bücher.example" in answer.text
    assert "xn--bcher-kva.example" in answer.text


def test_a_domain_that_does_not_exist_is_a_report(client):
    answer = client.get("/scan?domain=nowhere.healthy.example")
    assert answer.status_code == 200
    assert "does not exist" in answer.text


def test_empty_and_oversized_pastes_are_refused_in_words(client):
    for given, status in (({}, 400), ({"text": " \0\r\n"}, 400), ({"text": "x" * ((1 << 20) + 1)}, 413), ({"text": "x" * (4 << 20)}, 413),
                          ({"text": REPLY, "ip": "x"}, 400), ({"text": REPLY, "from": "192.0.2.1"}, 400), ({"sample": "no such"}, 400)):  # fmt: skip
        answer = client.post("/explain", data=given)
        assert answer.status_code == status, given if len(str(given)) < 99 else status
        assert "Traceback" not in answer.text
    assert upload(client, b"x" * ((1 << 20) + 1)).status_code == 413


@pytest.mark.parametrize("octets", [bytes(range(256)) * 50, b"\xff\xfe\0\0" * 99, b"\x1b[2J550 no", "550 5.1.1 \u202euser unknown".encode(), b"a" * (1 << 20)])
def test_noise_and_binary_are_answered(client, octets):
    assert upload(client, octets).status_code in (200, 400)


def test_what_is_pasted_stays_text(client):
    for answer in (
        client.post("/explain", data={"text": f"550 5.1.1 <a@recipient.example>: User unknown {EVIL}"}), client.post("/explain", data={"text": EVIL}),
        client.get("/codes", query_string={"q": EVIL}), client.get("/scan", query_string={"domain": EVIL}), client.get(f"/codes/{EVIL}"),
        client.post("/explain", data={"text": REPLY, "from": EVIL}),
    ):  # fmt: skip
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        assert "&lt;script&gt;" in answer.text or answer.status_code == 404


def test_what_is_looked_up_stays_text(tmp_path):
    zone = tmp_path / "evil.example.zone"
    zone.write_text(
        '$TTL 60\n@ IN SOA ns.example. h.example. 1 1 1 1 1\n@ IN MX 10 mx\nmx IN A 192.0.2.1\n@ IN TXT "v=spf1 <script>alert(1)</script> -all"\n'
        '_dmarc IN TXT "v=DMARC1; p=<img src=x onerror=alert(1)>"\n'
    )
    world = World.zones([str(zone)], only=True)
    answer = create_app(world, QUIET).test_client().get("/scan?domain=evil.example")
    assert answer.status_code == 200
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    world.close()


def test_every_page_is_locked_down(client):
    for page in ("/", "/scan?domain=healthy.example", "/scan?domain=", "/nothing", "/codes", "/static/style.css", "/api/v1/codes/550"):
        with client.get(page) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
    for page in ("/", "/codes", "/scan?domain=shop.example", "/causes/auth-spf"):
        html = client.get(page).text
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", html), page
        assert not re.findall(r"<script(?![^>]*\ssrc=)", html), page


def test_errors_are_pages(client):
    for answer, status in ((client.get("/nothing"), 404), (client.get("/checks/NOPE"), 404), (client.get("/causes/nope"), 404), (client.get("/glossary/nope"), 404),
                           (client.put("/scan"), 405)):  # fmt: skip
        assert answer.status_code == status
        assert "<!doctype html>" in answer.text


def test_a_fault_of_ours_is_a_page_without_a_trace(app, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("healthcheck.render.lookup.search", broken)
    quiet = create_app(config={**QUIET, "TESTING": False})
    answer = quiet.test_client().get("/codes?q=x")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text


def test_there_is_a_limit_for_each_address():
    client = create_app(config={**QUIET, "RATELIMIT_ENABLED": True, "HURRY": 0}).test_client()
    answers = [client.post("/scan", data={"domain": "parked.example"}) for _ in range(40)]
    assert answers[0].status_code == 303
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert client.get("/healthz").status_code == 200
