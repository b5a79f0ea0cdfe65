"""Topic dmarc beyond test_checks_auth: sub-domains, older receivers, report domains, and proposals that are safe."""

import re

import pytest
import test_checks_auth as auth
from support import Faults, world_of

from app import create_app
from healthcheck.catalog import catalog
from healthcheck.checks.dmarc.below import MAX_NAMES, in_spf, questions
from healthcheck.checks.dmarc.legacy import org_of
from healthcheck.checks.dmarc.record import parse
from healthcheck.checks.dmarc.reports import MAX_QUESTIONS, destinations
from healthcheck.edge.world import World
from healthcheck.model import Answer, Outcome, Status
from healthcheck.render import words
from healthcheck.scan import scan

WORLDS = auth.WORLDS
DOWN = Outcome.TIMEOUT
ALL = {"topics": ["dmarc", "spf", "dkim"]}


def look(case, *, failing=None, changed=None, topics=("dmarc",), **options):
    world = auth.world_of("dmarc", failing, changed)
    try:
        return scan(f"{case}.dmarc.test", world=world, topics=list(topics), **options)
    finally:
        world.close()


def codes(report):
    return {f.code for f in report.findings if f.code.startswith("DMA")}


# case, options, codes that must appear, codes that must not
CASES = [
    ("below", {}, {"DMA021"}, {"DMA001", "DMA000", "DMA020", "DMA010"}),
    ("covered", {}, {"DMA001"}, {"DMA021", "DMA020"}),
    ("unit.covered", {}, {"DMA020", "DMA001"}, {"DMA010", "DMA021"}),
    ("weak-sub", {}, {"DMA010"}, {"DMA020"}),
    ("division-sp", {}, {"DMA010"}, {"DMA020"}),
    ("mistyped", {}, {"DMA019", "DMA001"}, {"DMA006", "DMA013"}),
    ("good", {}, {"DMA001"}, {"DMA018", "DMA019", "DMA020", "DMA021", "DMA022"}),
    ("loose", {}, {"DMA019", "DMA001"}, {"DMA012"}),
    ("many-reports", {}, {"DMA022", "DMA008"}, {"DMA000", "DMA006"}),
    ("foreign", {}, {"DMA008"}, {"DMA022"}),
    ("several-up", {}, {"DMA001"}, {"DMA003"}),
    ("two.several-up", {}, {"DMA003", "DMA018", "DMA015"}, {"DMA001", "DMA002"}),
    ("a.two.several-up", {}, {"DMA003", "DMA015"}, {"DMA002"}),
    ("child.good", {}, {"DMA015", "DMA018"}, {"DMA002"}),
    ("testing", {}, {"DMA018", "DMA009"}, {"DMA001"}),
    ("removed-part", {}, {"DMA018", "DMA012"}, {"DMA013"}),
    ("removed", {}, {"DMA012"}, {"DMA018"}),
    ("gone.weak-np", {}, set(), {"DMA001"}),
    ("bad-sp", {}, {"DMA005", "DMA007"}, {"DMA004", "DMA013", "DMA018", "DMA001", "DMA010"}),
    ("parked", ALL, {"DMA002"}, {"DMA001"}),
    ("parked-none", ALL, {"DMA007"}, {"DMA001", "DMA002", "DMA006"}),
    ("untagged", {}, {"DMA005", "DMA007"}, {"DMA004", "DMA001"}),
    ("below", {"failing": {"_dmarc.out.below.dmarc.test": DOWN}}, {"DMA000"}, {"DMA021"}),
    ("below", {"failing": {"below.dmarc.test": DOWN}}, set(), {"DMA002", "DMA017"}),
]
ALIGNMENT = [
    ("both", {"ips": ["192.0.2.1"], "mail_from": "other.align.test"}, {"ALN008", "ALN003"}, {"ALN004"}),
    ("both", {"ips": ["192.0.2.1"], "mail_from": "bounce.both.align.test"}, {"ALN001"}, {"ALN008"}),
    ("strict", {"ips": ["192.0.2.1"], "mail_from": "bounce.strict.align.test"}, {"ALN004"}, {"ALN008"}),
]
TABLES = [*((must, must_not) for _, _, must, must_not in CASES), *((must, must_not) for _, _, must, must_not in ALIGNMENT)]


