"""Readers of what holds many events: tables, JSON, logs, mails. `Told` is what is told of a file, `With` what every reader is given."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ....catalog import DATA
from ....model import Event, Happened, Party, Said
from .kinds import Kinds, provider_of_domain

TOLD = 20  # troubles of a file that are named; the rest is counted
_DOMAINS = 1 << 16


@cache
def data() -> Mapping[str, Any]:
    """data/exports.toml, read once."""
    return tomllib.loads((DATA / "exports.toml").read_text(encoding="utf-8"))


def plain(name: str) -> str:
    """A column's name or a word for an event, as they are compared: without case, blanks, hyphens, underscores and quotes."""
    return "".join(c for c in name.casefold() if c not in " \t_-'\"\ufeff")


@cache
def happened_words() -> Mapping[str, Happened]:
    """Every word for what happened, as `plain` has it."""
    return {plain(word): Happened(what) for what, words in data()["happened"].items() for word in words}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that could not be read. line: 0 where it is about the file; what: a key of [trouble] in data/exports.toml, whose slots `values` fills."""

    file: str
    line: int
    what: str
    values: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> str:
        return str(data()["trouble"][self.what]).format(**dict(self.values))

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class FileRead:
    """What came of one input: a file, or all mails of a folder.

    form      "csv" | "json" | "own" | "diagnoses" | "log" | "mail" | "mbox" | "unknown"
    kind      what it was taken for: id of a [[table]] or key of [form] in data/exports.toml, or the id of a service; `title` says it in words
    rows      lines, objects or mails that were looked at; events: what came of them; passed: those that tell nothing of a delivery
    bad       rows that were left out because they could not be read; troubles: the first of them, by line
    """

    name: str
    form: str
    kind: str
    title: str
    rows: int = 0
    events: int = 0
    passed: int = 0
    bad: int = 0
    troubles: tuple[Trouble, ...] = ()

    @property
    def unreadable(self) -> bool:
        """Whether nothing at all was understood."""
        return self.form == "unknown" or (not self.events and not self.passed and self.bad > 0)


@dataclass(slots=True)
class Told:
    """A FileRead while it grows."""

    name: str
    form: str = "unknown"
    kind: str = "unknown"
    rows: int = 0
    events: int = 0
    passed: int = 0
    bad: int = 0
    troubles: list[Trouble] = field(default_factory=list)

    def trouble(self, line: int, what: str, *, left_out: bool = True, **values: Any) -> None:
        self.bad += left_out
        if len(self.troubles) < TOLD:
            self.troubles.append(Trouble(self.name, line, what, tuple((key, _short(value)) for key, value in values.items())))

    def take(self, other: Told) -> None:
        """Counts another part of the same input in."""
        if self.form == "unknown":
            self.form, self.kind = other.form, other.kind
        elif self.kind in ("json", "log") and other.kind != "unknown":
            self.kind = other.kind
        self.rows += other.rows
        self.events += other.events
        self.passed += other.passed
        self.bad += other.bad
        self.troubles = sorted((*self.troubles, *other.troubles), key=lambda one: (one.file, one.line))[:TOLD]

    def done(self) -> FileRead:
        return FileRead(self.name, self.form, self.kind, title(self.kind), self.rows, self.events, self.passed, self.bad, tuple(self.troubles))


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else text[:79] + "…"


def title(kind: str) -> str:
    """What a file was taken for, in words."""
    from ....catalog import catalog

    row = next((row for row in data()["table"] if row["id"] == kind), None)
    if row:
        return str(row["title"])
    if kind in data()["form"]:
        return str(data()["form"][kind])
    service = catalog().services.get(kind)
    return f"{service.name if service else kind}: {data()['form']['json']}"


class With:
    """What every reader is given: the kinds of replies that are known, the time that the run is as of, the campaign of what names none."""

    def __init__(self, now: float, campaign: str = "", kinds: Kinds | None = None) -> None:
        self.now, self.campaign, self.kinds = now, campaign, kinds or Kinds()
        self._domains: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._providers: dict[str, str] = {}
        self._by_domain: dict[str, str] = {}

    def address(self, text: str) -> str:
        """An address with its domain in lower case, as A-labels; "" for what is none."""
        local, at, domain = text.rpartition("@")
        known = self._domains.get(domain)
        if known is None:
            known = self._domain(domain)
        if not at or not known or not local or " " in local or "<" in local or local[0] in "'\"" or len(local) > 256:
            return self._odd(text)
        return f"{local}@{known}"

    def _domain(self, domain: str) -> str:
        out = domain.lower().rstrip(".")
        if not out.isascii():
            with contextlib.suppress(UnicodeError):
                out = out.encode("idna").decode("ascii")
        if "." not in out and not out.startswith("["):
            out = ""
        if any(c in out for c in " <>()\",;:@\\/\t\n'") and not out.startswith("["):
            out = ""
        if len(self._domains) >= _DOMAINS:
            self._domains.clear()
        self._domains[domain] = out
        return out

    def _odd(self, text: str) -> str:
        from ...formats import clean

        if "<" in text and ">" in text:
            text = text[text.rfind("<") + 1 :].partition(">")[0]
        one = clean(text.strip().strip("'\"").strip())
        if one is None or len(one) > 320:
            return ""
        local, _, domain = one.rpartition("@")
        domain = self._domain(domain)
        return f"{local}@{domain}" if domain else ""

    def name(self, text: str) -> str:
        """A campaign, a sender, a message's group: one object for equal texts."""
        known = self._names.get(text)
        if known is None:
            if len(self._names) >= _DOMAINS:
                self._names.clear()
            known = self._names[text] = text[:200]
        return known

    def sender(self, text: str) -> str:
        """The domain of whoever sent."""
        known = self._names.get(text)
        if known is None:
            address = self._odd(text) if "@" in text else ""
            known = self.name(address.rpartition("@")[2] or (self._domain(text.strip()) if text.strip() and "@" not in text else ""))
            self._names[text] = known
        return known

    def provider(self, recipient: str, said: Said | None, remote: str | None = None) -> str:
        """Who takes the recipient's mail: by the reply, by the host that answered, by the domain."""
        if said is not None and said.provider and said.provider not in _services():
            return said.provider
        if remote:
            by_host = self._providers.get(remote)
            if by_host is None:
                by_host = self._host(remote)
            if by_host:
                return by_host
        domain = recipient.rpartition("@")[2]
        known = self._by_domain.get(domain)
        if known is None:
            if len(self._by_domain) >= _DOMAINS:
                self._by_domain.clear()
            known = self._by_domain[domain] = provider_of_domain(domain) or self.name(domain)
        return known

    def _host(self, remote: str) -> str:
        from ...rules import provider_of_host

        if len(self._providers) >= _DOMAINS:
            self._providers.clear()
        name = provider_of_host(remote)
        name = "" if name is None or name in _services() else name
        self._providers[remote] = name
        return name


@cache
def _services() -> frozenset[str]:
    """Services that send mail for others: what they say is said by the sender's side."""
    from ....catalog import catalog

    return frozenset(catalog().services) - frozenset(data()["receives"]["services"])


def settled(happened: Happened, said: Said) -> Happened:
    """What a failure is once its reply was read: a service that left an address out, an automatic answer, a complaint are none."""
    if said.party is not Party.NOT_A_BOUNCE or happened is Happened.DEFERRED:
        return happened
    return {"esp-suppressed": Happened.DROPPED, "complaint": Happened.COMPLAINT, "delivered": Happened.DELIVERED}.get(said.cause, Happened.OTHER)


def counted(told: Told, event: Event) -> Event:
    told.events += 1
    return event
