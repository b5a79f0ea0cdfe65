"""No socket is opened outside edge/ during a scan, those of the three libraries included."""

import json
import socket
import traceback
from pathlib import Path

from healthcheck.catalog import DATA
from healthcheck.edge.world import World
from healthcheck.scan import scan

EDGE = Path("healthcheck", "edge")


def test_a_scan_opens_no_socket_outside_edge(monkeypatch):
    opened = []
    real = socket.socket

    class Counted(real):
        def __init__(self, *args, **kwargs):
            frames = [frame.filename for frame in traceback.extract_stack()[:-1] if frame.filename != socket.__file__]
            opened.append(frames[-1])
            super().__init__(*args, **kwargs)

    def looked_up(*args, **kwargs):
        opened.append("getaddrinfo")
        raise OSError("no name is looked up here")

    monkeypatch.setattr(socket, "socket", Counted)
    monkeypatch.setattr(socket, "SocketType", Counted)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    world = World.zones(sorted((DATA / "demo").glob("*.zone")), only=True)
    try:
        with socket.socket() as probe:
            probe.close()
        assert len(opened) == 1, "the counter counts"
        opened.clear()
        for domain, ips, selectors in (
            ("shop.example", ["203.0.113.77"], ["shop"]),
            ("healthy.example", ["192.0.2.25", "2001:db8:1::25"], ["s1", "s2"]),
            ("broken-spf.example", ["192.0.2.1"], []),
            ("nobody-has-this.example", [], []),
        ):
            report = scan(domain, ips=ips, selectors=selectors, world=world)
            assert report.transcript
            assert json.dumps(report.facts)  # the second opinions are made when they are read
    finally:
        world.close()
    assert [file for file in opened if str(EDGE) not in file] == []
