"""Tests in GIMP on a screen: layers, selections and the dialog, through the menus."""

from __future__ import annotations

import pytest

from tests.editors.gimp_user import AGAIN_KEY, CHOOSE_REGION, HEARTBEATS, RESTYLE_KEY, STATUS_BAR_CANCEL
from tests.editors.reporting import add_gaps, for_the_pages, say
from tests.editors.session import PATIENCE


@for_the_pages
def test_screenshots(user):
    """Takes the screenshots of the documentation."""
    user.open_picture("large.png")
    user.fill_the_screen()
    user.key("shift+ctrl+j")  # fit the picture in the window
    user.open_dialog("Ember waves", strength=45, iterations=0)
    user.gimp.run("xdotool", "mousemove", "10", "1040")
    user.dialog("window().dialog.move(560, 170)\nclick('Restyle')")
    user.wait("window().preview.has_preview and window().bar.get_fraction() > 0.35", "a preview")
    user.gimp.photograph("gimp-window")
    user.wait("not busy()", "the restyle", 300)
    user.close()
    user.gimp.photograph("gimp-layer")
    user.execute("select(0, 0, 960, 300, feather=20)")
    user.open_dialog("Night swirls", "Poppy field", strength=55, iterations=0)
    user.dialog(CHOOSE_REGION.format(style="Night swirls"))
    user.execute("Gimp.Selection.none(image())\nGimp.displays_flush()")
    user.gimp.run("xdotool", "mousemove", "10", "1040")
    user.dialog("widget('more').set_expanded(True)\nwindow().dialog.resize(1040, 940)\nwindow().dialog.move(560, 20)")
    user.wait("window().target.get_text().startswith('Background')", "the dialog to notice that nothing is selected")
    user.wait("window().estimate.get_text() != ''", "the estimate")
    user.dialog("click('Restyle')")
    user.wait("window().preview.has_preview and window().bar.get_fraction() > 0.35", "a preview")
    user.gimp.photograph("gimp-regions")
    user.dialog("click('Cancel')")
    user.wait("not busy()", "the cancel")
    user.close()


def test_the_dialog_shows_an_estimate_before_the_restyle_starts(user):
    user.open_dialog()
    user.wait("window().estimate.get_text() != ''", "the estimate")


def test_the_dialog_makes_a_layer_that_a_single_undo_removes(user):
    before = user.execute("snapshot()")
    user.open_dialog()
    assert user.dialog("window().target.get_text()") == "Background · 96 × 72 px"
    user.restyle()
    assert "new layer “Night swirls 50 %”" in user.dialog("message()")
    assert user.dialog("window().preview.has_preview")
    user.close()
    assert user.execute("layers()") == ["Night swirls 50 %", "Background"]
    assert user.execute("[one.get_name() for one in image().get_selected_layers()]") == ["Background"]
    assert user.execute("image().is_dirty()")
    user.key("ctrl+z")
    user.gimp.wait_until(lambda: user.execute("layers()") == ["Background"], PATIENCE, "the undo")
    assert user.execute("snapshot()") == before
    assert not user.execute("image().is_dirty()")  # so it was a single step


def test_the_result_of_a_selection_and_its_mask_are_one_undo_step(user):
    user.execute("select(30, 20, 40, 30, feather=4)\nimage().clean_all()")
    before = user.execute("snapshot()")
    user.open_dialog()
    assert "Selection of Background" in user.dialog("window().target.get_text()")
    user.restyle()
    user.close()
    assert user.execute(
        "floats(image().get_layers()[0].get_mask(), 'Y float') == selection_over(image().get_layers()[0])"
    )
    user.key("ctrl+z")
    user.gimp.wait_until(lambda: user.execute("layers()") == ["Background"], PATIENCE, "the undo")
    assert user.execute("snapshot()") == before
    assert not user.execute("image().is_dirty()")


def test_cancel_keeps_the_dialog_open_the_image_unchanged_and_frees_the_daemon(user):
    before = user.execute("snapshot()")
    user.open_dialog()
    user.start_long_restyle()
    user.dialog("click('Cancel')")
    user.wait("'Cancelled' in message() and not busy()", "the cancel")
    assert user.dialog("is_open()")
    assert not user.jobs()
    assert user.execute("snapshot()") == before
    assert not user.execute("image().is_dirty()")
    user.set_up()
    user.restyle()
    assert user.execute("layers()") == ["Night swirls 50 %", "Background"]


def test_escape_cancels_a_running_restyle_and_the_next_escape_closes_the_dialog(user):
    user.open_dialog()
    user.start_long_restyle()
    user.gimp.run("xdotool", "key", "Escape")
    user.wait("'Cancelled' in message()", "the cancel")
    user.gimp.run("xdotool", "key", "Escape")
    user.gimp.wait_until(user.is_closed, PATIENCE, "the dialog to close")


def test_closing_the_dialog_stops_a_running_restyle(user):
    user.open_dialog()
    user.start_long_restyle()
    user.gimp.run("xdotool", "key", "alt+F4")
    user.gimp.wait_until(user.is_closed, PATIENCE, "the dialog to close")
    user.gimp.wait_until(
        lambda: not [j for j in user.jobs() if j["state"] == "running"], HEARTBEATS, "the daemon to be free"
    )
    assert user.execute("layers()") == ["Background"]


