"""A domain's report: its rooms, what to do first, the pictures, the logo, and the inputs that a scan takes on the page, in the API and on the command line."""

import base64
import json
import re
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import world_of

from app import create_app
from healthcheck.catalog import DATA, catalog
from healthcheck.checks import SHOWN, given_topics
from healthcheck.checks.bimi.svg import read as read_logo
from healthcheck.edge.reach import Rows, Spoken, ungreeted
from healthcheck.edge.world import World
from healthcheck.errors import InputError
from healthcheck.faces import schemas_scan
from healthcheck.faces.cli import main
from healthcheck.model import Certificate, Greeted, Reached
from healthcheck.render import json as as_json
from healthcheck.render import report_page
from healthcheck.scan import scan

QUIET = {"TESTING": True, "RATELIMIT_ENABLED": False, "HURRY": 20}
HEALTHY = "/scan?domain=healthy.example&ip=192.0.2.25&selector=s1"
HALFWAY = "/scan?domain=halfway.example&ip=198.51.100.151&selector=mail"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def world():
    out = World.demo()
    yield out
    out.close()


@pytest.fixture(scope="module")
def app(world):
    app = create_app(world, QUIET)
    yield app
    app.extensions["desk"].close()


@pytest.fixture
def client(app):
    return app.test_client()


def shown(world, domain, **given):
    report = as_json.report(scan(domain, world=world, **given))
    return report, report_page.view(report)


