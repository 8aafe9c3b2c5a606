"""Tests of the preview in a real Krita: zooming, moving and comparing with a real mouse and keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.editors.krita_session import KritaSession, open_picture
from tests.editors.pointer import DOWN, UP, Pointer, differences
from tests.editors.session import PATIENCE

VIEW = "panel().preview.viewport"
# Gives the original the pixels that it lacks, as the plugin's controller does.
GIVE_DETAIL = """
box = panel().preview.detail_wanted()
pixels = bytes(doc().topLevelNodes()[0].pixelData(*box))
panel().preview.set_original_detail(box, QImage(pixels, box.width, box.height, QImage.Format_ARGB32).copy())
list(box)
"""
# A preview in other colours, and its part with all pixels.
GIVE_PREVIEW = """
image = panel().preview.shown.convertToFormat(QImage.Format_RGB32)
image.invertPixels()
panel().preview.set_picture(image)
"""
NO_MESSAGE = "not any(w.isVisible() and w.metaObject().className() == 'KisFloatingMessage' for w in QApplication.topLevelWidgets())"
SMOOTHING = 2  # levels: the rounding of enlarged pixels, which depends on where the drawn part begins


class Preview:
    """The preview in Krita's window, with its place on the screen."""

    def __init__(self, krita: KritaSession) -> None:
        self.krita, self.pointer = krita, Pointer(krita)
        where = krita.execute(
            "o = panel().preview.mapToGlobal(QPoint(0, 0))\n[o.x(), o.y(), panel().preview.width(), panel().preview.height()]"
        )
        self.left, self.top, self.width, self.height = where

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place on the screen. x, y: parts of the preview's width and height."""
        return self.left + x * self.width, self.top + y * self.height

    def wait(self, condition: str, what: str) -> None:
        self.krita.wait_for(condition, PATIENCE, what)

    def zoom(self) -> float:
        return self.krita.execute(f"{VIEW}.zoom")

    def pixels(self) -> np.ndarray:
        """What the screen shows in the preview."""
        return self.pointer.screen()[self.top : self.top + self.height, self.left : self.left + self.width]


@pytest.fixture
def preview(krita):
    open_picture(krita, "large.png")
    krita.execute("set_up()\nwindow().setGeometry(120, 90, 1100, 800)\nwindow().activateWindow()")
    krita.wait_for(f"window().width() == 1100 and {VIEW}.width == 960 and {VIEW}.is_fit", PATIENCE, "the original")
    krita.wait_for(
        "window().isActiveWindow() and not panel().preview.shown.isNull()", PATIENCE, "the window to be active"
    )
    krita.wait_for(NO_MESSAGE, PATIENCE, "Krita's message about its own zoom to go")
    yield Preview(krita)
    krita.execute("panel().preview.set_mode('after')\npanel().preview.fit()\nwindow().close()")


def test_the_wheel_zooms_at_the_pointer_and_back_to_the_whole_picture(krita, preview):
    x, y = preview.at(0.3, 0.5)  # above and below, the picture leaves a gap until it is large enough
    position = f"{VIEW}.to_content({round(x) - preview.left}, {round(y) - preview.top})"
    before, fit = krita.execute(position), preview.zoom()
    settings = krita.execute("str(panel().settings())")
    preview.pointer.wheel(x, y, UP, 4)
    preview.wait(f"{VIEW}.zoom > 1", "the zoom")
    after = krita.execute(position)
    assert abs(after[0] - before[0]) < 2 and abs(after[1] - before[1]) < 2
    preview.pointer.wheel(x, y, DOWN, 9)
    preview.wait(f"{VIEW}.is_fit", "the whole picture")
    assert preview.zoom() == fit
    assert krita.execute("str(panel().settings())") == settings


def test_at_one_to_one_the_screen_shows_the_layers_own_pixels(krita, preview):
    preview.pointer.click(*preview.at(0.4, 0.5), times=2)
    preview.wait(f"{VIEW}.zoom == 1", "1:1")
    box = krita.execute(GIVE_DETAIL)
    krita.execute("QApplication.processEvents()")
    assert box[2:] == [min(960, preview.width), min(720, preview.height)]
    picture = np.asarray(Image.open(krita.home / "large.png").convert("RGB"))
    expected = picture[box[1] : box[1] + box[3], box[0] : box[0] + box[2]]
    left, top = (preview.width - box[2]) // 2, (preview.height - box[3]) // 2
    shown = preview.pixels()[top : top + box[3], left : left + box[2]]
    # Without the frame that shows the focus.
    assert differences(shown[2:-2, 2:-2], expected[2:-2, 2:-2]) == (0, 0, [])
    preview.pointer.click(*preview.at(0.4, 0.5), times=2)
    preview.wait(f"{VIEW}.is_fit", "the whole picture")


