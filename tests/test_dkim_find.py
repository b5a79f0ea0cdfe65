"""DKIM keys that are hard to find, and what may be said where none was found."""

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import Faults, Nameserver, reply_to

from healthcheck.catalog import DATA, catalog
from healthcheck.checks.dkim.discover import MAX_DATED, MAX_HINTED, dates, hinted, hints, service_of
from healthcheck.checks.dkim.record import parse
from healthcheck.edge.world import World
from healthcheck.errors import InputError
from healthcheck.model import Status, given_selectors, signatures
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
S1 = {"selectors": ["s1"]}
# case, options, codes that must appear, codes that must not
CASES = [
    ("strict", S1, {"DKM021", "DKM001"}, {"DKM022", "DKM006"}),
    ("plain", S1, {"DKM001"}, {"DKM020", "DKM021", "DKM022", "DKM023", "DKM010"}),
    ("huge", S1, {"DKM022"}, {"DKM001", "DKM004"}),
    ("dangling", {}, {"DKM023"}, {"DKM001", "DKM009"}),
    ("dangling", {"selectors": ["selector1"]}, {"DKM002"}, {"DKM023", "DKM001"}),
    ("wild-alias", {}, {"DKM010"}, {"DKM023", "DKM009"}),
    ("pieces", S1, {"DKM008"}, {"DKM001", "DKM007"}),
    ("quoted", S1, {"DKM008"}, {"DKM001"}),
    ("dated", {}, {"DKM001"}, {"DKM010"}),
    ("reports", {}, {"DKM001"}, {"DKM010"}),
    ("portal", {}, {"DKM001"}, {"DKM010"}),
    ("service", {}, {"DKM001"}, {"DKM023"}),
]
TABLES = [*((must, must_not) for *_, must, must_not in CASES), ({"DKM020"}, {"DKM009"})]


def world():
    made = World.zones([WORLDS / "dkim-find.zone", WORLDS / "dkim-service.zone"], only=True)
    made.clock = lambda: datetime(2026, 11, 22, tzinfo=UTC)
    made.blocklists = ()
    return made


def look(case, made=None, **options):
    return scan(f"{case}.find.test", world=made or world(), topics=["dkim"], **options)


def codes(report):
    return {f.code for f in report.findings}


@pytest.mark.parametrize(("case", "options", "must", "must_not"), CASES, ids=[f"{c[0]}-{'-'.join(sorted(c[2]))}" for c in CASES])
def test_codes(case, options, must, must_not):
    report = look(case, **options)
    assert must <= codes(report)
    assert not must_not & codes(report)
    json.dumps(report.facts)
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.title, row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            text.format(**finding.values)


@pytest.mark.parametrize(
    ("case", "selector", "source"), [("dated", "202609", "dated"), ("reports", "20230601", "provider"), ("portal", "hs1-7654321", "provider")]
)
def test_how_a_selector_was_found(case, selector, source):
    dkim = look(case).facts["dkim"]
    assert dkim["selectors"][selector]["source"] == source
    assert dkim["no_keys"] is False


def test_whose_key_an_alias_leads_to():
    dkim = look("service").facts["dkim"]
    assert (dkim["selectors"]["s1"]["alias"], dkim["selectors"]["s1"]["service"]) == ("s1.tenant.dkim.amazonses.com", "Amazon SES")
    assert service_of("k.shop.example") is None


def test_the_report_says_how_many_selectors_were_asked_and_which():
    report = look("dangling")
    dkim = report.facts["dkim"]
    assert len(dkim["asked"]) == len(set(dkim["asked"])) >= len(catalog().common_selectors)
    assert set(catalog().common_selectors) <= set(dkim["asked"])
    # what a date makes up is asked only where nothing else was found
    assert "202611" in dkim["asked"]
    assert "202611" not in look("plain").facts["dkim"]["asked"]
    finding = next(f for f in look("wild-alias").findings if f.code == "DKM010")
    assert finding.status is Status.UNKNOWN
    assert finding.values["asked"] == finding.values["tried"] > 60
    assert "default" in finding.values["which"]


