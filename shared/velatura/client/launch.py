"""Starting the daemon from any client, by the command that was recorded at installation."""

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

# Krita exports these for its own Python; the daemon's must not see them.
UNWANTED = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
STARTING = "--- starting at"  # what the line of each start begins with, in the log
OWN_WORDS = "velatura: "  # what a daemon that knows why it cannot start begins its last line with
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")


@dataclass(frozen=True)
class Launcher:
    """command: absolute path and arguments. build: what the daemon that it starts will call itself."""

    command: tuple[str, ...]
    build: str


def record(places: AppDirs, launcher: Launcher) -> None:
    """Write down how the daemon is started. Raises DiskTrouble."""
    said = {"command": list(launcher.command), "build": launcher.build}
    write_private_file(places.launch_file, json.dumps(said, indent=1).encode())


def restore(places: AppDirs, launcher: Launcher | None) -> None:
    """Have it recorded as it was. None: nothing was. Raises DiskTrouble."""
    if launcher is None:
        places.launch_file.unlink(missing_ok=True)
    else:
        record(places, launcher)


def recorded(places: AppDirs) -> Launcher | None:
    """The recorded launcher, or None. Raises UnsafeConnectionFile: it will be executed, so only one's own is."""
    try:
        said = json.loads(read_private_file(places.launch_file))
        return Launcher(tuple(str(part) for part in said["command"]), str(said["build"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise UnsafeConnectionFile(
            f"{places.launch_file} is damaged. Run 'velatura daemon start' once to write it anew."
        ) from None


def terminal_command(places: AppDirs) -> str:
    """The one command that starts the daemon from a terminal, as it was recorded, else by its name."""
    launcher = recorded(places)
    if launcher is None or "run" not in launcher.command:
        return "velatura daemon start"
    return shlex.join("start" if part == "run" else part for part in launcher.command)


def in_sandbox(env: Mapping[str, str] | None = None) -> bool:
    """Whether this program lives in a Flatpak or Snap: what it starts would live in there too, and die with it."""
    env = os.environ if env is None else env
    return bool(env.get("FLATPAK_ID") or env.get("SNAP"))


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without what an editor put there for its own Python."""
    return {name: value for name, value in env.items() if name not in UNWANTED}


def launch(places: AppDirs, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the daemon, detached from this process. What it prints before its log is open goes there too. Returns at
    once. Raises DaemonCannotStart."""
    make_private_folder(places.state)
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        with open(places.log_file, "ab", opener=_private) as log:
            log.write(f"{STARTING} {time.strftime('%Y-%m-%d %H:%M:%S')}: {shlex.join(command)}\n".encode())
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
            "Run 'velatura daemon start' in a terminal; it records where it is."
        ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def why_not(places: AppDirs) -> str:
    """What a daemon that did not come up has said last since it was started: its own sentence, if there is one."""
    lines = [line.strip() for line in last_lines(places.log_file) if line.strip()]
    starts = [index for index, line in enumerate(lines) if line.startswith(STARTING)]
    said = [line for line in lines[starts[-1] + 1 :] if not LOG_LINE.match(line)] if starts else []
    own = [line for line in said if line.startswith(OWN_WORDS)]
    return (own or said or [""])[-1]


def last_lines(log: Path, count: int = 40) -> list[str]:
    """Of a log; of its last 100 KB at most. Nothing if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 100_000))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []
