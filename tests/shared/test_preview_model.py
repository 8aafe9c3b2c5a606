"""What a preview shows and what mouse and keys do with it, without a toolkit."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.editor.preview_model import PreviewModel
from velatura.editor.window_place import Box


class Image(NamedTuple):
    width: int
    height: int
    name: str


class Preview(PreviewModel):
    """A preview of a content of 4000 × 3000 pixels in an area of 816 × 616, with pictures before and after."""

    def __init__(self, *, after: bool = True) -> None:
        self.redrawn, self.views = 0, 0
        super().__init__(lambda image: image[:2], self._count_redraw, self._count_view)
        self.set_area(816, 616)
        self.set_content_size(4000, 3000)
        self.set_original(BEFORE)
        if after:
            self.set_preview(AFTER)

    def _count_redraw(self) -> None:
        self.redrawn += 1

    def _count_view(self) -> None:
        self.views += 1

    @property
    def drawn(self) -> list[str]:
        return [layer.image.name for layer in self.layers()]


BEFORE, AFTER = Image(800, 600, "before"), Image(512, 384, "after")


def detail_of(preview: Preview, name: str = "detail") -> tuple[Box, Image]:
    box = preview.viewport.visible()
    return box, Image(box.width, box.height, name)


# --- pictures ----------------------------------------------------------------------------------------
def test_the_preview_is_shown_once_there_is_one():
    preview = Preview(after=False)
    assert preview.drawn == ["before"] and not preview.has_preview and preview.shown == BEFORE
    preview.set_preview(AFTER)
    assert preview.drawn == ["after"] and preview.has_preview and preview.shown == AFTER


def test_a_new_original_removes_the_preview_and_an_updated_one_keeps_it():
    preview = Preview()
    preview.update_original(Image(800, 600, "painted"))
    assert preview.drawn == ["after"]
    preview.set_original(Image(800, 600, "other"))
    assert preview.drawn == ["other"]


def test_pictures_of_the_same_content_keep_the_view():
    preview = Preview()
    preview.one_to_one(100, 100)
    view = preview.viewport.visible()
    preview.set_content_size(4000, 3000)
    preview.set_original(BEFORE)
    preview.set_preview(Image(256, 192, "another"))
    assert preview.viewport.visible() == view
    preview.set_content_size(4000, 3001)
    assert preview.viewport.is_fit


def test_without_a_content_size_it_is_that_of_the_picture():
    preview = PreviewModel(lambda image: image[:2], lambda: None, lambda: None)
    preview.set_area(800, 600)
    preview.set_preview(AFTER)
    assert preview.viewport.visible() == Box(0, 0, 512, 384)
    preview.set_original(None)
    assert preview.layers() == [] and preview.shown is None


def test_what_was_remembered_is_shown_again():
    preview = Preview()
    preview.remember()
    preview.set_preview(Image(512, 384, "running"))
    preview.show_remembered()
    assert preview.drawn == ["after"]
    preview = Preview(after=False)
    preview.remember()
    preview.set_preview(AFTER)
    preview.show_remembered()
    assert preview.drawn == ["before"]


# --- detail ------------------------------------------------------------------------------------------
def test_the_visible_part_is_wanted_in_detail_until_it_is_there():
    preview = Preview()
    assert preview.detail_wanted() is None  # fit
    preview.one_to_one()
    box, image = detail_of(preview)
    assert preview.detail_wanted() == box == Box(1592, 1192, 816, 616)
    preview.set_preview_detail(box, image)
    assert preview.preview_detail_wanted() is None
    assert preview.drawn == ["after", "detail"]
    preview.press_key("right")
    assert preview.detail_wanted() == preview.viewport.visible() != box


def test_detail_of_the_preview_is_wanted_only_if_it_is_shown():
    preview = Preview()
    preview.one_to_one()
    for mode, is_wanted in (("after", True), ("split", True), ("before", False)):
        preview.set_mode(mode)
        assert (preview.preview_detail_wanted() is not None) is is_wanted


def test_detail_of_the_original_is_wanted_always_since_b_may_show_it():
    preview = Preview()
    preview.one_to_one()
    preview.set_preview_detail(*detail_of(preview))
    assert preview.detail_wanted() == preview.original_detail_wanted() == preview.viewport.visible()
    preview.set_original_detail(*detail_of(preview))
    assert preview.detail_wanted() is None


def test_without_a_preview_only_the_original_is_wanted():
    preview = Preview(after=False)
    preview.one_to_one()
    assert preview.preview_detail_wanted() is None
    assert preview.detail_wanted() == preview.original_detail_wanted() != None  # noqa: E711


def test_a_new_small_picture_drops_the_detail_of_its_own_kind():
    preview = Preview()
    preview.one_to_one()
    preview.set_mode("split")
    preview.set_original_detail(*detail_of(preview, "detail before"))
    preview.set_preview_detail(*detail_of(preview, "detail after"))
    preview.set_preview(AFTER)
    assert preview.drawn == ["before", "detail before", "after"]
    preview.set_preview_detail(*detail_of(preview, "detail after"))
    preview.update_original(BEFORE)
    assert preview.drawn == ["before", "after", "detail after"]


def test_detail_of_a_content_of_another_size_is_dropped():
    preview = Preview()
    preview.one_to_one()
    preview.set_preview_detail(*detail_of(preview))
    preview.set_content_size(2000, 1500)
    assert preview.drawn == ["after"]


def test_detail_that_arrives_after_its_picture_has_gone_is_ignored():
    preview = Preview()
    preview.one_to_one()
    detail = detail_of(preview)
    preview.set_original(None)
    preview.set_original_detail(*detail)
    preview.set_preview_detail(*detail)
    assert preview.drawn == []


# --- drawing -----------------------------------------------------------------------------------------
def test_true_pixels_are_drawn_one_to_one_at_whole_positions():
    preview = Preview()
    preview.one_to_one(333, 222)
    preview.set_preview_detail(*detail_of(preview))
    detail = preview.layers()[-1]
    assert (detail.x_scale, detail.y_scale, detail.smooth) == (1, 1, False)
    assert detail.left == int(detail.left) and detail.top == int(detail.top)


def test_single_pixels_are_shown_from_twice_their_size_on():
    preview = Preview()
    preview.one_to_one()
    preview.zoom_steps(1)
    preview.set_preview_detail(*detail_of(preview))
    whole, detail = preview.layers()
    assert detail.smooth  # 1.26
    preview.zoom_steps(3)
    whole, detail = preview.layers()
    assert not detail.smooth  # 2.5
    assert whole.smooth  # its pixels are not those of the content


@given(st.sampled_from(["before", "split", "after"]), st.integers(0, 12), st.floats(0, 816), st.floats(0, 616))
def test_the_layers_cover_the_picture_and_nothing_else(mode, steps, x, y):
    preview = Preview()
    preview.set_mode(mode)
    preview.zoom_steps(steps, x, y)
    clips = [layer.clip for layer in preview.layers()]
    whole = preview.viewport.to_area(Box(0, 0, 4000, 3000))
    left, right = max(0, whole.left), min(816, whole.left + whole.width)
    top, bottom = max(0, whole.top), min(616, whole.top + whole.height)
    assert clips[0].left == left and clips[-1].left + clips[-1].width == right
    assert sum(clip.width for clip in clips) == right - left
    assert all((clip.top, clip.height) == (top, bottom - top) for clip in clips)


def test_the_split_line_can_be_dragged_and_stays_on_the_picture():
    preview = Preview()
    preview.set_mode("split")
    assert preview.split_at() == 408 and preview.drawn == ["before", "after"]
    preview.press(411, 100)
    preview.move(600, 100)
    preview.release()
    assert preview.split_at() == 600
    assert [layer.clip for layer in preview.layers()] == [Box(8, 8, 592, 600), Box(600, 8, 208, 600)]
    preview.press(600, 100)
    preview.move(-50, 100)
    assert preview.split_at() == 8  # the left edge of the picture


def test_a_split_without_a_preview_shows_the_original_on_both_sides():
    preview = Preview(after=False)
    preview.set_mode("split")
    assert preview.drawn == ["before", "before"]


# --- mouse and keys ----------------------------------------------------------------------------------
def test_holding_the_button_shows_the_original_if_the_whole_picture_is_visible():
    preview = Preview()
    preview.press(100, 100)
    assert preview.drawn == ["before"] and preview.shown == BEFORE
    preview.release()
    assert preview.drawn == ["after"]


def test_dragging_moves_the_picture_if_it_is_zoomed_in():
    preview = Preview()
    preview.one_to_one()
    before = preview.viewport.visible()
    preview.press(100, 100)
    assert preview.drawn == ["after"]
    preview.move(150, 80)
    preview.release()
    preview.move(400, 400)
    after = preview.viewport.visible()
    assert (before.left - after.left, before.top - after.top) == (50, -20)


def test_a_double_click_toggles_one_to_one_at_the_pointer():
    preview = Preview()
    preview.press(208, 158)
    preview.release()
    preview.double_press(208, 158)
    assert preview.viewport.zoom == 1 and preview.drawn == ["after"]
    assert preview.viewport.to_content(208, 158) == (1000, 750)
    preview.double_press(5, 5)
    assert preview.viewport.is_fit


@pytest.mark.parametrize(
    ("key", "effect"),
    [
        ("+", lambda p: p.viewport.zoom > 1),
        ("=", lambda p: p.viewport.zoom > 1),
        ("-", lambda p: p.viewport.zoom < 1),
        ("0", lambda p: p.viewport.is_fit),
        ("left", lambda p: p.viewport.visible().left < 1592),
        ("right", lambda p: p.viewport.visible().left > 1592),
        ("up", lambda p: p.viewport.visible().top < 1192),
        ("down", lambda p: p.viewport.visible().top > 1192),
        ("b", lambda p: p.drawn == ["before"]),
        ("B", lambda p: p.drawn == ["before"]),
    ],
)
def test_a_key_zooms_moves_or_compares(key: str, effect: Callable[[Preview], bool]):
    preview = Preview()
    preview.one_to_one()
    assert preview.press_key(key)
    assert effect(preview)


def test_the_key_1_shows_one_to_one_and_other_keys_mean_nothing():
    preview = Preview()
    assert preview.press_key("1") and preview.viewport.zoom == 1
    for key in ("", "x", "\x1b", "\r", "2"):
        assert not preview.press_key(key) and not preview.release_key(key)


def test_the_original_is_shown_while_b_is_held():
    preview = Preview()
    preview.set_mode("split")
    preview.press_key("b")
    assert preview.drawn == ["before"] and preview.split_at() is None
    preview.release_key("b")
    assert preview.drawn == ["before", "after"]


def test_the_pointer_says_what_it_would_do():
    preview = Preview()
    assert preview.cursor(408) == ""
    preview.set_mode("split")
    assert (preview.cursor(408), preview.cursor(300)) == ("split", "")
    preview.one_to_one()
    assert (preview.cursor(408), preview.cursor(300)) == ("split", "hand")
    preview.press(300, 100)
    assert preview.cursor(408) == "pan"


def test_the_split_line_is_as_easy_to_take_on_a_sharp_screen():
    preview = Preview()
    preview.set_mode("split")
    assert preview.cursor(418) == ""
    preview.set_area(816, 616, device_factor=2)
    assert preview.cursor(418) == "split"


def test_a_change_of_the_view_is_told_and_one_of_the_pixels_only_drawn():
    preview = Preview()
    for change in (preview.one_to_one, lambda: preview.zoom_steps(1), lambda: preview.press_key("left")):
        before = preview.views
        change()
        assert preview.views == before + 1
    before, drawn = preview.views, preview.redrawn
    preview.set_preview_detail(*detail_of(preview))
    assert (preview.views, preview.redrawn) == (before, drawn + 1)
