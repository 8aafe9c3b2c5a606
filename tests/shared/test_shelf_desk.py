"""What is kept, on its way into the document, with an editor, a window and a daemon that do just what the test says."""

from __future__ import annotations

import types

import pytest

from velatura import strings
from velatura.client.client import Finished
from velatura.client.saved_results import HistoryEntry, SavedItem, SavedStyle
from velatura.editor.background import run_through
from velatura.editor.descriptions import about_item, about_past
from velatura.editor.placement import PlacementNote, RecoveredResult, note_of, noted
from velatura.editor.results_controller import ResultsController
from velatura.editor.style_regions import Canvas as Whole
from velatura.editor.style_regions import Place
from velatura.errors import DaemonNotRunning, LayerGone, UnknownBlob
from velatura.pixels import MASK_FORMAT, Picture, PixelFormat
from velatura.protocol.messages import Result
from velatura.settings import StyleSettings

PIXELS = Picture(2, 2, PixelFormat("RGB", "u8"), bytes(12))
NOTE = note_of(Place(Whole("a picture", 9, 8), 3, 4, 4, 4), "harbour.kra")
NOON = 1767268800.0  # seconds since 1970, on the first of a January, whatever the zone


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

    def after(self, *_): ...


class Session:
    """Remembers what it is asked; what `wrong` holds is raised."""

    def __init__(self) -> None:
        self.asked, self.wrong = [], None

    def __getattr__(self, name):
        def ask(*what):
            if self.wrong is not None:
                raise self.wrong
            self.asked.append((name, *what))

        return ask


class Canvas:
    """Takes a result, or raises what `wrong` holds."""

    def __init__(self) -> None:
        self.taken, self.opened, self.wrong = [], [], None

    def put_back(self, recovered):
        if self.wrong:
            raise self.wrong
        self.taken.append(recovered)
        yield
        return True

    def open_as_picture(self, picture, name):
        self.opened.append(name)
        yield


class Window:
    def __init__(self) -> None:
        self.said, self.items, self.lines, self.busy = [], [], [], False

    def show_items(self, items):
        self.items = items

    def show_history(self, lines):
        self.lines = lines

    def be_busy(self):
        self.busy = True

    def be_idle(self):
        self.busy = False

    def say(self, sentence):
        self.said.append(sentence)

    def say_error(self, error):
        self.said.append(error.sentence)


class AtOnce:
    busy = False

    def run(self, work, done, failed):
        try:
            value = run_through(work)
        except LayerGone as error:
            failed(error)
        else:
            done(value)


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    one = ResultsController("test", Loop(), Canvas(), Window(), lambda items: one.counted.append(len(items)))
    one.counted, one.session = [], Session()
    one.steps = AtOnce()
    one.look()
    one.kept([DONE, STOPPED])
    return one


def test_what_is_kept_is_counted_in_words_and_told_to_the_editors_window(shelf):
    assert shelf.session.asked == [("look",)]
    assert shelf.window.items == [DONE, STOPPED]
    assert shelf.window.said == [strings.ASKING, "2 results of earlier restyles can be recovered."]
    assert shelf.counted == [2]


def test_a_finished_one_is_fetched_and_a_stopped_one_taken_as_it_is_or_gone_on_with(shelf):
    for do, one, asked in (
        (shelf.insert, DONE, "fetch"),
        (shelf.insert, STOPPED, "take_as_it_is"),
        (shelf.go_on, STOPPED, "go_on"),
    ):
        do(one)
        assert shelf.session.asked[-1] == (asked, one)
        assert shelf.window.busy
        shelf.finished(one.job, Finished(one.job, PIXELS, result(one.job)))
        assert shelf.canvas.taken[-1].name == "One 50 %"
        assert not shelf.window.busy
        assert one not in shelf.window.items


def test_one_thing_is_in_hand_at_a_time(shelf):
    shelf.insert(DONE)
    shelf.go_on(STOPPED)
    shelf.forget(DONE)
    assert [asked[0] for asked in shelf.session.asked] == ["look", "fetch"]


