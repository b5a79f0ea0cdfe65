"""Topic bimi: each code has a world where it must appear, and one where it must not; hostile records, logos and certificates raise nothing."""

import base64
import gzip
import json
import random
import time
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from support import Faults

from healthcheck.catalog import catalog
from healthcheck.checks.bimi import foresee
from healthcheck.checks.bimi.mark import logo_in
from healthcheck.checks.bimi.mark import read as read_mark
from healthcheck.checks.bimi.record import read, tidy
from healthcheck.checks.bimi.svg import MOST, known, opened
from healthcheck.checks.bimi.svg import read as read_logo
from healthcheck.edge import certificates
from healthcheck.edge.reach import Rows
from healthcheck.edge.world import World
from healthcheck.model import Answer, Fetch, Fetched, Outcome, Question, Reached, Status
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FETCHED = tomllib.loads((WORLDS / "bimi.toml").read_text(encoding="utf-8"))
GOOD = FETCHED["https://web.bimi.test/good.svg"]["body"].encode()


# ------------------------------------------------------------------ certificates, made here


def name(text, *more):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text), *more])


def data_url(logo):
    return b"data:image/svg+xml;base64," + base64.b64encode(gzip.compress(logo, mtime=0))


def logotype(url):
    """As much of the extension as matters: the URL as an IA5String, in a sequence, with something after it."""
    size = len(url)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return b"\x30\x82\xff\xff\x16\x0dimage/svg+xml" + b"\x16" + length + url + b"\x16\x04AAAA"


class Authority:
    """An authority for marks: a root, one below it that issues, and what it issues."""

    def __init__(self, start=NOW - 400 * DAY, end=NOW + 400 * DAY):
        self.root_key, self.key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.root = self._made(name("Example Mark Root"), name("Example Mark Root"), self.root_key, self.root_key, start, end, ca=True)
        self.between = self._made(name("Example Mark Issuer"), name("Example Mark Root"), self.key, self.root_key, start, end, ca=True)

    @staticmethod
    def _made(subject, issuer, key, signer, start, end, *, ca=False, extensions=()):
        made = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), start, end)
        made = made.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        for extension in extensions:
            made = made.add_extension(extension, critical=False)
        return made.sign(signer, hashes.SHA256())

    def mark(self, names=("marked.bimi.test",), start=NOW - 30 * DAY, end=NOW + 300 * DAY, logo=GOOD, usage=True, kind="Registered Mark", own=False):
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [x509.SubjectAlternativeName([x509.DNSName(n) for n in names])]
        if usage:
            extensions.append(x509.ExtendedKeyUsage([x509.ObjectIdentifier(known()["mark"]["usage"])]))
        if logo is not None:
            extensions.append(x509.UnrecognizedExtension(certificates.LOGOTYPE, logotype(data_url(logo))))
        type_ = x509.NameAttribute(x509.ObjectIdentifier(known()["mark"]["type"]), kind)
        subject = name("Example Brand", *([type_] if kind else []))
        issuer, signer = (subject, key) if own else (name("Example Mark Issuer"), self.key)
        return self._made(subject, issuer, key, signer, start, end, extensions=extensions)

    def file(self, *marks, between=True, root=False):
        chain = [*marks, *([self.between] if between else []), *([self.root] if root else [])]
        return b"".join(c.public_bytes(Encoding.PEM) for c in chain)


MARKS = Authority()


@pytest.fixture
def trusted(monkeypatch):
    monkeypatch.setattr(certificates, "_roots", lambda: (MARKS.root,))


# ------------------------------------------------------------------ worlds


class Files(Rows):
    """The rows of bimi.toml, and a certificate."""

    def __init__(self, mark=b"", more=None):
        super().__init__(WORLDS / "bimi.toml")
        self.seen = []
        self._held = {**self._held, **{url: Fetched(url, Reached.OK, 200, "image/svg+xml", body) for url, body in (more or {}).items()}}
        if mark:
            url = "https://web.bimi.test/mark.pem"
            self._held[url] = Fetched(url, Reached.OK, 200, "application/x-pem-file", mark)

    def begin(self, wanted, until):
        self.seen.append(wanted)
        return super().begin(wanted, until)


def world_of(fetcher=None):
    world = World.zones([WORLDS / "bimi.zone"], only=True)
    world.clock = lambda: NOW
    if fetcher is not False:
        world.fetcher = fetcher or Files()
    return world


