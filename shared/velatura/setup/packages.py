"""Makes the virtual environment and fills it, with its own pip, or with uv for a build of PyTorch that PyPI lacks.

What was downloaded survives a broken set-up as pip's cache of complete files, in the environment's folder: resuming
reads them from there. `pip download` would keep nothing until its last file is complete, and a cache of our own keeps
no gigabytes in the home of somebody who removes Velatura. Within one file, pip 25.1 and newer go on where a connection
broke.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from velatura.client.environment import clean_environment
from velatura.errors import SetUpImpossible
from velatura.i18n import lazy_text
from velatura.setup.environment import Environment, size_of
from velatura.setup.events import OnEvent, Progress
from velatura.setup.find_python import Python
from velatura.setup.pip_errors import explain, was_interrupted
from velatura.setup.process import Runner
from velatura.setup.source import Source

ATTEMPTS = 3  # if a download breaks off
ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_DRY_RUN", "PIP_REPORT", "VIRTUAL_ENV")
PIP_OPTIONS = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off")
CHECK = """
import json, sys, torch, torchvision, velatura_daemon
from velatura_daemon.build import build_id
print(json.dumps({"build": build_id(), "torch": torch.__version__, "python": sys.version.split()[0]}))
"""  # not translated: a program


class Packages:
    """The packages of one environment."""

    def __init__(self, environment: Environment, runner: Runner, env: Mapping[str, str], on_event: OnEvent) -> None:
        self._environment, self._runner, self._on_event = environment, runner, on_event
        self._temporary = environment.downloads / "tmp"
        self._uv_cache = environment.downloads / "uv"
        temporary = str(self._temporary)  # on the disk of the environment: /tmp is often too small
        self._env = {name: value for name, value in clean_environment(env).items() if name not in ELSEWHERE}
        self._env |= {"TMPDIR": temporary, "TEMP": temporary, "TMP": temporary}
        self._env |= {"PIP_USER": "0", "PIP_RESUME_RETRIES": "5", "UV_CACHE_DIR": str(self._uv_cache)}
        self._env |= {"UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_NATIVE_TLS": "1"}

    def make_venv(self, python: Python) -> None:
        """Make an empty environment with pip, in place of an unfinished one. Raises SetUpImpossible, OSError."""
        self._environment.discard(self._environment.stamp, self._environment.venv)
        code, lines = self._runner.run([str(python.path), "-I", "-m", "venv", str(self._environment.venv)], self._env)
        if code:
            raise SetUpImpossible(explain(lines))

    def prepare_downloads(self) -> None:
        """Delete the leftovers of a broken download; complete files are kept. Raises OSError."""
        self._environment.discard(self._temporary)
        self._temporary.mkdir(parents=True)

    def renew_pip(self) -> None:
        """Install the newest pip, which goes on with broken downloads. An index without pip is no error."""
        self._pip(["install", "--upgrade", "--retries", "1", "pip"])

    def install(self, needs: Sequence[str], source: Source) -> None:
        """Install Velatura's dependencies with pip. Raises SetUpImpossible, SetUpStopped, OSError."""
        self._on_event(Progress(0, source.download or None))
        for attempt in range(1, ATTEMPTS + 1):
            code, lines = self._pip(["install", "--prefer-binary", *needs], lambda: self._report(source))
            if code == 0:
                return
            if attempt == ATTEMPTS or not was_interrupted(lines):
                raise SetUpImpossible(explain(lines))
            again = f"The download was interrupted; attempt {attempt + 1} of {ATTEMPTS}."  # not translated: for the log
            self._runner.note(again)

    def install_with_uv(self, needs: Sequence[str], source: Source) -> bool:
        """Install Velatura's dependencies with uv, which knows PyTorch's own indexes. Returns False if that fails."""
        tool = self._environment.downloads / "tool"
        uv = tool / "bin" / ("uv.exe" if os.name == "nt" else "uv")
        if not uv.exists():
            self._pip(["install", "--quiet", "--upgrade", "--no-deps", "--target", str(tool), "uv"])
        if not uv.exists():
            return False
        command = [str(uv), "pip", "install", "--python", str(self._environment.python)]
        code, _ = self._runner.run(
            [*command, "--torch-backend", source.backend, *needs],
            self._env,
            lambda: self._on_event(Progress(size_of(self._uv_cache), None)),
        )
        return code == 0

    def install_wheel(self, wheel: Path) -> None:
        """Install Velatura itself, in place of whatever version is there; no network.

        Raises SetUpImpossible, OSError.
        """
        code, lines = self._pip(["install", "--force-reinstall", "--no-deps", "--no-index", str(wheel)])
        if code:
            raise SetUpImpossible(explain(lines))

    def check(self) -> dict[str, str]:
        """Import what was installed. Returns the daemon's build id and the versions of Python and PyTorch.

        Raises SetUpImpossible.
        """
        code, lines = self._runner.run([str(self._environment.python), "-I", "-c", CHECK], self._env)
        try:
            if code == 0:
                return {str(name): str(value) for name, value in json.loads(lines[-1]).items()}
        except (ValueError, IndexError):
            pass
        last = lines[-1].strip().rstrip(".") if lines else lazy_text("nothing was printed")
        raise SetUpImpossible(
            lazy_text(
                "The installed packages do not work: {printed}. Repair the installation, which installs them again.",
                printed=last,
            )
        )

    def _report(self, source: Source) -> None:
        """Report the size of what pip has collected in its temporary folders: downloaded, or copied from its cache."""
        done = size_of(*self._temporary.glob("pip-unpack-*"))
        self._on_event(Progress(done, max(source.download, done) if source.download else None))

    def _pip(self, arguments: Sequence[str], on_tick: object = None) -> tuple[int, list[str]]:
        command, *rest = arguments
        cache = str(self._environment.downloads / "pip")
        pip = [str(self._environment.python), "-I", "-m", "pip", command, *PIP_OPTIONS, "--cache-dir", cache, *rest]
        return self._runner.run(pip, self._env, on_tick if callable(on_tick) else lambda: None)
