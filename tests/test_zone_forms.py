"""Zones as panels, providers and servers write them: a slip put into each is told at its line, and what is odd only to a stranger is none."""

import shutil
import tomllib
from pathlib import Path

import pytest

from healthcheck.catalog import DATA
from healthcheck.edge.world import World
from healthcheck.edge.zonetext import exported, is_master, named_origin, origin_of
from healthcheck.errors import ZoneError
from healthcheck.model import Outcome
from healthcheck.scan import scan

ZONES = Path(__file__).parent / "zones"
# (a clean zone's file, what is written there, what somebody wrote instead, codes that tell it, or their beginnings)
SLIPS = [
    ("cpanel/acme-shop.example.db", '"v=spf1 +a +mx +ip4:192.0.2.40 ~all"', '"v=spf1 +a +mx+ip4:192.0.2.40 ~all"', "SPF ZON"),
    ("cpanel/acme-shop.example.db", "MX\t0\tacme-shop.example.\n", "MX\t0\tacme-shop.example\n", "ZON004"),
    ("cpanel/acme-shop.example.db", "_dmarc\t14400", "_dmarc.acme-shop.example\t14400", "ZON004"),
    ("cpanel/acme-shop.example.db", "TXT\tv=DMARC1\\;p=quarantine\\;", "TXT\tv=DMARC1;p=quarantine\\;", "ZON003"),
    ("cpanel/acme-shop.example.db", "_dmarc\t14400\tIN\tTXT\tv", "_dmark\t14400\tIN\tTXT\tv", "ZON006"),
    ("plesk/lakeside.example.zone", "IN MX 10\tmail", "IN MX\tmail", "ZON002"),
    ("plesk/lakeside.example.zone", '+a:mail.lakeside.example -all"', "+a:mail.lakeside.example -all", "ZON002"),
    ("plesk/lakeside.example.zone", "p=reject; adkim=s", "p=reject, adkim=s", "DMA"),
    ("plesk/lakeside.example.zone", '"v=spf1 +a', "“v=spf1 +a", "SPF ZON"),
    (
        "cloudflare/brightfield.example.txt",
        'TXT\t"v=spf1 include:_spf.mailer.example include:news.example ~all"',
        'TXT\t"v=spf1 nclude:_spf.mailer.example include:news.example ~all"',
        "SPF",
    ),
    ("cloudflare/brightfield.example.txt", "MX\t1 mx1.mailer.example.", "MX\t1 mx1.mailer.example", "ZON004"),
    ("cloudflare/brightfield.example.txt", "s1._domainkey.brightfield.example.\t1", "s1.domainkey.brightfield.example.\t1", "ZON006"),
    ("google-cloud/pebble.example.zone", "_dmarc.pebble.example. 300", "_dmarc.pebble.example 300", "ZON ZON004"),
    ("axfr/meadow.example.zone", '"v=TLSRPTv1; rua=mailto:t@meadow.example"', '"v=TLSRPTv1 rua=mailto:t@meadow.example"', "TRP"),
    ("axfr/meadow.example.zone", '"v=spf1 mx -all"', '"v=spf1 mx" "-all"', "SPF"),
    ("windows/corp.example.dns", "ip4:192.0.2.6 mx", "ip4:192.0.2.6mx", "SPF"),
    ("windows/corp.example.dns", "MX\t10\tmail.corp.example.", "MX\t10\t192.0.2.7", "ZON016"),
    ("generate-and-include/shared/news.inc", '"ip4:203.0.113.0/24"', '"ip:203.0.113.0/24"', "SPF"),
    ("generate-and-include/shared/mail.inc", "MX 20 mx02", "MX 20 mx02.trellis.example", "ZON004"),
    ("odd-writing/db.Quarry.Example", '"IP4:192.0.2.0/28"', '"IP4:192.0.2.0/38"', "SPF"),
    ("bind-dynamic/cedar.example", 'ruf=mailto:dmarc@cedar.example"', 'ruf=dmarc@cedar.example"', "DMA"),
    ("bind-dynamic/cedar.example", '"v=DKIM1; k=ed25519; p=11q', '"v=DKIM1; k=ed25519; p= 11q!', "DKM"),
    ("bind-dynamic/cedar.example", "p=reject; rua", "p=rejct; rua", "DMA"),
    ("bind-dynamic/cedar.example", "v=STSv1; id=1;", "v=STSv1; id=1 2;", "STS"),
    ("services/ash.example.zone", "default._bimi\tTXT", "default.bimi\tTXT", "ZON006"),
    ("services/ash.example.zone", "_smtp._tls\tCNAME", "_smtp_tls\tCNAME", "ZON006"),
    ("services/ash.example.zone", "mail.eu\tMX 10 mx1.eu", "mail.eu\tMX 10 mx1.eu.ash.example", "ZON004"),
    ("services/ash.example.zone", "_mta-sts\tCNAME", "mta_sts\tCNAME", "ZON006"),
    (
        "octodns-types/harbor.example.yaml",
        "v=spf1 mx include:_spf.mailer.example -all",
        "v=spf1 mx include:_spf.mailer.example -all\n    - v=spf1 a -all",
        "SPF003",
    ),
    ("octodns-types/harbor.example.yaml", "exchange: mx2.harbor.example.", "exchange: mx2.harbor.example", "ZON004"),
    ("octodns-types/harbor.example.yaml", "p=reject\\; rua", "p=reject; rua", "ZON011"),
    ("octodns-types/harbor.example.yaml", "_mta-sts:\n", "_mta_sts:\n", "ZON006"),
    ("octodns-types/harbor.example.yaml", "include:_spf.mailer.example -all", "include:_spf.mailer.example-all", "SPF ZON012"),
    ("octodns-types/harbor.example.yaml", "k3._domainkey:", "k3._domainkeys:", "ZON006"),
    ("octodns-split/harbor2.example./_dmarc.yaml", "p=reject", "p=rejcet", "DMA"),
    ("octodns-version-2/garden.example.yaml", "preference: 10, exchange", "preference: ten, exchange", "ZON011"),
    ("octodns-version-2/garden.example.yaml", "_dmarc: {type", "dmarc: {type", "ZON006"),
    ("octodns-long/rowan.example.yaml", "value: v=DMARC1\\; p=none", "value: v=DMARC1\\; p=none\\ ; x", "DMA ZON"),
    ("reverse/2.0.192.in-addr.arpa.zone", "25 IN PTR mail.shop.example.", "25 IN PTR mail.shop.example", "ZON004"),
    ("octodns-version-2/2.0.192.in-addr.arpa.yaml", "- a.garden.example.", "- a.garden.example", "ZON004 ZON011"),
    ("ovh/ivy.example.zone", '"v=DMARC1;p=none;"', '"v=DMARC1;p=none;" "', "ZON002"),
    ("parked-wildcards/elm.example.db", "MX 0 .", "MX 0 . \n@ IN MX 10 mail.host.example.", "MX"),
    ("powerdns/harvest.example.zone", '"v=spf1 mx -all"', '"v=spf1 mx -al"', "SPF"),
    ("cli53/orchard.example.zone", "abc1.dkim.sender.example.", "abc1.dkim.sender.example", "ZON004"),
    ("bind-keys/db.oak.example", '@ TXT "v=spf1 mx -all"', '@ TXT "v=spf1 mx -all\n', "ZON002"),
    ("cloudflare-2016/hazel.example.txt", "include:_spf.mailer.example", "include: _spf.mailer.example", "SPF"),
]


