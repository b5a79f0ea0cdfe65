"""Slips in zone files: what each code needs to be told, what looks like it and is none, and what is done with a file that cannot be read."""

import random
import string
from pathlib import Path

import pytest
from click.testing import CliRunner

from healthcheck.edge.folder import files_of
from healthcheck.edge.world import World
from healthcheck.edge.zones import ZoneSet
from healthcheck.errors import ZoneError
from healthcheck.faces.cli import main
from healthcheck.model import Outcome
from healthcheck.scan import scan

HEAD = "$ORIGIN example.com.\n$TTL 3600\n@ SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\nmx A 192.0.2.25\n@ MX 10 mx\n"
LINE = HEAD.count("\n") + 1
KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA" + "x" * 100


def master(text, name="example.com.zone", head=HEAD):
    return ZoneSet.of({name: head + text + "\n"})


def octo(text):
    return ZoneSet.of({"example.net.yaml": text})


def told(held):
    return [(slip.code, slip.line) for slip in held.slips]


# (records after the head, line after the head, code)
MASTER = [
    ("a MX mail.example.net.", 0, "ZON002"),
    ("a 1hr A 192.0.2.1", 0, "ZON002"),
    ("a A 192.0.2.256", 0, "ZON002"),
    ("a AAAA 192.0.2.1", 0, "ZON002"),
    ("a TXTT x", 0, "ZON002"),
    ('a TXT "open', 0, "ZON002"),
    ('a TXT ( "one"\n  "two"\nb A 192.0.2.1', 0, "ZON002"),
    (f'a TXT "{"x" * 256}"', 0, "ZON002"),
    (f'a TXT ( "one"\n  "{"x" * 256}" )', 1, "ZON002"),
    ("a MX 10 mail..example.net.", 0, "ZON002"),
    ("$TTL one", 0, "ZON002"),
    ("_dmarc TXT v=DMARC1; p=none", 0, "ZON003"),
    ("_dmarc TXT v=DMARC1;p=none", 0, "ZON003"),
    ("_dmarc ( \n TXT v=DMARC1 ; p=none\n )", 1, "ZON003"),
    ("s._domainkey TXT k=rsa; p=" + KEY, 0, "ZON003"),
    ("_mta-sts TXT v=STSv1; id=1;", 0, "ZON003"),
    ("a MX 10 mx.example.com", 0, "ZON004"),
    ("a MX 10 mail.example.net", 0, "ZON004"),
    ("a CNAME target.mailer.co.uk", 0, "ZON004"),
    ("a MX 10 mx1.mailer.example", 0, "ZON004"),
    ("www.example.com A 192.0.2.1", 0, "ZON004"),
    ("_dmarc.example.com TXT \"v=DMARC1; p=none\"", 0, "ZON004"),
    ('@ TXT "v=spf1 include:_spf.example.net. -all"', 0, "ZON005"),
    ('dmarc TXT "v=DMARC1; p=none"', 0, "ZON006"),
    ('_damrc TXT "v=DMARC1; p=none"', 0, "ZON006"),
    ('_dmarcs CNAME example.com._dmarc.example.net.', 0, "ZON006"),
    (f's._domainkeys TXT "v=DKIM1; p={KEY}"', 0, "ZON006"),
    (f's_domainkey TXT "v=DKIM1; p={KEY}"', 0, "ZON006"),
    (f'_domainkey.s TXT "k=rsa; p={KEY}"', 0, "ZON006"),
    (f'@ TXT "v=DKIM1; k=rsa; p={KEY}"', 0, "ZON006"),
    ("s.domainkey CNAME s.domainkey.u1.mailer.example.", 0, "ZON006"),
    ('mta-sts TXT "v=STSv1; id=1;"', 0, "ZON006"),
    ("mta_sts CNAME _mta-sts.mailer.example.", 0, "ZON006"),
    ("_smtp_tls CNAME _smtp._tls.mailer.example.", 0, "ZON006"),
    ('_smtp-tls TXT "v=TLSRPTv1; rua=mailto:a@example.com"', 0, "ZON006"),
    ('smtp._tls TXT "v=TLSRPTv1; rua=mailto:a@example.com"', 0, "ZON006"),
    ('_bimi TXT "v=BIMI1; l=https://example.com/l.svg"', 0, "ZON006"),
    ('default.bimi TXT "v=BIMI1; l=https://example.com/l.svg"', 0, "ZON006"),
    ("@ CNAME shop.example.net.", 0, "ZON007"),
    ("a A 192.0.2.1\na CNAME b", 1, "ZON007"),
    ("a CNAME b\na TXT x", 0, "ZON007"),
    ("a CNAME b\na CNAME c", 1, "ZON007"),
    ("mail.example.net. A 192.0.2.1", 0, "ZON008"),
    ("_dmarc. TXT \"v=DMARC1; p=none\"", 0, "ZON008"),
    ('@ TXT "v=spf1 include:a.exampleinclude:b.example -all"', 0, "ZON012"),
    ('@ TXT "v=spf1 include:a.example-all"', 0, "ZON012"),
    ('@ TXT ( "v=spf1 mx "\n  "include:a.exampleip4:192.0.2.1 "\n  "-all" )', 1, "ZON012"),
    ("25 PTR mx.example.com.", 0, "ZON013"),
    ("$ORIGIN sub.example.com\na A 192.0.2.1", 0, "ZON004"),
    ("a MX 10 postmaster@example.com.", 0, "ZON016"),
    ("@ TXT v=spf1; mx -all", 0, "ZON003"),
    ('@ TXT "v=spf1 include:https://mailer.example -all"', 0, "ZON018"),
    ('@ TXT "v=spf1 include:a.examplea:b.example -all"', 0, "ZON018"),
    ('default_bimi TXT "v=BIMI1; l=https://example.com/l.svg"', 0, "ZON006"),
    ("a A 192.0.2.1\na A 192.0.2.1", 1, "ZON014"),
    ('a SPF "v=spf1 -all"', 0, "ZON015"),
    ("a MX 10 192.0.2.25", 0, "ZON016"),
    ("* CNAME www\nwww A 192.0.2.1", 0, "ZON017"),
]  # fmt: skip