@pytest.mark.parametrize(("case", "options", "must", "must_not"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)])
def test_codes(case, options, must, must_not):
    report = look(case, **options)
    found = codes(report)
    assert must <= found
    assert not must_not & found
    for finding in report.findings:
        row = catalog().checks[finding.code]
        given = {"subject", *finding.values}
        assert auth._slots(row.title, row.message, row.why, row.fix, *row.steps, row.why_no_record or "") <= given
        assert finding.record or finding.choices or row.why_no_record
        assert finding.evidence or finding.status is Status.UNKNOWN


@pytest.mark.parametrize(("case", "options", "must", "must_not"), ALIGNMENT)
def test_alignment_codes(case, options, must, must_not):
    found = auth.codes(auth.look("alignment", case, **options), "alignment")
    assert must <= found
    assert not must_not & found


@pytest.mark.parametrize(
    ("case", "code", "status"),
    [
        ("several", "DMA003", Status.FAIL),
        ("two.several-up", "DMA003", Status.FAIL),
        ("a.two.several-up", "DMA003", Status.WARN),
        ("none", "DMA007", Status.NOTE),
        ("parked-none", "DMA007", Status.WARN),
    ],
)
def test_how_bad_it_is(case, code, status):
    assert {f.status for f in look(case, **ALL).findings if f.code == code} == {status}


# ------------------------------------------------------------------ which sub-domains are protected


def rows_of(report):
    return {row["name"].removesuffix(".dmarc.test"): row for row in report.facts["dmarc"]["below"]}


def test_sub_domains_that_the_scan_met():
    rows = rows_of(look("below"))
    assert {name: (r["source"], r["policy"], r["applies"], r["own"], r["protected"]) for name, r in rows.items()} == {
        "out.below": ("spf", "none", "p", True, False),
        "mx.below": ("mx", "reject", "p", False, True),
        "*.below": ("none", "reject", "p", False, True),
    }
    kinds = [(r["source"], r["policy"]) for r in look("below").facts["dmarc"]["below"] if r["name"].startswith("*")]
    assert kinds == [("any", "reject"), ("none", "reject")]


@pytest.mark.parametrize(
    ("case", "existing", "missing", "at"),
    [
        ("weak-sub", ("none", "sp"), ("none", "sp"), "weak-sub"),
        ("weak-np", ("reject", "p"), ("none", "np"), "weak-np"),
        ("unit.covered", ("reject", "p"), ("reject", "p"), "covered"),
        ("a.division", ("quarantine", "p"), ("quarantine", "p"), "division"),
        ("registry", ("reject", "p"), ("reject", "p"), "registry"),
        ("testing", ("quarantine", "p"), ("quarantine", "p"), "testing"),
        ("no-policy", (None, None), (None, None), "no-policy"),
    ],
)
def test_sub_domains_that_nobody_named(case, existing, missing, at):
    rows = {r["source"]: r for r in look(case).facts["dmarc"]["below"]}
    assert [(rows[k]["policy"], rows[k]["applies"], rows[k]["found_at"]) for k in ("any", "none")] == [(*v, f"{at}.dmarc.test") for v in (existing, missing)]
    assert rows["any"]["protected"] is (existing[0] in ("quarantine", "reject"))


def test_what_is_not_known_of_a_sub_domain_is_open():
    row = rows_of(look("below", failing={"_dmarc.out.below.dmarc.test": DOWN}))["out.below"]
    assert (row["known"], row["policy"], row["protected"]) == (False, None, None)


def test_names_below_in_an_spf_record():
    text = "v=spf1 a:out.example.com mx:example.com/24 include:_spf.example.com include:x.example.net A:UP.example.com. exists:%{i}.e.example.com a:b..example.com -all"
    answer = Answer("example.com", "TXT", Outcome.FOUND, (text,))
    assert list(in_spf("example.com", answer)) == ["out.example.com", "up.example.com"]


