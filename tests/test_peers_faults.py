"""What public domain checkers were said to get wrong: each situation told again in a world of our own, with what the standards have to be said.

The threads, what went wrong in each, and what ours has to say stand in worlds/peers.toml; the domains in worlds/peers.zone, each directly
below "test". What goes wrong on the way is laid over the zone here. Tests below the tables hold what is no row.
"""

import json
import re
import tomllib
from pathlib import Path

import pytest
from support import Faults, zone_file
from support.validating import Validating

from healthcheck.catalog import catalog
from healthcheck.edge.reach import Rows
from healthcheck.edge.world import World
from healthcheck.model import Fetched, Reached, Status
from healthcheck.render.json import report as as_json
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
ZONE = WORLDS / "peers.zone"
PEERS = tomllib.loads((WORLDS / "peers.toml").read_text(encoding="utf-8"))
HUB = "https://github.com/"
BAD = (Status.FAIL, Status.WARN)
ABSENT = {"DOM001", "MX001", "SPF002", "DMA002", "DKM002", "DKM009", "DKM020", "ALN002", "STS001", "TRP001", "BIM001", "DAN001", "SEC001"}
UNKNOWN = {"MX000", "SPF000", "DMA000", "DKM000"}


def world_of(*files):
    return World.zones([ZONE, *files], only=True)


def faulty(world, faults):
    """Faults of a row: a place is a name, or a name and a type with a space between them."""
    places = {kind: {tuple(p.split()) if " " in p else p for p in given} for kind, given in faults.items()}
    return Faults(world, **places) if places else world


def look(domain, topics, world=None, **options):
    """A scan whose every finding can be worded, and whose report is JSON."""
    world = world or world_of()
    try:
        report = scan(domain, world=world, topics=topics, **options)
    finally:
        world.close()
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            text.format(**finding.values)
        for choice in finding.choices:
            row.choices[choice.key].format(**choice.values)
    json.dumps(as_json(report))
    return report


def codes(report, *statuses):
    return {f.code for f in report.findings if not statuses or f.status in statuses}


def fact(report, path):
    value = report.facts
    for step in path.split("/"):
        value = value[int(step) if isinstance(value, (list, tuple)) else step]
    return value


def holds(report, row):
    """The codes that must be there, those that may not, and the facts: what a row says."""
    found = codes(report)
    assert set(row.get("must", "").split()) <= found, sorted(found)
    assert not set(row.get("not", "").split()) & found, sorted(found)
    for path, value in {**row.get("facts", {}), **dict.fromkeys(row.get("nothing", ()))}.items():
        assert fact(report, path) == value, path


def rows_of(*groups):
    """The rows of some groups, each with the repository and number of its thread as its name."""
    found = [(group, row) for group in groups for row in PEERS[group]]
    names = [f"{r['thread'].split('/')[4]}-{r['thread'].rpartition('/')[2]}-{r.get('domain') or r.get('ip') or r['list']}" for _, r in found]
    return pytest.mark.parametrize(("group", "row"), found, ids=names)


# ------------------------------------------------------------------ the tables


def test_each_thread_is_named_by_its_address_and_told_in_a_line():
    rows = [row for group in PEERS.values() for row in group]
    assert len(rows) >= 120
    assert len({row["thread"] for row in rows}) >= 100
    known = {"thread", "wrong", "domain", "must", "not", "facts", "nothing", "options", "faults", "list", "records", "ip", "policy", "answer", "resolver"}
    for row in rows:
        assert re.fullmatch(HUB + r"[\w.-]+/[\w.-]+/(issues|pull)/\d+", row["thread"])
        assert row["wrong"]
        assert "\n" not in row["wrong"]
        assert row.keys() <= known
        said = {*row.get("must", "").split(), *row.get("not", "").split()}
        assert said
        assert said <= set(catalog().checks), row["thread"]


@rows_of("spf", "dmarc", "dkim")
def test_records(group, row):
    holds(look(f"{row['domain']}.test", [group], **row.get("options", {})), row)


@rows_of("unanswered")
def test_what_could_not_be_looked_up(group, row):
    world = faulty(world_of(), row["faults"])
    report = look(f"{row['domain']}.test", None, world, selectors=["mail"] if row["domain"] == "shop" else ())
    holds(report, row)
    assert codes(report, Status.UNKNOWN), group
    # no finding that blames the domain rests on nothing but answers that never came
    assert not {f.code for f in report.findings if f.status in BAD and f.evidence and all(a.unsure for a in f.evidence)}


