"""Real editors for these tests, and the figures that they print at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PIL import Image

from tests.editors.gimp_session import GimpConsole, GimpOnScreen
from tests.editors.krita_session import KritaSession
from tests.editors.place import Place, find_or_make
from tests.editors.session import EditorSession
from velatura_daemon.samples import draw

FIGURES: list[str] = []
VELATURA = Path(sys.executable).parent / "velatura"


CAPTURE: list[Any] = []


def pytest_configure(config: pytest.Config) -> None:
    CAPTURE.append(config.pluginmanager.getplugin("capturemanager"))


def say(sentence: str) -> None:
    """What is waited for, past pytest's capture."""
    with CAPTURE[0].global_and_fixture_disabled():
        print(f"  … {sentence}", flush=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("measured in the editor")
        for line in FIGURES:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def place() -> Place:
    return find_or_make(say)


def velatura(home: Path, *argv: str) -> str:
    """The command line, as the person whose home this is."""
    env = {**os.environ, "HOME": str(home), "VELATURA_HOME": str(home / "velatura"), "OMP_WAIT_POLICY": "passive"}
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        env.pop(name, None)
    done = subprocess.run([str(VELATURA), *argv], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def person(place: Place) -> Iterator[Path]:
    """A home with the plugins installed in it, as a person would, and pictures to open."""
    home = new_home()
    yield home
    shutil.rmtree(home, ignore_errors=True)


def new_home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="vel-"))
    (home / "run").mkdir(mode=0o700)
    for editor in ("krita", "gimp"):
        say(f"installing the plugin: velatura install {editor}")
        velatura(home, "install", editor)
    draw_pictures(home)
    return home


def draw_pictures(folder: Path) -> None:
    import imagecodecs
    import numpy as np

    scene = draw("harbour_town", 256, 192)
    Image.fromarray(scene).save(folder / "harbour.png")
    Image.fromarray(draw("harbour_town", 960, 720)).save(folder / "large.png")
    Image.fromarray(scene).convert("L").save(folder / "grey.png")
    Image.fromarray(draw("harbour_town", 96, 72)).save(folder / "small.png")
    deep = (scene.astype(np.uint16) * 257) ^ np.uint16(5)  # the low bits matter
    (folder / "deep.png").write_bytes(imagecodecs.png_encode(deep))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")


S = TypeVar("S", bound=EditorSession)


def start(session: S) -> S:
    say(f"starting {session.argv[0]}")
    session.install_driver()
    session.start()
    return session


def with_daemon(session: S) -> Iterator[S]:
    """An editor with a daemon that runs already."""
    velatura(session.home, "daemon", "start")
    try:
        yield start(session)
    finally:
        session.stop()
        velatura(session.home, "daemon", "stop")


@pytest.fixture(scope="module")
def krita(place: Place, person: Path) -> Iterator[KritaSession]:
    yield from with_daemon(KritaSession(place, person))


@pytest.fixture(scope="module")
def console(place: Place, person: Path) -> Iterator[GimpConsole]:
    """GIMP without a screen."""
    yield from with_daemon(GimpConsole(place, person))


@pytest.fixture(scope="module")
def gimp(place: Place, person: Path) -> Iterator[GimpOnScreen]:
    yield from with_daemon(GimpOnScreen(place, person))