def test_few_sub_domains_are_looked_at():
    many = [f"n{n}.example.com" for n in range(40)]
    chosen = questions("example.com", ["example.com", "com"], ["a.b.c.d.e.f.g.h.i.j.k.example.com", *many])
    assert len(chosen) <= MAX_NAMES
    assert sum(map(len, chosen.values())) <= 8


# ------------------------------------------------------------------ report domains


def test_every_report_domain_is_told():
    checks = {c["domain"].removesuffix(".refusing.test"): c for c in look("many-reports").facts["dmarc"]["reports"]}
    assert list(checks) == [f"r{n}" for n in range(1, 15)]
    assert all(c["authorised"] is False for c in checks.values() if c["looked_at"])
    assert [name for name, c in checks.items() if not c["looked_at"]] == ["r12", "r13", "r14"]
    assert all(c["authorised"] is None for c in checks.values() if not c["looked_at"])


def test_report_domains_keep_to_their_budget():
    record = parse("v=DMARC1; p=none; rua=" + ",".join(f"mailto:r@d{n}.x{n}.example" for n in range(49)))
    assert len(destinations(record)) == 49
    asked = [a for a in look("many-reports").transcript if a.name.endswith(".refusing.test")]
    assert len(asked) <= MAX_QUESTIONS


@pytest.mark.parametrize("fault", ["timeout", "servfail", "refused", "error", "not_asked"])
def test_a_grant_that_was_not_answered_is_not_a_refusal(tmp_path, fault):
    zones = {
        "sender.example": '@ A 192.0.2.1\n_dmarc TXT "v=DMARC1; p=reject; rua=mailto:a@reports.example,mailto:b@quiet.example; ruf=mailto:c@sender.example"',
        "reports.example": 'sender.example._report._dmarc TXT "v=DMARC1"',
        "quiet.example": "@ A 192.0.2.1",
    }
    whole = world_of(tmp_path, zones, patch="com. 60 NS ns.com.")
    reports = {r["domain"]: r for r in scan("sender.example", world=whole, topics=["dmarc"]).facts["dmarc"]["reports"]}
    assert {d: (r["external"], r["authorised"]) for d, r in reports.items()} == {
        "reports.example": (None, True),
        "quiet.example": (True, False),
        "sender.example": (False, True),
    }
    broken = Faults(whole, **{fault: {"sender.example._report._dmarc.quiet.example"}})
    report = scan("sender.example", world=broken, topics=["dmarc"])
    assert {r["domain"]: r["authorised"] for r in report.facts["dmarc"]["reports"]} == {"reports.example": True, "quiet.example": None, "sender.example": True}
    assert "DMA000" in codes(report)
    assert "DMA008" not in codes(report)
    whole.close()


def test_a_destination_of_the_same_organization_needs_no_grant(tmp_path):
    zones = {"sender.example": '_dmarc TXT "v=DMARC1; p=reject"\n_dmarc.mail TXT "v=DMARC1; p=reject; rua=mailto:a@reports.sender.example"\nmail A 192.0.2.1'}
    world = world_of(tmp_path, zones)
    reports = scan("mail.sender.example", world=world, topics=["dmarc"]).facts["dmarc"]["reports"]
    assert [(r["external"], r["authorised"]) for r in reports] == [(False, True)]
    world.close()


# ------------------------------------------------------------------ the public suffix list


@pytest.mark.parametrize(
    ("domain", "org"),
    [
        ("example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("mail.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),  # a suffix itself
        ("someone.github.io", "someone.github.io"),  # the private part of the list
        ("www.someone.github.io", "someone.github.io"),
        ("a.b.c.ck", "b.c.ck"),  # *.ck is a suffix,
        ("a.www.ck", "www.ck"),  # but for this one
        ("mail.example.xn--55qx5d.cn", "example.xn--55qx5d.cn"),
        ("a.b.example", "b.example"),  # a top-level domain that no list knows
        ("com.ac.example", "ac.example"),
    ],
)
def test_organizational_domain_by_the_list(domain, org):
    assert org_of(domain) == org


