"""Topics spf, dkim, dmarc and alignment: each code has a world where it must appear, and one where it must not."""

import string
from dataclasses import replace
from pathlib import Path

import pytest

from healthcheck.catalog import catalog
from healthcheck.checks.dkim import hinted
from healthcheck.checks.dkim.record import parse as parse_key
from healthcheck.checks.dmarc.record import parse as parse_dmarc
from healthcheck.checks.dmarc.walk import names
from healthcheck.checks.spf.propose import covering, merged
from healthcheck.checks.spf.record import parse as parse_spf
from healthcheck.edge import codec, libs
from healthcheck.edge.codec import RR, Reply
from healthcheck.edge.world import World
from healthcheck.model import Outcome, Secure, Status
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
FILES = {
    "spf": ["spf-cases"],
    "dkim": ["dkim-cases"],
    "dmarc": ["dmarc-cases", "dmarc-agreed", "dmarc-refusing"],
    "alignment": ["alignment-cases"],
}
ZONES = {"spf": "spf.test", "dkim": "dkim.test", "dmarc": "dmarc.test", "alignment": "align.test"}
PREFIX = {"spf": "SPF", "dkim": "DKM", "dmarc": "DMA", "alignment": "ALN"}


class Faults:
    """A source that lets some names fail, and changes what others bring; the rest is as in the world beneath."""

    def __init__(self, source, failing=None, changed=None):
        self.source, self.failing, self.changed = source, failing or {}, changed or {}

    def line(self, until):
        beneath, owner = self.source.line(until), self

        class Line:
            def put(self, ask, done):
                name = codec.name_text(ask.name)
                if outcome := next((o for n, o in owner.failing.items() if name == n or (n.startswith("*") and name.endswith(n[1:]))), None):
                    done(Reply(outcome, detail="broken on purpose", server="192.0.2.53"))
                elif name in owner.changed:
                    done(owner.changed[name](ask))
                else:
                    beneath.put(ask, done)

            def close(self):
                beneath.close()

        return Line()


def world_of(topic, failing=None, changed=None):
    world = World.zones([WORLDS / f"{name}.zone" for name in FILES[topic]], only=True)
    return World(Faults(world.source, failing, changed), describe="a world with faults", only_zone=True) if failing or changed else world


def look(topic, case, *, failing=None, changed=None, **options):
    world = world_of(topic, failing, changed)
    try:
        domain = case if case.endswith((".test", ".example")) else f"{case}.{ZONES[topic]}"
        return scan(domain, world=world, topics=[topic], **options)
    finally:
        world.close()


def codes(report, topic):
    return {f.code for f in report.findings if f.code.startswith(PREFIX[topic])}


IP = {"ips": ["192.0.2.1"]}
AWAY = {"ips": ["192.0.2.9"]}
S1 = {"selectors": ["s1"]}
DOWN = Outcome.TIMEOUT

