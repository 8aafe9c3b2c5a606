"""Connecting the command line to the daemon, which this installation starts if needed."""

from __future__ import annotations

import json
import os

from velatura import __version__
from velatura.app_dirs import AppDirs, app_dirs
from velatura.client.client import Client
from velatura.client.connection_file import find, reachable
from velatura.client.launch import Launcher, record_launcher, recorded_launcher
from velatura.errors import DaemonCannotStart
from velatura.i18n import lazy_text
from velatura.protocol.messages import VERSION
from velatura.settings import setting_specs
from velatura_daemon.build import build_id, daemon_command
from velatura_daemon.terminal.console import echo

PROGRAM = "cli"
# A daemon that was started for another machine ends after half an hour without work. It is started again when needed.
REMOTE_EXIT_SECONDS = 1800


def own_launcher(*options: str) -> Launcher:
    """Return how this installation starts its daemon, and the build ID of that daemon."""
    return Launcher((*daemon_command(), *options), build_id())


def connect() -> Client:
    """Return a client that starts the daemon if needed. If no start command is recorded for the editors yet, this
    installation's is recorded."""
    dirs = app_dirs()
    if recorded_launcher(dirs) is None:
        record_launcher(dirs, own_launcher())
    return Client(PROGRAM, dirs=dirs, launcher=_launcher(dirs))


def megapixel_limit() -> float:
    """Return the largest picture that the daemon accepts, in megapixels. The connection ends here, because reading a
    large picture may take longer than a connected client may be silent."""
    from velatura_daemon.imaging.files.limits import DEFAULT_MEGAPIXELS  # with NumPy, which help pages do not need

    with connect() as client:
        limit = client.wait_until_ready().limits.get("max_megapixels")
    return float(limit) if isinstance(limit, (int, float)) and limit > 0 else DEFAULT_MEGAPIXELS


def _launcher(dirs: AppDirs) -> Launcher:
    """This installation's, with the options given to 'velatura daemon start' if that was this installation's too."""
    launcher, known = own_launcher(), recorded_launcher(dirs)
    if known is not None and known.command[: len(launcher.command)] == launcher.command:
        return Launcher(known.command, launcher.build)
    return launcher


def print_connection() -> None:
    """Print, for another machine's `--remote`, how to connect to this machine's daemon.

    The daemon is started with the recorded command if there is one. Its socket goes into the state folder: the runtime
    folder of systemd is deleted when the user's last login ends, and the daemon outlives this one.
    """
    os.environ.pop("XDG_RUNTIME_DIR", None)
    dirs = app_dirs()
    launcher = _launcher(dirs)
    if not any(part.startswith("--exit-seconds") for part in launcher.command):
        launcher = Launcher((*launcher.command, "--exit-seconds", str(REMOTE_EXIT_SECONDS)), launcher.build)
    with Client(PROGRAM, dirs=dirs, launcher=launcher) as client:
        client.wait_until_ready()
        executor = client.status()["executor"]
    info = find(dirs)
    if info is None:
        raise DaemonCannotStart(
            lazy_text("The daemon ended right after it had started. 'velatura daemon logs' shows why.")
        )
    answer = {
        "version": __version__,
        "protocol": list(VERSION),
        "executor": executor,
        "settings": list(setting_specs()),
        "endpoints": [endpoint for endpoint in info.endpoints if reachable(endpoint)],
        "key": info.key.hex(),
        "pid": info.pid,
        "build": info.build,
    }
    echo(f"velatura-connection {json.dumps(answer)}")
