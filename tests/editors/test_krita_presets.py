"""Presets in a real Krita: choosing, saving, renaming, deleting, importing and exporting them."""

from __future__ import annotations

import json

import pytest

from tests.editors.krita_session import open_picture
from tests.editors.session import PATIENCE
from velatura.presets.preset import SUFFIX
from velatura.presets.thumbnail import is_thumbnail

SHOWN = "panel().presets.combo.currentText()"
# Chooses an entry of the menu as soon as this step has ended, since most of them ask something.
CHOOSE = (
    "presets = panel().presets\npresets._fill_menu()\n"
    "entry = next(a for a in presets.menu.actions() if a.text() == {!r})\n"
    "QTimer.singleShot(0, entry.trigger) if entry.isEnabled() else entry.toolTip()"
)
DIALOG = "QApplication.activeModalWidget()"


@pytest.fixture
def window(krita):
    """The window with a small picture, and no presets of the user's."""
    for file in folder(krita).glob("*"):
        file.unlink()
    open_picture(krita)
    krita.execute("set_up('Poppy field', strength=77)")
    krita.execute("panel().presets.reload()")
    krita.wait_for("window().isActiveWindow()", PATIENCE, "the window to be active")
    return krita


def folder(krita):
    return krita.home / "velatura/config/presets"


def in_menu(krita, text):
    return krita.execute(CHOOSE.format(text))


def type_into_dialog(krita, text):
    """Enters a text in the question on the screen and accepts it. Not with Enter: the list of files that Qt proposes
    may take that key."""
    krita.wait_for(f"{DIALOG} is not None and {DIALOG}.findChild(QLineEdit) is not None", PATIENCE, "the question")
    krita.execute(
        f"question = {DIALOG}\nquestion.findChild(QLineEdit).setText({text!r})\nQTimer.singleShot(0, question.accept)"
    )
    krita.wait_for(f"{DIALOG} is None", PATIENCE, "the question to close")


def answer(krita, text):
    """Presses a button of the question on the screen."""
    krita.wait_for(f"{DIALOG} is not None", PATIENCE, "the question")
    krita.execute(f"next(b for b in {DIALOG}.buttons() if b.text().replace('&', '') == {text!r}).click()")
    krita.wait_for(f"{DIALOG} is None", PATIENCE, "the question to close")


def shows(krita, name):
    """Waits until the list shows this preset: a question has closed a moment before its answer takes effect."""
    krita.wait_for(f"{SHOWN} == {name!r}", PATIENCE, f"the preset {name}")


def save_as(krita, name):
    in_menu(krita, "Save as…")
    type_into_dialog(krita, name)
    shows(krita, name)


def test_choosing_a_preset_sets_every_setting_and_keeps_the_styles(window):
    window.execute("change('seed', 30)")
    shows(window, "Custom")
    x, y = window.execute("middle('preset')")
    window.run("xdotool", "mousemove", str(x), str(y), "click", "1")
    window.wait_for("widget('preset').view().isVisible()", PATIENCE, "the list")
    window.photograph("krita-presets-list")
    x, y = window.execute(
        "view = widget('preset').view()\nrow = view.model().index(widget('preset').findText('Portrait'), 0)\n"
        "at = view.viewport().mapToGlobal(view.visualRect(row).center())\n[at.x(), at.y()]"
    )
    window.run("xdotool", "mousemove", str(x), str(y), "click", "1")
    window.wait_for(f"{SHOWN} == 'Portrait'", PATIENCE, "the preset")
    assert window.execute("panel().presets.model.listing.find('Portrait').preset.equals(panel().settings())")
    assert window.execute("panel().settings().seed") == 0
    assert window.execute("[style.name for style in panel().chosen_styles()]") == ["Poppy field"]


def test_a_changed_setting_makes_it_custom(window):
    window.execute("p = panel().presets\np._on_activated(1)")
    shows(window, "Faint wash")
    window.execute("change('seed', 4)")
    shows(window, "Custom")
    window.execute("change('seed', 0)")
    shows(window, "Faint wash")


