"""What Google, Yahoo, Microsoft and Apple ask: every field of the matrix in worlds where it is met, broken and open, and its three faces."""

import shutil
from pathlib import Path

import pytest
from support import Faults

from healthcheck import profiles
from healthcheck.catalog import DATA, catalog
from healthcheck.edge.world import World
from healthcheck.errors import CatalogError
from healthcheck.model import Finding, Status
from healthcheck.render import json as as_json
from healthcheck.render import report_page
from healthcheck.render import text as as_text
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
OURS = {"ips": ["192.0.2.31"], "selectors": ["s1"]}
STATES = {"broken", "met", "unknown", "not-in-dns", "not-asked"}

# domain, what is given, {(kind, receiver): (small, bulk, by)}; the same whichever of the two the report is made for
CASES = [
    ("full", OURS, {
        ("spf-or-dkim", "google"): ("met", "met", ("SPF001", "SPF017", "DKM001")), ("spf", "google"): ("not-asked", "met", ("SPF001", "SPF017")),
        ("dmarc", "google"): ("not-asked", "met", ("DMA001",)), ("dkim", "apple"): ("not-asked", "met", ("DKM001",)),
        ("alignment", "microsoft"): ("not-asked", "met", ("ALN001",)), ("ptr", "yahoo"): ("met", "met", ("PTR005",)),
        ("ptr", "apple"): ("not-asked", "met", ("PTR005",)), ("key-length", "google"): ("met", "met", ("DKM001",)),
        ("tls", "google"): ("not-in-dns", "not-in-dns", ()), ("tls", "apple"): ("not-asked", "not-asked", ()),
        ("arc", "apple"): ("not-asked", "not-in-dns", ()), ("unsubscribe", "microsoft"): ("not-asked", "not-in-dns", ()),
    }),
    ("watching", OURS, {("dmarc", "google"): ("not-asked", "met", ("DMA006", "DMA007")), ("dmarc", "apple"): ("not-asked", "met", ("DMA006", "DMA007"))}),
    ("nodmarc", OURS, {
        ("dmarc", "google"): ("not-asked", "broken", ("DMA002",)), ("dmarc", "microsoft"): ("not-asked", "broken", ("DMA002",)),
        ("dmarc", "apple"): ("not-asked", "broken", ("DMA002",)), ("spf", "apple"): ("not-asked", "met", ("SPF001", "SPF017")),
        ("dkim", "apple"): ("not-asked", "met", ("DKM001",)), ("alignment", "microsoft"): ("not-asked", "met", ("ALN001",)),
    }),
    ("misspelt", {"ips": ["192.0.2.31"]}, {
        ("dkim", "google"): ("not-asked", "broken", ("DKM009",)), ("spf-or-dkim", "google"): ("met", "met", ("SPF001", "SPF017")),
        ("dmarc", "yahoo"): ("not-asked", "broken", ("DMA005",)), ("spf", "yahoo"): ("not-asked", "met", ("SPF001", "SPF017")),
    }),
    ("unaligned", {"ips": ["192.0.2.9"], "selectors": ["s1"]}, {
        ("alignment", "google"): ("not-asked", "broken", ("ALN002",)), ("spf", "microsoft"): ("not-asked", "broken", ("SPF002",)),
        ("spf-or-dkim", "yahoo"): ("broken", "broken", ("SPF002", "DKM002", "DKM009")),
    }),
    ("full", {"selectors": ["s1"]}, {
        ("ptr", "google"): ("unknown", "unknown", ("PTR004",)), ("ptr", "apple"): ("not-asked", "unknown", ("PTR004",)),
        ("spf", "google"): ("not-asked", "met", ("SPF001",)),
    }),
    ("full", {}, {("dkim", "google"): ("not-asked", "met", ("DKM001",))}),
    ("nowhere", OURS, {
        ("spf", "google"): ("not-asked", "unknown", ("DOM001",)), ("dmarc", "apple"): ("not-asked", "unknown", ("DOM001",)),
        ("spf-or-dkim", "yahoo"): ("unknown", "unknown", ("DOM001",)),
    }),
]  # fmt: skip


@pytest.fixture(scope="module")
def world():
    out = World.zones([WORLDS / "profiles.zone", WORLDS / "profiles-reverse.zone"], only=True)
    out.blocklists = ()
    yield out
    out.close()


