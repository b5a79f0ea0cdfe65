"""The guard: no connection ever leads to an address that is not public, whatever a record, a redirect or a second look-up says."""

import ipaddress
import itertools
import random
import socket
import threading
import time

import dns.rdatatype
import pytest
from support import Nameserver, reply_to
from support.tls import LOOPBACK, Authority, Listener, answer, https

from healthcheck.edge import guard
from healthcheck.edge.guard import PUBLIC, Ended, Policy, permitted
from healthcheck.edge.https import Fetcher
from healthcheck.edge.reach import Greet
from healthcheck.edge.smtp import Greeter
from healthcheck.edge.world import World
from healthcheck.model import Fetch, Reached
from healthcheck.scan import scan

TARGETS = 10_000


# ------------------------------------------------------------------ the rows


def words(text):
    return text.split()


REFUSED = words("""
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3 127.255.255.255 169.254.0.1 169.254.169.254 169.254.170.2
172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.9 192.0.0.170 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.168.255.255 192.175.48.1
198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16 100.100.100.200
:: ::1 ::7f00:1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 64:ff9b:1:ffff:ffff:ffff:a00:1
100::1 100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:2f:ffff::1 2001:30::1
2001:db8::1 2002:7f00:1:: 2002:808:808::1 2002:a00:1::1 2620:4f:8000::1 3ffe::1 3fff::1 3fff:fff::1 4000::1 5f00::1 8000::1 e000::1 fc00::1 fd00::1 fd00:ec2::254
fd20:ce::254 fd00:42::42 fe00::1 fe80::1 febf::1 fec0::1 feff::1 ff02::1 ff0e::1 200::1 400::1 1000::1
""")
PERMITTED = words("""
8.8.8.8 1.1.1.1 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.1 172.15.255.255
172.32.0.1 191.255.255.255 192.0.1.1 192.0.3.1 192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 198.51.99.1 203.0.112.1 223.255.255.255
2001:200::1 2001:4860:4860::8888 2003::1 2600::1 2606:4700:4700::1111 2a00:1450:4001:81b::200e 2c0f::1 2001:db9::1 3ffd::1
""")
# RFC 6943 section 3.1.1: forms that some readers take for an address
ODD = [
    "", " ", "127.1", "127.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "127.0.0.1.", "127.0.0.01", "8.8.8.08", " 8.8.8.8", "8.8.8.8 ",
    "8.8.8.8\n", "8.8.8.8/32", "[2600::1]", "2600::1%eth0", "fe80::1%1", "2600::1%", "::ffff:8.8.8.8%1", "１２７.0.0.1", "①.1.1.1", "8.8.8.8:443", "mail.example.com", "localhost",
    "8.8.8.8#", "8.8.8.8\x00", "8,8,8,8", "2600:::1", "1:2:3:4:5:6:7:8:9", "-1.2.3.4", "+8.8.8.8", "8.8.8.256", "8.8.8", "8.8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_refused(address):
    for port in (25, 53, 443):
        assert permitted(address, port)
    assert permitted(ipaddress.ip_address(address).exploded, 443)


@pytest.mark.parametrize("address", PERMITTED)
def test_what_is_permitted(address):
    for port in (25, 53, 443):
        assert permitted(address, port) == ""
    assert permitted(address.upper(), 443) == ""


@pytest.mark.parametrize("text", ODD, ids=repr)
def test_odd_forms_are_no_address(text):
    assert permitted(text, 443)


@pytest.mark.parametrize("value", [b"\x08\x08\x08\x08", 134744072, None, ipaddress.ip_address("8.8.8.8"), ["8.8.8.8"]], ids=repr)
def test_only_text_is_an_address(value):
    assert permitted(value, 443) == "no address"


@pytest.mark.parametrize("port", [0, 1, 22, 80, 465, 587, 8080, 8443, 65535, -1])
def test_ports_by_purpose(port):
    assert permitted("8.8.8.8", port)


def test_a_policy_of_tests():
    policy = Policy(fetch=4443, also=("127.0.0.0/8",))
    assert policy.permitted("127.0.0.1", 4443) == ""
    assert policy.permitted("127.0.0.1", 443)
    assert policy.permitted("::1", 4443)
    assert policy.permitted("127.1", 4443)
    assert PUBLIC.permitted("127.0.0.1", 443)


def test_the_rows_say_where_they_come_from():
    import tomllib

    table = tomllib.loads(guard.DATA.read_text(encoding="utf-8"))
    assert table["seen"]
    assert all(source.startswith("https://www.iana.org/") for source in table["sources"])
    for row in table["network"]:
        ipaddress.ip_network(row["net"])
        assert row["name"]
        assert row["ref"].startswith(("RFC ", "https://"))


def test_connecting_is_refused_in_the_same_call(monkeypatch):
    made = []
    monkeypatch.setattr(socket, "socket", lambda *args: made.append(args))
    for address in REFUSED + ODD:
        with pytest.raises(Ended) as told:
            PUBLIC.connect(address, 443, time.monotonic() + 5)
        assert told.value.reached is Reached.GUARDED
    assert not made


# ------------------------------------------------------------------ 10,000 targets


def within(net, chance):
    network = ipaddress.ip_network(net)
    return str(network[chance.randrange(network.num_addresses)])


V4 = words(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
)
V6 = words(
    "::/96 100::/64 2001::/32 2001:2::/48 2001:10::/28 2001:20::/28 2001:db8::/32 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8 64:ff9b:1::/48 4000::/2"
)
METADATA = words("169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 192.0.0.192 fd00:ec2::254 fd20:ce::254 fd00:42::42")


def embedded(chance):
    """An IPv4 address, private or public, as IPv6 holds one."""
    inner = ipaddress.IPv4Address(within(chance.choice([*V4, "0.0.0.0/0"]), chance))
    n, low = int(inner), chance.getrandbits(16)
    return str(
        ipaddress.IPv6Address(
            chance.choice(
                [
                    n,
                    0xFFFF << 32 | n,
                    0xFFFF << 48 | n,
                    0x64FF9B << 96 | n,
                    0x2002 << 112 | n << 80 | low,
                    0x20010000 << 96 | chance.getrandbits(64) << 32 | n ^ 0xFFFFFFFF,
                ]
            )
        )
    )


def bad_address(chance):
    kind = chance.randrange(5)
    if kind == 0:
        return within(chance.choice(V4), chance)
    if kind == 1:
        return within(chance.choice(V6), chance)
    if kind == 2:
        return embedded(chance)
    if kind == 3:
        return chance.choice(METADATA)
    return chance.choice(["::1", "::", "127.0.0.1", "0.0.0.0", within("fe80::/64", chance) + "%1", within("127.0.0.0/8", chance), *ODD])


def loopback6(port):
    try:
        return Listener(lambda line: None, "::1", port)
    except OSError:  # a machine without IPv6, or the port is taken there
        return Listener(lambda line: None)


class Resolver:
    """A name that says one thing when it is looked up first, and another ever after."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    def look_up(self):
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


@pytest.fixture
def connects(monkeypatch):
    """Every address that the socket layer is asked to connect to or send to; only loopback is really reached, all else has no route."""
    real, tried = socket.socket.connect, []

    def connect(made, address):
        tried.append(str(address[0]))
        if ipaddress.ip_address(address[0].partition("%")[0]).is_loopback:
            return real(made, address)
        raise OSError(101, "Network is unreachable")

    def looked_up(*args, **kwargs):
        tried.append(f"getaddrinfo {args[0]}")
        raise OSError("no name is looked up here")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(socket, "create_connection", looked_up)
    monkeypatch.setattr(socket, "gethostbyname", looked_up)
    return tried


def test_ten_thousand_targets_and_no_connection_to_any_that_is_refused(connects):
    """Policies, logos and mail hosts; literals and names; names that change between the check and the connection."""
    chance = random.Random(20261122)
    with Listener(lambda line: None) as four, loopback6(four.port) as six:
        policy = Policy(fetch=four.port, greet=four.port)  # the port of what listens here, and loopback refused all the same
        fetcher, greeter = Fetcher(policy), Greeter(policy)
        wanted, until = [], time.monotonic() + 60
        good = set()
        for n in range(TARGETS):
            bad, public = bad_address(chance), chance.choice(PERMITTED)
            if n % 3 == 2:
                wanted.append(greeter.begin(Greet(f"mx{n}.example.com", bad), until))
                continue
            # what a topic does: it looks the name up once, and hands the addresses on
            name = Resolver((bad,), (public,)) if n % 2 else Resolver((public,), (bad,))
            path = ".well-known/mta-sts.txt" if n % 3 else "bimi/logo.svg"
            literal = "." not in bad or any(c in bad for c in ":@?#[]\\ \n%") or not bad.strip()
            host = bad if n % 5 == 0 and not literal else f"mta-sts.d{n}.example.com"
            addresses = (*name.look_up(), *((bad, public) if n % 7 == 0 else ()))
            good |= {a for a in addresses if a == public}
            wanted.append(fetcher.begin(Fetch(f"https://{host}/{path}", addresses), until))
            name.look_up()  # from now on it says something else
        reached = [future.result(60).reached for future in wanted]
        fetcher.close()
        greeter.close()
        assert four.accepted == six.accepted == 0
    assert len(wanted) == TARGETS
    assert not [t for t in connects if t not in PERMITTED], "a connection to an address that is refused"
    assert set(connects) == good  # and those that are public were tried
    assert set(reached) == {Reached.GUARDED, Reached.NO_ROUTE}
    assert reached.count(Reached.GUARDED) > TARGETS / 2


def test_redirects_lead_nowhere(connects, tmp_path):
    chance = random.Random(7)
    ca, host = Authority(tmp_path), "mta-sts.example.com"
    context = ca.context([host])
    targets = [bad_address(chance) for _ in range(200)]
    at = iter(targets)
    lock = threading.Lock()

    def redirect(line, head):
        with lock:
            to = "".join(c for c in next(at) if c.isprintable() and c.isascii())
        answer(b"", chance.choice(["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"]), f"Location: https://{to}/")(line, head)

    with Listener(https(context, redirect)) as server, Listener(lambda line: None, port=0) as other:
        fetcher = Fetcher(Policy(fetch=server.port, also=LOOPBACK), cafile=ca.cafile)
        got = [fetcher.begin(Fetch(f"https://{host}/{n}", ("127.0.0.1",)), time.monotonic() + 60) for n in range(len(targets))]
        assert all(300 < future.result(60).status < 309 for future in got)
        fetcher.close()
        assert server.accepted == len(targets)
        assert other.accepted == 0
    assert set(connects) == {"127.0.0.1"}
    assert len(connects) == len(targets)


# ------------------------------------------------------------------ whole scans


@pytest.mark.parametrize("kind", ["live", "zones", "only", "demo"])
def test_which_worlds_connect(kind, tmp_path):
    (tmp_path / "draft.records").write_text('example.com. TXT "v=spf1 -all"\n')
    live = World.live(["192.0.2.53"])
    world = {
        "live": lambda: live,
        "zones": lambda: World.zones([tmp_path / "draft.records"], beneath=live),
        "only": lambda: World.zones([tmp_path / "draft.records"], only=True),
        "demo": lambda: World.demo(live),
    }[kind]()
    connects = kind in ("live", "zones")
    assert isinstance(world.fetcher, Fetcher) is connects
    assert isinstance(world.greeter, Greeter) is connects
    assert world.guard is PUBLIC
    if connects:
        assert world.fetcher.policy is PUBLIC
        assert world.greeter.policy is PUBLIC
    assert isinstance(world.for_domain("example.com").fetcher, Fetcher) is (kind != "only")
    world.close()
    live.close()


def test_whole_scans_lead_nowhere_that_is_refused(monkeypatch):
    """120 domains whose mail hosts, nameservers, policies and logos stand at addresses that are refused, or that change from one look to the next."""
    chance = random.Random(5)
    tried, answered = [], {}
    for name, at in (("connect", 0), ("connect_ex", 0), ("sendto", -1)):
        monkeypatch.setattr(socket.socket, name, watched(name, at, tried))

    def address_of(name, rtype):
        """Not the same twice: one that is refused, then one that is public, or the other way round."""
        key = (name, rtype)
        if key not in answered:
            bad = "%"
            while not valid(bad) or (":" in bad) is not (rtype == "AAAA"):
                bad = bad_address(chance)
            pair = [bad, chance.choice([a for a in PERMITTED if (":" in a) is (rtype == "AAAA")])]
            answered[key] = itertools.cycle(pair if chance.random() < 0.8 else pair[::-1])
        return next(answered[key])

    def handler(query, _tcp):
        name, rtype = query.question[0].name.to_text(True).lower(), dns.rdatatype.to_text(query.question[0].rdtype)
        domain = ".".join(name.split(".")[-3:])
        texts = {
            f"_mta-sts.{domain}": '"v=STSv1; id=1"',
            f"_dmarc.{domain}": '"v=DMARC1; p=reject"',
            f"default._bimi.{domain}": f'"v=BIMI1; l=https://logo.{domain}/logo.svg; a=https://logo.{domain}/mark.pem"',
        }
        if rtype in ("A", "AAAA"):
            return reply_to(query, f"@ 1 {rtype} {address_of(name, rtype)}")
        if rtype == "TXT" and name in texts:
            return reply_to(query, f"@ 1 TXT {texts[name]}")
        if name == domain and rtype in ("MX", "NS"):
            return reply_to(query, f"@ 1 {rtype} {'10 mx' if rtype == 'MX' else 'ns'}.{domain}.")
        return reply_to(query, soa=f"{domain}." if domain.count(".") == 2 else "test.")

    with Listener(lambda line: None) as four, loopback6(four.port) as six, Nameserver(handler) as server:
        world = World.live([server.at], guard=Policy(fetch=four.port, greet=four.port, ask=four.port))
        for n in range(120):
            report = scan(f"d{n}.guard.test", world=world, topics=["mta-sts", "bimi", "starttls", "nameservers"], starttls=True, deadline=5.0)
            assert {f.code[:3] for f in report.findings} >= {"STS", "BIM", "TLS", "NSV"}
        world.close()
        assert four.accepted == six.accepted == 0
        elsewhere = [(address, port) for address, port in tried if (address, port) != ("127.0.0.1", server.port)]
    assert not [address for address, _ in elsewhere if address not in PERMITTED], "something was sent to an address that is refused"
    assert {port for _, port in elsewhere} == {four.port}
    assert len(elsewhere) > 50  # and those that are public were tried


def watched(name, at, tried):
    real = getattr(socket.socket, name)

    def call(made, *args):
        if threading.current_thread().name != "test-nameserver":
            address, port = args[at][:2]
            tried.append((address, port))
            if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
                raise OSError(101, "Network is unreachable")
        return real(made, *args)

    return call


def valid(address):
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return "%" not in address