# what looks like a slip to somebody in a hurry
RIGHT = [
    "a TXT one ; a=b is a comment",
    '_dmarc TXT "v=DMARC1; p=none" ; p=reject from 2027 on',
    "_dmarc TXT v=DMARC1\\;p=none ; agreed with the team",
    's._domainkey TXT ( "v=DKIM1; " ; the key\n  "p=" ; p=\n )',
    "a MX 10 mx.dc\nmx.dc A 192.0.2.1",
    "a CNAME host.cloud\nhost.cloud A 192.0.2.1",
    "a CNAME deep.name.co\n*.co A 192.0.2.1",
    "a CNAME b.internal",
    'example.net._report._dmarc TXT "v=DMARC1"',
    'dmarc A 192.0.2.1\ndmarc TXT "v=spf1 -all"',
    "dmarc CNAME portal.example.net.",
    'dmarc TXT "v=DMARC1; p=none"\n_dmarc CNAME dmarc',
    'dmarc TXT "v=DMARC1; p=none"\n_dmarc TXT "v=DMARC1; p=none"',
    f's1.domainkey.u77 TXT "v=DKIM1; p={KEY}"',
    f's1.keys TXT "v=DKIM1; p={KEY}"',
    "s._domainkey CNAME s.domainkey.u1.mailer.example.",
    f'a._domainkey.b TXT "v=DKIM1; p={KEY}"',
    "_mta-sts CNAME policy.example.net.\nmta-sts CNAME host.example.net.",
    "b._dns-sd._udp PTR 1.printers\n_http._tcp PTR one._http._tcp",
    '@ TXT "v=spf1 exists:%{i}._spf.%{d} -all"',
    '@ TXT "v=spf1 a:mail.example.net/28 mx:example.net/24//64 exp=why.example.net -all"',
    "$ORIGIN sub.example.com.\na A 192.0.2.1\n$ORIGIN b\nc A 192.0.2.1",
    "@ TXT v=spf1 ; -- all of it is at the provider",
    '@ TXT "v=spf1 include:_spf-all.example.net a:small.example.net ip6:2001:db8::/32 mx/24 a//64 ~all"',
    '@ SPF "v=spf1 -all"\n@ TXT "v=spf1 -all"',
    "*.apps CNAME www\nwww A 192.0.2.1",
    "a A 192.0.2.1\na A 192.0.2.2",
    '_acme-challenge TXT "x-_y"\n_acme-challenge TXT "other"',
    "$GENERATE 1-3 host$ A 192.0.2.$",
    "a 1h30m IN A 192.0.2.1\nb IN 300 A 192.0.2.1",
    "x CNAME y.example.com.\ny.example.com. A 192.0.2.1",
]