def look(world, domain, profile="sending", **given):
    return scan(f"{domain}.profiles.test", world=world, profile=profile, **given)


def fields(report):
    return {(c.kind, c.receiver): (c.small, c.bulk, c.by) for c in profiles.matrix(report)}


@pytest.mark.parametrize("profile", ["sending", "bulk"])
@pytest.mark.parametrize(("domain", "given", "wanted"), CASES, ids=[f"{c[0]}-{len(c[1])}" for c in CASES])
def test_each_field_says_what_the_world_shows_whichever_profile(world, domain, given, wanted, profile):
    found = fields(look(world, domain, profile, **given))
    assert {key: (s, b, frozenset(by)) for key, (s, b, by) in found.items() if key in wanted} == {k: (s, b, frozenset(by)) for k, (s, b, by) in wanted.items()}


def test_the_two_profiles_show_the_same_matrix(world):
    for domain, given, _ in CASES:
        small, bulk = fields(look(world, domain, "sending", **given)), fields(look(world, domain, "bulk", **given))
        assert small == bulk, domain


def test_the_matrix_is_whole(world):
    report = look(world, "full", **OURS)
    cells = profiles.matrix(report)
    kinds, receivers = list(profiles.toml_words()["kind"]), list(profiles.receivers())
    assert [(c.kind, c.receiver) for c in cells] == [(k, r) for k in kinds for r in receivers]
    assert receivers == ["google", "yahoo", "microsoft", "apple"]
    assert len(profiles.requirements()) == 33
    assert {c.requirement.id for c in cells if c.requirement} == set(profiles.requirements()), "every row has its field"
    for c in cells:
        assert {c.small, c.bulk} <= STATES
        assert (c.requirement is None) is (c.bulk == "not-asked")
        assert c.small in ("not-asked", c.bulk), "a small sender is asked the same, or nothing"
        assert set(c.by) <= set(catalog().checks)
        if c.bulk in ("broken", "met", "unknown"):
            assert c.by, (c.kind, c.receiver, "nothing says why")


def test_it_agrees_with_what_the_report_lists(world):
    for domain, given, _ in CASES:
        report = look(world, domain, "bulk", **given)
        told = {a.requirement.id: a.state for a in profiles.asked(report)}
        by_row = {}
        for c in profiles.matrix(report):
            if c.requirement:
                by_row.setdefault(c.requirement.id, []).append(c.bulk)
        for id_, states in by_row.items():
            assert told[id_] == next(s for s in ("broken", "unknown", "met", "not-in-dns") if s in states), id_


@pytest.mark.parametrize("profile", ["non-sending", "receiving"])
def test_a_domain_that_does_not_send_is_asked_nothing(world, profile):
    report = look(world, "closed", profile)
    assert profiles.matrix(report) == ()
    assert as_json.report(report)["requirements_matrix"] == []
    assert profiles.words("title", "title") not in as_text.report(report)


FAULTS = ["timeout", "servfail", "refused", "bogus"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("place", "kind", "code"), [(("full.profiles.test", "TXT"), "spf", "SPF000"), (("_dmarc.full.profiles.test", "TXT"), "dmarc", "DMA000")]
)
def test_what_could_not_be_looked_up_is_open_and_neither_met_nor_broken(world, fault, place, kind, code):
    faulty = Faults(world, **{fault: {place}})
    faulty.blocklists = ()
    found = fields(scan("full.profiles.test", world=faulty, **OURS))
    for receiver in ("google", "yahoo", "microsoft", "apple"):
        small, bulk, by = found[kind, receiver]
        assert (small, bulk) == ("not-asked", "unknown")
        assert code in by
    assert found["dkim", "google"][1] == "met", "what was looked up is told all the same"


def test_when_nothing_answers_nothing_is_met_or_broken(world):
    faulty = Faults(world, down=True)
    faulty.blocklists = ()
    states = {s for cell in fields(scan("full.profiles.test", world=faulty, **OURS)).values() for s in cell[:2]}
    assert states == {"unknown", "not-in-dns", "not-asked"}


def test_topics_that_were_not_scanned_are_open(world):
    found = fields(scan("full.profiles.test", world=world, topics=["spf"]))
    assert found["spf", "google"][1] == "met"
    assert found["dmarc", "google"][1] == found["ptr", "google"][0] == "unknown"