def look(domain, world=None):
    world = world or world_of()
    try:
        report = scan(domain, world=world, topics=["bimi"])
    finally:
        world.close()
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            text.format(**finding.values)  # a slot without its value raises KeyError
        for choice in finding.choices:
            row.choices[choice.key].format(**choice.values)
        assert finding.evidence, finding.code
    json.dumps(report.facts["bimi"] | {})
    return report


def codes(report):
    return {f.code for f in report.findings}


RECORD = {"BIM002", "BIM003", "BIM004"}
FILES = {"BIM006", "BIM007", "BIM011", "BIM012"}
CASES = [
    ("missing", {"BIM001"}, {"BIM000", "BIM005", "BIM009", "BIM014", "BIM999"} | RECORD | FILES),
    ("plain", {"BIM009", "BIM014"}, {"BIM000", "BIM001", "BIM005", "BIM008", "BIM015", "BIM016", "BIM999"} | RECORD | FILES),
    ("zipped", {"BIM009", "BIM014"}, {"BIM001", "BIM005"} | RECORD | FILES),
    ("letters.plain", {"BIM009", "BIM014"}, {"BIM001", "BIM005"} | RECORD | FILES),
    ("declined.plain", {"BIM004"}, {"BIM001", "BIM005", "BIM009", "BIM014"} | FILES),
    ("two", {"BIM002"}, {"BIM001", "BIM003", "BIM009", "BIM014"} | FILES),
    ("capitals", {"BIM003"}, {"BIM001", "BIM002", "BIM014"}),
    ("broken", {"BIM003"}, {"BIM001", "BIM009", "BIM014"}),
    ("png", {"BIM003"}, {"BIM006", "BIM014"}),
    ("no-l", {"BIM003", "BIM006"}, {"BIM009", "BIM014", "BIM015"}),
    ("open", {"BIM005"}, {"BIM014", "BIM006", "BIM007"}),
    ("naked", {"BIM005"}, {"BIM014"}),
    ("half", {"BIM005"}, {"BIM014"}),
    ("tested", {"BIM005"}, {"BIM014"}),
    ("gone", {"BIM006"}, {"BIM000", "BIM007", "BIM014"}),
    ("hollow", {"BIM006"}, {"BIM000", "BIM014"}),
    ("private", {"BIM006"}, {"BIM000", "BIM014"}),
    ("notfound", {"BIM006"}, {"BIM000", "BIM007", "BIM014"}),
    ("slow", {"BIM000"}, {"BIM006", "BIM007", "BIM014", "BIM999"}),
    ("certified", {"BIM006"}, {"BIM000", "BIM014"}),
    ("moved", {"BIM016", "BIM014"}, {"BIM006", "BIM007"}),
    ("round", {"BIM006"}, {"BIM016", "BIM014"}),
    ("downhill", {"BIM006"}, {"BIM016", "BIM014"}),
    ("ordinary", {"BIM007"}, {"BIM006", "BIM014"}),
    ("advised", {"BIM008", "BIM014"}, {"BIM006", "BIM007"}),
    ("away", {"BIM999"}, {"BIM000", "BIM006", "BIM014"}),
]


@pytest.mark.parametrize(("case", "must", "must_not"), CASES, ids=[case[0] for case in CASES])
def test_bimi(case, must, must_not):
    report = look(f"{case}.bimi.test")
    assert must <= codes(report)
    assert not must_not & codes(report)
    assert Status.FAIL not in {f.status for f in report.findings}


