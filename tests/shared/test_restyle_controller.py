"""The restyle controller, with an editor, a window and a session that do exactly what the test says."""

from __future__ import annotations

import types
from dataclasses import replace

import pytest

from velatura import strings
from velatura.client.events import Finished
from velatura.client.saved_results import HistoryEntry, SavedStyle
from velatura.editor.placement import Placed, PlacementNote, decode_note
from velatura.editor.restyle_controller import RestyleController
from velatura.editor.style_loader import StyleLoader
from velatura.editor.style_regions import Canvas as RegionCanvas
from velatura.editor.style_regions import Place, Region
from velatura.editor.ui_state import Style
from velatura.errors import DaemonLost, LayerGone, NotAPicture, NothingToRestyle
from velatura.pixels import Picture, PixelFormat
from velatura.settings import StyleSettings

PIXELS = Picture(2, 2, PixelFormat("RGB", "u8"), bytes(12))
ONE, OTHER, BAD = Style("/one", "One"), Style("/other", "Other"), Style("/bad", "Bad")


class Timer:
    def start(self, _: int) -> None: ...
    def stop(self) -> None: ...


class Loop:
    def timer(self, _):
        return Timer()

    def call_later(self, _, callback):
        callback()


class Session:
    """Accepts jobs, and records what was requested."""

    def __init__(self) -> None:
        self.requests, self.options, self.cancelled, self.acknowledged, self.saved_requests = [], [], [], [], 0

    def refresh_saved(self):
        self.saved_requests += 1

    def acknowledge(self, done):
        self.acknowledged.append(done)

    def restyle(self, content, styles, settings, **options):
        self.requests.append((settings, options["adjust"]))
        self.options.append({**options, "styles": styles})
        return f"job {len(self.requests)}"

    def cancel(self, job):
        self.cancelled.append(job)


class ManualRunner:
    """Runs each piece of work when the test calls `run_next`."""

    def __init__(self) -> None:
        self.waiting = []

    def run(self, work, on_done, on_failed):
        self.waiting.append((work, on_done, on_failed))

    def run_next(self):
        work, on_done, on_failed = self.waiting.pop(0)
        try:
            value = work()
        except Exception as error:
            on_failed(error)
        else:
            on_done(value)


class Canvas:
    layer = "layer"

    def __init__(self) -> None:
        self.inserted, self.note = [], ""
        self.grey, self.conversions = False, 0

    def current_target(self):
        return types.SimpleNamespace(layer=self.layer, name="Sky", document_name="harbour.kra")

    def target_key(self):
        return None

    def describe(self, _):
        return "a layer"

    def is_grey(self, _):
        return self.grey

    def convert_to_rgb(self, _):
        self.grey = False
        self.conversions += 1

    def size(self, _):
        return 2, 2

    def thumbnail(self, *_):
        return None

    def read(self, _):
        place = Place(RegionCanvas("a picture", 9, 8), 3, 4, 2, 2)
        return types.SimpleNamespace(picture=PIXELS, mask=None, place=place)

    def insert(self, target, picture, left, top, recipe):
        self.inserted.append(recipe.name)
        return Placed(note=self.note)


class Window:
    def __init__(self) -> None:
        self.messages, self.styles, self.current_settings = [], [ONE], StyleSettings()
        self.target, self.saved_notice, self.grey_note = "", "", ""

    def is_shown(self):
        return True

    def settings(self):
        return self.current_settings

    def chosen_styles(self):
        return self.styles

    def preview_side(self):
        return 10

    def show_target(self, sentence):
        self.target = sentence

    def show_original(self, *_): ...
    def show_drafting(self, drafting):
        self.drafting = drafting

    def show_estimate(self, _): ...
    def show_grey_note(self, sentence):
        self.grey_note = sentence

    def show_saved_notice(self, sentence):
        self.saved_notice = sentence

    def apply_choices(self, state, styles, settings):
        self.styles, self.current_settings = styles, settings

    def forget_regions(self):
        self.styles = [replace(style, region=None) for style in self.styles]

    def set_busy(self): ...
    def set_idle(self): ...
    def show_before(self):
        self.shows_before = True

    def show_message(self, sentence):
        self.messages.append(sentence)

    def show_error(self, error, **offers):
        self.messages.append(error.sentence)
        self.offers = {name for name, offered in offers.items() if offered}


