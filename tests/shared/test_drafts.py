"""Quick drafts, with an editor, a window and a session that do exactly what the test says."""

from __future__ import annotations

import types
from dataclasses import replace

import pytest

from velatura.editor.drafts import DELAY, MAX_DETAIL, MAX_FOLLOWED, MAX_SIDE, Drafts
from velatura.editor.style_regions import Canvas as RegionCanvas
from velatura.editor.style_regions import Place
from velatura.editor.ui_state import Style
from velatura.editor.window_place import Box
from velatura.errors import DaemonNotRunning, NothingToRestyle
from velatura.pixels import MASK_FORMAT, Picture, PixelFormat
from velatura.settings import StyleSettings

RGBA = PixelFormat("RGBA", "u8")
SWIRLS, MOSAIC = Style("/swirls", "Swirls"), Style("/mosaic", "Mosaic")
LARGE = (2000, 1500)


class Timer:
    def __init__(self, callback) -> None:
        self.callback, self.delay = callback, None

    def start(self, delay):
        self.delay = delay

    def stop(self):
        self.delay = None


class Loop:
    def timer(self, callback):
        return Timer(callback)


class Session:
    """Accepts restyles, and records them."""

    def __init__(self) -> None:
        self.requests, self.cancelled, self.acknowledged = [], [], []
        self.can_restyle_parts = True
        self.error = None

    def restyle(self, content, styles, settings, **options):
        if self.error is not None:
            raise self.error
        self.requests.append(types.SimpleNamespace(content=content, styles=styles, settings=settings, **options))
        return f"job {len(self.requests)}"

    def cancel(self, job):
        self.cancelled.append(job)

    def acknowledge(self, done):
        self.acknowledged.append(done)


class Canvas:
    """A layer whose pixels are all of one value."""

    def __init__(self) -> None:
        self.layer, self.value, self.reads, self.mask, self.target_error = "layer", 1, [], None, None

    def current_target(self):
        if self.target_error is not None:
            raise self.target_error
        return types.SimpleNamespace(layer=self.layer)

    def target_key(self):
        return self.layer

    def sample(self, _):
        return self.value

    def describe(self, target):
        return f"{target.layer}, {self.value}"

    def read_shown(self, _, side):
        self.reads.append(side)
        width, height = (4, 3) if side is not None else LARGE
        picture = Picture(width, height, RGBA, bytes([self.value]) * (4 * width * height))
        place = Place(RegionCanvas("a picture", *LARGE), 0, 0, *LARGE)
        return types.SimpleNamespace(picture=picture, mask=self.mask, place=place)


class Window:
    def __init__(self) -> None:
        self.styles, self.current_settings, self.part = [SWIRLS], StyleSettings(), None
        self.shown, self.drafting, self.details, self.contents = True, False, [], []
        self.drafts, self.previews = [], []

    def is_shown(self):
        return self.shown

    def settings(self):
        return self.current_settings

    def chosen_styles(self):
        return self.styles

    def preview_side(self):
        return 700

    def show_drafting(self, drafting):
        self.drafting = drafting

    def show_content(self, picture, size):
        self.contents.append(picture)
        self.content_size = size

    def show_target(self, sentence):
        self.target = sentence

    def show_preview(self, preview):
        self.previews.append(preview)

    def show_draft(self, picture):
        self.drafts.append(picture)

    def detail_wanted(self):
        return self.part

    def show_detail(self, part, original, draft):
        self.details.append((part, original, draft))


class Loader:
    """Loads styles when the test says so."""

    def __init__(self) -> None:
        self.waiting = []

    def load(self, content, styles, on_done, on_failed):
        self.waiting.append(lambda: on_done([(style.name, 1.0) for style in styles]))

    def run(self):
        self.waiting.pop(0)()


@pytest.fixture
def owner():
    canvas = Canvas()
    one = types.SimpleNamespace(
        session=Session(), canvas=canvas, window=Window(), style_loader=Loader(), message_log=[], is_busy=False
    )
    one.chosen_target, one.chosen_target_key = canvas.current_target, canvas.target_key
    one.steps = types.SimpleNamespace(run=lambda work, on_done, on_failed: on_done(work))
    one.drafts = Drafts(one, Loop())
    return one


def fire(timer):
    """The time of a running timer has come. Returns whether it was running."""
    if timer.delay is None:
        return False
    timer.callback()
    return True


def begin(owner):
    """Requests a draft and lets it go as far as the daemon."""
    owner.drafts.request()
    assert fire(owner.drafts._timer)
    if owner.style_loader.waiting:
        owner.style_loader.run()


def finish(owner):
    """The daemon has finished the latest draft."""
    job = f"job {len(owner.session.requests)}"
    assert owner.drafts.owns(job)
    content = owner.session.requests[-1].content
    view = vars(owner.session.requests[-1]).get("view")
    width, height = view[2:] if view else (content.width, content.height)
    owner.drafts.on_finished(
        types.SimpleNamespace(job=job, picture=Picture(width, height, RGBA, bytes(4 * width * height)))
    )


