"""GIMP itself, on a screen, driven through its menus and the plug-in's dialog; a real daemon does the work."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass

import pytest

from tests.editors.conftest import FIGURES, say, velatura
from tests.editors.gimp_session import GimpOnScreen
from tests.editors.session import PATIENCE

HEARTBEATS = 2 * 5.0 + 5.0  # seconds: two silent ones, and a little
RESTYLE_KEY, AGAIN_KEY, EXPLAIN_KEY, RESULTS_KEY = "y", "i", "k", "d"  # mnemonics in Filters ▸ Artistic
STATUS_BAR_CANCEL = ("1405", "1024")  # where it is in a window of the whole screen


@dataclass
class Person:
    """Somebody at GIMP. do: steps in GIMP; dialog: steps in the dialog."""

    gimp: GimpOnScreen
    title: str = "GIMP$"  # of GIMP's own window

    def do(self, code: str):
        return self.gimp.do(code)

    def dialog(self, code: str):
        return self.gimp.dialog.do(code)

    def open_picture(self, name: str = "small.png") -> None:
        self.do(f"open_picture({str(self.gimp.home / name)!r})\nimage().clean_all()")

    def key(self, key: str) -> None:
        """A real key, into the image window."""
        window = f'xdotool search --sync --onlyvisible --name "{self.title}" windowactivate --sync'
        self.gimp.run("sh", "-c", f"{window}; xdotool key --clearmodifiers {key}")

    def fill_the_screen(self) -> None:
        """The image window; GIMP gives it a size of its own, a little after a picture was opened."""
        ask = 'w=$(xdotool search --sync --onlyvisible --name "GIMP$"); xdotool windowmove $w 0 0 windowsize $w 1678 1020; xdotool getwindowgeometry $w'

        def is_so() -> bool:
            return "1678x1020" in self.gimp.run("sh", "-c", ask) and "1678x1020" in self.gimp.run("sh", "-c", ask)

        self.gimp.wait_until(is_so, PATIENCE, "a window as large as the screen")

    def menu(self, key: str) -> None:
        """Filters ▸ Artistic ▸ …, by the keyboard."""
        for opens in (lambda: self.key("alt+r"), lambda: self.gimp.run("xdotool", "key", "a")):
            before = self._windows_seen()
            opens()
            self.gimp.wait_until(lambda before=before: self._windows_seen() > before, PATIENCE, "the menu")
        self.gimp.run("xdotool", "key", key)

    def _windows_seen(self) -> int:
        return len(self.gimp.run("xdotool", "search", "--onlyvisible", "--class", "gimp").split())

    def open_dialog(self, *styles: str, **setting_specs: object) -> None:
        self.menu(RESTYLE_KEY)
        self.gimp.wait_for("is_open()", PATIENCE, "the dialog", self.gimp.dialog)
        self.set_up(*styles, **setting_specs)

    def set_up(self, *styles: str, **setting_specs: object) -> None:
        arguments = [*map(repr, styles), *(f"{name}={value!r}" for name, value in setting_specs.items())]
        self.dialog(f"set_up({', '.join(arguments)})")

    def wait(self, condition: str, what: str, patience: float = PATIENCE) -> None:
        """Until it is true in the dialog."""
        self.gimp.wait_for(condition, patience, what, self.gimp.dialog)

    def restyle(self) -> None:
        """Press the dialog's button, and wait for the layer."""
        self.dialog("click('Restyle')")
        self.wait("controller().current is not None and not busy() and 'Done' in message()", "the restyle")

    def begin_long_work(self) -> None:
        self.set_up(quality="good", iterations=20000)
        self.dialog("click('Restyle')")
        self.wait("'Scale' in message()", "the work to begin")

    def kill_midway(self, **setting_specs: object) -> None:
        """A restyle is begun in the open dialog, and its daemon killed when the work is on the disk."""
        works = self.gimp.home / "velatura/state/works"
        velatura(self.gimp.home, "results", "drop", "--all")  # what earlier tests have left
        self.set_up(**setting_specs)
        self.dialog("click('Restyle')")
        self.gimp.wait_until(lambda: list(works.glob("*.kept")), PATIENCE, "the work to be kept")
        os.kill(json.loads(velatura(self.gimp.home, "daemon", "status", "--json"))["pid"], signal.SIGKILL)
        self.wait("not busy() and 'estyle again' in message()", "the sentence")
        velatura(self.gimp.home, "daemon", "start")  # else it would be one of GIMP's own place

    def open_results(self) -> None:
        """By the menu, without the restyle's dialog."""
        self.menu(RESULTS_KEY)
        self.gimp.wait_for("results() is not None", PATIENCE, "the dialog", self.gimp.dialog)

    def close_results(self) -> None:
        self.dialog("close_results()")
        self.gimp.wait_until(self.are_results_away, PATIENCE, "the dialog to close")

    def are_results_away(self) -> bool:
        try:
            return not self.gimp.dialog.do("results() is not None", 5)
        except (OSError, AssertionError):
            return True

    def close(self) -> None:
        self.dialog("window().closing = False\nclick('Close')")
        self.gimp.wait_until(self.is_away, PATIENCE, "the dialog to close")

    def is_away(self) -> bool:
        try:
            return not self.gimp.dialog.do("is_open()", 5)
        except (OSError, AssertionError):
            return True

    def jobs(self) -> list[dict]:
        return json.loads(velatura(self.gimp.home, "daemon", "status", "--json"))["jobs"]


