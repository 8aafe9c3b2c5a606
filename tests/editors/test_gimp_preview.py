"""Tests of the preview in a real GIMP: zooming, moving and comparing with a real mouse and keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.editors.gimp_user import GimpUser
from tests.editors.pointer import DOWN, UP, Pointer, differences

VIEW = "window().preview.viewport"
# Gives the original the pixels that it lacks, as the plug-in's controller does.
GIVE_DETAIL = """
from gi.repository import GdkPixbuf
box = window().preview.detail_wanted()
window().preview.set_original_detail(box, GdkPixbuf.Pixbuf.new_from_file('{path}').new_subpixbuf(*box))
list(box)
"""
# A preview in other colours.
GIVE_PREVIEW = """
from velatura_gimp.styles import as_picture, as_pixbuf
original = as_picture(window().preview.shown)
channels = original.format.bytes_per_pixel
data = bytes(255 - byte if place % channels < 3 else byte for place, byte in enumerate(bytes(original.data)))
window().preview.set_picture(as_pixbuf(original.width, original.height, channels, data))
"""


class Preview:
    """The preview in the dialog, with its place on the screen."""

    def __init__(self, user: GimpUser) -> None:
        self.user, self.pointer = user, Pointer(user.gimp)
        self.left, self.top, self.width, self.height = self._settled_place()

    def _place(self) -> list[int]:
        return self.user.dialog(
            "p = window().preview\n[*p.get_bin_window().get_origin()[1:], p.get_allocated_width(), p.get_allocated_height()]"
        )

    def _settled_place(self) -> list[int]:
        """Where the preview is once two looks agree: the window manager moves and resizes the dialog in steps."""
        last = [self._place()]

        def is_settled() -> bool:
            self.pointer.screen()  # takes half a second
            place = self._place()
            same, last[0] = place == last[0], place
            return same

        self.user.gimp.wait_until(is_settled, 60, "the dialog at its place")
        return last[0]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place on the screen. x, y: parts of the preview's width and height."""
        return self.left + x * self.width, self.top + y * self.height

    def wait(self, condition: str, what: str) -> None:
        self.user.wait(condition, what)

    def zoom(self) -> float:
        return self.user.dialog(f"{VIEW}.zoom")

    def pixels(self) -> np.ndarray:
        """What the screen shows in the preview."""
        return self.pointer.screen()[self.top : self.top + self.height, self.left : self.left + self.width]

    def settled(self) -> np.ndarray:
        """The same, once two pictures of the screen agree: the dialog draws when it is idle."""
        last: list[np.ndarray] = [self.pixels()]

        def is_settled() -> bool:
            now = self.pixels()
            same, last[0] = np.array_equal(now, last[0]), now
            return same

        self.user.gimp.wait_until(is_settled, 60, "the dialog to be drawn")
        return last[0]


@pytest.fixture
def preview(user):
    user.open_picture("large.png")
    user.open_dialog()
    user.dialog("window().dialog.move(60, 60)\nwindow().dialog.resize(1100, 820)")
    user.wait(
        f"(size := window().dialog.get_size())[0] == 1100 and size[1] >= 820 and {VIEW}.width == 960 and {VIEW}.is_fit and not {VIEW}.is_empty",
        "the original",
    )
    # The window manager moves the dialog when it gets round to it.
    user.wait(
        "frame = window().dialog.get_window().get_frame_extents()\n"
        "window().preview.shown is not None and (frame.x, frame.y) == (60, 60)",
        "the dialog at its place",
    )
    yield Preview(user)
    user.dialog("window().preview.set_mode('after')")


def test_the_wheel_zooms_at_the_pointer_and_back_to_the_whole_picture(user, preview):
    x, y = preview.at(0.3, 0.5)  # above and below, the picture leaves a gap until it is large enough
    position = f"{VIEW}.to_content({round(x) - preview.left}, {round(y) - preview.top})"
    before, fit = user.dialog(position), preview.zoom()
    settings = user.dialog("str(window().settings())")
    preview.pointer.wheel(x, y, UP, 4)
    preview.wait(f"{VIEW}.zoom > 1", "the zoom")
    after = user.dialog(position)
    assert abs(after[0] - before[0]) < 2 and abs(after[1] - before[1]) < 2
    preview.pointer.wheel(x, y, DOWN, 9)
    preview.wait(f"{VIEW}.is_fit", "the whole picture")
    assert preview.zoom() == fit
    assert user.dialog("str(window().settings())") == settings


