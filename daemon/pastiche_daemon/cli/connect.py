"""The command line's way to the daemon: this very installation starts it."""

from __future__ import annotations

from pastiche.client import Client
from pastiche.launch import Launcher, record, recorded
from pastiche.paths import places
from pastiche_daemon.run import build_id, own_command

PROGRAM = "cli"


def own_launcher() -> Launcher:
    """How this installation starts its daemon, and what that will call itself."""
    return Launcher(own_command(), build_id())


def connect() -> Client:
    """A client that starts the daemon if need be. Where no command is recorded yet for editors, this one is."""
    where = places()
    launcher = own_launcher()
    if recorded(where) is None:
        record(where, launcher)
    return Client(PROGRAM, where=where, launcher=launcher)
