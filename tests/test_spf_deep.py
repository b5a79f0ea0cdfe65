"""SPF to the bottom: copy-paste damage, what a record costs a sender of either family, whom it lets pass, whose includes they are,
a flattening preview, and where other programs' opinions differ from RFC 7208."""

import json
import random
import time
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import test_spf_suite as suite
from support import Faults, world_of

from healthcheck.catalog import catalog
from healthcheck.checks.spf import paste
from healthcheck.checks.spf.propose import duplicates, without_numbers
from healthcheck.checks.spf.reach import overlapping
from healthcheck.checks.spf.record import parse
from healthcheck.checks.spf.size import size_of
from healthcheck.checks.spf.spans import EVERYTHING, count4, merge, minus, networks, span_of
from healthcheck.checks.spf.vendors import service, vendor_of
from healthcheck.edge import libs
from healthcheck.edge.world import World
from healthcheck.errors import DomainError
from healthcheck.model import Status
from healthcheck.scan import scan

ZONE = Path(__file__).parent / "worlds" / "spf-deep.zone"
IP = {"ips": ["192.0.2.1"]}
AWAY = {"ips": ["203.0.113.200"]}

# case, options, codes that must appear, codes that must not
CASES = [
    (
        "good",
        IP,
        {"SPF001", "SPF017"},
        {"SPF005", "SPF029", "SPF030", "SPF031", "SPF032", "SPF033", "SPF034", "SPF035", "SPF036", "SPF037", "SPF038", "SPF039"},
    ),
    ("curly", {}, {"SPF005"}, {"SPF001", "SPF013", "SPF024"}),
    ("curly-around", {}, {"SPF024"}, {"SPF001", "SPF002"}),
    ("no-break", {}, {"SPF005"}, {"SPF001"}),
    ("no-break-1", {}, {"SPF024"}, {"SPF001", "SPF002"}),
    ("semicolons", {}, {"SPF024"}, {"SPF001", "SPF002"}),
    ("no-space", {}, {"SPF024"}, {"SPF001", "SPF002"}),
    ("legal-comma", {}, {"SPF016"}, {"SPF005"}),
    ("cut", IP, {"SPF001", "SPF017"}, {"SPF030", "SPF005"}),
    ("cut-at-a", IP, {"SPF001", "SPF017"}, {"SPF030", "SPF005"}),
    ("joined", {}, {"SPF030"}, {"SPF001", "SPF005"}),
    ("joined-all", {}, {"SPF030"}, {"SPF001", "SPF005"}),
    ("joined-mx", {}, {"SPF030"}, {"SPF001", "SPF005"}),
    ("joined-first", {}, {"SPF024"}, {"SPF002"}),
    ("joined-worse", {}, {"SPF030", "SPF005"}, {"SPF001"}),
    ("twice", {}, {"SPF031"}, {"SPF001", "SPF032"}),
    ("twice-free", {}, {"SPF031", "SPF001"}, {"SPF032"}),
    ("twice-other", {}, {"SPF016"}, {"SPF031"}),
    ("within", {}, {"SPF032", "SPF001"}, {"SPF031"}),
    ("within-refused", {}, {"SPF001"}, {"SPF032"}),
    ("nested", {}, {"SPF037", "SPF001"}, {"SPF031"}),
    ("large", {}, {"SPF033", "SPF001"}, {"SPF005"}),
    ("huge", {}, {"SPF033", "SPF001"}, {"SPF005"}),
    ("eight", {}, {"SPF028"}, {"SPF001", "SPF038"}),
    ("nine", {}, {"SPF038", "SPF001"}, {"SPF028"}),
    ("sixteen", {}, {"SPF001"}, {"SPF028", "SPF038", "SPF039"}),
    ("refuses-eight", {}, {"SPF001"}, {"SPF028"}),
    ("open-branch", {}, {"SPF039"}, {"SPF001", "SPF028", "SPF007"}),
    ("open-neutral", {}, {"SPF001"}, {"SPF039"}),
    ("broad-branch", {}, {"SPF039"}, {"SPF001", "SPF028"}),
    ("many-nines", {}, {"SPF028", "SPF038"}, {"SPF001", "SPF039"}),
    ("voids6", {}, {"SPF029"}, {"SPF006", "SPF001", "SPF000"}),
    ("voids6-mx", {}, {"SPF029"}, {"SPF006", "SPF001"}),
    ("voids6-none", {}, {"SPF029", "SPF001"}, {"SPF006"}),
    ("voids6-two", {}, {"SPF001"}, {"SPF029"}),
    ("exists4", {}, {"SPF001"}, {"SPF029", "SPF006"}),
    ("equals", {"ips": ["192.0.2.2"]}, {"SPF034", "SPF018"}, {"SPF001", "SPF005"}),
    ("modifiers", {}, {"SPF001"}, {"SPF034"}),
    ("macro-p", {}, {"SPF036", "SPF016"}, {"SPF001"}),
    ("macro-i", {}, {"SPF016"}, {"SPF036"}),
    ("crowded", AWAY, {"SPF035", "SPF021"}, {"SPF001"}),
    ("crowded-below", {}, {"SPF035"}, {"SPF001"}),
    ("voids6-mx", {}, {"SPF029"}, {"SPF035"}),
]