NET = "'':\n  - type: MX\n    value: {exchange: mx.example.net., preference: 10}\n"
OCTO = [
    ("a:\n\ttype: A\n", 5, "ZON002"),
    ('a:\n  type: TXT\n  value: "v=DMARC1\\; p=none"\n', 6, "ZON002"),
    ("a:\n  type: TXT\n  value: 'open\n", 6, "ZON002"),
    ("a: {type: CNAME, value: b.example.org}\n", 4, "ZON004"),
    ("a:\n  type: NS\n  values:\n    - ns1.example.org.\n    - ns2.example.org\n", 8, "ZON004"),
    ("a:\n  type: SRV\n  value: {priority: 1, weight: 1, port: 1, target: b.example.org}\n", 6, "ZON004"),
    ("www.example.net: {type: A, value: 192.0.2.1}\n", 4, "ZON004"),
    ("_dmark: {type: TXT, value: v=DMARC1\\; p=none}\n", 4, "ZON006"),
    ("a:\n  - {type: A, value: 192.0.2.1}\n  - {type: CNAME, value: b.example.org.}\n", 6, "ZON007"),
    ("a: {type: A, value: 192.0.2.1}\na: {type: A, value: 192.0.2.2}\n", 5, "ZON009"),
    ("a:\n  type: A\n  value: 192.0.2.1\n  value: 192.0.2.2\n", 7, "ZON009"),
    ("on: {type: A, value: 192.0.2.1}\n", 4, "ZON010"),
    ("010: {type: A, value: 192.0.2.1}\n", 4, "ZON010"),
    ("a: {type: TXT, value: 2026-11-22}\n", 4, "ZON010"),
    ("a: {type: TXT, value: a; b}\n", 4, "ZON011"),
    ("a: {type: TXT, value: 'a\\\\; b'}\n", 4, "ZON011"),
    ("a: {type: TXT, value: '“v”'}\n", 4, "ZON011"),
    ("a: {type: TXT, value: '\"v=spf1'}\n", 4, "ZON011"),
    ("a: {type: txt, value: x}\n", 4, "ZON011"),
    ("a: {value: x}\n", 4, "ZON011"),
    ("a: {type: A, ttl: 1h, value: 192.0.2.1}\n", 4, "ZON011"),
    ("a: {type: A, Values: [192.0.2.1]}\n", 4, "ZON011"),
    ("a: {type: A}\n", 4, "ZON011"),
    ("a: {type: A, value: 192.0.2.1.}\n", 4, "ZON011"),
    ("a:\n  - {type: A, value: 192.0.2.1}\n  - {type: A, value: 192.0.2.2}\n", 6, "ZON011"),
    ("a: {type: CNAME, values: [b.example.org.]}\n", 4, "ZON011"),
    ("a: {type: MX, value: 10 mx.example.org.}\n", 4, "ZON011"),
    ("a: {type: MX, values: [{exchange: mx.example.org.}]}\n", 4, "ZON011"),
    ("a: {type: MX, values: [{preference: ten, exchange: mx.example.org.}]}\n", 4, "ZON011"),
    ("'@': {type: A, value: 192.0.2.1}\n", 4, "ZON011"),
    ("a.: {type: A, value: 192.0.2.1}\n", 4, "ZON011"),
    ("a: 192.0.2.1\n", 4, "ZON011"),
    ("a: {type: TXT, value: v=spf1 include:a.exampleinclude:b.example -all}\n", 4, "ZON012"),
]
OCTO_RIGHT = [
    "a: {type: TXT, value: 'v=DMARC1\\; p=none'}\n",
    'a: {type: TXT, value: "v=DMARC1\\\\; p=none"}\n',
    "a: {type: TXT, values: [no-version, '1.10', \"yes\"]}\n",
    "a:\n  type: TXT\n  value: >-\n    \"v=spf1 include:a.example \"\n    \"include:b.example -all\"\n",
    "a: {type: A, values: 192.0.2.1}\nb: {type: A, value: [192.0.2.1, 192.0.2.2]}\n",
    "1: {type: A, value: 192.0.2.1}\n44.74: {type: A, value: 192.0.2.1}\n",
    "a: &a {type: A, value: 192.0.2.1}\nb: *a\nc:\n  <<: *a\n  ttl: 60\n",
    "a: {type: A, ttl: '300', value: 192.0.2.1, octodns: {cloudflare: {proxied: true}}}\n",
    "a: {type: TXT, value: 'a; b', octodns: {lenient: true}}\n",
    "a: {type: Route53Provider/ALIAS, value: {name: b, type: A}}\nb: {type: ALIAS, value: c.example.org.}\n",
    "a:\n  type: A\n  dynamic: {pools: {one: {values: [{value: 192.0.2.9}]}}, rules: [{pool: one}]}\n  value: 192.0.2.1\n",
    "a: {type: SSHFP, values: [{algorithm: 4, fingerprint: aa, fingerprint_type: 2}]}\n",
    "a: {type: CAA, values: [{flags: 0, tag: issue, value: 'ca.example.org\\; account=1'}]}\n",
    "a: {type: MX, value: {preference: 0, exchange: .}}\n",
]  # fmt: skip