# topic, case, options, codes that must appear, codes that must not
CASES = [
    ("spf", "good", IP, {"SPF001", "SPF017"}, {"SPF002", "SPF003", "SPF004", "SPF005", "SPF006", "SPF016", "SPF018", "SPF025"}),
    ("spf", "upper", {}, {"SPF001"}, {"SPF005", "SPF024"}),
    ("spf", "missing", {}, {"SPF002"}, {"SPF001", "SPF024", "SPF003"}),
    ("spf", "bare", {}, {"SPF002"}, {"SPF001"}),
    ("spf", "several", {}, {"SPF003"}, {"SPF001", "SPF002", "SPF004"}),
    ("spf", "several-redirect", {}, {"SPF003"}, {"SPF002"}),
    ("spf", "eleven", {}, {"SPF004"}, {"SPF001", "SPF025", "SPF000"}),
    ("spf", "deep", {}, {"SPF004"}, {"SPF001"}),
    ("spf", "ten", {}, {"SPF025", "SPF001"}, {"SPF004"}),
    ("spf", "syntax", IP, {"SPF005", "SPF021"}, {"SPF001", "SPF007", "SPF018"}),
    ("spf", "late-error", {}, {"SPF005"}, {"SPF001", "SPF023"}),
    ("spf", "voids", {}, {"SPF006"}, {"SPF001", "SPF000"}),
    ("spf", "two-voids", {}, {"SPF001"}, {"SPF006"}),
    ("spf", "plus", AWAY, {"SPF007", "SPF017"}, {"SPF001", "SPF008", "SPF009"}),
    ("spf", "neutral", AWAY, {"SPF008", "SPF020"}, {"SPF007", "SPF009", "SPF019"}),
    ("spf", "open", AWAY, {"SPF009", "SPF020"}, {"SPF008"}),
    ("spf", "ptr", {}, {"SPF010"}, {"SPF001"}),
    ("spf", "redirected", {}, {"SPF001"}, {"SPF009", "SPF010", "SPF011", "SPF012"}),
    ("spf", "ignored", {}, {"SPF011"}, {"SPF012", "SPF001"}),
    ("spf", "redirect-none", {}, {"SPF012"}, {"SPF013", "SPF001"}),
    ("spf", "include-none", {}, {"SPF013"}, {"SPF012", "SPF014", "SPF015"}),
    ("spf", "include-circle", {}, {"SPF013"}, {"SPF000", "SPF014"}),
    ("spf", "circle", {}, {"SPF002"}, {"SPF000"}),
    ("spf", "loop", {}, {"SPF014"}, {"SPF013", "SPF001"}),
    ("spf", "self", {}, {"SPF014"}, {"SPF001"}),
    ("spf", "branch-broken", {}, {"SPF015"}, {"SPF005", "SPF001"}),
    ("spf", "branch-several", {}, {"SPF015"}, {"SPF003"}),
    ("spf", "macros", IP, {"SPF016", "SPF017"}, {"SPF027", "SPF022"}),
    ("spf", "macro-include", {}, {"SPF016", "SPF027"}, {"SPF001"}),
    ("spf", "refusing", AWAY, {"SPF018"}, {"SPF017", "SPF019", "SPF020", "SPF021", "SPF022"}),
    ("spf", "wide-net", {}, {"SPF028"}, {"SPF001", "SPF007"}),
    ("spf", "upper", AWAY, {"SPF001"}, {"SPF028"}),
    ("spf", "long-chain", {}, {"SPF000"}, {"SPF001", "SPF013"}),
    ("dkim", "aliased-away", {}, {"DKM010"}, {"DKM009"}),
    ("dkim", "looped", S1, {"DKM002"}, {"DKM000", "DKM001"}),
    ("spf", "good", AWAY, {"SPF019"}, {"SPF017", "SPF018"}),
    ("spf", "after-all", {}, {"SPF023"}, {"SPF001", "SPF011"}),
    ("spf", "version", {}, {"SPF024"}, {"SPF002"}),
    ("spf", "aliased", {}, {"SPF001"}, {"SPF002"}),
    ("spf", "missing", {"mail_from": "good.spf.test"}, {"SPF026", "SPF001"}, {"SPF002"}),
    ("spf", "good", {"mail_from": "upper.spf.test"}, {"SPF001"}, {"SPF026"}),
    ("spf", "outside", IP, {"SPF999", "SPF017"}, {"SPF000", "SPF001", "SPF013"}),
    ("spf", "good", {**AWAY, "failing": {"good.spf.test": DOWN}}, {"SPF000"}, {"SPF001", "SPF002", "SPF022", "SPF999"}),
    ("spf", "good", {**AWAY, "failing": {"_service.spf.test": DOWN}}, {"SPF000", "SPF022"}, {"SPF001", "SPF013", "SPF019", "SPF021"}),
    ("dkim", "good", S1, {"DKM001"}, {"DKM000", "DKM002", "DKM003", "DKM004", "DKM006", "DKM007", "DKM009", "DKM010", "DKM011", "DKM016", "DKM018"}),
    ("dkim", "good", {}, {"DKM001"}, {"DKM009", "DKM010"}),
    ("dkim", "bare", {}, {"DKM001"}, {"DKM012"}),
    ("dkim", "aliased", {}, {"DKM001"}, {"DKM010"}),
    ("dkim", "none", S1, {"DKM002", "DKM009"}, {"DKM010", "DKM001", "DKM012"}),
    ("dkim", "none", {}, {"DKM009"}, {"DKM010", "DKM002", "DKM000"}),
    ("dkim", "hidden", {}, {"DKM010"}, {"DKM009", "DKM002", "DKM001"}),
    ("dkim", "hidden", {"selectors": ["very-unusual-2027"]}, {"DKM001"}, {"DKM010", "DKM002"}),
    ("dkim", "spf-wild", {}, {"DKM010"}, {"DKM009", "DKM001", "DKM011", "DKM018"}),
    ("dkim", "tiny", S1, {"DKM003"}, {"DKM001", "DKM004"}),
    ("dkim", "short", S1, {"DKM004"}, {"DKM001", "DKM003"}),
    ("dkim", "revoked", S1, {"DKM005"}, {"DKM001", "DKM008", "DKM011"}),
    ("dkim", "testing", S1, {"DKM006"}, {"DKM005"}),
    ("dkim", "several", S1, {"DKM007"}, {"DKM001", "DKM012"}),
    ("dkim", "broken", S1, {"DKM008"}, {"DKM001", "DKM005"}),
    ("dkim", "cut", S1, {"DKM008"}, {"DKM003"}),
    ("dkim", "ed-short", S1, {"DKM008"}, {"DKM001"}),
    ("dkim", "ed", S1, {"DKM001", "DKM016"}, {"DKM003", "DKM004", "DKM015"}),
    ("dkim", "wild", {}, {"DKM011", "DKM010"}, {"DKM005", "DKM009", "DKM001", "DKM018"}),
    ("dkim", "wild", S1, {"DKM011", "DKM005"}, {"DKM010", "DKM009"}),
    ("dkim", "wild-real", {}, {"DKM011", "DKM001"}, {"DKM010"}),
    ("dkim", "wild-key", {}, {"DKM018"}, {"DKM011", "DKM009", "DKM010"}),
    ("dkim", "parked", {}, {"DKM019"}, {"DKM009", "DKM010", "DKM011"}),
    ("dkim", "wild-parked", {}, {"DKM011"}, {"DKM010", "DKM019"}),
    ("dkim", "text", S1, {"DKM012"}, {"DKM002", "DKM001", "DKM008"}),
    ("dkim", "text", {}, {"DKM010"}, {"DKM012", "DKM001"}),
    ("dkim", "version", S1, {"DKM012"}, {"DKM001"}),
    ("dkim", "late-version", S1, {"DKM012"}, {"DKM001"}),
    ("dkim", "sha1", S1, {"DKM013"}, {"DKM001", "DKM014"}),
    ("dkim", "other", S1, {"DKM014"}, {"DKM001", "DKM013"}),
    ("dkim", "dsa", S1, {"DKM015"}, {"DKM001", "DKM008", "DKM013", "DKM014"}),
    ("dkim", "elsewhere.example", {}, {"DKM999"}, {"DKM009", "DKM010", "DKM000"}),
    ("dkim", "none", {**S1, "failing": {"*._domainkey.none.dkim.test": DOWN}}, {"DKM000"}, {"DKM002", "DKM999", "DKM001"}),
    ("dkim", "none", {"failing": {"_domainkey.none.dkim.test": Outcome.SERVFAIL}}, {"DKM000", "DKM010"}, {"DKM009", "DKM999"}),
    ("dmarc", "good", {}, {"DMA001"}, {"DMA002", "DMA003", "DMA004", "DMA005", "DMA006", "DMA007", "DMA008", "DMA009", "DMA012", "DMA015", "DMA016", "DMA999"}),
    ("dmarc", "loose", {}, {"DMA001"}, {"DMA013", "DMA014"}),
    ("dmarc", "noise", {}, {"DMA001"}, {"DMA003", "DMA014"}),
    ("dmarc", "missing", {}, {"DMA002", "DMA999"}, {"DMA001", "DMA000", "DMA014", "DMA017"}),
    ("dmarc", "several", {}, {"DMA003"}, {"DMA001", "DMA002"}),
    ("dmarc", "child.several", {}, {"DMA003"}, {"DMA001", "DMA002"}),
    ("dmarc", "no-policy", {}, {"DMA004"}, {"DMA001", "DMA005", "DMA007"}),
    ("dmarc", "bad-policy", {}, {"DMA004"}, {"DMA001", "DMA005", "DMA013"}),
    ("dmarc", "defaulted", {}, {"DMA005"}, {"DMA004", "DMA001", "DMA013"}),
    ("dmarc", "silent", {}, {"DMA006"}, {"DMA007", "DMA008"}),
    ("dmarc", "none", {}, {"DMA007"}, {"DMA001", "DMA006", "DMA010"}),
    ("dmarc", "foreign", {}, {"DMA008"}, {"DMA006", "DMA000", "DMA001"}),
    ("dmarc", "testing", {}, {"DMA009"}, {"DMA001", "DMA010"}),
    ("dmarc", "weak-sub", {}, {"DMA010"}, {"DMA001", "DMA007", "DMA011"}),
    ("dmarc", "child.weak-sub", {}, {"DMA007", "DMA015"}, {"DMA001"}),
    ("dmarc", "weak-np", {}, {"DMA011"}, {"DMA010", "DMA007"}),
    ("dmarc", "removed", {}, {"DMA012", "DMA001"}, {"DMA013"}),
    ("dmarc", "bad-value", {}, {"DMA013"}, {"DMA001", "DMA012", "DMA016"}),
    ("dmarc", "case", {}, {"DMA014"}, {"DMA002", "DMA001"}),
    ("dmarc", "child.good", {}, {"DMA015", "DMA001"}, {"DMA002"}),
    ("dmarc", "sized", {}, {"DMA016", "DMA001"}, {"DMA013"}),
    ("dmarc", "stray", {}, {"DMA017"}, {"DMA002", "DMA001"}),
    ("dmarc", "good", {"failing": {"_dmarc.good.dmarc.test": DOWN}}, {"DMA000"}, {"DMA001", "DMA002", "DMA999"}),
    ("dmarc", "missing", {"failing": {"_dmarc.dmarc.test": Outcome.SERVFAIL}}, {"DMA000"}, {"DMA002", "DMA001"}),
    ("dmarc", "foreign", {"failing": {"*._dmarc.refusing.test": DOWN}}, {"DMA000"}, {"DMA008"}),
    ("alignment", "both", IP, {"ALN001"}, {"ALN002", "ALN003", "ALN004", "ALN005", "ALN006", "ALN000", "ALN999"}),
    ("alignment", "spf-only", IP, {"ALN001", "ALN006"}, {"ALN002"}),
    ("alignment", "dkim-only", IP, {"ALN001", "ALN006"}, {"ALN002"}),
    ("alignment", "nothing", IP, {"ALN002"}, {"ALN001", "ALN005"}),
    ("alignment", "nothing", {}, {"ALN005"}, {"ALN001", "ALN002"}),
    ("alignment", "hidden", {"ips": ["192.0.2.9"]}, {"ALN005"}, {"ALN001", "ALN002"}),
    ("alignment", "parked", {}, {"ALN007"}, {"ALN001", "ALN002", "ALN005"}),
    ("alignment", "parked", IP, {"ALN002"}, {"ALN007"}),
    ("alignment", "both", {**IP, "mail_from": "other.align.test"}, {"ALN003", "ALN001"}, {"ALN004", "ALN002"}),
    ("alignment", "both", {**IP, "mail_from": "bounce.both.align.test"}, {"ALN001"}, {"ALN003", "ALN004"}),
    ("alignment", "strict", {**IP, "mail_from": "bounce.strict.align.test"}, {"ALN004"}, {"ALN003", "ALN002"}),
    ("alignment", "both", {**IP, "mail_from": "mail.service.example"}, {"ALN999"}, {"ALN003", "ALN000", "ALN002"}),
    ("alignment", "spf-only", {**IP, "mail_from": "other.align.test", "failing": {"_dmarc.other.align.test": DOWN}}, {"ALN000"}, {"ALN003", "ALN999"}),
]