@rows_of("blocklist")
def test_blocklists(group, row, tmp_path):
    world = world_of(zone_file(tmp_path, row["list"], row["records"]))
    world.blocklists = tuple(r for r in catalog().blocklists if r.zone == row["list"])
    report = look("shop.test", ["dnsbl"], world, ips=["192.0.2.66"])
    holds(report, row)
    assert {x["zone"] for x in report.facts["dnsbl"]["lists"]} == {row["list"]}, group


@rows_of("taking")
def test_taking_mail(group, row):
    report = look(f"{row['domain']}.test", ["mx", "starttls", "dane"])
    holds(report, row)
    assert codes(report, *BAD) <= set(row.get("must", "").split()), group


V4 = """
66 PTR v2202504.host.
66 PTR v2202504.
66 PTR out.test.
67 PTR mx.shop.test.
68 CNAME 68.68-71
68.68-71 PTR small.test.
"""


@rows_of("reverse")
def test_reverse_names(group, row, tmp_path):
    nibbles = ".".join("66" + "0" * 22)
    reverse = [
        zone_file(tmp_path, "2.0.192.in-addr.arpa", V4),
        zone_file(tmp_path, "8.b.d.0.1.0.0.2.ip6.arpa", f"{nibbles} PTR out.test."),
    ]
    report = look("shop.test", ["ptr"], world_of(*reverse), ips=[row["ip"]])
    holds(report, row)
    assert report.facts["ptr"]["ips"].keys() == {row["ip"]}, group


class Held(Rows):
    """What HTTPS hosts answer: URL -> the parts of a Fetched."""

    def __init__(self, files):
        self._held = {url: Fetched(url, Reached.OK, **{"status": 200, "content_type": "text/plain"} | parts) for url, parts in files.items()}


POLICY = "version: STSv1\nmode: enforce\nmax_age: 1209600\nmx: mx.shop.test\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" version="%s"%s viewBox="0 0 64 64"><title>Example</title><rect width="64" height="64"/></svg>'
FILES = {
    "https://web.test/logo.svg": {"body": SVG % (b"1.2", b' baseProfile="tiny-ps"'), "content_type": "image/svg+xml"},
    "https://web.test/old.svg": {"body": SVG % (b"1.1", b""), "content_type": "image/svg+xml"},
    "https://web.test/mark.pem": {"status": 404},
}


@rows_of("transport")
def test_transport(group, row):
    world = world_of()
    url = f"https://mta-sts.{row['domain']}.test/.well-known/mta-sts.txt"
    world.fetcher = Held(FILES | {url: {"body": row.get("policy", POLICY).encode(), **row.get("answer", {})}})
    report = look(f"{row['domain']}.test", ["mta-sts", "tls-rpt", "bimi"], world)
    holds(report, row)
    assert not codes(report) & {"STS999", "BIM999"}, group


@rows_of("signed")
def test_signed(group, row):
    told = row.get("resolver", {})
    validates = {"yes": True, "no": False, "untold": None}[told.get("validates", "yes")]
    world = Validating(world_of(), unsigned=told.get("unsigned", ()), validates=validates)
    report = look(f"{row['domain']}.test", ["dane", "dnssec"], faulty(world, row.get("faults", {})))
    holds(report, row)
    assert report.facts["dnssec"]["state"] in ("secure", "insecure") or validates is not True, group


# ------------------------------------------------------------------ what is no row


def test_a_zone_that_is_not_served_is_given_no_records_to_publish():
    """https://github.com/Galvnyz/M365-Assess/issues/460: of a zone with SERVFAIL it was advised to add SPF, DKIM, DMARC and MX."""
    report = look("lockdown.test", None, faulty(world_of(), {"servfail": ["*.lockdown.test"]}))
    assert codes(report) >= UNKNOWN
    assert not codes(report) & ABSENT
    assert not codes(report, *BAD)
    assert report.verdict is Status.UNKNOWN
    assert not [f.code for f in report.findings if f.record or f.choices]


def test_a_key_that_is_not_there_is_no_passing_failure():
    """https://github.com/trusteddomainproject/OpenDKIM/issues/49: the other way round, NXDOMAIN was reported as a temporary error."""
    report = look("shop.test", ["dkim"], selectors=["gone"])
    assert "DKM002" in codes(report, Status.FAIL)
    assert "DKM000" not in codes(report)


