"""The film controller, with an editor, a window and a session that do exactly what the test says."""

from __future__ import annotations

import types

import pytest

from velatura import strings
from velatura.client.events import Finished
from velatura.editor.film_controller import FilmController
from velatura.editor.film_task import FilmTask, whole
from velatura.editor.frames import ALL, RANGE, THIS, FrameChoice
from velatura.editor.placement import Placed
from velatura.editor.style_loader import StyleLoader
from velatura.editor.style_regions import Canvas as RegionCanvas
from velatura.editor.style_regions import Place
from velatura.editor.ui_state import Style
from velatura.errors import LayerGone, OutOfMemory
from velatura.pixels import Picture, PixelFormat
from velatura.protocol.messages import Progress
from velatura.settings import StyleSettings

RGB = PixelFormat("RGB", "u8")
ONE = Style("/one", "One")
PLACE = Place(RegionCanvas("a picture", 9, 8), 3, 4, 2, 2)


def picture(value):
    return Picture(2, 2, RGB, bytes([value]) * 12)


class Timer:
    def start(self, _: int) -> None: ...
    def stop(self) -> None: ...


class Loop:
    def timer(self, _):
        return Timer()

    def call_later(self, _, callback):
        callback()


class Session:
    def __init__(self) -> None:
        self.requests, self.cancelled, self.acknowledged = [], [], []

    def refresh_saved(self): ...

    def acknowledge(self, done):
        self.acknowledged.append(done.job)

    def restyle(self, content, styles, settings, **options):
        self.requests.append(types.SimpleNamespace(content=content, settings=settings, **options))
        return f"job {len(self.requests)}"

    def cancel(self, job):
        self.cancelled.append(job)

    def close(self): ...


class Runner:
    """Runs each piece of work at once, or when the test calls `run_next`."""

    def __init__(self) -> None:
        self.waiting, self.is_manual = [], False

    def run(self, work, on_done, on_failed):
        self.waiting.append((work, on_done, on_failed))
        if not self.is_manual:
            self.run_next()

    def run_next(self):
        work, on_done, on_failed = self.waiting.pop(0)
        try:
            value = work() if callable(work) else run_to_end(work)
        except Exception as error:
            on_failed(error)
        else:
            on_done(value)


def run_to_end(work):
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


class Film:
    """A film whose frames have the given values; None is an empty frame."""

    composite = False

    def __init__(self, canvas) -> None:
        self.canvas, self.log, self.closed = canvas, [], False

    def read(self, frame):
        yield
        value = self.canvas.frames[frame]
        return None if value is None else types.SimpleNamespace(picture=picture(value), mask=None, place=PLACE)

    def thumbnail(self, side):
        return "a frame"

    def size(self):
        return 2, 2

    def write(self, frame, result, left, top):
        yield
        if frame == self.canvas.unwritable:
            raise LayerGone("The document was closed.")
        self.log.append((frame, result.data[0]))

    def repeat(self, frame, like):
        yield
        self.log.append((frame, f"as {like}"))

    def insert(self, recipe):
        yield
        if self.canvas.error is not None:
            raise self.canvas.error
        self.log.append(f"inserted {recipe.name}")
        return Placed()

    def close(self):
        self.closed = True


class Canvas:
    layer = "layer"

    def __init__(self) -> None:
        self.frames, self.error, self.films, self.inserted = {0: 1, 3: 2, 4: 3, 9: 4}, None, [], []
        self.unwritable = None  # a frame

    def film_target(self):
        return types.SimpleNamespace(layer=self.layer, name="Sky", document_name="harbour.kra")

    current_target = film_target

    def frame_times(self, _):
        return list(self.frames)

    def frame_now(self, _):
        return 3

    def open_film(self, target, frames):
        yield
        self.films.append(Film(self))
        return self.films[-1]

    def read(self, _):
        yield
        return types.SimpleNamespace(picture=picture(9), mask=None, place=PLACE)

    def insert(self, target, result, left, top, recipe):
        yield
        self.inserted.append(recipe.name)
        return Placed()

    def target_key(self):
        return None

    def describe(self, _):
        return "a layer"

    def size(self, _):
        return 2, 2

    def thumbnail(self, *_):
        return None

    def is_grey(self, _):
        return False


