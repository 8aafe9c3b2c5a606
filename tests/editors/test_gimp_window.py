"""Tests of the dialog in a real GIMP: what reads how while a restyle runs, keys, and what the dialog remembers."""

from __future__ import annotations

import json

from tests.editors.session import PATIENCE

START = "[part.get_text() for part in inside(window()._start) if isinstance(part, Gtk.Label)] or [window()._start.get_label()]"


def close(user):
    user.dialog("window().dialog.response(Gtk.ResponseType.CANCEL)")
    user.gimp.wait_until(
        lambda: not user.gimp.dialog.path.exists() or not is_open(user), PATIENCE, "the dialog to close"
    )


def is_open(user):
    try:
        return bool(user.dialog("is_open()"))
    except (OSError, AssertionError):
        return False


def test_while_a_restyle_runs_the_button_starts_it_over(user):
    user.open_picture()
    user.open_dialog()
    assert "Restyle" in user.dialog(START)[0].replace("_", "")
    user.start_long_restyle()
    assert "Start over" in user.dialog(START)[0].replace("_", "")
    user.dialog("controller().cancel()")
    user.wait("'Cancelled' in message()", "the cancel")
    assert not user.dialog("window().preview.has_preview")  # the image is shown again
    close(user)


def test_enter_in_a_field_starts_nothing(user):
    user.open_picture()
    user.open_dialog()
    user.dialog(
        "field = next(p for p in inside(widget('setting strength')) if isinstance(p, Gtk.SpinButton))\nfield.grab_focus()\nfield.set_text('33')"
    )
    user.wait("window().dialog.is_active()", "the dialog to be active")
    user.gimp.run("xdotool", "key", "Return")
    user.wait("window().settings().strength == 33", "the value")
    assert not user.dialog("busy()")
    close(user)


def test_the_dialog_opens_where_it_was_and_the_gallery_is_as_it_was(user):
    user.open_picture()
    user.open_dialog()
    user.dialog("window().dialog.resize(820, 610)")
    user.wait("window().dialog.get_size()[0] == 820", "the new size")
    user.dialog(
        "own = window().gallery\nstyle = next(i.style for i in own.items() if i.style and i.style.name == 'Poppy field')\n"
        "dict(own.item_menu(style))['★ Add to favourites']()"
    )
    close(user)
    saved = user.gimp.home / "velatura/config/window-gimp.json"
    user.gimp.wait_until(lambda: "restyle" in json.loads(saved.read_text()).get("windows", {}), PATIENCE, "the file")
    user.open_dialog()
    assert user.dialog("list(window().dialog.get_size())")[0] == 820
    assert user.dialog("gallery()[0]") == "Poppy field"
    user.dialog("window().gallery.remove_style(window().gallery.items()[0].style)")
    assert "Poppy field" not in user.dialog("gallery()")
    user.dialog("controller().ui_state.removed.clear()\ncontroller().ui_state.recent.clear()")
    close(user)


def test_the_place_of_the_results_is_kept_when_the_dialog_below_them_closes(user):
    user.open_picture()
    user.open_dialog()
    user.dialog("GLib.idle_add(lambda: controller().open_results() and False) and None")
    user.wait("results() is not None", "the results")
    user.dialog("results().dialog.resize(880, 520)")
    user.wait("results().dialog.get_size()[0] == 880", "the new size")
    user.dialog("close_results()")
    user.wait("results() is None", "the results to close")
    close(user)
    saved = user.gimp.home / "velatura/config/window-gimp.json"
    user.gimp.wait_until(
        lambda: json.loads(saved.read_text()).get("windows", {}).get("results", [0, 0, 0])[2] == 880,
        PATIENCE,
        "the file",
    )