@pytest.fixture(scope="module")
def deep():
    world = World.zones([ZONE], only=True)
    world.blocklists = ()
    yield world
    world.close()


def look(case, world, **options):
    return scan(f"{case}.deep.test", world=world, topics=["spf"], **options)


def codes(report):
    return {f.code for f in report.findings}


def found(report, code):
    return next(f for f in report.findings if f.code == code)


@pytest.mark.parametrize(("case", "options", "must", "must_not"), CASES, ids=[f"{c[0]}-{'-'.join(sorted(c[2]))}" for c in CASES])
def test_codes(case, options, must, must_not, deep):
    report = look(case, deep, **options)
    assert must <= codes(report)
    assert not must_not & codes(report)
    json.dumps(report.facts)
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record or "", *row.choices.values()):
            text.format(
                **{"subject": "", "reason": "", "costly": "", "most": "", **finding.values, **{k: v for c in finding.choices for k, v in c.values.items()}}
            )
        assert finding.record or finding.choices or row.why_no_record
        assert finding.evidence


@pytest.mark.parametrize(
    ("case", "code", "status"),
    [
        ("twice", "SPF031", Status.WARN),
        ("twice-free", "SPF031", Status.NOTE),
        ("large", "SPF033", Status.NOTE),
        ("huge", "SPF033", Status.WARN),
        ("voids6", "SPF029", Status.WARN),
        ("voids6-none", "SPF029", Status.NOTE),
        ("open-branch", "SPF039", Status.FAIL),
        ("broad-branch", "SPF039", Status.WARN),
    ],
)
def test_how_bad_it_is(case, code, status, deep):
    assert found(look(case, deep), code).status is status


# ------------------------------------------------------------------ what copying does to a record

