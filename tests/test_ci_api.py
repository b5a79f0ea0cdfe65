"""The API for pipelines: did it pass, has it changed, a zone before it is published; limits that no header gets past; badges."""

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import pytest
from support.faults import Faults
from support.served import served

from app import create_app
from healthcheck.edge.world import World
from healthcheck.faces import ci, limits
from healthcheck.faces.bulk import exit_code
from healthcheck.render import json as render
from healthcheck.scan import scan

QUIET = {"TESTING": True, "RATELIMIT_ENABLED": False}
GOOD = '$ORIGIN shop.example.\n@ IN MX 10 mail\n@ IN TXT "v=spf1 mx -all"\n_dmarc IN TXT "v=DMARC1; p=reject"\nmail IN A 192.0.2.10\n'
BAD = GOOD.replace("-all", "+all")


@pytest.fixture(scope="module")
def world():
    world = World.demo(World.zones((), only=True))
    yield world
    world.close()


@pytest.fixture(scope="module")
def app(world):
    app = create_app(world, QUIET)
    yield app
    app.extensions["desk"].close()


@pytest.fixture
def client(app):
    return app.test_client()


def posted(client, **body):
    return client.post("/api/v1/scan", json={"domain": "shop.example", **body})


# ------------------------------------------------------------------ passed


@pytest.mark.parametrize("fail_on", ["fail", "warn", "note", "never"])
@pytest.mark.parametrize("domain", ["healthy.example", "shop.example", "nodmarc.example"])
def test_passed_says_what_the_command_exits_with(client, world, domain, fail_on):
    answer = client.get(f"/api/v1/scan/{domain}?fail_on={fail_on}").json
    report = scan(domain, world=world.for_domain(domain))
    assert answer["exit_code"] == exit_code(report, fail_on, None)
    assert answer["passed"] is {0: True, 1: False, 3: None}[answer["exit_code"]]
    assert (answer["fail_on"], answer["unknown"]) == (fail_on, None)


def test_it_fails_and_it_passes(client):
    assert client.get("/api/v1/scan/healthy.example").json["passed"] is True
    bad = client.get("/api/v1/scan/nodmarc.example?fail_on=note").json
    assert (bad["passed"], bad["exit_code"]) == (False, 1)
    assert client.get("/api/v1/scan/nodmarc.example?fail_on=never").json["passed"] is True


def test_what_could_not_be_checked_is_neither_passed_nor_failed():
    world = Faults(World.zones((), only=True), servfail={"blind.example"})
    app = create_app(world, QUIET)
    client = app.test_client()
    for unknown, passed, code in (("", None, 3), ("&unknown=fail", False, 1), ("&unknown=warn", True, 0), ("&unknown=pass", True, 0)):
        answer = client.get(f"/api/v1/scan/blind.example?fail_on=fail{unknown}").json
        assert (answer["passed"], answer["exit_code"], answer["verdict"]) == (passed, code, "unknown"), unknown
    app.extensions["desk"].close()


@pytest.mark.parametrize("query", ["fail_on=error", "fail_on=", "unknown=maybe", "fail_on=FAIL"])
def test_another_word_is_422(client, query):
    assert client.get(f"/api/v1/scan/healthy.example?{query}").status_code == 422


# ------------------------------------------------------------------ a zone that is not published yet


def test_a_zone_as_text_is_scanned_and_findings_name_its_line(client):
    good, bad = posted(client, zone=GOOD, only_zone=True).json, posted(client, zone=BAD, only_zone=True).json
    assert good["passed"] is True
    assert bad["passed"] is False
    finding = next(f for f in bad["findings"] if f["topic"] == "spf" and f["status"] == "fail")
    assert finding["location"] == {"file": "shop.example.zone", "line": 3}
    assert {a["secure"] for f in good["findings"] for a in f["evidence"] if a["outcome"] == "found"} <= {"draft"}


def test_a_draft_does_not_change_what_is_published(client):
    before = client.get("/api/v1/scan/shop.example").json["findings"]
    assert posted(client, zone=BAD, only_zone=True).json["findings"] != before
    assert client.get("/api/v1/scan/shop.example").json["findings"] == before
    assert posted(client).json["findings"] == before  # without a zone: as it is now


def test_a_draft_lies_over_what_is_published(client):
    one_record = '$ORIGIN healthy.example.\n@ IN TXT "v=spf1 +all"\n'
    answer = posted(client, domain="healthy.example", zone=one_record).json
    assert answer["passed"] is False
    assert {f["code"] for f in answer["findings"] if f["topic"] == "mx"} == {
        f["code"] for f in client.get("/api/v1/scan/healthy.example").json["findings"] if f["topic"] == "mx"
    }


