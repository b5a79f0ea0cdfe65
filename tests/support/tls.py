"""A certificate authority of the tests, and servers on loopback that say what a test has them say.

ca = Authority(folder)                       ca.cafile is what a client trusts
ca.context(["mx.example.com"])               an SSLContext for a server; expired=True, early=True, self_signed=True, rsa=True
with Listener(https(context, say)) as server: server.port, server.accepted
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("127.0.0.0/8", "::1/128")
PEM = serialization.Encoding.PEM


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


class Authority:
    """A root, one authority below it, and the certificates that it issues, as files in a folder."""

    def __init__(self, folder: Path, name: str = "test root") -> None:
        self._folder, self._count = folder, 0
        self.root_key, self._key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.root = self._issue(_name(name), self.root_key.public_key(), _name(name), self.root_key, ca=True)
        self.below = self._issue(_name(f"{name}, issuing"), self._key.public_key(), _name(name), self.root_key, ca=True)
        path = folder / f"{name.replace(' ', '-')}.pem"
        path.write_bytes(self.root.public_bytes(PEM))
        self.cafile = str(path)

    def _issue(self, subject, public, issuer, key, *, ca=False, names=(), before=None, after=None) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(before or now - timedelta(days=1))
            .not_valid_after(after or now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        if not ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(key, hashes.SHA256())

    def issue(
        self, names: Sequence[str], *, common: str = "", expired: bool = False, early: bool = False, self_signed: bool = False, rsa_key: bool = False
    ) -> tuple[list[x509.Certificate], Path]:
        """The chain as a server sends it, and the file with it and its key."""
        now = datetime.now(UTC)
        key = rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
        before = now + timedelta(days=1) if early else now - timedelta(days=9)
        after = now - timedelta(days=1) if expired else now + timedelta(days=9)
        subject = _name(common or (names[0] if names else "nobody.example"))
        issuer, signer = (subject, key) if self_signed else (self.below.subject, self._key)
        leaf = self._issue(subject, key.public_key(), issuer, signer, names=names, before=before, after=after)
        chain = [leaf] if self_signed else [leaf, self.below]
        self._count += 1
        path = self._folder / f"server-{self._count}.pem"
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(b"".join(c.public_bytes(PEM) for c in chain) + private)
        return chain, path

    def context(self, names: Sequence[str], *, most: ssl.TLSVersion | None = None, ciphers: str = "", **how: object) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.issue(names, **how)[1]))  # type: ignore[arg-type]
        if ciphers:
            context.set_ciphers(ciphers)
        if most is not None:
            context.maximum_version = most
        return context

    def old(self, names: Sequence[str], **how: object) -> ssl.SSLContext:
        """A server of the day before yesterday: TLS 1.1 at most."""
        context = self.context(names, ciphers="ALL:@SECLEVEL=0", **how)  # type: ignore[arg-type]
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context


class Line:
    """One connection as a server's script sees it: what it reads and sends; it never raises on what the client does."""

    def __init__(self, connection: socket.socket, over: threading.Event) -> None:
        self.connection, self.over, self.buffer = connection, over, b""

    def send(self, data: bytes) -> bool:
        try:
            self.connection.sendall(data)
        except OSError:
            return False
        return True

    def until(self, end: bytes = b"\r\n") -> bytes:
        """What comes up to this end, and b"" where the client has gone."""
        while end not in self.buffer:
            try:
                data = self.connection.recv(4096)
            except OSError:
                data = b""
            if not data:
                return b""
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(end)
        return line + end

    def secure(self, context: ssl.SSLContext) -> bool:
        try:
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except OSError:
            return False
        return True

    def hang(self, seconds: float = 30.0) -> None:
        self.over.wait(seconds)


Script = Callable[[Line], None]


class Listener:
    """Takes connections on loopback and has each served by a script, in a thread of its own; ends all of it on leaving."""

    def __init__(self, script: Script, address: str = "127.0.0.1", port: int = 0) -> None:
        self._script, self._over = script, threading.Event()
        self._socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, port))
        self._socket.listen(64)
        self.address, self.port = address, self._socket.getsockname()[1]
        self.accepted = 0
        self.faults: list[Exception] = []
        self._lines: list[Line] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for line in list(self._lines):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(line.connection, socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
        assert not self.faults, self.faults

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.accepted += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        line = Line(connection, self._over)
        self._lines.append(line)
        try:
            self._script(line)
        except Exception as fault:
            self.faults.append(fault)
        finally:
            with contextlib.suppress(OSError):
                if isinstance(line.connection, ssl.SSLSocket):
                    line.connection.settimeout(0.2)
                    line.connection.unwrap()
            line.connection.close()


# ------------------------------------------------------------------ scripts


def https(context: ssl.SSLContext, say: Callable[[Line, bytes], None]) -> Script:
    """`say(line, request head)` after the handshake."""

    def script(line: Line) -> None:
        if line.secure(context) and (head := line.until(b"\r\n\r\n")):
            say(line, head)

    return script


def answer(body: bytes = b"", status: str = "200 OK", *headers: str) -> Callable[[Line, bytes], None]:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return lambda line, _: line.send("\r\n".join(lines).encode("latin-1") + body) and None


def mail_host(
    context: ssl.SSLContext | None,
    *,
    banner: bytes = b"220 mx.example.com ESMTP\r\n",
    ehlo: bytes = b"250-mx.example.com\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
    starttls: bytes = b"220 2.0.0 Go ahead\r\n",
    said: list[bytes] | None = None,
) -> Script:
    """A mail host; without a context it ends the connection where TLS would begin. `said` collects the client's commands."""

    def script(line: Line) -> None:
        heard = said if said is not None else []
        if not line.send(banner):
            return
        while command := line.until():
            heard.append(command)
            verb = command.split()[0].upper() if command.split() else b""
            if verb == b"EHLO":
                line.send(ehlo)
            elif verb == b"STARTTLS":
                line.send(starttls)
                if starttls.startswith(b"220") and (context is None or not line.secure(context)):
                    return
            elif verb == b"QUIT":
                line.send(b"221 2.0.0 Bye\r\n")
                return
            else:
                line.send(b"500 5.5.2 What?\r\n")

    return script