CERTIFICATES = [
    ("good", "marked", lambda: MARKS.file(MARKS.mark()), {"BIM014"}, {"BIM009", "BIM011", "BIM012", "BIM013", "BIM017"}),
    ("with its root", "marked", lambda: MARKS.file(MARKS.mark(), root=True), {"BIM014"}, {"BIM011", "BIM017"}),
    ("selector", "marked", lambda: MARKS.file(MARKS.mark(names=["x.test", "DEFAULT._bimi.marked.bimi.test"])), {"BIM014"}, {"BIM011"}),
    ("of the organization", "news.marked", lambda: MARKS.file(MARKS.mark()), {"BIM014"}, {"BIM011"}),
    ("common mark", "marked", lambda: MARKS.file(MARKS.mark(kind="Prior Use Mark")), {"BIM014"}, {"BIM011"}),
    (
        "certificate alone",
        "only-mark",
        lambda: MARKS.file(MARKS.mark(names=["only-mark.bimi.test"])),
        {"BIM014", "BIM015"},
        {"BIM003", "BIM006", "BIM009", "BIM012"},
    ),
    ("expired", "marked", lambda: MARKS.file(MARKS.mark(end=NOW - DAY)), {"BIM011"}, {"BIM013", "BIM014"}),
    ("not yet", "marked", lambda: MARKS.file(MARKS.mark(start=NOW + DAY)), {"BIM011"}, {"BIM013", "BIM014"}),
    ("other name", "marked", lambda: MARKS.file(MARKS.mark(names=["example.com"])), {"BIM011"}, {"BIM014"}),
    ("other selector", "marked", lambda: MARKS.file(MARKS.mark(names=["two._bimi.marked.bimi.test"])), {"BIM011"}, {"BIM014"}),
    ("wildcard", "marked", lambda: MARKS.file(MARKS.mark(names=["*.bimi.test"])), {"BIM011"}, {"BIM014"}),
    ("no usage", "marked", lambda: MARKS.file(MARKS.mark(usage=False)), {"BIM011"}, {"BIM014"}),
    ("no logo", "marked", lambda: MARKS.file(MARKS.mark(logo=None)), {"BIM011"}, {"BIM012", "BIM014"}),
    ("two marks", "marked", lambda: MARKS.file(MARKS.mark(), MARKS.mark()), {"BIM011"}, {"BIM014"}),
    ("by itself", "marked", lambda: MARKS.file(MARKS.mark(own=True)), {"BIM011"}, {"BIM014", "BIM017"}),
    ("alone", "marked", lambda: MARKS.file(MARKS.mark(), between=False), {"BIM011"}, {"BIM014", "BIM017"}),
    ("another authority", "marked", lambda: (other := Authority()).file(other.mark()), {"BIM017"}, {"BIM011"}),
    ("no certificate", "marked", lambda: b"<html>", {"BIM011"}, {"BIM014", "BIM017"}),
    ("soon over", "marked", lambda: MARKS.file(MARKS.mark(end=NOW + 10 * DAY)), {"BIM013", "BIM014"}, {"BIM011"}),
    ("another logo", "other-logo", lambda: MARKS.file(MARKS.mark(names=["other-logo.bimi.test"])), {"BIM012"}, {"BIM011", "BIM014"}),
]


@pytest.mark.parametrize(("case", "domain", "made", "must", "must_not"), CERTIFICATES, ids=[case[0] for case in CERTIFICATES])
@pytest.mark.usefixtures("trusted")
def test_certificates(case, domain, made, must, must_not):
    report = look(f"{domain}.bimi.test", world_of(Files(made())))
    assert must <= codes(report)
    assert not must_not & codes(report)


@pytest.mark.usefixtures("trusted")
def test_an_issuer_that_has_run_out_is_told():
    old = Authority(end=NOW - DAY)
    mark = read_mark(old.file(old.mark()), ("marked.bimi.test",), NOW)
    assert "issuer-expired" in mark.problems


@pytest.mark.usefixtures("trusted")
def test_facts_of_a_certificate():
    facts = look("marked.bimi.test", world_of(Files(MARKS.file(MARKS.mark())))).facts["bimi"]
    assert facts["certificate"]["kind"] == "VMC"
    assert facts["certificate"]["issuer"] == "Example Mark Issuer"
    assert facts["certificate"]["names"] == ["marked.bimi.test"]
    assert facts["certificate"]["chain"] == "known"
    assert facts["same"] is True
    assert facts["enforced"] is True
    assert facts["logo"]["title"] == "Example"
    assert read_mark(MARKS.file(MARKS.mark(kind="Prior Use Mark")), (), NOW).kind == "CMC"


def test_the_roots_that_are_known_are_there():
    assert len(certificates.describe_all(certificates.mark_roots())) >= 3


FAILING = [
    ("plain", {"servfail": {"default._bimi.plain.bimi.test"}}, {"BIM000"}, {"BIM001", "BIM999", "BIM014"}),
    ("letters.plain", {"timeout": {"default._bimi.plain.bimi.test"}}, {"BIM000"}, {"BIM001", "BIM014"}),
    ("plain", {"timeout": {"_dmarc.plain.bimi.test"}}, {"BIM000"}, {"BIM005", "BIM014"}),
    ("plain", {"timeout": {"web.bimi.test"}}, {"BIM000"}, {"BIM006", "BIM014"}),
]


