"""Tests in GIMP on a screen: errors, changes during a restyle, and recovering results."""

from __future__ import annotations

import json
import os
import signal
import time

from tests.editors.gimp_user import HEARTBEATS
from tests.editors.session import PATIENCE
from tests.editors.user_home import start_daemon, velatura


def test_after_a_killed_daemon_a_restyle_can_be_resumed_stopped_and_inserted_in_its_place(user):
    user.open_picture("large.png")
    user.fill_the_screen()
    user.key("shift+ctrl+j")
    user.execute("select(200, 160, 400, 300, feather=20)")
    user.open_dialog("Ember waves", quality="draft")
    user.restyle()
    user.kill_midway(quality="good", iterations=0)
    assert "can be recovered" in user.dialog("window().saved.get_text()")
    user.execute("selected = Gimp.Selection.save(image())\nGimp.Selection.none(image())")
    user.dialog("click('recover')")
    user.wait(
        "results() is not None and len(listed()) == 1 and [len(e) for e in listed('history list')[:1]] == [3]",
        "the lists",
    )
    (lines,) = user.dialog("listed()")
    assert lines[0].startswith("Background, in ")
    assert lines[1] == "Night swirls 50 %"
    assert lines[2].startswith("stopped at ")
    user.gimp.run("xdotool", "mousemove", "10", "1040")
    user.dialog("window().dialog.move(60, 120)\nresults().dialog.move(640, 160)")
    user.wait("results().dialog.get_position()[0] > 600", "the dialog to be moved")
    user.dialog("press('resume')")
    user.wait("'Scale' in results().message.get_text() and results().preview.get_visible()", "the restyle to continue")
    user.gimp.photograph("gimp-results")
    user.dialog("press('stop')")
    user.wait("len(listed()) == 1 and 'Stopped' in results().message.get_text()", "the list to show it again")
    user.gimp.wait_until(lambda: not user.jobs(), PATIENCE, "the daemon to be free")
    user.dialog("press('insert')")
    user.wait("'new layer' in results().message.get_text() and listed() == []", "the layer")
    assert user.execute("layers()") == ["Night swirls 50 %", "Ember waves 50 %", "Background"]
    assert user.execute("box(image().get_layers()[0])") == [
        112,
        72,
        576,
        476,
    ]  # the feathered selection, and 64 pixels around it
    difference = (
        "max(abs(a - b) for a, b in zip(floats(image().get_layers()[0].get_mask(), 'Y float'), kept_selection))"
    )
    user.execute(
        "Gimp.context_set_feather(False)\nimage().select_item(Gimp.ChannelOps.REPLACE, selected)\nkept_selection = selection_over(image().get_layers()[0])\nGimp.Selection.none(image())"
    )
    assert user.execute(difference) <= 0.51 / 255
    user.close_results()


def test_cancelling_a_second_restyle_at_once_leaves_the_first_one_cancelled_too(user):
    user.open_dialog()
    user.start_long_restyle()
    user.dialog("controller().start()\ncontroller().cancel()")
    user.gimp.wait_until(lambda: not user.jobs(), PATIENCE, "the daemon to be free")
    assert user.execute("layers()") == ["Background"]


def test_an_unreadable_file_is_reported_and_the_report_can_be_copied(user):
    user.open_dialog()
    user.dialog(f"window().gallery.add_files([{str(user.gimp.home / 'broken.png')!r}])")
    user.wait("'broken.png' in message() and 'Choose another' in message()", "the error")
    user.dialog("click('copy_report')")
    user.wait("'Copied' in message()", "the report")
    copied = user.dialog("Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_for_text()")
    assert "GIMP 3.0" in copied
    assert "PyzmqDealer" in copied
    assert str(user.gimp.home) not in copied


def test_a_selection_beside_the_layer_is_reported_and_nothing_changes(user):
    user.execute("image().get_layers()[0].set_offsets(60, 40)\nselect(0, 0, 20, 20)\nimage().clean_all()")
    user.open_dialog()
    user.dialog("click('Restyle')")
    user.wait("'The selection does not overlap' in message()", "the error")
    assert not user.dialog("busy()")
    assert not user.execute("image().is_dirty()")


def test_if_the_image_is_closed_midway_the_result_becomes_a_new_image(user):
    user.open_dialog(quality="good", iterations=60)
    user.dialog("click('Restyle')")
    user.wait("'Scale' in message()", "the restyle to start")
    user.execute("close_all()")
    user.wait("not busy()", "the restyle")
    assert "opened as a new image" in user.dialog("message()")
    assert user.execute("len(images())") == 1
    assert user.execute("layers()") == ["Night swirls 50 %"]
    assert user.execute("box(image().get_layers()[0])") == [0, 0, 96, 72]
    assert user.execute("len(set(pixels(image().get_layers()[0]))) > 100")