OPEN = [("NSV011", {"spf"}, {"dkim", "dmarc"}), ("SEC002", {"spf", "dkim", "dmarc", "alignment"}, {"ptr"}), ("SEC003", {"spf", "dkim", "dmarc"}, {"ptr"})]


@pytest.mark.parametrize(("code", "opens", "leaves"), OPEN, ids=[o[0] for o in OPEN])
def test_name_servers_that_differ_and_broken_signatures_keep_it_open(world, code, opens, leaves):
    """Some receivers see another record than we do: nothing is called met for all of them."""
    from dataclasses import replace

    report = look(world, "full", "bulk", **OURS)
    found = fields(replace(report, findings=(*report.findings, Finding(code, Status.FAIL, "full.profiles.test"))))
    for kind in opens:
        assert found[kind, "google"][1] == "unknown"
        assert code in found[kind, "google"][2]
    for kind in leaves:
        assert found[kind, "google"][1] == "met"


# ------------------------------------------------------------------ faces


def test_json_has_the_matrix_in_words(world):
    cells = as_json.report(look(world, "nodmarc", **OURS))["requirements_matrix"]
    by_key = {(c["kind"], c["receiver"]): c for c in cells}
    assert by_key["dmarc", "Gmail"] == {
        "kind": "dmarc", "title": "A DMARC record with a policy", "receiver": "Gmail", "requirement": "google/dmarc", "small": "not-asked", "bulk": "broken", "by": ["DMA002"],
    }  # fmt: skip
    assert by_key["dmarc", "iCloud Mail"]["requirement"] == "apple/authentication"
    assert by_key["alignment", "iCloud Mail"]["requirement"] is None


def test_text_has_it_in_short(world):
    lines = as_text.report(look(world, "nodmarc", **OURS)).splitlines()
    start = lines.index(profiles.words("title", "title"))
    table = lines[start : lines.index("", start)]
    assert max(map(len, table)) <= as_text.WIDTH + 4
    row = next(line for line in table if line.strip().startswith("A DMARC record"))
    assert row.count("✗ DMA002") == 4
    every, bulk = (next(n for n, line in enumerate(table) if line.strip().startswith(who)) for who in ("every sender", "bulk senders"))
    assert every < bulk < table.index(row)
    assert sum("A reverse name" in line for line in table) == 2, "asked of every sender by three, of bulk senders by Apple"


def test_the_page_walks_it_row_by_row(world):
    page = report_page.view(as_json.report(look(world, "nodmarc", **OURS)))
    assert [row["kind"] for row in page["matrix"]] == list(profiles.toml_words()["kind"])
    assert all(len(row["cells"]) == 4 for row in page["matrix"])
    assert {x["who"]: (x["state"], x["tone"]) for x in page["asked"]} == {"all": ("met", "pass"), "bulk": ("broken", "note")}
    bulk = report_page.view(as_json.report(look(world, "nodmarc", "bulk", **OURS)))
    assert {x["who"]: x["tone"] for x in bulk["asked"]}["bulk"] == "fail"


BAD = [
    ('kind = "tls"', 'kind = "fax"', "fax"),
    ('kind = "spf-or-dkim"\nbreaks', "breaks", "together needs a kind"),
    ('id = "google/dkim"\nreceiver = "google"\napplies = "bulk"\ntitle = "DKIM is set up and passes"\ntext', 'id = "google/dkim"\nkind = "spf"\nreceiver = "google"\napplies = "bulk"\ntitle = "DKIM is set up and passes"\ntext', "spf"),
    ('[met]\nspf = ["SPF001"', '[met]\nspf = ["SPF777"', "SPF777"),
    ('[open]\nspf = ["NSV011"', '[open]\nspf = ["NSV777"', "NSV777"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), BAD, ids=[b[2] for b in BAD])
def test_a_row_that_has_no_place_in_the_matrix_is_refused(tmp_path, old, new, told):
    path = tmp_path / "requirements.toml"
    shutil.copy(DATA / "requirements.toml", path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CatalogError, match=r"requirements\.toml") as fault:
        profiles.read_requirements(path, catalog().checks)
    assert told in str(fault.value)
