"""Real editors for these tests, and the measurements that are printed at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.editors.editor_root import EditorRoot, find_or_create
from tests.editors.gimp_session import GimpConsole, GimpOnScreen
from tests.editors.gimp_user import GimpUser
from tests.editors.krita_session import KritaSession
from tests.editors.reporting import CAPTURE_MANAGER, MEASUREMENTS, say
from tests.editors.session import S, start
from tests.editors.user_home import forget_choices, new_home, start_daemon, velatura


def pytest_configure(config: pytest.Config) -> None:
    CAPTURE_MANAGER.append(config.pluginmanager.getplugin("capturemanager"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # one of several processes: its measurements go to the first one
        session.config.workeroutput["measurements"] = MEASUREMENTS


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    MEASUREMENTS.extend(getattr(node, "workeroutput", {}).get("measurements", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MEASUREMENTS:
        terminalreporter.section("measured in the editor")
        for line in MEASUREMENTS:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def editor_root() -> EditorRoot:
    return find_or_create(say)


@pytest.fixture(scope="session")
def user_home() -> Iterator[Path]:
    """A home folder with both plugins installed, and with pictures to open."""
    home = new_home()
    yield home
    shutil.rmtree(home, ignore_errors=True)


def with_daemon(session: S) -> Iterator[S]:
    """A started editor with a running daemon. What the tests of other files have chosen is forgotten."""
    velatura(session.home, "daemon", "stop")  # that of another editor in the same file, if there is one
    forget_choices(session.home)
    start_daemon(session.home)
    try:
        yield start(session)
    finally:
        session.stop()
        velatura(session.home, "daemon", "stop")


@pytest.fixture(scope="module")
def krita(editor_root: EditorRoot, user_home: Path) -> Iterator[KritaSession]:
    yield from with_daemon(KritaSession(editor_root, user_home))


@pytest.fixture(scope="module")
def console(editor_root: EditorRoot, user_home: Path) -> Iterator[GimpConsole]:
    """GIMP without a screen."""
    yield from with_daemon(GimpConsole(editor_root, user_home))


@pytest.fixture(scope="module")
def gimp(editor_root: EditorRoot, user_home: Path) -> Iterator[GimpOnScreen]:
    yield from with_daemon(GimpOnScreen(editor_root, user_home))


@pytest.fixture
def user(gimp):
    """A user with a small picture as the only image in GIMP, and no open dialog."""
    user = GimpUser(gimp)
    try:
        assert gimp.process is not None and gimp.process.poll() is None
        user.open_picture()
    except (AssertionError, OSError):
        assert gimp.process is not None
        gimp.process.wait(60)  # fails if GIMP is still running; a crash takes a moment
        # GIMP 3.0.4 has crashed with a segmentation fault when one picture was closed and the next one opened. This is reported, and GIMP is restarted once, since the test itself has not begun yet.
        say(f"GIMP has crashed and is restarted; the end of its log:\n{gimp.log()[-1000:]}")
        gimp.start()
        user.open_picture()
    yield user
    if not user.results_are_closed():
        user.close_results()
    if not user.is_closed():
        user.dialog("controller().cancel()")
        user.close()


@pytest.fixture
def call(console):
    """Opens a picture as the only image, then runs code. Returns the value of its last line.

    In the code, `d` is the layer, and `S` and `T` are two style files.
    """
    samples = console.home / ".config/GIMP/3.0/plug-ins/velatura_gimp/carried/samples"
    names = f"S, T = {str(samples / 'night_swirls.png')!r}, {str(samples / 'mosaic.png')!r}"

    def run(code: str, picture: str = "small.png", **more: str):
        arguments = ", ".join(f"{name}={value!r}" for name, value in more.items())
        return console.execute(f"{names}\nd = only({str(console.home / picture)!r}, {arguments})\n{code}")

    return run


@pytest.fixture
def plugin_modules(console):
    """Imports the plug-in's modules in the driver."""
    console.execute(
        f"import sys\nsys.path.append({str(console.home / '.config/GIMP/3.0/plug-ins')!r})\nfrom velatura_gimp import arguments, canvas, canvas_regions, canvas_styles, windowless\nfrom velatura.editor.ui_state import Style\n1"
    )


@pytest.fixture
def no_last_settings(console):
    (console.home / "velatura/config/window-gimp.json").unlink(missing_ok=True)
    for file in (console.home / ".config/GIMP/3.0/plug-in-settings").glob("*velatura*"):
        file.unlink()