WHOLE = "v=spf1 ip4:192.0.2.1 include:_service.deep.test -all"
DAMAGED = {
    "curly": "curly-quotes",
    "curly-around": None,
    "no-break": "no-break-space",
    "no-break-1": None,
    "windows": None,
    "invisible": "invisible",
    "dash": "dash",
    "tilde": "tilde",
    "wide-letters": "wide-letters",
    "tab": "tab",
    "commas": "separator",
    "semicolons": None,
    "torn": "torn",
    "quotes": "quotes",
    "no-space": None,
    "joined": None,
    "joined-all": None,
    "joined-first": None,
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_named_and_mended(case, deep):
    report = look(case, deep)
    finding = next(f for f in report.findings if f.code in ("SPF005", "SPF024", "SPF030"))
    assert finding.record is not None
    assert finding.record.proposed[0] in (WHOLE, WHOLE.replace("-all", "~all"))
    if DAMAGED[case]:
        assert catalog().checks["SPF005"].reasons[DAMAGED[case]] in {f.values["reason"] for f in report.findings if f.code == "SPF005"}


@pytest.mark.parametrize("case", ["curly-and-worse", "curly-plus", "joined-worse"])
def test_nothing_is_proposed_where_copying_is_not_all(case, deep):
    """An address without its mechanism is a guess; +all is never proposed; another broken term stays broken."""
    for finding in look(case, deep).findings:
        assert finding.record is None


@pytest.mark.parametrize(
    ("strings", "places"),
    [
        ((b"v=spf1 ip4:192.0.2", b".1 -all"), 0),
        ((b"v=spf1 include:a.exam", b"ple -all"), 0),
        ((b"v=spf1 include:x.example ", b"mx -all"), 0),
        ((b"v=spf1 include:x.example", b" mx -all"), 0),
        ((b"v=spf1 include:x.example", b"mx -all"), 0),  # a name may end so; what it leads to tells
        ((b"v=spf1 include:x.example", b"ip6:2001:db8::1 -all"), 1),
        ((b"v=spf1 include:x.example", b"redirect=y.example"), 1),
        ((b"v=spf1 a:x.example", b"mx:y.example", b"-all"), 2),
        ((b"v=spf1 m", b"x -all"), 0),
        ((b"v=spf1 ", b"", b"mx -all"), 0),
    ],
)
def test_where_strings_lost_a_space(strings, places):
    assert len(paste.lost_spaces(strings)) == places


@pytest.mark.parametrize("text", ["v=spf1 mx -all", "v=spf2 mx -all", "v=spf10 mx -all", "", "spf", "v=DMARC1; p=none", "v=spf1 " + "“" * 5000, "\0\0\0"])
def test_nothing_is_mended_that_is_whole_or_no_record(text):
    assert paste.mend(text.encode()).text in (None, "v=spf1")


# ------------------------------------------------------------------ whom it lets pass


def test_spans_are_sets():
    rng = random.Random(7208)
    for _ in range(200):
        a, b = ({rng.randrange(60) for _ in range(rng.randrange(40))} for _ in "ab")
        one, other = (merge((n, n) for n in s) for s in (a, b))
        flat = lambda spans: {n for first, last in spans for n in range(first, last + 1)}  # noqa: E731
        assert flat(minus(one, other)) == a - b
        assert flat(merge((*one, *other))) == a | b
    assert [str(n) for n in networks((span_of(ip_network("192.0.2.0/25")), span_of(ip_network("2001:db8::/47"))))] == ["192.0.2.0/25", "2001:db8::/47"]
    assert count4(EVERYTHING) == 1 << 32


def test_addresses_are_counted_once(deep):
    """192.0.2.0/28 with what lies in it, both.deep.test/31 and its /64, two MX hosts in the /28, a /24 but one, a /48."""
    counted = look("counted", deep).facts["spf"]["authorised"]
    assert counted["ipv4"] == 16 + 256 - 1
    assert counted["ipv6_64"] == 65536 + 1
    assert counted["complete"] is True
    assert counted["everybody"] is False
    assert counted["ranges"][0] == "192.0.2.0/28"
    assert counted["ranges_total"] == 1 + 8 + 2  # the /24 without one address takes eight networks
    exactly = look("exactly", deep).facts["spf"]["authorised"]
    assert exactly["ipv4"] == 256 - 64 + 256
    assert look("open-branch", deep).facts["spf"]["authorised"]["everybody"] is True
    assert look("macro-i", deep).facts["spf"]["authorised"] | {"ranges": ()} == {
        "ipv4": 1,
        "ipv6_64": 0,
        "ranges": (),
        "ranges_total": 1,
        "everybody": False,
        "complete": False,
    }


COUNTED = ["good", "counted", "exactly", "nested", "twice", "within", "within-refused", "refuses-eight", "open-neutral", "voids6-two", "nine"]


@pytest.mark.parametrize("case", COUNTED)
def test_what_is_counted_is_what_pyspf_lets_pass(case, deep):
    """At the edges of every network that was counted, and at random places: pyspf passes what is in, and nothing else."""
    spf = look(case, deep).facts["spf"]
    inside = [ip_network(n) for n in spf["authorised"]["ranges"]]
    rng = random.Random(case)
    asked = {str(n[k]) for n in inside for k in (0, -1)}
    asked |= {str(n[0] - 1) for n in inside if int(n[0])} | {str(n[-1] + 1) for n in inside}
    asked |= {str(ip_address(rng.randrange(1 << 32))) for _ in range(20)} | {f"192.0.2.{k}" for k in range(0, 256, 17)}
    with deep.open(deadline=30) as session:
        for ip in sorted(asked):
            verdict = libs.spf_verdict(session.dns, ip, f"a@{spf['domain']}", spf["domain"])
            if verdict.result != "permerror":
                assert (verdict.result == "pass") == any(ip_address(ip) in n for n in inside), (ip, verdict)


def test_each_branch_shows_its_part(deep):
    tree = look("nested", deep).facts["spf"]["tree"]
    service_, nesting = tree["children"]
    assert (service_["ipv4"], service_["ipv6_64"], service_["lookups"], service_["voids"]) == (256, 65536, 0, 0)
    assert (nesting["ipv4"], nesting["lookups"]) == (64 + 256, 1)
    assert nesting["children"][0]["repeated"] is True
    assert (tree["ipv4"], tree["lookups"]) == (64 + 256, 3)


def test_voids_of_either_family(deep):
    spf = look("voids6", deep, ips=["192.0.2.99", "2001:db8:5::1", "2001:db8:9::1"]).facts["spf"]
    assert (spf["void_lookups"], spf["void_lookups_ipv6"]) == (0, 3)
    # what the worst case is, and what it is for each address
    assert spf["lookups"] == 4
    results = {ip: (v["result"], v["void_lookups"]) for ip, v in spf["verdicts"].items()}
    assert results["192.0.2.99"] == ("softfail", 0)
    assert results["2001:db8:5::1"][0] == "permerror"  # the service sends over IPv6, and does not get through
    assert look("two-missing", deep).facts["spf"]["void_lookups_ipv6"] is None


def test_hosts_whose_ipv6_was_not_answered_are_no_voids():
    world = Faults(World.zones([ZONE], only=True), servfail={("four1.deep.test", "AAAA"), ("four2.deep.test", "AAAA"), ("four3.deep.test", "AAAA")})
    report = look("voids6", world)
    assert not {"SPF029", "SPF000"} & codes(report)
    spf = report.facts["spf"]
    assert spf["void_lookups_ipv6"] is None
    assert spf["authorised"]["complete"] is False


def test_overlaps_and_duplicates():
    record = parse("v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.128/25 ip4:192.0.2.129 ip6:2001:db8::/32 ip6:2001:db8:1::/48 a a:d.example mx/32 mx -all a")
    assert [(a.text, b.text) for a, b in overlapping(record)] == [
        ("ip4:192.0.2.128/25", "ip4:192.0.2.0/24"),
        ("ip4:192.0.2.129", "ip4:192.0.2.0/24"),
        ("ip6:2001:db8:1::/48", "ip6:2001:db8::/32"),
    ]
    assert without_numbers(record, duplicates(record, "d.example")).endswith(" a mx/32 -all a")


def test_size_is_that_of_the_answer_on_the_wire(deep):
    with deep.open() as session:
        answer = session.dns.ask("large.deep.test", "TXT")
    import dns.message
    import dns.rrset

    message = dns.message.make_response(dns.message.make_query("large.deep.test", "TXT", use_edns=0, payload=1232))
    texts = [" ".join('"' + part.decode() + '"' for part in strings) for strings in answer.strings]
    message.answer.append(dns.rrset.from_text("large.deep.test.", 300, "IN", "TXT", *texts))
    assert size_of(answer, answer.values[0]).answer == len(message.to_wire())


# ------------------------------------------------------------------ vendors


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        ("_spf.google.com", "google"),
        ("spf.protection.outlook.com", "microsoft"),
        ("u1.wl.sendgrid.net", "sendgrid"),
        ("%{ir}.%{v}.%{d}.spf.has.pphosted.com", "proofpoint"),
        ("_spf.google.com.example", None),
        ("notamazonses.com", None),
    ],
)
def test_whose_include_it_is(name, vendor):
    held = service(name)
    assert (held.id if held else None) == vendor