@pytest.fixture
def controller(tmp_path, monkeypatch):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))

    def read_style(path):
        if path == BAD.path:
            raise NotAPicture("It is no picture.")
        return PIXELS

    one = RestyleController("test", Loop(), Canvas(), read_style)
    one.session, one.window = Session(), Window()
    one.canvas_work, one.style_work = ManualRunner(), ManualRunner()
    one.steps = types.SimpleNamespace(
        run=lambda work, on_done, on_failed: one.canvas_work.run(lambda: work, on_done, on_failed)
    )
    one.thread = types.SimpleNamespace(run=lambda *_: None)  # saving the window's state is not tested here
    one.style_loader = StyleLoader(one.style_work, read_style)
    return one


def result():
    return Finished("job", PIXELS, types.SimpleNamespace(left=0, top=0, notes=[]))


def send(controller):
    controller.start()
    controller.canvas_work.run_next()
    controller.style_work.run_next()


def finish(controller, job):
    controller.on_finished(job, result())
    while controller.canvas_work.waiting:
        controller.canvas_work.run_next()


def test_cancelling_a_restyle_also_cancels_the_earlier_one_of_the_same_layer(controller):
    send(controller)
    controller.start()  # again, and cancelled while the layer is still being read
    controller.cancel()
    assert controller.window.messages[-1] == strings.CANCELLED
    assert controller.session.cancelled == ["job 1"]
    finish(controller, "job 1")
    assert controller.canvas.inserted == []


def test_a_restyle_of_another_layer_does_not_cancel_the_first(controller):
    send(controller)
    controller.canvas.layer = "another"
    send(controller)
    assert controller.session.cancelled == []
    finish(controller, "job 1")
    finish(controller, "job 2")
    assert len(controller.canvas.inserted) == 2


def test_a_restyle_of_another_layer_does_not_end_the_first_while_that_is_still_being_read(controller):
    controller.start()
    controller.canvas.layer = "another"
    controller.start()
    for work in (controller.canvas_work, controller.style_work) * 2:
        work.run_next()
    finish(controller, "job 1")
    finish(controller, "job 2")
    assert len(controller.canvas.inserted) == 2


def test_a_setting_changed_while_the_layer_is_read_reaches_the_restyle(controller):
    controller.start()
    controller.window.current_settings = StyleSettings(strength=81)
    controller.settings_changed()
    controller._adjust()
    controller.canvas_work.run_next()
    controller.style_work.run_next()
    assert controller.session.requests == [(StyleSettings(), False)]
    controller._adjust()
    controller.style_work.run_next()
    assert controller.session.requests[-1] == (StyleSettings(strength=81), True)


def test_an_unreadable_style_is_reported_and_the_running_restyle_continues(controller):
    send(controller)
    controller.window.styles = [BAD]
    controller._adjust()
    controller.style_work.run_next()
    assert controller.window.messages[-1] == "It is no picture."
    assert controller.is_busy
    finish(controller, "job 1")
    assert controller.canvas.inserted == ["One 50 %"]


def test_a_result_is_named_after_its_own_settings_not_after_a_change_that_came_too_late(controller):
    send(controller)
    controller.window.current_settings, controller.window.styles = StyleSettings(strength=80), [OTHER]
    controller._adjust()
    finish(controller, "job 1")  # before the new style is decoded
    controller.style_work.run_next()
    assert controller.canvas.inserted == ["One 50 %"]
    assert len(controller.session.requests) == 1


def test_a_changed_setting_continues_from_the_current_picture(controller):
    send(controller)
    controller.window.current_settings = StyleSettings(strength=80)
    controller._adjust()
    controller.style_work.run_next()
    assert controller.session.requests[-1] == (StyleSettings(strength=80), True)
    finish(controller, "job 2")
    assert controller.canvas.inserted == ["One 80 %"]


