"""Profiles: for each one worlds with the verdict of every topic and the worst finding first; what is proposed to a parked domain is safe
and cures; what large receivers ask; and a bad row is refused."""

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import Faults
from test_fixes_proven import by_subject, published

from app import create_app
from healthcheck import profiles
from healthcheck.catalog import DATA, catalog
from healthcheck.checks import OPTIONAL, SHOWN
from healthcheck.edge.world import World
from healthcheck.errors import CatalogError, InputError
from healthcheck.faces import schemas_scan
from healthcheck.faces.cli import main
from healthcheck.model import PROFILES, VERDICT_ORDER, Finding, Status
from healthcheck.render import json as as_json
from healthcheck.render import text as as_text
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
FILES = [WORLDS / "profiles.zone", WORLDS / "profiles-reverse.zone"]
OURS = {"ips": ["192.0.2.31"], "selectors": ["s1"]}

# profile, domain, what is given, verdict, verdict of each topic told, first finding, codes that must appear, codes that must not
CASES = [
    ("sending", "full", OURS, "note", {"mx": "note", "spf": "pass", "dkim": "pass", "dmarc": "pass", "alignment": "pass", "ptr": "pass"}, "MX009", {"DMA001"}, {"DMA007"}),
    ("sending", "watching", OURS, "warn", {"spf": "pass", "dkim": "pass", "alignment": "pass"}, None, {"DMA007"}, {"DMA002"}),
    ("sending", "nodmarc", OURS, "fail", {"spf": "pass", "dmarc": "fail", "alignment": "pass"}, "DMA002", {"DMA002"}, {"PRK004"}),
    ("sending", "closed", {}, "note", {"mx": "note", "spf": "pass", "dmarc": "pass", "alignment": "pass"}, None, {"MX003", "ALN007"}, {"PRK001", "PRK002", "PRK004"}),
    # ---------------------------------------------------------------- bulk
    ("bulk", "full", OURS, "note", {"spf": "pass", "dkim": "pass", "dmarc": "pass", "alignment": "pass", "ptr": "pass"}, "MX009", {"DMA001"}, set()),
    ("bulk", "watching", OURS, "note", {"spf": "pass", "dkim": "pass", "dmarc": "note", "alignment": "pass", "ptr": "pass"}, None, {"DMA007", "DMA006"}, {"DMA002"}),
    ("bulk", "nodmarc", OURS, "fail", {"spf": "pass", "dkim": "pass", "dmarc": "fail", "alignment": "pass"}, "DMA002", {"DMA002"}, {"PRK004"}),
    ("bulk", "misspelt", {"ips": ["192.0.2.31"]}, "fail", {"spf": "pass", "dmarc": "fail"}, "DKM009", {"DMA005", "DKM009"}, {"DMA004"}),
    ("bulk", "unaligned", {"ips": ["192.0.2.9"], "selectors": ["s1"]}, "fail", {"spf": "fail", "dkim": "fail", "dmarc": "note", "alignment": "fail"}, "SPF002", {"ALN002"}, {"DMA002"}),
    # ---------------------------------------------------------------- non-sending
    ("non-sending", "closed", {}, "note", {"mx": "pass", "spf": "pass", "dkim": "note", "dmarc": "pass", "alignment": "pass", "ptr": "note"}, "PRK006",
     {"MX003", "PRK006", "PRK010"}, {"PRK001", "PRK002", "PRK003", "PRK004", "DKM009", "DKM010", "PTR004"}),
    ("non-sending", "forgotten", {}, "fail", {"mx": "warn", "spf": "fail", "dkim": "note", "dmarc": "fail", "ptr": "note"}, "PRK001",
     {"PRK001", "PRK002", "PRK004", "PRK006"}, {"MX001", "MX002", "SPF002", "DMA002", "PRK003", "PRK005", "PRK008"}),
    ("non-sending", "stub", {}, "fail", {"mx": "note", "spf": "fail", "dmarc": "fail"}, "PRK001", {"PRK002"}, {"MX001", "PRK003"}),
    ("non-sending", "handed", {}, "note", {"mx": "pass", "spf": "pass", "dmarc": "note"}, None, {"PRK009"}, {"PRK001", "PRK004", "PRK007", "ALN005"}),
    ("non-sending", "soft", {}, "warn", {"mx": "pass", "spf": "warn", "dmarc": "warn"}, "PRK001", {"PRK001", "PRK004"}, {"SPF001", "DMA001"}),
    ("non-sending", "twice", {}, "fail", {"spf": "fail", "dmarc": "fail"}, "PRK001", {"PRK001", "PRK004"}, {"SPF003", "DMA003"}),
    ("non-sending", "below", {}, "warn", {"spf": "pass", "dmarc": "warn"}, "PRK004", {"PRK004"}, {"DMA010", "PRK001"}),
    ("non-sending", "tested", {}, "warn", {"spf": "pass", "dmarc": "warn"}, "PRK004", {"PRK004"}, {"DMA009"}),
    ("non-sending", "broken", {}, "fail", {"spf": "pass", "dmarc": "fail"}, "PRK004", {"PRK004"}, {"DMA004"}),
    ("non-sending", "keyed", {"selectors": ["s1"]}, "warn", {"dkim": "note", "alignment": "warn", "dmarc": "note"}, "PRK008", {"PRK005", "PRK008"}, {"DKM001", "ALN001", "PRK006", "PRK009"}),
    ("non-sending", "unaligned", {"ips": ["192.0.2.9"], "selectors": ["s1"]}, "fail", {"mx": "warn", "spf": "fail", "dkim": "note", "dmarc": "fail", "alignment": "pass", "ptr": "note"}, "PRK001",
     {"PRK003", "PRK007", "PRK006"}, {"ALN002", "DKM002", "PRK002", "PRK008"}),
    ("non-sending", "full", {}, "fail", {"mx": "warn", "spf": "fail", "dmarc": "pass"}, "PRK001", {"PRK001", "PRK003"}, {"PRK004"}),
    # ---------------------------------------------------------------- receiving
    ("receiving", "full", {}, "note", {"mx": "note", "spf": "pass", "dmarc": "pass", "ptr": "pass"}, "MX009", {"PTR010"}, {"PTR004", "PTR008", "PTR009", "PTR011", "PRK010"}),
    ("receiving", "takes", {}, "warn", {"mx": "pass", "ptr": "warn", "spf": "note", "dmarc": "note"}, "PTR009", {"PTR009", "PTR010", "SPF002", "DMA002"}, {"PTR008", "PTR004", "PTR011"}),
    ("receiving", "nameless", {}, "warn", {"mx": "note", "ptr": "warn"}, "PTR008", {"PTR008"}, {"PTR009", "PTR010"}),
    ("receiving", "closed", {}, "fail", {"mx": "fail", "spf": "pass", "dmarc": "pass", "ptr": "note"}, "MX003", {"PTR011"}, {"PTR010", "PTR004"}),
    ("receiving", "stub", {}, "fail", {"mx": "fail", "spf": "note", "dmarc": "note", "alignment": "note"}, "MX001", {"MX001", "PTR011"}, {"PRK002"}),
]  # fmt: skip
ORDER = [status.value for status in VERDICT_ORDER]