@pytest.fixture
def person_at(gimp):
    """A small picture alone in GIMP, and no dialog."""
    someone = Person(gimp)
    try:
        assert gimp.process is not None and gimp.process.poll() is None
        someone.open_picture()
    except (AssertionError, OSError):
        assert gimp.process is not None
        gimp.process.wait(60)  # one that lives is a failure; one that crashes takes a moment to end
        # GIMP 3.0.4 itself sometimes ends with a segmentation fault as one picture is closed and the next opened (two of eight runs), with no
        # procedure of ours at work. That is said, and GIMP started anew, once: what a test is about has not begun yet.
        say(f"GIMP has ended by itself, and is started anew; its last words:\n{gimp.log()[-1000:]}")
        gimp.start()
        someone.open_picture()
    yield someone
    if not someone.are_results_away():
        someone.close_results()
    if not someone.is_away():
        someone.dialog("controller().cancel()")
        someone.close()


def test_what_it_looks_like(person_at):
    """Screenshots, to be looked at."""
    person_at.open_picture("large.png")
    person_at.fill_the_screen()
    person_at.key("shift+ctrl+j")  # the picture, as large as it fits
    person_at.open_dialog("Ember waves", strength=45, iterations=0)
    person_at.gimp.run("xdotool", "mousemove", "10", "1040")
    person_at.dialog("window().dialog.move(560, 170)\nclick('Restyle')")
    person_at.wait("window().preview.has_preview and window().bar.get_fraction() > 0.35", "a preview")
    person_at.gimp.photograph("gimp-window")
    person_at.wait("not busy()", "the restyle", 300)
    person_at.close()
    person_at.gimp.photograph("gimp-layer")
    person_at.do("select(0, 0, 960, 300, feather=20)")
    person_at.open_dialog("Night swirls", "Poppy field", strength=55, iterations=0)
    person_at.dialog(REGION.format(style="Night swirls"))
    person_at.do("Gimp.Selection.none(image())\nGimp.displays_flush()")
    person_at.gimp.run("xdotool", "mousemove", "10", "1040")
    person_at.dialog(
        "widget('more').set_expanded(True)\nwindow().dialog.resize(1040, 940)\nwindow().dialog.move(560, 20)"
    )
    person_at.wait("window().target.get_text().startswith('Background')", "the dialog to see that nothing is selected")
    person_at.wait("window().estimate.get_text() != ''", "the estimate")
    person_at.dialog("click('Restyle')")
    person_at.wait("window().preview.has_preview and window().bar.get_fraction() > 0.35", "a preview")
    person_at.gimp.photograph("gimp-regions")
    person_at.dialog("click('Cancel')")
    person_at.wait("not busy()", "the cancel")
    person_at.close()


