"""Starting the daemon from any client, with the command that was recorded at installation."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura.app_dirs import AppDirs, make_private_folder, read_private_file, write_private_file
from velatura.errors import DaemonCannotStart, UnsafeConnectionFile

# Krita sets these for its own Python. The daemon's Python must not see them.
UNWANTED = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
START_MARKER = "--- starting at"  # the log line of each start begins with this
ERROR_PREFIX = "velatura: "  # a daemon that knows why it cannot start prints a last line that begins with this
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")


@dataclass(frozen=True)
class Launcher:
    """How to start the daemon. command: absolute path and arguments. build: the build id of the daemon it starts."""

    command: tuple[str, ...]
    build: str


def record_launcher(dirs: AppDirs, launcher: Launcher) -> None:
    """Record how the daemon is started. Raises DiskTrouble."""
    fields = {"command": list(launcher.command), "build": launcher.build}
    write_private_file(dirs.launch_file, json.dumps(fields, indent=1).encode())


def restore_launcher(dirs: AppDirs, launcher: Launcher | None) -> None:
    """Record this launcher, or delete the record if it is None. Raises DiskTrouble."""
    if launcher is None:
        dirs.launch_file.unlink(missing_ok=True)
    else:
        record_launcher(dirs, launcher)


def recorded_launcher(dirs: AppDirs) -> Launcher | None:
    """Return the recorded launcher, or None.

    Raises UnsafeConnectionFile if others could have written the record, since its command will be executed.
    """
    try:
        fields = json.loads(read_private_file(dirs.launch_file))
        return Launcher(tuple(str(part) for part in fields["command"]), str(fields["build"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise UnsafeConnectionFile(
            f"{dirs.launch_file} is damaged. Run 'velatura daemon start' once to write it again."
        ) from None


def terminal_command(dirs: AppDirs) -> str:
    """Return the command that starts the daemon from a terminal: the recorded one, or else 'velatura daemon start'."""
    launcher = recorded_launcher(dirs)
    if launcher is None or "run" not in launcher.command:
        return "velatura daemon start"
    return shlex.join("start" if part == "run" else part for part in launcher.command)


def in_sandbox(env: Mapping[str, str] | None = None) -> bool:
    """Return whether this program runs in a Flatpak or Snap: a daemon that it starts would be inside too, and end with
    it."""
    env = os.environ if env is None else env
    return bool(env.get("FLATPAK_ID") or env.get("SNAP"))


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables that an editor sets for its own Python."""
    return {name: value for name, value in env.items() if name not in UNWANTED}


def launch(dirs: AppDirs, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the daemon as a process that outlives this one, and return at once.

    What it prints before it opens its log is appended to the log file. Raises DaemonCannotStart.
    """
    make_private_folder(dirs.state)
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        with open(dirs.log_file, "ab", opener=_open_private) as log:
            log.write(f"{START_MARKER} {time.strftime('%Y-%m-%d %H:%M:%S')}: {shlex.join(command)}\n".encode())
            log.flush()
            return subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=Path.home(),
                env=clean_environment(os.environ),
                **detached,
            )
    except OSError as error:
        raise DaemonCannotStart(
            f"The daemon could not be started with '{' '.join(command)}' ({error.strerror}). "
            "Run 'velatura daemon start' in a terminal to record the correct command."
        ) from error


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def startup_error(dirs: AppDirs) -> str:
    """Return the last line that the daemon printed since it was started, preferably an error message of its own."""
    lines = [line.strip() for line in last_lines(dirs.log_file) if line.strip()]
    starts = [index for index, line in enumerate(lines) if line.startswith(START_MARKER)]
    printed = [line for line in lines[starts[-1] + 1 :] if not LOG_LINE.match(line)] if starts else []
    messages = [line for line in printed if line.startswith(ERROR_PREFIX)]
    return (messages or printed or [""])[-1]


def last_lines(log: Path, count: int = 40) -> list[str]:
    """Return the last lines of a log, of its last 100 KB at most. Empty if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 100_000))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []
