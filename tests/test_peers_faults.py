"""What public domain checkers were said to get wrong: each situation told again in a world of our own, with what the standards have to be said.

The world is worlds/peers.zone, where each case is a domain directly below "test". What goes wrong on the way is laid over it here.
A row: the thread, what went wrong there, the domain, codes that must appear, codes that must not, facts; options of the scan.
"""

import json
from pathlib import Path

import pytest
from support import Faults, zone_file
from support.validating import Validating

from healthcheck.catalog import catalog
from healthcheck.edge.reach import Rows
from healthcheck.edge.world import World
from healthcheck.model import Fetched, Outcome, Reached, Status
from healthcheck.render.json import report as as_json
from healthcheck.scan import scan

ZONE = Path(__file__).parent / "worlds" / "peers.zone"
HUB = "https://github.com/"
BAD = (Status.FAIL, Status.WARN)


def look(domain, topics, world=None, **options):
    """A scan whose every finding can be worded, and whose report is JSON."""
    world = world or World.zones([ZONE], only=True)
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


def holds(report, must, must_not, facts=None):
    assert must <= codes(report), sorted(codes(report))
    assert not must_not & codes(report), sorted(codes(report))
    for path, value in (facts or {}).items():
        assert fact(report, path) == value, path


def named(rows):
    """The id of a row: repository and number of its thread, and its domain."""
    return ["-".join([row[0].removeprefix(HUB).split("/")[1], row[0].rpartition("/")[2], str(row[2])]) for row in rows]


# ------------------------------------------------------------------ SPF: what is counted, RFC 7208 section 4.6.4

COUNTED = [
    (
        "https://github.com/wttw/aboutmyemail/issues/45",
        "the addresses of a mail host were counted beside the look-up of “mx” itself",
        "onemx",
        ({"SPF001"}, {"SPF004", "SPF025"}, {"spf/lookups": 1, "spf/void_lookups": 0}),
        {},
    ),
    (
        "https://github.com/stalwartlabs/mail-auth/issues/35",
        "each host behind “mx” counted, so that ten look-ups became a permanent error",
        "fivemx",
        ({"SPF001", "SPF025", "SPF017"}, {"SPF004", "SPF021", "SPF035"}, {"spf/lookups": 10}),
        {"ips": ["198.51.100.7"]},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/197",
        "the hosts behind “mx” counted towards the ten: the same record, asked for another sender",
        "fivemx",
        ({"SPF018"}, {"SPF021", "SPF004"}, {"spf/lookups": 10}),
        {"ips": ["203.0.113.7"]},
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/1336",
        "look-ups of nested records were not counted, so that thirteen passed",
        "thirteen",
        ({"SPF004"}, {"SPF001", "SPF025"}, {"spf/lookups": 13}),
        {},
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/1336",
        "another checker that is named there counts exp=, which RFC 7208 section 4.6.4 leaves out",
        "explained",
        ({"SPF001", "SPF025"}, {"SPF004", "SPF023"}, {"spf/lookups": 10}),
        {},
    ),
    (
        "https://github.com/ValiMail/coppertone/issues/56",
        "past the limit was only told where the sender's own address stood behind it",
        "late",
        ({"SPF004", "SPF017"}, {"SPF021", "SPF001"}, {"spf/lookups": 11}),
        {"ips": ["192.0.2.99"]},
    ),
    (
        "https://github.com/albertito/spf/issues/3",
        "the limit struck one look-up too early, at the tenth",
        "explained",
        ({"SPF017"}, {"SPF021"}, {"spf/lookups": 10}),
        {"ips": ["198.51.100.9"]},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/94",
        "two void look-ups were counted as three",
        "empty",
        ({"SPF001"}, {"SPF006"}, {"spf/void_lookups": 2, "spf/lookups": 2}),
        {},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/211",
        "void look-ups of an included record were counted twice",
        "voids",
        ({"SPF001"}, {"SPF006"}, {"spf/void_lookups": 2, "spf/lookups": 3}),
        {},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/211",
        "void look-ups behind redirect= were added to the look-ups",
        "redirvoids",
        ({"SPF001"}, {"SPF006"}, {"spf/void_lookups": 2, "spf/lookups": 3}),
        {},
    ),
    (
        "https://github.com/sdgathman/pyspf/issues/40",
        "a sender with IPv6 got a permanent error from hosts without IPv6, and no checker had said so before",
        "v4only",
        ({"SPF029"}, {"SPF006"}, {"spf/void_lookups": 0, "spf/void_lookups_ipv6": 3}),
        {},
    ),
    (
        "https://github.com/sdgathman/pyspf/issues/44",
        "the same, and IPv4 is not concerned",
        "v4only",
        ({"SPF017"}, {"SPF021", "SPF006"}, {}),
        {"ips": ["192.0.2.4"]},
    ),
    (
        "https://github.com/hardenize/hardenize-public/issues/16",
        "the same record included from two sides was called a loop",
        "twice",
        ({"SPF001"}, {"SPF014", "SPF015"}, {"spf/lookups": 4}),
        {},
    ),
]

# ------------------------------------------------------------------ SPF: macros, RFC 7208 section 7

MACROS = [
    (
        "https://github.com/domainaware/checkdmarc/issues/81",
        "the text of a macro was looked up as a name, and the record called missing",
        "service",
        ({"SPF016", "SPF027"}, {"SPF002", "SPF005", "SPF006", "SPF012", "SPF013"}, {}),
        {},
    ),
    (
        "https://github.com/domainaware/checkdmarc/pull/218",
        "the same with exists: and %{d} in an include",
        "agile",
        ({"SPF016"}, {"SPF002", "SPF005", "SPF006"}, {}),
        {},
    ),
    (
        "https://github.com/postalsys/mailauth/issues/125",
        "%{d} in an included record stood for the sender's domain, not for the included one",
        "nested",
        ({"SPF017"}, {"SPF021", "SPF018", "SPF019", "SPF022"}, {}),
        {"ips": ["192.0.2.9"]},
    ),
    (
        "https://github.com/postalsys/mailauth/issues/100",
        "“mx:%{o}” was no valid name, and the record a permanent error",
        "originmx",
        ({"SPF017"}, {"SPF021", "SPF005", "SPF015"}, {}),
        {"ips": ["192.0.2.1"]},
    ),
    (
        "https://github.com/hardenize/hardenize-public/issues/53",
        "redirect=%{l1r+}._spf.%{d} was called invalid",
        "perlocal",
        ({"SPF016"}, {"SPF005", "SPF012", "SPF002"}, {}),
        {},
    ),
]