@pytest.mark.parametrize(("topic", "case", "options", "must", "must_not"), CASES, ids=[f"{c[0]}-{c[1]}-{'-'.join(sorted(c[3]))}" for c in CASES])
def test_codes(topic, case, options, must, must_not):
    found = codes(look(topic, case, **options), topic)
    assert must <= found
    assert not must_not & found


STATUSES = [
    ("spf", "eleven", {}, "SPF004", Status.FAIL),
    ("spf", "eleven", {"ips": ["203.0.113.1"]}, "SPF004", Status.WARN),
    ("dkim", "revoked", {}, "DKM005", Status.NOTE),
    ("dkim", "revoked", S1, "DKM005", Status.FAIL),
    ("dkim", "tiny", {}, "DKM003", Status.WARN),
    ("dkim", "none", {}, "DKM009", Status.WARN),
    ("dkim", "hidden", {}, "DKM010", Status.UNKNOWN),
    ("dkim", "wild", {}, "DKM011", Status.WARN),
    ("dkim", "wild-parked", {}, "DKM011", Status.NOTE),
    ("alignment", "nothing", IP, "ALN002", Status.FAIL),
    ("alignment", "watched", IP, "ALN002", Status.WARN),
]


@pytest.mark.parametrize(("topic", "case", "options", "code", "status"), STATUSES)
def test_how_bad_it_is(topic, case, options, code, status):
    assert {f.status for f in look(topic, case, **options).findings if f.code == code} == {status}


