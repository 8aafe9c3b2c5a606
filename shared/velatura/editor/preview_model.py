"""What a preview shows: the picture before and after, as a whole and in detail, and what mouse and keys do with it.

The plugins draw the layers and pass on the events; images are in the toolkit's own type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from velatura.editor.viewport import Viewport, intersection
from velatura.editor.window_place import Box

Mode = Literal["before", "split", "after"]
MODES: tuple[Mode, ...] = ("before", "split", "after")
STEP = 2 ** (1 / 3)  # the factor of one notch of the wheel: three of them double the zoom
PAN_STEP = 1 / 8  # of the area, by which an arrow key moves the picture
GRIP = 6  # pixels on each side of the split line at which it can be taken
UNSMOOTHED_FROM = 2.0  # device pixels per pixel from which single pixels are shown


@dataclass(frozen=True)
class Layer:
    """An image to draw. left, top: the position of its upper left corner in the area. x_scale, y_scale: device pixels
    per pixel of the image. clip: only this part of the area is drawn."""

    image: Any
    left: float
    top: float
    x_scale: float
    y_scale: float
    clip: Box
    smooth: bool


@dataclass(frozen=True)
class _Side:
    """The picture before or after: small as a whole, and one part of it with all pixels."""

    whole: Any = None
    box: Box | None = None
    detail: Any = None


_NOTHING = _Side()


class PreviewModel:
    """size: returns the width and height of an image. redraw, view_changed: called after each change; the second one
    only if another part of the picture is visible or another picture is shown."""

    def __init__(
        self, size: Callable[[Any], tuple[int, int]], redraw: Callable[[], None], view_changed: Callable[[], None]
    ) -> None:
        self._size, self._redraw, self._view_changed = size, redraw, view_changed
        self.viewport = Viewport()
        self.device_factor = 1.0  # device pixels per pixel of the toolkit
        self._before = self._after = self._remembered = _NOTHING
        self._mode: Mode = "after"
        self._split = 0.5  # of the area's width
        self._has_content_size = False
        self._showing_before = False  # while B or the mouse button is held
        self._drag: Literal["", "split", "pan"] = ""
        self._last = (0.0, 0.0)  # position of the pointer while dragging

    # --- pictures --------------------------------------------------------------------------------------
    @property
    def has_preview(self) -> bool:
        return self._after.whole is not None

    @property
    def shown(self) -> Any:
        """The small picture that is shown, or None."""
        return self._before.whole if self._shows_before or not self.has_preview else self._after.whole

    @property
    def _shows_before(self) -> bool:
        return self._showing_before or self._mode == "before"

    def set_content_size(self, width: int, height: int) -> None:
        self._has_content_size = width > 0 and height > 0
        if self.viewport.set_content(width, height):
            self._before = _Side(self._before.whole)  # a part of a content of another size is somewhere else
            self._after, self._remembered = _Side(self._after.whole), _Side(self._remembered.whole)
            self._notify()

    def set_original(self, image: Any) -> None:
        """Set the picture before; the one after is removed. None: there is none."""
        self._after = self._remembered = _NOTHING
        self.update_original(image)

    def update_original(self, image: Any) -> None:
        """Set the picture before; the one after stays."""
        self._before = _Side(image)
        self._use_size_of(image)
        self._notify()

    def set_preview(self, image: Any) -> None:
        self._after = _Side(image)
        if self._before.whole is None:
            self._use_size_of(image)
        self._notify()

    def _use_size_of(self, image: Any) -> None:
        """If the size of the content is not known, it is that of the picture."""
        if not self._has_content_size:
            self.viewport.set_content(*(self._size(image) if image is not None else (0, 0)))

    def remember(self) -> None:
        self._remembered = self._after

    def show_remembered(self) -> None:
        self._after = self._remembered
        self._notify()

    # --- detail ----------------------------------------------------------------------------------------
    def set_original_detail(self, box: Box, image: Any) -> None:
        """Set a part of the picture before with all pixels."""
        if self._before.whole is not None:
            self._before = _Side(self._before.whole, Box(*box), image)
            self._redraw()

    def set_preview_detail(self, box: Box, image: Any) -> None:
        """Set a part of the picture after with all pixels."""
        if self._after.whole is not None:
            self._after = _Side(self._after.whole, Box(*box), image)
            self._redraw()

    def original_detail_wanted(self) -> Box | None:
        """Return the visible part of the content, if the picture before has too few pixels for it.

        It may be shown at any time, while B is held.
        """
        return self._wanted(self._before)

    def preview_detail_wanted(self) -> Box | None:
        """Return the visible part of the content, if the picture after is shown and has too few pixels for it."""
        return None if self._mode == "before" else self._wanted(self._after)

    def detail_wanted(self) -> Box | None:
        """Return the visible part of the content, if one of the pictures has too few pixels for it."""
        return self.preview_detail_wanted() or self.original_detail_wanted()

    def _wanted(self, side: _Side) -> Box | None:
        if side.whole is None or not self.viewport.wants_detail(self._size(side.whole)[0]):
            return None
        visible = self.viewport.visible()
        return None if side.box is not None and intersection(visible, side.box) == visible else visible

    # --- drawing ---------------------------------------------------------------------------------------
    @property
    def mode(self) -> Mode:
        return self._mode

    def set_mode(self, mode: Mode) -> None:
        if mode != self._mode:
            self._mode = mode
            self._notify()

    def split_at(self) -> int | None:
        """Return the position of the split line in the area, or None if there is none."""
        picture = self._picture_area()
        if self._mode != "split" or self._showing_before or not picture.width:
            return None
        return min(max(round(self._split * self.viewport.area_width), picture.left), picture.left + picture.width)

    def layers(self) -> list[Layer]:
        """Return what to draw, from the lowest to the topmost image."""
        area = self._picture_area()
        if not area.width or self.shown is None:
            return []
        before = self._before if self._before.whole is not None else self._after
        after = self._after if self.has_preview else before
        split = self.split_at()
        if split is None:
            return self._layers_of(before if self._shows_before else after, area)
        left = Box(area.left, area.top, split - area.left, area.height)
        right = Box(split, area.top, area.left + area.width - split, area.height)
        return self._layers_of(before, left) + self._layers_of(after, right)

    def _picture_area(self) -> Box:
        """The part of the area that the picture covers."""
        view = self.viewport
        whole = view.to_area(Box(0, 0, view.width, view.height))
        return intersection(whole, Box(0, 0, view.area_width, view.area_height))

    def _layers_of(self, side: _Side, clip: Box) -> list[Layer]:
        layers = [self._layer(side.whole, Box(0, 0, self.viewport.width, self.viewport.height), clip)]
        if side.box is not None:
            layers.append(self._layer(side.detail, side.box, clip))
        return [layer for layer in layers if layer.clip.width and layer.clip.height]

    def _layer(self, image: Any, box: Box, clip: Box) -> Layer:
        zoom, (x, y), (width, height) = self.viewport.zoom, self.viewport.origin(), self._size(image)
        x_scale, y_scale = box.width * zoom / width, box.height * zoom / height
        has_all_pixels = width >= box.width
        smooth = x_scale != 1 and not (has_all_pixels and x_scale >= UNSMOOTHED_FROM)
        visible = intersection(self.viewport.to_area(box), clip)
        return Layer(image, x + box.left * zoom, y + box.top * zoom, x_scale, y_scale, visible, smooth)

    # --- zoom and keys ---------------------------------------------------------------------------------
    def set_area(self, width: int, height: int, device_factor: float = 1.0) -> None:
        """Set the size of the area in device pixels."""
        self.device_factor = device_factor
        if self.viewport.set_area(width, height):
            self._notify()

    def zoom_steps(self, steps: float, x: float | None = None, y: float | None = None) -> None:
        """Zoom by so many notches of the wheel. x, y: the pointer; None is the middle."""
        self.viewport.zoom_by(STEP**steps, x, y)
        self._notify()

    def fit(self) -> None:
        self.viewport.fit()
        self._notify()

    def one_to_one(self, x: float | None = None, y: float | None = None) -> None:
        self.viewport.one_to_one(x, y)
        self._notify()

    def press_key(self, key: str) -> bool:
        """Do what a key means: a character, or 'left', 'right', 'up', 'down'. Return whether it means something."""
        pan_x, pan_y = PAN_STEP * self.viewport.area_width, PAN_STEP * self.viewport.area_height
        pans = {"left": (pan_x, 0.0), "right": (-pan_x, 0.0), "up": (0.0, pan_y), "down": (0.0, -pan_y)}
        if key in ("+", "="):
            self.zoom_steps(1)
        elif key in ("-", "_"):
            self.zoom_steps(-1)
        elif key == "0":
            self.fit()
        elif key == "1":
            self.one_to_one()
        elif key in ("b", "B"):
            self.show_original(True)
        elif key in pans:
            self.viewport.pan_by(*pans[key])
            self._notify()
        else:
            return False
        return True

    def release_key(self, key: str) -> bool:
        if key not in ("b", "B"):
            return False
        self.show_original(False)
        return True

    def show_original(self, original: bool) -> None:
        """Show the picture before for as long as a key or the mouse button is held."""
        if original != self._showing_before:
            self._showing_before = original
            self._redraw()

    # --- the mouse, at positions in the area -----------------------------------------------------------
    def press(self, x: float, y: float) -> None:
        """Take the split line, or the picture if it is zoomed in; otherwise show the original."""
        self._last = (x, y)
        if self._is_on_split(x):
            self._drag = "split"
        elif self.viewport.can_pan:
            self._drag = "pan"
        else:
            self.show_original(True)

    def move(self, x: float, y: float) -> None:
        if self._drag == "split":
            self._split = x / max(1, self.viewport.area_width)
            self._redraw()
        elif self._drag == "pan":
            self.viewport.pan_by(x - self._last[0], y - self._last[1])
            self._notify()
        self._last = (x, y)

    def release(self) -> None:
        self._drag = ""
        self.show_original(False)

    def double_press(self, x: float, y: float) -> None:
        """Toggle between fit and 1:1."""
        self.release()
        if not self.viewport.is_fit:
            self.fit()
        else:
            self.one_to_one(x, y)

    def cursor(self, x: float) -> Literal["", "split", "hand", "pan"]:
        """Return what the pointer shows: 'hand' if the picture can be dragged, 'pan' while it is."""
        if self._drag:
            return self._drag
        return "split" if self._is_on_split(x) else "hand" if self.viewport.can_pan else ""

    def _is_on_split(self, x: float) -> bool:
        split = self.split_at()
        return split is not None and abs(x - split) <= GRIP * self.device_factor

    def _notify(self) -> None:
        self._redraw()
        self._view_changed()