class Window:
    def __init__(self) -> None:
        self.messages, self.choice, self.busy = [], FrameChoice(ALL), False
        self.offered, self.progress = None, None

    def is_shown(self):
        return True

    def settings(self):
        return StyleSettings(strength=50)

    def chosen_styles(self):
        return [ONE]

    def preview_side(self):
        return 10

    def show_frames(self, times, now):
        self.offered = list(times), now

    def frame_choice(self):
        return self.choice

    def set_busy(self):
        self.busy = True

    def set_idle(self):
        self.busy = False

    def show_progress(self, progress):
        self.progress = progress

    def show_message(self, sentence):
        self.messages.append(sentence)

    def show_error(self, error, **_):
        self.messages.append(error.sentence)

    def show_target(self, _): ...
    def show_original(self, *_): ...
    def show_drafting(self, _): ...
    def show_estimate(self, _): ...
    def show_grey_note(self, _): ...
    def show_saved_notice(self, _): ...
    def show_before(self): ...


@pytest.fixture
def controller(tmp_path, monkeypatch):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    controller = FilmController("test", Loop(), Canvas(), lambda path: picture(7))
    controller.steps = controller.thread = Runner()
    controller.style_loader = StyleLoader(controller.thread, controller.read_style)
    controller.session, controller.window = Session(), Window()
    return controller


def finish(controller, value=100):
    """The daemon finishes the latest job."""
    job = f"job {len(controller.session.requests)}"
    result = types.SimpleNamespace(left=0, top=0, notes=[])
    controller.on_finished(job, Finished(job, picture(value), result))


def film(controller):
    return controller.canvas.films[-1]


def test_the_frames_are_offered_with_the_target(controller):
    controller.update_target()
    assert controller.window.offered == ([0, 3, 4, 9], 3)


@pytest.mark.parametrize("frames", [{}, {5: 1}])
def test_a_still_layer_offers_no_frames(controller, frames):
    controller.canvas.frames = frames
    controller.update_target()
    assert controller.window.offered == ([], 0)


def test_one_frame_is_an_ordinary_restyle(controller):
    controller.window.choice = FrameChoice(THIS)
    controller.start()
    finish(controller)
    assert controller.canvas.inserted == ["One 50 %"]
    assert controller.canvas.films == []


def test_the_frames_are_restyled_in_order_and_inserted_once(controller):
    controller.start()
    for value in (100, 101, 102, 103):
        finish(controller, value)
    assert [request.content.data[0] for request in controller.session.requests] == [1, 2, 3, 4]
    assert film(controller).log == [(0, 100), (3, 101), (4, 102), (9, 103), "inserted One 50 %"]
    assert film(controller).closed
    assert not controller.window.busy
    assert "with 4 restyled frames" in controller.window.messages[-1]


def test_a_range_is_restyled_alone(controller):
    controller.window.choice = FrameChoice(RANGE, 3, 4)
    controller.start()
    finish(controller)
    finish(controller)
    assert [frame for frame, _ in film(controller).log[:-1]] == [3, 4]


def test_a_range_without_frames_is_reported(controller):
    controller.canvas.frames = {5: 1, 6: 2}
    controller.window.choice = FrameChoice(RANGE, 0, 2)
    controller.start()
    assert controller.window.messages == [strings.NO_FRAMES]
    assert controller.session.requests == []


def test_results_are_kept_by_the_daemon_until_they_are_in_the_document(controller):
    controller.start()
    for _ in range(3):
        finish(controller)
    assert controller.session.acknowledged == []
    finish(controller)
    assert controller.session.acknowledged == ["job 1", "job 2", "job 3", "job 4"]


def test_each_frame_follows_those_before_it_in_the_background(controller):
    controller.start()
    for value in (100, 101, 102):
        finish(controller, value)
    sent = [[(a.data[0], b.data[0]) for a, b in request.previous] for request in controller.session.requests]
    assert sent == [[], [(1, 100)], [(2, 101), (1, 100)], [(3, 102), (2, 101), (1, 100)]]
    assert all(request.background for request in controller.session.requests)