def world_of(path):
    return World.zones([path], only=True, careful=True)


def told(path):
    """(code, file, line) of what fails or warns in a folder."""
    world = world_of(path)
    try:
        findings = [f for name in world.files.domains() for f in scan(name, world=world).findings]
    finally:
        world.close()
    return {(f.code, Path(f.location.file).name, f.location.line) for f in findings if f.location and f.status in ("fail", "warn")}


@pytest.mark.parametrize(("file", "right", "wrong", "codes"), SLIPS, ids=[f"{row[0].split('/')[0]}-{n}" for n, row in enumerate(SLIPS)])
def test_a_slip_is_told_at_its_line_however_the_zone_is_written(tmp_path, file, right, wrong, codes):
    folder, _, name = file.partition("/")
    shutil.copytree(ZONES / f"clean-{folder}", tmp_path / "zones")
    path = tmp_path / "zones" / name
    before = path.read_text(encoding="utf-8")
    assert right in before
    after = before.replace(right, wrong, 1)
    path.write_text(after, encoding="utf-8")
    kept = before.split("\n")
    changed = {n for n, line in enumerate(after.split("\n"), 1) if line not in kept}
    assert {code for code, where, line in told(tmp_path / "zones") if where == path.name and line in changed and code.startswith(tuple(codes.split()))}


# ------------------------------------------------------------------ what a file is called, and how it is encoded