def test_every_service_with_an_include_is_known_by_it():
    for esp in catalog().esps.values():
        for name in esp.spf:
            assert vendor_of("sub" + name if name.startswith(".") else name)


def test_vendors_in_the_facts(tmp_path):
    zones = {
        "shop.test": '@ TXT "v=spf1 include:_spf.google.com include:mystery.example include:%{i}.%{d}.spf.has.pphosted.com -all"',
        "google.com": '_spf TXT "v=spf1 include:_netblocks.google.com ~all"\n_netblocks TXT "v=spf1 ip4:192.0.2.0/24 ~all"',
    }
    spf = scan("shop.test", world=world_of(tmp_path, zones), topics=["spf"]).facts["spf"]
    assert [(v["term"], v["id"], v["lookups"]) for v in spf["vendors"]] == [
        ("include:_spf.google.com", "google", 2),
        ("include:%{i}.%{d}.spf.has.pphosted.com", "proofpoint", None),
    ]
    google = spf["tree"]["children"][0]
    assert google["vendor"] == google["children"][0]["vendor"] == "Google Workspace"
    assert spf["tree"]["children"][1]["vendor"] == ""


# ------------------------------------------------------------------ flattening


FLATTENED = ["good", "nested", "counted", "exactly", "voids6", "early"]
SENDERS = [
    "192.0.2.1",
    "192.0.2.9",
    "192.0.2.14",
    "198.51.100.7",
    "198.51.100.8",
    "203.0.113.5",
    "203.0.113.70",
    "203.0.113.200",
    "2001:db8:5::9",
    "2001:db8:6::14",
    "2001:db8:99::1",
]