def test_without_steadiness_no_frame_follows_another(controller):
    controller.window.choice = FrameChoice(ALL, steadiness=0)
    controller.start()
    finish(controller)
    assert controller.session.requests[1].previous == []
    assert controller.session.requests[1].settings.steadiness == 0


def test_the_result_of_a_selection_is_sent_with_the_frame_around_it():
    content = Picture(3, 2, RGB, bytes(range(18)))
    result = Picture(1, 1, RGB, b"abc")
    assert bytes(whole(content, result, 1, 1).data) == bytes(range(12)) + b"abc" + bytes(range(15, 18))


def test_a_film_is_one_entry_in_the_history(controller):
    controller.start()
    for _ in range(4):
        finish(controller)
    assert [request.remember for request in controller.session.requests] == [True, False, False, False]


def test_a_drawing_that_comes_again_is_restyled_once(controller):
    controller.canvas.frames = {0: 1, 2: 2, 4: 1, 6: 2}
    controller.start()
    finish(controller)
    finish(controller)
    assert len(controller.session.requests) == 2
    assert film(controller).log[2:] == [(4, "as 0"), (6, "as 2"), "inserted One 50 %"]


def test_an_empty_frame_stays_empty(controller):
    controller.canvas.frames = {0: 1, 2: None, 4: 3}
    controller.start()
    finish(controller)
    finish(controller)
    assert [frame for frame, _ in film(controller).log[:-1]] == [0, 4]


def test_if_all_frames_are_empty_it_is_said(controller):
    controller.canvas.frames = {0: None, 2: None}
    controller.start()
    assert controller.window.messages[-1] == strings.EMPTY_LAYER.format(layer="Sky")
    assert film(controller).closed


def test_cancelling_keeps_what_is_done(controller):
    controller.start()
    finish(controller)
    finish(controller)
    controller.cancel()
    assert controller.session.cancelled == ["job 3"]
    assert film(controller).log[-1] == "inserted One 50 %"
    assert "has 2 of 4 frames" in controller.window.messages[-1]
    assert not controller.window.busy


def test_cancelling_while_a_frame_is_written_keeps_it(controller):
    controller.start()
    controller.steps.is_manual = True
    finish(controller)
    controller.cancel()
    while controller.steps.waiting:
        controller.steps.run_next()
    assert film(controller).log == [(0, 100), "inserted One 50 %"]
    assert len(controller.session.requests) == 1


def test_a_frame_is_done_only_once_it_is_written(controller):
    controller.start()
    controller.steps.is_manual = True
    finish(controller)
    assert controller.current.done == []
    controller.steps.run_next()
    assert controller.current.done == [0]


@pytest.mark.parametrize(("unwritable", "left"), [(0, []), (3, [(0, 100), "inserted One 50 %"])])
def test_a_result_that_cannot_be_written_stays_with_the_daemon(controller, unwritable, left):
    controller.canvas.unwritable = unwritable
    controller.start()
    for value in (100, 101)[: 1 if unwritable == 0 else 2]:
        finish(controller, value)
    assert film(controller).log == left
    assert f"job {len(controller.session.requests)}" not in controller.session.acknowledged
    assert controller.window.messages[-1] == "The document was closed."
    assert not controller.window.busy and film(controller).closed


def test_a_result_that_is_being_written_is_not_offered_for_recovery(controller):
    controller.start()
    controller.steps.is_manual = True
    finish(controller)
    offered = []
    controller.window.show_saved_notice = offered.append
    controller.on_saved([types.SimpleNamespace(job="job 1"), types.SimpleNamespace(job="another")])
    assert offered == [strings.recoverable_results(1)]