def test_a_region_is_cut_to_the_content_and_a_region_of_another_picture_is_reported(controller):
    canvas = RegionCanvas("a picture", 4, 4)
    place = Place(canvas, 1, 1, 2, 2)
    controller.canvas.read = lambda _: types.SimpleNamespace(picture=PIXELS, mask=None, place=place)
    controller.window.styles = [replace(ONE, region=Region("Selection", canvas, bytes([9] * 8 + [0] * 8)))]
    send(controller)
    assert bytes(controller.current.pictures[0].region.data) == bytes([9, 9, 0, 0])
    controller.window.styles = [replace(ONE, region=Region("Sky", replace(canvas, width=5), bytes([9] * 20)))]
    controller._adjust()  # chosen while the restyle runs
    controller.style_work.run_next()
    assert controller.window.messages[-1] == strings.REGION_ELSEWHERE.format(region="Sky")
    assert controller.window.styles == [ONE]  # so that the next restyle works
    assert controller.is_busy
    assert controller.ui_state.styles == [ONE]  # a region belongs to one picture


def test_without_a_layer_the_window_shows_what_to_do(controller):
    def nothing():
        raise NotAPicture(strings.NO_LAYER)

    controller.canvas.current_target = nothing
    controller.update_target()
    assert controller.window.target == strings.NO_LAYER


def test_a_restyle_carries_its_placement_and_the_names_of_its_styles(controller):
    send(controller)
    (options,) = controller.session.options
    assert options["title"] == "Sky"
    assert decode_note(options["note"]) == PlacementNote("harbour.kra", 9, 8, 3, 4)
    assert [(style.name, style.path) for style in options["styles"]] == [("One", "/one")]


@pytest.mark.parametrize("saved", [True, False])
def test_a_lost_daemon_is_reported_with_a_notice_of_progress_that_was_saved(controller, saved):
    send(controller)
    sentence = f"It went. {strings.PROGRESS_SAVED}" if saved else "It went."
    controller.on_failed("job 1", DaemonLost(sentence))
    assert controller.window.messages[-1] == sentence
    assert controller.window.saved_notice == (strings.RECOVERABLE_PROGRESS if saved else "")


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_daemon_that_is_stopped_while_nothing_runs_opens_no_window(controller, is_shown):
    """Its error is shown where a window is open. Nobody waits for it, so it must not come up over the canvas."""
    opened = []
    controller.open_window = lambda: opened.append(True)
    controller.window.is_shown = lambda: is_shown
    controller.on_failed("", DaemonLost("It was stopped."))
    assert opened == []
    assert controller.window.messages == (["It was stopped."] if is_shown else [])
    assert controller.message_log == ["daemon_lost: It was stopped."]


def test_a_window_that_was_closed_stays_closed_though_its_place_could_not_be_saved(controller):
    opened = []
    controller.open_window = lambda: opened.append(True)
    controller.window.is_shown = lambda: False
    controller.thread = ManualRunner()
    controller.dirs.config.write_text("in the way of the folder")
    controller.save_ui_state()
    controller.thread.run_next()
    assert opened == []
    assert controller.message_log[0].startswith("disk: ")


def test_saved_results_are_counted_without_the_running_restyles(controller):
    send(controller)
    controller.on_saved([types.SimpleNamespace(job=job) for job in ("job 1", "another", "a third")])
    assert controller.window.saved_notice == strings.recoverable_results(2)
    controller.on_saved([types.SimpleNamespace(job="another")])
    assert controller.window.saved_notice == strings.recoverable_results(1)
    controller.on_saved([])
    assert controller.window.saved_notice == ""


def test_saved_results_are_requested_on_connection_and_when_the_window_opens(controller):
    controller.on_connected()
    assert controller.session.saved_requests == 1
    controller.start_target_updates()
    assert controller.session.saved_requests == 2


def history_entry(*styles):
    return HistoryEntry(1, 0.0, "cli", "photo", 9, 8, 1.0, "VGG19", "cpu", StyleSettings(strength=70), styles, b"")