def test_what_a_killed_daemon_had_done_goes_on_stays_where_it_is_stopped_and_comes_back_at_its_place(person_at):
    person_at.open_picture("large.png")
    person_at.fill_the_screen()
    person_at.key("shift+ctrl+j")
    person_at.do("select(200, 160, 400, 300, feather=20)")
    person_at.open_dialog("Ember waves", quality="draft")
    person_at.restyle()
    person_at.kill_midway(quality="good", iterations=0)
    assert "can be recovered" in person_at.dialog("window().kept.get_text()")
    person_at.do("selected = Gimp.Selection.save(image())\nGimp.Selection.none(image())")
    person_at.dialog("click('recover')")
    person_at.wait("results() is not None and len(listed()) == 1 and len(listed('history list')[0]) == 3", "the lists")
    (lines,) = person_at.dialog("listed()")
    assert lines[0].startswith("Background, in ")
    assert lines[1] == "Night swirls 50 %"
    assert lines[2].startswith("stopped at ")
    person_at.gimp.run("xdotool", "mousemove", "10", "1040")
    person_at.dialog("window().dialog.move(60, 120)\nresults().dialog.move(640, 160)")
    person_at.wait("results().dialog.get_position()[0] > 600", "the dialog to be moved")
    person_at.dialog("press('go_on')")
    person_at.wait("'Scale' in results().message.get_text() and results().preview.get_visible()", "the work to go on")
    person_at.gimp.photograph("gimp-results")
    person_at.dialog("press('stop')")
    person_at.wait("len(listed()) == 1 and 'Stopped' in results().message.get_text()", "the list as it was")
    person_at.gimp.wait_until(lambda: not person_at.jobs(), PATIENCE, "the daemon to be free")
    person_at.dialog("press('insert')")
    person_at.wait("'new layer' in results().message.get_text() and listed() == []", "the layer")
    assert person_at.do("layers()") == ["Night swirls 50 %", "Ember waves 50 %", "Background"]
    assert person_at.do("place(image().get_layers()[0])") == [
        112,
        72,
        576,
        476,
    ]  # the feathered selection, and 64 pixels around it
    difference = (
        "max(abs(a - b) for a, b in zip(floats(image().get_layers()[0].get_mask(), 'Y float'), kept_selection))"
    )
    person_at.do(
        "Gimp.context_set_feather(False)\nimage().select_item(Gimp.ChannelOps.REPLACE, selected)\nkept_selection = selection_over(image().get_layers()[0])\nGimp.Selection.none(image())"
    )
    assert person_at.do(difference) <= 0.51 / 255
    person_at.close_results()


# What the menu entry "Current selection" does.
REGION = "gallery_of = window().gallery\ngallery_of._take_region(next(s for s in gallery_of.chosen() if s.name == '{style}'), canvas_regions()[0])"


def test_the_dialog_says_how_long_it_would_take_before_it_is_asked_to(person_at):
    person_at.open_dialog()
    person_at.wait("window().estimate.get_text() != ''", "the estimate")


def test_a_region_of_the_dialog_is_asked_of_the_daemon(person_at):
    person_at.do("select(30, 20, 40, 30)")
    person_at.open_dialog("Night swirls", "Mosaic")
    person_at.dialog(REGION.format(style="Mosaic"))
    person_at.do("Gimp.Selection.none(image())")
    assert person_at.dialog("sorted(inside_text('where Mosaic') + inside_text('where Night swirls'))") == [
        "Everywhere else",
        "Selection",
    ]
    person_at.dialog("turn('seamless', True)")
    person_at.restyle()
    assert person_at.dialog("sorted(g.region is None for g in controller().current.pictures)") == [False, True]
    region = "next(bytes(g.region.data) for g in controller().current.pictures if g.region)"
    assert person_at.dialog(
        f"{region} == bytes(96 * 20) + (bytes(30) + b'\\xff' * 40 + bytes(26)) * 30 + bytes(96 * 22)"
    )
    assert person_at.dialog("controller().current.settings.seamless")
    person_at.dialog("turn('seamless', False)")


def test_the_networks_view_comes_by_the_menu_and_the_status_bars_cancel_ends_it(person_at):
    person_at.open_dialog()
    person_at.restyle()
    person_at.close()
    person_at.fill_the_screen()
    person_at.menu(EXPLAIN_KEY)
    person_at.gimp.wait_until(
        lambda: "running" in [job["state"] for job in person_at.jobs()], PATIENCE, "the work to begin"
    )
    person_at.gimp.run("xdotool", "mousemove", *STATUS_BAR_CANCEL, "click", "1")
    person_at.gimp.wait_until(
        lambda: not [j for j in person_at.jobs() if j["state"] == "running"], HEARTBEATS + 5, "the daemon to be free"
    )
    assert person_at.do("len(images())") == 1