def test_reasons_of_an_unreadable_key():
    assert parse('p="MIIB"').error == "quoted"
    assert next(f for f in look("pieces", **S1).findings if f.code == "DKM008").values["reason"] == catalog().checks["DKM008"].reasons["split-records"]


# ------------------------------------------------------------------ absence has to be proven


@pytest.mark.parametrize("servers", [1, 2])
def test_a_denial_without_a_signature_is_no_proof(servers):
    """However many resolvers say so: they all ask the same nameserver, and some deny a name that has only names below it."""

    def handler(query, _):
        below = "_domainkey" in query.question[0].name.to_text()
        return reply_to(query, rcode=3 if below else 0, soa="shop.example.")

    with Nameserver(handler) as one, Nameserver(handler) as two:
        made = World.live([one.at, two.at][:servers])
        made.blocklists = ()
        report = scan("shop.example", world=made, topics=["dkim"])
        made.close()
    assert report.facts["dkim"]["no_keys"] is None
    assert "DKM020" in codes(report)
    assert "DKM009" not in codes(report)


def test_a_server_that_denies_what_has_names_below_it():
    made = Faults(world(), nxdomain={"_domainkey.plain.find.test"})
    assert "DKM001" in codes(look("plain", made))
    report = look("nothing", Faults(world(), nxdomain={"_domainkey.nothing.find.test"}))
    assert "DKM020" in codes(report)
    assert not codes(report) & {"DKM009", "DKM010"}
    assert {f.status for f in report.findings if f.code == "DKM020"} == {Status.UNKNOWN}


def test_without_the_probe_a_wildcards_key_is_nobodys():
    inner = World.zones([WORLDS / "dkim-cases.zone"], only=True)
    probe = "healthcheck-probe-7d41c09e._domainkey."
    silent = scan("wild-key.dkim.test", world=Faults(inner, timeout={probe + "wild-key.dkim.test"}), topics=["dkim"])
    assert silent.facts["dkim"]["wildcard"] is None
    assert not codes(silent) & {"DKM001", "DKM005", "DKM018"}
    assert "DKM000" in codes(silent)
    # one selector that does not exist says as much as the probe
    plain = look("plain", Faults(world(), timeout={probe + "plain.find.test"}))
    assert plain.facts["dkim"]["wildcard"] is False
    assert "DKM001" in codes(plain)


# ------------------------------------------------------------------ bounds and rows


def test_selectors_are_bounded():
    everything = [e.spf[0] for e in catalog().signers.values() if e.spf]
    assert len(hinted([], everything, [], datetime(2026, 1, 1))) == MAX_HINTED
    assert len(dates(["{Y}", "{Y}{m}", "a{Y}{m}", "b{Y}{m}"], datetime(2026, 1, 1))) == MAX_DATED
    assert dates(["{Y}{m}"], datetime(2026, 1, 31))[:2] == ("202601", "202512")
    assert hints([], []) == ()


def test_the_services_that_sign():
    signers = catalog().signers
    with_selectors = [s for s in signers.values() if s.selectors or s.dated]
    assert len(with_selectors) >= 60
    assert {s for e in catalog().esps.values() for s in e.selectors} <= {s for e in signers.values() for s in e.selectors}
    for signer in signers.values():
        assert signer.name
        # from memory, or seen at a public place with its date: nothing between
        assert not signer.seen or signer.source.startswith("https://")
        for suffix in (*signer.keys, *signer.rua, *signer.mx):
            assert suffix == suffix.lower()


def rows(file, table):
    return tomllib.loads((DATA / file).read_text(encoding="utf-8"))[table]


def test_most_selectors_come_from_a_public_place_that_is_named():
    """Row by row: what selectors.toml adds to a row of esps.toml has a source of its own."""
    every = [*rows("esps.toml", "esp"), *rows("selectors.toml", "signer")]
    for row in every:
        if row.get("seen"):
            assert re.fullmatch(r"https://[a-z0-9.-]+/\S*", row["source"]), row["id"]
            assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", row["seen"]), row["id"]
    signing = [row for row in every if row.get("selectors") or row.get("dated")]
    named = {row["id"] for row in signing if row.get("seen")}
    assert len(named) >= 80
    assert named <= set(catalog().signers)
    # the others are few: a question asked on the strength of memory costs the same
    assert len({row["id"] for row in signing} - named) < len(named) / 4


