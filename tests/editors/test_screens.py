"""The windows on small and sharp screens and with other themes: they fit, and screenshots show how they look."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.editors.gimp_session import GimpOnScreen
from tests.editors.gimp_user import GimpUser
from tests.editors.krita_session import KritaSession, open_picture
from tests.editors.session import PATIENCE, start
from tests.editors.user_home import new_home, velatura

# name, size of the screen, factor, Krita's theme
KRITA_SCREENS = [
    ("1366", "1366x768", "1", "Krita bright"),
    ("1920-150", "1920x1080", "1.5", "Krita dark"),
    ("2732-200", "2732x1536", "2", "Krita dark"),
    ("1280", "1280x720", "1", "Krita dark"),
]
GIMP_SCREENS = [("1366", "1366x768", "1"), ("2732-200", "2732x1536", "2"), ("1280", "1280x720", "1")]


@pytest.fixture(scope="module")
def own_home():
    """A home whose windows have no place to remember."""
    home = new_home()
    velatura(home, "daemon", "start")
    yield home
    velatura(home, "daemon", "stop")


def forget_places(home: Path) -> None:
    for file in (home / "velatura/config").glob("window-*.json"):
        file.unlink()


def fits(session: KritaSession, window: str) -> bool:
    """Whether a window with its frame is on the part of the screen that is free."""
    return bool(session.execute(f"QApplication.primaryScreen().availableGeometry().contains({window}.frameGeometry())"))


@pytest.mark.parametrize(("name", "size", "factor", "theme"), KRITA_SCREENS)
def test_kritas_windows_fit_the_screen(editor_root, own_home, name, size, factor, theme):
    forget_places(own_home)
    session = KritaSession(editor_root, own_home, screen=f"{size}x24", variables={"QT_SCALE_FACTOR": factor})
    session.install_driver()
    config = own_home / ".config/kritarc"
    lines = [f"Theme={theme}" if line.startswith("Theme=") else line for line in config.read_text().splitlines()]
    config.write_text("\n".join(lines) + "\n")
    try:
        session.start()
        open_picture(session, "large.png")
        session.execute(
            "K.activeWindow().qwindow().showMaximized()\nset_up(quality='draft', iterations=0)\nclick('start')"
        )
        session.wait_for("panel().preview.has_preview", PATIENCE, "a preview")
        assert fits(session, "window()")
        session.execute("controller().open_results()")
        session.wait_for("results() is not None", PATIENCE, "the results")
        assert fits(session, "results()")
        session.execute("results().close()")
        session.photograph(f"screen-krita-{name}")
        session.execute("from velatura.errors import DaemonLost")
        session.execute("panel().show_error(DaemonLost('The daemon has stopped. Restyle again to start it.'))")
        session.execute("QApplication.processEvents()")
        session.photograph(f"screen-krita-{name}-error")
        session.execute("click('cancel') if busy() else None")
    finally:
        session.stop()


@pytest.mark.parametrize(("name", "size", "factor"), GIMP_SCREENS)
def test_gimps_dialog_fits_the_screen(editor_root, own_home, name, size, factor):
    forget_places(own_home)
    session = GimpOnScreen(editor_root, own_home, screen=f"{size}x24", variables={"GDK_SCALE": factor})
    try:
        start(session)
        user = GimpUser(session)
        user.open_picture("small.png")
        user.open_dialog()
        user.dialog("click('Restyle')")
        user.wait("window().preview.has_preview", "a preview")
        x, y, width, height, screen_width, screen_height = user.dialog(
            "w = window().dialog\nm = Gdk.Display.get_default().get_monitor(0).get_workarea()\n"
            "r = w.get_window().get_frame_extents()\n[r.x, r.y, r.width, r.height, m.width, m.height]"
        )
        assert x >= 0 and y >= 0 and x + width <= screen_width and y + height <= screen_height
        session.photograph(f"screen-gimp-{name}")
        user.wait("not busy()", "the restyle")
    finally:
        session.stop()