def test_several_zones_by_their_names(client):
    zones = {
        "shop.example.zone": GOOD.replace("v=spf1 mx -all", "v=spf1 include:send.example -all"),
        "send.example.zone": '@ IN TXT "v=spf1 ip4:192.0.2.9 -all"\n',
    }
    assert posted(client, zone=zones, only_zone=True).json["topics"]["spf"]["verdict"] == "pass"
    missing = posted(client, zone=zones["shop.example.zone"], only_zone=True).json["topics"]["spf"]["verdict"]
    assert missing != "pass"  # what no zone holds was not asked


@pytest.mark.parametrize(
    "zone",
    [
        "$INCLUDE /etc/passwd\n", "( $INCLUDE /etc/passwd )\n", "$GENERATE 1-1000000000 a$ A 192.0.2.1\n", "( $GENERATE 1-1000000000 a$ A 192.0.2.1 )\n",
        "(\n$generate 1-1000000000 a$ A 192.0.2.1 )\n", " $INCLUDE /etc/hosts\n", "\t$include\t/etc/hosts\n", "$ORIGIN shop.example.\n$INCLUDE /etc/hosts x\n",
    ],
)  # fmt: skip
def test_a_strangers_zone_opens_no_file_and_generates_nothing(client, zone):
    start = time.perf_counter()
    answer = posted(client, zone=GOOD + zone, only_zone=True)
    assert time.perf_counter() - start < 5
    assert "root:" not in answer.text
    assert "localhost" not in answer.text
    if answer.status_code != 200:
        assert (answer.status_code, answer.json["type"]) == (422, "/api/v1/problems/zone-unreadable")