# ------------------------------------------------------------------ a time-out is never an absence


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.SERVFAIL, Outcome.REFUSED, Outcome.BOGUS])
@pytest.mark.parametrize(("topic", "case"), [("spf", "good"), ("dkim", "good"), ("dmarc", "good"), ("alignment", "both")])
def test_nothing_is_called_missing_when_nobody_answers(topic, case, outcome):
    report = look(topic, case, failing={"*": outcome}, ips=["192.0.2.1"], selectors=["s1"])
    assert {f.status for f in report.findings if f.code.startswith(PREFIX[topic])} <= {Status.UNKNOWN}
    assert codes(report, topic)


def test_nxdomain_below_domainkey_needs_proof():
    """An unsigned NXDOMAIN from one resolver is not enough to say that no key is published (RFC 8020 is not kept by all servers)."""
    plain = {"_domainkey.none.dkim.test": lambda _: Reply(rcode=codec.NXDOMAIN)}
    found = codes(look("dkim", "none", changed=plain), "dkim")
    assert "DKM020" in found
    assert not found & {"DKM009", "DKM010"}


# ------------------------------------------------------------------ facts


def test_facts_of_spf():
    spf = look("spf", "good", ips=["192.0.2.1", "192.0.2.9"]).facts["spf"]
    assert {"record", "verdicts", "lookups", "void_lookups", "tree"} <= spf.keys()
    assert {ip: v["result"] for ip, v in spf["verdicts"].items()} == {"192.0.2.1": "pass", "192.0.2.9": "softfail"}
    assert (spf["lookups"], spf["void_lookups"]) == (1, 0)
    assert {"domain", "record", "terms", "lookups", "voids", "error"} <= spf["tree"].keys()
    assert spf["tree"]["children"][0]["domain"] == "_service.spf.test"
    assert spf["opinion"]["agrees"] is True