@pytest.mark.parametrize("case", FLATTENED)
def test_a_flattened_record_says_the_same_today(case, deep):
    """The preview gives every sender the verdict of the record, unless that one was an error: then a pass may come of it."""
    spf = look(case, deep).facts["spf"]
    preview = spf["flattening"]
    assert preview["replaced"]
    assert preview["octets"] == len(preview["text"])
    assert preview["lookups"] == len(preview["kept"]) <= spf["lookups"]
    with deep.open(deadline=30) as session:
        for ip in SENDERS:
            at = f"a@{spf['domain']}"
            then, now = (libs.spf_verdict(session.dns, ip, at, spf["domain"], record=record) for record in (spf["record"], preview["text"]))
            assert now.result == then.result or then.result == "permerror", (ip, then, now)


def test_a_flattening_names_its_risk_and_is_never_proposed(deep):
    preview = look("good", deep).facts["spf"]["flattening"]
    assert preview["text"] == "v=spf1 ip4:192.0.2.1 ip4:192.0.2.14 ip6:2001:db8:6::14 ip4:198.51.100.0/24 ip6:2001:db8:5::/48 ~all"
    assert (preview["valid_for"], preview["networks"], preview["records"]) == (300, 4, 1)
    assert look("macro-i", deep).facts["spf"]["flattening"]["text"] is None
    report = scan("eleven.spf.test", world=World.zones([ZONE.with_name("spf-cases.zone")], only=True), topics=["spf"])
    choice = next(c for c in found(report, "SPF004").choices if c.key == "flatten")
    assert choice.record is None
    proposed = {p for f in report.findings for r in [f.record, *(c.record for c in f.choices)] if r for p in r.proposed}
    assert report.facts["spf"]["flattening"]["text"] not in proposed


# ------------------------------------------------------------------ opinions: where they differ the RFC wins

# case: what RFC 7208 makes of it (valid?), where it says so, and whether checkdmarc agrees (None: it cannot say without asking more)
OPINIONS = {
    "odd-case": (True, "section 4.5: the version and every name in any case", False),
    "odd-name": (True, "section 7.1: a domain name may hold a colon", True),
    "early": (True, "section 4.6.4 limits the evaluation; counted to the end it is too many", True),
    "ip-name": (False, "section 5.3: a name, and an address is none", None),
    "port": (False, "section 7.1: the top label of a:name:8080 is none", None),
    "top-label": (False, "section 7.1: one label is no name", None),
    "late": (False, "section 4.6: an error anywhere, also behind all", False),
    "redirects": (False, "section 6: redirect at most once", None),
    "exists-width": (False, "section 5.7: exists has no network length", False),
    "control": (False, "section 4.6.1: US-ASCII without control characters", True),
    "crowded": (False, "section 4.6.4: ten MX hosts at most", True),
    "equals": (True, "section 6: unknown modifiers are ignored", True),
}