PLAIN = '$TTL 3600\n@ IN SOA ns1 hostmaster ( 1 2 3 4 5 ) ; it\'s "not closed ( here\n@ NS ns1\n@ MX 10 mail\n@ TXT "v=spf1 mx -all" ; B\u00fcro\n_dmarc TXT "v=DMARC1; p=reject"\n'
PLAIN += "ns1 A 192.0.2.1\nmail A 192.0.2.2"


@pytest.mark.parametrize(
    "octets", [PLAIN.encode("latin-1"), PLAIN.replace("\n", "\r\n").encode("utf-8-sig"), PLAIN.encode("utf-16")], ids=["latin-1", "utf-8", "utf-16"]
)
def test_comments_and_marks_of_other_encodings_do_no_harm(tmp_path, octets):
    (tmp_path / "shop.example.zone").write_bytes(octets)
    world = world_of(tmp_path)
    assert world.files.domains() == ("shop.example",)
    assert world.files.slips == ()


def test_an_octet_that_is_no_text_in_a_record_is_refused_with_its_line(tmp_path):
    (tmp_path / "shop.example.zone").write_bytes(PLAIN.replace("v=spf1 mx", "v=spf1 \u00fc").encode("latin-1"))
    with pytest.raises(ZoneError, match=r"shop\.example\.zone:5: "):
        world_of(tmp_path)


NAMES = [
    "shop.example",
    "db.shop.example",
    "pri.shop.example",
    "shop.example.hosts",
    "shop.example.dns",
    "shop.example.txt",
    "db.shop.example.zone",
    "named.shop.example",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_zone_is_found_by_how_it_begins(tmp_path, name):
    (tmp_path / name).write_text(PLAIN, encoding="utf-8")
    (tmp_path / "README").write_text("Our zones.\n", encoding="utf-8")
    (tmp_path / "named.conf").write_text('zone "shop.example" { file "shop.example"; };\n', encoding="utf-8")
    (tmp_path / f"{name}.bak").write_text(PLAIN, encoding="utf-8")
    (tmp_path / "named.localhost").write_text(PLAIN, encoding="utf-8")
    world = world_of(tmp_path)
    assert world.files.domains() == ("shop.example",)
    assert [Path(file).name for file in world.files.files] == [name]
    assert world.files.notes


def test_a_copy_beside_a_zone_of_the_usual_name_is_passed_over(tmp_path):
    for name in ("shop.example", "shop.example.zone"):
        (tmp_path / name).write_text(PLAIN, encoding="utf-8")
    assert [Path(file).name for file in world_of(tmp_path).files.files] == ["shop.example.zone"]


def test_the_zone_is_what_stands_first():
    assert str(origin_of(PLAIN + "\n$ORIGIN eu.shop.example.\nmail A 192.0.2.1\n", "db.shop.example")) == "shop.example."
    assert str(origin_of("$TTL 1\n$ORIGIN net.example. ; x\n" + PLAIN, "db.shop.example")) == "net.example."
    assert str(origin_of("net.example. IN SOA a. b. 1 2 3 4 5\n", "db.shop.example")) == "net.example."
    assert origin_of(PLAIN, "zone") is None
    assert named_origin("x/db.shop.zone") == "shop.zone"
    assert is_master("; c\n$TTL 1\n@ 1h IN SOA a b 1 2 3 4 5\n")
    assert not is_master('@ TXT "SOA"\n')
    assert str(exported(";;\n;; Domain:     shop.example.\n;; Exported:   2026-11-20\n")) == "shop.example."


def test_the_soa_without_a_dot_is_one_slip_and_hides_nothing(tmp_path):
    (tmp_path / "shop.example.zone").write_text(PLAIN.replace("@ IN SOA", "shop.example IN SOA").replace("@ ", "shop.example. "), encoding="utf-8")
    assert {row for row in told(tmp_path) if not row[0].startswith("NSV")} == {("ZON004", "shop.example.zone", 2)}


def test_a_key_that_is_not_in_the_repository_is_passed_over_and_nothing_else_is(tmp_path):
    zone = tmp_path / "shop.example.zone"
    zone.write_text(PLAIN + '\n$INCLUDE "/etc/keys/Kshop.example.+013+12345.key"\n', encoding="utf-8")
    assert world_of(tmp_path).files.slips == ()
    zone.write_text(PLAIN + "\n$INCLUDE mail.inc\n", encoding="utf-8")
    with pytest.raises(ZoneError, match=r"shop\.example\.zone:9: "):
        world_of(tmp_path)


def test_what_a_file_includes_is_looked_for_beside_it_and_never_outside_of_the_folder(tmp_path):
    (tmp_path / "zones" / "shared").mkdir(parents=True)
    zone, shared = tmp_path / "zones" / "shop.example.zone", tmp_path / "zones" / "shared" / "mail.inc"
    zone.write_text(PLAIN.replace("@ MX 10 mail", "$INCLUDE shared/mail.inc"), encoding="utf-8")
    shared.write_text("@ MX 20 mail\n", encoding="utf-8")
    for given in (zone, tmp_path / "zones"):
        assert [row.data.preference for row in world_of(given).files.rows_at("shop.example", 15)] == [20]
    (tmp_path / "mail.inc").write_text("@ MX 30 mail\n", encoding="utf-8")
    zone.write_text(PLAIN.replace("@ MX 10 mail", "$INCLUDE ../mail.inc"), encoding="utf-8")
    with pytest.raises(ZoneError, match="leads out of"):
        world_of(tmp_path / "zones")
    assert [row.data.preference for row in world_of(zone).files.rows_at("shop.example", 15)] == [30]


def test_a_zone_of_octodns_is_its_file_and_the_folder_of_its_parts(tmp_path):
    parts = tmp_path / "shop.example."
    parts.mkdir()
    (tmp_path / "shop.example.yaml").write_text("'':\n  type: MX\n  value: {preference: 10, exchange: mail.shop.example.}\n", encoding="utf-8")
    (parts / "mail.yaml").write_text("mail:\n  type: A\n  value: 192.0.2.1\n", encoding="utf-8")
    files = world_of(tmp_path).files
    assert (len(files.rows_at("shop.example", 15)), len(files.rows_at("mail.shop.example", 1))) == (1, 1)
    other = tmp_path / "other"
    other.mkdir()
    (other / "shop.example.yaml").write_text("www:\n  type: A\n  value: 192.0.2.1\n", encoding="utf-8")
    with pytest.raises(ZoneError, match="stands in"):
        world_of(tmp_path)


OCTODNS = "'':\n  - type: MX\n    values:\n      - exchange: mail.shop.example.\n        preference: 10\n  - type: TXT\n    value: v=spf1 mx -all\nmail:\n  type: A\n  value: 192.0.2.1\n"


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        ("  value: 192.0.2.1", "  values: []", 10),
        ("  value: 192.0.2.1", "  value:", 10),
        ("  type: A\n", "  type A\n", 9),
        ("preference: 10", "preference: 70000", 5),
        ("    value: v=spf1 mx -all", "    value:", 7),
    ],
)
def test_in_yaml_too_the_line_is_that_of_the_slip(tmp_path, right, wrong, line):
    path = tmp_path / "shop.example.yaml"
    path.write_text(OCTODNS.replace(right, wrong), encoding="utf-8")
    assert (path.name, line) in {(where, at) for code, where, at in told(tmp_path) if code.startswith("ZON")}


