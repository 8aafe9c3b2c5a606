"""The way of a restyle in an editor, with an editor, a window and a daemon that do just what the test says."""

from __future__ import annotations

import types
from dataclasses import replace

import pytest

from velatura import strings
from velatura.client.saved_results import HistoryEntry, SavedStyle
from velatura.editor.placement import PlacementNote, noted
from velatura.editor.restyle_controller import RestyleController
from velatura.editor.style_regions import Canvas as Whole
from velatura.editor.style_regions import Place, Region
from velatura.editor.ui_state import Style
from velatura.errors import DaemonLost, NotAPicture
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

    def after(self, _, do):
        do()


class Session:
    """Takes jobs, and remembers which were cancelled."""

    def __init__(self) -> None:
        self.asked, self.more, self.cancelled, self.safe, self.glances = [], [], [], [], 0

    def glance(self):
        self.glances += 1

    def received(self, done):
        self.safe.append(done)

    def restyle(self, content, styles, settings, **more):
        self.asked.append((settings, more["adjust"]))
        self.more.append({**more, "styles": styles})
        return f"job {len(self.asked)}"

    def cancel(self, job):
        self.cancelled.append(job)


class ByHand:
    """Work is done when the test says so."""

    def __init__(self) -> None:
        self.waiting = []

    def run(self, work, done, failed):
        self.waiting.append((work, done, failed))

    def go(self):
        work, done, failed = self.waiting.pop(0)
        try:
            value = work()
        except Exception as error:
            failed(error)
        else:
            done(value)


class Canvas:
    layer = "layer"

    def __init__(self) -> None:
        self.inserted = []

    def current_target(self):
        return types.SimpleNamespace(layer=self.layer, name="Sky", document_name="harbour.kra")

    def current_key(self):
        return None

    def describe(self, _):
        return "a layer"

    def thumbnail(self, *_):
        return None

    def read(self, _):
        return types.SimpleNamespace(picture=PIXELS, mask=None, place=Place(Whole("a picture", 9, 8), 3, 4, 2, 2))

    def insert(self, target, picture, left, top, name):
        self.inserted.append(name)
        return True


class Window:
    def __init__(self) -> None:
        self.said, self.styles, self.setting_specs, self.target, self.kept = [], [ONE], StyleSettings(), "", ""

    def is_shown(self):
        return True

    def settings(self):
        return self.setting_specs

    def chosen(self):
        return self.styles

    def preview_side(self):
        return 10

    def show_target(self, sentence):
        self.target = sentence

    def show_before(self, _): ...
    def show_estimate(self, _): ...
    def show_kept(self, sentence):
        self.kept = sentence

    def take_over(self, recent, styles, settings):
        self.styles, self.setting_specs = styles, settings

    def forget_regions(self):
        self.styles = [replace(style, region=None) for style in self.styles]

    def be_busy(self): ...
    def be_idle(self): ...

    def say(self, sentence):
        self.said.append(sentence)

    def say_error(self, error, **_):
        self.said.append(error.sentence)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))

    def read_style(path):
        if path == BAD.path:
            raise NotAPicture("It is no picture.")
        return PIXELS

    one = RestyleController("test", Loop(), Canvas(), read_style)
    one.session, one.window = Session(), Window()
    one.reading, one.decoding = ByHand(), ByHand()
    one.steps = types.SimpleNamespace(run=lambda work, done, failed: one.reading.run(lambda: work, done, failed))
    saving = "save"  # what is remembered is not what these tests are about
    one.thread = types.SimpleNamespace(
        run=lambda work, *then: None if saving in work.__code__.co_names else one.decoding.run(work, *then)
    )
    return one


def send(desk):
    desk.start()
    desk.reading.go()
    desk.decoding.go()


def finish(desk, job):
    desk.finished(job, types.SimpleNamespace(picture=PIXELS, result=types.SimpleNamespace(left=0, top=0, notes=[])))
    while desk.reading.waiting:
        desk.reading.go()


def test_after_a_cancel_no_earlier_restyle_of_the_layer_makes_one(desk):
    send(desk)
    desk.start()  # again, and stopped while the layer is still being read
    desk.cancel()
    assert desk.window.said[-1] == strings.CANCELLED
    assert desk.session.cancelled == ["job 1"]
    finish(desk, "job 1")
    assert desk.canvas.inserted == []


def test_a_restyle_of_another_layer_leaves_the_first_in_work(desk):
    send(desk)
    desk.canvas.layer = "another"
    send(desk)
    assert desk.session.cancelled == []
    finish(desk, "job 1")
    finish(desk, "job 2")
    assert len(desk.canvas.inserted) == 2


def test_a_style_that_cannot_be_read_is_told_and_the_work_goes_on(desk):
    send(desk)
    desk.window.styles = [BAD]
    desk._ask_anew()
    desk.decoding.go()
    assert desk.window.said[-1] == "It is no picture."
    assert desk.is_busy
    finish(desk, "job 1")
    assert desk.canvas.inserted == ["One 50 %"]