# each code: where it must appear, and where it must not (tests/test_worlds_complete.py)
TABLES = [({"ZON001"}, {code for *_, code in MASTER + OCTO}), *(({code}, {"ZON001"}) for *_, code in MASTER + OCTO)]


@pytest.mark.parametrize(("text", "line", "code"), MASTER)
def test_a_slip_in_a_master_file(text, line, code):
    assert (code, LINE + line) in told(master(text))


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_no_slip_in_a_master_file(text):
    assert told(master(text)) == []


@pytest.mark.parametrize(("text", "line", "code"), OCTO)
def test_a_slip_in_octodns(text, line, code):
    assert (code, line) in told(octo(NET + text))


@pytest.mark.parametrize("text", OCTO_RIGHT)
def test_what_is_no_slip_in_octodns(text):
    assert told(octo(NET + text)) == []


# ------------------------------------------------------------------ what is concluded from what cannot be read


def asked(held, *question):
    with World._laid(held, True, None).open() as session:
        return session.dns.ask(*question)


def test_a_record_that_cannot_be_read_is_not_absent():
    held = master('@ MX backup.example.net.\na TXT "x\nb A 192.0.2.1')
    for question in (("example.com", "MX"), ("a.example.com", "TXT")):
        answer = asked(held, *question)
        assert answer.outcome is Outcome.ERROR, question
        assert "cannot be read" in answer.detail
    assert asked(held, "a.example.com", "A").outcome is Outcome.NODATA
    assert asked(held, "b.example.com", "A").values == ("192.0.2.1",), "the rest is read"


def test_of_a_broken_yaml_file_nothing_is_known():
    held = octo(NET + "a:\n\ttype: A\n")
    for question in (("example.net", "MX"), ("a.example.net", "A"), ("nothing.example.net", "TXT")):
        assert asked(held, *question).outcome is Outcome.ERROR


def test_octodns_leaves_to_the_provider_what_is_the_providers():
    held = octo(NET + "shop: {type: ALIAS, value: b.example.org.}\nkept: {type: A, value: 192.0.2.1, octodns: {ignored: true}}\n")
    assert asked(held, "example.net", "MX").values == ("10 mx.example.net",)
    assert asked(held, "example.net", "TXT").outcome is Outcome.NODATA, "the file is whole"
    assert asked(held, "gone.example.net", "A").outcome is Outcome.NXDOMAIN
    for question in (("example.net", "NS"), ("example.net", "SOA"), ("shop.example.net", "A"), ("kept.example.net", "A")):
        assert asked(held, *question).outcome is Outcome.NOT_ASKED, question


def test_strings_of_octodns_are_published_as_octodns_publishes_them():
    text = "x" * 300
    held = octo(f"""'': {{type: TXT, values: ['"a " "b\\; c"', '{text}']}}\n""")
    assert asked(held, "example.net", "TXT").values == ("a b; c", text)
    assert asked(held, "example.net", "TXT").strings[1] == (b"x" * 255, b"x" * 45)


def test_a_record_that_stands_twice_is_one():
    held = master('@ TXT "v=spf1 -all"\n@ TXT "v=spf1 -all"')
    assert asked(held, "example.com", "TXT").values == ("v=spf1 -all",)
    assert told(held) == [("ZON014", LINE + 1)]


