"""The ports that are handed to everyone: who answers DNS questions, and what time it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol

import dns.exception
import dns.resolver

from ..catalog import Blocklist
from ..errors import InputError, ZoneError
from ..model import Fetch, Fetched, Greeted, Location, Outcome, ScanInput
from . import codec
from .codec import Malformed, name_wire
from .dns import ROOT, Foresee, Seam
from .flight import server_of
from .guard import PUBLIC, Policy
from .https import Fetcher
from .keeping import Keeping
from .line import Nowhere, Source
from .loop import Loop
from .reach import GREETING, Greet, Nobody, Port, Reaches, Rows, Spoken, unfetched, ungreeted
from .smtp import Greeter
from .wire import Resolvers
from .zone import within
from .zones import ZoneFiles, ZoneSet

SHOWN_FILES = 40
SYSTEM_SERVERS = 3  # as many as the C library asks
BOGUS_PROBE = "dnssec-failed.org"  # a name that is signed wrongly on purpose
DEMO = Path(__file__).parent.parent / "data" / "demo"
DEMO_NAMES = ("example", "test")  # RFC 2606 section 2
STRANGERS = ("$ORIGIN", "$TTL")  # the directives that a text may use which came over HTTP


class Tape(Protocol):
    """Who makes the sessions of a World in its place: one that takes them down, or one that plays a recording."""

    def open(
        self, world: World, foresee: Foresee | None, deadline: float, loop: Loop | None, about: ScanInput | str, lists: Iterable[Blocklist] | None, /
    ) -> Session: ...


class Session:
    """One scan's time with a World. Leaving it closes every socket that it opened."""

    seam: type[Seam] = Seam

    def __init__(self, world: World, foresee: Foresee | None, deadline: float, loop: Loop | None) -> None:
        opened = time.monotonic()
        self.world = world
        self.now = world.clock()
        self._own = Loop() if loop is None else None  # a loop of several scans is closed by who made it
        loop = loop or self._own or Loop()
        with loop.opening():
            line = world.source.line(opened + deadline)
        self.fetch = Reaches(world.fetcher, unfetched, opened + deadline, loop)
        self.greet = Reaches(world.greeter, ungreeted, opened + deadline, loop, GREETING)
        self.dns = self.seam(world, line, loop, foresee, opened, deadline, self.fetch.start)

    @contextmanager
    def meanwhile(self, think: Callable[[], bool] | None) -> Iterator[None]:
        """`think` is called where this thread would sleep, until it says that there is nothing more. Not where scans share a loop, and have each other."""
        if self._own is None or think is None:
            yield
            return
        self._own.idle = think
        try:
            yield
        finally:
            self._own.idle = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
        if World.strict and error is None and self.dns.faults:
            raise self.dns.faults[0]

    @property
    def settled(self) -> bool:
        """Is nothing under way, so that only a demand can bring more? For those who run many scans (bulk.py)."""
        return self.dns.settled and self.fetch.settled and self.greet.settled

    def close(self) -> None:
        self.dns.close()
        if self._own is not None:
            self._own.close()


class World(Keeping):
    """Who answers. Thread-safe; one World serves any number of scans, one after the other or at once.

    Use World.live(), World.zones() or World.demo(). Between scans it keeps the shared questions' answers for an hour (failures
    for a minute), and which of its resolvers was shown to validate DNSSEC.
    """

    strict = False  # tests: a topic's foresee that raised is raised again when its session ends

    def __init__(
        self,
        source: Source,
        *,
        describe: str,
        nameservers: tuple[str, ...] = (),
        only_zone: bool = False,
        bogus_probe: str = BOGUS_PROBE,
        held: ZoneSet | None = None,
    ) -> None:
        try:
            name_wire(codec.tidy(bogus_probe))
        except Malformed as error:
            raise InputError(f"“{bogus_probe}”: {error}") from None
        super().__init__()
        self.source = source
        self.describe = describe
        self.nameservers = nameservers
        self.only_zone = only_zone
        self.bogus_probe = codec.tidy(bogus_probe)
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.sceptical = False  # an NXDOMAIN is believed only from a resolver that knows the root (the system's, which nobody chose)
        self.blocklists: tuple[Blocklist, ...] | None = None  # which lists are asked; None: those of data/blocklists.toml
        self.guard: Policy = PUBLIC  # where a connection may lead that scanned data asks for
        self.fetcher: Port[Fetch, Fetched] = Nobody(unfetched)  # https on port 443, for policies and logos
        self.greeter: Port[Greet, Greeted] = Nobody(ungreeted)  # SMTP on port 25, for mail hosts, where the user asks for it
        self.tape: Tape | None = None  # who takes down, or says again, what sessions are told (edge/tape.py)
        self._held = held
        self._beneath: World | None = None
        self._demo: World | None = None

    # ------------------------------------------------------------------ the three worlds

    @classmethod
    def live(cls, nameservers: Iterable[str] = (), *, bogus_probe: str = BOGUS_PROBE, resolv_conf: str = "/etc/resolv.conf", guard: Policy = PUBLIC) -> World:
        """The DNS, through these nameservers, or through the system's where none is given.

        nameservers   "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:5353", in the order of preference
        bogus_probe   a name whose signature is broken: a resolver that refuses it validates
        guard         where connections may lead that records ask for: public addresses only, but for tests
        With no resolver at hand every question says so at once. Raises InputError for what is no address. Asks nothing yet.
        """
        given = tuple(nameservers)
        servers = tuple(server_of(text) for text in given)
        if not servers:
            try:
                found = dns.resolver.Resolver(resolv_conf)
                servers = tuple(server_of(str(a), found.port) for a in found.nameservers[:SYSTEM_SERVERS] if isinstance(a, str))
            except (dns.exception.DNSException, OSError, ValueError, InputError) as error:
                return cls._nowhere(f"{resolv_conf}: {str(error) or type(error).__name__}", bogus_probe)
            if not servers:
                return cls._nowhere(f"{resolv_conf} names none", bogus_probe)
        labels = tuple(dict.fromkeys(s.label for s in servers))
        servers = tuple({s.label: s for s in servers}.values())
        world = cls(
            Resolvers(servers), describe=("resolver " if len(labels) == 1 else "resolvers ") + ", ".join(labels), nameservers=labels, bogus_probe=bogus_probe
        )
        world.sceptical = not given
        world.guard, world.fetcher, world.greeter = guard, Fetcher(guard), Greeter(guard)
        return world

    @classmethod
    def _nowhere(cls, why: str, bogus_probe: str) -> World:
        detail = f"no resolver is configured on this machine ({why})"
        return cls(Nowhere(Outcome.ERROR, detail), describe="no resolver", bogus_probe=bogus_probe)

    @classmethod
    def zones(cls, paths: Iterable[str | Path], *, only: bool = False, beneath: World | None = None, careful: bool = False) -> World:
        """Zone files, or folders of them, laid over `beneath` (the live DNS where it is None), or alone with `only`.

        careful   look for slips in the files, read on past a record that cannot be read, and say of findings where in a file they are

        A file with an SOA is authoritative at and below its origin, down to its NS cuts; the record sets of a file without one
        stand in place of those beneath, a later file's in place of an earlier one's. Every answer from a file is `secure=draft`.
        With `only` what no file holds is NOT_ASKED by the server "zone files". Raises ZoneError, with file, line and reason.
        """
        return cls._laid(ZoneSet.read([paths] if isinstance(paths, (str, Path)) else paths, careful=careful), only, beneath)

    @classmethod
    def drafts(cls, texts: Mapping[str, str], *, only: bool = False, beneath: World | None = None) -> World:
        """As careful zones(), from the texts of files by their names (octoDNS: *.yaml), which are read as a stranger's: no file is opened, and
        $INCLUDE, $GENERATE and !include are refused. Raises ZoneError."""
        return cls._laid(ZoneSet.of(texts, STRANGERS), only, beneath)

    @classmethod
    def replay(cls, path: str | Path, *, zones: Iterable[str | Path] = ()) -> World:
        """What a recording holds, said again without network, at the time at which it was recorded (edge/tape.py: Recorder makes one).

        zones   the zone files that it was made with, where they were read with care: for the lines that findings show

        A question that the recording does not hold is NOT_ASKED, a host likewise; a session about a domain that it does not hold raises InputError. Raises
        InputError for a file that is no recording, is cut short, or is of another version, and for other zone files than those it was made with.
        """
        from .recording import Recording
        from .tape import replayed

        return replayed(Recording.read(path), [zones] if isinstance(zones, (str, Path)) else zones)

    @classmethod
    def _laid(cls, held: ZoneSet, only: bool, beneath: World | None) -> World:
        some = ", ".join(Path(f).name for f in held.files[:SHOWN_FILES]) + (" …" if len(held.files) > SHOWN_FILES else "")
        shown = "no zone file" if not held.files else ("zone file " if len(held.files) == 1 else "zone files ") + some
        if only:
            return cls(ZoneFiles(held), describe=shown, only_zone=True, held=held)
        return cls._over(held, beneath or cls.live(), shown)

    @classmethod
    def _over(cls, held: ZoneSet, beneath: World, shown: str, claims: tuple[str, ...] = ()) -> World:
        world = cls(
            ZoneFiles(held, beneath.source, tuple(name_wire(c) for c in claims)),
            describe=f"{shown} over {beneath.describe}",
            nameservers=beneath.nameservers,
            only_zone=beneath.only_zone,
            bogus_probe=beneath.bogus_probe,
            held=held,
        )
        # a world that claims its names asks nobody about them, and so needs nobody's word about the root
        world._beneath, world.sceptical = beneath, beneath.sceptical and not claims
        if not claims:  # the hosts of a draft are those of the live DNS; the demo world has none
            world.guard, world.fetcher, world.greeter = beneath.guard, beneath.fetcher, beneath.greeter
        return world

    @classmethod
    def demo(cls, beneath: World | None = None, *, folder: Path = DEMO) -> World:
        """The demo world over `beneath` (the live DNS where it is None): it answers for .example and .test, and for nothing else.

        A name there that its files do not hold does not exist. Files for other names (the blocklists and reverse names that
        its stories need) are used by for_domain() alone: were they to answer for a real address, a list that nobody asked
        would look clean. Raises ZoneError.
        """
        beneath = beneath or cls.live()
        files = sorted(folder.glob("*.zone"))
        everything = ZoneSet.read(files)
        claims = tuple(name_wire(c) for c in DEMO_NAMES)
        if stray := next((n for n in everything.patch.sets if not any(within(n, c) for c in claims)), None):
            raise ZoneError(f"{folder.name}: a file without SOA holds {codec.name_text(stray)}, which is no name of the demo world")
        own = {origin: zone for origin, zone in everything.zones.items() if any(within(origin, c) for c in claims)}
        held = ZoneSet(own, everything.patch, everything.files)
        world = cls._over(held, beneath, "the demo world", DEMO_NAMES)
        world._demo = cls._over(everything, beneath, "the demo world", DEMO_NAMES)
        if (rows := folder / "https.toml").exists():  # what the demo's policy hosts say
            world.fetcher = world._demo.fetcher = Rows(rows)
        if (rows := folder / "smtp.toml").exists():  # and its mail hosts, where somebody asks
            world.greeter = world._demo.greeter = Spoken(rows)
        return world

    def for_domain(self, domain: str) -> World:
        """The World in which to scan a domain: this one, but for a demo world, where real domains are scanned beneath it and
        the domains of the demo among its own blocklists. Their shared answers are kept apart."""
        if self._demo is None or self._beneath is None:
            return self
        return self._demo if codec.tidy(domain).rpartition(".")[2] in DEMO_NAMES else self._beneath

    def locate(self, name: str, rtype: str) -> Location | None:
        """File and line of a record set that a zone file holds, None for any other. Never raises."""
        try:
            found = self._held.locate(name_wire(codec.tidy(name)), int(dns.rdatatype.from_text(rtype))) if self._held else None
        except (Malformed, dns.exception.DNSException, ValueError):
            return None
        return found or (self._beneath.locate(name, rtype) if self._beneath else None)

    @property
    def files(self) -> ZoneSet | None:
        """What the zone files hold, where somebody wants to know of slips in them; None for every other world."""
        return self._held if self._held is not None and self._held.slips is not None else None

    def each(self) -> tuple[World, ...]:
        """This World and those that for_domain() may pick in its place."""
        return tuple(one for one in (self, self._demo, self._beneath) if one is not None)

    # ------------------------------------------------------------------ scans

    def open(
        self,
        foresee: Foresee | None = None,
        *,
        deadline: float = 15.0,
        loop: Loop | None = None,
        about: ScanInput | str = "",
        lists: Iterable[Blocklist] | None = None,
    ) -> Session:
        """One scan's session, to be used as a context manager.

        deadline   seconds after which everything answers at once
        loop       what serves its sockets, where several scans share one; one of its own where None
        about      what is scanned, or the domain of a message that is examined: by this a recording is found again
        lists      the blocklists that are asked, whose keys no recording holds
        Raises InputError where a recording answers, and holds nothing about this domain.
        """
        session = Session(self, foresee, deadline, loop) if self.tape is None else self.tape.open(self, foresee, deadline, loop, about, lists)
        if self.sceptical:
            session.dns.foresee((ROOT,))
        return session

    def close(self) -> None:
        """Forgets what was kept, and ends the connections to hosts. Open sessions end by themselves."""
        self.forget()
        self.fetcher.close()
        self.greeter.close()
        if self._beneath is not None:
            self._beneath.close()