def test_a_result_is_named_after_what_made_it_not_after_a_knob_that_came_too_late(desk):
    send(desk)
    desk.window.setting_specs, desk.window.styles = StyleSettings(strength=80), [OTHER]
    desk._ask_anew()
    finish(desk, "job 1")  # before the new style is decoded
    desk.decoding.go()
    assert desk.canvas.inserted == ["One 50 %"]
    assert len(desk.session.asked) == 1


def test_a_turned_knob_goes_on_from_the_picture_in_hand(desk):
    send(desk)
    desk.window.setting_specs = StyleSettings(strength=80)
    desk._ask_anew()
    desk.decoding.go()
    assert desk.session.asked[-1] == (StyleSettings(strength=80), True)
    finish(desk, "job 2")
    assert desk.canvas.inserted == ["One 80 %"]


def test_a_region_is_cut_to_what_is_restyled_and_one_of_another_picture_is_told(desk):
    canvas = Whole("a picture", 4, 4)
    place = Place(canvas, 1, 1, 2, 2)
    desk.canvas.read = lambda _: types.SimpleNamespace(picture=PIXELS, mask=None, place=place)
    desk.window.styles = [replace(ONE, region=Region("Selection", canvas, bytes([9] * 8 + [0] * 8)))]
    send(desk)
    assert bytes(desk.current.pictures[0].region.data) == bytes([9, 9, 0, 0])
    desk.window.styles = [replace(ONE, region=Region("Sky", replace(canvas, width=5), bytes([9] * 20)))]
    desk._ask_anew()  # chosen while it works
    desk.decoding.go()
    assert "“Sky” was taken from another image" in desk.window.said[-1]
    assert desk.window.styles == [ONE]  # so that the next restyle goes
    assert desk.is_busy
    assert desk.remembered.styles == [ONE]  # a region belongs to one picture


def test_without_a_layer_the_window_says_so_at_the_first_look(desk):
    def nothing():
        raise NotAPicture(strings.NO_LAYER)

    desk.canvas.current_target = nothing
    desk.look_at_target()
    assert desk.window.target == strings.NO_LAYER


def test_a_restyle_says_where_it_belongs_and_what_its_styles_are_called(desk):
    send(desk)
    (more,) = desk.session.more
    assert more["title"] == "Sky"
    assert noted(more["note"]) == PlacementNote("harbour.kra", 9, 8, 3, 4)
    assert [(style.name, style.path) for style in more["styles"]] == [("One", "/one")]


def test_a_lost_daemon_is_told_with_the_way_to_what_it_kept(desk):
    send(desk)
    desk.failed("job 1", DaemonLost("It went."))
    assert desk.window.said[-1] == "It went."
    assert desk.window.kept == strings.KEPT_OF_IT


def test_what_waits_is_told_and_what_is_in_work_here_is_not_counted(desk):
    send(desk)
    desk.kept([types.SimpleNamespace(job=job) for job in ("job 1", "another", "a third")])
    assert desk.window.kept == "2 results of earlier restyles can be recovered."
    desk.kept([types.SimpleNamespace(job="another")])
    assert desk.window.kept == "A result of an earlier restyle can be recovered."
    desk.kept([])
    assert desk.window.kept == ""


def test_it_is_asked_once_the_daemon_is_there_and_at_each_opening_of_the_window(desk):
    desk.connected()
    assert desk.session.glances == 1
    desk.keep_looking()
    assert desk.session.glances == 2


def past(*styles):
    return HistoryEntry(1, 0.0, "cli", "photo", 9, 8, 1.0, "VGG19", "cpu", StyleSettings(strength=70), styles, b"")


def test_a_past_restyle_is_used_again_with_the_paintings_that_are_still_there(desk, tmp_path):
    there = tmp_path / "there.png"
    there.write_bytes(b"x")
    desk.use_again(past(SavedStyle("There", str(there), 0.5)))
    assert desk.window.styles == [Style(str(there), "There", 0.5)]
    assert desk.window.setting_specs.strength == 70
    assert desk.window.said[-1] == strings.USED_AGAIN
    desk.use_again(past(SavedStyle("There", str(there), 1.0), SavedStyle("Gone", "/gone.png", 1.0)))
    assert [style.name for style in desk.window.styles] == ["There"]
    assert "“Gone” is no longer at /gone.png" in desk.window.said[-1]
    desk.use_again(past(SavedStyle("From nowhere", "", 1.0)))
    assert "the file of the style “From nowhere” is not known" in desk.window.said[-1]


def test_the_daemon_keeps_a_result_until_its_layer_stands(desk):
    send(desk)
    desk.finished("job 1", types.SimpleNamespace(picture=PIXELS, result=types.SimpleNamespace(left=0, top=0, notes=[])))
    assert desk.session.safe == []
    desk.reading.go()
    assert desk.session.safe == [desk.current.done]


def test_a_result_that_nobody_wants_any_more_is_not_kept_for_ever(desk):
    send(desk)
    desk.cancel()
    done = types.SimpleNamespace(picture=PIXELS)
    desk.finished("job 1", done)
    assert desk.session.safe == [done]