def test_without_care_the_first_slip_is_refused(tmp_path):
    path = tmp_path / "example.net.yaml"
    path.write_text(NET + "a: {type: TXT, value: a; b}\n")
    with pytest.raises(ZoneError, match=r"example\.net\.yaml:4: .*escape"):
        World.zones([path], only=True)
    with pytest.raises(ZoneError, match="is the one that it is named after"):
        World.zones([write(tmp_path / "records.yaml", NET)], only=True)


# ------------------------------------------------------------------ folders


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_is_looked_through(tmp_path):
    write(tmp_path / "a" / "example.com.zone", HEAD)
    write(tmp_path / "b" / "db.example.org", HEAD.replace("example.com", "example.org"))
    write(tmp_path / "b" / "db.local", "x")
    write(tmp_path / "c" / "example.net.yaml", NET)
    write(tmp_path / "c" / "workflow.example.yaml", "on: push\njobs: {}\n")
    write(tmp_path / ".git" / "example.edu.zone", "nonsense")
    write(tmp_path / "README", "x")
    files, notes = files_of([tmp_path])
    assert [Path(f.path).name for f in files] == ["example.com.zone", "db.example.org", "example.net.yaml"]
    assert len(notes) == 3
    held = ZoneSet.read([tmp_path], careful=True)
    assert held.domains() == ("example.com", "example.net", "example.org")
    assert held.slips == ()


def test_a_folder_without_zones_is_refused(tmp_path):
    write(tmp_path / "notes.txt", "x")
    with pytest.raises(ZoneError, match="no zone file is in this folder"):
        files_of([tmp_path])


@pytest.mark.parametrize("named", ["/etc/hostname", "../outside.inc", "inc/../../outside.inc"])
def test_includes_stay_in_the_folder(tmp_path, named):
    write(tmp_path / "outside.inc", "a A 192.0.2.1\n")
    write(tmp_path / "zones" / "inc" / "x", "")
    write(tmp_path / "zones" / "example.com.zone", HEAD + f"$INCLUDE {named}\n")
    with pytest.raises(ZoneError, match=r"example\.com\.zone:8: .*(leads out|no such file)"):
        ZoneSet.read([tmp_path / "zones"], careful=True)


def test_what_leads_out_of_the_folder_is_passed_over(tmp_path):
    write(tmp_path / "secret.zone", HEAD)
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "example.org.zone").symlink_to(tmp_path / "secret.zone")
    write(tmp_path / "zones" / "example.net.yaml", NET)
    held = ZoneSet.read([tmp_path / "zones"], careful=True)
    assert held.domains() == ("example.net",)
    assert "leads out" in held.notes[0]


def test_a_file_that_includes_itself_ends(tmp_path):
    write(tmp_path / "a.inc", "$INCLUDE a.inc\n")
    write(tmp_path / "example.com.zone", HEAD + "$INCLUDE a.inc\n")
    with pytest.raises(ZoneError, match="includes itself"):
        ZoneSet.read([tmp_path], careful=True)


def test_aliases_of_aliases_end():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    held = octo(NET + bomb)
    assert {code for code, _ in told(held)} == {"ZON011"}
    assert len(held.slips) < 200


def test_every_mail_relevant_name_is_found():
    held = master(
        'sub MX 10 mx\nspf TXT "v=spf1 -all"\n_dmarc.d TXT "v=DMARC1; p=none"\ns._domainkey.k TXT "v=DKIM1; p="\n_mta-sts.m TXT "v=STSv1; id=1;"\n'
        '_smtp._tls.t TXT "v=TLSRPTv1; rua=mailto:a@example.com"\ndefault._bimi.b TXT "v=BIMI1; l=; a=;"\n'
        '_spf TXT "v=spf1 -all"\nparts TXT "v=spf1 -all"\nuser TXT "v=spf1 include:parts.example.com -all"\n'
        '*.wild MX 10 mx\nwww A 192.0.2.1\ncut NS ns.example.net.\n_dmarc.cut TXT "v=DMARC1; p=none"\nexample.net._report._dmarc TXT "v=DMARC1"'
    )
    names = ("b", "d", "k", "m", "spf", "sub", "t", "user")
    assert held.domains() == ("example.com", *(f"{name}.example.com" for name in names))
    assert held.selectors("k.example.com") == ("s",)