# ------------------------------------------------------------------ proposals

PROPOSED = [
    ("missing", "DMA002", ("v=DMARC1; p=none",)),
    ("parked", "DMA002", ("v=DMARC1; p=reject",)),
    ("parked-signing", "DMA002", ("v=DMARC1; p=none",)),
    ("noisy", "DMA002", ("something else", "v=DMARC1; p=none")),
    ("no-policy", "DMA004", ("v=DMARC1; p=none",)),
    ("untagged", "DMA005", ("v=DMARC1; p=none; rua=mailto:reports@untagged.dmarc.test",)),
    ("untagged-sp", "DMA005", None),
    ("defaulted", "DMA005", None),
    ("parked-none", "DMA007", ("kept beside it", "v=DMARC1; p=reject; rua=mailto:reports@parked-none.dmarc.test")),
    ("none", "DMA007", None),
    ("removed", "DMA012", ("v=DMARC1; p=reject; rua=mailto:reports@removed.dmarc.test",)),
    ("removed-part", "DMA012", None),
    ("removed-below", "DMA012", None),
    ("sized", "DMA016", ("v=DMARC1; p=reject; rua=mailto:reports@sized.dmarc.test",)),
    ("weak-sub", "DMA010", None),
    ("testing", "DMA009", None),
    ("aliased", "DMA012", None),
]
RANK = [None, "none", "quarantine", "reject"]


@pytest.mark.parametrize(("case", "code", "proposed"), PROPOSED)
def test_what_is_proposed(case, code, proposed):
    """Published, the finding is gone, nothing fails that did not fail, and nothing is stricter but for who sends no mail."""
    before = look(case, topics=[*ALL["topics"], "alignment"])
    finding = next(f for f in before.findings if f.code == code)
    if proposed is None:
        assert finding.record is None
        assert finding.choices or catalog().checks[code].why_no_record
        return
    assert finding.record.name == f"_dmarc.{case}.dmarc.test"
    assert sorted(finding.record.proposed) == sorted(proposed)
    after = look(case, changed=_published(finding.record), topics=[*ALL["topics"], "alignment"])
    assert code not in codes(after)
    assert {f.code for f in after.findings if f.status is Status.FAIL} <= {f.code for f in before.findings if f.status is Status.FAIL}
    if not case.startswith("parked") or case == "parked-signing":
        now, then = (
            [(r["policy"], r["source"]) for r in report.facts["dmarc"]["below"]] + [(report.facts["dmarc"]["policy"], "itself")] for report in (before, after)
        )
        assert all(RANK.index(b[0]) <= max(1, RANK.index(a[0])) for a, b in zip(now, then, strict=True))


def _published(record):
    """Every text of the proposal in place of what stands there."""

    def answer(ask):
        texts = record.proposed if ask.rtype == auth.codec.TXT else ()
        rows = tuple(auth.RR(ask.name, auth.codec.TXT, 60, text, (text.encode(),)) for text in texts)
        return auth.Reply(records=rows, draft=True)

    return {record.name: answer}


def test_a_choice_that_would_be_stricter_carries_no_record():
    choices = next(f for f in look("several").findings if f.code == "DMA003").choices
    assert {c.values["text"]: c.record and c.record.proposed for c in choices} == {"v=DMARC1; p=none": ("v=DMARC1; p=none",), "v=DMARC1; p=reject": None}


def test_beside_choices_stands_why_they_are_left_to_the_user():
    """`why_no_record` belongs to what is shown: the row's own sentence speaks of a case without choices."""
    finding = next(f for f in look("several").findings if f.code == "DMA003")
    assert words.fix(finding)["why_no_record"] == catalog().checks["DMA003"].reasons["choices"]
    missing = next(f for f in look("missing").findings if f.code == "DMA002")
    assert missing.record is not None
    assert words.fix(missing)["why_no_record"] is None
    none = next(f for f in look("none").findings if f.code == "DMA007")
    assert words.fix(none)["why_no_record"] == catalog().checks["DMA007"].why_no_record