@pytest.mark.parametrize("case", OPINIONS)
def test_where_opinions_differ_the_rfc_wins(case, deep):
    valid, section, agrees = OPINIONS[case]
    report = look(case, deep, **(IP if case == "early" else AWAY))
    spf = report.facts["spf"]
    verdict = next(iter(spf["verdicts"].values()))
    # pyspf evaluates, and agrees with the RFC on every one of them
    assert (verdict["result"] == "permerror") != valid, section
    broken = {"SPF005", "SPF035"} & codes(report)
    assert bool(broken) != valid, section
    assert spf["opinion"]["agrees"] is agrees, spf["opinion"]
    if case == "early":
        # the eleventh look-up is beyond what this sender needs, and not beyond what another one does
        assert found(report, "SPF004").status is Status.WARN


# the cases of the RFC 7208 suite about which checkdmarc says something else than the RFC, and we what the RFC says
DIFFER = {
    "case-insensitive": "section 4.5: the version in any case",
    "detect-errors-anywhere": "section 4.6: an error behind all is one",
    "a-colon-domain": "section 7.1: a name may hold a colon and a slash",
    "a-colon-domain-ip4mapped": "section 7.1",
    "mx-colon-domain": "section 7.1",
    "mx-colon-domain-ip4mapped": "section 7.1",
    "exists-cidr": "section 5.7: no network length",
    "bare-ip6": "section 5.6: ip6 needs an address",
    "redirect-empty-domain": "section 6.1: redirect needs a name",
    "redirect-twice": "section 6: at most once",
    "unknown-modifier-syntax": "section 6: the value is a macro-string",
    "exp-only-macro-char": "section 7.2: c, r and t only in explanations",
}
# verdicts that hang on the local part or the HELO name of a message, which a scan does not have
OF_A_MESSAGE = {"hello-macro", "macro-reverse-split-on-dash", "macro-multiple-delimiters"}
BROKEN = {"SPF003", "SPF004", "SPF005", "SPF006", "SPF012", "SPF013", "SPF014", "SPF015", "SPF030", "SPF035"}


@pytest.mark.shared
def test_the_suite_through_a_scan():
    """Every case of the RFC 7208 suite whose sender is a domain: the verdict is right, the findings claim what the RFC says, and the
    cases where checkdmarc says something else are these and no others."""
    if not suite.SUITE.exists():
        pytest.skip("the RFC 7208 suite is not beside the project")
    import yaml

    differ, scanned = set(), 0
    for section in yaml.safe_load_all(suite.SUITE.read_text(encoding="utf-8")):
        for name, case in section["tests"].items():
            domain = (case["mailfrom"] or "").rpartition("@")[2] or case["helo"]
            try:
                report = scan(domain, world=World(suite.Suite(section["zonedata"]), describe="the suite"), topics=["spf"], ips=[case["host"]])
            except DomainError:
                continue  # what is no domain is refused before anything is asked
            scanned += 1
            spf = report.facts["spf"]
            expected = case["result"] if isinstance(case["result"], list) else [case["result"]]
            assert name in OF_A_MESSAGE or next(iter(spf["verdicts"].values()))["result"] in expected, name
            assert expected != ["permerror"] or BROKEN & codes(report), name
            assert "permerror" in expected or not {"SPF003", "SPF005", "SPF030"} & codes(report), name
            if spf["opinion"]["agrees"] is False:
                differ.add(name)
    print(f"{scanned} of the suite's cases scanned; checkdmarc differs on {len(differ)}")
    assert differ == set(DIFFER)


def test_a_missing_name_is_seen(tmp_path):
    """An include of nothing is a permanent error for all three; what is not answered is none for us."""
    zones = {"shop.test": '@ TXT "v=spf1 include:gone.shop.test -all"'}
    assert "SPF013" in codes(scan("shop.test", world=world_of(tmp_path, zones), topics=["spf"]))
    world = Faults(world_of(tmp_path, zones), timeout={"gone.shop.test"})
    silent = scan("shop.test", world=world, topics=["spf"], ips=["192.0.2.1"])
    assert "SPF013" not in codes(silent)
    assert silent.facts["spf"]["opinion"]["agrees"] is None