def test_a_draft_has_the_windows_settings_in_draft_quality_at_the_size_of_the_preview(owner):
    owner.window.current_settings = StyleSettings(strength=70, quality="best", iterations=900)
    begin(owner)
    request = owner.session.requests[-1]
    assert request.settings == StyleSettings(strength=70, quality="draft")
    assert owner.canvas.reads == [MAX_SIDE]
    assert request.layer == "preview layer"
    assert request.remember is False and request.expected is False
    finish(owner)
    assert len(owner.window.drafts) == 1
    assert not owner.window.drafting


def test_a_draft_begins_half_a_second_after_the_last_change(owner):
    owner.drafts.request()
    owner.drafts.request()
    assert owner.drafts._timer.delay == DELAY == 500
    fire(owner.drafts._timer)
    assert owner.drafts._timer.delay is None
    assert owner.window.drafting


def test_the_next_change_replaces_a_running_draft(owner):
    begin(owner)
    owner.window.styles = [MOSAIC]
    begin(owner)
    assert owner.session.cancelled == ["job 1"]
    assert not owner.drafts.owns("job 1")
    finish(owner)
    assert len(owner.window.drafts) == 1


def test_a_change_while_the_styles_are_loaded_drops_the_older_draft(owner):
    owner.drafts.request()
    fire(owner.drafts._timer)
    owner.window.styles = [MOSAIC]
    owner.drafts.request()
    fire(owner.drafts._timer)
    owner.style_loader.run()
    assert owner.session.requests == []
    owner.style_loader.run()
    assert owner.session.requests[-1].styles == [("Mosaic", 1.0)]


@pytest.mark.parametrize("reason", ["a restyle is running", "hidden", "no style", "switched off", "no layer", "paper"])
def test_there_is_no_draft_when(owner, reason):
    owner.is_busy = reason == "a restyle is running"
    owner.window.shown = reason != "hidden"
    owner.window.styles = [] if reason == "no style" else [SWIRLS]
    owner.canvas.target_error = NothingToRestyle("No layer.") if reason == "no layer" else None
    owner.window.current_settings = StyleSettings(quality="paper" if reason == "paper" else "good")
    if reason == "switched off":
        owner.drafts.enable(False)
    owner.drafts.request()
    fire(owner.drafts._timer)
    assert owner.session.requests == [] and owner.style_loader.waiting == []
    assert not owner.window.drafting


def test_a_restyle_ends_the_running_draft(owner):
    begin(owner)
    owner.drafts.request()
    owner.drafts.stop()
    assert owner.session.cancelled == ["job 1"]
    assert not fire(owner.drafts._timer)
    assert not owner.window.drafting


def test_nothing_is_drafted_twice(owner):
    begin(owner)
    finish(owner)
    begin(owner)
    assert len(owner.session.requests) == 1
    assert not owner.drafts.running and not owner.window.drafting
    owner.drafts.forget()  # the preview shows something else now
    begin(owner)
    assert len(owner.session.requests) == 2


def test_a_draft_shows_the_layer_as_it_is_now(owner):
    begin(owner)
    finish(owner)
    owner.canvas.value = 2
    owner.window.current_settings = StyleSettings(strength=80)
    begin(owner)
    assert owner.window.contents[-1].data[0] == 2, "the original that the preview is compared with is the new one"
    assert owner.window.content_size == LARGE
    assert owner.window.target == "layer, 2"


def test_a_draft_that_was_abandoned_is_made_when_its_settings_come_back(owner):
    begin(owner)
    owner.drafts.stop()
    begin(owner)
    assert len(owner.session.requests) == 2
    finish(owner)
    owner.window.current_settings = StyleSettings(strength=80)
    begin(owner)
    owner.drafts.on_preview("of the other settings")
    owner.window.current_settings = StyleSettings()
    begin(owner)
    assert len(owner.session.requests) == 4, "the preview shows an unfinished draft of other settings"


def test_an_unchanged_layer_is_not_read_again_in_its_own_pixels(owner):
    begin(owner)
    finish(owner)
    for left in (0, 40):
        owner.window.part = Box(left, 0, 300, 250)
        owner.drafts.request_detail()
        fire(owner.drafts._detail_timer)
        owner.style_loader.run()
        finish(owner)
    assert owner.canvas.reads.count(None) == 1
    owner.canvas.value = 2
    owner.window.part = Box(80, 0, 300, 250)
    owner.drafts.request_detail()
    fire(owner.drafts._detail_timer)
    assert owner.canvas.reads.count(None) == 2