def test_a_reverse_zone_is_no_domain_and_its_slips_are_told_all_the_same(tmp_path):
    reverse = HEAD.replace("example.com", "2.0.192.in-addr.arpa").replace("mx A 192.0.2.25\n@ MX 10 mx\n", "")
    write(tmp_path / "db.2.0.192.in-addr.arpa", reverse + "25 PTR mx.example.com\n192.0.2.26 PTR mx.example.com.\n")
    result = CliRunner().invoke(main, ["scan", "--no-config", "--only-zone", "--zone", str(tmp_path)])
    assert result.exit_code == 2
    assert "db.2.0.192.in-addr.arpa:6" in result.stderr
    assert "db.2.0.192.in-addr.arpa:7" in result.stderr
    write(tmp_path / "example.com.zone", HEAD)
    held = ZoneSet.read([tmp_path], careful=True)
    assert held.domains() == ("example.com",)
    assert [s.code for s in held.slips_of("example.com")] == ["ZON004", "ZON013"]


def test_a_slip_is_told_in_the_report_of_its_own_domain(tmp_path):
    write(tmp_path / "example.com.zone", HEAD + 'sub MX 10 mx\ndmarc.sub TXT "v=DMARC1; p=none"\n')
    world = World.zones([tmp_path], only=True, careful=True)
    codes = {name: [f.code for f in scan(name, world=world).findings if f.code.startswith("ZON")] for name in world.files.domains()}
    assert codes == {"example.com": ["ZON001"], "sub.example.com": ["ZON006"]}
    world.close()


# ------------------------------------------------------------------ anything at all


def test_no_text_brings_it_down():
    seed = random.Random(20261122)
    zones = Path(__file__).parent / "zones"
    texts = [(p.name, p.read_text(encoding="utf-8")) for p in sorted(zones.rglob("*")) if p.is_file() and p.suffix in (".zone", ".yaml")]
    for _ in range(300):
        name, text = seed.choice(texts)
        if "." not in name.removesuffix(".yaml"):
            continue
        chars = list(text)
        for _ in range(seed.randrange(1, 12)):
            at = seed.randrange(len(chars))
            chars[at : at + seed.randrange(0, 3)] = seed.choice(
                ['"', "(", ")", ";", "\\", "\t", "\n", "\0", "“", "'", ": ", "- ", "{", "&a ", "*a ", *string.digits[:2], "$INCLUDE x\n"]
            )
        try:
            held = ZoneSet.of({name: "".join(chars)}, ("$ORIGIN", "$TTL"))
        except ZoneError:
            continue
        assert all(slip.line > 0 and slip.file == name for slip in held.slips)


RAW = "_dmarc: {type: TXT, value: 'v=DMARC1; p=none'}\n_mta-sts: {type: TXT, value: 'v=STSv1; id=1'}\n"
BACKSLASH = "_dmarc: {type: TXT, value: 'v=DMARC1\\; p=none'}\n_mta-sts: {type: TXT, value: 'v=STSv1\\; id=1'}\n"


def test_zones_without_backslashes_are_those_of_octodns_2():
    assert told(octo(NET + RAW)) == []
    assert told(octo(NET + BACKSLASH)) == []
    mixed = BACKSLASH + "_smtp._tls: {type: TXT, value: 'v=TLSRPTv1; rua=mailto:a@example.net'}\n"
    assert told(octo(NET + mixed)) == [("ZON011", 6)]
    assert told(octo(NET + RAW.splitlines(keepends=True)[0])) == [("ZON011", 4)]


@pytest.mark.parametrize(("setting", "text", "slips"), [("false", RAW, 0), ("true", RAW, 2), ("false", BACKSLASH, 2), ("true", BACKSLASH, 0)])
def test_the_configuration_of_octodns_decides_about_backslashes(tmp_path, setting, text, slips):
    write(tmp_path / "config.yaml", f"providers:\n  config:\n    class: octodns.provider.yaml.YamlProvider\n    escaped_semicolons: {setting}\n")
    write(tmp_path / "zones" / "example.net.yaml", NET + text)
    held = ZoneSet.read([tmp_path], careful=True)
    assert [code for code, _ in told(held)] == ["ZON011"] * slips
    assert asked(held, "_dmarc.example.net", "TXT").values == ("v=DMARC1; p=none",)
