"""The command line's way to the daemon: this very installation starts it."""

from __future__ import annotations

from velatura.app_dirs import places
from velatura.client.client import Client
from velatura.client.launch import Launcher, record, recorded
from velatura_daemon.build import build_id, own_command

PROGRAM = "cli"


def own_launcher(*options: str) -> Launcher:
    """How this installation starts its daemon, and what that will call itself."""
    return Launcher((*own_command(), *options), build_id())


def connect() -> Client:
    """A client that starts the daemon if need be. Where no command is recorded yet for editors, this one is."""
    where = places()
    launcher, known = own_launcher(), recorded(where)
    if known is None:
        record(where, launcher)
    elif (
        known.command[: len(launcher.command)] == launcher.command
    ):  # with the options that 'velatura daemon start' was given
        launcher = Launcher(known.command, launcher.build)
    return Client(PROGRAM, where=where, launcher=launcher)
