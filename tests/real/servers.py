"""Real servers on loopback, each on a free port, for as long as a test runs: NSD, unbound, rbldnsd."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec

PATHS = "/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"


def find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=PATHS)


def free_port() -> int:
    """A port free for UDP and TCP alike, as far as one can know."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


class Servers:
    """Starts programs, waits until they answer, and ends each one that it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

        def end() -> None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

        self._stack.callback(end)
        return process

    def await_answer(self, name: str, process: subprocess.Popen[bytes], port: int, question: str, rtype: str = "SOA") -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            try:
                if dns.query.udp(dns.message.make_query(question, rtype), "127.0.0.1", port=port, timeout=0.3).answer:
                    return
            except (dns.exception.DNSException, OSError):
                time.sleep(0.05)
            else:
                time.sleep(0.05)
        raise RuntimeError(f"{name} does not answer:\n" + (self.folder / f"{name}.log").read_text(errors="replace")[-2000:])

    # ------------------------------------------------------------------ the three

    def nsd(self, zones: dict[str, Path]) -> int:
        port = free_port()
        config = [
            "server:",
            f"  ip-address: 127.0.0.1@{port}",
            "  server-count: 1",
            '  username: ""',
            '  chroot: ""',
            f'  zonesdir: "{self.folder}"',
            f'  pidfile: "{self.folder}/nsd.pid"',
            f'  xfrdfile: "{self.folder}/xfrd.state"',
            f'  zonelistfile: "{self.folder}/zone.list"',
            '  database: ""',
            "  rrl-ratelimit: 0",
            "remote-control:",
            "  control-enable: no",
        ]
        for origin, path in zones.items():
            config += ["zone:", f'  name: "{origin}"', f'  zonefile: "{path}"']
        path = self.folder / "nsd.conf"
        path.write_text("\n".join(config) + "\n")
        process = self.start("nsd", find("nsd") or "nsd", "-d", "-c", str(path))
        self.await_answer("nsd", process, port, next(iter(zones)))
        return port

    def rbldnsd(self, lists: dict[str, tuple[str, Path]]) -> int:
        port = free_port()
        rows = [f"{zone}:{kind}:{path}" for zone, (kind, path) in lists.items()]
        process = self.start("rbldnsd", find("rbldnsd") or "rbldnsd", "-n", "-b", f"127.0.0.1/{port}", "-c", "0", *rows)
        self.await_answer("rbldnsd", process, port, next(iter(lists)))
        return port

    def unbound(self, stubs: dict[str, int], anchors: dict[str, str], probe: str) -> int:
        port = free_port()
        config = [
            "server:",
            "  interface: 127.0.0.1",
            f"  port: {port}",
            "  num-threads: 1",
            '  username: ""',
            '  chroot: ""',
            f'  directory: "{self.folder}"',
            f'  pidfile: "{self.folder}/unbound.pid"',
            "  use-syslog: no",
            "  verbosity: 1",
            "  do-ip6: no",
            "  do-daemonize: no",
            '  module-config: "validator iterator"',
            "  do-not-query-localhost: no",
            "  qname-minimisation: no",
            '  local-zone: "test." nodefault',
            '  local-zone: "2.0.192.in-addr.arpa." nodefault',
            *(f"  trust-anchor: '{text}'" for text in anchors.values()),
            "remote-control:",
            "  control-enable: no",
        ]
        for zone, at in stubs.items():
            config += ["stub-zone:", f'  name: "{zone}"', f"  stub-addr: 127.0.0.1@{at}", "  stub-prime: no"]
        path = self.folder / "unbound.conf"
        path.write_text("\n".join(config) + "\n")
        process = self.start("unbound", find("unbound") or "unbound", "-d", "-c", str(path))
        self.await_answer("unbound", process, port, probe)
        return port


def sign(source: Path, origin: str, target: Path) -> str:
    """Sign a zone with a new key (ECDSA P-256) and write it out. Returns its DS record, as a trust anchor has it."""
    zone = dns.zone.from_file(str(source), origin=origin, relativize=False)
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, flags=257)
    now = datetime.now(UTC)
    with zone.writer() as transaction:
        dns.dnssec.sign_zone(
            zone,
            transaction,
            keys=[(private, key)],
            inception=now - timedelta(hours=1),
            expiration=now + timedelta(days=1),
            add_dnskey=True,
            dnskey_ttl=300,
            deterministic=False,
        )
    zone.to_file(str(target), relativize=False)
    ds = dns.dnssec.make_ds(dns.name.from_text(origin), key, dns.dnssec.DSDigest.SHA256)
    return f"{origin}. IN DS {ds.to_text()}"