@pytest.mark.parametrize(("policy", "status"), [("reject", Status.WARN), ("quarantine", Status.NOTE), ("none", Status.NOTE)])
def test_reject_on_spf_alone(tmp_path, policy, status):
    """RFC 9989 section 7.4: who publishes p=reject must sign with DKIM."""
    record = f'@ A 192.0.2.1\n@ TXT "v=spf1 ip4:192.0.2.1 -all"\n_dmarc TXT "v=DMARC1; p={policy}"'
    world = world_of(tmp_path, {"send.test": record, "test": "x A 192.0.2.1"})
    report = scan("send.test", world=world, ips=["192.0.2.1"], selectors=["s1"])
    assert [f.status for f in report.findings if f.code == "ALN006"] == [status]
    world.close()


# ------------------------------------------------------------------ a domain that the user calls parked

KEY = "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
SENDS, CLOSED, OPEN = '@ TXT "v=spf1 mx include:_spf.example.net -all"', '@ TXT "v=spf1 -all"', '@ TXT "v=spf1 ~all"'
LET_IN = "the record names mx, include:_spf.example.net"
PARKED = {  # what stands there: (zone, options, what speaks against PRK001, and against PRK004; "" proposes outright, None says nothing)
    "nothing at all": ("@ A 192.0.2.1", {}, "", ""),
    "a record that names nobody": (OPEN, {}, "", ""),
    "senders": (SENDS, {}, LET_IN, LET_IN.replace("the", "the SPF", 1)),
    "everybody": ('@ TXT "v=spf1 +all"', {}, "the record names +all", "the SPF record names +all"),
    "a record that cannot be read": ('@ TXT "v=spf1 ip4:192.0.2.300 -all"', {}, "the record names ip4:192.0.2.300", "the SPF record names ip4:192.0.2.300"),
    "several, none names anybody": (f'{CLOSED}\n{OPEN}', {}, "", ""),
    "several, one names senders": (f'{CLOSED}\n@ TXT "v=spf1 a -all"', {}, "the record names a", "the SPF record names a"),
    "a redirect to senders": ('@ TXT "v=spf1 redirect=_spf.park.test"\n_spf TXT "v=spf1 a:park.test -all"', {}, *(f"{t} names redirect=_spf.park.test" for t in ("the record", "the SPF record"))),
    "a redirect to nobody": ('@ TXT "v=spf1 redirect=_spf.park.test"\n_spf TXT "v=spf1 -all"', {}, None, ""),
    "an address was entered": ("@ A 192.0.2.1", {"ips": ["192.0.2.1"]}, "you entered 192.0.2.1", "you entered 192.0.2.1"),
    "a key": (f'{CLOSED}\ns1._domainkey TXT "{KEY.replace("p=", "v=DKIM1; k=ed25519; p=")}"', {"selectors": ["s1"]}, None, "a DKIM key stands under s1; you entered s1"),
}  # fmt: skip


@pytest.mark.parametrize("case", PARKED)
def test_a_parked_domain_is_closed_outright_only_where_nobody_is_let_in(case, tmp_path):
    """A proposal never drops a term that authorises mail today, and makes DMARC stricter only where nothing is found that could send."""
    zone, options, spf, dmarc = PARKED[case]
    world = world_of(tmp_path, {"park.test": f"@ MX 0 .\n{zone}", "test": "x A 192.0.2.1", "example.net": '_spf TXT "v=spf1 ip4:192.0.2.9 -all"'})
    findings = {f.code: f for f in scan("park.test", world=world, profile="non-sending", **options).findings}
    world.close()
    for code, against, closed in (("PRK001", spf, "v=spf1 -all"), ("PRK004", dmarc, "v=DMARC1; p=reject")):
        if against is None:
            assert code not in findings
            continue
        fix = words.fix(findings[code])
        if not against:
            assert (fix["record"]["proposed"], fix["choices"], fix["why_no_record"]) == ([closed], [], None)
            continue
        assert fix["record"] is None
        assert [c["record"] and c["record"]["proposed"] for c in fix["choices"]] == [[closed], None]
        assert against in fix["choices"][0]["summary"]
        assert fix["why_no_record"] == catalog().checks[code].reasons["choices"]


