"""The knowledge base: data/*.toml, read once into frozen rows. A bad row is refused, with file and key.

    catalog().checks["SPF004"]        CheckRow    words of a finding
    catalog().causes["auth-dmarc"]    CauseRow    party, suppress, scope, scan, words of a bounce cause
    catalog().enhanced("5.7.26")      CodeRow     meaning of an enhanced status code, None where unregistered
    catalog().basic(550)              CodeRow     meaning of a reply code
    catalog().rules                   Rule, …     receivers' wordings
    catalog().providers["gmail"]      Provider    how a provider is recognised
    catalog().esps                    Esp, …      e-mail service providers: SPF includes, selectors
    catalog().signers["sendgrid"]     Signer      under which selectors a service signs, and how it shows itself
    catalog().services                Service, …  what they call a bounce, word by word
    catalog().blocklists              Blocklist…  the lists that are asked; .dead_lists those that never are
    catalog().words["why_not"]["…"]   str         every other sentence

Pure but for reading the package's own files, and keeping what came of it (kept.py); costs 0.07 s, once a process, and 0.5 s where a file
has changed. Raises CatalogError.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from . import vocabulary
from .errors import CatalogError
from .kept import kept
from .model import Finding, Party, Report, Status, Suppress, Type
from .model.lists import Blocklist as Blocklist  # noqa: PLC0414 - imported from here by others
from .model.lists import DeadList, HandList, Signer

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    code: str
    slug: str
    topic: str
    severity: Status
    title: str
    message: str
    why: str
    fix: str
    refs: tuple[str, ...]
    since: str
    steps: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)  # key -> sentence with slots
    reasons: Mapping[str, str] = field(default_factory=dict)  # key -> words for the slot {reason}
    why_no_record: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseRow:
    slug: str
    party: Party
    suppress: Suppress
    scope: str
    scan: tuple[str, ...]
    title: str  # "The mailbox does not exist"
    meaning: str  # for a marketer: what happened, two or three sentences
    fix: str  # what to do, one sentence
    steps: tuple[str, ...]  # for a mail admin, in order
    address: str  # what to do with the address, one sentence
    retry: tuple[int, int] | None = None  # seconds, least and most, between tries
    retry_until: int | None = None  # seconds to keep trying
    after_fix: bool = False  # retry once the fault is mended
    type: Type | None = None  # where the class of the code lies (RFC 3463 section 3.3: X.2.2 is a persistent transient)
    refs: tuple[str, ...] = ()
    hygiene: str | None = None
    unsuppress: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    code: str  # "X.7.26" or "550"
    name: str
    meaning: str
    cause: str
    strength: str  # specific | generic
    rfc: str
    fault: str  # one sentence: whose fault it is, as a rule
    action: str  # one sentence: what to do
    note: str | None = None
    cause4: str | None = None  # cause of the 4yz form, where it differs


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A receiver's wording. See docs/rules.md. It holds where any of `text` and `pattern` matches and `codes` (of each kind that
    is named, enhanced and reply codes, one) and `stage` agree; without words the codes alone decide."""

    id: str
    cause: str
    example: str
    source: str
    seen: str
    file: str = ""
    provider: str | None = None
    codes: tuple[str, ...] = ()  # "5.7.509", "X.7.509" (any class), "550", "4xx", "5xx"
    text: tuple[str, ...] = ()  # case-folded fragments, any of them
    pattern: str | None = None  # RE2, case-insensitive; may name from_domain, mail_from, ip, selector, list, recipient
    length: int | None = None  # how many characters of the pattern weigh, where its alternatives make the sum too large
    hosts: bool = False  # only where the provider is recognised (by host, by sign or from the outside)
    weak: bool = False  # a wording so common that a specific code goes before it
    bare: bool = False  # a refusal that gives no reason: any wording that gives one goes before it
    type: Type | None = None
    suppress: Suppress | None = None
    scope: str | None = None
    retry: tuple[int, int] | None = None
    retry_until: int | None = None
    stage: str | None = None  # only in answer to this command: connect | helo | mail | rcpt | data
    help: str | None = None
    note: str | None = None  # a sentence shown with the answer
    permanent: bool = False  # a 4yz that is permanent all the same: the cause's `now` holds
    confidence: str | None = None  # where it is known to be less sure than computed
    about: str | None = None  # "sender": whatever else the reply says of an address, it says of the sender's


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    id: str
    name: str
    hosts: tuple[str, ...] = ()  # suffixes of the hosts that answer
    domains: tuple[str, ...] = ()  # domains of recipients
    signs: tuple[str, ...] = ()  # case-folded fragments of a reply that only this provider writes
    help: str | None = None  # its page on what its answers mean
    postmaster: str | None = None  # its page for senders: rules and figures
    delist: str | None = None  # where a sender asks to be let in again: a form, or mailto:
    rules: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Esp:
    id: str
    name: str
    spf: tuple[str, ...] = ()  # names (or suffixes ".x") that its customers include
    mx: tuple[str, ...] = ()  # suffixes of MX hosts
    selectors: tuple[str, ...] = ()
    source: str = ""
    seen: str = ""
    equivalents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # cause -> its own words, out of services.toml


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """Which findings speak for a cause, and which against it."""

    cause: str
    confirms: tuple[str, ...] = ()  # codes; one that failed confirms
    refutes: tuple[str, ...] = ()  # codes of findings that passed
    enough: tuple[str, ...] = ()  # of those, the ones that together refute; none: the DNS can never refute it
    decides: tuple[str, ...] = ()  # codes of what the message shows: one that passed refutes, whatever the DNS shows besides
    together: tuple[str, ...] = ()  # the same, where all of them passed
    either: tuple[str, ...] = ()  # the same, where one passed and the receiver's words ask for no more:
    either_rules: tuple[str, ...] = ()  # rules with such words
    warned: tuple[str, ...] = ()  # codes that confirm even as a warning: the cause is about this alone
    outcome: tuple[str, ...] = ()  # codes that say what came of a fault and not what to mend: never the fix where another failed too
    first: tuple[str, ...] = ()  # codes of what the message shows: the fix, where one is the first that failed in it, before any record of the DNS
    unless: tuple[str, ...] = ()  # codes that, whatever their status, keep the claim from being refuted
    domain: str = "from"  # whose records decide: from | mail_from (the envelope's domain, where it is another)
    header_rules: tuple[str, ...] = ()  # rules whose words are about the From field all the same
    needs_ip: bool = False  # without a sending address nothing can be told
    why_not: str = "nothing-found"  # key of [evidence] in words.toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A finding that explains a refusal which gave no reason. The first that holds is taken."""

    cause: str
    codes: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Catalog:
    checks: Mapping[str, CheckRow]
    causes: Mapping[str, CauseRow]
    enhanced_rows: Mapping[str, CodeRow]
    basic_rows: Mapping[str, CodeRow]
    rules: tuple[Rule, ...]
    providers: Mapping[str, Provider]
    esps: Mapping[str, Esp]
    services: Mapping[str, vocabulary.Service]
    blocklists: tuple[Blocklist, ...]
    dead_lists: tuple[DeadList, ...]
    hand_lists: tuple[HandList, ...]
    words: Mapping[str, Any]
    glossary: Mapping[str, Mapping[str, Any]]
    common_selectors: tuple[str, ...]
    dated_selectors: tuple[str, ...]
    signers: Mapping[str, Signer]
    evidence: Mapping[str, EvidenceRow]
    promotions: tuple[Promotion, ...]
    mailbox_domains: frozenset[str]  # where many people have their mailbox

    def enhanced(self, code: str | None) -> CodeRow | None:
        """The row of an enhanced status code of any class ("5.7.26" -> X.7.26), or None where none is registered."""
        return self.enhanced_rows.get("X" + code[1:]) if code else None

    def basic(self, code: int | None) -> CodeRow | None:
        return self.basic_rows.get(str(code)) if code else None

    def check_by_slug(self, slug: str) -> CheckRow | None:
        return next((row for row in self.checks.values() if row.slug == slug), None)


