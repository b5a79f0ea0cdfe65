"""Scans that run at once never see each other's answers."""

from concurrent.futures import ThreadPoolExecutor

from healthcheck import scan
from healthcheck.edge.world import World

ZONE = """$ORIGIN twin.example.
$TTL 300
@ IN SOA ns hostmaster 1 2 3 4 5
@ IN NS ns
ns IN A 192.0.2.53
@ IN MX 10 mx{n}
mx{n} IN A 192.0.2.{n}
@ IN TXT "v=spf1 ip4:192.0.2.{n} -all"
_dmarc IN TXT "v=DMARC1; p={policy}"
"""


def test_two_worlds_in_sixteen_threads(tmp_path):
    worlds = {n: _world(tmp_path / str(n), n, policy) for n, policy in ((1, "reject"), (2, "none"))}

    def one(i):
        n = i % 2 + 1
        return n, scan("twin.example", ips=(f"192.0.2.{n}",), world=worlds[n])

    with ThreadPoolExecutor(16) as pool:
        for n, report in pool.map(one, range(64)):
            values = " ".join(value for answer in report.transcript for value in answer.values)
            assert f"192.0.2.{n}" in values
            assert f"192.0.2.{3 - n} " not in values + " "
            assert f"mx{3 - n}" not in values
            assert "SPF017" in {f.code for f in report.findings}, "pyspf saw its own world's record"


def _world(folder, n, policy):
    folder.mkdir()
    path = folder / "twin.example.zone"
    path.write_text(ZONE.format(n=n, policy=policy))
    return World.zones([path], only=True)
