"""RFC 9989 (May 2026) sections 3.2.13, 4.4 to 4.10 and 5.1.8 with its appendices, and RFC 9990 section 4, statement by statement, as
cases of our own; mailauth's suite, read in place; checkdmarc beside both."""

import json
from pathlib import Path

import pytest
from support import Faults, world_of

from healthcheck.checks.dmarc.record import parse
from healthcheck.checks.dmarc.walk import names
from healthcheck.edge import libs_opinion
from healthcheck.edge.world import World
from healthcheck.errors import DomainError
from healthcheck.model import Domain
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
SUITE = Path(__file__).parents[2] / "shared" / "suites" / "dmarc-rfc9989" / "get-dmarc-record-test.json"
NONE = (None, None, None)  # no DMARC: no record holds, or one that is not to be processed
MANY = ".".join(map(str, range(1, 31))) + ".many.test"

# id: (section, domain, where the record stands, organizational domain, policy in effect, the tag that says so)
WALK = {
    "own record": ("4.10.1", "own.test", "own.test", "own.test", "quarantine", "p"),
    "no record anywhere": ("4.10.1", "nothing.test", None, "nothing.test", None, None),
    "no record anywhere, below": ("4.10.2", "a.nothing.test", None, "a.nothing.test", None, None),
    "from two labels above": ("4.10", "a.mail.inherit.test", "inherit.test", "inherit.test", "reject", "p"),
    "fewest labels go before the nearer one": ("4.10.2", "a.mid.deep.test", "deep.test", "deep.test", "reject", "p"),
    "only one between": ("4.10.2", "a.mail.midonly.test", "mail.midonly.test", "mail.midonly.test", "quarantine", "p"),
    "own before organizational": ("4.10.1", "a.both.test", "a.both.test", "both.test", "none", "p"),
    "a record is for its own name, not for those below": ("4.10.1", "b.a.both.test", "both.test", "both.test", "reject", "sp"),
    "seven labels": ("4.10 step 4", "a.b.c.d.e.seven.test", "seven.test", "seven.test", "reject", "p"),
    "eight labels go on with seven": ("4.10 step 4", "a.b.c.d.e.f.eight.test", "b.c.d.e.f.eight.test", "b.c.d.e.f.eight.test", "reject", "p"),
    "nine labels pass over one": ("4.10 step 4", "a.b.c.d.e.f.g.nine.test", "c.d.e.f.g.nine.test", "c.d.e.f.g.nine.test", "reject", "p"),
    "a record at a name passed over": ("4.10 step 4", "a.b.c.d.e.f.g.skipped.test", None, "a.b.c.d.e.f.g.skipped.test", None, None),
    "eleven labels": ("4.10 step 4", "a.b.c.d.e.f.g.h.i.thirteen.test", "thirteen.test", "thirteen.test", "quarantine", "sp"),
    "fourteen labels": ("4.10 step 4", "z.y.x.a.b.c.d.e.f.g.h.i.thirteen.test", "thirteen.test", "thirteen.test", "quarantine", "sp"),
    "fourteen labels, own record": (
        "4.10.1", "z.y.x.a.b.c.d.e.f.g.h.i.longown.test", "z.y.x.a.b.c.d.e.f.g.h.i.longown.test", "longown.test", "quarantine", "p",
    ),
    "thirty-two labels": ("4.10 step 4", MANY, "many.test", "many.test", "reject", "p"),
    "other text is passed over": ("4.10 step 2", "a.texts.test", "texts.test", "texts.test", "reject", "p"),
    "behind an alias": ("4.5", "aliased.test", "aliased.test", "aliased.test", "reject", "p"),
    "a department out of reach": ("5.1.8", "mail.a.b.c.d.e.f.g.apart.test", "apart.test", "apart.test", "reject", "p"),
    "a department one label nearer is out of reach too": ("4.10 step 4", "a.b.c.d.e.f.g.apart.test", "apart.test", "apart.test", "reject", "p"),
    "a department within reach": ("4.10 step 4", "b.c.d.e.f.g.apart.test", *["b.c.d.e.f.g.apart.test"] * 2, "quarantine", "p"),
    "twelve names up": ("B.4.2", "a.b.c.d.e.f.g.h.i.j.k.simple.test", "simple.test", "simple.test", "reject", "p"),
    "the record with the fewest labels is the organization's, the own one holds": ("B.4.1", "signing.simple.test", "signing.simple.test", "simple.test", "none", "p"),
    "a loop of aliases is no record": ("4.10.1", "looped.test", None, "looped.test", None, None),
}  # fmt: skip
PSD = {
    "psd=n at the author domain ends the walk": ("4.10 step 2", "unit.group.test", "unit.group.test", "unit.group.test", "quarantine", "p"),
    "psd=n one above": ("4.10.2", "a.unit.group.test", "unit.group.test", "unit.group.test", "quarantine", "p"),
    "psd=n two above": ("4.10.2", "a.b.unit.group.test", "unit.group.test", "unit.group.test", "quarantine", "p"),
    "psd=y at the author domain": ("4.10.2", "registry.test", "registry.test", "registry.test", "reject", "p"),
    "psd=y at the author domain ends the walk": ("4.10 step 2", "reg.upper.test", "reg.upper.test", "reg.upper.test", "reject", "p"),
    "below it the record above is not asked for": ("4.10 step 6", "shop.reg.upper.test", "reg.upper.test", "shop.reg.upper.test", "quarantine", "sp"),
    "psd=y, one label below it was passed over": ("4.10.2", "a.b.c.d.e.f.g.h.far.test", "d.e.f.g.h.far.test", "c.d.e.f.g.h.far.test", "reject", "p"),
    "a bank below psd=y": ("B.4.3", "mail.giant.bank.test", "giant.bank.test", "giant.bank.test", "quarantine", "p"),
    "a bank without a record": ("B.4.3", "mail.mega.bank.test", "bank.test", "mega.bank.test", "reject", "p"),
    "psd=y right above": ("4.10.2", "shop.registry.test", "registry.test", "shop.registry.test", "quarantine", "sp"),
    "psd=y two above": ("4.10.2", "www.shop.registry.test", "registry.test", "shop.registry.test", "quarantine", "sp"),
    "psd=y, own record": ("4.10.1", "brand.registry.test", "brand.registry.test", "brand.registry.test", "none", "p"),
    "psd=y, organizational record": ("4.10.1", "www.brand.registry.test", "brand.registry.test", "brand.registry.test", "none", "p"),
    "psd=y, a record below the organizational domain": ("4.10.1", "a.b.gap.registry.test", "registry.test", "gap.registry.test", "quarantine", "sp"),
    "psd=n below psd=y": ("4.10.2", "a.low.firm.registry.test", "low.firm.registry.test", "low.firm.registry.test", "none", "p"),
    "psd=y, name that is not there": ("4.10.1", "gone.registry.test", "registry.test", "gone.registry.test", "reject", "np"),
    "psd=y at the top": ("4.10.2", "bank.example", "example", "bank.example", "none", "sp"),
    "psd=y at the top, two labels below": ("4.10.2", "www.bank.example", "example", "bank.example", "none", "sp"),
    "psd=y at the top, organizational record": ("4.10.1", "www.saving.example", "saving.example", "saving.example", "quarantine", "p"),
    "psd=y at the top, name that is not there": ("4.10.1", "gone.example", "example", "gone.example", "reject", "np"),
    "psd=u is the default": ("4.7", "a.sub.unsaid.test", "unsaid.test", "unsaid.test", "reject", "p"),
    "a psd that is none": ("4.8", "a.sub.oddpsd.test", "oddpsd.test", "oddpsd.test", "reject", "p"),
    "PSD=N": ("4.8", "a.sub.upperpsd.test", "sub.upperpsd.test", "sub.upperpsd.test", "quarantine", "p"),
    "a record at the top without psd": ("4.10.2", "shop.invalid", "invalid", "invalid", "quarantine", "sp"),
    "own record below such a top": ("4.10.2", "saving.invalid", "saving.invalid", "invalid", "reject", "p"),
}
NP = {
    "NXDOMAIN": ("4.10.1", "gone.np.test", "np.test", "np.test", "none", "np"),
    "NXDOMAIN, deeper": ("4.10.1", "a.b.gone.np.test", "np.test", "np.test", "none", "np"),
    "it exists": ("4.10.1", "there.np.test", "np.test", "np.test", "quarantine", "sp"),
    "NODATA is there": ("A.4", "nodata.np.test", "np.test", "np.test", "quarantine", "sp"),
    "a name with only something below it is there": ("A.4", "ent.np.test", "np.test", "np.test", "quarantine", "sp"),
    "an alias is there, wherever it leads": ("3.2.13", "alias.np.test", "np.test", "np.test", "quarantine", "sp"),
    "a wildcard makes every name": ("3.2.13", "whatever.npwild.test", "npwild.test", "npwild.test", "quarantine", "sp"),
    "np alone, NXDOMAIN": ("4.7", "gone.nponly.test", "nponly.test", "nponly.test", "reject", "np"),
    "np alone, it exists": ("4.7", "there.nponly.test", "nponly.test", "nponly.test", "quarantine", "p"),
    "without np sp holds": ("4.7", "gone.sponly.test", "sponly.test", "sponly.test", "none", "sp"),
    "without np and sp p holds": ("4.7", "gone.ponly.test", "ponly.test", "ponly.test", "quarantine", "p"),
    "sp is not for the domain itself": ("4.10.1", "sponly.test", "sponly.test", "sponly.test", "reject", "p"),
    "np is not for the domain itself": ("4.10.1", "np.test", "np.test", "np.test", "reject", "p"),
}
SEVERAL = {
    "at the author domain, none above": ("4.10 step 2", "several.test", None, "several.test", None, None),
    "at the organizational domain": ("4.10 step 6", "child.several.test", None, "child.several.test", None, None),
    "above an own record": ("4.10.1", "own.several.test", "own.several.test", "own.several.test", "quarantine", "p"),
    "at the author domain, one above": ("4.10 step 2", "two.above.test", "above.test", "above.test", "quarantine", "sp"),
    "between": ("4.10 step 6", "a.two.above.test", "above.test", "above.test", "quarantine", "sp"),
    "several with psd=n do not end the walk": ("4.10 step 6", "a.two.twopsd.test", "twopsd.test", "twopsd.test", "reject", "p"),
    "one among other text": ("4.10 step 2", "mixed.test", "mixed.test", "mixed.test", "reject", "p"),
}
TESTING = {
    "t=y, reject": ("4.7", "treject.test", "treject.test", "treject.test", "quarantine", "p"),
    "t=y, sub-domain": ("4.7", "child.treject.test", "treject.test", "treject.test", "none", "sp"),
    "t=y, quarantine": ("4.7", "tquarantine.test", "tquarantine.test", "tquarantine.test", "none", "p"),
    "t=y, none": ("4.7", "tnone.test", "tnone.test", "tnone.test", "none", "p"),
    "t=y, p=none, sub-domain": ("4.7", "child.tbelow.test", "tbelow.test", "tbelow.test", "quarantine", "sp"),
    "t=y, p=none, name that is not there": ("4.7", "gone.tbelow.test", "tbelow.test", "tbelow.test", "none", "np"),
    "t=n": ("4.7", "tno.test", "tno.test", "tno.test", "reject", "p"),
    "a t that is none": ("4.8", "todd.test", "todd.test", "todd.test", "reject", "p"),
    "T=Y": ("4.8", "tupper.test", "tupper.test", "tupper.test", "quarantine", "p"),
}
MISSING_P = {
    "no p, a report address": ("4.10.1", "nop.test", "nop.test", "nop.test", "none", "p"),
    "no p, a report address, below": ("4.10.1", "child.nop.test", "nop.test", "nop.test", "none", "p"),
    "no p, no report address": ("4.10.1", "nopnorua.test", "nopnorua.test", "nopnorua.test", None, None),
    "a p that is none, a report address": ("4.10.1", "badp.test", "badp.test", "badp.test", "none", "p"),
    "a p that is none, no report address": ("4.10.1", "badpnorua.test", "badpnorua.test", "badpnorua.test", None, None),
    "no p, a report address that is none": ("4.10.1", "nopbadrua.test", "nopbadrua.test", "nopbadrua.test", None, None),
    "an empty p, a report address": ("4.10.1", "emptyp.test", "emptyp.test", "emptyp.test", "none", "p"),
    "no p takes sp with it": ("4.10.1", "child.nopsp.test", "nopsp.test", "nopsp.test", "none", "p"),
    "no p takes np with it": ("4.10.1", "gone.nopsp.test", "nopsp.test", "nopsp.test", "none", "p"),
    "an sp that is none, a report address": ("4.10.1", "badsp.test", "badsp.test", "badsp.test", "none", "p"),
    "an sp that is none, below": ("4.10.1", "child.badsp.test", "badsp.test", "badsp.test", "none", "p"),
    "an sp that is none, no report address": ("4.10.1", "badspnorua.test", "badspnorua.test", "badspnorua.test", None, None),
    "an np that is none, a report address": ("4.10.1", "badnp.test", "badnp.test", "badnp.test", "none", "p"),
    "an np that is none takes a good sp with it": ("4.10.1", "child.badnp.test", "badnp.test", "badnp.test", "none", "p"),
    "an np that is none, no report address": ("4.10.1", "badnpnorua.test", "badnpnorua.test", "badnpnorua.test", None, None),
    "an empty sp, a report address": ("4.10.1", "emptysp.test", "emptysp.test", "emptysp.test", "none", "p"),
    "an sp that is none still ends the walk by psd": ("4.10 step 6", "a.badsppsd.test", "badsppsd.test", "badsppsd.test", "none", "p"),
    "a report address that is no mailto": ("4.10.1", "weburi.test", "weburi.test", "weburi.test", "none", "p"),
    "a report address that cannot be served": ("4.10.1", "hosturi.test", "hosturi.test", "hosturi.test", "none", "p"),
    "a report address with a size": ("4.8", "sizeduri.test", "sizeduri.test", "sizeduri.test", "none", "p"),
    "a report address with no size after the mark": ("4.8", "badsize.test", "badsize.test", "badsize.test", None, None),
    "a report address with a blank in it": ("4.8", "blankuri.test", "blankuri.test", "blankuri.test", None, None),
    "the second report address will do": ("4.10.1", "seconduri.test", "seconduri.test", "seconduri.test", "none", "p"),
    "the version alone": ("4.10.1", "bare.test", "bare.test", "bare.test", None, None),
}
TEXT = {
    "p need not follow v": ("4.8", "order.test", "order.test", "order.test", "reject", "p"),
    "capitals": ("4.8", "capitals.test", "capitals.test", "capitals.test", "reject", "p"),
    "blanks": ("4.8", "blanks.test", "blanks.test", "blanks.test", "reject", "p"),
    "no blanks": ("4.8", "tight.test", "tight.test", "tight.test", "reject", "p"),
    "several strings": ("4.5", "strings.test", "strings.test", "strings.test", "reject", "p"),
    "the version is not first": ("4.8", "versionlast.test", None, "versionlast.test", None, None),
    "the version in small letters": ("4.7", "versioncase.test", None, "versioncase.test", None, None),
    "another version": ("4.7", "versiontwo.test", None, "versiontwo.test", None, None),
    "unknown tags": ("4.7", "unknown.test", "unknown.test", "unknown.test", "reject", "p"),
    "tags that are gone": ("C.5.2", "removed.test", "removed.test", "removed.test", "reject", "p"),
    "an alignment mode that is none": ("4.8", "badmode.test", "badmode.test", "badmode.test", "reject", "p"),
    "a blank before the version": ("4.8", "blankfirst.test", None, "blankfirst.test", None, None),
    "no semicolon after the version": ("4.8", "nosemicolon.test", None, "nosemicolon.test", None, None),
    # section 4.8 keeps what can be read; RFC 6376 section 3.2, whose tag lists these are (4.7), gives such a list up. The finding DMA013 says both.
    "a tag that stands twice": ("4.8", "twicep.test", "twicep.test", "twicep.test", "reject", "p"),
}
CASES = {**WALK, **PSD, **NP, **SEVERAL, **TESTING, **MISSING_P, **TEXT}


