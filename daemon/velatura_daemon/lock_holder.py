"""The process that holds the daemon's lock, and ending it when it does not answer.

The lock file names the process by its id and the time of its start, so that a later process with the same id is never
mistaken for it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from velatura.app_dirs import POSIX
from velatura.client.locks import Lock, is_held
from velatura.errors import DaemonLost
from velatura.i18n import lazy_text

TERM_PATIENCE = 5.0  # seconds for a process to end by itself after SIGTERM; a daemon needs less than one
KILL_PATIENCE = 5.0  # seconds for the system to end a killed process
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Process:
    """A process, also after others got its id. started: as the system gives it; '' if that is not known."""

    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        """Whether it runs, or is stopped; one that has ended and waits to be noticed does not."""
        return bool(self.started) and start_time(self.pid) == self.started

    @property
    def is_stopped(self) -> bool:
        """Whether SIGSTOP, a debugger or Ctrl-Z stopped it, so that it cannot answer. Known on Linux only."""
        return self.is_alive and _status(self.pid)[:1] in (["T"], ["t"])

    def send(self, *signals: int) -> None:
        """Send signals, if it still runs. Raises PermissionError."""
        for number in signals:
            with contextlib.suppress(ProcessLookupError):
                if self.is_alive:
                    os.kill(self.pid, number)

    def wait(self, patience: float) -> bool:
        """Wait for it to end. Returns whether it did."""
        deadline = time.monotonic() + patience
        while self.is_alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True


def _status(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (proc(5): the third); empty without such a process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def start_time(pid: int) -> str:
    """When a process was started, as the system gives it; '' if it has ended, or the system does not say."""
    if sys.platform == "linux":
        fields = _status(pid)  # state, parent, …, and the start in clock ticks since boot: fields 3, 4 and 22
        return fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else ""
    if not POSIX:
        return ""
    command = ["ps", "-p", str(pid), "-o", "stat=,lstart="]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C", "TZ": "UTC0"}, check=False
    )
    state, _, started = done.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


def note(lock: Lock) -> None:
    """Write this process into the lock file that it holds."""
    lock.write(f"{os.getpid()} {start_time(os.getpid())}")


def noted(path: Path) -> Process | None:
    """The process that a lock file names, or None."""
    try:
        pid, _, started = path.read_text(errors="replace").partition(" ")
        return Process(int(pid), started.strip())
    except (OSError, ValueError):
        return None


def holder(path: Path) -> Process:
    """The process that holds this lock. Raises DaemonLost if that cannot be verified: it is the one that the file
    names, is alive, was started when the file says, and belongs to this user."""
    found = noted(path)
    if found is None or not found.is_alive or not _is_ours(found.pid):
        raise DaemonLost(_unverified(path, found))
    return found


def _unverified(path: Path, found: Process | None) -> str:
    """Why nothing was ended. found: the process that the lock names."""
    if found is None:
        return lazy_text(
            "The daemon does not answer, and its lock {file} names no process, so nothing was ended. If a daemon is "
            "just starting, try again; otherwise end 'velatura daemon run' with your system's task manager.",
            file=str(path),
        )
    return lazy_text(
        "The daemon does not answer, and its lock {file} names process {pid}, which is not the daemon, or is not "
        "visible from here, so nothing was ended. If a daemon is just starting, try again; otherwise end 'velatura "
        "daemon run' with your system's task manager.",
        file=str(path),
        pid=str(found.pid),
    )


def _is_ours(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # whether this user may send it signals
        return sys.platform != "linux" or Path(f"/proc/{pid}").stat().st_uid == os.geteuid()
    except OSError:
        return False


def end(path: Path) -> str:
    """End the process that holds this lock, politely first, and its children. Returns how it ended, for people. Raises
    DaemonLost if that is not possible."""
    process = holder(path)
    children = _children(process.pid)
    pid = str(process.pid)
    process.send(signal.SIGTERM, signal.SIGCONT)  # a stopped process takes the first once the second woke it
    if process.wait(TERM_PATIENCE):
        how = lazy_text("The daemon (pid {pid}) did not respond. It was ended by SIGTERM.", pid=pid)
    else:
        process.send(signal.SIGKILL)
        if not process.wait(KILL_PATIENCE):
            raise DaemonLost(
                lazy_text(
                    "The daemon (pid {pid}) cannot be ended, not even by SIGKILL: it waits for a device or a disk. "
                    "Restart the machine.",
                    pid=pid,
                )
            )
        how = lazy_text(
            "The daemon (pid {pid}) did not respond. It was killed, because SIGTERM did not end it.", pid=pid
        )
    for child in children:
        child.send(signal.SIGCONT)  # a worker ends when its input does, unless it is stopped
    deadline = time.monotonic() + TERM_PATIENCE
    for child in children:
        if not child.wait(deadline - time.monotonic()):
            child.send(signal.SIGKILL)
            child.wait(KILL_PATIENCE)
    if is_held(path) and noted(path) == process:
        raise DaemonLost(
            lazy_text("The daemon has ended, but its lock {file} is still held. Run 'velatura doctor'.", file=str(path))
        )
    return how


def _children(pid: int) -> list[Process]:
    """The workers and other children of a process. Known on Linux only; elsewhere they end with their input."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _status(int(folder.name))
        if fields[1:2] == [str(pid)]:
            found.append(Process(int(folder.name), start_time(int(folder.name))))
    return found