WILD = [
    ("wildmark", {"BIM001", "TRP001", "STS001"}, {"BIM002", "BIM003", "TRP003", "STS003", "STS004", "DMA002", "DMA014"}),
    ("wildspf", {"BIM001", "TRP001", "STS001", "DMA002"}, {"BIM003", "TRP003", "STS003", "DMA014", "DMA017"}),
    ("wildalias", {"BIM001", "TRP001", "STS001", "DMA002"}, {"BIM003", "TRP003", "STS003", "STS004"}),
]


@pytest.mark.parametrize(("domain", "must", "must_not"), WILD)
def test_what_a_wildcard_answers_is_another_record(domain, must, must_not):
    """https://github.com/happyDomain/happydeliver/issues/15: the DMARC record of a wildcard was found where BIMI stands, and called misplaced."""
    found = codes(look(f"{domain}.test", ["dmarc", "bimi", "tls-rpt", "mta-sts"]))
    assert must <= found
    assert not must_not & found


@pytest.mark.parametrize(("signed", "must", "must_not"), [(True, {"DKM009"}, {"DKM020"}), (False, {"DKM020"}, {"DKM001", "DKM002", "DKM009"})])
def test_that_nothing_is_below_domainkey_is_proof_only_where_it_is_signed(signed, must, must_not):
    """https://github.com/internetstandards/Internet.nl/issues/839, /470, https://github.com/hardenize/hardenize-public/issues/38:
    some servers deny names that have nothing but names below them, and a domain with DKIM was told that it has none."""
    found = codes(look("keyless.test", ["dkim"], Validating(world_of(), unsigned=() if signed else {"keyless.test"})))
    assert must <= found
    assert not must_not & found


def test_the_alias_of_a_cloud_is_followed_and_no_key_of_a_tenant_is_called_missing(tmp_path):
    """https://github.com/globalcyberalliance/domain-security-scanner/issues/35: the form that Microsoft 365 gives to a tenant's own name was
    never tried, and DKIM was said to be missing."""
    key = next(line.partition("TXT ")[2] for line in ZONE.read_text(encoding="utf-8").splitlines() if line.startswith("mail._domainkey.shop"))
    own = "selector1-example-onmicrosoft-com"
    records = f"@ MX 0 mx.example.com.\nselector1-cloudy-test._domainkey TXT {key}\n{own}._domainkey TXT {key}"
    tenant = zone_file(tmp_path, "example.onmicrosoft.com", records)
    missing = {"DKM002", "DKM009", "DKM020", "DKM023"}
    for domain, selectors, must in (("cloudy.test", (), "DKM001"), ("example.onmicrosoft.com", (), "DKM010"), ("example.onmicrosoft.com", (own,), "DKM001")):
        found = codes(look(domain, ["dkim"], world_of(tenant), selectors=selectors))
        assert must in found, domain
        assert not missing & found, domain


def test_what_some_read_as_a_policy_does_not_stay_in_the_proposed_record():
    """https://github.com/msimerson/mail-dmarc/issues/39: there “p:reject” is taken for p=reject, so that it may not stand beside p=none."""
    record = next(f.record for f in look("colon.test", ["dmarc"]).findings if f.code == "DMA005")
    assert record.proposed == ("v=DMARC1; p=none; rua=mailto:d@colon.test",)


@pytest.mark.parametrize("profile", ["sending", "non-sending"])
def test_a_domain_that_is_locked_down_is_in_order(profile):
    """https://github.com/internetstandards/Internet.nl/issues/464, /748, https://github.com/Galvnyz/M365-Assess/pull/475,
    https://github.com/cisagov/trustymail/issues/152: null MX, “v=spf1 -all” and p=reject were warned about, or asked for DKIM and TLS."""
    topics = ["mx", "spf", "dkim", "dmarc", "alignment", "mta-sts", "tls-rpt", "dane", "bimi"]
    report = look("lockdown.test", topics, profile=profile)
    assert not codes(report, *BAD, Status.UNKNOWN)
    assert codes(report) >= {"SPF001", "DMA001", "ALN007", "STS015", "TRP005"}
    assert report.verdict is Status.NOTE


def test_a_policy_for_a_day_is_a_note():
    """https://github.com/mjl-/mox/issues/333: a checker warned of the policy that it had proposed itself."""
    world = world_of()
    text = POLICY.replace("1209600", "86400").replace("mx.shop", "mail.daylong")
    world.fetcher = Held({"https://mta-sts.daylong.test/.well-known/mta-sts.txt": {"body": text.encode()}})
    assert "STS011" in codes(look("daylong.test", ["mta-sts"], world), Status.NOTE)