def test_reusing_a_past_restyle_takes_its_settings_and_the_styles_whose_files_exist(controller, tmp_path):
    there = tmp_path / "there.png"
    there.write_bytes(b"x")
    controller.reuse(history_entry(SavedStyle("There", str(there), 0.5)))
    assert controller.window.styles == [Style(str(there), "There", 0.5)]
    assert controller.window.current_settings.strength == 70
    assert controller.window.messages[-1] == strings.SETTINGS_LOADED
    controller.reuse(history_entry(SavedStyle("There", str(there), 1.0), SavedStyle("Gone", "/gone.png", 1.0)))
    assert [style.name for style in controller.window.styles] == ["There"]
    assert controller.window.messages[-1] == strings.STYLE_FILE_MISSING.format(name="Gone", path="/gone.png")
    controller.reuse(history_entry(SavedStyle("From nowhere", "", 1.0)))
    assert controller.window.messages[-1] == strings.STYLE_FILE_UNKNOWN.format(name="From nowhere")


def test_a_past_style_whose_name_the_system_does_not_accept_counts_as_missing(controller):
    path = "/" + "x" * 5000
    controller.reuse(history_entry(SavedStyle("Long", path, 1.0)))
    assert controller.window.messages[-1] == strings.STYLE_FILE_MISSING.format(name="Long", path=path)


def test_a_result_is_acknowledged_only_after_its_layer_was_inserted(controller):
    send(controller)
    done = result()
    controller.on_finished("job 1", done)
    assert controller.session.acknowledged == []
    controller.canvas_work.run_next()
    assert controller.session.acknowledged == [done]


def test_neither_content_nor_result_is_kept_once_a_restyle_is_over(controller):
    send(controller)
    finish(controller, "job 1")
    assert controller.current.content is None
    assert controller.current.finished.picture.width == 1
    controller.start()
    controller.cancel()
    controller.canvas_work.run_next()  # its layer has been read in vain
    assert controller.current.content is None
    assert controller.style_work.waiting == []


def test_a_result_without_its_layer_is_opened_once_though_the_button_is_pressed_twice(controller):
    send(controller)
    controller.canvas.open_as_picture = lambda _, name: name
    done = result()
    controller.on_finished("job 1", done)
    _, _, on_failed = controller.canvas_work.waiting.pop()
    on_failed(LayerGone("The layer is gone."))
    controller.open_as_picture()
    controller.open_as_picture()
    assert len(controller.canvas_work.waiting) == 1
    controller.canvas_work.run_next()
    assert controller.session.acknowledged == [done]
    assert controller.window.messages[-1] == strings.DONE_NEW_IMAGE


def test_what_the_canvas_notes_about_the_result_is_shown_at_the_end(controller):
    send(controller)
    controller.canvas.note = "The sky is blended."
    controller.on_finished("job 1", result())
    controller.canvas_work.run_next()
    assert controller.window.messages[-1].startswith("Done in ")
    assert controller.window.messages[-1].endswith("“One 50 %”. The sky is blended.")


def test_the_result_of_a_cancelled_restyle_is_acknowledged(controller):
    send(controller)
    controller.cancel()
    done = types.SimpleNamespace(picture=PIXELS)
    controller.on_finished("job 1", done)
    assert controller.session.acknowledged == [done]


def test_after_a_cancel_the_picture_from_before_is_shown(controller):
    send(controller)
    controller.cancel()
    assert controller.window.shows_before


def test_a_message_about_a_missing_style_goes_once_one_is_chosen_and_offers_no_report(controller):
    controller.window.styles = []
    controller.start()
    assert (controller.window.messages[-1], controller.window.offers) == (strings.NO_STYLE_CHOSEN, set())
    controller.window.styles = [ONE]
    controller.settings_changed()
    assert controller.window.messages[-1] == ""


def test_an_error_that_a_change_does_not_mend_stays_and_offers_a_report(controller):
    controller.show_error(DaemonLost("It went."))
    controller.settings_changed()
    assert (controller.window.messages[-1], controller.window.offers) == ("It went.", {"report"})


