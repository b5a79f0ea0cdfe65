"""A draft against what is published: what is gone, new, changed, the same, and what cannot be told."""

import json

import pytest
from click.testing import CliRunner
from support import Faults, Nameserver, patch_file, reply_to, world_of

from healthcheck.compare import compare
from healthcheck.edge.world import World
from healthcheck.errors import InputError
from healthcheck.faces import against
from healthcheck.faces.cli import main
from healthcheck.render import difference
from healthcheck.scan import scan

IPS = {"ips": ["192.0.2.1", "192.0.2.9"]}
ZONE = '@ MX 10 mail\nmail A 192.0.2.25\n@ TXT "v=spf1 ip4:192.0.2.1 include:gone.shop.test ?all"\n_dmarc TXT "v=DMARC1; p=none; rua=mailto:a@shop.test"'


@pytest.fixture
def live(tmp_path):
    world = world_of(tmp_path / "live", {"shop.test": ZONE})
    world.blocklists = ()
    yield world
    world.close()


def drafted(tmp_path, live, records):
    world = World.zones([patch_file(tmp_path, records)], beneath=live)
    world.blocklists = ()
    return world


def told(difference_):
    return {f.code for f in difference_.gone}, {f.code for f in difference_.new}, {one.code for one, _ in difference_.changed}


def test_gone_new_changed_unchanged(tmp_path, live):
    draft = drafted(tmp_path, live, 'shop.test. 300 IN TXT "v=spf1 ip4:192.0.2.1 ip4:192.0.2.8/31 ptr ~all"')
    found = against.differ("shop.test", draft=draft, live=live, given=IPS)
    gone, new, changed = told(found)
    assert {"SPF013", "SPF008", "SPF021"} <= gone
    assert {"SPF010", "SPF017"} <= new
    assert not changed & (gone | new)
    assert {"DMA007"} <= {f.code for f in found.unchanged}
    assert not found.unsure
    assert {f.code for f in found.cured} <= gone
    assert "SPF010" in {f.code for f in found.broken}
    assert "SPF017" not in {f.code for f in found.broken}


def test_every_finding_is_told_once(tmp_path, live):
    draft = drafted(tmp_path, live, 'shop.test. 300 IN TXT "v=spf1 wrong1 wrong2 ip4:192.0.2.1 -all"')
    found = against.differ("shop.test", draft=draft, live=live, given=IPS)
    before = [*found.gone, *(one for one, _ in found.changed), *(f for there, f in found.unsure if not there)]
    after = [*found.new, *(other for _, other in found.changed), *(f for there, f in found.unsure if there), *found.unchanged]
    assert len(before) + len(found.unchanged) == len(found.before.findings)
    assert len(after) == len(found.after.findings)
    assert sorted(f.code for f in found.new).count("SPF005") == 2


def test_the_same_is_no_difference(live):
    report = scan("shop.test", world=live, **IPS)
    same = compare(report, scan("shop.test", world=live, **IPS))
    assert told(same) == (set(), set(), set())
    assert len(same.unchanged) == len(report.findings)
    assert "changes no finding" in difference.as_text(same)


def test_a_value_that_changed_is_a_change(tmp_path, live):
    draft = drafted(tmp_path, live, 'shop.test. 300 IN TXT "v=spf1 ip4:192.0.2.1 include:away.shop.test ?all"')
    found = against.differ("shop.test", draft=draft, live=live, given={"topics": ["spf"]})
    assert [(one.values["branch"], other.values["branch"]) for one, other in found.changed] == [("gone.shop.test", "away.shop.test")]


def test_what_was_not_looked_up_is_neither_gone_nor_new(tmp_path, live):
    """A time-out in the draft's scan cures nothing; one in the other scan makes nothing new."""
    draft = drafted(tmp_path, live, 'away.test. 300 IN TXT "v=spf1 -all"')
    dark = Faults(draft, timeout={("shop.test", "TXT")})
    dark.blocklists = ()
    found = against.differ("shop.test", draft=dark, live=live, given={"topics": ["spf"]})
    assert not found.gone
    assert {f.code for f in found.new} == {"SPF000"}
    assert {(there, f.code) for there, f in found.unsure} >= {(False, "SPF013"), (False, "SPF008")}
    other = against.differ("shop.test", draft=live, live=dark, given={"topics": ["spf"]})
    assert {f.code for f in other.gone} == {"SPF000"}
    assert not other.new
    assert "neither gone nor new" in difference.as_text(other)