def test_a_count_that_cannot_be_finished_is_open():
    assert look("spf", "outside").facts["spf"]["lookups"] is None
    spf = look("spf", "wide").facts["spf"]
    assert spf["lookups"] is None
    assert spf["lookups_at_least"] > 10


def test_own_addresses():
    assert look("spf", "own").facts["spf"]["own_addresses"] == ["192.0.2.7", "2001:db8::7", "192.0.2.25"]


def test_temperror_is_not_permerror():
    verdict = look("spf", "good", failing={"_service.spf.test": DOWN}, ips=["192.0.2.9"]).facts["spf"]["verdicts"]["192.0.2.9"]
    assert verdict["result"] == "temperror"


@pytest.mark.parametrize(
    ("case", "found_at", "org", "policy", "applies"),
    [
        ("good", "good", "good", "reject", "p"),
        ("child.weak-sub", "weak-sub", "weak-sub", "none", "sp"),
        ("gone.weak-np", "weak-np", "weak-np", "none", "np"),
        ("testing", "testing", "testing", "quarantine", "p"),
        ("a.division", "division", "division", "quarantine", "p"),
        ("www.shop.registry", "registry", "shop.registry", "reject", "p"),
        ("defaulted", "defaulted", "defaulted", "none", "p"),
        ("no-policy", "no-policy", "no-policy", None, None),
    ],
)
def test_policy_in_effect(case, found_at, org, policy, applies):
    dmarc = look("dmarc", case).facts["dmarc"]
    assert dmarc["found_at"] == f"{found_at}.dmarc.test"
    assert dmarc["org"] == f"{org}.dmarc.test"
    assert (dmarc["policy"], dmarc["applies"]) == (policy, applies)


