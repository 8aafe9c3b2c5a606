"""A real Krita on a virtual screen, in a place of its own, told what to do through the driver plugin."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.editors.place import Place

CLONE = Path(__file__).parents[2]
SCREEN = "1680x1050x24"
START_PATIENCE = 120.0  # seconds; some 15 with two cores free

# The screen, someone who manages windows, then the program, which the others end with.
SCRIPT = """
Xvfb -displayfd 3 -screen 0 {screen} -nolisten tcp 3>"$HOME/display" 2>"$HOME/xvfb.log" &
while ! [ -s "$HOME/display" ]; do sleep 0.1; done
export DISPLAY=":$(cat "$HOME/display")"
openbox >"$HOME/openbox.log" 2>&1 &
exec "$@" >"$HOME/krita.log" 2>&1
"""


@dataclass
class KritaSession:
    """home: a folder of this machine, the person's home in there. hidden: folders of the place to be empty."""

    place: Place
    home: Path
    hidden: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def driver_socket(self) -> Path:
        return self.home / "driver"

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "XDG_RUNTIME_DIR": str(self.home / "run"),
            "PASTICHE_HOME": str(self.home / "pastiche"), "PASTICHE_DRIVER": str(self.driver_socket),
            "OMP_WAIT_POLICY": "passive", "QT_LOGGING_RULES": "*.debug=false", "LIBGL_ALWAYS_SOFTWARE": "1",
        }  # fmt: skip

    def command(self, *argv: str) -> list[str]:
        """The command that runs argv in the place, with this session's home."""
        return self.place.command(argv, self.environment(), shared=[self.home, *own_folders()], hidden=self.hidden)

    def install_driver(self) -> None:
        """The tests' own plugin, and a Krita that asks nothing at its start."""
        pykrita = self.home / ".local/share/krita/pykrita"
        pykrita.mkdir(parents=True, exist_ok=True)
        shutil.copytree(Path(__file__).parent / "pastiche_driver", pykrita / "pastiche_driver", ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
        shutil.copy(Path(__file__).parent / "pastiche_driver.desktop", pykrita)
        (self.home / "run").mkdir(mode=0o700, exist_ok=True)
        config = self.home / ".config"
        config.mkdir(exist_ok=True)
        before = (config / "kritarc").read_text() if (config / "kritarc").exists() else "[python]\n"
        (config / "kritarc").write_text(
            "OnStartup=0\nSplashScreen=false\n\n[theme]\nTheme=Krita dark\n\n"
            + before.replace("[python]", "[python]\nenable_pastiche_driver=true")
        )

    def start(self) -> None:
        """Start, and wait until its main window is there."""
        self.driver_socket.unlink(missing_ok=True)
        (self.home / "display").unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command("sh", "-c", SCRIPT.format(screen=SCREEN), "sh", "krita", "--nosplash"))  # fmt: skip
        self.wait_for("Krita.instance().activeWindow() is not None", START_PATIENCE, "Krita to start")

    def do(self, code: str) -> Any:
        """Run Python on Krita's main thread; the value of its last line. Raises AssertionError with its traceback."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(60)
            line.connect(str(self.driver_socket))
            line.sendall(code.encode())
            line.shutdown(socket.SHUT_WR)
            said = b""
            while piece := line.recv(65536):
                said += piece
        answer = json.loads(said)
        assert "error" not in answer, f"in Krita:\n{answer['error']}\nfrom:\n{code}"
        return answer["value"]

    def wait_for(self, condition: str, patience: float, what: str) -> None:
        """Wait until the condition is true in Krita."""
        end = time.monotonic() + patience
        while True:
            assert self.process is not None
            assert self.process.poll() is None, f"Krita has ended while waiting for {what}:\n{self.log()}"
            try:
                if self.do(condition):
                    return
            except (FileNotFoundError, ConnectionRefusedError):
                pass  # it is not there yet
            assert time.monotonic() < end, f"waited {patience:.0f} s for {what}\n{self.log()}"
            time.sleep(0.1)

    def run(self, *argv: str) -> str:
        """Another program on the same screen: xdotool, import."""
        script = 'export DISPLAY=":$(cat "$HOME/display")"; exec "$@"'
        assert self.process is not None
        done = subprocess.run(self.command("sh", "-c", script, "sh", *argv), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def log(self) -> str:
        path = self.home / "krita.log"
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