def test_settings_are_saved_with_the_picture_of_the_preview(window):
    window.execute("click('start')")
    window.wait_for("not busy() and panel().preview.has_preview", PATIENCE, "a preview")
    x, y = window.execute("middle('preset menu')")
    window.run("xdotool", "mousemove", str(x), str(y), "click", "1")
    window.wait_for("panel().presets.menu.isVisible()", PATIENCE, "the menu")
    window.photograph("krita-presets-menu")
    x, y = window.execute(
        "menu_ = panel().presets.menu\nat = menu_.mapToGlobal(menu_.actionGeometry(menu_.actions()[0]).center())\n[at.x(), at.y()]"
    )
    window.run("xdotool", "mousemove", str(x), str(y), "click", "1")
    type_into_dialog(window, "Blue hour: 1/2")
    shows(window, "Blue hour: 1/2")
    [file] = folder(window).iterdir()
    assert json.loads(file.read_text())["settings"]["strength"] == 77
    thumbnail = window.execute("panel().presets.model.current().preset.thumbnail.hex()")
    assert is_thumbnail(bytes.fromhex(thumbnail))
    assert "Blue hour" in window.execute("message()")
    window.photograph("krita-presets-saved")


def test_a_preset_is_only_replaced_after_a_question(window):
    save_as(window, "Mine")
    window.execute("change('strength', 33)")
    in_menu(window, "Save as…")
    window.wait_for(f"{DIALOG} is not None", PATIENCE, "the question")
    window.execute(f"{DIALOG}.setTextValue('mine')\nQTimer.singleShot(0, {DIALOG}.accept)")
    window.wait_for(f"{DIALOG} is not None and {DIALOG}.objectName() == 'preset question'", PATIENCE, "the question")
    answer(window, "Cancel")
    assert window.execute("panel().presets.model.listing.find('Mine').preset.settings.strength") == 77
    shows(window, "Custom")


def test_a_preset_is_renamed_and_deleted(window):
    save_as(window, "Mine")
    in_menu(window, "Rename…")
    type_into_dialog(window, "Yours")
    shows(window, "Yours")
    in_menu(window, "Delete")
    answer(window, "Delete")
    shows(window, "Custom")
    assert window.execute("panel().settings().strength") == 77
    assert list(folder(window).iterdir()) == []


def test_ours_cannot_be_deleted_and_the_menu_says_why(window):
    window.execute("panel().presets._on_activated(1)")
    assert "comes with Velatura" in in_menu(window, "Delete")
    assert "comes with Velatura" in in_menu(window, "Rename…")


def test_an_exported_preset_can_be_imported(window):
    save_as(window, "Mine")
    path = window.home / f"for-you{SUFFIX}"
    path.unlink(missing_ok=True)
    in_menu(window, "Export…")
    type_into_dialog(window, str(path))
    window.wait_until(path.exists, PATIENCE, "the file")
    assert json.loads(path.read_text())["name"] == "Mine"
    in_menu(window, "Delete")
    answer(window, "Delete")
    shows(window, "Custom")
    window.execute("change('strength', 12)")
    in_menu(window, "Import…")
    type_into_dialog(window, str(path))
    shows(window, "Mine")
    assert window.execute("panel().settings().strength") == 77


def test_a_file_that_cannot_be_used_costs_a_sentence_and_hides_no_other(window):
    save_as(window, "Mine")
    path = window.home / f"bad{SUFFIX}"
    path.write_bytes(b"\x00\xff{")
    in_menu(window, "Import…")
    type_into_dialog(window, str(path))
    window.wait_for("'bad.velatura-preset is damaged' in message()", PATIENCE, "the sentence")
    (folder(window) / path.name).write_bytes(path.read_bytes())
    in_menu(window, "Files that cannot be used…")
    window.wait_for(f"{DIALOG} is not None", PATIENCE, "the sentences")
    assert "bad.velatura-preset is damaged" in window.execute(f"{DIALOG}.text()")
    window.execute(f"{DIALOG}.accept()")
    assert window.execute("panel().presets.combo.findText('Mine')") > 0


def test_a_preset_that_another_program_has_saved_is_in_the_list(window):
    folder(window).mkdir(exist_ok=True)
    fields = {"velatura_preset": 1, "name": "From GIMP", "settings": {"strength": 5}}
    (folder(window) / f"From GIMP{SUFFIX}").write_text(json.dumps(fields))
    window.execute("widget('preset').showPopup()\nwidget('preset').hidePopup()")
    assert window.execute("panel().presets.combo.findText('From GIMP')") > 0


def test_the_row_fits_into_a_narrow_panel(window):
    assert window.execute("panel().presets.minimumSizeHint().width()") <= 200