@pytest.mark.parametrize("fault", ["timeout", "servfail", "refused"])
def test_what_could_not_be_looked_up_speaks_against_p_reject(tmp_path, fault):
    world = world_of(tmp_path, {"park.test": "@ MX 0 .", "test": "x A 192.0.2.1"})
    findings = {f.code: f for f in scan("park.test", world=Faults(world, **{fault: {("park.test", "TXT")}}), profile="non-sending").findings}
    world.close()
    assert "PRK001" not in findings
    assert findings["PRK004"].record is None
    assert "no answer came about SPF" in words.fix(findings["PRK004"])["choices"][0]["summary"]


# ------------------------------------------------------------------ what is asked, and how it is drawn


def test_speculation_asks_what_is_demanded():
    """What foresee starts is demanded in the end, so that the scan is as long as its longest chain."""
    for case in ("foreign", "below", "good", "many-reports"):
        world = auth.world_of("dmarc", None, None)
        faults = Faults(world)
        report = scan(f"{case}.dmarc.test", world=faults, topics=["dmarc"])
        demanded = {(a.name, a.rtype) for a in report.transcript}
        assert len(set(faults.asked) - demanded) <= 8, set(faults.asked) - demanded
        assert len(faults.asked) == len(set(faults.asked))
        world.close()


def test_a_greedy_domain_keeps_to_the_budget(tmp_path):
    """Long names, many report domains, many hosts: 17 questions for the walks, 24 for the reports, 8 for the sub-domains, and no more."""
    far = ",".join(f"mailto:r@a.b.c.d.e.f.g.h.i{n}.x{n}.example" for n in range(30))
    strings = " ".join(f'"{far[i : i + 240]}"' for i in range(0, len(far), 240))
    deep = "1.2.3.4.5.6.7.8.greedy"
    hosts = "\n".join(f"{deep} MX {n} a.b{n}.c.{deep}.test.\na.b{n}.c.{deep} A 192.0.2.1" for n in range(18))
    spf = " ".join(f"a:s{n}.{deep}.test" for n in range(7))
    zones = {"test": f'{deep} TXT "v=spf1 {spf} -all"\n{hosts}\n_dmarc.{deep} TXT "v=DMARC1; p=reject; rua=" {strings}', "example": "@ A 192.0.2.1"}
    world = world_of(tmp_path, zones)
    report = scan(f"{deep}.test", world=world, topics=["dmarc"], mail_from="9.8.7.6.5.4.3.2.1.other.test")
    asked = [a for a in report.transcript if "_dmarc" in a.name]
    assert len(asked) <= 16 + 24 + 8
    assert len(report.transcript) <= 100
    assert codes(report) >= {"DMA022", "DMA008"}
    world.close()


def test_the_walk_on_the_page(tmp_path):
    zones = {
        "deep.test": '@ A 192.0.2.1\n@ MX 10 mx\nmx A 192.0.2.2\n_dmarc TXT "v=DMARC1; p=reject; sp=none; np=reject"\n'
        '_dmarc.unit TXT "v=DMARC1; p=quarantine; psd=n; x=<b>"\na.b.c.d.e.f.g.unit A 192.0.2.1'
    }
    world = world_of(tmp_path, zones)
    app = create_app(world=world, config={"TESTING": True, "RATELIMIT_ENABLED": False, "HURRY": 20})
    page = app.test_client().get("/scan?domain=a.b.c.d.e.f.g.unit.deep.test").text
    drawn = re.search(r"<figure class=\"picture\">\s*<figcaption><b>DMARC.*?</figure>", page, re.DOTALL).group()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", drawn))
    assert drawn.count("<code>_dmarc.") == 8
    assert "2 labels passed over" in text
    assert "this record holds" in text
    assert "ends the walk" in text
    assert "RFC 7489" in text
    assert "differs" in text
    assert "<b>" not in drawn.replace("<b>DMARC", "")
    app.extensions["desk"].close()
    world.close()
    assert World.strict