def test_by_the_menu_and_the_dialog_a_layer_is_made_that_one_undo_takes_away(person_at):
    before = person_at.do("snapshot()")
    person_at.open_dialog()
    assert person_at.dialog("window().target.get_text()") == "Background · 96 × 72 px"
    person_at.restyle()
    assert "new layer “Night swirls 50 %”" in person_at.dialog("message()")
    assert person_at.dialog("window().preview.has_preview")
    person_at.close()
    assert person_at.do("layers()") == ["Night swirls 50 %", "Background"]
    assert person_at.do("[one.get_name() for one in image().get_selected_layers()]") == ["Background"]
    assert person_at.do("image().is_dirty()")
    person_at.key("ctrl+z")
    person_at.gimp.wait_until(lambda: person_at.do("layers()") == ["Background"], PATIENCE, "the undo")
    assert person_at.do("snapshot()") == before
    assert not person_at.do("image().is_dirty()")  # it was one step


def test_a_selections_result_and_its_mask_are_one_step_too(person_at):
    person_at.do("select(30, 20, 40, 30, feather=4)\nimage().clean_all()")
    before = person_at.do("snapshot()")
    person_at.open_dialog()
    assert "Selection of Background" in person_at.dialog("window().target.get_text()")
    person_at.restyle()
    person_at.close()
    assert person_at.do(
        "floats(image().get_layers()[0].get_mask(), 'Y float') == selection_over(image().get_layers()[0])"
    )
    person_at.key("ctrl+z")
    person_at.gimp.wait_until(lambda: person_at.do("layers()") == ["Background"], PATIENCE, "the undo")
    assert person_at.do("snapshot()") == before
    assert not person_at.do("image().is_dirty()")


def test_cancel_leaves_the_dialog_open_the_picture_as_it_was_and_the_daemon_free(person_at):
    before = person_at.do("snapshot()")
    person_at.open_dialog()
    person_at.begin_long_work()
    person_at.dialog("click('Cancel')")
    person_at.wait("'Cancelled' in message() and not busy()", "the cancel")
    assert person_at.dialog("is_open()")
    assert not person_at.jobs()
    assert person_at.do("snapshot()") == before
    assert not person_at.do("image().is_dirty()")
    person_at.set_up()
    person_at.restyle()
    assert person_at.do("layers()") == ["Night swirls 50 %", "Background"]


def test_escape_stops_what_is_in_work_and_the_next_one_closes(person_at):
    person_at.open_dialog()
    person_at.begin_long_work()
    person_at.gimp.run("xdotool", "key", "Escape")
    person_at.wait("'Cancelled' in message()", "the cancel")
    person_at.gimp.run("xdotool", "key", "Escape")
    person_at.gimp.wait_until(person_at.is_away, PATIENCE, "the dialog to close")


def test_closing_the_dialog_with_work_on_stops_it(person_at):
    person_at.open_dialog()
    person_at.begin_long_work()
    person_at.gimp.run("xdotool", "key", "alt+F4")
    person_at.gimp.wait_until(person_at.is_away, PATIENCE, "the dialog to close")
    person_at.gimp.wait_until(
        lambda: not [j for j in person_at.jobs() if j["state"] == "running"], HEARTBEATS, "the daemon to be free"
    )
    assert person_at.do("layers()") == ["Background"]


def test_a_knob_turned_midway_goes_on_with_the_new_setting(person_at):
    person_at.open_dialog()
    person_at.begin_long_work()
    person_at.dialog("turn('strength', 80)\nturn('iterations', 10)")
    person_at.wait("not busy()", "the restyle")
    assert person_at.do("layers()") == ["Night swirls 80 %", "Background"]
    assert person_at.dialog("controller().current.done.result.started_from") == "last"


def test_restyle_again_and_repeat_put_the_next_above_the_last_without_a_dialog(person_at):
    person_at.open_dialog(strength=60)
    person_at.restyle()
    person_at.close()
    for count, again in ((3, lambda: person_at.menu(AGAIN_KEY)), (4, lambda: person_at.key("ctrl+f"))):
        again()
        person_at.gimp.wait_until(
            lambda count=count: len(person_at.do("layers()")) == count, PATIENCE, "the next layer"
        )
    assert all(name.startswith("Night swirls 60 %") for name in person_at.do("layers()")[:3])
    assert person_at.do("layers()")[3] == "Background"