def test_while_frames_are_restyled_it_is_said_that_changed_settings_come_later(controller):
    progress = Progress("job 1", 0, 1, 2, 2, 5, 10, 1.0, 1.0, 0.5, 3.0)
    later = "changed settings apply to the next restyle"
    controller.start()
    controller._adjust()
    controller.on_progress("job 1", progress)
    assert later not in controller.window.messages[-1]
    controller.window.settings = lambda: StyleSettings(strength=80)
    controller._adjust()
    controller.on_progress("job 1", progress)
    assert later in controller.window.messages[-1]
    assert len(controller.session.requests) == 1


def test_cancelling_the_first_frame_changes_nothing(controller):
    controller.start()
    controller.cancel()
    assert controller.session.cancelled == ["job 1"]
    assert film(controller).log == [] and film(controller).closed
    assert controller.window.messages[-1] == strings.CANCELLED


@pytest.mark.parametrize("steps", [0, 1])
def test_cancelling_while_the_first_frame_is_read_changes_nothing(controller, steps):
    controller.steps.is_manual = True
    controller.start()
    for _ in range(steps + 1):  # the window's state is saved first
        controller.steps.run_next()
    controller.cancel()
    while controller.steps.waiting:
        controller.steps.run_next()
    assert controller.session.requests == []
    assert all(one.closed and one.log == [] for one in controller.canvas.films)


def test_a_result_that_arrives_after_a_cancel_is_dropped(controller):
    controller.start()
    finish(controller)
    controller.cancel()
    finish(controller)
    assert film(controller).log == [(0, 100), "inserted One 50 %"]


def test_if_a_frame_fails_those_before_it_are_kept_and_the_error_is_shown(controller):
    controller.start()
    finish(controller)
    controller.on_failed("job 2", OutOfMemory("Too large."))
    assert film(controller).log == [(0, 100), "inserted One 50 %"]
    assert controller.window.messages[-1] == "Too large."
    assert not controller.window.busy


def test_if_the_first_frame_fails_the_error_is_shown(controller):
    controller.start()
    controller.on_failed("job 1", OutOfMemory("Too large."))
    assert film(controller).log == [] and film(controller).closed
    assert controller.window.messages[-1] == "Too large."


def test_if_the_result_cannot_be_inserted_the_daemon_keeps_the_frames(controller):
    controller.canvas.error = LayerGone("Gone.")
    controller.start()
    for _ in range(4):
        finish(controller)
    assert controller.session.acknowledged == []
    assert controller.window.messages[-1] == "Gone."
    assert film(controller).closed


def test_a_restyle_of_another_layer_leaves_the_film_running_and_shows_it_again_afterwards(controller):
    controller.start()
    finish(controller)
    controller.canvas.layer, controller.window.choice = "another", FrameChoice(THIS)
    controller.start()
    finish(controller)
    assert controller.canvas.inserted == ["One 50 %"]
    assert isinstance(controller.current, FilmTask) and controller.window.busy
    for job in ("job 2", "job 4", "job 5"):
        controller.on_finished(job, Finished(job, picture(5), types.SimpleNamespace(left=0, top=0, notes=[])))
    assert film(controller).log[-1] == "inserted One 50 %"
    assert not controller.window.busy


def test_starting_over_keeps_the_frames_that_are_done(controller):
    controller.start()
    finish(controller)
    controller.start()
    first, second = controller.canvas.films
    assert first.log == [(0, 100), "inserted One 50 %"]
    assert controller.session.cancelled == ["job 2"]
    for _ in range(4):
        finish(controller)
    assert second.log[-1] == "inserted One 50 %"


def test_changed_settings_do_not_disturb_a_running_film(controller):
    controller.start()
    controller._adjust()
    assert len(controller.session.requests) == 1


def test_the_progress_is_that_of_all_frames(controller):
    controller.start()
    finish(controller)
    progress = Progress("job 2", 0, 1, 2, 2, 5, 10, 1.0, 1.0, 0.5, 3.0)
    controller.on_progress("job 2", progress)
    assert controller.window.progress.done == (1 + 0.5) / 4
    assert controller.window.messages[-1].startswith("Frame 2 of 4 · Scale 1 of 1, 2 × 2 px")


def test_closing_the_editor_closes_the_film(controller):
    controller.start()
    controller.close()
    assert film(controller).closed
