"""A tiny index, an environment that leads to it alone, and virtual environments that are quick to make."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.package_index import BUILD, TinyIndex, velatura_wheel
from velatura.app_dirs import AppDirs, app_dirs
from velatura.setup.environment import Environment, Stamp, sha256
from velatura.setup.events import Event, Failed, OnEvent
from velatura.setup.find_python import Python
from velatura.setup.packages import Packages
from velatura.setup.plan import make_plan
from velatura.setup.run import set_up

PYTHON = Python(Path(getattr(sys, "_base_executable", sys.executable)), sys.version_info[:3])


@pytest.fixture
def index() -> Iterator[TinyIndex]:
    one = TinyIndex()
    yield one
    one.close()


@dataclass
class Machine:
    """A user's machine. env: its variables."""

    home: Path
    env: dict[str, str]
    events: list[Event] = field(default_factory=list)

    @property
    def dirs(self) -> AppDirs:
        return app_dirs(self.env)

    @property
    def environment(self) -> Environment:
        return Environment(self.dirs)

    def wheel(self, **about: str) -> Path:
        return velatura_wheel(self.home / "plugin" / about.get("build", ""), **about)

    def set_up(
        self,
        wheel: Path,
        *,
        repair: bool = False,
        cancel: threading.Event | None = None,
        space: int = 0,
        on_event: OnEvent = lambda _: None,
    ) -> str:
        """Set up as a plugin does. Returns the sentence of its failure, or ''."""
        self.events = []
        plan = dataclasses.replace(
            make_plan(self.dirs, wheel=wheel, repair=repair, env=self.env), space=space, python=PYTHON
        )

        def note(event: Event) -> None:
            self.events.append(event)
            on_event(event)

        done = set_up(plan, note, cancel, self.env)
        last = self.events[-1]
        assert done != isinstance(last, Failed)
        return last.error.sentence if isinstance(last, Failed) else ""

    def pretend_set_up(self) -> None:
        """Leave what a set-up leaves, without packages: it takes no time."""
        environment = self.environment
        environment.claim()
        wheel = environment.keep_wheel(self.wheel())
        environment.python.parent.mkdir(parents=True)
        environment.python.symlink_to(sys.executable)
        environment.write_stamp(Stamp("0.1.0", sha256(wheel), BUILD, "3.12.0", "9.0"))

    def modules_work(self) -> bool:
        code = "import torch, torchvision, velatura_daemon"
        done = subprocess.run([self.environment.python, "-I", "-c", code], capture_output=True, check=False)
        return done.returncode == 0


@pytest.fixture
def machine(tmp_path: Path, index: TinyIndex) -> Machine:
    return Machine(
        tmp_path,
        {
            "PATH": f"{PYTHON.path.parent}:{os.defpath}",
            "HOME": str(tmp_path),
            "VELATURA_HOME": str(tmp_path / "velatura"),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index.url,
            "PIP_TRUSTED_HOST": "127.0.0.1",  # pip caches nothing of other addresses without TLS
            "PIP_RETRIES": "1",  # with none pip does not say why an index cannot be reached
        },
    )


@pytest.fixture(scope="session")
def venv_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "venv"
    subprocess.run([PYTHON.path, "-I", "-m", "venv", folder], check=True)
    return folder


@pytest.fixture
def quick_venvs(venv_template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments are copies: installing pip takes six seconds. It is not renewed."""

    def copy(packages: Packages, _: Python) -> None:
        environment = packages._environment
        environment.discard(environment.stamp, environment.venv)
        shutil.copytree(venv_template, environment.venv, symlinks=True)

    monkeypatch.setattr(Packages, "make_venv", copy)
    monkeypatch.setattr(Packages, "renew_pip", lambda _: None)
