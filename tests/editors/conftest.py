"""Real editors for these tests, and the measurements that are printed at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.editor_root import EditorRoot, find_or_create
from tests.editors.gimp_session import GimpConsole, GimpOnScreen
from tests.editors.krita_session import KritaSession
from tests.editors.reporting import CAPTURE_MANAGER, MEASUREMENTS, say
from tests.editors.session import S, start
from tests.editors.user_home import new_home, velatura


def pytest_configure(config: pytest.Config) -> None:
    CAPTURE_MANAGER.append(config.pluginmanager.getplugin("capturemanager"))


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
    """A started editor with a running daemon."""
    velatura(session.home, "daemon", "start")
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
