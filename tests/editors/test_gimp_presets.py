"""Presets in a real GIMP: choosing, saving, renaming, deleting, importing and exporting them."""

from __future__ import annotations

import json

import pytest

from tests.editors.session import PATIENCE
from velatura.presets.preset import SUFFIX
from velatura.presets.thumbnail import is_thumbnail

SHOWN = "window().presets._rows[window().presets.combo.get_active()][1]"
# Chooses an entry of the menu as soon as this step has ended, since most of them ask something.
CHOOSE = (
    "kept_menu = window().presets.menu()\nentry = next(i for i in kept_menu.get_children() if i.get_label() == {!r})\n"
    "(GLib.idle_add(lambda: entry.activate() and False) and None) if entry.get_sensitive() else entry.get_tooltip_text()"
)
QUESTION = "[w for w in Gtk.Window.list_toplevels() if w.get_name() == {!r} and w.is_visible()]"


@pytest.fixture
def dialog(user):
    """The dialog with a small picture, and no presets of the user's."""
    for file in folder(user).glob("*"):
        file.unlink()
    user.open_dialog("Poppy field", strength=77)
    return user


def folder(user):
    return user.gimp.home / "velatura/config/presets"


def in_menu(user, text):
    return user.dialog(CHOOSE.format(text))


def type_into(user, name, text):
    """Types into a question on the screen, and accepts it."""
    question = QUESTION.format(name)
    user.wait(question, "the question")
    if name == "preset file":
        user.dialog(f"{question}[0].set_filename({text!r})")
        is_saving = "preset_question.get_action() == Gtk.FileChooserAction.SAVE"
        user.dialog(
            f"preset_question = {question}[0]\npreset_question.set_current_name({text.rpartition('/')[2]!r}) if {is_saving} else None"
        )
        user.wait(f"preset_question.get_filename() == {text!r}", "the file")
        user.dialog("GLib.idle_add(lambda: preset_question.response(Gtk.ResponseType.ACCEPT) and False) and None")
    else:
        user.dialog(
            f"preset_question = {question}[0]\n"
            f"next(w for w in inside(preset_question) if isinstance(w, Gtk.Entry)).set_text({text!r})\n"
            "GLib.idle_add(lambda: preset_question.response(Gtk.ResponseType.ACCEPT) and False) and None"
        )
    user.wait(f"not {question}", "the question to close")


def answer(user, response):
    question = QUESTION.format("preset question")
    user.wait(question, "the question")
    user.dialog(f"GLib.idle_add(lambda: {question}[0].response(Gtk.ResponseType.{response}) and False) and None")
    user.wait(f"not {question}", "the question to close")


def shows(user, name):
    """Waits until the list shows this preset: a question has closed a moment before its answer takes effect."""
    user.wait(f"{SHOWN} == {name!r}", f"the preset {name}")


def save_as(user, name):
    in_menu(user, "Save as…")
    type_into(user, "preset name", name)


def choose(user, name):
    user.dialog(
        f"names = [row[1] for row in window().presets._rows]\nwindow().presets.combo.set_active(names.index({name!r}))"
    )


def test_choosing_a_preset_sets_every_setting_and_keeps_the_styles(dialog):
    dialog.dialog("change('fine', 30)")
    shows(dialog, "Custom")
    dialog.dialog("widget('preset').grab_focus()\nGLib.idle_add(lambda: widget('preset').popup() and False) and None")
    dialog.wait("widget('preset').get_property('popup-shown')", "the list")
    dialog.gimp.photograph("gimp-presets-list")
    dialog.dialog("widget('preset').popdown()")
    choose(dialog, "Portrait")
    shows(dialog, "Portrait")
    assert dialog.dialog("window().presets.model.listing.find('Portrait').preset.equals(window().settings())")
    assert dialog.dialog("chosen()") == [["Poppy field", 1]]
    dialog.gimp.photograph("gimp-presets-chosen")