_ENUMS = {"party": Party, "suppress": Suppress, "severity": Status, "type": Type}


def _row(cls: Any, file: str, key: str, raw: Mapping[str, Any]) -> Any:
    """One row, its keys and kinds checked."""
    known = {f.name: f for f in fields(cls)}
    for name in raw:
        if name not in known:
            raise CatalogError(f"{file}: {key}: unknown key “{name}”. Known are {', '.join(sorted(known))}.")
    out: dict[str, Any] = {}
    for name, spec in known.items():
        if name not in raw:
            if spec.default is MISSING and spec.default_factory is MISSING:
                raise CatalogError(f"{file}: {key}: the key “{name}” is missing.")
            continue
        value, kind = raw[name], str(spec.type)
        if name in _ENUMS:
            try:
                value = _ENUMS[name](value)
            except ValueError:
                raise CatalogError(f"{file}: {key}: {name} = “{value}” is none of {', '.join(_ENUMS[name])}.") from None
        elif "tuple" in kind:
            value = (value,) if isinstance(value, str) else tuple(value)
        elif kind.startswith("str") and not isinstance(value, str):
            raise CatalogError(f"{file}: {key}: {name} has to be a string.")
        elif kind.startswith("bool") and not isinstance(value, bool):
            raise CatalogError(f"{file}: {key}: {name} has to be true or false.")
        if value == "" and spec.default is MISSING:
            raise CatalogError(f"{file}: {key}: {name} is empty.")
        out[name] = value
    return cls(**out)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path.name}: {error}") from None