@pytest.fixture(scope="module")
def world():
    made = World.zones([WORLDS / f"dmarc-rfc9989-{tld}.zone" for tld in ("test", "example", "invalid")], only=True)
    yield made
    made.close()


def facts_of(world, domain, **options):
    return scan(domain, world=world, topics=["dmarc"], **options).facts["dmarc"]


def test_there_are_enough_cases():
    assert len(CASES) >= 40
    assert len(CASES) == sum(map(len, (WALK, PSD, NP, SEVERAL, TESTING, MISSING_P, TEXT))), "two cases have one name"


@pytest.mark.parametrize("case", CASES)
def test_rfc9989(world, case):
    section, domain, found_at, org, policy, applies = CASES[case]
    dmarc = facts_of(world, domain)
    assert dmarc["known"], section
    assert (dmarc["found_at"], dmarc["org"], dmarc["policy"], dmarc["applies"]) == (found_at, org, policy, applies), f"RFC 9989 section {section}"


@pytest.mark.parametrize(("case", "adkim", "aspf"), [("capitals", "s", "s"), ("blanks", "s", "r"), ("strings", "s", "r"), ("badmode", "r", "s")])
def test_alignment_modes(world, case, adkim, aspf):
    dmarc = facts_of(world, f"{case}.test")
    assert (dmarc["adkim"], dmarc["aspf"]) == (adkim, aspf)