def test_a_changed_setting_makes_it_custom(dialog):
    choose(dialog, "Faint wash")
    shows(dialog, "Faint wash")
    strength = dialog.dialog("window().settings().strength")
    dialog.dialog("change('strength', 99)")
    dialog.wait(f"{SHOWN} == 'Custom'", "the change")
    dialog.dialog(f"change('strength', {strength})")
    dialog.wait(f"{SHOWN} == 'Faint wash'", "the change")


def test_settings_are_saved_with_the_picture_of_the_preview(dialog):
    dialog.restyle()
    assert dialog.dialog("window().preview.has_preview")
    in_menu(dialog, "Save as…")
    type_into(dialog, "preset name", "Blue hour: 1/2")
    shows(dialog, "Blue hour: 1/2")
    [file] = folder(dialog).iterdir()
    assert json.loads(file.read_text())["settings"]["strength"] == 77
    assert is_thumbnail(bytes.fromhex(dialog.dialog("window().presets.model.current().preset.thumbnail.hex()")))
    assert "Blue hour" in dialog.dialog("message()")
    dialog.gimp.photograph("gimp-presets-saved")


def test_a_preset_is_renamed_and_deleted(dialog):
    save_as(dialog, "Mine")
    shows(dialog, "Mine")
    in_menu(dialog, "Rename…")
    type_into(dialog, "preset name", "Yours")
    shows(dialog, "Yours")
    in_menu(dialog, "Delete")
    answer(dialog, "ACCEPT")
    shows(dialog, "Custom")
    assert dialog.dialog("window().settings().strength") == 77
    assert list(folder(dialog).iterdir()) == []


def test_a_preset_is_only_replaced_after_a_question(dialog):
    save_as(dialog, "Mine")
    shows(dialog, "Mine")
    dialog.dialog("change('strength', 33)")
    save_as(dialog, "mine")
    answer(dialog, "CANCEL")
    assert dialog.dialog("window().presets.model.listing.find('Mine').preset.settings.strength") == 77


def test_ours_cannot_be_deleted_and_the_menu_says_why(dialog):
    choose(dialog, "Portrait")
    assert "comes with Velatura" in in_menu(dialog, "Delete")


def test_an_exported_preset_can_be_imported(dialog):
    save_as(dialog, "Mine")
    shows(dialog, "Mine")
    path = dialog.gimp.home / f"for-gimp{SUFFIX}"
    path.unlink(missing_ok=True)
    in_menu(dialog, "Export…")
    type_into(dialog, "preset file", str(path))
    dialog.gimp.wait_until(path.exists, PATIENCE, "the file")
    in_menu(dialog, "Delete")
    answer(dialog, "ACCEPT")
    shows(dialog, "Custom")
    dialog.dialog("change('strength', 12)")
    in_menu(dialog, "Import…")
    type_into(dialog, "preset file", str(path))
    dialog.wait(f"{SHOWN} == 'Mine'", "the preset")
    assert dialog.dialog("window().settings().strength") == 77


def test_a_file_that_cannot_be_used_costs_a_sentence_and_hides_no_other(dialog):
    save_as(dialog, "Mine")
    shows(dialog, "Mine")
    (folder(dialog) / f"bad{SUFFIX}").write_bytes(b"\x00\xff{")
    dialog.dialog(f"window().presets.model.import_files([{str(folder(dialog) / f'bad{SUFFIX}')!r}])")
    assert "bad.velatura-preset is damaged" in dialog.dialog("message()")
    entries = dialog.dialog("kept_menu = window().presets.menu()\n[i.get_label() for i in kept_menu.get_children()]")
    assert "Files that cannot be used…" in entries
    assert "Mine" in dialog.dialog("[row[1] for row in window().presets._rows]")


def test_the_row_fits_into_a_narrow_panel(dialog):
    assert dialog.dialog("window().presets.get_preferred_width()[0]") <= 200
