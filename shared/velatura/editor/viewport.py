"""Which part of a picture is shown, and how large: zoom, panning, and where on the screen each pixel is."""

from __future__ import annotations

import math

from velatura.editor.window_place import Box

MARGIN = 8  # device pixels between a fitted picture and the edge of the area
MAX_ZOOM = 16.0
DETAIL_FROM = 0.5  # at a smaller zoom, true pixels would be more than four times those of the screen
SLACK = 1.25  # so much may a small picture be enlarged before it looks blurred
EMPTY = Box(0, 0, 0, 0)


class Viewport:
    """Maps a picture, the content, to an area of the screen.

    Sizes and positions in the area are in device pixels, with the origin in its upper left corner; those in the
    content are in its own pixels. zoom: device pixels per pixel of the content. While `is_fit`, the zoom follows the
    size of the area.
    """

    def __init__(self) -> None:
        self.width = self.height = 0  # of the content
        self.area_width = self.area_height = 0
        self._zoom = 1.0
        self._middle = (0.0, 0.0)  # the content's point in the middle of the area
        self._is_fit = True

    # --- sizes -----------------------------------------------------------------------------------------
    def set_content(self, width: int, height: int) -> bool:
        """Set the size of the content. Return whether it is another one; the zoom is then fit."""
        if (width, height) == (self.width, self.height):
            return False
        self.width, self.height = max(0, width), max(0, height)
        self.fit()
        return True

    def set_area(self, width: int, height: int) -> bool:
        """Set the size of the area in device pixels. Return whether it is another one."""
        if (width, height) == (self.area_width, self.area_height):
            return False
        self.area_width, self.area_height = max(0, width), max(0, height)
        self._set(self._zoom, self._middle)
        return True

    @property
    def is_empty(self) -> bool:
        return not (self.width and self.height and self.area_width and self.area_height)

    # --- zoom and position -----------------------------------------------------------------------------
    @property
    def zoom(self) -> float:
        return self._zoom

    @property
    def is_fit(self) -> bool:
        return self._is_fit

    @property
    def fit_zoom(self) -> float:
        """The zoom at which the whole picture fills the area."""
        if self.is_empty:
            return 1.0
        x = max(1, self.area_width - 2 * MARGIN) / self.width
        y = max(1, self.area_height - 2 * MARGIN) / self.height
        return min(x, y, MAX_ZOOM)

    @property
    def least_zoom(self) -> float:
        return min(1.0, self.fit_zoom)

    @property
    def can_pan(self) -> bool:
        """Whether the picture is larger than the area."""
        return self.width * self._zoom > self.area_width or self.height * self._zoom > self.area_height

    def fit(self) -> None:
        """Show the whole picture, and keep doing so when the area changes."""
        self._is_fit = True
        self._set(self.fit_zoom, self._middle)

    def one_to_one(self, x: float | None = None, y: float | None = None) -> None:
        """Show one pixel of the content on one of the screen. x, y: as for `zoom_by`."""
        self._zoom_to(1.0, x, y)

    def zoom_by(self, factor: float, x: float | None = None, y: float | None = None) -> None:
        """Zoom so that the content's point at (x, y) of the area stays there, as far as the picture fills the area.

        x, y: None is the middle of the area. A zoom that would pass 1:1 stops there.
        """
        zoom = self._zoom * factor
        if self._zoom < 1.0 < zoom or zoom < 1.0 < self._zoom:
            zoom = 1.0
        self._zoom_to(zoom, x, y)

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the picture by so many device pixels, as far as it fills the area."""
        self._set(self._zoom, (self._middle[0] - dx / self._zoom, self._middle[1] - dy / self._zoom))

    def _zoom_to(self, zoom: float, x: float | None, y: float | None) -> None:
        if self.is_empty:
            return
        from_middle_x = 0.0 if x is None else x - self.area_width / 2
        from_middle_y = 0.0 if y is None else y - self.area_height / 2
        fixed_x, fixed_y = self._middle[0] + from_middle_x / self._zoom, self._middle[1] + from_middle_y / self._zoom
        zoom = min(max(zoom, self.least_zoom), MAX_ZOOM)
        self._is_fit = zoom == self.fit_zoom
        self._set(zoom, (fixed_x - from_middle_x / zoom, fixed_y - from_middle_y / zoom))

    def _set(self, zoom: float, middle: tuple[float, float]) -> None:
        """Set zoom and position within their limits."""
        if self._is_fit or zoom <= self.fit_zoom <= 1.0 or zoom < self.least_zoom:
            self._is_fit, zoom = True, self.fit_zoom
        self._zoom = zoom
        self._middle = (
            _within(middle[0], self.width, self.area_width / zoom),
            _within(middle[1], self.height, self.area_height / zoom),
        )

    # --- positions -------------------------------------------------------------------------------------
    def origin(self) -> tuple[int, int]:
        """Return where the content's upper left corner is; whole pixels, so that 1:1 is sharp."""
        x = self.area_width / 2 - self._middle[0] * self._zoom
        y = self.area_height / 2 - self._middle[1] * self._zoom
        return math.floor(x + 0.5), math.floor(y + 0.5)

    def to_content(self, x: float, y: float) -> tuple[float, float]:
        """Return the content's point at a position in the area."""
        left, top = self.origin()
        return (x - left) / self._zoom, (y - top) / self._zoom

    def visible(self) -> Box:
        """Return the visible part of the content."""
        if self.is_empty:
            return EMPTY
        (left, top), (right, bottom) = self.to_content(0, 0), self.to_content(self.area_width, self.area_height)
        x, width = _clamped(left, right, self.width)
        y, height = _clamped(top, bottom, self.height)
        return Box(x, y, width, height)

    def to_area(self, box: Box) -> Box:
        """Return where a part of the content is in the area; it may be larger than the area."""
        x, y = self.origin()
        left, top = math.floor(x + box.left * self._zoom + 0.5), math.floor(y + box.top * self._zoom + 0.5)
        right = math.floor(x + (box.left + box.width) * self._zoom + 0.5)
        bottom = math.floor(y + (box.top + box.height) * self._zoom + 0.5)
        return Box(left, top, right - left, bottom - top)

    def wants_detail(self, known_width: int) -> bool:
        """Return whether a picture of the whole content with so many pixels a row is too small for this zoom."""
        if self.is_empty or known_width >= self.width or self._zoom < DETAIL_FROM:
            return False
        return min(1.0, self._zoom) * self.width > SLACK * known_width


def intersection(one: Box, other: Box) -> Box:
    """Return what two boxes have in common; its width and height are 0 if that is nothing."""
    left, top = max(one.left, other.left), max(one.top, other.top)
    right = min(one.left + one.width, other.left + other.width)
    bottom = min(one.top + one.height, other.top + other.height)
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else EMPTY


def _within(middle: float, length: int, shown: float) -> float:
    """Return the position closest to `middle` at which the content fills the area; if it is smaller, its middle."""
    return length / 2 if length <= shown else min(max(middle, shown / 2), length - shown / 2)


def _clamped(start: float, end: float, length: int) -> tuple[int, int]:
    """Return the start and the length of [start, end) in whole pixels of the content, at least one."""
    first = min(max(0, math.floor(start)), length - 1)
    return first, min(max(first + 1, math.ceil(end)), length) - first