@pytest.mark.parametrize(
    ("domain", "asked"),
    [
        ("a.mail.inherit.test", ["a.mail.inherit.test", "mail.inherit.test", "inherit.test", "test"]),
        ("a.b.c.d.e.seven.test", [".".join(["a", "b", "c", "d", "e", "seven", "test"][n:]) for n in range(7)]),
        ("a.b.c.d.e.f.eight.test", [".".join(["a", "b", "c", "d", "e", "f", "eight", "test"][n:]) for n in range(8)]),
        ("a.b.c.d.e.f.g.nine.test", ["a.b.c.d.e.f.g.nine.test", *(".".join(["c", "d", "e", "f", "g", "nine", "test"][n:]) for n in range(7))]),
        (MANY, [MANY, *(".".join(["26", "27", "28", "29", "30", "many", "test"][n:]) for n in range(7))]),
    ],
)
def test_the_names_of_a_walk(world, domain, asked):
    """At most eight questions, whatever the length (RFC 9989 section 4.10)."""
    assert list(names(domain)) == asked
    assert [step["name"] for step in facts_of(world, domain)["walk"]] == asked
    assert len(asked) <= 8


def test_the_walk_as_it_is_drawn(world):
    steps = {s["name"]: s for s in facts_of(world, "a.b.unit.group.test")["walk"]}
    assert [(n, s["state"]) for n, s in steps.items()] == [
        ("a.b.unit.group.test", "none"),
        ("b.unit.group.test", "none"),
        ("unit.group.test", "record"),
        ("group.test", "not-needed"),
        ("test", "not-needed"),
    ]
    assert steps["a.b.unit.group.test"]["marks"] == ["author"]
    assert steps["unit.group.test"]["marks"] == ["org", "holds", "stop"]
    assert steps["unit.group.test"]["psd"] == "n"
    assert [s["state"] for s in facts_of(world, "a.two.above.test")["walk"]] == ["none", "several", "record", "none"]
    assert [s["skipped"] for s in facts_of(world, "a.b.c.d.e.f.g.nine.test")["walk"]] == [0, 1, 0, 0, 0, 0, 0, 0]
    assert facts_of(world, "www.shop.registry.test")["walk"][1]["marks"] == ["org"]


