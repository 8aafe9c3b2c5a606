"""Runs a real editor, and sends it code through a driver plugin that listens inside it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.editors.editor_root import EditorRoot
from tests.editors.reporting import say

CLONE = Path(__file__).parents[2]
HERE = Path(__file__).parent
SCREEN = "1680x1050x24"
START_PATIENCE = 240.0  # seconds; about 15 with two cores free
# Seconds for a small restyle, which takes 3 to 10. A wait ends when its condition holds, so this costs only a test that fails; with a load of
# 8 on two cores, 45 was too short.
PATIENCE = 240.0
TRIES = 10  # of a program on an editor's screen
# A window was closed while xdotool was listing the windows; the X server of a busy machine did not answer in time.
PASSING_ERRORS = ("BadWindow", "Can't open display")

# A screen and a window manager, which end with the program that is run last.
ON_A_SCREEN = """
Xvfb -displayfd 3 -screen 0 "$SCREEN" -nolisten tcp 3>"$HOME/display" 2>"$HOME/xvfb.log" &
while ! [ -s "$HOME/display" ]; do sleep 0.1; done
export DISPLAY=":$(cat "$HOME/display")"
openbox >"$HOME/openbox.log" 2>&1 &
exec "$@" >"$HOME/editor.log" 2>&1
"""
WITHOUT_A_SCREEN = 'exec "$@" >"$HOME/editor.log" 2>&1 </dev/null'


@dataclass
class DriverSocket:
    """A driver's socket, which takes Python code and returns the value of its last line."""

    path: Path

    def execute(self, code: str, patience: float = 180.0) -> Any:
        """Raises AssertionError with the traceback if the code fails, and FileNotFoundError or ConnectionRefusedError if
        no driver is listening."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(patience)
            connection.connect(str(self.path))
            connection.sendall(code.encode())
            connection.shutdown(socket.SHUT_WR)
            data = b""
            while piece := connection.recv(65536):
                data += piece
        assert data, f"{self.path.name} closed the connection while running:\n{code}"
        reply = json.loads(data)
        assert "error" not in reply, f"in the editor:\n{reply['error']}\nfrom:\n{code}"
        return reply["value"]


@dataclass
class EditorSession:
    """An editor that runs in a file system with the editors.

    home: the user's home folder, at the same path inside and outside. hidden: folders that appear empty to the editor.
    screen: its size and depth. variables: more environment variables.
    """

    editor_root: EditorRoot
    home: Path
    hidden: Sequence[str] = ()
    screen: str = SCREEN
    variables: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    argv = ("true",)  # the command line of the editor
    script = ON_A_SCREEN
    ready = "True"  # code that is true once the editor is ready

    @property
    def driver(self) -> DriverSocket:
        return DriverSocket(self.home / "driver")

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "VELATURA_HOME": str(self.home / "velatura"),
            "VELATURA_DRIVER": str(self.driver.path),
            "OMP_WAIT_POLICY": "passive",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "SCREEN": self.screen,
            **self.variables,
        }

    def command(self, *argv: str) -> list[str]:
        """The command that runs argv beside the editor, with this session's home."""
        return self.editor_root.command(
            argv, self.environment(), shared=[self.home, *own_folders()], hidden=self.hidden
        )

    def install_driver(self) -> None:
        """Installs the driver plugin, and configures the editor to ask nothing when it starts."""
        (self.home / "run").mkdir(mode=0o700, exist_ok=True)

    def start(self) -> None:
        """Starts the editor and waits until it is ready."""
        self.driver.path.unlink(missing_ok=True)
        (self.home / "display").unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command("sh", "-c", self.script, "sh", *self.argv))
        self.wait_for(self.ready, START_PATIENCE, f"{self.argv[0]} to start")

    def execute(self, code: str) -> Any:
        return self.driver.execute(code)

    def wait_for(self, condition: str, patience: float, what: str, socket_: DriverSocket | None = None) -> None:
        """Waits until the code is true in the editor, or in the process behind another socket. what: for the error."""

        def is_true() -> bool:
            try:
                return bool((socket_ or self.driver).execute(condition))
            except (FileNotFoundError, ConnectionRefusedError):
                return False  # not listening yet

        self.wait_until(is_true, patience, what)

    def wait_until(self, is_true: Callable[[], bool], patience: float, what: str) -> None:
        end = time.monotonic() + patience
        while not is_true():
            assert self.process is not None
            assert self.process.poll() is None, f"the editor has ended while waiting for {what}:\n{self.log()}"
            assert time.monotonic() < end, f"waited {patience:.0f} s for {what}\n{self.log()}"
            time.sleep(0.1)

    def run(self, *argv: str) -> str:
        """Runs another program on the same screen, e.g. xdotool or import. Returns its output."""
        script = 'export DISPLAY=":$(cat "$HOME/display")"; exec "$@"'
        assert self.process is not None
        for attempt in range(TRIES):
            done = subprocess.run(self.command("sh", "-c", script, "sh", *argv), capture_output=True, text=True)
            if not any(error in done.stderr for error in PASSING_ERRORS):
                break
            time.sleep(0.1 * attempt)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def photograph(self, name: str) -> None:
        """Saves a screenshot for the documentation."""
        out = CLONE / "editors-out"
        out.mkdir(exist_ok=True)
        self.run("import", "-window", "root", str(self.home / f"{name}.png"))
        (out / f"{name}.png").write_bytes((self.home / f"{name}.png").read_bytes())

    def log(self) -> str:
        path = self.home / "editor.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def stop(self) -> None:
        """Kills the editor, and with it everything in its namespace."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def own_folders() -> list[Path]:
    """What a daemon of this clone needs to run: the clone, and the Python that its environment is based on."""
    python = Path(sys.base_prefix)
    return [CLONE] + ([python] if not python.is_relative_to("/usr") else [])


S = TypeVar("S", bound=EditorSession)


def start(session: S) -> S:
    say(f"starting {session.argv[0]}")
    session.install_driver()
    session.start()
    return session