def test_dragging_moves_the_zoomed_picture(krita, preview):
    krita.execute("panel().preview.one_to_one()\npanel().preview.zoom_steps(3)")
    before = krita.execute(f"{VIEW}.origin()")
    start = preview.at(0.6, 0.6)
    preview.pointer.drag(start, (start[0] - 80, start[1] - 45))
    preview.wait(f"{VIEW}.origin() == ({before[0] - 80}, {before[1] - 45})", "the picture to move")
    krita.execute("panel().preview.set_mode('after')")
    preview.pointer.do("mousemove", 5, 5)


def test_holding_the_button_on_the_whole_picture_shows_the_original(krita, preview):
    krita.execute(GIVE_PREVIEW)
    x, y = preview.at(0.5, 0.5)
    after = preview.pixels()
    preview.pointer.do("mousemove", round(x), round(y), "mousedown", 1)
    preview.wait("panel().preview._model._showing_before", "the original")
    before = preview.pixels()
    preview.pointer.do("mouseup", 1)
    preview.wait("not panel().preview._model._showing_before", "the preview")
    middle = (slice(preview.height // 3, -preview.height // 3), slice(preview.width // 3, -preview.width // 3))
    assert differences(before[middle], 255 - after[middle])[0] <= SMOOTHING


def test_the_split_line_has_the_original_on_its_left_and_the_preview_on_its_right(krita, preview):
    krita.execute(GIVE_PREVIEW + "panel().preview.set_mode('before')\nQApplication.processEvents()")
    before = preview.pixels()
    krita.execute("panel().preview.set_mode('after')\nQApplication.processEvents()")
    after = preview.pixels()
    preview.pointer.click(*krita.execute("middle('compare split')"))
    preview.wait("panel().preview.mode == 'split'", "the split")
    preview.pointer.drag(preview.at(0.5, 0.3), preview.at(0.7, 0.3))
    line = round(0.7 * preview.width)
    preview.wait(f"abs(panel().preview._model.split_at() - {line}) <= 1", "the line to move")
    preview.pointer.do("mousemove", 5, 5)
    krita.execute("QApplication.processEvents()")
    split = preview.pixels()
    inside = slice(20, -20)  # without the frame that shows the focus
    assert differences(split[inside, 20 : line - 8], before[inside, 20 : line - 8])[0] <= SMOOTHING
    assert differences(split[inside, line + 8 : -20], after[inside, line + 8 : -20])[0] <= SMOOTHING
    assert differences(before[inside, 20 : line - 8], after[inside, 20 : line - 8])[0] > 50
    krita.photograph("screen-krita-preview-split")


def test_keys_zoom_move_and_compare(krita, preview):
    krita.execute(GIVE_PREVIEW + "panel().preview.setFocus()")
    preview.pointer.do("key", "1")
    preview.wait(f"{VIEW}.zoom == 1", "1:1")
    left = krita.execute(f"{VIEW}.visible().left")
    preview.pointer.do("key", "plus", "key", "plus", "key", "Right")
    preview.wait(f"{VIEW}.zoom > 1.5 and {VIEW}.visible().left > {left}", "the zoom and the move")
    preview.pointer.do("keydown", "b")
    preview.wait("panel().preview._model._showing_before", "the original")
    preview.pointer.do("keyup", "b")
    preview.wait("not panel().preview._model._showing_before", "the preview")
    preview.pointer.do("key", "minus", "key", "0")
    preview.wait(f"{VIEW}.is_fit", "the whole picture")
    assert krita.execute("window() is not None and K.action('KritaShape/KisToolBrush') is not None")


def test_the_buttons_zoom_and_the_label_follows(krita, preview):
    krita.execute("click('zoom one')")
    assert krita.execute("widget('zoom percent').text()") == "100 %"
    krita.execute("click('zoom in')")
    assert krita.execute("widget('zoom percent').text()") == "126 %"
    krita.photograph("screen-krita-preview-zoomed")
    krita.execute("click('zoom out')\nclick('zoom out')")
    assert preview.zoom() < 1
    krita.execute("click('zoom fit')")
    assert krita.execute(f"{VIEW}.is_fit")


def test_a_draft_keeps_the_view_and_another_picture_resets_it(krita, preview):
    krita.execute("panel().preview.one_to_one()")
    krita.execute("click('start')")
    krita.wait_for("panel().preview.has_preview and not busy()", PATIENCE, "the draft")
    assert preview.zoom() == 1
    krita.execute(f"open_picture({str(krita.home / 'harbour.png')!r})")
    krita.wait_for(f"{VIEW}.width == 256 and {VIEW}.is_fit", PATIENCE, "the other picture")