ALIGN = {  # (From domain, envelope domain): does it align, relaxed, by RFC 9989 and by RFC 7489?
    ("inherit.test", "bounce.inherit.test"): (True, True),
    ("a.unit.group.test", "b.unit.group.test"): (True, True),
    ("unit.group.test", "other.group.test"): (False, True),
    ("shop.registry.test", "brand.registry.test"): (False, True),
    ("www.shop.registry.test", "shop.registry.test"): (True, True),
    ("bank.example", "saving.example"): (False, False),
    ("www.bank.example", "bank.example"): (True, True),
    ("shop.invalid", "saving.invalid"): (True, False),
    ("a.nothing.test", "nothing.test"): (False, True),
    ("a.b.c.d.e.f.g.h.i.thirteen.test", "thirteen.test"): (True, True),
    ("own.test", "inherit.test"): (False, False),
    ("simple.test", "signing.simple.test"): (True, True),  # B.4.1
    ("a.b.c.d.e.f.g.h.i.j.k.simple.test", "signing.simple.test"): (True, True),  # B.4.2
    ("giant.bank.test", "mail.giant.bank.test"): (True, True),  # B.4.3
    ("giant.bank.test", "mail.mega.bank.test"): (False, True),  # B.4.3
    ("reg.upper.test", "upper.test"): (False, True),  # 4.10 step 2: psd=y ends the walk where it starts
    ("unit.group.test", "a.b.unit.group.test"): (True, True),  # 4.10.2: psd=n
}