@pytest.mark.parametrize(("case", "failing", "must", "must_not"), FAILING)
def test_what_could_not_be_looked_up_is_unknown(case, failing, must, must_not):
    under = world_of()
    world = Faults(under, **failing)
    world.clock, world.fetcher = under.clock, under.fetcher
    report = look(f"{case}.bimi.test", world)
    assert must <= codes(report)
    assert not must_not & codes(report)


def test_with_zone_files_alone_files_are_a_note():
    report = look("plain.bimi.test", world_of(False))
    assert codes(report) == {"BIM999", "BIM009"}
    assert report.verdict is Status.NOTE


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("open", {"its DMARC policy is none"}),
        ("naked", {"no DMARC record"}),
        ("half", {"sp=none", "only a part"}),
        ("tested", {"testing mode"}),
        ("news.open", {"organizational domain is none"}),
    ],
)
def test_why_dmarc_is_not_enough(case, words):
    reasons = [str(f.values["reason"]) for f in look(f"{case}.bimi.test").findings if f.code == "BIM005"]
    assert len(reasons) == len(words)
    assert all(any(word in reason for reason in reasons) for word in words)


def test_what_is_wrong_with_an_ordinary_logo():
    logo = read_logo(FETCHED["https://web.bimi.test/ordinary.svg"]["body"].encode())
    assert {why for why, _ in logo.problems} >= {"version", "profile", "position", "not-square", "script", "foreign", "style"}
    alone = {
        "<animate/>": "moving",
        "<clipPath/>": "element",
        "<image/>": "media",
        '<use href="https://x.test/a.svg#a"/>': "reference",
        '<use href="data:image/png;base64,AA"/>': "media",
        '<rect fill="url(https://x.test/)"/>': "reference",
        '<rect style="fill:red"/>': "style",
        '<rect onclick="x()"/>': "script",
        "<?xml-stylesheet href='x'?>": "style",
        '<g xmlns="urn:x"/>': "foreign",
    }
    for piece, why in alone.items():
        logo = read_logo(GOOD.replace(b"<circle", piece.encode() + b"<circle"))
        assert [w for w, _ in logo.problems] == [why], piece


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"<title>Example</title>", b"", "no-title"),
        (b"<title>Example</title>", b"<title> </title>", "no-title"),
        (b"<title>Example</title>", b"<g><title>Example</title></g>", "no-title"),
        (b'viewBox="0 0 100 100"', b"", "no-size"),
        (b'viewBox="0 0 100 100"', b'viewBox="0,0,100,50"', "not-square"),
        (b'viewBox="0 0 100 100"', b'viewBox="0 0 -1 -1"', "no-size"),
        (b'xmlns="http://www.w3.org/2000/svg"', b"", "root"),
        (b"</svg>", b"", "not-svg"),
        (b"UTF-8", b"no-such-code", "not-svg"),
        (b"<svg", b'<!DOCTYPE svg [<!ENTITY a "a"><!ENTITY b "&a;&a;">]><svg', "entities"),
        (b"<svg", b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/hostname">]><svg', "entities"),
        (b"<svg", b'<!DOCTYPE svg [<!ENTITY % a SYSTEM "https://x.test/a.dtd"> %a;]><svg', "entities"),
    ],
)
def test_what_is_wrong_with_a_logo(old, new, why):
    assert old in GOOD
    assert why in {reason for reason, _ in read_logo(GOOD.replace(old, new)).problems}


@pytest.mark.parametrize("inside", ["url(#a)", "url( #a )", "url('#a')", 'url( " #a")', "red"])
def test_references_within_the_file_are_no_fault(inside):
    attribute = "'" + inside.replace("'", "&apos;") + "'"
    logo = read_logo(GOOD.replace(b"<circle", f"<rect fill={attribute}/><use href='#b'/><circle".encode()))
    assert not logo.problems


def test_long_runs_are_read_in_no_time():
    begun = time.process_time()
    spaces = "\u00a0" * 60_000
    read_logo(GOOD.replace(b"<circle", f'<rect fill="url({spaces}#"/><circle'.encode()))
    read_logo(b"<g>" * 40_000)
    read("v=BIMI1;" + "l" * 100_000 + "; l=https://" + "a." * 50_000)
    assert time.process_time() - begun < 2