def test_without_its_document_a_result_becomes_a_picture_of_its_own(shelf):
    shelf.canvas.wrong = LayerGone("It went.")
    shelf.insert(DONE)
    shelf.finished("done", Finished("done", PIXELS, result()))
    assert shelf.canvas.opened == ["One 50 %"]
    assert shelf.window.said[-1] == f"It went. {strings.DONE_PICTURE}"
    assert shelf.window.items == [STOPPED]


def test_to_stop_is_to_hang_up_so_that_what_is_done_stays(shelf):
    shelf.go_on(STOPPED)
    shelf.stop()
    assert shelf.session.asked[-2:] == [("hang_up",), ("look",)]
    assert not shelf.window.busy
    shelf.kept([DONE, STOPPED])
    assert shelf.window.said[-1] == strings.STOPPED


def test_what_cannot_be_had_is_told_and_stays_in_the_list(shelf):
    shelf.insert(DONE)
    shelf.failed("done", UnknownBlob("It is not kept any more."))
    shelf.kept([STOPPED])
    assert shelf.window.said[-1] == "It is not kept any more."
    assert not shelf.window.busy
    shelf.session.wrong = DaemonNotRunning("There is none.")
    shelf.insert(STOPPED)
    assert shelf.window.said[-1] == "There is none."
    assert not shelf.window.busy


def test_forgotten_is_gone_from_the_list_too(shelf):
    shelf.forget(DONE)
    assert shelf.session.asked[-1] == ("drop", DONE)
    assert shelf.window.items == [STOPPED]
    assert shelf.counted == [2, 1]


def line(number, **more):
    said = {
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
        **more,
    }
    return HistoryEntry(number, **said)


def test_a_history_that_comes_in_parts_is_asked_for_to_its_end(shelf):
    shelf.past([line(9), line(8)])
    assert shelf.session.asked[-1] == ("look_further", 8)
    shelf.past([line(8), line(7)])
    assert [one.number for one in shelf.window.lines] == [9, 8, 7]
    asked = len(shelf.session.asked)
    shelf.past([])
    assert len(shelf.session.asked) == asked


def test_a_result_goes_to_its_place_where_the_size_fits_and_to_the_middle_elsewhere():
    one = RecoveredResult("One", "layer", NOTE, Finished("done", PIXELS, result()))
    assert one.corner(9, 8) == (4, 4)
    assert one.corner(20, 10) == (9, 4)
    assert one.coverage() is None
    assert RecoveredResult("One", "layer", "", one.done).corner(9, 8) == (3, 3)


def test_its_mask_is_the_selections_part_over_its_box():
    mask = Picture(4, 4, MASK_FORMAT, bytes(range(16)))
    covered = RecoveredResult("One", "layer", NOTE, Finished("done", PIXELS, result(left=1, top=2), mask)).coverage()
    assert (covered.width, covered.height, bytes(covered.data)) == (2, 2, bytes([9, 10, 13, 14]))


@pytest.mark.parametrize(
    "note",
    ["", "words", "[1]", '{"document": "a"}', '{"document": "a", "width": 1, "height": true, "left": 0, "top": 0}'],
)
def test_another_programs_note_says_no_place(note):
    assert noted(note) is None


def test_a_note_is_read_as_it_was_written():
    assert noted(NOTE) == PlacementNote("harbour.kra", 9, 8, 3, 4)


def test_lists_say_what_how_far_and_when():
    assert about_item(DONE, NOON + 60)[:2] == ("Sky, in harbour.kra", "One 50 %")
    assert about_item(STOPPED, NOON + 60)[2].startswith("stopped at 43 % · today ")
    assert about_item(DONE, NOON + 86400)[2].startswith("finished · yesterday ")
    assert about_past(line(1), NOON + 10 * 86400) == (
        "photo.jpg",
        "One 50 %, draft, seed 7",
        "1 Jan 2026 · 4 × 4 px · took 12 s · command line",
    )