# ------------------------------------------------------------------ SPF: what is read

READ = [
    (
        "https://github.com/domainaware/checkdmarc/issues/209",
        "two terms without a space between them were read as two",
        "glued",
        ({"SPF005"}, {"SPF001", "SPF008", "SPF009"}, {}),
        {},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/134",
        "“include=” passed for an include; it is a modifier that nobody knows (RFC 7208 section 6)",
        "includeis",
        ({"SPF034"}, {"SPF005"}, {"spf/lookups": 0}),
        {},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/258",
        "a record with a space before it was called valid",
        "spaced",
        ({"SPF024"}, {"SPF001"}, {}),
        {},
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/1696",
        "the strings of a record were put together with quotation marks between them",
        "strings",
        ({"SPF001", "SPF017"}, {"SPF005", "SPF030", "SPF018"}, {}),
        {"ips": ["192.0.2.11"]},
    ),
    (
        "https://github.com/zaccone/spf/issues/18",
        "the strings of a record were put together with a space between them: 192.0.2.1 is nobody's address here",
        "strings",
        ({"SPF018"}, {"SPF017", "SPF005"}, {}),
        {"ips": ["192.0.2.1"]},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/213",
        "the domain of ptr was not looked at",
        "badptr",
        ({"SPF005"}, {"SPF001"}, {}),
        {},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/213",
        "two redirect= were accepted (RFC 7208 section 6: a permanent error)",
        "tworedirects",
        ({"SPF005"}, {"SPF001", "SPF011"}, {}),
        {},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/213",
        "exp= behind “all” was said to be ignored; that holds for mechanisms only",
        "expafter",
        ({"SPF001"}, {"SPF023"}, {}),
        {},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/213",
        "“exists” without a domain was accepted",
        "bareexists",
        ({"SPF005"}, {"SPF001"}, {}),
        {},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/213",
        "an include of nothing was accepted",
        "emptyinclude",
        ({"SPF005"}, {"SPF001", "SPF013"}, {}),
        {},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/19",
        "an address without ip4: in an included record stopped the checker",
        "mechless",
        ({"SPF015", "SPF021"}, {"SPF001", "SPF018"}, {}),
        {"ips": ["192.0.2.1"]},
    ),
    (
        "https://github.com/cisagov/trustymail/issues/109",
        "“-all” of an included record was said to go before “~all” of the record (RFC 7208 section 5.2)",
        "soft",
        ({"SPF019"}, {"SPF018", "SPF017"}, {}),
        {"ips": ["203.0.113.9"]},
    ),
    (
        "https://github.com/sdgathman/pyspf/issues/31",
        "a checker followed redirect= though “all” stands beside it (RFC 7208 section 6.1)",
        "both",
        ({"SPF011", "SPF018"}, {"SPF017"}, {}),
        {"ips": ["198.51.100.1"]},
    ),
    (
        "https://github.com/canada-ca/tracker/issues/6270",
        "a record that redirects was said to have no “all”",
        "redirected",
        ({"SPF001", "SPF018"}, {"SPF009", "SPF011", "SPF012"}, {}),
        {"ips": ["203.0.113.9"]},
    ),
    (
        "https://github.com/T13nn3s/Invoke-SpfDkimDmarc/issues/33",
        "a record that redirects and includes was called several records",
        "thirteen",
        ({"SPF004"}, {"SPF003"}, {}),
        {},
    ),
    (
        "https://github.com/hardenize/hardenize-public/issues/19",
        "an include of a domain without SPF was called valid",
        "lonely",
        ({"SPF013", "SPF021"}, {"SPF001"}, {}),
        {"ips": ["203.0.113.9"]},
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/155",
        "“a:” of a sub-domain was looked up at the domain above",
        "based",
        ({"SPF017"}, {"SPF018"}, {"spf/own_addresses": ["192.0.2.7"]}),
        {"ips": ["192.0.2.7"]},
    ),
    (
        "https://github.com/cisagov/trustymail/issues/47",
        "SPF of the domain above was taken for that of a sub-domain; SPF is not inherited",
        "mx.shop",
        ({"SPF002"}, {"SPF001"}, {"spf/record": None}),
        {},
    ),
    (
        "https://github.com/cisagov/trustymail/issues/10",
        "terms of the second string of a long record went unseen",
        "strings",
        ({"SPF017"}, {"SPF005", "SPF009"}, {}),
        {"ips": ["192.0.2.17"]},
    ),
]


@pytest.mark.parametrize(("thread", "wrong", "domain", "expected", "options"), [*COUNTED, *MACROS, *READ], ids=named([*COUNTED, *MACROS, *READ]))
def test_spf(thread, wrong, domain, expected, options):
    assert thread.startswith(HUB), wrong
    holds(look(f"{domain}.test", ["spf"], **options), *expected)


# ------------------------------------------------------------------ DMARC, RFC 9989