# ------------------------------------------------------------------ what is made to take long


def test_hostile_trees_are_counted_in_time(tmp_path):
    """Records as long as they are read, each of other networks, each including all that come after it; and one of tiny strings."""
    count, rows = 24, []
    for n in range(count):
        terms = [f"include:h{m}.hostile.test" for m in range(n + 1, count)]
        terms += [f"{'-' if k % 2 else ''}ip4:{1 + n}.{k % 250}.{k // 250}.{(k * 7) % 250}" for k in range(380)]
        text = " ".join(["v=spf1", *terms])
        pieces = " ".join(f'"{text[i : i + 250]}"' for i in range(0, len(text), 250))
        rows.append(f'h{n} TXT ( {pieces} " -all" )')
    tiny = " ".join(f'"{c}"' for c in "v=spf1 " + "a:b.c " * 1000)
    rows.append(f"tiny TXT ( {tiny} )")
    world = world_of(tmp_path, {"hostile.test": "\n".join(rows)})
    for name in ("h0", "tiny"):
        began = time.monotonic()
        report = scan(f"{name}.hostile.test", world=world, topics=["spf"], ips=["192.0.2.1"])
        json.dumps(report.facts["spf"]["authorised"])
        assert time.monotonic() - began < 5, name
        assert len(report.transcript) <= 100
        assert codes(report)


# ------------------------------------------------------------------ the picture


def test_the_page_draws_it():
    from app import create_app

    app = create_app(world=World.demo(World.zones([], only=True)), config={"TESTING": True, "RATELIMIT_ENABLED": False, "HURRY": 20})
    try:
        page = app.test_client().get("/scan?domain=broken-spf.example&ip=203.0.113.77").text
        small = app.test_client().get("/scan?domain=healthy.example").text
    finally:
        app.extensions["desk"].close()
    figure = " ".join(page.partition('<figure class="picture">')[2].partition("</figure>")[0].split())
    for shown in ("11 of at most 10 DNS look-ups in the worst case, 11 for 203.0.113.77", "<code>_spf.crm.saas.example</code>", "1 look-up; 16 IPv4 addresses"):
        assert shown in figure
    for shown in ("130 IPv4 addresses and 4 IPv6 networks (/64) may send", "192.0.2.100/31", "A preview, and no advice", "ip4:203.0.113.128/28"):
        assert shown in figure
    assert "A preview" not in small  # far from the limit there is nothing to write out
    assert "3 IPv4 addresses" in small


def test_near_the_limit_is_said_of_a_walk_that_came_to_its_end(tmp_path):
    nine = " ".join(f"include:s{n}.near.test" for n in range(9))
    zones = {"near.test": f'@ IN MX 10 mail\nmail IN A 192.0.2.1\n@ IN TXT "v=spf1 {nine} -all"\n' + "\n".join(f's{n} IN TXT "v=spf1 -all"' for n in range(9))}
    world = world_of(tmp_path, zones)
    codes = {f.code for f in scan("near.test", world=world, topics=("spf",)).findings}
    assert "SPF025" in codes
    found = {f.code for f in scan("near.test", world=Faults(world, error={"s8.near.test"}), topics=("spf",)).findings}
    assert "SPF000" in found
    assert "SPF025" not in found, "what s8 asks for besides is not known"


def test_counts_that_happen_to_be_those_of_everybody_are_not_everybody(tmp_path):
    """Networks of 64 bits are counted where they are begun: one address less is no network less."""
    world = world_of(tmp_path, {"t.test": '@ TXT "v=spf1 include:b.t.test -all"\nb TXT "v=spf1 -ip6:2001:db8:: ip6:::/0 -all"'})
    report = scan("t.test", world=world)
    assert report.facts["spf"]["authorised"]["everybody"] is False
    assert not {"SPF028", "SPF039"} & {f.code for f in report.findings}