def test_restyle_again_beside_an_open_dialog_takes_its_work_over_and_the_dialog_says_so(person_at):
    person_at.open_dialog()
    person_at.restyle()
    person_at.begin_long_work()
    person_at.dialog(
        "from velatura.editor import ui_state\nfrom velatura.settings import StyleSettings\nknown = ui_state.load(controller().places, 'gimp')\nknown.settings = StyleSettings(quality='draft', iterations=6)\nui_state.save(controller().places, 'gimp', known)"
    )
    person_at.menu(AGAIN_KEY)
    person_at.wait("'a newer restyle' in message() and not busy()", "the dialog to say so")
    person_at.gimp.wait_until(lambda: len(person_at.do("layers()")) == 3, PATIENCE, "the layer")


def test_the_status_bars_cancel_gives_the_device_back_after_two_silent_heartbeats(person_at):
    person_at.open_dialog()
    person_at.begin_long_work()
    person_at.dialog("click('Cancel')")
    person_at.wait("not busy()", "the cancel")
    person_at.close()
    person_at.menu(AGAIN_KEY)  # with those 20000 steps
    person_at.gimp.wait_until(
        lambda: "running" in [job["state"] for job in person_at.jobs()], PATIENCE, "the work to begin"
    )
    person_at.fill_the_screen()
    person_at.gimp.run("xdotool", "mousemove", *STATUS_BAR_CANCEL, "click", "1")
    person_at.gimp.wait_until(
        lambda: "running" not in [job["state"] for job in person_at.jobs()], HEARTBEATS, "the device to be free"
    )
    assert person_at.do("layers()") == ["Background"]
    person_at.open_dialog()
    person_at.restyle()


def test_the_dialog_remembers_the_last_settings_and_styles(person_at):
    person_at.open_dialog("Poppy field", "Mosaic", strength=35, keep_colours="luminance")
    person_at.dialog("[widget(f'share of {n}').set_value(v) for n, v in (('Mosaic', 0.4),)]")
    person_at.restyle()
    person_at.close()
    person_at.menu(RESTYLE_KEY)
    person_at.wait("is_open()", "the dialog")
    assert sorted(person_at.dialog("chosen()")) == [["Mosaic", 0.4], ["Poppy field", 1.0]]
    assert person_at.dialog("[window().settings().strength, window().settings().keep_colours]") == [35, "luminance"]
    assert person_at.dialog("gallery()[:2]") in (["Poppy field", "Mosaic"], ["Mosaic", "Poppy field"])


def test_gimps_presets_bring_knobs_and_styles_back(person_at):
    person_at.open_dialog("Woodcut", strength=77)
    person_at.dialog("click('Save Settings')")
    person_at.set_up("Mosaic", strength=12)
    person_at.dialog("click('Load Saved Settings')")
    person_at.wait("chosen() == [['Woodcut', 1.0]]", "the saved style")
    assert person_at.dialog("window().settings().strength") == 77


def test_paper_locks_the_strength(person_at):
    person_at.open_dialog(quality="paper")
    assert not person_at.dialog("widget('knob strength').is_sensitive()")
    person_at.dialog("turn('quality', 'draft')")
    assert person_at.dialog("widget('knob strength').is_sensitive()")


def test_an_open_image_a_layer_a_file_and_the_clipboard_can_be_the_style(person_at):
    home = person_at.gimp.home
    person_at.do(
        f"other = load({str(home / 'grey.png')!r})\nother.get_layers()[0].set_name('greys')\nfirst = min(images(), key=lambda i: i.get_id())"
    )
    person_at.do(
        "first.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 40, 40)\nGimp.edit_copy([first.get_layers()[0]])\nGimp.Selection.none(first)"
    )
    person_at.open_dialog()
    own, title = person_at.dialog(
        "[window().gallery._own.get_id(), [item.source.name for item in window().gallery.items() if item.source]]"
    )
    assert len(title) == 1
    person_at.dialog(f"pick({title[0]!r})")
    person_at.wait(f"[name for name, _ in chosen()] == [{title[0]!r}]", "the image to be the style")
    person_at.dialog(
        "from velatura_gimp import canvas\nlayers = [layer for one in canvas.open_images() for layer in canvas.layers_of(one.image)]\nwindow().gallery._take_source(next(l for l in layers if 'Background' in l.name))"
    )
    person_at.wait("'▸ Background' in chosen()[0][0]", "the layer to be the style")
    person_at.dialog("click('paste')")
    person_at.wait("chosen()[0][0] == 'Pasted image'", "the clipboard's picture")
    person_at.dialog(f"window().gallery.take_file({str(home / 'grey.png')!r})")
    person_at.wait("chosen()[0][0] == 'Grey'", "the file's picture")
    person_at.restyle()
    assert own == person_at.do("first.get_id()")
    assert person_at.do("layers(first)") == ["Grey 50 %", "Background"]