@pytest.fixture(scope="module")
def world():
    out = World.zones(FILES, only=True)
    out.blocklists = ()
    yield out
    out.close()


def look(world, domain, profile, **given):
    return scan(f"{domain}.profiles.test", world=world, profile=profile, **given)


def codes(report):
    return {f.code for f in report.findings}


@pytest.mark.parametrize(("profile", "domain", "given", "verdict", "topics", "first", "must", "must_not"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_a_verdict_a_topic_and_the_worst_finding_first(world, profile, domain, given, verdict, topics, first, must, must_not):
    report = look(world, domain, profile, **given)
    assert {topic: report.topics[topic].verdict.value for topic in topics} == topics
    assert report.verdict.value == verdict
    assert [ORDER.index(f.status) for f in report.findings] == sorted(ORDER.index(f.status) for f in report.findings)
    if first:
        counted = [f for f in report.findings if f.status is not Status.UNKNOWN or catalog().checks[f.code].topic in profiles.profiles()[profile].core]
        assert counted[0].code == first
        assert counted[0].status.value == verdict
    assert must <= codes(report)
    assert not must_not & codes(report)
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.title, row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            text.format(subject=finding.subject, **finding.values)  # a slot without its value raises KeyError
        for choice in finding.choices:
            row.choices[choice.key].format(subject=finding.subject, **{**finding.values, **choice.values})


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_has_three_worlds_and_every_topic_its_verdict(world, profile):
    mine = [case for case in CASES if case[0] == profile]
    assert len(mine) >= 3
    for _, domain, given, *_ in mine:
        report = look(world, domain, profile, **given)
        assert set(report.topics) == set(SHOWN) - set(OPTIONAL)
        assert all(t.summary for name, t in report.topics.items() if name != "dnsbl"), "silence is no verdict"


# ------------------------------------------------------------------ unknown stays unknown


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("fault", ["timeout", "servfail", "refused", "bogus"])
@pytest.mark.parametrize("domain", ["closed", "full", "forgotten"])
def test_what_could_not_be_looked_up_is_unknown_under_every_profile(world, profile, fault, domain):
    name = f"{domain}.profiles.test"
    for place, topic, code in (((name, "MX"), "mx", "MX000"), ((name, "TXT"), "spf", "SPF000"), ((f"_dmarc.{name}", "TXT"), "dmarc", "DMA000")):
        faulty = Faults(world, **{fault: {place}})
        faulty.blocklists = ()
        report = scan(name, world=faulty, profile=profile)
        told = [f for f in report.findings if f.code == code]
        assert [f.status for f in told] == [Status.UNKNOWN], (place, codes(report))
        assert report.topics[topic].verdict in (Status.UNKNOWN, Status.FAIL)
        # nothing is claimed, and nothing proposed, about what was not seen
        own = {"mx": ("MX001", "MX002", "PRK002", "PRK003"), "spf": ("SPF002", "PRK001"), "dmarc": ("DMA002", "PRK004")}[topic]
        assert not codes(report) & set(own)


def test_all_silent_fails_nothing_under_any_profile(world):
    for profile in PROFILES:
        faulty = Faults(world, down=True)
        faulty.blocklists = ()
        report = scan("closed.profiles.test", world=faulty, profile=profile, ips=["192.0.2.31"], selectors=["s1"])
        assert report.verdict is Status.UNKNOWN
        assert not [f for f in report.findings if f.status in (Status.FAIL, Status.WARN, Status.PASS)]


def test_the_reverse_name_of_a_mail_host_that_was_not_answered_is_unknown(world):
    for place in ("31.2.0.192.in-addr.arpa", "mx1.profiles.test"):
        faulty = Faults(world, timeout={place})
        faulty.blocklists = ()
        report = scan("full.profiles.test", world=faulty, profile="receiving")
        assert "PTR000" in codes(report)
        assert not codes(report) & {"PTR008", "PTR009", "PTR010", "PTR011"}


def test_a_domain_that_does_not_exist_is_no_parked_one(world):
    report = look(world, "nowhere", "non-sending")
    assert codes(report) & {"DOM001"}
    assert not [code for code in codes(report) if code in ("PRK001", "PRK002", "PRK003", "PRK004")]


# ------------------------------------------------------------------ a parked domain's proposals

PARKED = ["forgotten", "stub", "soft", "twice", "below", "tested", "broken", "full", "watching", "nodmarc", "misspelt", "takes"]
WANTED = {"SPF": "v=spf1 -all", "MX": "0 ."}


@pytest.mark.parametrize("domain", PARKED)
def test_each_proposal_to_a_parked_domain_cures_and_harms_nothing(world, domain, tmp_path):
    before = look(world, domain, "non-sending")
    proposals = [(f, r) for f in before.findings if f.code.startswith("PRK") for r in (f.record, *(c.record for c in f.choices)) if r]
    assert proposals
    for finding, record in proposals:
        after = look(published(record, world, tmp_path / "draft.records"), domain, "non-sending")
        assert finding.code not in codes(after)
        was, now = by_subject(before), by_subject(after)
        assert not [key for key, status in was.items() if status in (Status.PASS, Status.NOTE) and now.get(key) is Status.FAIL]
        assert ORDER.index(after.verdict) >= ORDER.index(before.verdict)
        assert not [text for text in record.proposed if re.search(r"(?i)ip[46]:|include:|[ +]all\b(?<!-all)", text)]


@pytest.mark.parametrize("domain", PARKED)
def test_all_proposals_together_leave_nothing_to_say(world, domain, tmp_path):
    changed = world
    for n, finding in enumerate(f for f in look(world, domain, "non-sending").findings if f.code.startswith("PRK")):
        for record in (finding.record, *(c.record for c in finding.choices)):
            if record:
                changed = published(record, changed, tmp_path / f"{n}.records")
    report = look(changed, domain, "non-sending")
    assert report.verdict in (Status.NOTE, Status.WARN)
    assert not codes(report) & {"PRK001", "PRK002", "PRK003", "PRK004"}


def test_what_is_kept_of_a_dmarc_record(world):
    record = next(f.record for f in look(world, "below", "non-sending").findings if f.code == "PRK004")
    assert record.proposed == ("v=DMARC1; p=reject; adkim=s",)
    record = next(f.record for f in look(world, "soft", "non-sending").findings if f.code == "PRK004")
    assert record.proposed == ("v=DMARC1; p=reject; rua=mailto:dmarc@soft.profiles.test",)


@pytest.mark.parametrize("profile", [p for p in PROFILES if p != "non-sending"])
@pytest.mark.parametrize("domain", ["forgotten", "full", "watching", "nodmarc", "unaligned", "takes"])
def test_nobody_else_is_told_to_close_the_domain(world, profile, domain):
    report = look(world, domain, profile)
    records = [f.record for f in report.findings if f.record]
    assert not [r for r in records if "v=spf1 -all" in r.proposed or "0 ." in r.proposed or any("p=reject" in text for text in r.proposed)]
    assert not [f for f in report.findings if f.code.startswith("PRK")]


@pytest.mark.parametrize("given", [{"ips": ["192.0.2.31"]}, {"selectors": ["s1"]}, {"mail_from": "takes.profiles.test"}])
def test_where_the_input_says_that_something_sends_the_user_chooses(world, given):
    for finding in look(world, "nodmarc", "non-sending", **given).findings:
        if finding.code in ("PRK001", "PRK004"):
            assert finding.record is None
            assert [c.key for c in finding.choices] in (["close", "sends"], ["reject", "sends"])


def test_an_alias_is_not_ours_to_change(world):
    report = look(world, "elsewhere", "non-sending")
    assert "PRK001" not in codes(report)  # what it is an alias of says it
    assert not [f for f in report.findings if f.record and f.record.rtype == "MX"]


ADVICE = re.compile(
    r"(?i)\b(sign with|switch signing on|enter the (selector|address)|show the headers|add dkim|set the other one up|publish (a|each) (new )?(key|selector))"
)


@pytest.mark.parametrize("domain", [*PARKED, "closed", "handed", "keyed", "unaligned"])
@pytest.mark.parametrize("given", [{}, OURS])
def test_a_parked_domain_is_not_told_to_sign_or_to_send(world, domain, given):
    for finding in as_json.report(look(world, domain, "non-sending", **given))["findings"]:
        said = " ".join([finding["fix"]["summary"], *finding["fix"]["steps"], *(c["summary"] for c in finding["fix"]["choices"])])
        assert not ADVICE.search(said) or finding["status"] == "pass", (finding["code"], said)


# ------------------------------------------------------------------ requirements


def states(report):
    return {a.requirement.id: a.state for a in profiles.asked(report)}


def test_a_missing_dmarc_record_breaks_what_gmail_asks_of_bulk_senders(world):
    report = as_json.report(look(world, "nodmarc", "bulk", **OURS))
    finding = next(f for f in report["findings"] if f["code"] == "DMA002")
    assert finding["status"] == "fail"
    assert {"google/dmarc", "yahoo/dmarc", "microsoft/dmarc", "apple/authentication"} == set(finding["breaks"])
    asked = {r["id"]: r for r in report["requirements"]}
    assert asked["google/dmarc"]["state"] == "broken"
    assert asked["google/dmarc"]["by"] == ["DMA002"]
    assert asked["google/dmarc"]["page"].startswith("https://support.google.com/")
    assert asked["google/spf"]["state"] == asked["google/dkim"]["state"] == asked["google/ptr"]["state"] == "met"
    assert asked["google/complaints"]["state"] == "not-in-dns"


def test_p_none_meets_it_and_is_a_note_on_protection(world):
    report = look(world, "watching", "bulk", **OURS)
    assert {f.code: f.status for f in report.findings}["DMA007"] is Status.NOTE
    assert {state for id_, state in states(report).items() if state != "not-in-dns"} == {"met"}


def test_unaligned_mail_breaks_it_whatever_the_policy(world):
    sending = look(world, "unaligned", "sending", ips=["192.0.2.9"], selectors=["s1"])
    bulk = look(world, "unaligned", "bulk", ips=["192.0.2.9"], selectors=["s1"])
    assert {f.status for f in sending.findings if f.code == "ALN002"} == {Status.WARN}
    assert {f.status for f in bulk.findings if f.code == "ALN002"} == {Status.FAIL}
    assert states(bulk)["google/alignment"] == "broken"
    assert states(sending)["google/spf-or-dkim"] == "broken"
    assert "google/dmarc" not in states(sending), "what bulk senders are asked is not held against others"


def test_either_spf_or_dkim_is_enough_for_every_sender(world):
    report = look(world, "unaligned", "sending")
    assert {"SPF002", "DKM009"} <= codes(report)
    assert states(report)["google/spf-or-dkim"] == "broken"
    only_spf = look(world, "misspelt", "sending")
    assert "DKM009" in codes(only_spf)
    assert states(only_spf)["google/spf-or-dkim"] == "met"
    faulty = Faults(world, timeout={"*._domainkey.unaligned.profiles.test"})
    faulty.blocklists = ()
    unsure = scan("unaligned.profiles.test", world=faulty)
    assert "SPF002" in codes(unsure)
    assert states(unsure)["google/spf-or-dkim"] == "unknown", "whether mail is signed is not known"


def test_what_was_not_looked_at_is_not_met(world):
    report = look(world, "full", "bulk")
    assert states(report)["google/ptr"] == "unknown", "no address was given"
    only = scan("full.profiles.test", world=world, profile="bulk", topics=["spf"])
    assert states(only)["google/dmarc"] == "unknown"
    assert states(only)["google/spf"] == "met"
    faulty = Faults(world, timeout={("full.profiles.test", "TXT")})
    faulty.blocklists = ()
    assert states(scan("full.profiles.test", world=faulty, profile="bulk"))["google/spf"] == "unknown"
    gone = look(world, "nowhere", "bulk")
    assert "met" not in states(gone).values()


def test_domains_that_do_not_send_are_asked_nothing(world):
    assert not states(look(world, "closed", "non-sending"))
    assert not states(look(world, "takes", "receiving"))


def test_a_requirement_has_its_source_and_date():
    for row in profiles.requirements().values():
        assert row.source
        assert re.fullmatch(r"20\d\d-\d\d", row.seen)
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row.since)
        assert profiles.receivers()[row.receiver].page.startswith("https://")
        assert row.text.endswith(".")
        assert profiles.words("applies", row.applies)
    assert {a for row in profiles.requirements().values() for a in [row.receiver]} == {"google", "yahoo", "microsoft", "apple"}


# ------------------------------------------------------------------ the table


def test_sending_changes_nothing():
    findings = [Finding(code, row.severity, "example.com") for code, row in catalog().checks.items()]
    assert profiles.weigh("sending", findings) == tuple(findings)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_profile_touches_what_could_not_be_looked_up(profile):
    for code, row in catalog().checks.items():
        if code.endswith(("000", "999")):
            own = Finding(code, row.severity, "example.com")
            beside = [Finding(c, catalog().checks[c].severity, "example.com") for c in ("PRK001", "PRK002", "PRK004")]
            assert own in profiles.weigh(profile, [own, *beside])


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_unknown_becomes_good_or_bad(profile):
    for code, row in catalog().checks.items():
        for finding in profiles.weigh(profile, [Finding(code, Status.UNKNOWN, "example.com")]):
            if row.severity is Status.UNKNOWN:
                assert finding.status in (Status.UNKNOWN, Status.NOTE)


def test_the_profiles_are_the_same_everywhere():
    assert tuple(profiles.profiles()) == PROFILES
    assert schemas_scan.ProfileName.__args__ == PROFILES
    assert PROFILES[0] == "sending"


BAD = [
    ("profiles.toml", 'codes = ["MX003"]\nstatus = "pass"', 'codes = ["MX003"]\nstatus = "fine"', "fine"),
    ("profiles.toml", 'codes = ["MX003"]\nstatus = "pass"', 'codes = ["MX000"]\nstatus = "note"', "MX000"),
    ("profiles.toml", 'codes = ["MX003"]\nstatus = "pass"', 'codes = ["DKM010"]\nstatus = "fail"', "DKM010"),
    ("profiles.toml", 'codes = ["MX003"]\nstatus = "pass"', 'codes = ["MX003"]\nstatus = "pass"\ndrop = true', "exactly one"),
    ("profiles.toml", 'codes = ["MX003"]\nstatus = "pass"', 'codes = ["XXX003"]\nstatus = "pass"', "XXX003"),
    ("profiles.toml", 'codes = ["MX003"]\nstatus = "pass"', 'status = "pass"', "either codes or topics"),
    ("profiles.toml", "[receiving]\n", "[resting]\n", "resting"),
    ("requirements.toml", 'receiver = "apple"', 'receiver = "pear"', "pear"),
    ("requirements.toml", 'breaks = ["ptr"]', 'breaks = ["names"]', "names"),
    ("requirements.toml", 'applies = "all"', 'applies = "some"', "some"),
    ("requirements.toml", 'reply = "gmail/ptr"', 'reply = "gmail/nothing"', "gmail/nothing"),
    ("requirements.toml", '"PTR007"]', '"PTR777"]', "PTR777"),
]


@pytest.mark.parametrize(("file", "old", "new", "told"), BAD, ids=[b[3] for b in BAD])
def test_a_bad_row_is_refused_with_file_and_key(tmp_path, file, old, new, told):
    path = tmp_path / file
    shutil.copy(DATA / file, path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CatalogError, match=re.escape(file)) as fault:
        (profiles.read_profiles if file == "profiles.toml" else profiles.read_requirements)(path, catalog().checks)
    assert told in str(fault.value)


# ------------------------------------------------------------------ faces


def test_a_profile_that_there_is_not_is_refused(world):
    with pytest.raises(InputError, match="non-sending"):
        scan("full.profiles.test", world=world, profile="parked")


def test_the_command_line_takes_every_profile():
    base = ["scan", "nodmarc.profiles.test", "--only-zone", *(part for file in FILES for part in ("--zone", str(file)))]
    for profile, code in (("sending", 1), ("bulk", 1), ("non-sending", 1), ("receiving", 0)):
        result = CliRunner().invoke(main, [*base, "--profile", profile])
        assert result.exit_code == code, result.output
        assert (f"({profile})" in result.stdout) is (profile != "sending")
        assert ("Breaks: Gmail, bulk senders" in result.stdout) is (profile == "bulk")


def test_could_not_check_is_exit_3_in_the_topics_that_the_profile_asks_for(world):
    from healthcheck.faces.bulk import exit_code

    faulty = Faults(world, timeout={("full.profiles.test", "TXT"), ("_dmarc.full.profiles.test", "TXT")})
    faulty.blocklists = ()
    for profile, code in (("sending", 3), ("bulk", 3), ("receiving", 0)):
        report = scan("full.profiles.test", world=faulty, profile=profile)
        assert exit_code(report, "fail", None) == code
        assert (report.verdict is Status.UNKNOWN) is (code == 3)


@pytest.fixture(scope="module")
def client(world):
    app = create_app(world, {"TESTING": True, "RATELIMIT_ENABLED": False, "HURRY": 20, "DEMO": False})
    yield app.test_client()
    app.extensions["desk"].close()


def test_the_api_takes_every_profile(client):
    for profile in PROFILES:
        answer = client.get(f"/api/v1/scan/nodmarc.profiles.test?profile={profile}").json
        assert answer["profile"] == answer["input"]["profile"] == profile
        assert all(r["state"] in ("broken", "met", "unknown", "not-in-dns") for r in answer["requirements"])
    assert client.get("/api/v1/scan/nodmarc.profiles.test?profile=parked").status_code == 422


@pytest.mark.parametrize("profile", PROFILES)
def test_the_page_says_for_what_it_judged_and_offers_the_others(client, profile):
    page = client.get(f"/scan?domain=nodmarc.profiles.test&profile={profile}").text
    rows = profiles.profiles()
    assert f'<b aria-current="true">{rows[profile].name.lower()}</b>' in page
    for other in PROFILES:
        if other != profile:
            assert f">{rows[other].name.lower()}</a>" in page
    assert ('name="profile" value="' in page) is (profile != "sending")
    assert ("h-requirements" in page) is (profile in ("sending", "bulk"))
    assert ("Breaks what Gmail asks of bulk senders" in page) is (profile == "bulk")
    assert profiles.profiles()[profile].text.split(":")[0] in page.replace("&#39;", "'")


def test_the_form_offers_the_profiles_and_a_wrong_one_is_told(client):
    page = client.get("/").text
    assert [m in page for m in (f'<option value="{p}"' for p in PROFILES)] == [True] * len(PROFILES)
    wrong = client.get("/scan?domain=full.profiles.test&profile=parked")
    assert wrong.status_code == 400
    assert "There is no profile" in wrong.text
    again = client.post("/scan", data={"domain": "full.profiles.test", "profile": "bulk"})
    assert again.headers["Location"].endswith("profile=bulk")


def test_the_page_of_a_code_says_what_profiles_make_of_it(client):
    page = client.get("/checks/ALN002").text
    assert profiles.profiles()["bulk"].name in page
    assert "PRK007" in page


def test_hostile_records_do_not_get_out_of_the_text(world):
    assert "\x1b" not in as_text.report(look(world, "full", "bulk", **OURS))
