"""Tests of the window in a real Krita: what is visible while a restyle runs, and what the window remembers."""

from __future__ import annotations

import json

from tests.editors.krita_session import open_picture
from tests.editors.session import PATIENCE

STATUS = "K.activeWindow().qwindow().findChild(QWidget, 'velatura status')"
LONG = "set_up(quality='good', iterations=20000)\nclick('start')"


def start_long_restyle(krita):
    open_picture(krita)
    krita.execute(LONG)
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")


def test_the_submenu_has_the_commands(krita):
    assert krita.execute(
        "actions = K.activeWindow().qwindow().menuBar().actions()\n"
        "filters = next(a for a in actions if a.text().replace('&', '') == 'Filter').menu()\n"
        "velatura = next(a for a in filters.actions() if a.text().replace('&', '') == 'Velatura').menu()\n"
        "[a.text().replace('&', '') for a in velatura.actions()]"
    ) == [
        "Restyle…",
        "Restyle again",
        "Edit this restyle…",
        "See what the network sees…",
        "Results and history…",
        "Set-up…",
        "Help",
        "Adjust",
    ]


def test_the_manual_is_where_krita_and_the_help_command_look_for_it(krita):
    manual = krita.home / ".local/share/krita/pykrita/velatura_krita/Manual.html"
    assert "<h1>Velatura in Krita</h1>" in manual.read_text()
    open_picture(krita)
    krita.execute(
        "set_up()\nopened = []\nimport velatura_krita.controller as c\nc.QDesktopServices = type('Browser', (), {'openUrl': opened.append})"
    )
    krita.execute("click('help')")
    assert krita.execute("opened[0].toLocalFile()") == str(manual)


def test_a_closed_window_leaves_the_progress_and_a_cancel_in_the_status_bar(krita):
    start_long_restyle(krita)
    assert krita.execute(f"{STATUS} is None")
    krita.execute("window().close()")
    krita.wait_for(f"'left' in {STATUS}.label.text()", PATIENCE, "the progress")
    assert krita.execute("controller().is_busy")
    krita.photograph("krita-status-bar")
    krita.execute(f"QTest.mouseClick({STATUS}.label, Qt.LeftButton)")
    krita.wait_for("window() is not None", PATIENCE, "the window")
    assert krita.execute(f"busy() and ({STATUS} is None or not {STATUS}.isVisible())")
    krita.execute("window().close()")
    krita.wait_for(f"{STATUS} is not None", PATIENCE, "the progress")
    krita.execute(f"QTest.mouseClick({STATUS}.cancel, Qt.LeftButton)")
    krita.wait_for(f"not controller().is_busy and {STATUS} is None", PATIENCE, "the end of the restyle")
    assert krita.execute("len(layers())") == 1


def test_restyle_again_shows_its_progress_and_can_be_cancelled(krita):
    start_long_restyle(krita)
    krita.execute("click('cancel')\nwindow().close()")
    krita.execute("menu('Filter', 'Velatura', 'Restyle again')")
    krita.wait_for(f"{STATUS} is not None and {STATUS}.bar.maximum() > 0", PATIENCE, "the progress")
    krita.execute(f"QTest.mouseClick({STATUS}.cancel, Qt.LeftButton)")
    krita.wait_for(f"not controller().is_busy and {STATUS} is None", PATIENCE, "the end of the restyle")


def test_escape_cancels_then_closes(krita):
    start_long_restyle(krita)
    krita.execute("QTest.keyClick(window(), Qt.Key_Escape)")
    krita.wait_for("not busy() and window() is not None and 'Cancelled' in message()", PATIENCE, "the cancel")
    krita.execute("QTest.keyClick(window(), Qt.Key_Escape)")
    krita.wait_for("window() is None", PATIENCE, "the window to close")


def test_the_window_opens_where_it_was_and_the_gallery_is_as_it_was(krita):
    open_picture(krita)
    krita.execute("set_up()\nwindow().setGeometry(90, 120, 780, 620)\nQApplication.processEvents()")
    krita.execute(
        "styles = panel().gallery\nstyle = next(s.data(Qt.UserRole) for s in styles._items() if s.text() == 'Poppy field')\n"
        "next(a for a in styles.item_menu(style).actions() if a.text() == '★ Add to favourites').trigger()"
    )
    size = krita.execute("[window().width(), window().height()]")
    assert size != [960, 720]
    krita.execute("window().close()")
    saved = krita.home / "velatura/config/window-krita.json"
    krita.wait_until(
        lambda: json.loads(saved.read_text()).get("windows", {}).get("restyle", [])[2:] == size, PATIENCE, "the file"
    )
    krita.execute("from PyQt5 import sip\nsip.delete(window() or controller()._restyle_window)")
    krita.execute("set_up(style=None)")
    assert krita.execute("[window().width(), window().height()]") == size
    assert krita.execute("gallery()[0]") == "Poppy field"
    krita.execute("panel().gallery.remove(panel().gallery._items()[0].data(Qt.UserRole))")
    assert "Poppy field" not in krita.execute("gallery()")
    krita.execute(
        "window().close()\nc = controller()\nc.ui_state.removed.clear()\nc.ui_state.recent.clear()\nc.save_ui_state()"
    )
