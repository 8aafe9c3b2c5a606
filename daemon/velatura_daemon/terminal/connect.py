"""Connecting the command line to the daemon, which this installation starts if needed."""

from __future__ import annotations

from velatura.app_dirs import app_dirs
from velatura.client.client import Client
from velatura.client.launch import Launcher, record_launcher, recorded_launcher
from velatura_daemon.build import build_id, daemon_command

PROGRAM = "cli"


def own_launcher(*options: str) -> Launcher:
    """Return how this installation starts its daemon, and the build ID of that daemon."""
    return Launcher((*daemon_command(), *options), build_id())


def connect() -> Client:
    """Return a client that starts the daemon if needed. If no start command is recorded for the editors yet, this
    installation's is recorded."""
    dirs = app_dirs()
    launcher, known = own_launcher(), recorded_launcher(dirs)
    if known is None:
        record_launcher(dirs, launcher)
    elif known.command[: len(launcher.command)] == launcher.command:
        launcher = Launcher(known.command, launcher.build)  # includes the options given to 'velatura daemon start'
    return Client(PROGRAM, dirs=dirs, launcher=launcher)
