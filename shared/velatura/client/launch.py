"""Starting the daemon from any client, with the command that was recorded at installation."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura.app_dirs import AppDirs, make_private_folder, not_writable, read_private_file, write_private_file
from velatura.client.environment import clean_environment
from velatura.client.sandbox import Sandbox, find_sandbox
from velatura.errors import DaemonCannotStart, SandboxHidesFiles, SandboxOffline, UnsafeConnectionFile, VelaturaError
from velatura.foreign_text import visible
from velatura.i18n import lazy_text

START_MARKER = "--- starting at"  # not translated: the log line of each start begins with this
ERROR_PREFIX = "velatura: "  # a daemon that knows why it cannot start prints a last line that begins with this
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")


@dataclass(frozen=True)
class Launcher:
    """How to start the daemon.

    Attributes:
        command: Absolute path and arguments.
        build: The build id of the daemon that it starts; empty if an interrupted update left that unknown.
    """

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
    """Return the recorded launcher.

    Args:
        dirs: The user's folders.

    Returns:
        The launcher; None if none is recorded.

    Raises:
        UnsafeConnectionFile: The record is damaged, or others could have written it: its command will be executed.
    """
    try:
        fields = json.loads(read_private_file(dirs.launch_file))
        return Launcher(tuple(str(part) for part in fields["command"]), str(fields["build"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise UnsafeConnectionFile(
            lazy_text("{path} is damaged. Run 'velatura daemon start' once to write it again.", path=dirs.launch_file)
        ) from None


def find_launcher(dirs: AppDirs) -> Launcher | None:
    """Return how clients start the daemon: as recorded, or else from the environment that 'velatura setup' has made.

    The record counts as long as its program exists.

    Args:
        dirs: The user's folders.

    Returns:
        The launcher; None if neither exists.

    Raises:
        UnsafeConnectionFile: The record is damaged, or others could have written it.
    """
    recorded = recorded_launcher(dirs)
    if recorded is not None and recorded.command and shutil.which(recorded.command[0]):
        return recorded
    return _launcher_of_environment(dirs) or recorded


def environment_command(dirs: AppDirs) -> tuple[str, ...]:
    """Return the command that starts the daemon of the environment that 'velatura setup' makes."""
    return (str(dirs.environment_python), "-m", "velatura_daemon", "daemon", "run")


def _launcher_of_environment(dirs: AppDirs) -> Launcher | None:
    try:
        build = str(json.loads(read_private_file(dirs.environment_stamp))["build"])
    except (OSError, ValueError, KeyError, TypeError, UnsafeConnectionFile):
        return None  # there is none, or it is not complete
    command = environment_command(dirs)
    return Launcher(command, build) if os.access(command[0], os.X_OK) else None


def terminal_command(dirs: AppDirs) -> str:
    """Return the command that starts the daemon from a terminal: the known one, or else 'velatura daemon start'."""
    launcher, sandbox = find_launcher(dirs), find_sandbox()
    command = "velatura daemon start"  # not translated: a command
    if launcher is not None and "run" in launcher.command:
        command = shlex.join("start" if part == "run" else part for part in launcher.command)
    return sandbox.terminal_command(command) if sandbox is not None else command


def command_for(error: VelaturaError | None, dirs: AppDirs) -> str:
    """Return the command for a terminal that an error about the daemon gives: by default, the one that starts it."""
    sandbox = find_sandbox(dirs=dirs)
    if sandbox is not None and isinstance(error, SandboxHidesFiles):
        return sandbox.files_command(dirs)
    if sandbox is not None and isinstance(error, SandboxOffline):
        return sandbox.network_command
    return terminal_command(dirs)


def launch(dirs: AppDirs, command: Sequence[str], sandbox: Sandbox | None = None) -> subprocess.Popen[bytes]:
    """Start the daemon as a process that outlives this one, and return at once.

    What it prints before it opens its log is appended to the log file.

    Args:
        dirs: The user's folders.
        command: Program and arguments.
        sandbox: Start it outside of this sandbox.

    Returns:
        The process.

    Raises:
        DaemonCannotStart: The program cannot be run.
        DiskTrouble: The log file cannot be written.
    """
    make_private_folder(dirs.state)
    if sandbox is not None:
        command = sandbox.command_outside(command, os.environ, Path.home())
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        # A console that is not shown, which its workers inherit. Without any, each of them would open a window.
        detached = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        log = open(dirs.log_file, "ab", buffering=0, opener=_open_private)  # noqa: SIM115  closed below
    except OSError as error:
        raise not_writable(dirs.log_file, error) from error
    try:
        with log:
            line = f"{START_MARKER} {time.strftime('%Y-%m-%d %H:%M:%S')}: {visible(shlex.join(command))}\n"
            with contextlib.suppress(OSError):  # a full disk: the daemon may start all the same
                log.write(line.encode())
            return subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=Path.home(),
                env=clean_environment(os.environ, command[0]),
                **detached,
            )
    except OSError as error:
        raise DaemonCannotStart(
            lazy_text(
                "The daemon could not be started with '{command}' ({why}). Run 'velatura daemon start' in a terminal "
                "to record the correct command.",
                command=" ".join(command),
                why=error.strerror,
            )
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
            text = file.read().decode(errors="replace").replace("\r\n", "\n").removesuffix("\n")
        return text.split("\n")[-count:] if text else []
    except OSError:
        return []
