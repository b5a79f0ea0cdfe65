"""How long does a scan take, against the longest chain of questions that depend on each other?

    .venv/bin/python bench/scan.py [--rtt 20] [--runs 9] [--no-checkdmarc]

A server on loopback, in a process of its own, holds every answer for --rtt milliseconds. It serves a realistic domain: nine SPF
look-ups, two MX hosts, two selectors (one an alias into a mail service), ten blocklists with their self-tests, DMARC with
reports to another domain, reverse names of both families, TLS-RPT, and MTA-STS with a host where nobody listens, so that neither side
spends time on its policy. The domain is scanned cold several times (a new World each time), with all topics, and checkdmarc's
check_domains is run on the same server. Where there are two processors the server has one to itself, and either side the other.

The longest chain is computed from the scan itself: a question asked at the start has level 1, one that an answer of level n
leads to (by the topics' own `foresee`) has level n + 1.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import multiprocessing
import os
import select
import socket
import statistics
import sys
import time
from collections import deque
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.zone

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

DOMAIN = "firm.example"
IPS = ("192.0.2.25",)
SELECTORS = ("s1", "s2")
AWAKE = 0.002
GOALS = {20: 1.3, 60: 1.1}  # round trip -> the ratio to reach
KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtV452445A/+6ClVyT9U3NYR+aNHxYdBO0BmGhjLaRV7GdOVyzLUggKmCkTBt+kUhysoF5iOsinnoVtB5Y88wZVlo119ot92M"
    "T3i3Q+b/qID78ORGOmt6NQ6/EAkYzYXA1J2WvX54f4ax7495uy452Jq9OEMljhbInxD4MtlceW0Tm/vK23NSXC+qT7OAnjObzlBXwQeUuTR1xl7O0GQMUDWnazhJPl1M2JfqhzmTMhLf"
    "rS3KGFfUyayH+FyYHFrI51xGRbovR0uJoXhhbQD74p304CR6XPG6rF3EPz/B3+gKVR/0fVDf0qnN7bVo5h2DRvsNLucpbc25awFcS/tNZQIDAQAB"
)
LISTS = [(f"bl{n}.lists.example", "ip" if n < 8 else "domain") for n in range(10)]


def zones() -> list[dns.zone.Zone]:
    """The world of the benchmark."""
    services = "\n".join(
        f"""_spf.s{n} IN TXT "v=spf1 ip4:198.51.100.{16 * n}/28 {"include:_spf.deep.services.example" if n == 0 else ""} ~all" """ for n in range(5)
    )
    reverse = "25 IN PTR mail.firm.example.\n10 IN PTR mx1.firm.example.\n11 IN PTR mx2.firm.example."
    points = "\n".join(f"{'2.0.0.127' if kind == 'ip' else 'test'}.{zone.split('.')[0]} IN A 127.0.0.2" for zone, kind in LISTS)
    own = f"""
        @ IN A 192.0.2.80
        @ IN MX 10 mx1
        @ IN MX 20 mx2
        mx1 IN A 192.0.2.10
        mx1 IN AAAA 2001:db8::10
        mx2 IN A 192.0.2.11
        mx2 IN AAAA 2001:db8::11
        mail IN A 192.0.2.25
        @ IN TXT "v=spf1 a mx ip4:192.0.2.25 {" ".join(f"include:_spf.s{n}.services.example" for n in range(5))} -all"
        @ IN TXT "site-verification=0123456789abcdef"
        _dmarc IN TXT "v=DMARC1; p=quarantine; rua=mailto:firm@reports.example; ruf=mailto:failures@reports.example; adkim=s"
        _mta-sts IN TXT "v=STSv1; id=20260101000000"
        mta-sts IN A 127.0.0.1
        _smtp._tls IN TXT "v=TLSRPTv1; rua=mailto:tls@reports.example"
        s1._domainkey IN TXT "v=DKIM1; k=rsa; p={KEY[:200]}" "{KEY[200:]}"
        s2._domainkey IN CNAME s2.firm.dkim.services.example."""
    out = []
    for origin, body in {
        DOMAIN: own,
        "services.example": services
        + '\n_spf.deep IN TXT "v=spf1 a:out.services.example -all"\nout IN A 192.0.2.201\n'
        + f's2.firm.dkim IN TXT "v=DKIM1; k=rsa; p={KEY[:200]}" "{KEY[200:]}"',
        "reports.example": 'firm.example._report._dmarc IN TXT "v=DMARC1"',
        "2.0.192.in-addr.arpa": reverse,
        "8.b.d.0.1.0.0.2.ip6.arpa": "\n".join(f"{'.'.join(reversed(f'{n:024x}'))} IN PTR mx{n - 15}.firm.example." for n in (16, 17)),
        "lists.example": points,
    }.items():
        head = f"$ORIGIN {origin}.\n$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\n@ IN NS ns2\nns1 IN A 192.0.2.53\nns2 IN A 198.51.100.53\n"
        out.append(dns.zone.from_text(head + "\n".join(line.strip() for line in body.splitlines()), origin=origin, relativize=False))
    return out


# ------------------------------------------------------------------ the server


class Server:
    """Answers from the zones after a while; what it worked out once it keeps, so that it costs the scan next to no time.

    One socket, one loop: whatever has come is read in one go, and what is due is sent. Held answers stand in the order of arrival.
    `awake`: seconds before an answer is due in which it does not sleep, as a machine may take milliseconds to wake up.
    """

    def __init__(self, held: list[dns.zone.Zone], rtt: float, awake: float) -> None:
        self.zones, self.rtt, self.awake, self.known = {z.origin: z for z in held}, rtt, awake, {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    def run(self) -> None:
        held: deque[tuple[float, bytes, tuple]] = deque()
        receive, send = self.socket.recvfrom, self.socket.sendto
        while True:
            if not held or held[0][0] > time.monotonic():
                # select waits to the microsecond, where a socket's own time-out is rounded up to the next millisecond
                select.select([self.socket], [], [], max(0.0, held[0][0] - self.awake - time.monotonic()) if held else None)
            try:
                while True:
                    data, peer = receive(65535)
                    reply = self.known.get(data[2:])
                    if reply is None:
                        reply = self.known[data[2:]] = self.answer(data)[2:]
                    held.append((time.monotonic() + self.rtt, data[:2] + reply, peer))
            except BlockingIOError:
                pass
            now = time.monotonic()
            while held and held[0][0] <= now:
                _, octets, peer = held.popleft()
                send(octets, peer)

    def answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query, recursion_available=True)
        asked = query.question[0]
        name = asked.name
        for _ in range(8):
            above = (dns.name.Name(name.labels[n:]) for n in range(len(name.labels)))
            zone = next((self.zones[n] for n in above if n in self.zones), None)
            if zone is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                break
            if not any(held.is_subdomain(name) for held in zone.nodes):
                response.set_rcode(dns.rcode.NXDOMAIN)
            found = zone.get_rrset(name, asked.rdtype)
            alias = None if found else zone.get_rrset(name, "CNAME")
            if found or alias:
                response.answer.append(found or alias)
            else:
                response.authority.append(zone.get_rrset(zone.origin, "SOA"))
            if alias is None:
                break
            name = alias[0].target
        return response.to_wire()


def serve(rtt: float, pipe, zones=zones, awake: float = 0.0, processors: frozenset[int] = frozenset()) -> None:
    if processors:
        os.sched_setaffinity(0, processors)
    server = Server(zones(), rtt, awake)
    pipe.send(server.port)
    server.run()


@contextlib.contextmanager
def nameserver(rtt: float, zones=zones, awake: float = 0.0, *, apart: bool = False):
    """A nameserver in a process of its own; gives its port.

    apart  it has one of the processors to itself, as it would on a machine of its own, and this process and those that it starts have the others
    """
    here, there = multiprocessing.Pipe()
    usual = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    its = frozenset({max(usual)} if apart and len(usual) > 1 else ())
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(rtt / 1000, there, zones, awake, its), daemon=True)
    process.start()
    there.close()  # so that one that has died is seen
    try:
        if its:
            os.sched_setaffinity(0, usual - its)
        yield here.recv()
    finally:
        if its:
            os.sched_setaffinity(0, usual)
        process.terminate()
        process.join()


# ------------------------------------------------------------------ the measure


def levels(report, lists) -> tuple[dict[tuple[str, str], int], list[str]]:
    """The level of each question of a scan, and those that no topic foresaw (as far as this model sees them)."""
    from healthcheck import checks
    from healthcheck.model import Question

    answers = {(a.name, a.rtype): a for a in report.transcript}
    look_ahead = checks.foresee(checks.TOPICS, lists)
    level: dict[tuple[str, str], int] = {}
    roles = set()
    queue = deque((q, 1) for q in checks.first(report.input, checks.TOPICS, lists))
    while queue:
        question, at = queue.popleft()
        key = (question.name.rstrip(".").lower(), question.rtype)
        if key not in answers or (key, question.role) in roles:
            continue
        roles.add((key, question.role))
        level.setdefault(key, at)
        queue.extend((q, at + 1) for q in look_ahead(question, answers[key]) if isinstance(q, Question))
    return level, [f"{t} {n}" for n, t in answers if (n, t) not in level and t not in ("GET", "SMTP")]


def scan_once(server: str, lists):
    from healthcheck.edge.world import World
    from healthcheck.scan import scan

    world = World.live(nameservers=[server])
    world.blocklists = lists
    try:
        began = time.perf_counter()
        report = scan(DOMAIN, ips=IPS, selectors=SELECTORS, world=world)
        return (time.perf_counter() - began) * 1000, report
    finally:
        world.close()


def _their_run(port: int, domains: list[str], pipe) -> None:
    import checkdmarc
    import dns.nameserver

    logging.disable(logging.WARNING)  # it tells of the DNSSEC records that this server does not have
    nameservers = [dns.nameserver.Do53Nameserver("127.0.0.1", port)]
    seconds = []
    for _ in range(2):  # the first time the server works its answers out
        for cache in [c for m in list(sys.modules.values()) if m and m.__name__.startswith("checkdmarc") for c in vars(m).values() if hasattr(c, "max_age")]:
            cache.clear()
        began = time.perf_counter()
        checkdmarc.check_domains(domains, nameservers=nameservers)
        seconds.append(time.perf_counter() - began)
    pipe.send(seconds[-1])


def their_time(port: int, domains: tuple[str, ...] = (DOMAIN,)) -> float:
    """Milliseconds of check_domains in a process of its own, with the cache that it has by itself (empty when it begins)."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_their_run, args=(port, list(domains), there))
    process.start()
    there.close()
    try:
        return here.recv() * 1000
    finally:
        process.join()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rtt", type=float, default=20.0, help="milliseconds that each answer is held")
    options.add_argument("--runs", type=int, default=9)
    options.add_argument("--no-checkdmarc", action="store_true")
    wanted = options.parse_args()
    with nameserver(wanted.rtt, awake=AWAKE, apart=True) as port:
        return measure(port, wanted)


def measure(port: int, wanted: argparse.Namespace) -> int:
    from healthcheck.__main__ import spare
    from healthcheck.catalog import Blocklist

    spare()  # as the command line does
    lists = tuple(Blocklist(zone=zone, name=zone, kind=kind, weight="high", source="-", seen="2026-11", codes={"127.0.0.2": "listed"}) for zone, kind in LISTS)
    server = f"127.0.0.1:{port}"
    scan_once(server, lists)  # loads the libraries, and lets the server work its answers out
    runs = [scan_once(server, lists) for _ in range(wanted.runs)]
    times, report = [ms for ms, _ in runs], runs[-1][1]
    level, unforeseen = levels(report, lists)
    chain = max(level.values())
    median = statistics.median(times)
    ratio = median / (chain * wanted.rtt)
    goal = GOALS.get(wanted.rtt, 1.3 if wanted.rtt < 40 else 1.1)
    lookups = report.facts.get("spf", {}).get("lookups")
    print(f"domain            {DOMAIN}: {lookups} SPF look-ups, 2 MX, {len(SELECTORS)} selectors, {len(LISTS)} blocklists; verdict {report.verdict.value}")
    print(f"server            holds every answer {wanted.rtt:g} ms")
    print(f"scan              {median:.1f} ms (median of {len(times)} cold scans; {min(times):.1f} to {max(times):.1f})")
    print(f"longest chain     {chain} questions: {chain * wanted.rtt:g} ms")
    print(f"ratio             {ratio:.2f} (goal: at most {goal})")
    print(f"questions         {report.timing.questions}")
    print(f"distinct          {report.timing.distinct}")
    print(f"not foreseen      {len(unforeseen)}{': ' + ', '.join(unforeseen[:6]) if unforeseen else ''}")
    if not wanted.no_checkdmarc:
        theirs = their_time(port)
        print(f"checkdmarc        {theirs:.1f} ms (check_domains, no DKIM, no blocklists, no reverse names): {theirs / median:.2f} times as long")
    return 0 if ratio <= goal and report.timing.questions == report.timing.distinct else 1


if __name__ == "__main__":
    sys.exit(main())
