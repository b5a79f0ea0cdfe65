"""The application behind waitress, as `python app.py` has it, on a port of loopback, with the demo world and nothing beneath it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import waitress.server

from app import SERVER, create_app
from healthcheck.edge.world import World


@contextlib.contextmanager
def served(host: str = "127.0.0.1", **config: Any) -> Iterator[int]:
    """The port. Names that are none of the demo's are answered by nobody, so that no request leaves this machine."""
    world = World.demo(World.zones((), only=True))
    app = create_app(world, {"TESTING": True, "DEADLINE": 5.0, **config})
    server = waitress.server.create_server(app, host=host, port=0, **SERVER)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server.effective_port
    finally:
        app.extensions["desk"].close()
        server.close()
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map)
        thread.join(5)
        world.close()