def test_an_open_image_joins_what_is_chosen_and_repeat_knows_its_name(person_at):
    person_at.do(
        f"other = load({str(person_at.gimp.home / 'grey.png')!r})\nfirst = min(images(), key=lambda i: i.get_id())"
    )
    person_at.open_dialog()
    (title,) = person_at.dialog("[item.source.name for item in window().gallery.items() if item.source]")
    person_at.dialog(f"pick('Mosaic', {title!r})")
    person_at.wait(f"sorted(name for name, _ in chosen()) == sorted(['Mosaic', {title!r}])", "both to be chosen")
    person_at.dialog("pick()")
    person_at.dialog(f"pick({title!r})")
    person_at.wait(f"[name for name, _ in chosen()] == [{title!r}]", "the image alone")
    person_at.restyle()
    person_at.close()
    person_at.key("ctrl+f")
    person_at.gimp.wait_until(lambda: len(person_at.do("layers(first)")) == 3, PATIENCE, "the next layer")
    assert all(name.startswith(f"{title} 50 %") for name in person_at.do("layers(first)")[:2])


def test_a_second_restyle_cancelled_at_once_leaves_no_first_one_behind(person_at):
    person_at.open_dialog()
    person_at.begin_long_work()
    person_at.dialog("controller().start()\ndesk().cancel()")
    person_at.gimp.wait_until(lambda: not person_at.jobs(), PATIENCE, "the daemon to be free")
    assert person_at.do("layers()") == ["Background"]


def test_a_file_that_is_no_picture_is_told_and_the_report_can_be_copied(person_at):
    person_at.open_dialog()
    person_at.dialog(f"window().gallery.take_file({str(person_at.gimp.home / 'broken.png')!r})")
    person_at.wait("'broken.png' in message() and 'Choose another' in message()", "the sentence")
    person_at.dialog("click('copy_report')")
    person_at.wait("'Copied' in message()", "the report")
    copied = person_at.dialog("Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_for_text()")
    assert "GIMP 3.0" in copied
    assert "PyzmqDealer" in copied
    assert str(person_at.gimp.home) not in copied


def test_a_selection_beside_the_layer_is_told_and_nothing_changes(person_at):
    person_at.do("image().get_layers()[0].set_offsets(60, 40)\nselect(0, 0, 20, 20)\nimage().clean_all()")
    person_at.open_dialog()
    person_at.dialog("click('Restyle')")
    person_at.wait("'The selection does not overlap' in message()", "the sentence")
    assert not person_at.dialog("busy()")
    assert not person_at.do("image().is_dirty()")


def test_an_image_closed_midway_gives_the_result_as_a_new_one(person_at):
    person_at.open_dialog(quality="good", iterations=60)
    person_at.dialog("click('Restyle')")
    person_at.wait("'Scale' in message()", "the work to begin")
    person_at.do("close_all()")
    person_at.wait("not busy()", "the restyle")
    assert "opened as a new image" in person_at.dialog("message()")
    assert person_at.do("len(images())") == 1
    assert person_at.do("layers()") == ["Night swirls 50 %"]
    assert person_at.do("place(image().get_layers()[0])") == [0, 0, 96, 72]
    assert person_at.do("len(set(pixels(image().get_layers()[0]))) > 100")


def test_a_layer_removed_midway_gives_the_result_as_a_new_image(person_at):
    person_at.do(
        "extra = image().get_layers()[0].copy()\nimage().insert_layer(extra, None, 0)\nimage().set_selected_layers([image().get_layers()[1]])\none = image()"
    )
    person_at.open_dialog(quality="good", iterations=60)
    person_at.dialog("click('Restyle')")
    person_at.wait("'Scale' in message()", "the work to begin")
    person_at.do("one.remove_layer(one.get_layers()[1])")
    person_at.wait("not busy()", "the restyle")
    assert person_at.do("layers(one)") == ["Background copy"]
    assert person_at.do("layers()") == ["Night swirls 50 %"]