def test_a_setting_changed_midway_applies_to_the_running_restyle(user):
    user.open_dialog()
    user.start_long_restyle()
    user.dialog("change('strength', 80)\nchange('iterations', 10)")
    user.wait("not busy()", "the restyle")
    assert user.execute("layers()") == ["Night swirls 80 %", "Background"]
    assert user.dialog("controller().current.finished.result.started_from") == "last"


def test_restyle_again_and_repeat_add_the_next_result_above_the_last_without_a_dialog(user):
    user.open_dialog(strength=60)
    user.restyle()
    user.close()
    for count, again in ((3, lambda: user.menu(AGAIN_KEY)), (4, lambda: user.key("ctrl+f"))):
        again()
        user.gimp.wait_until(lambda count=count: len(user.execute("layers()")) == count, PATIENCE, "the next layer")
    assert all(name.startswith("Night swirls 60 %") for name in user.execute("layers()")[:3])
    assert user.execute("layers()")[3] == "Background"


def test_restyle_again_beside_an_open_dialog_replaces_its_restyle_and_the_dialog_reports_it(user):
    user.open_dialog()
    user.restyle()
    user.start_long_restyle()
    user.dialog(
        "from velatura.editor import ui_state\nfrom velatura.settings import StyleSettings\nknown = ui_state.load(controller().dirs, 'gimp')\nknown.settings = StyleSettings(quality='draft', iterations=6)\nui_state.save(controller().dirs, 'gimp', known)"
    )
    user.menu(AGAIN_KEY)
    user.wait("'a newer restyle' in message() and not busy()", "the dialog to report it")
    user.gimp.wait_until(lambda: len(user.execute("layers()")) == 3, PATIENCE, "the layer")


def test_cancel_in_the_status_bar_frees_the_device_after_two_missed_heartbeats(user):
    user.open_dialog()
    user.start_long_restyle()
    user.dialog("click('Cancel')")
    user.wait("not busy()", "the cancel")
    user.close()
    user.menu(AGAIN_KEY)  # with the 20000 steps of the cancelled restyle
    user.gimp.wait_until(lambda: "running" in [job["state"] for job in user.jobs()], PATIENCE, "the restyle to start")
    user.fill_the_screen()
    user.gimp.run("xdotool", "mousemove", *STATUS_BAR_CANCEL, "click", "1")
    user.gimp.wait_until(
        lambda: "running" not in [job["state"] for job in user.jobs()], HEARTBEATS, "the device to be free"
    )
    assert user.execute("layers()") == ["Background"]
    user.open_dialog()
    user.restyle()


def test_the_dialog_remembers_the_last_settings_and_styles(user):
    user.open_dialog("Poppy field", "Mosaic", strength=35, keep_colours="luminance")
    user.dialog("[widget(f'share of {n}').set_value(v) for n, v in (('Mosaic', 0.4),)]")
    user.restyle()
    user.close()
    user.menu(RESTYLE_KEY)
    user.wait("is_open()", "the dialog")
    assert sorted(user.dialog("chosen()")) == [["Mosaic", 0.4], ["Poppy field", 1.0]]
    assert user.dialog("[window().settings().strength, window().settings().keep_colours]") == [35, "luminance"]


def test_gimps_presets_restore_settings_and_styles(user):
    user.open_dialog("Woodcut", strength=77)
    user.dialog("click('Save Settings')")
    user.set_up("Mosaic", strength=12)
    user.dialog("click('Load Saved Settings')")
    user.wait("chosen() == [['Woodcut', 1.0]]", "the saved style")
    assert user.dialog("window().settings().strength") == 77


def test_quality_paper_disables_the_strength(user):
    user.open_dialog(quality="paper")
    assert not user.dialog("widget('setting strength').is_sensitive()")
    user.dialog("change('quality', 'draft')")
    assert user.dialog("widget('setting strength').is_sensitive()")


LARGE = {
    "4 megapixels": (2048, 2048, False),
    "12 megapixels": (4000, 3000, False),
    "24 megapixels": (6000, 4000, False),
    "12 megapixels, with a selection": (4000, 3000, True),
}


USUAL = "12 megapixels, with a selection"  # in every run: it has the most work for each pixel


@pytest.mark.parametrize("name", [USUAL, *(pytest.param(name, marks=for_the_pages) for name in LARGE if name != USUAL)])
def test_a_large_image_is_measured(user, name):
    """Measures a draft with a warm daemon: the gaps of the dialog's event loop, and the time to the first preview."""
    user.open_dialog()
    user.restyle()  # so that the network is loaded and the style is cached
    user.close()
    width, height, has_selection = LARGE[name]
    say(f"restyling {name}")
    user.open_picture("large.png")
    user.execute(f"image().scale({width}, {height})")
    if has_selection:
        user.execute(f"select(0, 0, {width}, {height - 100}, 20)")
    user.open_dialog(iterations=4)
    inserted = user.gimp.home / "inserted"
    inserted.unlink(missing_ok=True)
    user.dialog(f"measure_gaps({str(inserted)!r})\nclick('Restyle')")
    user.gimp.wait_until(inserted.exists, 300, "the large restyle")
    report = user.dialog("gaps.stop()\ngaps.report()")
    assert len(user.execute("layers()")) == 2
    add_gaps(f"GIMP, {name}", report)