def test_json_and_text(tmp_path, live):
    draft = drafted(tmp_path, live, 'shop.test. 300 IN TXT "v=spf1 ip4:192.0.2.1 ~all"')
    found = against.differ("shop.test", draft=draft, live=live, given=IPS)
    out = json.loads(json.dumps(difference.as_dict(found)))
    assert out["schema"] == "difference/1"
    assert {"gone", "new", "changed", "unchanged", "unsure", "verdict", "domain", "before", "after"} <= out.keys()
    assert out["verdict"]["before"] == "fail"
    assert "SPF013" in {f["code"] for f in out["gone"]}
    shown = difference.as_text(found)
    for words in ("Gone with the draft", "New with the draft", "The same in both", "SPF013", "SPF001"):
        assert words in shown
    assert "\x1b" not in shown


def test_two_domains_have_nothing_to_compare(tmp_path, live):
    with pytest.raises(ValueError, match="nothing to compare"):
        compare(scan("shop.test", world=live), scan("mail.shop.test", world=live))


@pytest.mark.parametrize(("zones", "only"), [((), False), (("a.zone",), True)])
def test_options_that_do_not_go_together(zones, only):
    with pytest.raises(InputError):
        against.check("live", zones, only)
    against.check(None, zones, only)
    against.check("live", ("a.zone",), False)


# ------------------------------------------------------------------ the command line, with a nameserver on loopback as the live DNS


PUBLISHED = {
    ("shop.test", "MX"): ["@ 300 MX 10 mail.shop.test."],
    ("mail.shop.test", "A"): ["@ 300 A 192.0.2.25"],
    ("shop.test", "TXT"): ['@ 300 TXT "v=spf1 ip4:192.0.2.1 include:gone.shop.test ?all"'],
    ("_dmarc.shop.test", "TXT"): ['@ 300 TXT "v=DMARC1; p=none; rua=mailto:a@shop.test"'],
}
HELD = {name for name, _ in PUBLISHED}


def as_published(query, _tcp):
    asked = query.question[0]
    name, rtype = asked.name.to_text(True).lower(), asked.rdtype.name
    known = any(held == name or held.endswith("." + name) for held in HELD)
    return reply_to(query, *PUBLISHED.get((name, rtype), ()), rcode=0 if known or name == "." else 3, soa="" if (name, rtype) in PUBLISHED else "test.")


def command(*words):
    done = CliRunner().invoke(main, ["scan", *words])
    return done.exit_code, done.output, done.exception


@pytest.fixture
def draft_file(tmp_path):
    return str(patch_file(tmp_path, 'shop.test. 300 IN TXT "v=spf1 ip4:192.0.2.1 ~all"', "draft"))


def test_the_command_line(draft_file):
    with Nameserver(as_published) as server:
        options = ["shop.test", "--zone", draft_file, "--nameserver", server.at, "--against", "live"]
        code, shown, fault = command(*options)
        assert "Gone with the draft" in shown, (shown, fault)
        assert "SPF013" in shown.partition("The same in both")[0]
        assert code in (0, 1)
        _, lines, _ = command(*options, "--format", "jsonl")
        out = json.loads(lines)
        assert out["schema"] == "difference/1"
        assert {"SPF008", "SPF013"} <= {f["code"] for f in out["gone"]}
        assert not {"SPF013"} & {f["code"] for f in out["unchanged"]}
        _, several, _ = command(*options, "no domain", "--format", "json")
        assert [item["schema"] for item in json.loads(several)] == ["difference/1", "error/1"]


@pytest.mark.parametrize(
    ("words", "told_"),
    [
        (["shop.test", "--against", "live"], "--zone"),
        (["shop.test", "--against", "dead", "--zone", "x"], "dead"),
        (["shop.test", "--against", "live", "--zone", "nowhere.zone"], "nowhere.zone"),
    ],
)
def test_bad_input_is_exit_2(words, told_):
    code, shown, _ = command(*words)
    assert code == 2
    assert told_ in shown


def test_a_draft_with_a_syntax_error_names_file_and_line(tmp_path):
    bad = patch_file(tmp_path, 'shop.test. 300 IN TXT "v=spf1 -all"\nshop.test. 300 IN MX ten mail')
    code, shown, _ = command("shop.test", "--against", "live", "--zone", str(bad), "--nameserver", "127.0.0.1:1")
    assert code == 1  # files are read with care: what cannot be read is a finding, and the rest is compared
    assert "ZON002" in shown
    assert f"{bad.name}:2" in shown