DMARC = [
    (
        "https://github.com/EvotecIT/DomainDetective/issues/332",
        "a record without sp= was said to have an unknown policy for sub-domains",
        "www.nosp",
        ({"DMA015"}, {"DMA002", "DMA007"}, {"dmarc/policy": "quarantine", "dmarc/found_at": "nosp.test"}),
    ),
    (
        "https://github.com/blacklanternsecurity/baddns/pull/707",
        "nearly every sub-domain was reported to have no DMARC",
        "mx.shop",
        ({"DMA015"}, {"DMA002"}, {"dmarc/policy": "reject"}),
    ),
    (
        "https://github.com/cisagov/ScubaGear/issues/1478",
        "a look-up was called failed though the domain above has the policy",
        "news.shop",
        ({"DMA015"}, {"DMA000", "DMA002"}, {"dmarc/found_at": "shop.test"}),
    ),
    (
        "https://github.com/canada-ca/tracker/issues/6678",
        "a sub-domain was given p= of the domain above, not sp=",
        "www.weaksub",
        ({"DMA015"}, {"DMA001"}, {"dmarc/policy": "none", "dmarc/applies": "sp"}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/1703",
        "sp=none passed as strict enough",
        "weaksub",
        ({"DMA010"}, {"DMA020"}, {"dmarc/policy": "reject"}),
    ),
    (
        "https://github.com/cisagov/trustymail/pull/116",
        "sp= in the record of a sub-domain was taken to have an effect",
        "www.own",
        ({"DMA020"}, {"DMA010", "DMA015"}, {"dmarc/policy": "reject"}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/1114",
        "white space around “=” and “;” hid the record",
        "white",
        ({"DMA001"}, {"DMA002", "DMA013", "DMA014"}, {"dmarc/policy": "reject"}),
    ),
    (
        "https://github.com/rspamd/rspamd/pull/5139",
        "white space between a value and the next “;” made the policy invalid",
        "white",
        ({"DMA001"}, {"DMA004", "DMA005"}, {"dmarc/asked": "reject"}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/182",
        "of a record with a space before it neither text nor place was shown",
        "before",
        ({"DMA014"}, {"DMA001"}, {"dmarc/record": None}),
    ),
    (
        "https://github.com/trailofbits/dmarc/issues/24",
        "“V=DMARC1” was no record; the name of the tag may be written either way, only the value may not",
        "capital",
        ({"DMA001"}, {"DMA002", "DMA014"}, {"dmarc/policy": "reject"}),
    ),
    (
        "https://github.com/cisagov/trustymail/issues/69",
        "a record of several strings was invalid",
        "parts",
        ({"DMA001"}, {"DMA013", "DMA014", "DMA019"}, {"dmarc/policy": "reject"}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/876",
        "np= made the record a syntax error",
        "newer",
        ({"DMA001"}, {"DMA012", "DMA013", "DMA019"}, {"dmarc/policy": "reject"}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/pull/208",
        "a misspelt sp= passed (RFC 9989 section 4.10.1: the record counts as p=none)",
        "badsp",
        ({"DMA005"}, {"DMA001"}, {"dmarc/policy": "none"}),
    ),
    (
        "https://github.com/msimerson/mail-dmarc/issues/39",
        "“p:reject” is read as a policy by some",
        "colon",
        ({"DMA005"}, {"DMA001"}, {"dmarc/policy": "none"}),
    ),
    (
        "https://github.com/AynOps/AynOps/issues/152",
        "of two records the first was taken",
        "twodmarc",
        ({"DMA003"}, {"DMA001", "DMA007"}, {"dmarc/record": None}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/1959",
        "“v=DMARC1;” at the receiver of the reports was no agreement, because of its semicolon",
        "external",
        ({"DMA001"}, {"DMA008"}, {"dmarc/reports/0/authorised": True, "dmarc/reports/1/authorised": True}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/23",
        "the agreement was looked for at the organization above the host that the reports go to",
        "external",
        ({"DMA001"}, {"DMA008"}, {"dmarc/reports/0/domain": "rep.reports.test"}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/21",
        "a sub-domain of the same organization was asked to agree",
        "within",
        ({"DMA001"}, {"DMA008"}, {"dmarc/reports/0/external": False, "dmarc/reports/0/domain": "bounces.within.test"}),
    ),
    (
        "https://github.com/hardenize/hardenize-public/issues/26",
        "reports to a domain that has not agreed were called valid",
        "unasked",
        ({"DMA008"}, {"DMA001"}, {"dmarc/reports/0/authorised": False}),
    ),
    (
        "https://github.com/cisagov/ScubaGear/pull/2237",
        "the record of the public suffix went before that of the organization",
        "www.agency.registry",
        ({"DMA015"}, {"DMA002"}, {"dmarc/found_at": "agency.registry.test", "dmarc/org": "agency.registry.test", "dmarc/policy": "quarantine"}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/876",
        "the record of a public suffix holds for an organization without one",
        "other.registry",
        ({"DMA015"}, {"DMA002"}, {"dmarc/found_at": "registry.test", "dmarc/org": "other.registry.test", "dmarc/policy": "reject"}),
    ),
    (
        "https://github.com/cisagov/ScubaGear/pull/2223",
        "only the name itself and its last two labels were asked",
        "desk.unit.office.fed",
        ({"DMA015", "DMA018"}, {"DMA002"}, {"dmarc/found_at": "office.fed.test", "dmarc/org": "office.fed.test"}),
    ),
    (
        "https://github.com/dotBATmanNO/PSGet-Domain-MailInfo/pull/19",
        "without MX there was said to be no DMARC",
        "white",
        ({"DMA001"}, {"DMA002"}, {}),
    ),
]


@pytest.mark.parametrize(("thread", "wrong", "domain", "expected"), DMARC, ids=named(DMARC))
def test_dmarc(thread, wrong, domain, expected):
    assert thread.startswith(HUB), wrong
    holds(look(f"{domain}.test", ["dmarc"]), *expected)


def test_what_some_read_as_a_policy_does_not_stay_in_the_proposed_record():
    """https://github.com/msimerson/mail-dmarc/issues/39: there “p:reject” is taken for p=reject, so that it may not stand beside p=none."""
    record = next(f.record for f in look("colon.test", ["dmarc"]).findings if f.code == "DMA005")
    assert record.proposed == ("v=DMARC1; p=none; rua=mailto:d@colon.test",)


# ------------------------------------------------------------------ DKIM, RFC 6376

DKIM = [
    (
        "https://github.com/warmbly/warmbly/pull/528",
        "a selector that is in no list was reported as missing DKIM, and as critical",
        "hidden",
        ({"DKM010"}, {"DKM002", "DKM009", "DKM020"}, {"dkim/denied": False}),
        {},
    ),
    (
        "https://github.com/blacksmith-infosec/risk-assessments/issues/35",
        "the same, in a report that is handed to people who cannot tell",
        "hidden",
        ({"DKM001"}, {"DKM002", "DKM010"}, {}),
        {"selectors": ["x9-2031-north"]},
    ),
    (
        "https://github.com/globalcyberalliance/domain-security-scanner/issues/21",
        "a selector that was given and is not there went unmentioned, as another one was found",
        "shop",
        ({"DKM001", "DKM002"}, set(), {"dkim/selectors/selector7/state": "absent"}),
        {"selectors": ["selector7"]},
    ),
    (
        "https://github.com/forwardemail/forwardemail.net/issues/316",
        "the second half of a key as a record of its own passed",
        "doubled",
        ({"DKM007"}, {"DKM001"}, {}),
        {"selectors": ["s1"]},
    ),
    (
        "https://github.com/forwardemail/forwardemail.net/issues/394",
        "two keys at one selector passed",
        "twokeys",
        ({"DKM007"}, {"DKM001"}, {}),
        {"selectors": ["s1"]},
    ),
    (
        "https://github.com/AynOps/AynOps/issues/152",
        "a revoked key counted as a key",
        "revoked",
        ({"DKM005"}, {"DKM001"}, {"dkim/selectors/s1/revoked": True}),
        {"selectors": ["s1"]},
    ),
    (
        "https://github.com/AynOps/AynOps/issues/152",
        "any text with “p=” in it counted as a key",
        "nokey",
        ({"DKM012"}, {"DKM001", "DKM008"}, {}),
        {"selectors": ["s1"]},
    ),
    (
        "https://github.com/lieser/dkim_verifier/issues/134",
        "“s=*” was taken for a key that is not for mail",
        "starred",
        ({"DKM001"}, {"DKM014"}, {}),
        {"selectors": ["s1"]},
    ),
    (
        "https://github.com/cry-inc/dmarc-report-viewer/issues/85",
        "an Ed25519 key beside an RSA one was shown as a problem",
        "pair",
        ({"DKM001"}, {"DKM016", "DKM015", "DKM003", "DKM004"}, {}),
        {"selectors": ["pair-rsa", "pair-ed"]},
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/1025",
        "a wildcard alias passed as DKIM, since “_domainkey” has an answer",
        "wildalias",
        (set(), {"DKM001", "DKM002", "DKM008", "DKM012", "DKM018", "DKM023"}, {}),
        {},
    ),
    (
        "https://github.com/SSC-ICT-Innovatie/nl-kat-coordination/pull/4775",
        "a wildcard TXT record made every selector a key",
        "wildspf",
        (set(), {"DKM001", "DKM002", "DKM008", "DKM012", "DKM018"}, {}),
        {},
    ),
    (
        "https://github.com/canada-ca/tracker/pull/2519",
        "without any selector DKIM passed",
        "hidden",
        ({"DKM010"}, {"DKM001", "DKM019"}, {}),
        {},
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/532",
        "a domain that sends nothing failed for want of a key",
        "lockdown",
        ({"DKM019"}, {"DKM009", "DKM010", "DKM020"}, {}),
        {},
    ),
]


@pytest.mark.parametrize(("thread", "wrong", "domain", "expected", "options"), DKIM, ids=named(DKIM))
def test_dkim(thread, wrong, domain, expected, options):
    assert thread.startswith(HUB), wrong
    holds(look(f"{domain}.test", ["dkim"], **options), *expected)


@pytest.mark.parametrize(("signed", "must", "must_not"), [(True, {"DKM009"}, {"DKM020"}), (False, {"DKM020"}, {"DKM001", "DKM002", "DKM009"})])
def test_that_nothing_is_below_domainkey_is_proof_only_where_it_is_signed(signed, must, must_not):
    """https://github.com/internetstandards/Internet.nl/issues/839, /470, https://github.com/hardenize/hardenize-public/issues/38:
    some servers deny names that have nothing but names below them, and a domain with DKIM was told that it has none."""
    world = Validating(World.zones([ZONE], only=True), unsigned=() if signed else {"keyless.test"})
    holds(look("keyless.test", ["dkim"], world), must, must_not)


def test_the_alias_of_a_cloud_is_followed_and_no_key_of_a_tenant_is_called_missing(tmp_path):
    """https://github.com/globalcyberalliance/domain-security-scanner/issues/35: the form that Microsoft 365 gives to a tenant's own name was
    never tried, and DKIM was said to be missing."""
    key = next(line.partition("TXT ")[2] for line in ZONE.read_text(encoding="utf-8").splitlines() if line.startswith("mail._domainkey.shop"))
    own = "selector1-example-onmicrosoft-com"
    records = f"@ MX 0 mx.example.com.\nselector1-cloudy-test._domainkey TXT {key}\n{own}._domainkey TXT {key}"
    zones = [ZONE, zone_file(tmp_path, "example.onmicrosoft.com", records)]
    none = {"DKM002", "DKM009", "DKM020", "DKM023"}
    holds(look("cloudy.test", ["dkim"], World.zones(zones, only=True)), {"DKM001"}, none | {"DKM010"}, {"dkim/selectors/selector1/state": "key"})
    holds(look("example.onmicrosoft.com", ["dkim"], World.zones(zones, only=True)), {"DKM010"}, none)
    holds(look("example.onmicrosoft.com", ["dkim"], World.zones(zones, only=True), selectors=[own]), {"DKM001"}, none | {"DKM010"})


# ------------------------------------------------------------------ what could not be looked up is not missing

MISSING = {"DOM001", "MX001", "SPF002", "DMA002", "DKM002", "DKM009", "DKM020", "ALN002", "STS001", "TRP001", "BIM001", "DAN001", "SEC001"}
UNKNOWN = {"MX000", "SPF000", "DMA000", "DKM000"}
UNANSWERED = [
    (
        "https://github.com/YunoHost/issues/issues/2130",
        "a time-out became a missing record, in mails that were sent every few days",
        "shop",
        {"timeout": {"*.shop.test"}},
        (UNKNOWN, MISSING, {"mx/state": "unknown", "dmarc/record": None}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/90",
        "a time-out raised the exception for a record that is not there",
        "shop",
        {"timeout": {("_dmarc.shop.test", "TXT")}},
        ({"DMA000", "MX010", "SPF001"}, MISSING - {"DKM020", "STS001", "TRP001", "BIM001", "DAN001", "SEC001"}, {}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/195",
        "a sub-domain with SERVFAIL was said to have no DMARC, nor its base domain",
        "news.shop",
        {"servfail": {"*.news.shop.test"}},
        (UNKNOWN, MISSING | {"DMA001"}, {}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/1810",
        "SERVFAIL for the sub-domain's own record failed the test, or the domain above was asked in its place",
        "news.shop",
        {"servfail": {("_dmarc.news.shop.test", "TXT")}},
        ({"DMA000"}, {"DMA002", "DMA001"}, {"dmarc/policy": None}),
    ),
    (
        "https://github.com/cisagov/trustymail/pull/95",
        "SERVFAIL for the DMARC record made the domain one that is not live",
        "shop",
        {"servfail": {"_dmarc.shop.test"}},
        ({"DMA000", "MX010"}, {"DOM001", "DMA002"}, {"mx/exists": True}),
    ),
    (
        "https://github.com/cisagov/ScubaGear/issues/1614",
        "SERVFAIL for one name ended the whole check",
        "shop",
        {"servfail": {"_dmarc.shop.test", "_mta-sts.shop.test"}},
        ({"DMA000", "STS000", "SPF001", "MX010"}, {"DMA002", "STS001"}, {}),
    ),
    (
        "https://github.com/christianlouis/dmarq/issues/554",
        "a failed look-up took the grade down to F",
        "shop",
        {"error": {("shop.test", "TXT"), ("_dmarc.shop.test", "TXT")}},
        ({"SPF000", "DMA000"}, {"SPF002", "DMA002"}, {"spf/record": None}),
    ),
    (
        "https://github.com/wttw/aboutmyemail/issues/55",
        "SERVFAIL for the key was shown as a failure of DKIM",
        "shop",
        {"servfail": {"mail._domainkey.shop.test"}},
        ({"DKM000"}, {"DKM001", "DKM002", "DKM009"}, {}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/40",
        "with the record at hand, an include that was not answered made it invalid",
        "lonely",
        {"timeout": {"_nospf.hosts.test"}},
        ({"SPF000"}, {"SPF001", "SPF002", "SPF012", "SPF013", "SPF015"}, {"spf/record": "v=spf1 include:_nospf.hosts.test -all"}),
    ),
]


@pytest.mark.parametrize(("thread", "wrong", "domain", "faults", "expected"), UNANSWERED, ids=named(UNANSWERED))
def test_unanswered(thread, wrong, domain, faults, expected):
    assert thread.startswith(HUB), wrong
    world = Faults(World.zones([ZONE], only=True), **faults)
    report = look(f"{domain}.test", None, world, selectors=["mail"] if domain == "shop" else ())
    holds(report, *expected)
    assert not {f.code for f in report.findings if f.status in BAD and f.evidence and all(a.unsure for a in f.evidence)}


def test_a_zone_that_is_not_served_is_given_no_records_to_publish():
    """https://github.com/Galvnyz/M365-Assess/issues/460: of a zone with SERVFAIL it was advised to add SPF, DKIM, DMARC and MX."""
    report = look("lockdown.test", None, Faults(World.zones([ZONE], only=True), servfail={"*.lockdown.test"}))
    holds(report, UNKNOWN, MISSING)
    assert report.verdict is Status.UNKNOWN
    assert not codes(report, *BAD)
    assert not [f.code for f in report.findings if f.record or f.choices]


def test_a_key_that_is_not_there_is_no_passing_failure():
    """https://github.com/trusteddomainproject/OpenDKIM/issues/49: the other way round, NXDOMAIN was reported as a temporary error."""
    holds(look("shop.test", ["dkim"], selectors=["gone"]), {"DKM002"}, {"DKM000"}, {"dkim/selectors/gone/state": "absent"})


WILD = [
    ("wildmark", {"BIM001", "TRP001", "STS001"}, {"BIM002", "BIM003", "TRP003", "STS003", "STS004", "DMA002", "DMA014"}),
    ("wildspf", {"BIM001", "TRP001", "STS001", "DMA002"}, {"BIM003", "TRP003", "STS003", "DMA014", "DMA017"}),
    ("wildalias", {"BIM001", "TRP001", "STS001", "DMA002"}, {"BIM003", "TRP003", "STS003", "STS004"}),
]


@pytest.mark.parametrize(("domain", "must", "must_not"), WILD)
def test_what_a_wildcard_answers_is_another_record(domain, must, must_not):
    """https://github.com/happyDomain/happydeliver/issues/15: the DMARC record of a wildcard was found where BIMI stands, and called misplaced."""
    holds(look(f"{domain}.test", ["dmarc", "bimi", "tls-rpt", "mta-sts"]), must, must_not)


# ------------------------------------------------------------------ blocklists: the lists as data/blocklists.toml has them, RFC 5782

TESTED = "2.0.0.127 A 127.0.0.2\n"  # a list that is alive holds its test address, and not 127.0.0.1
LISTED = {"DBL001", "DBL002", "DBL003", "DBL004"}
BLOCKLISTS = [
    (
        "https://github.com/dmippolitov/pydnsbl/issues/27",
        "127.255.255.254 (“ask from elsewhere”) counted as a listing",
        "zen.spamhaus.org",
        "* A 127.255.255.254",
        ({"DBL005"}, LISTED | {"DBL008"}),
    ),
    (
        "https://github.com/mjl-/mox/issues/354",
        "the list refused its test addresses, and the sender's address was taken for listed",
        "zen.spamhaus.org",
        "2.0.0.127 A 127.255.255.254\n1.0.0.127 A 127.255.255.254",
        ({"DBL005"}, LISTED | {"DBL008"}),
    ),
    (
        "https://github.com/haraka/Haraka/issues/3106",
        "127.255.255.255 (“too many questions”) turned connections away",
        "zen.spamhaus.org",
        TESTED + "66.2.0.192 A 127.255.255.255",
        ({"DBL005"}, LISTED | {"DBL008"}),
    ),
    (
        "https://github.com/adionditsak/blacklist-check-unix-linux-utility/issues/2",
        "any answer was a listing: URIBL says by 127.0.0.1 that it does not answer this resolver",
        "multi.uribl.com",
        "* A 127.0.0.1",
        ({"DBL005"}, LISTED | {"DBL008"}),
    ),
    (
        "https://github.com/adionditsak/blacklist-check-unix-linux-utility/issues/2",
        "any answer was a listing: 127.0.0.5 of Hostkarma says the contrary",
        "hostkarma.junkemailfilter.com",
        TESTED + "66.2.0.192 A 127.0.0.5",
        ({"DBL008"}, LISTED),
    ),
    (
        "https://github.com/adionditsak/blacklist-check-unix-linux-utility/issues/2",
        "any answer was a listing: 127.0.1.255 of a domain list says that it was asked for an address",
        "dbl.spamhaus.org",
        "* A 127.0.1.255",
        ({"DBL005"}, LISTED | {"DBL008"}),
    ),
    (
        "https://github.com/dmippolitov/pydnsbl/issues/23",
        "an entry among the good ones counted as a listing",
        "rep.mailspike.net",
        "2.0.0.127 A 127.0.0.10\n66.2.0.192 A 127.0.0.18",
        (set(), LISTED),
    ),
    (
        "https://github.com/ShlomiPorush/mailcow-logs-viewer/issues/102",
        "a router that answers for names that do not exist listed everybody",
        "bl.spamcop.net",
        "* A 203.0.113.80",
        ({"DBL007"}, LISTED | {"DBL008"}),
    ),
    (
        "https://github.com/ShlomiPorush/mailcow-logs-viewer/pull/103",
        "a filter that answers 127.0.0.1 for the list's domain listed everybody",
        "bl.spamcop.net",
        "* A 127.0.0.1",
        (set(), LISTED | {"DBL008"}),
    ),
    (
        "https://github.com/andreasf/check-dnsbl/issues/2",
        "a list that was given up answers for everything",
        "psbl.surriel.com",
        "* A 127.0.0.2",
        ({"DBL006"}, LISTED | {"DBL008"}),
    ),
    (
        "https://github.com/modoboa/modoboa/pull/2576",
        "the same number at another list is a listing all the same: only what the list explains is left out",
        "bl.spamcop.net",
        TESTED + "66.2.0.192 A 127.0.0.2",
        ({"DBL001"}, {"DBL005", "DBL008"}),
    ),
]


@pytest.mark.parametrize(("thread", "wrong", "zone", "records", "expected"), BLOCKLISTS, ids=named(BLOCKLISTS))
def test_blocklists(thread, wrong, zone, records, expected, tmp_path):
    assert thread.startswith(HUB), wrong
    world = World.zones([ZONE, zone_file(tmp_path, zone, records)], only=True)
    world.blocklists = tuple(row for row in catalog().blocklists if row.zone == zone)
    report = look("shop.test", ["dnsbl"], world, ips=["192.0.2.66"])
    holds(report, *expected)
    assert {x["zone"] for x in report.facts["dnsbl"]["lists"]} == {zone}


# ------------------------------------------------------------------ taking mail, and names of addresses

TAKING = [
    (
        "https://github.com/michaelherold/pyIsEmail/pull/22",
        "preference 0 alone was taken for a null MX; RFC 7505 section 3 asks for the root as host too",
        "priozero",
        ({"MX010"}, {"MX003", "MX004"}, {"mx/state": "present"}),
    ),
    (
        "https://github.com/canada-ca/tracker/issues/5902",
        "a null MX was reported as no MX",
        "lockdown",
        (set(), {"MX001", "MX002", "MX010"}, {"mx/state": "null"}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/905",
        "a null MX was recommended to a domain whose SPF lets somebody send (RFC 7505 section 4.2)",
        "nullsends",
        ({"MX003"}, {"MX001", "MX010"}, {"mx/state": "null"}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/1751",
        "a domain that neither sends nor takes mail was told that its mail hosts fail",
        "nomx",
        (set(), {"MX000", "MX006", "MX010"}, {"mx/state": "none"}),
    ),
]


@pytest.mark.parametrize(("thread", "wrong", "domain", "expected"), TAKING, ids=named(TAKING))
def test_taking_mail(thread, wrong, domain, expected):
    assert thread.startswith(HUB), wrong
    report = look(f"{domain}.test", ["mx", "starttls", "dane"])
    holds(report, *expected)
    assert codes(report, *BAD) <= {"MX003"} & expected[0]


def test_a_domain_that_is_locked_down_is_in_order():
    """https://github.com/internetstandards/Internet.nl/issues/464, /748, https://github.com/Galvnyz/M365-Assess/pull/475,
    https://github.com/cisagov/trustymail/issues/152: null MX, “v=spf1 -all” and p=reject were warned about, or asked for DKIM and TLS."""
    for profile in ("sending", "non-sending"):
        report = look("lockdown.test", ["mx", "spf", "dkim", "dmarc", "alignment", "mta-sts", "tls-rpt", "dane", "bimi"], profile=profile)
        assert not codes(report, *BAD, Status.UNKNOWN), profile
    holds(report, {"DKM019", "STS015", "TRP005"} - {"DKM019"}, {"DKM009", "DKM010"})


def reverse(tmp_path):
    nibbles = "6.6." + "0." * 22
    return [
        ZONE,
        zone_file(tmp_path, "2.0.192.in-addr.arpa", "66 PTR v2202504.host.\n66 PTR v2202504.\n66 PTR out.test.\n67 PTR mx.shop.test."),
        zone_file(tmp_path, "8.b.d.0.1.0.0.2.ip6.arpa", f"{nibbles.rstrip('.')} PTR out.test."),
    ]


REVERSE = [
    (
        "https://github.com/mjl-/mox/issues/333",
        "an address has several names, one of them a single label: it is enough that one leads back",
        "192.0.2.66",
        ({"PTR005"}, {"PTR001", "PTR002", "PTR007"}),
    ),
    (
        "https://github.com/circonus-labs/reconnoiter/issues/517",
        "the reverse name of an IPv6 address was asked for as the address itself, and found missing",
        "2001:db8::66",
        ({"PTR005"}, {"PTR001", "PTR002"}),
    ),
    (
        "https://github.com/mjl-/mox/issues/59",
        "the private address of a container was said to make receivers refuse its mail",
        "10.246.192.25",
        ({"PTR006"}, {"PTR000", "PTR001", "PTR002", "PTR007"}),
    ),
    (
        "https://github.com/mondoohq/cnspec-policies/pull/346",
        "a name was enough: it has to lead back as well",
        "192.0.2.67",
        ({"PTR002"}, {"PTR001", "PTR005"}),
    ),
]


@pytest.mark.parametrize(("thread", "wrong", "ip", "expected"), REVERSE, ids=named(REVERSE))
def test_reverse_names(thread, wrong, ip, expected, tmp_path):
    assert thread.startswith(HUB), wrong
    holds(look("shop.test", ["ptr"], World.zones(reverse(tmp_path), only=True), ips=[ip]), *expected)


# ------------------------------------------------------------------ MTA-STS, TLS-RPT and BIMI


class Held(Rows):
    """What HTTPS hosts answer: URL -> the parts of a Fetched."""

    def __init__(self, **files):
        self._held = {url: Fetched(url, Reached.OK, **{"status": 200, "content_type": "text/plain"} | row) for url, row in files.items()}


def policy(domain, text="version: STSv1\nmode: enforce\nmax_age: 1209600\nmx: mx.shop.test\n", **more):
    return {f"https://mta-sts.{domain}.test/.well-known/mta-sts.txt": {"body": text.encode(), **more}}


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" version="%s"%s viewBox="0 0 64 64"><title>Example</title><rect width="64" height="64"/></svg>'
LOGOS = {
    "https://web.test/logo.svg": {"body": SVG % (b"1.2", b' baseProfile="tiny-ps"'), "content_type": "image/svg+xml"},
    "https://web.test/old.svg": {"body": SVG % (b"1.1", b""), "content_type": "image/svg+xml"},
}
BROKEN_STS = {"STS002", "STS003", "STS005", "STS007", "STS008", "STS009"}
FETCHED = [
    (
        "https://github.com/hardenize/hardenize-public/issues/41",
        "several MTA-STS records passed (RFC 8461 section 3.1: there is none then)",
        "twosts",
        policy("twosts"),
        ({"STS002"}, {"STS001", "STS016"}),
    ),
    (
        "https://github.com/mjl-/mox/issues/261",
        "a policy that leaves the mail host out stopped all mail, and no check had said so",
        "uncovered",
        policy("uncovered", "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mail.uncovered.test\n"),
        ({"STS009"}, {"STS003", "STS007", "STS016"}),
    ),
    (
        "https://github.com/ShlomiPorush/mailcow-logs-viewer/pull/119",
        "“*.” stands for one label only (RFC 8461 section 4.1)",
        "wildsts",
        policy("wildsts", "version: STSv1\nmode: enforce\nmax_age: 1209600\nmx: *.wildsts.test\n"),
        ({"STS009"}, {"STS016"}),
    ),
    (
        "https://github.com/mjl-/mox/issues/393",
        "the policy of an internationalised domain could not be read",
        "xn--bcher-kva",
        policy("xn--bcher-kva", "version: STSv1\nmode: enforce\nmax_age: 1209600\nmx: mail.xn--bcher-kva.test\n"),
        ({"STS016"}, BROKEN_STS),
    ),
    (
        "https://github.com/mrisher/smtp-sts/issues/61",
        "a redirect was followed (RFC 8461 section 3.3 forbids it)",
        "moved",
        policy("moved", "", status=301, location="https://www.moved.test/.well-known/mta-sts.txt"),
        ({"STS005"}, {"STS000", "STS016"}),
    ),
    (
        "https://github.com/EFForg/starttls-backend/pull/153",
        "the media type was not looked at",
        "page",
        policy("page", content_type="text/html"),
        ({"STS010"}, {"STS007", "STS009"}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/pull/273",
        "an extension field made the record a syntax error",
        "extended",
        policy("extended"),
        ({"STS016"}, BROKEN_STS),
    ),
    (
        "https://github.com/mjl-/mox/issues/333",
        "a policy for a day was said to be for less than one",
        "daylong",
        policy("daylong", "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mail.daylong.test\n"),
        ({"STS011", "STS016"}, BROKEN_STS),
    ),
    (
        "https://github.com/mjl-/mox/issues/109",
        "two TLS-RPT records, each of them right: RFC 8460 section 3 leaves none",
        "tworpt",
        {},
        ({"TRP002"}, {"TRP001", "TRP006"}),
    ),
    (
        "https://github.com/KelvinTegelaar/CIPP-API/issues/194",
        "a TLS-RPT record was reported not to exist",
        "reported",
        {},
        ({"TRP006"}, {"TRP001", "TRP003"}),
    ),
    (
        "https://github.com/wttw/aboutmyemail/issues/44",
        "an empty a= was an error",
        "marked",
        LOGOS,
        ({"BIM009", "BIM014"}, {"BIM003", "BIM006"}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/140",
        "a record with a= was invalid",
        "sealed",
        LOGOS | {"https://web.test/mark.pem": {"body": b"", "status": 404}},
        ({"BIM006"}, {"BIM003", "BIM009", "BIM014"}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/148",
        "the record of the organizational domain was not found for a sub-domain",
        "news.marked",
        LOGOS,
        ({"BIM014"}, {"BIM001", "BIM003"}),
    ),
    (
        "https://github.com/authindicators/rfc-brand-indicators-for-message-identification/issues/8",
        "there was no way to say that no logo is wanted; an empty l= is that today",
        "declined",
        LOGOS,
        ({"BIM004"}, {"BIM001", "BIM003", "BIM006"}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/150",
        "what is wrong with a logo of SVG 1.1 was not told",
        "oldlogo",
        LOGOS,
        ({"BIM007"}, {"BIM003", "BIM006", "BIM014"}),
    ),
]


@pytest.mark.parametrize(("thread", "wrong", "domain", "files", "expected"), FETCHED, ids=named(FETCHED))
def test_transport(thread, wrong, domain, files, expected):
    assert thread.startswith(HUB), wrong
    world = World.zones([ZONE], only=True)
    world.fetcher = Held(**files)
    holds(look(f"{domain}.test", ["mta-sts", "tls-rpt", "bimi"], world), *expected)


def test_a_policy_for_a_day_is_a_note():
    """https://github.com/mjl-/mox/issues/333: a checker warned of the policy that it had proposed itself."""
    world = World.zones([ZONE], only=True)
    world.fetcher = Held(**policy("daylong", "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mail.daylong.test\n"))
    assert not codes(look("daylong.test", ["mta-sts"], world), *BAD) - {"STS011"}


# ------------------------------------------------------------------ DANE and DNSSEC, RFC 7672

SIGNED = [
    (
        "https://github.com/internetstandards/Internet.nl/issues/1534",
        "SERVFAIL was shown as “no TLSA record”: in a signed zone senders hold their mail back",
        "dane",
        {},
        {"servfail": {"_25._tcp.mx.dane.test"}},
        ({"DAN004"}, {"DAN001", "DAN010"}),
    ),
    (
        "https://github.com/KumoCorp/kumomta/issues/543",
        "the same where the host's addresses are not signed: nobody asks for its TLSA records then (section 2.2.2)",
        "signed",
        {"unsigned": {"cloudhost.test"}},
        {"servfail": {"_25._tcp.mx.cloudhost.test"}},
        (set(), {"DAN004", "DAN010"}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/681",
        "a time-out was shown as “no TLSA record”",
        "dane",
        {},
        {"timeout": {"_25._tcp.mx.dane.test"}},
        ({"DAN000"}, {"DAN001", "DAN010"}),
    ),
    (
        "https://github.com/danefail/list/issues/13",
        "that there is no TLSA record was taken for a failure where the denial is not signed",
        "signed",
        {"unsigned": {"cloudhost.test"}},
        {},
        ({"DAN001"}, {"DAN004", "DAN003"}),
    ),
    (
        "https://github.com/Zuplu/postfix-tlspol/issues/8",
        "TLSA records of the mail host were taken for DANE, though the domain is not signed",
        "tlsahost",
        {"unsigned": {"tlsahost.test"}},
        {},
        ({"DAN003"}, {"DAN010"}),
    ),
    (
        "https://github.com/Zuplu/postfix-tlspol/issues/8",
        "the same with the host in a signed zone of its own",
        "insecure",
        {"unsigned": {"insecure.test"}},
        {},
        ({"DAN002"}, {"DAN010"}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/1383",
        "TLSA records of the domain itself were looked at, not those of its mail hosts",
        "apextlsa",
        {},
        {},
        ({"DAN001"}, {"DAN009", "DAN010"}),
    ),
    (
        "https://github.com/mjl-/mox/issues/393",
        "DANE was shown as in order with no record at all",
        "dane",
        {},
        {},
        ({"DAN001"}, {"DAN009", "DAN010"}),
    ),
    (
        "https://github.com/internetstandards/Internet.nl/issues/341",
        "the pair of a key and its issuer was no roll-over scheme",
        "rolling",
        {},
        {},
        ({"DAN010", "DAN011"}, {"DAN005", "DAN006", "DAN009"}),
    ),
    (
        "https://github.com/domainaware/checkdmarc/issues/66",
        "behind a resolver that does not validate every domain was called unsigned",
        "shop",
        {"validates": False},
        {},
        ({"SEC000"}, {"SEC001", "SEC002", "SEC011"}),
    ),
    (
        "https://github.com/cisagov/trustymail/issues/143",
        "the same: the state of a resolver was told as that of the domain",
        "shop",
        {"validates": None},
        {},
        ({"SEC000"}, {"SEC001", "SEC011"}),
    ),
]


@pytest.mark.parametrize(("thread", "wrong", "domain", "resolver", "faults", "expected"), SIGNED, ids=named(SIGNED))
def test_signed(thread, wrong, domain, resolver, faults, expected):
    assert thread.startswith(HUB), wrong
    holds(look(f"{domain}.test", ["dane", "dnssec"], Faults(Validating(World.zones([ZONE], only=True), **resolver), **faults)), *expected)


# ------------------------------------------------------------------ the tables themselves


def test_each_thread_is_named_by_its_address_and_told_in_a_line():
    tables = (COUNTED, MACROS, READ, DMARC, DKIM, UNANSWERED, BLOCKLISTS, TAKING, REVERSE, FETCHED, SIGNED)
    rows = [row for table in tables for row in table]
    threads = {row[0] for row in rows}
    assert all(t.startswith(HUB) and t.split("/")[5] in ("issues", "pull") and t.rpartition("/")[2].isdigit() for t in threads)
    assert all(row[1] and "\n" not in row[1] for row in rows)
    assert len(rows) >= 100
    assert len(threads) >= 80