@pytest.mark.parametrize(("author", "envelope"), ALIGN)
def test_relaxed_alignment(world, author, envelope):
    """RFC 9989 sections 4.4 and 4.10.2: the same organizational domain by the walk."""
    rows = scan(author, world=world, topics=["alignment"], mail_from=envelope).facts["alignment"]["rows"]
    spf = next(row for row in rows if row["mechanism"] == "spf")
    assert (spf["relaxed"], spf["relaxed_old"]) == ALIGN[author, envelope]
    assert spf["strict"] is False


# ------------------------------------------------------------------ values of the grammar, section 4.8

FO = {"0": True, "1": True, "d": True, "1:d:s": True, "d:0": True, "d:1:s": True, "s:d:1": True, "D:S": True,
      "0:1": False, "d:d": False, "0 : d": False, "": False, "x": False, "0:": False}  # fmt: skip


@pytest.mark.parametrize("fo", FO)
def test_failure_options(fo):
    """RFC 9989 section 4.7: 0 and 1 exclude each other; what fo says is ignored without ruf. Section 4.8: the grammar."""
    read = parse(f"v=DMARC1; p=none; fo={fo}; ruf=mailto:reports@example.com")
    assert (("fo", fo, "bad-value") not in read.bad) is FO[fo]
    assert not parse(f"v=DMARC1; p=none; fo={fo}").bad