def test_a_daemon_killed_midway_is_told_and_the_next_restyle_recovers(person_at):
    person_at.open_dialog()
    person_at.begin_long_work()
    os.kill(json.loads(velatura(person_at.gimp.home, "daemon", "status", "--json"))["pid"], signal.SIGKILL)
    person_at.wait("not busy() and 'estyle again' in message()", "the sentence")
    assert person_at.dialog("visible('copy_report')")
    person_at.set_up()
    person_at.restyle()
    velatura(person_at.gimp.home, "daemon", "stop")  # that one lives in GIMP's own place
    velatura(person_at.gimp.home, "daemon", "start")


def test_what_was_stopped_goes_on_from_there_to_its_end(person_at):
    before = person_at.do("snapshot()")
    person_at.open_dialog()
    person_at.kill_midway(quality="good", iterations=250)
    person_at.close()
    person_at.open_results()
    person_at.wait("len(listed()) == 1", "the list")
    person_at.dialog("press('go_on')")
    person_at.wait("'new layer' in results().message.get_text() and listed() == []", "the layer", 120)
    person_at.close_results()
    assert person_at.do("layers()") == ["Night swirls 50 %", "Background"]
    person_at.key("ctrl+z")
    person_at.gimp.wait_until(lambda: person_at.do("layers()") == ["Background"], PATIENCE, "the undo")
    assert person_at.do("snapshot()") == before
    assert not person_at.do("image().is_dirty()")  # it was one step


def test_a_past_restyle_is_used_again(person_at):
    person_at.open_dialog("Mosaic", strength=64, keep_colours="palette")
    person_at.restyle()
    person_at.set_up("Woodcut", strength=20, keep_colours="off")
    person_at.dialog("window().say('')")  # so that the next 'Done' is the second one's
    person_at.restyle()
    person_at.close()
    person_at.open_results()
    person_at.wait(
        "[lines[1].split(',')[0] for lines in listed('history list')[:2]] == ['Woodcut 20 %', 'Mosaic 64 %']",
        "the history",
    )
    person_at.dialog(
        "results().tabs.set_current_page(1)\nresults().history.select_row(results().history.get_row_at_index(1))"
    )
    person_at.wait("results().use.get_visible() and results().use.get_sensitive()", "the other page")
    person_at.dialog("press('use_again')")
    person_at.wait("is_open() and 'that restyle' in message()", "the restyle's dialog")
    assert person_at.dialog("chosen()") == [["Mosaic", 1.0]]
    assert person_at.dialog("[window().settings().strength, window().settings().keep_colours]") == [64, "palette"]
    person_at.dialog("turn('keep_colours', 'off')")
    person_at.restyle()
    assert person_at.do("layers()")[0].startswith("Mosaic 64 %")


def test_without_an_image_a_result_becomes_one(person_at):
    person_at.open_dialog()
    person_at.kill_midway(quality="good", iterations=250)
    person_at.close()
    person_at.do("close_all()")
    person_at.title = "GNU Image Manipulation Program"
    person_at.open_results()
    person_at.wait("len(listed()) == 1", "the list")
    person_at.dialog("press('insert')")
    person_at.wait("'new image' in results().message.get_text() and listed() == []", "the image")
    person_at.close_results()
    assert person_at.do("layers()") == ["Night swirls 50 %"]


def test_a_large_image_is_measured(person_at):
    """2048² pixels, warm daemon: the first preview, the layer."""
    person_at.open_dialog()
    person_at.restyle()  # warm: the network is loaded, the style is known
    person_at.close()
    person_at.open_picture("large.png")
    person_at.do("image().scale(2048, 2048)")
    person_at.open_dialog(iterations=4)
    person_at.dialog("note_times()\nclick('Restyle')")
    person_at.wait("controller().current is not None and not busy()", "the large restyle", 300)
    assert len(person_at.do("layers()")) == 2
    times = person_at.dialog("times")
    FIGURES.append(
        f"GIMP, 2048² image, warm daemon: click to first preview {times['first preview']:.2f} s; result to visible layer {times['layer'] - times['result']:.2f} s"
    )


def test_gimp_can_be_closed_with_a_job_running_and_the_daemon_is_free(person_at):
    person_at.open_dialog()
    person_at.begin_long_work()
    home, editor = person_at.gimp.home, person_at.gimp.process
    person_at.do("image().clean_all()")
    person_at.key("ctrl+q")
    editor.wait(PATIENCE)
    end = time.monotonic() + HEARTBEATS
    while "running" in [job["state"] for job in person_at.jobs()]:
        assert time.monotonic() < end, f"the daemon still works for a GIMP that has gone: {home}"
        time.sleep(0.5)