def test_what_has_no_value_is_unknown_and_not_absent(tmp_path):
    (tmp_path / "shop.example.yaml").write_text(OCTODNS.replace("    value: v=spf1 mx -all", "    value:"), encoding="utf-8")
    world = world_of(tmp_path)
    codes = {f.code for f in scan("shop.example", world=world).findings}
    world.close()
    assert "SPF000" in codes
    assert "SPF002" not in codes


# ------------------------------------------------------------------ types of providers


def test_of_a_pseudo_type_the_file_says_nothing():
    world = world_of(ZONES / "clean-powerdns")
    with world.open() as session:
        assert session.dns.ask("harvest.example", "A").outcome is Outcome.NOT_ASKED
        assert session.dns.ask("harvest.example", "MX").outcome is Outcome.FOUND
    world.close()


@pytest.mark.parametrize("line", ['www TXT URL unterminated "', "URL A 192.0.2", "www 3600 IN UNHEARD x", "ALIAS CNAME"])
def test_a_word_elsewhere_is_no_pseudo_type(tmp_path, line):
    (tmp_path / "shop.example.zone").write_text(f"{PLAIN}\n{line}\n", encoding="utf-8")
    assert ("ZON002", "shop.example.zone", 9) in told(tmp_path)


def test_every_pseudo_type_says_who_has_it():
    rows = tomllib.loads((DATA / "pseudo_types.toml").read_text(encoding="utf-8"))
    assert {"ALIAS", "ANAME", "LUA"} <= set(rows)
    assert all(row["source"].startswith("https://") and isinstance(row["instead"], list) for row in rows.values())
