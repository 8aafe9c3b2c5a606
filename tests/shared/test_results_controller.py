"""The results controller, with an editor, a window and a session that do exactly what the test says."""

from __future__ import annotations

import types

import pytest

from velatura import strings
from velatura.client.events import Finished
from velatura.client.saved_results import HistoryEntry, SavedItem, SavedStyle
from velatura.editor.background import run_to_end
from velatura.editor.descriptions import describe_entry, describe_item
from velatura.editor.placement import Placed, PlacementNote, RecoveredResult, decode_note, encode_note
from velatura.editor.recipe import Recipe
from velatura.editor.results_controller import ResultsController
from velatura.editor.style_regions import Canvas as RegionCanvas
from velatura.editor.style_regions import Place
from velatura.errors import DaemonNotRunning, LayerGone, UnknownBlob
from velatura.pixels import MASK_FORMAT, Picture, PixelFormat
from velatura.protocol.messages import Result
from velatura.settings import StyleSettings

PIXELS = Picture(2, 2, PixelFormat("RGB", "u8"), bytes(12))
RECIPE = Recipe.of("One", StyleSettings(), [])
NOTE = encode_note(Place(RegionCanvas("a picture", 9, 8), 3, 4, 4, 4), "harbour.kra")
NOON = 1767268800.0  # seconds since 1970, on 1 January in every time zone


def result(job="done", left=1, top=0):
    return Result(job, "layer", PIXELS.ref.to_wire(), left, top, "VGG19", "cpu", 1.0, 0.0, 0.0, "content", {}, [])


def item(job, done=1.0):
    return SavedItem(
        job,
        "me",
        "test",
        "layer",
        "Sky",
        NOTE,
        NOON,
        done,
        4,
        4,
        (SavedStyle("One", "/one", 1.0),),
        StyleSettings(),
        b"",
        result(job) if done == 1.0 else None,
    )


DONE, STOPPED = item("done"), item("stopped", 0.43)


class Loop:
    def timer(self, _):
        return types.SimpleNamespace(start=lambda _: None, stop=lambda: None)

    def call_later(self, *_): ...


class Session:
    """Records the calls. Raises `error` if it is set."""

    def __init__(self) -> None:
        self.calls, self.error = [], None

    def __getattr__(self, name):
        def record(*arguments):
            if self.error is not None:
                raise self.error
            self.calls.append((name, *arguments))

        return record


class Canvas:
    """Accepts results. Raises `error` if it is set."""

    def __init__(self) -> None:
        self.inserted, self.opened, self.error = [], [], None

    def insert_recovered(self, recovered):
        if self.error:
            raise self.error
        self.inserted.append(recovered)
        yield
        return Placed()

    def open_as_picture(self, picture, name):
        self.opened.append(name)
        yield


class Window:
    def __init__(self) -> None:
        self.messages, self.items, self.entries, self.busy = [], [], [], False

    def show_items(self, items):
        self.items = items

    def show_history(self, entries):
        self.entries = entries

    def set_busy(self):
        self.busy = True

    def set_idle(self):
        self.busy = False

    def show_message(self, sentence):
        self.messages.append(sentence)

    def show_error(self, error):
        self.messages.append(error.sentence)


class Steps:
    """Runs work at once."""

    busy = False

    def run(self, work, on_done, on_failed):
        try:
            value = run_to_end(work)
        except LayerGone as error:
            on_failed(error)
        else:
            on_done(value)


@pytest.fixture
def controller(monkeypatch, tmp_path):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    one = ResultsController("test", Loop(), Canvas(), Window(), lambda items: one.counts.append(len(items)))
    one.counts, one.session = [], Session()
    one.steps = Steps()
    one.refresh()
    one.on_saved([DONE, STOPPED])
    return one


def test_saved_results_are_listed_and_counted_in_a_message(controller):
    assert controller.session.calls == [("request_lists",)]
    assert controller.window.items == [DONE, STOPPED]
    assert controller.window.messages == [strings.LOADING_RESULTS, strings.recoverable_results(2)]
    assert controller.counts == [2]


def test_a_finished_result_is_fetched_and_a_stopped_restyle_fetched_partially_or_resumed(controller):
    for command, one, method in (
        (controller.insert, DONE, "fetch"),
        (controller.insert, STOPPED, "fetch_partial"),
        (controller.resume, STOPPED, "resume"),
    ):
        command(one)
        assert controller.session.calls[-1] == (method, one)
        assert controller.window.busy
        controller.on_finished(one.job, Finished(one.job, PIXELS, result(one.job)))
        assert controller.canvas.inserted[-1].name == "One 50 %"
        assert not controller.window.busy
        assert one not in controller.window.items


def test_only_one_item_is_active_at_a_time(controller):
    controller.insert(DONE)
    controller.resume(STOPPED)
    controller.forget(DONE)
    assert [call[0] for call in controller.session.calls] == ["request_lists", "fetch"]


def test_a_result_that_cannot_be_inserted_is_opened_as_a_picture(controller):
    controller.canvas.error = LayerGone("It went.")
    controller.insert(DONE)
    controller.on_finished("done", Finished("done", PIXELS, result()))
    assert controller.canvas.opened == ["One 50 %"]
    assert controller.window.messages[-1] == f"It went. {strings.DONE_NEW_IMAGE}"
    assert controller.window.items == [STOPPED]