def test_walk_names():
    assert names("a.b.c.d.e.f.g.h.i.example") == (
        "a.b.c.d.e.f.g.h.i.example",
        *("d.e.f.g.h.i.example", "e.f.g.h.i.example", "f.g.h.i.example", "g.h.i.example", "h.i.example", "i.example", "example"),
    )


def test_alignment_table():
    rows = look("alignment", "strict", ips=["192.0.2.1"], mail_from="bounce.strict.align.test").facts["alignment"]["rows"]
    spf = next(r for r in rows if r["mechanism"] == "spf")
    dkim = next(r for r in rows if r["mechanism"] == "dkim")
    assert (spf["relaxed"], spf["strict"], spf["asked"], spf["usable"], spf["aligned"]) == (True, False, "strict", True, False)
    assert (dkim["identifier"], dkim["selector"], dkim["aligned"]) == ("strict.align.test", "s1", True)


# ------------------------------------------------------------------ proposals

PROPOSING = [
    ("spf", "refusing", AWAY, "SPF018"),
    ("spf", "good", AWAY, "SPF019"),
    ("spf", "neutral", AWAY, "SPF020"),
    ("spf", "neutral", {}, "SPF008"),
    ("spf", "open", {}, "SPF009"),
    ("spf", "ignored", {}, "SPF011"),
    ("spf", "several", {}, "SPF003"),
    ("spf", "missing", IP, "SPF002"),
    ("dkim", "testing", S1, "DKM006"),
    ("dmarc", "missing", {}, "DMA002"),
    ("dmarc", "stray", {}, "DMA017"),
    ("dmarc", "no-policy", {}, "DMA004"),
    ("dmarc", "removed", {}, "DMA012"),
]
SENDERS = ["192.0.2.1", "198.51.100.5", "2001:db8:5::1", "203.0.113.200"]


def _publish(record):
    """The record set with the proposal in place of what it replaces."""

    def answer(ask):
        texts = record.proposed if ask.rtype == codec.TXT else ()
        rows = tuple(RR(ask.name, codec.TXT, 60, text, tuple(text.encode()[i : i + 255] for i in range(0, len(text), 255))) for text in texts)
        return Reply(records=rows, draft=True)

    return {record.name: answer}


@pytest.mark.parametrize(("topic", "case", "options", "code"), PROPOSING, ids=[f"{c[1]}-{c[3]}" for c in PROPOSING])
def test_a_proposal_is_safe(topic, case, options, code):
    """Published, it takes its finding away, turns no pass into a failure, and lets every sender pass that passed."""
    before = look(topic, case, **options)
    finding = next(f for f in before.findings if f.code == code)
    assert finding.record is not None
    after = look(topic, case, changed=_publish(finding.record), **options)
    assert code not in codes(after, topic) or finding.subject not in {f.subject for f in after.findings if f.code == code}
    assert not {f.code for f in after.findings if f.status is Status.FAIL} - {f.code for f in before.findings}
    if topic == "spf":
        assert "+all" not in finding.record.proposed[0]
        verdicts = [look(topic, case, ips=SENDERS, **extra).facts["spf"]["verdicts"] for extra in ({}, {"changed": _publish(finding.record)})]
        for ip in SENDERS:
            assert verdicts[0][ip]["result"] != "pass" or verdicts[1][ip]["result"] == "pass"


