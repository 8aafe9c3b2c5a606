"""The command line's way to the daemon: this very installation starts it."""

from __future__ import annotations

from velatura.app_dirs import app_dirs
from velatura.client.client import Client
from velatura.client.launch import Launcher, record_launcher, recorded_launcher
from velatura_daemon.build import build_id, own_command

PROGRAM = "cli"


def own_launcher(*options: str) -> Launcher:
    """How this installation starts its daemon, and what that will call itself."""
    return Launcher((*own_command(), *options), build_id())


def connect() -> Client:
    """A client that starts the daemon if need be. Where no command is recorded yet for editors, this one is."""
    where = app_dirs()
    launcher, known = own_launcher(), recorded_launcher(where)
    if known is None:
        record_launcher(where, launcher)
    elif (
        known.command[: len(launcher.command)] == launcher.command
    ):  # with the options that 'velatura daemon start' was given
        launcher = Launcher(known.command, launcher.build)
    return Client(PROGRAM, dirs=where, launcher=launcher)