def edited_elsewhere(controller):
    """The result named "Waves" is edited, and the user has then chosen another layer."""
    controller.edited = types.SimpleNamespace(name="Waves")
    controller.canvas.edit_target = lambda _: controller.canvas.current_target()
    controller.canvas.edit_key = lambda _: "Waves"
    controller.canvas.is_edited = lambda _: False


def test_the_last_message_of_an_edit_stays_when_another_layer_was_chosen_meanwhile(controller):
    send(controller)
    edited_elsewhere(controller)
    controller.canvas.note = "It is above “Waves”, which stays."
    finish(controller, "job 1")
    controller.update_target()
    assert controller.window.messages[-1].endswith("which stays.")


def test_why_a_layer_cannot_be_edited_stays_when_the_layer_was_chosen_just_before(controller):
    def refuse():
        raise NothingToRestyle("Not a result.")

    controller.update_target()
    controller.canvas.target_key = lambda: "another layer"
    controller.canvas.edited_result = refuse
    controller.edit()
    controller.update_target()
    assert controller.window.messages[-1] == "Not a result."


def test_why_a_restyle_cannot_start_stays_when_the_layer_was_chosen_just_before(controller):
    controller.update_target()
    controller.canvas.target_key = lambda: "another layer"
    controller.window.styles = []
    controller.start()
    controller.update_target()
    assert controller.window.messages[-1] == strings.NO_STYLE_CHOSEN


def test_why_a_restyle_cannot_start_goes_when_another_layer_is_chosen(controller):
    controller.window.styles = []
    controller.start()
    controller.canvas.target_key = lambda: "another layer"
    controller.update_target()
    assert controller.window.messages[-1] == ""


def test_a_layer_that_has_just_been_chosen_is_restyled_and_not_the_one_edited_before(controller):
    edited_elsewhere(controller)
    controller.canvas.edit_target = lambda _: types.SimpleNamespace(layer="edited", name="", document_name="")
    controller.start()
    assert controller.current.target.layer == "layer"


def test_a_command_without_the_window_restyles_the_chosen_layer_and_not_the_one_edited_before(controller):
    """While a restyle runs, the window does not notice that another layer was chosen."""
    send(controller)
    edited_elsewhere(controller)
    controller.canvas.edit_target = lambda _: types.SimpleNamespace(layer="edited", name="", document_name="")
    controller.start_restyle([ONE], StyleSettings())  # as 'Restyle again' does
    assert controller.current.target.layer == "layer"
    assert controller.edited is None


# --- greyscale images ----------------------------------------------------------------------------------
def open_grey(controller):
    controller.canvas.grey = True
    controller.update_target()


def test_before_a_restyle_of_a_grey_image_the_window_says_that_the_result_will_be_grey(controller):
    controller.update_target()
    assert controller.window.grey_note == ""
    controller.invalidate_target()
    open_grey(controller)
    assert controller.window.grey_note == "This image is greyscale, so the result will be grey."


def test_nothing_is_said_about_grey_while_the_colours_are_kept(controller):
    open_grey(controller)
    controller.window.current_settings = StyleSettings(keep_colours="luminance")
    controller.settings_changed()
    assert controller.window.grey_note == ""
    controller.window.current_settings = StyleSettings()
    controller.settings_changed()
    assert controller.window.grey_note


def test_a_converted_image_is_shown_again_and_the_note_goes(controller):
    open_grey(controller)
    controller.convert_to_rgb()
    controller.canvas_work.run_next()
    assert controller.canvas.conversions == 1
    assert controller.window.grey_note == ""
    assert "RGB now" in controller.window.messages[-1]


def test_while_a_restyle_runs_the_image_is_not_converted(controller):
    open_grey(controller)
    send(controller)
    controller.convert_to_rgb()
    assert not controller.canvas_work.waiting
    assert "A restyle is running" in controller.window.messages[-1]


def test_the_note_about_grey_goes_when_there_is_nothing_to_restyle(controller, monkeypatch):
    open_grey(controller)

    def no_target():
        raise NothingToRestyle("There is no layer.")

    monkeypatch.setattr(controller.canvas, "current_target", no_target)
    controller.invalidate_target()
    controller.update_target()
    assert controller.window.grey_note == ""
