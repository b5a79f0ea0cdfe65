"""Answers from zone files: origins, cuts, wildcards, DNAME, merging, and what is wrong with a file."""

import pytest
from support import Faults, patch_file, world_of, zone_file

from healthcheck.edge.world import World
from healthcheck.errors import ZoneError
from healthcheck.model import Outcome, Secure

RECORDS = """
@ MX 10 mx
@ TXT "one"
@ TXT "two " "halves"
mx A 192.0.2.1
a.b.c A 192.0.2.2
*.wild TXT "any"
*.wild MX 5 mx
real.wild A 192.0.2.3
*.alias CNAME mx
sub NS ns.sub
sub DS 1 8 2 {digest}
ns.sub A 192.0.2.4
old DNAME new
x.new A 192.0.2.5
""".format(digest="ab" * 32)


@pytest.fixture
def ask(tmp_path):
    with world_of(tmp_path, {"example.com": RECORDS}).open() as session:
        yield session.dns.ask


def answers(world, *questions):
    with world.open() as session:
        return [session.dns.ask(*q) for q in questions]


# ------------------------------------------------------------------ an authoritative file


def test_records_are_answered_as_drafts_with_their_line(ask):
    answer = ask("example.com", "TXT")
    assert answer.values == ("one", "two halves")
    assert answer.strings == ((b"one",), (b"two ", b"halves"))
    assert (answer.secure, answer.ttl) == (Secure.DRAFT, 300)
    assert answer.server == "zone file example.com.zone:6"
    assert ask("example.com", "MX").values == ("10 mx.example.com",)
    assert ask("example.com", "SOA").found


@pytest.mark.parametrize(
    ("name", "rtype", "outcome"),
    [
        ("example.com", "AAAA", Outcome.NODATA),
        ("gone.example.com", "A", Outcome.NXDOMAIN),
        ("b.c.example.com", "A", Outcome.NODATA),  # an empty non-terminal
        ("c.example.com", "TXT", Outcome.NODATA),
        ("d.c.example.com", "TXT", Outcome.NXDOMAIN),
        ("wild.example.com", "TXT", Outcome.NODATA),  # the wildcard's own parent
        ("foo.wild.example.com", "TXT", Outcome.FOUND),
        ("foo.bar.wild.example.com", "MX", Outcome.FOUND),
        ("foo.wild.example.com", "A", Outcome.NODATA),
        ("real.wild.example.com", "TXT", Outcome.NODATA),  # RFC 4592 section 2.2.1: a name that exists is not covered
        ("foo.real.wild.example.com", "TXT", Outcome.NXDOMAIN),
        ("foo.alias.example.com", "A", Outcome.FOUND),
        ("foo.alias.example.com", "TXT", Outcome.NODATA),
        ("sub.example.com", "DS", Outcome.FOUND),
        ("sub.example.com", "NS", Outcome.NOT_ASKED),  # below the cut the file has no say
        ("ns.sub.example.com", "A", Outcome.NOT_ASKED),
        ("other.sub.example.com", "TXT", Outcome.NOT_ASKED),
        ("x.old.example.com", "A", Outcome.FOUND),
        ("y.old.example.com", "A", Outcome.NXDOMAIN),
        ("old.example.com", "A", Outcome.NODATA),
        ("example.net", "A", Outcome.NOT_ASKED),
        ("com", "NS", Outcome.NOT_ASKED),
    ],
)
def test_what_a_file_says(ask, name, rtype, outcome):
    answer = ask(name, rtype)
    assert answer.outcome is outcome
    assert (answer.server == "zone files") == (outcome is Outcome.NOT_ASKED)


def test_wildcard_and_dname_answers_carry_the_name_that_was_asked(ask):
    answer = ask("x.old.example.com", "A")
    assert (answer.values, answer.aliases) == (("192.0.2.5",), ("x.new.example.com",))
    assert ask("foo.alias.example.com", "A").aliases == ("mx.example.com",)


def test_a_dname_that_makes_a_name_too_long_is_an_error(tmp_path):
    target = ".".join(["t" * 60] * 3)
    world = world_of(tmp_path, {"example.com": f"old DNAME {target}"})
    assert answers(world, (f"{'n' * 60}.old.example.com", "A"))[0].outcome is Outcome.ERROR


