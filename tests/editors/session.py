"""A real editor in a place of its own, told what to do through a driver plugin that listens inside it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.editors.place import Place

CLONE = Path(__file__).parents[2]
HERE = Path(__file__).parent
SCREEN = "1680x1050x24"
START_PATIENCE = 240.0  # seconds; some 15 with two cores free
# Seconds for a small restyle, which takes 3 to 10. A wait ends when its condition holds, so this costs only a test that fails; with a load of
# 8 on two cores, 45 was too short.
PATIENCE = 240.0

# The screen, someone who manages windows, then the program, which the others end with.
ON_A_SCREEN = f"""
Xvfb -displayfd 3 -screen 0 {SCREEN} -nolisten tcp 3>"$HOME/display" 2>"$HOME/xvfb.log" &
while ! [ -s "$HOME/display" ]; do sleep 0.1; done
export DISPLAY=":$(cat "$HOME/display")"
openbox >"$HOME/openbox.log" 2>&1 &
exec "$@" >"$HOME/editor.log" 2>&1
"""
WITHOUT_A_SCREEN = 'exec "$@" >"$HOME/editor.log" 2>&1 </dev/null'


@dataclass
class Line:
    """A driver's socket: Python goes in, the value of its last line comes back."""

    path: Path

    def do(self, code: str, patience: float = 180.0) -> Any:
        """Raises AssertionError with the traceback, FileNotFoundError or ConnectionRefusedError where nobody listens."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(patience)
            line.connect(str(self.path))
            line.sendall(code.encode())
            line.shutdown(socket.SHUT_WR)
            said = b""
            while piece := line.recv(65536):
                said += piece
        assert said, f"{self.path.name} went away while doing:\n{code}"
        answer = json.loads(said)
        assert "error" not in answer, f"in the editor:\n{answer['error']}\nfrom:\n{code}"
        return answer["value"]


@dataclass
class EditorSession:
    """home: a folder of this machine, the person's home in there. hidden: folders of the place to be empty."""

    place: Place
    home: Path
    hidden: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    argv = ("true",)  # the editor
    script = ON_A_SCREEN
    ready = "True"  # in the driver: whether it can be worked with

    @property
    def driver(self) -> Line:
        return Line(self.home / "driver")

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
        }

    def command(self, *argv: str) -> list[str]:
        """The command that runs argv in the place, with this session's home."""
        return self.place.command(argv, self.environment(), shared=[self.home, *own_folders()], hidden=self.hidden)

    def install_driver(self) -> None:
        """The tests' own plugin, and an editor that asks nothing at its start."""
        (self.home / "run").mkdir(mode=0o700, exist_ok=True)

    def start(self) -> None:
        """Start, and wait until it can be worked with."""
        self.driver.path.unlink(missing_ok=True)
        (self.home / "display").unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command("sh", "-c", self.script, "sh", *self.argv))
        self.wait_for(self.ready, START_PATIENCE, f"{self.argv[0]} to start")

    def do(self, code: str) -> Any:
        return self.driver.do(code)

    def wait_for(self, condition: str, patience: float, what: str, line: Line | None = None) -> None:
        """Wait until the condition is true in the editor, or at another line."""

        def is_true() -> bool:
            try:
                return bool((line or self.driver).do(condition))
            except (FileNotFoundError, ConnectionRefusedError):
                return False  # it is not there yet

        self.wait_until(is_true, patience, what)

    def wait_until(self, is_true: Callable[[], bool], patience: float, what: str) -> None:
        end = time.monotonic() + patience
        while not is_true():
            assert self.process is not None
            assert self.process.poll() is None, f"the editor has ended while waiting for {what}:\n{self.log()}"
            assert time.monotonic() < end, f"waited {patience:.0f} s for {what}\n{self.log()}"
            time.sleep(0.1)

    def run(self, *argv: str) -> str:
        """Another program on the same screen: xdotool, import."""
        script = 'export DISPLAY=":$(cat "$HOME/display")"; exec "$@"'
        assert self.process is not None
        done = subprocess.run(self.command("sh", "-c", script, "sh", *argv), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def photograph(self, name: str) -> None:
        """The screen, for docs."""
        out = CLONE / "editors-out"
        out.mkdir(exist_ok=True)
        self.run("import", "-window", "root", str(self.home / f"{name}.png"))
        (out / f"{name}.png").write_bytes((self.home / f"{name}.png").read_bytes())

    def log(self) -> str:
        path = self.home / "editor.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def stop(self) -> None:
        """Close it the hard way; everything in its namespace goes with it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def own_folders() -> list[Path]:
    """What a daemon of this clone needs to run: the clone, and the Python under its environment."""
    python = Path(sys.base_prefix)
    return [CLONE] + ([python] if not python.is_relative_to("/usr") else [])