def test_a_part_that_is_no_longer_on_the_layer_is_not_drafted(owner):
    begin(owner)
    finish(owner)
    owner.window.part = Box(LARGE[0] - 100, 0, 300, 250)
    owner.drafts.request_detail()
    fire(owner.drafts._detail_timer)
    owner.style_loader.run()
    assert len(owner.session.requests) == 1
    assert not owner.drafts.running and not owner.window.drafting


def test_a_failed_part_leaves_the_draft_of_the_whole(owner):
    begin(owner)
    finish(owner)
    owner.window.part = Box(0, 0, 300, 250)
    owner.drafts.request_detail()
    fire(owner.drafts._detail_timer)
    owner.style_loader.run()
    owner.drafts.on_failed(DaemonNotRunning("No daemon is running."))
    owner.window.part = Box(10, 0, 300, 250)
    owner.drafts.request_detail()
    fire(owner.drafts._detail_timer)
    assert owner.drafts.running


def test_a_failed_draft_is_logged_and_tried_again_at_the_next_change(owner):
    begin(owner)
    owner.drafts.on_failed(DaemonNotRunning("No daemon is running."))
    assert "No daemon is running." in owner.message_log[-1]
    assert not owner.window.drafting
    begin(owner)
    assert len(owner.session.requests) == 2
    owner.session.error = DaemonNotRunning("No daemon is running.")
    owner.window.styles = [MOSAIC]
    begin(owner)
    assert not owner.drafts.running


def test_the_visible_part_is_drafted_in_its_own_pixels_once_the_whole_is_shown(owner):
    owner.window.part = Box(100, 200, 300, 250)
    begin(owner)
    assert "view" not in vars(owner.session.requests[-1])
    finish(owner)
    assert fire(owner.drafts._detail_timer)
    owner.style_loader.run()
    request = owner.session.requests[-1]
    assert request.view == (100, 200, 300, 250)
    assert (request.content.width, request.content.height) == LARGE
    assert request.layer == "preview layer" and request.adjust, "it continues from the draft of the whole"
    finish(owner)
    (first, original, _), (second, _, draft) = owner.window.details
    assert first == second == owner.window.part
    assert (original.width, original.height) == (draft.width, draft.height) == (300, 250)


def test_zooming_and_moving_drafts_the_new_part(owner):
    begin(owner)
    finish(owner)
    owner.window.part = Box(0, 0, 300, 250)
    owner.drafts.request_detail()
    fire(owner.drafts._detail_timer)
    owner.style_loader.run()
    owner.window.part = Box(40, 0, 300, 250)
    owner.drafts.request_detail()
    fire(owner.drafts._detail_timer)
    owner.style_loader.run()
    assert owner.session.cancelled == ["job 2"]
    finish(owner)
    assert [part for part, _, draft in owner.window.details if draft] == [Box(40, 0, 300, 250)]


@pytest.mark.parametrize("reason", ["an older daemon", "nothing is drafted", "too large"])
def test_there_is_no_draft_of_a_part_with(owner, reason):
    begin(owner)
    finish(owner)
    side = 300 if reason != "too large" else int(MAX_DETAIL**0.5) + 1
    owner.window.part = Box(0, 0, side, side)
    owner.session.can_restyle_parts = reason != "an older daemon"
    if reason == "nothing is drafted":
        owner.drafts.forget()
    owner.drafts.request_detail()
    fire(owner.drafts._detail_timer)
    assert len(owner.session.requests) == 1 and owner.style_loader.waiting == []


def test_a_selection_is_part_of_the_draft(owner):
    owner.canvas.mask = Picture(4, 3, MASK_FORMAT, bytes([255] * 12))
    begin(owner)
    assert owner.session.requests[-1].mask == owner.canvas.mask
    finish(owner)
    owner.canvas.mask = replace(owner.canvas.mask, data=bytes(12))
    begin(owner)
    assert len(owner.session.requests) == 2


def test_after_several_strokes_and_a_rest_the_draft_is_made_anew(owner):
    begin(owner)
    finish(owner)
    for value in range(2, 2 + MAX_FOLLOWED):
        assert not fire(owner.drafts._settle_timer)
        owner.canvas.value = value
        begin(owner)
        assert owner.session.requests[-1].adjust
        finish(owner)
    owner.drafts.request()  # another change comes first
    assert owner.drafts._settle_timer.delay is None
    fire(owner.drafts._timer)
    owner.style_loader.run()
    assert fire(owner.drafts._settle_timer)
    owner.style_loader.run()
    assert owner.session.requests[-1].adjust is False
    finish(owner)
    assert owner.drafts._settle_timer.delay is None


def test_another_layer_frees_the_pixels_of_the_last_one(owner):
    begin(owner)
    finish(owner)
    owner.window.part = Box(0, 0, 300, 250)
    owner.drafts.request_detail()
    fire(owner.drafts._detail_timer)
    assert owner.drafts._whole is not None
    owner.drafts.forget()
    assert owner.drafts._whole is None