def test_a_child_file_answers_below_the_cut(tmp_path):
    world = world_of(tmp_path, {"example.com": RECORDS, "sub.example.com": "@ A 192.0.2.44\n"})
    child, ds, own_ds = answers(world, ("sub.example.com", "A"), ("sub.example.com", "DS"), ("example.com", "DS"))
    assert child.values == ("192.0.2.44",)
    assert ds.found
    assert own_ds.outcome is Outcome.NOT_ASKED  # it would stand in com


def test_several_zones_may_share_a_file(tmp_path):
    path = tmp_path / "many.zone"
    path.write_text('$TTL 60\n$ORIGIN one.example.\n@ SOA ns h 1 2 3 4 5\n@ TXT "1"\n$ORIGIN two.example.\n@ SOA ns h 1 2 3 4 5\n@ TXT "2"\n', encoding="utf-8")
    one, two, ttl = answers(World.zones([path], only=True), ("one.example", "TXT"), ("two.example", "TXT"), ("x.two.example", "TXT"))
    assert (one.values, two.values) == (("1",), ("2",))
    assert (ttl.outcome, ttl.ttl) == (Outcome.NXDOMAIN, 5)


# ------------------------------------------------------------------ where a file's names begin


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("any.txt", "$ORIGIN shop.example.\n@ SOA ns h 1 2 3 4 5\nwww A 192.0.2.1\n"),
        ("any.txt", "; a comment\nshop.example. 3600 IN SOA ns h 1 2 3 4 5\nwww A 192.0.2.1\n"),
        ("shop.example.zone", "@ SOA ns h 1 2 3 4 5\nwww A 192.0.2.1\n"),
        ("db.shop.example", "@ SOA ns h 1 2 3 4 5\nwww A 192.0.2.1"),
        ("any.txt", "www.shop.example. A 192.0.2.1\n"),
        ("any.txt", "\ufeffwww.shop.example. IN 60 A 192.0.2.1\r\n"),
    ],
)
def test_the_origin_is_found(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    (answer,) = answers(World.zones([path], only=True), ("www.shop.example", "A"))
    assert answer.values == ("192.0.2.1",)


@pytest.mark.parametrize(
    ("name", "text", "place", "reason"),
    [
        ("a.txt", "www A 192.0.2.1\n", ":1: ", "no origin is known"),
        ("a.txt", "www.example.com. CNAME mx\n", ":1: ", "no origin is known"),
        ("shop.example.zone", "@ SOA ns h 1 2 3 4 5\n\nwww A 192.0.2.300\n", ":3: ", ""),
        ("shop.example.zone", "www A 192.0.2.1\nwww BOGUS x\n", ":2: ", "unknown rdatatype"),
        ("shop.example.zone", 'www TXT "open\n', ":1: ", "quoted"),
        ("shop.example.zone", "@ SOA ns h 1 2 3 4 5\nmail.example.net. A 192.0.2.1\n", ":2: ", "outside the zone"),
        ("shop.example.zone", "www CNAME x\nwww A 192.0.2.1\n", ":2: ", "CNAME"),
        ("shop.example.zone", f"{'a' * 64} A 192.0.2.1\n", ":1: ", "63"),
        ("shop.example.zone", "$INCLUDE nowhere.inc\n", ":", "nowhere.inc"),
        ("shop.example.yaml", "www: {type: A}\n", ":1: ", "no-value"),
        ("shop.example.json", "{}\n", ": ", "format"),
        ("shop.example.zone", b'www TXT "\xff"\n', ":1: ", "UTF-8"),
        ("shop.example.zone", None, ": ", "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(tmp_path, name, text, place, reason):
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ZoneError) as error:
        World.zones([path], only=True)
    assert f"{name}{place}" in error.value.detail
    assert reason in error.value.detail


def test_a_zone_in_two_files_is_refused(tmp_path):
    first = zone_file(tmp_path, "example.com")
    second = tmp_path / "again.zone"
    second.write_text(first.read_text())
    with pytest.raises(ZoneError, match=r"SOA in .*example\.com\.zone already"):
        World.zones([first, second], only=True)


def test_includes_generated_records_and_places(tmp_path):
    included = tmp_path / "more.inc"
    included.write_text("inner A 192.0.2.7\n")
    path = zone_file(tmp_path, "example.com", f'$GENERATE 1-3 host$ A 192.0.2.$\nlong TXT (\n "a"\n "b" )\n$INCLUDE {included}\nafter A 192.0.2.9\n')
    world = World.zones([path], only=True)
    host, inner, after = answers(world, ("host2.example.com", "A"), ("inner.example.com", "A"), ("after.example.com", "A"))
    assert (host.values, inner.values, after.values) == (("192.0.2.2",), ("192.0.2.7",), ("192.0.2.9",))
    assert inner.server == "zone file more.inc:1"
    place = world.locate("after.example.com.", "A")
    assert (place.file, place.line) == (str(path), 10)
    assert world.locate("long.example.com", "TXT").line == 6
    assert world.locate("gone.example.com", "A") is None


# ------------------------------------------------------------------ laid over another world


@pytest.fixture
def beneath(tmp_path):
    base = '@ MX 10 old\n@ TXT "old"\nold A 192.0.2.1\nwww CNAME target\ntarget A 192.0.2.2\ncn CNAME old\n'
    return world_of(tmp_path / "base", {"example.com": base})


def test_a_file_without_soa_is_merged_record_set_by_record_set(tmp_path, beneath):
    patch = 'example.com. TXT "new"\nnew.deep.example.com. A 192.0.2.9\ncn.example.com. TXT "here"\nold.example.com. CNAME target.example.com.\n'
    world = World.zones([patch_file(tmp_path, patch)], beneath=beneath)
    ask = dict(
        zip(
            "abcdefgh",
            answers(
                world,
                *(
                    (f"{n}example.com", t)
                    for n, t in (
                        ("", "TXT"),
                        ("", "MX"),
                        ("new.deep.", "A"),
                        ("deep.", "A"),
                        ("new.deep.", "MX"),
                        ("cn.", "TXT"),
                        ("old.", "A"),
                        ("gone.", "A"),
                    )
                ),
            ),
            strict=True,
        )
    )
    assert ask["a"].values == ("new",)
    assert ask["b"].values == ("10 old.example.com",)
    assert ask["c"].values == ("192.0.2.9",)
    assert ask["d"].outcome is Outcome.NODATA
    assert ask["e"].outcome is Outcome.NODATA
    assert ask["f"].values == ("here",)
    assert (ask["g"].values, ask["g"].aliases) == (("192.0.2.2",), ("target.example.com",))
    assert ask["h"].outcome is Outcome.NXDOMAIN
    assert world.only_zone


def test_an_alias_from_beneath_leads_into_the_files(tmp_path, beneath):
    world = World.zones([patch_file(tmp_path, "target.example.com. A 192.0.2.99\n")], beneath=beneath)
    (answer,) = answers(world, ("www.example.com", "A"))
    assert (answer.values, answer.aliases) == (("192.0.2.99",), ("target.example.com",))


def test_a_merged_file_alone_says_nothing_of_what_it_does_not_hold(tmp_path):
    world = World.zones([patch_file(tmp_path, 'example.com. TXT "new"\n*.w.example.com. A 192.0.2.5\n')], only=True)
    held, other, name, wild = answers(world, ("example.com", "TXT"), ("example.com", "MX"), ("www.example.com", "A"), ("x.w.example.com", "A"))
    assert held.found
    assert other.outcome is name.outcome is Outcome.NOT_ASKED
    assert other.server == "zone files"
    assert wild.values == ("192.0.2.5",)


def test_a_later_file_stands_in_place_of_an_earlier_one(tmp_path):
    files = [patch_file(tmp_path, f'example.com. TXT "{n}"\n', name=f"p{n}") for n in (1, 2)]
    assert answers(World.zones(files, only=True), ("example.com", "TXT"))[0].values == ("2",)


def test_what_lies_beneath_is_asked_for_names_outside_only(tmp_path, beneath):
    seen = Faults(beneath)
    world = World.zones([zone_file(tmp_path, "example.net", "@ A 192.0.2.8\nsub NS ns.sub\n")], beneath=seen)
    inside, gone, cut, outside = answers(world, ("example.net", "A"), ("x.example.net", "A"), ("sub.example.net", "A"), ("example.com", "MX"))
    assert inside.values == ("192.0.2.8",)
    assert gone.outcome is Outcome.NXDOMAIN
    assert cut.outcome is Outcome.NOT_ASKED
    assert outside.found
    assert seen.asked == [("sub.example.net", "A"), ("example.com", "MX")]


def test_a_failure_beneath_stays_a_failure(tmp_path, beneath):
    world = World.zones([patch_file(tmp_path, "deep.new.example.com. A 192.0.2.9\n")], beneath=Faults(beneath, timeout={"*"}))
    held, name = answers(world, ("deep.new.example.com", "A"), ("new.example.com", "A"))
    assert held.found
    assert name.outcome is Outcome.TIMEOUT