def test_yaml_includes_are_refused_too(client):
    answer = posted(client, zone={"shop.example.yaml": "'': !include /etc/passwd\n"}, only_zone=True)
    assert answer.status_code in (200, 422)
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"nameserver": "192.0.2.53"}, {"nameservers": ["192.0.2.53"]}, {"zone": ""}, {"zone": {"a/b": GOOD}}, {"zone": {"": GOOD}}, {"zone": {"a\nb": GOOD}}, {"only_zone": True},
        {"zone": 5}, {"zone": [GOOD]}, {"domain": "com"}, {"domain": ""}, {"ips": ["x"]}, {"ips": "192.0.2.1"}, {"fail_on": "x"}, {"starttls": "yes"}, {"topics": ["x"]},
        {"zone": {f"z{n}.example.zone": GOOD for n in range(17)}}, {"selectors": ["s"] * 17}, {"profile": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_used_is_422_with_the_field(client, body):
    answer = posted(client, **body)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json"), answer.text[:200]
    assert answer.json["type"].startswith("/api/v1/problems/")


def test_too_large_and_another_content_type(client):
    assert posted(client, zone="; " + "x" * (1 << 20)).status_code == 413
    assert posted(client, zone=GOOD + "\n" * 10_001).status_code == 413
    assert client.post("/api/v1/scan", data=GOOD, content_type="text/dns").status_code == 415
    assert client.post("/api/v1/scan", data="{", content_type="application/json").status_code == 422


def test_no_zone_is_kept_with_its_job(app, client):
    posted(client, zone=GOOD + 'secret IN TXT "hold me not"\n', only_zone=True)
    jobs = app.extensions["desk"]._jobs
    assert all(job.world is None for job in jobs.values() if job.over)
    assert "hold me not" not in repr(list(jobs))


# ------------------------------------------------------------------ has it changed


def test_the_tag_of_a_report_is_the_same_at_another_time(client):
    one = client.get("/api/v1/scan/healthy.example")
    two = client.get("/api/v1/scan/healthy.example", headers={"Cache-Control": "no-cache"})
    assert one.headers["ETag"] == two.headers["ETag"]
    assert one.headers["ETag"].startswith('W/"')
    assert one.headers["Cache-Control"] == "private, max-age=60"
    assert client.get("/api/v1/scan/shop.example").headers["ETag"] != one.headers["ETag"]
    assert client.get("/api/v1/scan/healthy.example?fail_on=note").headers["ETag"] != one.headers["ETag"]


def test_a_changed_finding_changes_the_tag(world):
    report = render.report(scan("healthy.example", world=world.for_domain("healthy.example")))
    tag = ci.etag(ci.timeless(report))
    assert ci.etag(ci.timeless(report | {"scanned_at": "2001-01-01T00:00:00Z", "dns": report["dns"] | {"elapsed_ms": 9999}})) == tag
    assert ci.etag(ci.timeless(report | {"verdict": "fail"})) != tag
    changed = json.loads(json.dumps(report))
    next(f for f in changed["findings"] if f["evidence"])["evidence"][0]["values"] = ["something else"]
    assert ci.etag(ci.timeless(changed)) != tag


@pytest.mark.parametrize(
    "path", ["/api/v1/scan/healthy.example", "/api/v1/checks", "/api/v1/checks/SPF004", "/api/v1/codes", "/api/v1/codes/550", "/api/v1/causes", "/api/v1/problems", "/badge/healthy.example.svg", "/badge/healthy.example.json"]
)  # fmt: skip
def test_conditional_requests(client, path):
    first = client.get(path)
    tag = first.headers["ETag"]
    for asked in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = client.get(path, headers={"If-None-Match": asked})
        assert (again.status_code, again.data) == (304, b""), asked
        assert again.headers["ETag"] == tag
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    for asked in ('"other"', "garbage", 'W/"'):
        assert client.get(path, headers={"If-None-Match": asked}).status_code == 200


def test_knowledge_is_public_and_a_report_is_not(client):
    for path in ("/api/v1/checks", "/api/v1/codes/550", "/api/v1/causes"):
        assert client.get(path).headers["Cache-Control"] == "public, max-age=3600"
    assert "private" in client.get("/api/v1/scan/healthy.example").headers["Cache-Control"]
    assert "ETag" not in client.get("/api/v1/codes/x").headers


# ------------------------------------------------------------------ problems


def test_the_type_of_a_problem_leads_to_what_it_means(client):
    for answer in (client.get("/api/v1/scan/com"), client.get("/api/v1/codes/x"), client.get("/api/v1/explain"), posted(client, domain="a..b")):
        told = client.get(answer.json["type"])
        assert told.status_code == 200
        assert told.json["type"] == answer.json["type"]
        assert told.json["status"] == answer.status_code
        assert told.json["do"]
    assert len(client.get("/api/v1/problems").json["problems"]) == len(ci.problems())
    assert client.get("/api/v1/problems/no-such").status_code == 404


def test_every_operation_has_examples_and_its_problems(client):
    said = client.get("/openapi/openapi.json").json
    for path, operations in said["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            for kind, content in operation["responses"]["200"].get("content", {}).items():
                assert "example" in content or "examples" in content, f"{where} {kind}"
            for parameter in operation.get("parameters", ()):
                schema = parameter["schema"]
                told = parameter.get("example") or schema.get("example") or schema.get("default") is not None or "enum" in json.dumps(schema)
                assert told or parameter["name"] in ("mail_from", "from"), f"{where} {parameter['name']}"
            for status, response in operation["responses"].items():
                if status[0] in "45":
                    content = response["content"]["application/problem+json"]
                    assert all(example["value"]["status"] == int(status) for example in content["examples"].values()), where
            assert {"401", "429"} <= set(operation["responses"]), where
            if "requestBody" in operation:
                assert all("example" in c or "examples" in c for c in operation["requestBody"]["content"].values()), where


# ------------------------------------------------------------------ badges


@pytest.mark.parametrize("domain", ["healthy.example", "shop.example", "nodmarc.example"])
def test_a_badge_is_an_svg_and_a_shield(client, domain):
    svg = client.get(f"/badge/{domain}.svg")
    assert svg.mimetype == "image/svg+xml"
    assert svg.headers["Cache-Control"] == "public, max-age=300"
    root = ElementTree.fromstring(svg.data)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [e for e in root.iter() if e.tag.endswith(("script", "image", "foreignObject", "a"))]
    shield = client.get(f"/badge/{domain}.json").json
    assert shield["schemaVersion"] == 1
    assert {"label", "message", "color"} <= set(shield)
    assert shield["message"] in svg.text


def is_red(colour):
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return red > 1.5 * green and red > 1.5 * blue


def test_a_badge_of_what_could_not_be_checked_is_not_red_and_not_kept_for_long():
    world = Faults(World.zones((), only=True), servfail={"blind.example"})
    app = create_app(world, QUIET)
    answer = app.test_client().get("/badge/blind.example.json")
    assert answer.json["message"] == "could not check"
    assert not is_red(answer.json["color"])
    app.extensions["desk"].close()


def test_a_badge_does_not_wait_for_a_slow_scan(world):
    app = create_app(world, {**QUIET, "BADGE_WAIT": 0.0})
    answer = app.test_client().get("/badge/healthy.example.json")
    assert (answer.status_code, answer.json["message"]) == (200, "could not check")
    assert not is_red(answer.json["color"])
    assert answer.headers["Cache-Control"] == "public, max-age=15"
    app.extensions["desk"].close()


def test_a_badge_of_no_domain_is_a_problem(client):
    answer = client.get("/badge/com.svg")
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")


# ------------------------------------------------------------------ limits

FORGED = ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "CF-Connecting-IP", "True-Client-IP", "X-Cluster-Client-IP", "X-Originating-IP", "Via"]


def test_the_headers_count_down_and_say_when(world):
    app = create_app(world, {"TESTING": True, "REQUESTS_PER_MINUTE": 5})
    client = app.test_client()
    told = [client.get("/api/v1/codes/550") for _ in range(6)]
    assert [(a.status_code, a.headers["RateLimit-Limit"], a.headers["RateLimit-Remaining"]) for a in told] == [
        (200, "5", "4"), (200, "5", "3"), (200, "5", "2"), (200, "5", "1"), (200, "5", "0"), (429, "5", "0"),
    ]  # fmt: skip
    assert "Retry-After" not in told[0].headers
    assert 0 < int(told[-1].headers["Retry-After"]) <= 60
    assert told[-1].headers["RateLimit-Reset"] == told[-1].headers["Retry-After"]
    assert told[-1].json["type"] == "/api/v1/problems/too-many-requests"
    assert client.get("/healthz").status_code == 200  # health is never limited
    app.extensions["desk"].close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True), ("192.0.2.1", "192.0.2.2", False), ("2001:db8::1", "2001:db8::ffff:1", True), ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True), ("fe80::1%eth0", "fe80::2%eth1", True), (None, "", True),
    ],
)  # fmt: skip
def test_what_is_one_client(one, other, same):
    assert (limits.address(one) == limits.address(other)) is same