def test_stopping_disconnects_so_that_progress_is_saved(controller):
    controller.resume(STOPPED)
    controller.stop()
    assert controller.session.calls[-2:] == [("disconnect",), ("request_lists",)]
    assert not controller.window.busy
    controller.on_saved([DONE, STOPPED])
    assert controller.window.messages[-1] == strings.STOPPED


def test_a_window_that_was_closed_during_a_restyle_is_idle_when_it_is_opened_again(controller):
    controller.resume(STOPPED)
    controller.close()
    assert controller.session.calls[-1] == ("disconnect",)
    assert controller.active_item is None
    controller.refresh()
    assert not controller.window.busy
    controller.resume(STOPPED)
    assert controller.session.calls[-1] == ("resume", STOPPED)


def test_a_result_that_is_being_inserted_when_the_window_closes_is_acknowledged(controller):
    waiting = []
    controller.steps = types.SimpleNamespace(busy=True, run=lambda *work: waiting.append(work))
    controller.insert(DONE)
    done = Finished("done", PIXELS, result())
    controller.on_finished("done", done)
    controller.close()
    assert ("disconnect",) not in controller.session.calls
    work, on_done, _ = waiting.pop()
    on_done(run_to_end(work))
    assert controller.session.calls[-2:] == [("acknowledge", done), ("disconnect",)]
    assert controller.active_item is None


def test_a_window_that_is_opened_again_while_a_result_is_inserted_stays_connected(controller):
    waiting = []
    controller.steps = types.SimpleNamespace(busy=True, run=lambda *work: waiting.append(work))
    controller.insert(DONE)
    controller.on_finished("done", Finished("done", PIXELS, result()))
    controller.close()
    controller.refresh()
    work, on_done, _ = waiting.pop()
    on_done(run_to_end(work))
    assert ("disconnect",) not in controller.session.calls
    assert controller.active_item is None


def test_an_unavailable_result_is_reported_and_the_window_becomes_idle(controller):
    controller.insert(DONE)
    controller.on_failed("done", UnknownBlob("It is not kept any more."))
    controller.on_saved([STOPPED])
    assert controller.window.messages[-1] == "It is not kept any more."
    assert not controller.window.busy
    controller.session.error = DaemonNotRunning("There is none.")
    controller.insert(STOPPED)
    assert controller.window.messages[-1] == "There is none."
    assert not controller.window.busy


def test_a_forgotten_item_is_removed_from_the_list(controller):
    controller.forget(DONE)
    assert controller.session.calls[-1] == ("drop", DONE)
    assert controller.window.items == [STOPPED]
    assert controller.counts == [2, 1]


def entry(number):
    fields = {
        "at": NOON,
        "program": "cli",
        "title": "photo.jpg",
        "width": 4,
        "height": 4,
        "seconds": 12.3,
        "weights": "VGG19",
        "device": "cpu",
        "settings": StyleSettings(quality="draft", seed=7),
        "styles": (SavedStyle("One", "/one", 1.0),),
        "thumbnail": b"",
    }
    return HistoryEntry(number, **fields)


def test_a_history_in_several_parts_is_requested_to_its_end(controller):
    controller.on_history([entry(9), entry(8)])
    assert controller.session.calls[-1] == ("request_more_history", 8)
    controller.on_history([entry(8), entry(7)])
    assert [one.number for one in controller.window.entries] == [9, 8, 7]
    calls = len(controller.session.calls)
    controller.on_history([])
    assert len(controller.session.calls) == calls


def test_a_result_returns_to_its_position_on_a_canvas_of_the_same_size_and_to_the_centre_of_others():
    one = RecoveredResult(RECIPE, "layer", NOTE, Finished("done", PIXELS, result()))
    assert one.position_on(9, 8) == (4, 4)
    assert one.position_on(20, 10) == (9, 4)
    assert one.coverage() is None
    assert RecoveredResult(RECIPE, "layer", "", one.finished).position_on(9, 8) == (3, 3)


def test_the_coverage_of_a_result_is_the_part_of_the_selection_over_it():
    mask = Picture(4, 4, MASK_FORMAT, bytes(range(16)))
    covered = RecoveredResult(RECIPE, "layer", NOTE, Finished("done", PIXELS, result(left=1, top=2), mask)).coverage()
    assert (covered.width, covered.height, bytes(covered.data)) == (2, 2, bytes([9, 10, 13, 14]))


@pytest.mark.parametrize(
    "note",
    ["", "words", "[1]", '{"document": "a"}', '{"document": "a", "width": 1, "height": true, "left": 0, "top": 0}'],
)
def test_a_note_of_another_program_is_no_placement(note):
    assert decode_note(note) is None


def test_a_note_survives_encoding_and_decoding():
    assert decode_note(NOTE) == PlacementNote("harbour.kra", 9, 8, 3, 4)


def test_list_entries_describe_what_progress_and_when():
    assert describe_item(DONE, NOON + 60)[:2] == ("Sky, in harbour.kra", "One 50 %")
    assert describe_item(STOPPED, NOON + 60)[2].startswith("stopped at 43 % · today ")
    assert describe_item(DONE, NOON + 86400)[2].startswith("finished · yesterday ")
    assert describe_entry(entry(1), NOON + 10 * 86400) == (
        "photo.jpg",
        "One 50 %, Draft, Seed 7",
        "1 Jan 2026 · 4 × 4 px · took 12 s · command line",
    )