ADDRESSES = {  # a value of rua: (is it a URI that makes the record count, the domain that reports go to)
    "mailto:r@example.com": (True, "example.com"),
    "MAILTO:r@Example.COM.": (True, "example.com"),
    "mailto:r+d%21x@example.com?subject=a": (True, "example.com"),
    "mailto:r@example.com!10M": (True, "example.com"),
    "mailto:r@example.com!": (False, ""),
    "mailto:r!x@example.com": (False, ""),
    "mailto:r@localhost": (True, ""),
    "mailto:": (False, ""),
    "mailto:r@exämple.com": (False, ""),
    "https://example.com/in": (True, ""),
    "r@example.com": (False, ""),
    "": (False, ""),
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_report_addresses(address):
    """RFC 9989 section 4.8, dmarc-uri and obs-dmarc-uri; section 4.10.1 asks for one that is valid by its syntax."""
    read = parse(f"v=DMARC1; rua={address}")
    counts, domain = ADDRESSES[address]
    assert (read.usable, read.served) == (counts, bool(domain))
    assert [r.domain for r in read.reports] == ([domain] if counts else [])


# ------------------------------------------------------------------ external destinations, RFC 9990 section 4

LONG = ".".join(["a" * 60] * 3)  # with it and a second name of this length there is no room for a grant
HOME = "home.example"
GRANT = f"{HOME}._report._dmarc"
REPORTS = {  # statement: (tags of the record at home.example, zones besides, the destination: external, authorised, why)
    "its own domain": ("", {}, {"home.example": (False, True, "")}),
    "a sub-domain is of the same organization": ("", {}, {"in.home.example": (False, True, "")}),
    "a sub-domain that is an organization of its own (psd=n)": ("", {"home.example": '_dmarc.in TXT "v=DMARC1; p=none; psd=n"'}, {"in.home.example": (True, False, "missing")}),
    "such a one may agree": (
        "", {"home.example": f'_dmarc.in TXT "v=DMARC1; p=none; psd=n"\n{GRANT}.in TXT "v=DMARC1"'}, {"in.home.example": (None, True, "")}
    ),
    "below a public suffix others are at home": ("psd=y; ", {}, {"in.home.example": (True, False, "missing")}),
    "no grant": ("", {"other.example": ""}, {"other.example": (True, False, "missing")}),
    "the version alone will do": ("", {"other.example": f'{GRANT} TXT "v=DMARC1"'}, {"other.example": (None, True, "")}),
    "a semicolon at its end will do": ("", {"other.example": f'{GRANT} TXT "v=DMARC1;"'}, {"other.example": (None, True, "")}),
    "step 6: the version comes first": ("", {"other.example": f'{GRANT} TXT "p=none; v=DMARC1"'}, {"other.example": (True, False, "missing")}),
    "step 6: the version is exact": ("", {"other.example": f'{GRANT} TXT "v=dmarc1"'}, {"other.example": (True, False, "missing")}),
    "step 8: one of several will do": ("", {"other.example": f'{GRANT} TXT "v=DMARC1"\n{GRANT} TXT "v=DMARC1; x=1"'}, {"other.example": (None, True, "")}),
    "a grant for everybody": ("", {"other.example": '*._report._dmarc TXT "v=DMARC1"'}, {"other.example": (None, True, "")}),
    "step 9: another address there": ("", {"other.example": f'{GRANT} TXT "v=DMARC1; rua=mailto:new@other.example"'}, {"other.example": (None, True, "")}),
    "step 9: an address elsewhere": (
        "", {"other.example": f'{GRANT} TXT "v=DMARC1; rua=mailto:new@third.example"'}, {"other.example": (True, False, "elsewhere")}
    ),
    "step 9: of a tag that does not lead there": ("", {"other.example": f'{GRANT} TXT "v=DMARC1; ruf=mailto:new@third.example"'}, {"other.example": (None, True, "")}),
    "step 4: no room for the name": ("", {"other.example": ""}, {f"{LONG}.{'b' * 40}.other.example": (True, False, "too-long")}),
    "step 4 matters to others only": ("", {}, {f"{LONG}.{'b' * 40}.home.example": (False, True, "")}),
}  # fmt: skip


@pytest.mark.parametrize("statement", REPORTS)
def test_external_destinations(statement, tmp_path):
    tags, zones, expected = REPORTS[statement]
    addresses = ",".join(f"mailto:r@{d}" for d in expected)
    texts = " ".join(f'"{part}"' for part in (f"v=DMARC1; p=none; {tags}rua=", addresses[:200], addresses[200:]))
    held = {**zones, HOME: f"@ A 192.0.2.1\n_dmarc TXT {texts}\n{zones.get(HOME, '')}"}
    whole = world_of(tmp_path, {"example": "x A 192.0.2.1", **held})
    report = scan(HOME, world=whole, topics=["dmarc"])
    assert {r["domain"]: (r["external"], r["authorised"], r["why"]) for r in report.facts["dmarc"]["reports"]} == expected
    told = [f for f in report.findings if f.code == "DMA008"]
    assert bool(told) is any(authorised is False for _, authorised, _ in expected.values())
    assert all(f.values["reason"] and f.evidence for f in told)
    whole.close()


def test_failure_reports_are_asked_the_same(tmp_path):
    """RFC 9991 section 5: the procedure of RFC 9990 section 4, with ruf in the place of rua."""
    zones = {
        HOME: '@ A 192.0.2.1\n_dmarc TXT "v=DMARC1; p=none; ruf=mailto:r@other.example"',
        "other.example": f'{GRANT} TXT "v=DMARC1; ruf=mailto:r@third.example"',
    }
    whole = world_of(tmp_path, {"example": "x A 192.0.2.1", **zones})
    assert [(r["authorised"], r["why"]) for r in facts_of(whole, HOME)["reports"]] == [(False, "elsewhere")]
    whole.close()


def test_whose_a_report_address_is_goes_by_where_the_record_stands(tmp_path):
    """RFC 9990 section 4 compares with the organizational domain of the record, not with that of the author: here a public suffix's."""
    zones = {
        "suffix.example": '_dmarc TXT "v=DMARC1; p=none; psd=y; rua=mailto:r@in.shop.suffix.example"\nin.shop A 192.0.2.1\nshop A 192.0.2.1',
    }
    whole = world_of(tmp_path, {"example": "x A 192.0.2.1", **zones})
    dmarc = facts_of(whole, "shop.suffix.example")
    assert (dmarc["found_at"], dmarc["org"]) == ("suffix.example", "shop.suffix.example")
    assert [(r["external"], r["authorised"]) for r in dmarc["reports"]] == [(True, False)]
    whole.close()


@pytest.mark.parametrize("fault", ["timeout", "servfail", "refused"])
def test_a_sub_domain_whose_walk_was_not_answered_is_open(tmp_path, fault):
    """RFC 9990 section 4 step 5: neither authorised nor refused."""
    whole = world_of(tmp_path, {"example": "x A 192.0.2.1", HOME: '@ A 192.0.2.1\n_dmarc TXT "v=DMARC1; p=none; rua=mailto:r@in.home.example"'})
    report = scan(HOME, world=Faults(whole, **{fault: {"_dmarc.in.home.example"}}), topics=["dmarc"])
    assert [(r["external"], r["authorised"]) for r in report.facts["dmarc"]["reports"]] == [(None, None)]
    assert "DMA000" in {f.code for f in report.findings}
    assert "DMA008" not in {f.code for f in report.findings}
    whole.close()


# ------------------------------------------------------------------ what the findings say

SAID = {  # domain: (section, codes that must appear, codes that must not)
    "badsp.test": ("4.10.1", {"DMA005", "DMA007"}, {"DMA004", "DMA013", "DMA010", "DMA018", "DMA001"}),
    "badspnorua.test": ("4.10.1", {"DMA004"}, {"DMA005", "DMA013", "DMA001"}),
    "badnp.test": ("4.10.1", {"DMA005", "DMA018"}, {"DMA011", "DMA010", "DMA001"}),
    "nopsp.test": ("4.10.1", {"DMA005"}, {"DMA004", "DMA010"}),
    "weburi.test": ("4.7, rua", {"DMA005", "DMA006", "DMA013"}, {"DMA004"}),
    "badsize.test": ("4.8, obs-dmarc-report-size", {"DMA004"}, {"DMA016"}),
    "sizeduri.test": ("4.8, obs-dmarc-report-size", {"DMA016", "DMA005"}, {"DMA013"}),
    "tbelow.test": ("4.7, t", {"DMA009"}, {"DMA001"}),
    "tnone.test": ("4.7, t", set(), {"DMA009"}),
    "blankfirst.test": ("4.8, dmarc-version", {"DMA014"}, {"DMA002"}),
    "twicep.test": ("4.8", {"DMA013"}, {"DMA003"}),
    "two.above.test": ("4.10 step 2", {"DMA003", "DMA015"}, {"DMA002"}),
}


@pytest.mark.parametrize("domain", SAID)
def test_findings(world, domain):
    section, must, must_not = SAID[domain]
    found = {f.code for f in scan(domain, world=world, topics=["dmarc"]).findings}
    assert must <= found, section
    assert not must_not & found, section


def test_choices_name_each_tag_that_is_no_policy(world):
    finding = next(f for f in scan("badnpnorua.test", world=world, topics=["dmarc"]).findings if f.code == "DMA004")
    assert finding.record is None
    assert [c.values for c in finding.choices] == [{"tag": "np", "policy": policy} for policy in ("none", "quarantine", "reject")]


# ------------------------------------------------------------------ what a receiver still on RFC 7489 decides

OLD = {  # domain: (where the record stands, policy, percent, why it differs)
    "own.test": ("own.test", "quarantine", 100, None),
    "nothing.test": (None, None, 100, None),
    "a.mail.inherit.test": ("inherit.test", "reject", 100, None),
    "a.mail.midonly.test": (None, None, 100, "suffix"),
    "unit.group.test": ("unit.group.test", "quarantine", 100, None),
    "a.unit.group.test": ("group.test", "reject", 100, "psd"),
    "shop.registry.test": ("registry.test", "quarantine", 100, None),
    "www.brand.registry.test": ("registry.test", "quarantine", 100, "psd"),
    "bank.example": (None, None, 100, "psd"),
    "shop.invalid": (None, None, 100, "suffix"),
    "gone.np.test": ("np.test", "quarantine", 100, "np"),
    "there.np.test": ("np.test", "quarantine", 100, None),
    "two.above.test": (None, None, 100, "several"),
    "a.two.above.test": ("above.test", "quarantine", 100, None),
    "treject.test": ("treject.test", "reject", 100, "testing"),
    "tnone.test": ("tnone.test", "none", 100, None),
    "removed.test": ("removed.test", "reject", 0, "pct"),
    "badsp.test": ("badsp.test", "none", 100, None),
    "badnp.test": ("badnp.test", "reject", 100, "broken"),
    "badnpnorua.test": ("badnpnorua.test", "reject", 100, "broken"),
    "child.nopsp.test": ("nopsp.test", "none", 100, None),
    "reg.upper.test": ("reg.upper.test", "reject", 100, None),
    "badpnorua.test": ("badpnorua.test", None, 100, None),
    "nop.test": ("nop.test", "none", 100, None),
}


@pytest.mark.parametrize("domain", OLD)
def test_rfc7489_beside_it(world, domain):
    old = facts_of(world, domain)["old"]
    assert (old["found_at"], old["policy"], old["percent"], old["why"]) == OLD[domain]
    assert old["differs"] is (OLD[domain][3] is not None)


def test_both_are_told_only_where_both_are_known(world):
    away = Faults(world, timeout={"_dmarc.group.test"})
    dmarc = facts_of(away, "a.unit.group.test")
    assert dmarc["found_at"] == "unit.group.test"
    assert (dmarc["old"]["known"], dmarc["old"]["differs"]) == (False, None)


# ------------------------------------------------------------------ a look-up that failed is never an absence


@pytest.mark.parametrize("fault", ["timeout", "servfail", "refused", "bogus", "error", "truncated", "not_asked"])
@pytest.mark.parametrize(
    ("domain", "broken", "known", "org"),
    [
        ("a.mail.inherit.test", "_dmarc.inherit.test", False, None),
        ("a.mail.inherit.test", "_dmarc.mail.inherit.test", False, None),
        ("a.mail.inherit.test", "_dmarc.a.mail.inherit.test", False, None),
        ("a.both.test", "_dmarc.both.test", True, None),
        ("a.unit.group.test", "_dmarc.group.test", True, "unit.group.test"),
        ("nothing.test", "_dmarc.test", False, None),
        # a top-level domain has to say psd=y (section 5.2): that decides nothing above a record right below it, and much above one deeper
        ("a.mail.inherit.test", "_dmarc.test", True, "inherit.test"),
        ("a.mail.midonly.test", "_dmarc.test", False, None),
        ("reg.upper.test", "_dmarc.upper.test", True, "reg.upper.test"),
    ],
)
def test_a_gap_in_the_walk(world, domain, broken, known, org, fault):
    away = Faults(world, **{fault: {broken}})
    report = scan(domain, world=away, topics=["dmarc"])
    dmarc = report.facts["dmarc"]
    assert (dmarc["known"], dmarc["org"]) == (known, org)
    if not known:
        assert (dmarc["record"], dmarc["policy"]) == (None, None)
        assert "DMA002" not in {f.code for f in report.findings}
        assert "DMA000" in {f.code for f in report.findings}


def test_existence_that_is_not_known_leaves_the_policy_open(world):
    away = Faults(world, timeout={"gone.np.test"})
    dmarc = facts_of(away, "gone.np.test")
    assert (dmarc["found_at"], dmarc["policy"], dmarc["exists"]) == ("np.test", None, None)
    both = facts_of(Faults(world, timeout={"gone.ponly.test"}), "gone.ponly.test")
    assert both["policy"] == "quarantine"


# ------------------------------------------------------------------ checkdmarc's opinion

_GONE = "it reports that the domain does not exist, and no policy; np= is for that very name (section 4.7)"
_SEVERAL = "it ends with an error; section 4.10 has the records discarded and the walk go on"
_VALUE = "it refuses the record; section 4.8 discards the value for its default"
_POLICY = "it refuses the record; section 4.10.1 takes it for p=none, since there is a valid rua"
# cases where checkdmarc 6.0.4 says something else of where the record stands, or of p: RFC 9989 wins. One that agrees again leaves the table.
CHECKDMARC = {
    "psd=y, name that is not there": _GONE,
    "psd=y at the top, name that is not there": _GONE,
    "NXDOMAIN": _GONE,
    "NXDOMAIN, deeper": _GONE,
    "np alone, NXDOMAIN": _GONE,
    "without np sp holds": _GONE,
    "without np and sp p holds": _GONE,
    "an alias is there, wherever it leads": "NXDOMAIN behind an alias speaks of its target (RFC 6604 section 2), and the name is there",
    "at the author domain, one above": _SEVERAL,
    "between": _SEVERAL,
    "several with psd=n do not end the walk": _SEVERAL,
    "a t that is none": _VALUE,
    "a p that is none, a report address": _POLICY,
    "an empty p, a report address": _POLICY,
    "an sp that is none, a report address": _POLICY,
    "an sp that is none, below": _POLICY,
    "an np that is none, a report address": _POLICY,
    "an np that is none takes a good sp with it": _POLICY,
    "an empty sp, a report address": _POLICY,
    "an sp that is none still ends the walk by psd": _POLICY,
    "a report address that cannot be served": _POLICY,
    "the second report address will do": "it refuses the record; section 4.10.1 asks for one valid address at least",
    "a report address with no size after the mark": "it takes the mark for a size; the grammar of section 4.8 has digits there",
    "a tag that stands twice": "it refuses the record, by the tag lists of RFC 6376 section 3.2; section 4.8 keeps what can be read",
    "t=y, p=none, name that is not there": _GONE,
    "no p takes np with it": _GONE,
    "no p, no report address": "it takes the record for p=none; section 4.10.1 has no DMARC processing without a p and a rua",
    "the version alone": "it takes the record for p=none; section 4.10.1 has no DMARC processing without a p and a rua",
    "blanks": "it refuses the record for an empty tag; section 4.8 ignores what is no tag",
}


def checkdmarc_says(world, domain):
    """(where the record stands, its p) by checkdmarc, asked over the same world; None where it reports an error."""
    library, _ = libs_opinion._checkdmarc()
    with world.open() as session:
        told = library.check_dmarc(domain, resolver=session.dns.resolver(), nameservers=[session.dns], ignore_unrelated_records=True)
    return (told["location"], told["tags"]["p"]["value"]) if told.get("valid") else None


def ours(world, domain):
    dmarc = facts_of(world, domain)
    if dmarc["policy"] is None:
        return None
    return dmarc["found_at"], parse(dmarc["record"]).policy


@pytest.mark.parametrize("case", CASES)
def test_checkdmarc_beside_it(world, case):
    domain = CASES[case][1]
    agree = checkdmarc_says(world, domain) == ours(world, domain)
    assert agree is (case not in CHECKDMARC), CHECKDMARC.get(case, "a difference that no line names")


# ------------------------------------------------------------------ mailauth's suite, read in place


def _suite():
    return json.loads(SUITE.read_text(encoding="utf-8")) if SUITE.exists() else []


def _zone(folder, zone):
    """The suite's zone as files and faults. Each top-level domain is held whole, so that nothing is outside."""
    rows, faults = {}, set()
    for name, held in zone.items():
        relative, _, tld = name.rpartition(".")
        lines = rows.setdefault(tld, ["example A 192.0.2.1"])
        if held.get("error") == "ETIMEOUT":
            faults.add(name)
        elif held.get("error") == "ENODATA":
            lines.append(f"{relative} A 192.0.2.1")
        for strings in held.get("TXT", ()):
            lines.append(f"{relative} TXT " + " ".join(f'"{s}"' for s in strings))
    return Faults(world_of(folder, {tld: "\n".join(lines) for tld, lines in rows.items()}), timeout=faults)


def _shown(dmarc, field):
    """A field of mailauth's result, from our facts."""
    tags = dmarc["tags"]
    if field == "rr":
        return dmarc["record"]
    if field == "isOrgRecord":
        return dmarc["found_at"] != dmarc["domain"]
    return int(tags[field]) if field in ("pct", "ri") else tags[field]


# expectations that RFC 9989 contradicts, by the name of the case
CONTRADICTED = {
    "Should handle invalid pct value as 0": "pct is gone (RFC 9989 appendix A.6); an unknown tag's value is nobody's, and RFC 7489's default was 100",
    "Should handle tags with no value": "a tag without a value is no tag by the grammar of section 4.8: it is ignored, and listed as such",
    "Should handle tags starting with equals": "the same of a value without a tag",
}


@pytest.mark.shared
@pytest.mark.parametrize("case", _suite() or [None], ids=lambda case: case["name"] if case else "absent")
def test_mailauth_suite(case, tmp_path):
    if case is None:
        pytest.skip(f"{SUITE} is not here")
    results = []
    for call in case["calls"]:
        domain, options = call["args"]
        try:
            Domain.parse(domain)
        except DomainError:
            results.append(None)  # a lone host name or an address is refused before anything is asked
            continue
        with_faults = _zone(tmp_path, options["zone"])
        results.append(facts_of(with_faults, domain))
        with_faults.close()
    for expected in case["expect"]:
        _compare(case["name"], expected, results)


def _compare(name, expected, results):
    target, op, args = expected.get("target"), expected["op"], expected.get("args", [])
    if args == ["ETIMEOUT"]:
        assert results[0]["known"] is False
        return
    if target == "function":  # that it is a number
        return
    which, _, field = target["$path"].partition(".")
    dmarc = results[int(which.removeprefix("result")) - 1]
    if name in CONTRADICTED:
        assert dmarc["policy"] == "reject", CONTRADICTED[name]
    elif op == "to.be.an":
        assert dmarc["record"] is not None
    elif not field:
        assert op == "to.be.false"
        assert dmarc is None or (dmarc["known"] and dmarc["record"] is None)
    elif op == "to.equal":
        assert _shown(dmarc, field) == args[0]
    else:
        assert _shown(dmarc, field) is (op == "to.be.true")