def test_scans_of_every_kind_share_one_limit(world):
    app = create_app(world, {"TESTING": True, "SCANS_PER_MINUTE": 4})
    client = app.test_client()
    paths = [
        "/api/v1/scan/healthy.example",
        "/badge/healthy.example.svg",
        "/badge/healthy.example.json",
        "/api/v1/scan/shop.example",
        "/api/v1/scan/shop.example",
    ]
    assert [client.get(path).status_code for path in paths] == [200, 200, 200, 200, 429]
    assert posted(client).status_code == 429
    assert client.get("/api/v1/codes/550").status_code == 200
    app.extensions["desk"].close()


def test_a_proxy_is_believed_where_it_is_configured_and_no_further(world):
    app = create_app(world, {"TESTING": True, "REQUESTS_PER_MINUTE": 3, "PROXY_HOPS": 1})
    client = app.test_client()

    def ask(forwarded):
        return client.get("/api/v1/codes/550", headers={"X-Forwarded-For": forwarded}).status_code

    assert [ask("192.0.2.1") for _ in range(4)] == [200, 200, 200, 429]
    assert ask("192.0.2.2") == 200  # another client of the proxy
    assert [ask(f"198.51.100.{n}, 192.0.2.1") for n in range(3)] == [429] * 3  # what a client wrote before the proxy did
    app.extensions["desk"].close()


def test_ten_thousand_requests_get_no_further_than_the_limit_and_others_are_served():
    """One client at 127.0.0.2 with forged headers, others meanwhile from other addresses of loopback."""
    most, asked = 200, 10_000
    with served(REQUESTS_PER_MINUTE=most) as port:
        flood: list[int] = []
        over = threading.Event()

        def attack(start):
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=("127.0.0.2", 0))
            told = []
            for n in range(start, asked, 4):
                name = FORGED[n % len(FORGED)]
                forged = f"198.51.{n // 250 % 250}.{n % 250}"
                headers = {
                    name: f"for={forged}" if name == "Forwarded" else forged,
                    "Authorization": f"Bearer {n}",
                    "User-Agent": f"client {n}",
                    "Connection": "keep-alive",
                }
                link.request("GET", f"/api/v1/codes/550?n={n}", headers=headers)
                answer = link.getresponse()
                answer.read()
                told.append(answer.status)
            link.close()
            return told

        others: list[tuple[int, float]] = []

        def visit():
            while not over.is_set():
                for last in range(3, 13):
                    begun = time.perf_counter()
                    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(f"127.0.0.{last}", 0))
                    link.request("GET", "/api/v1/codes/5.7.26")
                    answer = link.getresponse()
                    answer.read()
                    link.close()
                    others.append((answer.status, time.perf_counter() - begun))
                    time.sleep(0.05)

        began = time.monotonic()
        visitor = threading.Thread(target=visit)
        visitor.start()
        with ThreadPoolExecutor(4) as pool:
            for told in pool.map(attack, range(4)):
                flood += told
        took = time.monotonic() - began
        over.set()
        visitor.join()
    assert len(flood) == asked
    assert set(flood) == {200, 429}
    # in any window of a minute no more than `most`, so that a slow machine changes nothing of it
    assert flood.count(200) <= most * (1 + int(took // 60)), (flood.count(200), took)
    assert flood.count(200) >= most
    assert others
    assert {status for status, _ in others} == {200}
    assert sorted(seconds for _, seconds in others)[len(others) // 2] < 1