def test_a_document_type_alone_is_no_fault():
    logo = read_logo(GOOD.replace(b"<svg", b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.2 Tiny//EN" "https://x.test/svg12-tiny.dtd"><svg'))
    assert not logo.problems


def test_a_compressed_logo_is_opened_and_a_bomb_is_not():
    assert not read_logo(gzip.compress(GOOD)).problems
    assert read_logo(gzip.compress(GOOD)).sha256 == read_logo(GOOD).sha256
    assert opened(gzip.compress(b"x" * (MOST + 1))) is None
    assert read_logo(gzip.compress(b"0" * 50_000_000)).problems == (("compression", ""),)
    assert read_logo(b"\x1f\x8bnothing").problems == (("compression", ""),)
    assert read_logo(GOOD.replace(b"<circle", b"<!--" + b"x" * 40_000 + b"--><circle")).advice[0][0] == "large"


def test_redirects_end():
    more = {}
    world = world_of(Files())
    for n in range(9):
        url = f"https://web.bimi.test/step{n}.svg"
        more[url] = Fetched(url, Reached.OK, 302, location=f"/step{n + 1}.svg")
    world.fetcher._held.update({**more, "https://web.bimi.test/moved.svg": Fetched("", Reached.OK, 302, location="/step0.svg")})
    fetcher = world.fetcher
    assert "BIM006" in codes(look("moved.bimi.test", world))
    assert len(fetcher.seen) == 4


def test_two_records_may_each_be_kept(tmp_path):
    found = next(f for f in look("two.bimi.test").findings if f.code == "BIM002")
    for choice in found.choices:
        assert "somebody else's note" in choice.record.proposed
        file = tmp_path / "draft.records"
        file.write_text("".join(f'{choice.record.name}. 300 IN TXT "{t}"\n' for t in choice.record.proposed), encoding="ascii")
        world = World.zones([file], beneath=world_of())
        assert "BIM014" in codes(look("two.bimi.test", world))


def test_the_files_are_on_their_way_with_the_record():
    record = Question("default._bimi.news.example.com", "TXT", role="bimi")
    above = list(foresee(record, Answer(record.name, "TXT", Outcome.NODATA)))
    assert [q.name for q in above] == ["default._bimi.example.com"]
    text = "v=BIMI1; l=https://Web.example.com/l.svg; a=https://web.example.com/a.pem"
    hosts = list(foresee(above[0], Answer(above[0].name, "TXT", Outcome.FOUND, (text,))))
    assert [q.name for q in hosts] == ["web.example.com"] * 2
    asked = [list(foresee(q, Answer(q.name, "A", Outcome.FOUND, ("192.0.2.80",)))) for q in hosts]
    assert asked == [
        [Fetch("https://web.example.com/l.svg", ("192.0.2.80",), 131072)],
        [Fetch("https://web.example.com/a.pem", ("192.0.2.80",), 262144)],
    ]
    fetcher = Files(b"x")
    look("marked.bimi.test", world_of(fetcher))
    assert len(fetcher.seen) == len(set(fetcher.seen)) == 2


@pytest.mark.parametrize(
    ("url", "out", "why"),
    [
        ("https://example.com/a.svg", "https://example.com/a.svg", ""),
        ("HTTPS://EXAMPLE.com:443/A.svg?x=1#y", "https://example.com/A.svg?x=1", ""),
        ("https://example.com", "https://example.com/", ""),
        ("http://example.com/a.svg", "", "not-https"),
        ("example.com/a.svg", "", "bad-url"),
        ("https://example.com:8443/a.svg", "", "port"),
        ("https://192.0.2.1/a.svg", "", "bad-url"),
        ("https://[2001:db8::1]/a.svg", "", "bad-url"),
        ("https://user@example.com/a.svg", "", "bad-url"),
        ("https://bücher.example/a.svg", "", "bad-url"),
        ("https://example.com/a,b.svg", "", "comma"),
        ("https://example.com/a b.svg", "", "bad-url"),
        ("https://localhost/a.svg", "", "bad-url"),
        ("", "", ""),
    ],
)
def test_urls(url, out, why):
    assert tidy(url) == (out, why)
    if out:
        Fetch(out, ())


def test_records():
    assert read("v=BIMI1; l=; a=").declined
    assert not read("v=BIMI1; l=; a=http://x.test/").declined
    assert [why for _, _, why in read("v=BIMI1; l=; l=; a=;").bad] == ["repeated"]
    assert read(" v = BIMI1 ;l = https://a.example/x.svg ; a= ; lps=true").location == "https://a.example/x.svg"


def test_every_reason_that_is_given_has_its_words():
    rows = catalog().checks
    for code, keys in {
        "BIM005": ("missing", "p-none", "testing", "org-p-none", "sp-none", "pct"),
        "BIM011": ("unreadable", "expired", "not-yet-valid", "wrong-name", "no-usage", "no-logo", "several", "self-signed", "incomplete", "issuer-expired"),
        "BIM006": (
            *(r.value for r in (Reached.GUARDED, Reached.REFUSED, Reached.TLS, Reached.PROTOCOL, Reached.TOO_LARGE, Reached.CLOSED)),
            "redirect",
            "status",
        ),
    }.items():
        assert set(keys) <= set(rows[code].reasons)


# ------------------------------------------------------------------ hostile input

XML = [b"<", b">", b"/", b'"', b"&", b"&#0;", b"]]>", b"<![CDATA[", b"<!DOCTYPE a [", b'<!ENTITY x "y">', b"\x00", b"\xff", b"{0}", b"<g>" * 50, b"%s",
       b'viewBox="1e999 0 nan inf"', b' width="' + b"9" * 400 + b'"', b"xlink:href=", b"<?xml-stylesheet", b"\xef\xbb\xbf", b"<svg:g/>"]  # fmt: skip


def mutated(rng, data, pieces):
    out = bytearray(data)
    for _ in range(rng.randint(1, 10)):
        at = rng.randrange(len(out) + 1)
        if rng.random() < 0.5:
            out[at:at] = rng.choice(pieces)
        elif out:
            del out[at : at + rng.randint(1, 20)]
        if out and rng.random() < 0.5:
            out[rng.randrange(len(out))] = rng.randrange(256)
    return bytes(out)


def test_hostile_logos_raise_nothing():
    world = world_of()
    try:
        for seed in range(300):
            rng = random.Random(seed)
            body = mutated(rng, GOOD, XML)
            body = gzip.compress(body)[: rng.randint(2, 400)] if seed % 10 == 0 else body
            read_logo(body)
            if seed % 6 == 0:
                world.fetcher = Files(more={"https://web.bimi.test/good.svg": body})
                report = scan("plain.bimi.test", world=world, topics=["bimi"])
                for finding in report.findings:
                    catalog().checks[finding.code].message.format(**finding.values)
    finally:
        world.close()


def test_hostile_certificates_raise_nothing():
    made = MARKS.file(MARKS.mark(), root=True)
    der = [c.der for c in certificates.describe_all(made)]
    pieces = [b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----", b"\n", b"=", b"A" * 60, b"\x00"]
    broken = 0
    for seed in range(300):
        rng = random.Random(seed)
        if seed % 2:
            body = mutated(rng, made, pieces)
        else:
            raw = bytearray(der[0])
            for _ in range(rng.randint(1, 6)):
                raw[rng.randrange(len(raw))] = rng.randrange(256)
            body = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(bytes(raw)) + b"-----END CERTIFICATE-----\n"
            certificates.led_to([bytes(raw), *der[1:]])
            certificates.seen([bytes(raw)], "x.test", NOW, trusted=None)
            broken += certificates.describe(bytes(raw)) is None
        mark = read_mark(body, ("marked.bimi.test",), NOW)
        assert mark.subject or mark.problems
    assert 0 < broken < 150
    assert read_mark(b"-----BEGIN CERTIFICATE-----" * 1000, (), NOW).problems == ("unreadable",)


def test_hostile_logotypes_raise_nothing():
    good = logotype(data_url(GOOD))
    assert logo_in(good) == GOOD
    assert logo_in(None) is logo_in(b"") is None
    for seed in range(300):
        rng = random.Random(seed)
        found = logo_in(mutated(rng, good, [b"\x16", b"\x82", b"data:image/svg+xml;base64,", b"=", b"\x00"]))
        assert found is None or isinstance(found, bytes)


def test_hostile_records_raise_nothing():
    pieces = [b";", b"=", b"l=", b"a=", b"v=BIMI1", b"https://", b"/", b",", b"#", b"@", b"[::1]", b"\xff", b"{0}", b"x" * 300, b"..", b":443", b"?"]
    for seed in range(300):
        rng = random.Random(seed)
        text = mutated(rng, b"v=BIMI1; l=https://web.bimi.test/good.svg; a=https://web.bimi.test/mark.pem", pieces).decode("utf-8", "backslashreplace")
        record = read(text)
        assert record.bad or record.location or record.authority or record.declined
        for url in (record.location, record.authority):
            if url:
                Fetch(url, ())
        list(foresee(Question("default._bimi.x.test", "TXT", role="bimi"), Answer("x.test", "TXT", Outcome.FOUND, (text, f"v=BIMI1;{text}"))))