def test_a_selector_is_a_name_in_the_dns_and_stands_once():
    for row in (*rows("esps.toml", "esp"), *rows("selectors.toml", "signer")):
        selectors = [*row.get("selectors", ()), *row.get("dated", ())]
        assert len(set(selectors)) == len(selectors), row["id"]
        for selector in selectors:
            assert re.fullmatch(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?", re.sub(r"\{(label|Y|y|m)\}", "0", selector)), selector
        for suffix in row.get("keys", ()):
            assert suffix.startswith("."), suffix
        assert row.get("selectors") or row.get("dated") or row.get("keys") or row.get("rua") or row.get("spf") or row.get("mx"), row["id"]


@pytest.mark.parametrize(
    ("hosts", "includes", "reports", "service", "selector"),
    [
        ([], ["_spf.odoo.com"], [], "Odoo", "odoo"),
        ([], ["_spf.firebasemail.com"], [], "Firebase Authentication", "firebase2"),
        (["mx1.startmail.com"], [], [], "StartMail", "startmail1"),
        (["example.com.mx.one.com"], [], [], "one.com", "ed1"),
        (["cheapbusiness.email"], [], [], "Cheap Business Email", "cbe"),
        ([], [], ["onsecureserver.net"], "GoDaddy Professional Email", "secureserver1"),
        ([], [], ["smtp.mailtrap.live"], "Mailtrap", "rwmt1"),
        ([], ["mailgun.org"], ["dmarc.mailgun.org"], "Mailgun", "pdk1"),
    ],
)
def test_a_service_is_known_by_what_it_has_customers_publish(hosts, includes, reports, service, selector):
    found = {hint.service: hint.selectors for hint in hints(hosts, includes, reports)}
    assert selector in found[service]


@pytest.mark.parametrize(
    ("target", "service"),
    [
        ("dkim1.tenant.clerk.services", "Clerk"),
        ("salesmanago._domainkey.smgrid.pl", "SALESmanago"),
        ("rsa1.dkim.cluster.service.one", "one.com"),
        ("squarespace-domainkey.squarespace-mail.com", "Squarespace Email Campaigns"),
        ("key1.dkimroot.purelymail.com", "Purelymail"),
        ("smgrid.pl.example.com", None),
    ],
)
def test_whose_key_a_name_is(target, service):
    assert service_of(target) == service


# ------------------------------------------------------------------ pasted headers

HEADERS = """Received: from mx.example.net by mx.example.org
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=Shop.Example;
\ts=2026-05.mail; h=from:to:subject; bh=abc=;
\tb=ZmFrZQ==
> dkim-signature: v=1; d=news.example; s=k1; b=
Subject: s=wrong; d=shop.example
"""


def test_selectors_of_pasted_headers():
    assert signatures(HEADERS) == (("2026-05.mail", "shop.example"), ("k1", "news.example"))
    assert given_selectors(HEADERS, "shop.example") == ("2026-05.mail",)
    assert given_selectors("s1") == ("s1",)
    assert given_selectors("v=1; a=rsa-sha256;\r\n d=x.example; s=a; b=") == ("a",)
    assert "DKM001" in codes(look("plain", selectors=["DKIM-Signature: v=1; d=plain.find.test; s=s1; b="]))


@pytest.mark.parametrize("text", ["DKIM-Signature: v=1; d=other.example; s=s1; b=", "a=b", "not a selector", "s=; d=;", "d=x.test; s=no good!"])
def test_what_is_no_selector_is_refused(text):
    with pytest.raises(InputError):
        given_selectors(text, "shop.example" if "other" in text else "")


@pytest.mark.parametrize("text", ["a=;\n" * 50000, " d=;\n" * 50000, "dkim-signature:" * 30000, "x\n" + "\ty\n" * 100000])
def test_hostile_headers(text):
    began = datetime.now()
    signatures(text)
    assert (datetime.now() - began).total_seconds() < 3