class Rooms(HTMLParser):
    """The rooms of a page: topic -> whether it stands open, and how elements nest."""

    def __init__(self, html):
        super().__init__()
        self.open, self.stack, self.ids, self.crossed = {}, [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
            if given["id"].startswith("topic-"):
                self.open[given["id"][6:]] = next(o for t, o in reversed(self.stack) if t == "details")
        if tag not in ("meta", "link", "input", "img", "br", "path", "circle", "rect"):
            self.stack.append((tag, "open" in given))

    def handle_endtag(self, tag):
        if tag in ("path", "circle", "rect"):
            return
        held = self.stack.pop()[0]
        if held != tag:
            self.crossed.append((held, tag))


# ------------------------------------------------------------------ rooms


def test_every_topic_is_a_room_and_every_finding_stands_in_one(world):
    for domain, given in (
        ("halfway.example", {"ips": ["198.51.100.151"], "starttls": True}),
        ("shop.example", {"ips": ["203.0.113.77"]}),
        ("parked.example", {"profile": "non-sending"}),
    ):
        report, page = shown(world, domain, **given)
        rooms = [room for group in page["groups"] for room in group["rooms"]]
        assert sorted(room["id"] for room in rooms) == sorted(report["topics"])
        held = [n for room in rooms for f in room["findings"] for n in (f["n"], *f["also"])] + [f["n"] for room in rooms for f in room["passed"]]
        assert sorted(held) == list(range(len(report["findings"])))
        order = list(report_page.words.ORDER)
        for room in rooms:
            ranks = [order.index(f["status"]) for f in room["findings"]]
            assert ranks == sorted(ranks), "worst first"
            assert all(f["status"] == "pass" for f in room["passed"])


def test_every_topic_has_a_group():
    placed = [topic for group in report_page.said()["group"] for topic in group["topics"]]
    assert sorted(placed) == sorted(SHOWN)


def test_a_topic_without_a_group_or_findings_is_a_room_all_the_same(world):
    report, _ = shown(world, "healthy.example", topics=["spf"])
    report["topics"]["brand-new"] = {"verdict": "note", "summary": "x"}
    groups = report_page.view(report)["groups"]
    assert [(g["id"], [r["id"] for r in g["rooms"]]) for g in groups] == [("send", ["spf"]), ("more", ["brand-new"])]


def test_a_domain_that_is_not_there_is_told_in_its_rooms(client):
    page = client.get("/scan?domain=nowhere.healthy.example").text
    assert "does not exist" in page
    assert Rooms(page).open["mx"]
    only = client.get("/scan?domain=nowhere.healthy.example&topic=spf").text
    assert catalog().checks["DOM001"].title in only


def test_rooms_with_problems_stand_open_else_those_with_warnings(client):
    halfway = Rooms(client.get(HALFWAY).text).open
    assert [topic for topic, is_open in halfway.items() if is_open] == ["mta-sts"]
    assert not any(Rooms(client.get(HEALTHY).text).open.values())
    assert all(Rooms(client.get(HALFWAY + "&view=print").text).open.values())


@pytest.mark.parametrize(
    "address",
    [HEALTHY, HALFWAY, HALFWAY + "&starttls=1", HALFWAY + "&view=print", "/scan?domain=broken-spf.example", "/scan?domain=nowhere.healthy.example", "/"],
)
def test_the_page_nests_and_names_nothing_twice(client, address):
    page = Rooms(client.get(address).text)
    assert not page.crossed
    assert len(page.ids) == len(set(page.ids))


def test_every_link_within_the_page_leads_somewhere(client):
    for address in (HEALTHY, HALFWAY, "/scan?domain=broken-spf.example"):
        html = client.get(address).text
        assert set(re.findall(r'href="#([^"]+)"', html)) <= set(Rooms(html).ids)


def test_findings_that_differ_in_their_subject_alone_are_told_once(world):
    _, page = shown(world, "halfway.example", ips=["198.51.100.151"])
    bimi = next(room for group in page["groups"] for room in group["rooms"] if room["id"] == "bimi")
    logo = [f for f in bimi["findings"] if f["code"] == "BIM007"]
    assert len(logo) == 1
    assert len(logo[0]["messages"]) == len(logo[0]["also"]) + 1 > 2


# ------------------------------------------------------------------ what to do first


def test_what_is_wrong_and_what_to_do_first(world):
    _, page = shown(world, "halfway.example", ips=["198.51.100.151"])
    items = page["first"]["items"]
    assert items[0]["code"] == "STS009"
    assert len(items) == report_page.FIRST
    assert page["first"]["more"] > 0
    assert len({(i["code"], i["fix"]["summary"]) for i in items}) == len(items)
    _, page = shown(world, "nodmarc.example", profile="bulk", ips=["192.0.2.121"])
    assert page["first"]["items"][0]["code"] == "DMA002"
    assert page["first"]["items"][0]["asked_by"] == ["Gmail", "Yahoo", "Outlook.com", "iCloud Mail"]


def test_where_nothing_is_wrong_nothing_is_asked_for(world, client):
    _, page = shown(world, "healthy.example", ips=["192.0.2.25"], selectors=["s1"])
    assert page["first"]["items"] == []
    assert report_page.say("first", "notes") in client.get(HEALTHY).text


def test_an_unknown_core_topic_is_something_to_do_and_no_other_unknown_is():
    world = World.zones([], only=True)
    report, page = shown(world, "healthy.example")
    world.close()
    assert {f["status"] for f in report["findings"]} == {"note"}, "outside the zone files is a note"
    told = [{**report["findings"][0], "status": "unknown", "topic": topic, "n": 0} for topic in ("spf", "dnsbl")]
    assert [i["topic"] for i in report_page.first(report, told)["items"]] == ["spf"]
    assert page["first"]["items"] == []


# ------------------------------------------------------------------ from MX to TLS


def ways(page):
    return {host["host"].partition(".")[0]: (host["way"], host["tone"]) for host in page["path"]["hosts"]}


def test_the_way_from_mx_to_tls(world):
    _, page = shown(world, "healthy.example")
    assert ways(page) == {"mx1": ("mta-sts", "pass"), "mx2": ("mta-sts", "pass")}
    assert page["path"]["hosts"][0]["dane"] == {"state": "draft", "records": 2, "tone": "note"}
    assert page["path"]["hosts"][0]["sts"] == {"state": "covered", "mode": "enforce", "tone": "pass"}
    assert (page["path"]["hosts"][0]["asked"], page["path"]["hosts"][0]["tls"]) == (False, [])
    _, page = shown(world, "halfway.example")
    assert ways(page) == {"mx1": ("mta-sts", "pass"), "mx2": ("held", "fail")}
    assert page["path"]["hosts"][0]["dane"]["state"] == "unusable"
    _, page = shown(world, "shop.example")
    assert ways(page) == {"mx": ("opportunistic", "note")}
    _, page = shown(world, "parked.example")
    assert (page["path"]["state"], page["path"]["hosts"]) == ("null", [])


class Hosts:
    def __init__(self, **said):
        self.said = said

    def begin(self, wanted, until):
        done = Future()
        held = self.said.get(wanted.host.partition(".")[0])
        done.set_result(replace(held, host=wanted.host, address=wanted.address) if held else ungreeted(wanted, "nobody"))
        return done

    def close(self):
        return


def greeted(problem="", starttls=True, **more):
    shown = Certificate("mx", "An Authority", ("mx1.example",), NOW - timedelta(30), NOW + timedelta(30), problem, (b"x",)) if starttls else None
    return Greeted("", "", Reached.OK, "mx ESMTP", ("mx", "STARTTLS") if starttls else ("mx",), starttls, "TLSv1.3" if starttls else "", "", shown, **more)


TLS = [
    ("healthy.example", {"mx1": greeted(), "mx2": greeted()}, {"mx1": "mta-sts", "mx2": "mta-sts"}),
    ("healthy.example", {"mx1": greeted("wrong-name"), "mx2": greeted(starttls=False)}, {"mx1": "held", "mx2": "held-plain"}),
    ("shop.example", {"mx": greeted(starttls=False)}, {"mx": "plain"}),
    ("shop.example", {"mx": greeted("self-signed")}, {"mx": "opportunistic"}),
    ("shop.example", {"mx": Greeted("", "", Reached.TIMEOUT, stage="connect")}, {"mx": "opportunistic"}),
    ("shop.example", {}, {"mx": "opportunistic"}),
]


@pytest.mark.parametrize(("domain", "said", "wanted"), TLS, ids=range(len(TLS)))
def test_what_the_hosts_say_counts_where_they_were_asked(domain, said, wanted):
    world = World.demo()
    world.for_domain(domain).greeter = Hosts(**said)
    report, page = shown(world, domain, starttls=True)
    world.close()
    assert {host: way for host, (way, _) in ways(page).items()} == wanted
    assert all(h["asked"] and h["tls"] for h in page["path"]["hosts"])
    assert "starttls" in report["topics"]


def dane(state, *problems):
    return {"host": "mx", "state": state, "records": [{"problem": p} for p in problems]}


def sts(mode="enforce", covered=True, **more):
    return {"state": "present", "policy_state": "ok", "mode": mode, "problems": [], "covers": {"mx": covered}, **more}


WAYS = [
    ("no-address", dane("works", ""), sts(), "dead"), ("unknown", dane("works", ""), sts(), "unsure"), ("ok", dane("works", ""), sts(), "both"),
    ("ok", dane("works", ""), None, "dane"), ("ok", dane("works", ""), sts("testing"), "dane"), ("ok", dane("failing"), sts(), "held-dane"),
    ("ok", dane("draft", ""), None, "draft"), ("ok", dane("draft", "pkix"), None, "opportunistic"), ("ok", dane("none"), sts("testing"), "testing"),
    ("ok", dane("none"), sts("testing", covered=False), "opportunistic"), ("ok", dane("none"), sts(covered=False), "held"), ("ok", dane("ignored", ""), sts("none"), "opportunistic"),
    ("ok", dane("none"), {**sts(), "policy_state": "certificate"}, "opportunistic"), ("ok", dane("none"), {**sts(), "problems": ["x"]}, "opportunistic"),
    ("ok", dane("unknown"), {**sts(), "policy_state": "unknown"}, "opportunistic"), ("ok", None, None, "opportunistic"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "tlsa", "policy", "wanted"), WAYS, ids=[f"{n}-{w[3]}" for n, w in enumerate(WAYS)])
def test_what_becomes_of_mail_by_all_of_it_together(state, tlsa, policy, wanted):
    host = {"host": "mx", "preference": 10, "addresses": [], "state": state, "alias": None}
    facts = {"mx": {"state": "present", "hosts": [host]}, "mta_sts": policy, "dane": {"mx_state": "secure", "hosts": [tlsa] if tlsa else []}}
    found = report_page.path(facts)["hosts"][0]
    assert found["way"] == wanted
    # every state that is shown has its words
    assert report_page.say("path_way", wanted) != wanted.replace("-", " ")
    for table, part in (("path_dane", found["dane"]), ("path_sts", found["sts"])):
        assert part is None or part["state"] in report_page.said()[table]


def test_many_hosts_are_cut_and_counted():
    host = {"preference": 10, "addresses": ["192.0.2.1"], "state": "ok", "alias": None}
    facts = {"mx": {"state": "present", "hosts": [{**host, "host": f"mx{n}"} for n in range(12)]}}
    found = report_page.path(facts)
    assert (len(found["hosts"]), found["more"]) == (report_page.HOSTS, 12 - report_page.HOSTS)
    assert report_page.path({}) is None


def test_the_look_ups_of_a_branch_are_drawn(client):
    page = client.get("/scan?domain=broken-spf.example").text
    pips = re.findall(r'<svg class="pips" viewBox="0 0 (\d+) 8"(.*?)</svg>', page, re.DOTALL)
    assert int(pips[0][0]) == 11 * 8
    assert pips[0][1].count("<rect") == 11
    assert len(pips) == 10


# ------------------------------------------------------------------ the logo

LOGO = '<svg version="1.2" baseProfile="tiny-ps" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><title>L</title>{}</svg>'
EVIL = [
    '<script>alert(1)</script>', '<rect onload="alert(1)"/>', '<image href="https://evil.example/x.png"/>', '<use href="https://evil.example/x.svg#a"/>',
    '<rect fill="url(https://evil.example/x)"/>', '<style>@import "https://evil.example/x.css"</style>', '<foreignObject/>', '<a href="javascript:alert(1)"><rect/></a>',
    '<animate attributeName="href"/>', '<image href="data:image/svg+xml;base64,AAAA"/>', '<rect style="fill:url(https://evil.example)"/>',
]  # fmt: skip


def test_a_logo_that_passed_the_check_is_shown_from_the_page_itself(client):
    page = client.get(HEALTHY).text
    sources = re.findall(r'<img[^>]*\ssrc="([^"]*)"', page)
    assert sources
    assert all(src.startswith("data:image/svg+xml;base64,") for src in sources)
    rows = Rows(DATA / "demo" / "https.toml")
    assert base64.b64decode(sources[0].partition(",")[2]) == rows._held["https://healthy.example/logo.svg"].body
    assert "<title>Healthy example</title>" not in page, "never as markup of the page"


@pytest.mark.parametrize("inside", EVIL)
def test_a_logo_with_anything_else_in_it_is_not_shown(inside):
    logo = read_logo(LOGO.format(inside).encode())
    assert logo.problems
    assert logo.image == ""
    assert read_logo(LOGO.format("<rect/>").encode()).image.startswith("data:image/svg+xml;base64,")


def test_a_logo_that_is_too_large_or_broken_is_not_shown():
    assert read_logo(LOGO.format(f'<path d="{"M0 0" * 10000}"/>').encode()).image == ""
    assert read_logo(b"<svg").image == ""
    assert read_logo(LOGO.format("&x;").encode()).image == ""


def test_only_our_own_image_is_taken_from_the_facts():
    good = {"problems": [], "title": "L", "image": "data:image/svg+xml;base64,AAAA"}
    assert report_page.logo({"bimi": {"logo": good}}) == {"src": good["image"], "title": "L"}
    for bad in (
        {**good, "problems": [["script", ""]]},
        {**good, "image": "https://evil.example/x.svg"},
        {**good, "image": ""},
        {**good, "image": "data:text/html,x"},
        None,
    ):
        assert report_page.logo({"bimi": {"logo": bad}}) is None


def test_no_page_loads_an_image_from_elsewhere(client):
    for address in (HEALTHY, HALFWAY):
        answer = client.get(address)
        images = next(part for part in answer.headers["Content-Security-Policy"].split(";") if part.strip().startswith("img-src"))
        assert images.split() == ["img-src", "'self'", "data:"]
        assert not re.search(r'(src|srcset|poster|data)="https?:', answer.text)
    assert "halfway.example/logo.svg" in client.get(HALFWAY).text
    assert "<img" not in client.get(HALFWAY).text


# ------------------------------------------------------------------ hostile and long records


def test_long_and_hostile_records_stay_in_their_place(tmp_path):
    name = "a" * 60
    evil = "<script>alert(1)</script>"
    zone = f"""
@ IN NS {name}.{name}
@ IN MX 10 {name}.{name}.{name}
{name}.{name}.{name} IN A 192.0.2.1
@ IN TXT "v=spf1 include:{name}.{name}.{name}.test ?exists:{evil} -all"
_dmarc IN TXT "v=DMARC1; p=none; rua=mailto:{evil}@{name}.test"
_mta-sts IN TXT "v=STSv1; id=1"
mta-sts IN A 192.0.2.2
_smtp._tls IN TXT "v=TLSRPTv1; rua={evil}"
default._bimi IN TXT "v=BIMI1; l=https://long.test/{evil}"
_25._tcp.{name}.{name}.{name} IN TLSA 3 0 0 {"ab" * 600}
"""
    policy = tmp_path / "https.toml"
    policy.write_text(
        f'["https://mta-sts.long.test/.well-known/mta-sts.txt"]\ncontent_type = "text/plain"\nbody = "version: STSv1\\nmode: enforce\\nmx: {evil}\\nmax_age: 9\\n"\n'
    )
    world = world_of(tmp_path / "zones", {"long.test": zone})
    world.fetcher = Rows(policy)
    page = create_app(world, QUIET).test_client().get("/scan?domain=long.test&helo=%3Cscript%3Ealert(1)%3C/script%3E&view=print").text
    world.close()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not Rooms(page).crossed


# ------------------------------------------------------------------ inputs


def test_topics_are_checked_and_put_in_order():
    assert given_topics([]) == (None, False)
    assert given_topics([], starttls=True) == (None, True)
    assert given_topics(["bimi", "MX", "mx"]) == (("mx", "bimi"), False)
    assert given_topics(["dane,spf dkim"]) == (("spf", "dkim", "dane"), False)
    assert given_topics(["starttls"]) == (("starttls",), True), "who names it asks for it"
    assert given_topics(["mx"], starttls=True) == (("mx", "starttls"), True)
    with pytest.raises(InputError, match=r"There is no topic “fax”.*mta-sts"):
        given_topics(["spf", "fax"])


def test_the_description_knows_the_topics():
    assert schemas_scan.TopicName.__args__ == SHOWN


def test_the_api_takes_the_inputs(client):
    answer = client.get("/api/v1/scan/healthy.example?topic=mx&topic=starttls&helo=Mail.Healthy.Example&ip=192.0.2.25").json
    assert list(answer["topics"]) == ["mx", "starttls"]
    assert {k: answer["input"][k] for k in ("topics", "starttls", "helo")} == {"topics": ["mx", "starttls"], "starttls": True, "helo": "mail.healthy.example"}
    assert answer["facts"]["starttls"]["asked"] is True
    answer = client.get("/api/v1/scan/healthy.example?starttls=true").json
    assert "starttls" in answer["topics"]
    assert "recipient" not in answer["topics"]
    assert "starttls" not in client.get("/api/v1/scan/healthy.example").json["topics"]
    assert list(client.get("/api/v1/scan/healthy.example?topic=recipient").json["topics"]) == ["recipient"]
    schemas_scan.ReportOut.model_validate(answer, strict=True)


@pytest.mark.parametrize("query", ["topic=fax", "topic=", "starttls=maybe", "helo=a%20b", "helo=" + "a" * 301, "topic=mx&topic=DANE"])
def test_the_api_refuses_what_is_none(client, query):
    answer = client.get(f"/api/v1/scan/healthy.example?{query}")
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert answer.json["detail"]


def test_the_description_names_the_inputs_and_the_matrix(client):
    said = client.get("/openapi/openapi.json").json
    names = {p["name"] for p in said["paths"]["/api/v1/scan/{domain}"]["get"]["parameters"]}
    assert names == {"domain", "ip", "selector", "mail_from", "profile", "topic", "starttls", "helo", "fail_on", "unknown"}
    report = said["components"]["schemas"]["ReportOut"]["properties"]
    assert {"requirements_matrix", "input"} <= set(report)


def test_the_page_takes_the_inputs_and_keeps_them(client):
    page = client.get("/scan?domain=healthy.example&starttls=on&helo=EHLO+Mail.Healthy.Example&ip=192.0.2.25&topic=mx&topic=ptr").text
    assert set(Rooms(page).open) == {"mx", "ptr", "starttls"}
    for name, value in (("helo", "mail.healthy.example"), ("starttls", "1"), ("topic", "mx"), ("topic", "ptr")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page
    again = client.post("/scan", data={"domain": "healthy.example", "starttls": "1", "helo": "mail.healthy.example", "topic": ["mx", "ptr"]})
    assert again.headers["Location"] == "/scan?domain=healthy.example&helo=mail.healthy.example&topic=mx&topic=ptr&topic=starttls&starttls=1"
    assert "connect to the mail hosts" in client.get(HEALTHY).text
    assert "connect to the mail hosts" not in client.get(HEALTHY + "&starttls=1").text


@pytest.mark.parametrize(("query", "told"), [("topic=fax", "There is no topic"), ("starttls=maybe", "starttls is 1 or 0"), ("helo=a%20b", "EHLO")])
def test_the_page_says_what_is_wrong_and_keeps_what_was_entered(client, query, told):
    answer = client.get(f"/scan?domain=healthy.example&ip=192.0.2.25&{query}")
    assert answer.status_code == 400
    assert told in answer.text
    assert 'value="192.0.2.25"' in answer.text


def test_progress_names_the_topics_that_are_reported(app, client, monkeypatch):
    monkeypatch.setitem(app.config, "HURRY", 0)
    page = client.get("/scan?domain=healthy.example&selector=s2").text
    assert ">STARTTLS<" not in page
    assert ">Recipient<" not in page
    assert ">STARTTLS<" in client.get("/scan?domain=healthy.example&selector=s2&starttls=1").text


ZONES = [part for path in sorted((DATA / "demo").glob("*.zone")) if not path.name.startswith("list-") for part in ("--zone", str(path))]


def cli(*args):
    return CliRunner().invoke(main, ["scan", *args, "--only-zone", *ZONES])


def test_the_command_line_takes_the_inputs():
    result = cli("healthy.example", "--topic", "mx", "--topic", "ptr", "--helo", "mail.healthy.example", "--ip", "192.0.2.25", "--starttls", "--format", "json")
    report = json.loads(result.stdout)
    assert list(report["topics"]) == ["mx", "ptr", "starttls"]
    assert report["facts"]["starttls"]["asked"] is True
    assert report["facts"]["ptr"]["helo"]["name"] == "mail.healthy.example"
    assert "TLS999" in {f["code"] for f in report["findings"]}, "zone files alone connect to nobody"
    assert list(json.loads(cli("healthy.example", "--topic", "recipient", "--format", "json").stdout)["topics"]) == ["recipient"]


@pytest.mark.parametrize(("args", "told"), [(("--topic", "fax"), "There is no topic"), (("--helo", "a b"), "EHLO"), (("--helo", ""), "EHLO")])
def test_the_command_line_refuses_what_is_none(args, told):
    result = cli("healthy.example", *args)
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_text_without_topics_names_no_optional_one():
    out = cli("healthy.example").stdout
    assert "STARTTLS:" not in out
    assert "Recipient:" not in out


# ------------------------------------------------------------------ the demo's mail hosts


def test_the_demo_has_its_hosts(tmp_path):
    for name in ("https.toml", "smtp.toml"):
        assert (DATA / "demo" / name).exists()
    world = World.demo()
    codes = {f.code for f in scan("healthy.example", world=world, starttls=True).findings}
    halfway = {f.code for f in scan("halfway.example", world=world, starttls=True).findings}
    world.close()
    assert {"STS016", "TRP006", "DAN016", "DAN011", "TLS010", "BIM014"} <= codes
    assert {"STS009", "STS011", "TRP003", "DAN006", "DAN008", "TLS002", "TLS005", "BIM005", "BIM007"} <= halfway
    bad = tmp_path / "smtp.toml"
    bad.write_text('["mx"]\nprotocol = "TLSv1.3"\ndays = "soon"\n')
    with pytest.raises(InputError, match=r"smtp\.toml"):
        Spoken(bad)
    assert Path(DATA / "demo" / "https.toml").read_text(encoding="utf-8").count("[") >= 4
