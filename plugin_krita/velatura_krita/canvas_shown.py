"""Reads a layer as the preview shows it, RGBA u8 sRGB and reduced, and samples of it that tell whether it has changed.

Both happen while somebody paints, so no step takes the main thread for more than a few milliseconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from typing import Any

from krita import Krita

from velatura import strings
from velatura.editor.live import SETS
from velatura.errors import NothingToRestyle
from velatura.pixels import SMALLEST_SIDE, Picture, reduced_mask, zeroed_buffer

from .canvas_documents import layer_of
from .canvas_layers import active_node
from .canvas_pixels import SRGB, colour_space, conversion_document, convert, read_coverage
from .qt import QImage, QPainter, QPoint, QRect, QSize, Qt
from .styles import FORMAT, as_picture

SHOWN_SPACE = ("RGBA", "U8", SRGB)
SRGB_PROFILES = (SRGB, "sRGB-elle-V4-srgbtrc.icc", "sRGB built-in")  # not translated: names of profiles
OWN_SPACES = [("RGBA", "U8", profile) for profile in SRGB_PROFILES]
STRIP_PIXELS = 1 << 17  # per step: reading and scaling take 2 to 4 ms
CONVERTED_PIXELS = 1 << 15  # per step with a conversion: 5 to 10 ms
MAX_THUMBNAIL = 2048  # pixels a side; Krita takes 80 ms for so large a one
SAMPLED_ROWS = 64  # of each sample: every stroke that is higher than 1/64 of the layer crosses one of them


# --- samples -------------------------------------------------------------------------------------------
def sample(rows: int) -> int | None:
    """A checksum of some rows of the active layer. rows: which of the SETS of rows, from 0.

    None while Krita paints or saves, or if there is no layer.
    """
    document = Krita.instance().activeDocument()
    node = layer_of(active_node(document)) if document is not None else None
    if node is None or not document.tryBarrierLock():  # it is locked while a stroke is being painted
        return None
    document.unlock()
    box = node.bounds().intersected(QRect(0, 0, document.width(), document.height()))
    read, checksum = reader(node), zlib.crc32(repr((box.getRect(), node.opacity())).encode())
    for y in _sampled_rows(box, rows):
        checksum = zlib.crc32(read(box.left(), y, box.width(), 1).data(), checksum)
    return checksum


def _sampled_rows(box: QRect, rows: int) -> Iterator[int]:
    step = max(1, box.height() // SAMPLED_ROWS)
    return iter(range(box.top() + rows * step // SETS, box.bottom() + 1, step))


def reader(node: Any) -> Any:
    """The method that reads a node's own pixels or, of a group and other layers without any, those that it shows."""
    return node.pixelData if node.type() == "paintlayer" else node.projectionPixelData


# --- the layer as the preview shows it -----------------------------------------------------------------
def read_shown(node: Any, rect: QRect, selection: Any, side: int | None) -> Generator[None, None, tuple[Picture, Any]]:
    """The pixels of a layer and its selection. Yields between steps. Raises NothingToRestyle.

    side: pixels of the longer side that both are reduced to; None: they keep their size.
    """
    size = _reduced_size(rect, side)
    space = colour_space(node)
    if space in OWN_SPACES:
        picture = yield from _read_in_steps(node, rect, size)
    elif side is not None:
        # A conversion of all pixels would take seconds. Krita's thumbnail converts only those that it shows.
        yield
        picture = as_picture(_from_thumbnail(node, rect, size))
    else:
        picture = yield from _convert_in_steps(node, rect, space)
    if picture is None:
        raise NothingToRestyle(strings.EMPTY_LAYER.format(layer=node.name()))
    mask = None
    if selection is not None:
        coverage = yield from read_coverage(selection, rect)
        mask = reduced_mask(coverage, picture.width, picture.height)
    return picture, mask


def _reduced_size(rect: QRect, side: int | None) -> QSize:
    scale = 1.0 if side is None else min(1.0, side / max(rect.width(), rect.height()))
    width, height = (max(SMALLEST_SIDE, round(length * scale)) for length in (rect.width(), rect.height()))
    return QSize(min(width, rect.width()), min(height, rect.height()))


def _read_in_steps(node: Any, rect: QRect, size: QSize) -> Generator[None, None, Picture | None]:
    """Reads and scales down a few rows of the result at a time."""
    read, pixels = reader(node), zeroed_buffer(4 * size.width() * size.height())
    rows = max(1, STRIP_PIXELS * size.height() // (rect.width() * rect.height()))  # of the result, per step
    for top in range(0, size.height(), rows):
        bottom = min(size.height(), top + rows)
        first, end = (y * rect.height() // size.height() for y in (top, bottom))
        raw = read(rect.left(), rect.top() + first, rect.width(), end - first)
        if len(raw) == 0:
            return None
        image = QImage(raw.data(), rect.width(), end - first, 4 * rect.width(), QImage.Format.Format_ARGB32)
        strip = as_picture(_scaled(image, QSize(size.width(), bottom - top)))
        pixels[4 * size.width() * top : 4 * size.width() * bottom] = strip.data
        yield
    return Picture(size.width(), size.height(), FORMAT, pixels)


def _scaled(image: QImage, size: QSize) -> QImage:
    if image.size() == size:
        return image
    return image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _from_thumbnail(node: Any, rect: QRect, size: QSize) -> QImage:
    """Krita's thumbnail of a layer, which skips pixels, cut to the rectangle."""
    bounds = node.bounds()
    # Of a small selection in a large layer it is enlarged again.
    largest = MAX_THUMBNAIL / max(bounds.width(), bounds.height())
    x_scale, y_scale = min(largest, size.width() / rect.width()), min(largest, size.height() / rect.height())
    whole = node.thumbnail(max(1, round(bounds.width() * x_scale)), max(1, round(bounds.height() * y_scale)))
    left, top = round((rect.left() - bounds.left()) * x_scale), round((rect.top() - bounds.top()) * y_scale)
    part = QSize(max(1, round(rect.width() * x_scale)), max(1, round(rect.height() * y_scale)))
    image = QImage(part, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.drawImage(QPoint(-left, -top), whole)
    painter.end()
    return _scaled(image, size)


def _convert_in_steps(node: Any, rect: QRect, space: Any) -> Generator[None, None, Picture | None]:
    read, pixels, end = reader(node), zeroed_buffer(4 * rect.width() * rect.height()), 0
    rows = max(1, CONVERTED_PIXELS // rect.width())
    with conversion_document() as document:
        for top in range(rect.top(), rect.bottom() + 1, rows):
            strip = QRect(rect.left(), top, rect.width(), min(rows, rect.bottom() + 1 - top))
            raw = read(strip.x(), strip.y(), strip.width(), strip.height())
            if len(raw) == 0:
                return None
            raw = convert(document, raw, strip, space, SHOWN_SPACE)
            image = QImage(raw.data(), strip.width(), strip.height(), 4 * strip.width(), QImage.Format.Format_ARGB32)
            converted = as_picture(image).data
            pixels[end : end + len(converted)] = converted
            end += len(converted)
            yield
    return Picture(rect.width(), rect.height(), FORMAT, pixels)