@pytest.mark.parametrize(
    ("topic", "case", "options", "code"),
    [
        ("spf", "refusing-one", {"ips": ["192.0.2.66"]}, "SPF018"),
        ("spf", "several-redirect", {}, "SPF003"),
        ("spf", "plus", {}, "SPF007"),
        ("spf", "good", {**AWAY, "mail_from": "refusing.spf.test"}, "SPF018"),
        ("spf", "good", {**IP, "mail_from": "missing.spf.test"}, "SPF002"),
        ("spf", "eleven", {}, "SPF004"),
        ("dkim", "none", S1, "DKM002"),
        ("dmarc", "none", {}, "DMA007"),
        ("dmarc", "removed-part", {}, "DMA012"),
        ("dmarc", "aliased", {}, "DMA012"),
        ("dmarc", "case", {}, "DMA014"),
    ],
)
def test_no_record_where_only_the_user_knows(topic, case, options, code):
    finding = next(f for f in look(topic, case, **options).findings if f.code == code)
    assert finding.record is None
    assert finding.choices or catalog().checks[code].why_no_record


def test_covering_keeps_every_character():
    assert covering(parse_spf("v=spf1  mx ~ALL"), ["2001:db8::1"]) == "v=spf1  mx ip6:2001:db8::1 ~ALL"
    assert covering(parse_spf("v=spf1 mx redirect=x.example"), ["192.0.2.1"]) == "v=spf1 mx ip4:192.0.2.1 redirect=x.example"
    assert merged(["v=spf1 -ip4:192.0.2.1 ~all", "v=spf1 mx ~all"]) is None
    assert merged(["v=spf1 +all", "v=spf1 mx ~all"]) is None


# ------------------------------------------------------------------ hostile text