def test_if_the_layer_is_deleted_midway_the_result_becomes_a_new_image(user):
    user.execute(
        "extra = image().get_layers()[0].copy()\nimage().insert_layer(extra, None, 0)\nimage().set_selected_layers([image().get_layers()[1]])\none = image()"
    )
    user.open_dialog(quality="good", iterations=60)
    user.dialog("click('Restyle')")
    user.wait("'Scale' in message()", "the restyle to start")
    user.execute("one.remove_layer(one.get_layers()[1])")
    user.wait("not busy()", "the restyle")
    assert user.execute("layers(one)") == ["Background copy"]
    assert user.execute("layers()") == ["Night swirls 50 %"]


def test_a_killed_daemon_is_reported_and_the_next_restyle_works(user):
    user.open_dialog()
    user.start_long_restyle()
    os.kill(json.loads(velatura(user.gimp.home, "daemon", "status", "--json"))["pid"], signal.SIGKILL)
    user.wait("not busy() and 'estyle again' in message()", "the error")
    assert user.dialog("visible('copy_report')")
    user.set_up()
    user.restyle()
    velatura(user.gimp.home, "daemon", "stop")  # the one that GIMP started in its own namespace
    start_daemon(user.gimp.home)


def test_a_stopped_restyle_can_be_resumed_to_its_end(user):
    before = user.execute("snapshot()")
    user.open_dialog()
    user.kill_midway(quality="good", iterations=60)
    user.close()
    user.open_results()
    user.wait("len(listed()) == 1", "the list")
    user.dialog("press('resume')")
    user.wait("'new layer' in results().message.get_text() and listed() == []", "the layer", 400)
    user.close_results()
    assert user.execute("layers()") == ["Night swirls 50 %", "Background"]
    user.execute("image().set_selected_layers([layer('Night swirls 50 %')])\nGimp.displays_flush()")
    user.menu("e")
    user.gimp.wait_for("is_open()", PATIENCE, "the dialog", user.gimp.dialog)
    user.wait("'Editing' in window().target.get_text()", "the recovered layer to be edited")
    assert user.dialog("window().settings().iterations") == 60
    user.close()
    user.key("ctrl+z")
    user.gimp.wait_until(lambda: user.execute("layers()") == ["Background"], PATIENCE, "the undo")
    assert user.execute("snapshot()") == before
    assert not user.execute("image().is_dirty()")  # so it was a single step


def test_the_settings_and_styles_of_a_past_restyle_can_be_used_again(user):
    user.open_dialog("Mosaic", strength=64, keep_colours="palette")
    user.restyle()
    user.set_up("Woodcut", strength=20, keep_colours="off")
    user.dialog("window().show_message('')")  # so that the next 'Done' is that of the second restyle
    user.restyle()
    user.close()
    user.open_results()
    user.wait(
        "[lines[1].split(',')[0] for lines in listed('history list')[:2]] == ['Woodcut 20 %', 'Mosaic 64 %']",
        "the history",
    )
    user.dialog(
        "results().tabs.set_current_page(1)\nresults().history_list.select_row(results().history_list.get_row_at_index(1))"
    )
    user.dialog("results().show_history(results().controller.entries)")  # as when another part of it arrives
    assert user.dialog("results().history_list.get_selected_row().get_index()") == 1
    user.wait("results().use_again.get_visible() and results().use_again.get_sensitive()", "the other page")
    user.dialog("press('use_again')")
    user.wait("is_open() and 'that restyle' in message()", "the restyle's dialog")
    assert user.dialog("chosen()") == [["Mosaic", 1.0]]
    assert user.dialog("[window().settings().strength, window().settings().keep_colours]") == [64, "palette"]
    user.dialog("change('keep_colours', 'off')")
    user.restyle()
    assert user.execute("layers()")[0].startswith("Mosaic 64 %")


def test_without_an_image_a_recovered_result_becomes_a_new_image(user):
    user.open_dialog()
    user.kill_midway(quality="good", iterations=60)
    user.close()
    user.execute("close_all()")
    user.title = "GNU Image Manipulation Program"
    user.open_results()
    user.wait("len(listed()) == 1", "the list")
    user.dialog("press('insert')")
    user.wait("'new image' in results().message.get_text() and listed() == []", "the image")
    user.close_results()
    assert user.execute("layers()") == ["Night swirls 50 %"]


def test_gimp_can_be_closed_with_a_job_running_and_the_daemon_is_free(user):
    user.open_dialog()
    user.start_long_restyle()
    home, editor = user.gimp.home, user.gimp.process
    user.execute("image().clean_all()")
    user.key("ctrl+q")
    editor.wait(PATIENCE)
    end = time.monotonic() + HEARTBEATS
    while "running" in [job["state"] for job in user.jobs()]:
        assert time.monotonic() < end, f"the daemon still runs a job for the closed GIMP: {home}"
        time.sleep(0.5)
