"""A daemon that other machines may come to, and those who come: over real sockets, on this machine."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from pastiche.client import Client
from pastiche_daemon.executors.upstream_link import UpstreamLink
from pastiche_daemon.keys import Allowance, Keys, Pair
from pastiche_daemon.run import have_it_look
from tests.conftest import Daemon


class FarDaemon(Daemon):
    """It listens for keys, too."""

    def __init__(self, home: Path, *options: str) -> None:
        super().__init__(home, ("--listen", f"tcp://127.0.0.1:{free_port()}", *options))
        self.keys = Keys(self.places)

    @property
    def endpoint(self) -> str:
        return self.options[1]

    def a_key(self, name: str, **limits: Any) -> Pair:
        """A new pair, made where painters make theirs, and allowed here."""
        pair = Keys(Daemon(self.home / "painters" / name).places).make_own(name)[1]
        self.keys.allow(name, pair.public.hex(), Allowance(**limits))
        have_it_look(self.places)
        return pair

    def start(self) -> None:
        with self.client("start") as client:
            client.wait_until_ready()

    def come(self, pair: Pair, *, server_key: bytes = b"") -> Client:
        """Somebody who has that key."""
        link = UpstreamLink(self.endpoint, server_key or self.keys.server().public, pair)
        client = Client("tests", where=self.places, client_id="says-whatever", link=link)
        self.clients.append(client)
        return client

    def audit(self) -> list[dict[str, Any]]:
        path = self.places.state / "audit.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])