def _once(file: str, rows: Any, key: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for row in rows:
        name = getattr(row, key)
        if name in out:
            raise CatalogError(f"{file}: {name} stands there twice.")
        out[name] = row
    return out


_CODE = re.compile(r"^(?:[245X]\.\d{1,3}\.\d{1,3}|[2-5]\d\d|[245]xx)$")


def _rules(folder: Path, causes: Mapping[str, CauseRow]) -> tuple[tuple[Rule, ...], dict[str, Provider]]:
    rules: list[Rule] = []
    providers: dict[str, Provider] = {}
    for path in sorted(folder.glob("*.toml")):
        raw = _toml(path)
        file = f"replies/{path.name}"
        for key in raw:
            if key not in ("provider", "rule"):
                raise CatalogError(f"{file}: unknown table “{key}”; [provider] and [[rule]] are known.")
        provider = None
        if "provider" in raw:
            row: Provider = _row(Provider, file, "provider", {**raw["provider"], "rules": len(raw.get("rule", []))})
            provider, providers[row.id] = row.id, row
        for n, r in enumerate(raw.get("rule", []), 1):
            key = str(r.get("id", f"rule {n}"))
            rule: Rule = _row(Rule, file, key, {**r, "file": file} | ({"provider": provider} if provider else {}))
            if not (rule.codes or rule.text or rule.pattern):
                raise CatalogError(f"{file}: {key}: needs codes, text or pattern.")
            if rule.cause not in causes:
                raise CatalogError(f"{file}: {key}: cause “{rule.cause}” has no row in causes.toml.")
            for code in rule.codes:
                if not _CODE.match(code):
                    raise CatalogError(f"{file}: {key}: “{code}” is no code; write 5.7.1, X.7.1, 550, 4xx or 5xx.")
            for text in rule.text:
                if text != " ".join(text.casefold().split()):
                    raise CatalogError(f"{file}: {key}: text “{text}” has to be case-folded, with single spaces.")
            if rule.hosts and not provider:
                raise CatalogError(f"{file}: {key}: hosts = true needs a [provider] in the file.")
            rules.append(rule)
    _once("replies", rules, "id")
    return tuple(rules), providers


def _evidence(data: Path, checks: Mapping[str, CheckRow], causes: Mapping[str, CauseRow]) -> tuple[dict[str, EvidenceRow], tuple[Promotion, ...]]:
    raw = _toml(data / "evidence.toml")
    rows = _once("evidence.toml", [_row(EvidenceRow, "evidence.toml", cause, {"cause": cause, **row}) for cause, row in raw["cause"].items()], "cause")
    promotions = tuple(_row(Promotion, "evidence.toml", f"promotion {n}", row) for n, row in enumerate(raw["promotion"], 1))
    for row in (*rows.values(), *promotions):
        if row.cause not in causes:
            raise CatalogError(f"evidence.toml: cause “{row.cause}” has no row in causes.toml.")
        codes = (
            row.codes
            if isinstance(row, Promotion)
            else (*row.confirms, *row.refutes, *row.enough, *row.decides, *row.together, *row.either, *row.warned, *row.outcome, *row.first)
        )
        for code in codes:
            if code not in checks:
                raise CatalogError(f"evidence.toml: {row.cause}: “{code}” has no row in checks*.toml.")
    return rows, promotions


def _signers(esps: Mapping[str, Esp], rows: Iterable[Mapping[str, Any]]) -> dict[str, Signer]:
    """Each service that signs, in the order of esps.toml, then those that only selectors.toml knows."""
    more = _once("selectors.toml", [_row(Signer, "selectors.toml", r.get("id", "?"), r) for r in rows], "id")
    out: dict[str, Signer] = {}
    for id_, esp in esps.items():
        row = more.pop(id_, Signer(id=id_))
        names = {key: tuple(dict.fromkeys((*getattr(esp, key), *getattr(row, key)))) for key in ("spf", "mx", "selectors")}
        out[id_] = replace(row, name=row.name or esp.name, source=esp.source, seen=esp.seen, **names)
    for row in more.values():
        if not row.name:
            raise CatalogError(f"selectors.toml: {row.id} has no row in esps.toml, and no name.")
    return {**out, **more}


def load(data: Path = DATA) -> Catalog:
    """Read a knowledge base from a folder. Raises CatalogError for the first bad row."""
    checks = _once(
        "checks", [_row(CheckRow, p.name, code, {"code": code, **row}) for p in sorted(data.glob("checks*.toml")) for code, row in _toml(p).items()], "code"
    )
    _once("checks", checks.values(), "slug")
    causes = _once("causes.toml", [_row(CauseRow, "causes.toml", slug, {"slug": slug, **row}) for slug, row in _toml(data / "causes.toml").items()], "slug")
    codes = _toml(data / "status_codes.toml")
    enhanced = _once("status_codes.toml", [_row(CodeRow, "status_codes.toml", r.get("code", "?"), r) for r in codes["enhanced"]], "code")
    basic = _once("status_codes.toml", [_row(CodeRow, "status_codes.toml", r.get("code", "?"), r) for r in codes["basic"]], "code")
    for row in (*enhanced.values(), *basic.values()):
        for cause in filter(None, (row.cause, row.cause4)):
            if cause not in causes:
                raise CatalogError(f"status_codes.toml: {row.code}: cause “{cause}” has no row in causes.toml.")
    rules, providers = _rules(data / "replies", causes)
    services = vocabulary.load(_toml(data / "services.toml"), causes)
    spoken = _once("services.toml", [_row(Rule, "services.toml", r["id"], r) for one in services.values() for r in vocabulary.rules(one, providers)], "id")
    raw_esps = _toml(data / "esps.toml")
    said = {id_: {"equivalents": vocabulary.equivalents(service)} for id_, service in services.items()}
    esps = _once("esps.toml", [_row(Esp, "esps.toml", r.get("id", "?"), {**r, **said.get(r.get("id"), {})}) for r in raw_esps["esp"]], "id")
    signing = _toml(data / "selectors.toml")
    lists = _toml(data / "blocklists.toml")
    evidence, promotions = _evidence(data, checks, causes)
    return Catalog(
        checks=checks,
        causes=causes,
        enhanced_rows=enhanced,
        basic_rows=basic,
        rules=(*rules, *spoken.values()),
        providers=providers,
        esps=esps,
        services=services,
        blocklists=tuple(_once("blocklists.toml", [_row(Blocklist, "blocklists.toml", r.get("zone", "?"), r) for r in lists["list"]], "zone").values()),
        dead_lists=tuple(_row(DeadList, "blocklists.toml", r.get("zone", "?"), r) for r in lists["dead"]),
        hand_lists=tuple(_row(HandList, "blocklists.toml", r.get("name", "?"), r) for r in lists["hand"]),
        words={**_toml(data / "words.toml"), "class": codes["class"], "subject": codes["subject"]},
        glossary=_toml(data / "glossary.toml"),
        common_selectors=tuple(raw_esps["common_selectors"]),
        dated_selectors=tuple(signing["dated"]),
        signers=_signers(esps, signing["signer"]),
        evidence=evidence,
        promotions=promotions,
        mailbox_domains=frozenset(
            domain for rows in (_toml(data / "recipients.toml")["mailbox"], map(asdict, providers.values())) for row in rows for domain in row["domains"]
        ),
    )


def findings_of(report: Report, topics: Iterable[str]) -> tuple[Finding, ...]:
    """The findings of some topics, in the report's order."""
    wanted = set(topics)
    return tuple(f for f in report.findings if catalog().checks[f.code].topic in wanted)


def sources() -> tuple[Path, ...]:
    """The files that the knowledge base depends on: its rows, and the code that reads them."""
    here = Path(__file__).parent
    code = (*sorted((here / "model").glob("*.py")), here / "errors.py", here / "vocabulary.py", Path(__file__))
    return (*sorted(DATA.glob("*.toml")), *sorted((DATA / "replies").glob("*.toml")), *code)


@cache
def catalog() -> Catalog:
    """The knowledge base that ships with the package, loaded once; from what the last run has kept of it where no file has changed."""
    return kept("catalog", sources(), load)