HOSTILE = [
    "v=spf1 " + "a " * 32000,
    "v=spf1 " + "%{" * 4000,
    "v=spf1 include:%{d" + "." * 900 + " ~all",
    "v=spf1 \0 ~all",
    "v=spf1 ip4:192.0.2.1 é ~all",
    "v=spf1 a:" + "a" * 900 + "! ~all",
    "v=spf1 " + " ".join(f"m{n}=%{{i}}" for n in range(700)) + " ~all",
    "v=spf1 a//// mx:/:/ ip6:::: ip4:/ exists redirect= exp= =x :y ~all",
    "v=spf1 include:a..example include:.example ip4:192.0.2.1/٣ ~all",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_spf(text):
    raw = text.encode("utf-8")
    strings = tuple(raw[i : i + 255] for i in range(0, len(raw), 255))
    record = {"bare.spf.test": lambda ask: Reply(records=(RR(ask.name, codec.TXT, 60, text, strings),) if ask.rtype == codec.TXT else ())}
    report = look("spf", "bare", changed=record, ips=["192.0.2.1"])
    assert codes(report, "spf")
    assert report.timing.elapsed_ms < 2000


@pytest.mark.parametrize("case", ["bomb-a", "wide"])
def test_bombs_stay_in_budget(case):
    report = look("spf", case, ips=["192.0.2.1"])
    assert "SPF004" in codes(report, "spf")
    assert len(report.transcript) <= 100


@pytest.mark.parametrize(
    "text", ["v=DMARC1;" + "=;" * 8000, "v=DMARC1; p=\0; rua=mailto:", "v=DMARC1; rua=" + "mailto:a@b.example," * 600, "v=DMARC1; é=1; p=none"]
)
def test_hostile_dmarc(text):
    parse_dmarc(text)
    libs.dmarc_opinion(text, "example.com")


@pytest.mark.parametrize(
    "text", ["p=" + "A" * 60000, "v=DKIM1; p=MA==", "p=;p=", ";;;=", "v=DKIM1; k=ed25519; p=\0", "t=y:s:y:" * 900, "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ"]
)
def test_hostile_dkim(text):
    parse_key(text)


# ------------------------------------------------------------------ what the libraries are kept from


def test_keys_read_from_checkdmarc():
    """The contract with checkdmarc: an upgrade that changes these is to fail here, and only here."""
    dmarc = libs.dmarc_opinion("v=DMARC1; p=reject; adkim=s", "example.com")
    assert dmarc.valid is True
    assert (dmarc.values["p"], dmarc.values["adkim"], dmarc.values["aspf"]) == ("reject", "s", "r")
    spf = libs.spf_opinion("v=spf1 ip4:192.0.2.1 -all", "example.com", ())
    assert (spf.valid, spf.values["lookups"], spf.values["void_lookups"]) == (True, 0, 0)
    assert libs.spf_opinion("v=spf1 include:x.example -all", "example.com", ()).valid is None
    assert libs.dmarc_opinion("v=DMARC1; p=maybe", "example.com").valid is False


def test_signed_nxdomain_is_proof():
    """What a validating resolver says below _domainkey needs no second voice."""
    from healthcheck.checks.dkim import DkimFacts, judge
    from healthcheck.checks.facts import Facts
    from healthcheck.model import Answer, Domain, ScanInput

    signed = Answer("_domainkey.example.com", "TXT", Outcome.NXDOMAIN, secure=Secure.YES)
    facts = Facts(ScanInput(Domain.parse("example.com")), dkim=DkimFacts("example.com", {}, False, False, True, 60, signed, signed))
    assert [f.code for f in judge(facts)] == ["DKM009"]
    facts.dkim = replace(facts.dkim, no_keys=None)
    assert [f.code for f in judge(facts)] == ["DKM010"]


def test_a_service_brings_its_selectors():
    """A key under a selector that only one service uses is found by the MX host, or the SPF include, of that service."""
    common = set(catalog().common_selectors)
    esp = next(e for e in catalog().esps.values() if e.mx and any(s not in common for s in e.selectors))
    selector = next(s for s in esp.selectors if s not in common)
    host = codec.name_wire(f"mx1.{esp.mx[0].lstrip('.')}")
    changed = {
        "hidden.dkim.test": lambda ask: Reply(
            records=(RR(ask.name, codec.MX, 60, f"10 {codec.name_text(host)}", target=host),) if ask.rtype == codec.MX else ()
        ),
        f"{selector}._domainkey.hidden.dkim.test": lambda ask: Reply(records=(RR(ask.name, codec.TXT, 60, "p=", (b"p=",)),)),
    }
    report = look("dkim", "hidden", changed=changed)
    assert report.facts["dkim"]["selectors"][selector]["source"] == "provider"

    named = next(e for e in catalog().esps.values() if e.spf and e.selectors)
    assert set(named.selectors) <= set(hinted([], ["sub" + s if s.startswith(".") else s for s in named.spf]))


def _slots(*sentences):
    return {field for text in sentences for _, field, _, _ in string.Formatter().parse(text) if field}


@pytest.mark.parametrize(("topic", "case", "options"), [c[:3] for c in CASES], ids=[f"{c[0]}-{c[1]}-{n}" for n, c in enumerate(CASES)])
def test_every_slot_is_filled(topic, case, options):
    for finding in look(topic, case, **options).findings:
        row = catalog().checks[finding.code]
        if row.topic not in PREFIX:
            continue
        given = {"subject", *finding.values}
        assert _slots(row.title, row.message, row.why, row.fix, *row.steps, row.why_no_record or "") <= given
        for choice in finding.choices:
            assert _slots(row.choices[choice.key]) <= given | set(choice.values)
        assert finding.record or finding.choices or row.why_no_record
        assert finding.evidence or finding.status is Status.UNKNOWN