def test_at_one_to_one_the_screen_shows_the_layers_own_pixels(user, preview):
    preview.pointer.click(*preview.at(0.4, 0.5), times=2)
    preview.wait(f"{VIEW}.zoom == 1", "1:1")
    box = user.dialog(GIVE_DETAIL.format(path=user.gimp.home / "large.png"))
    assert box[2:] == [min(960, preview.width), min(720, preview.height)]
    picture = np.asarray(Image.open(user.gimp.home / "large.png").convert("RGB"))
    expected = picture[box[1] : box[1] + box[3], box[0] : box[0] + box[2]]
    left, top = (preview.width - box[2]) // 2, (preview.height - box[3]) // 2
    shown = preview.settled()[top : top + box[3], left : left + box[2]]
    # Without the frame that shows the focus.
    assert differences(shown[2:-2, 2:-2], expected[2:-2, 2:-2]) == (0, 0, [])
    preview.pointer.click(*preview.at(0.4, 0.5), times=2)
    preview.wait(f"{VIEW}.is_fit", "the whole picture")


def test_dragging_moves_the_zoomed_picture(user, preview):
    user.dialog("window().preview.one_to_one()\nwindow().preview.zoom_steps(3)")
    before = user.dialog(f"{VIEW}.origin()")
    start = preview.at(0.6, 0.6)
    preview.pointer.drag(start, (start[0] - 80, start[1] - 45))
    preview.wait(f"{VIEW}.origin() == ({before[0] - 80}, {before[1] - 45})", "the picture to move")


def test_the_split_line_has_the_original_on_its_left_and_the_preview_on_its_right(user, preview):
    user.dialog(GIVE_PREVIEW + "window().preview.set_mode('before')")
    before = preview.settled()
    user.dialog("window().preview.set_mode('after')")
    after = preview.settled()
    preview.pointer.click(*user.dialog("middle('compare split')"))
    preview.wait("window().preview.mode == 'split'", "the split")
    preview.pointer.drag(preview.at(0.5, 0.3), preview.at(0.7, 0.3))
    line = round(0.7 * preview.width)
    preview.wait(f"abs(window().preview._model.split_at() - {line}) <= 1", "the line to move")
    preview.pointer.do("mousemove", 5, 5)
    split = preview.settled()
    inside = slice(20, -20)  # without the frame that shows the focus
    assert differences(split[inside, 20 : line - 8], before[inside, 20 : line - 8]) == (0, 0, [])
    assert differences(split[inside, line + 8 : -20], after[inside, line + 8 : -20]) == (0, 0, [])
    assert differences(before[inside, 20 : line - 8], after[inside, 20 : line - 8])[0] > 50
    user.gimp.photograph("screen-gimp-preview-split")


def test_keys_zoom_move_and_compare(user, preview):
    user.dialog(GIVE_PREVIEW + "window().preview.grab_focus()")
    preview.wait("window().preview.has_focus()", "the focus")
    preview.pointer.do("key", "1")
    preview.wait(f"{VIEW}.zoom == 1", "1:1")
    left = user.dialog(f"{VIEW}.visible().left")
    preview.pointer.do("key", "plus", "key", "plus", "key", "Right")
    preview.wait(f"{VIEW}.zoom > 1.5 and {VIEW}.visible().left > {left}", "the zoom and the move")
    preview.pointer.do("keydown", "b")
    preview.wait("window().preview._model._showing_before", "the original")
    preview.pointer.do("keyup", "b")
    preview.wait("not window().preview._model._showing_before", "the preview")
    preview.pointer.do("key", "minus", "key", "0")
    preview.wait(f"{VIEW}.is_fit", "the whole picture")


def test_holding_the_button_on_the_whole_picture_shows_the_original(user, preview):
    user.dialog(GIVE_PREVIEW)
    x, y = preview.at(0.5, 0.5)
    preview.pointer.do("mousemove", round(x), round(y))
    after = preview.settled()
    preview.pointer.do("mousedown", 1)
    preview.wait("window().preview._model._showing_before", "the original")
    before = preview.settled()
    preview.pointer.do("mouseup", 1)
    preview.wait("not window().preview._model._showing_before", "the preview")
    inside = slice(20, -20)  # without the frame that shows the focus
    picture = np.abs(before[inside, inside].astype(int) - after[inside, inside]).max(axis=2) > 0
    assert picture.mean() > 0.5
    # Enlarging rounds by a level; the surround is the same in both.
    assert differences(before[inside, inside][picture][None], 255 - after[inside, inside][picture][None])[0] <= 1


def test_the_buttons_zoom_and_the_label_follows(user, preview):
    user.dialog("click('zoom one')")
    preview.wait("widget('zoom percent').get_text() == '100 %'", "1:1")
    user.dialog("click('zoom in')")
    preview.wait("widget('zoom percent').get_text() == '126 %'", "the zoom")
    preview.settled()
    user.gimp.photograph("screen-gimp-preview-zoomed")
    user.dialog("click('zoom fit')")
    preview.wait(f"{VIEW}.is_fit", "the whole picture")


def test_a_draft_keeps_the_view(user, preview):
    user.dialog("window().preview.one_to_one()")
    user.restyle()
    assert user.dialog("window().preview.has_preview") and preview.zoom() == 1
