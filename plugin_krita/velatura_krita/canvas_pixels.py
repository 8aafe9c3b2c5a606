"""Reads and writes pixels in strips, and lets Krita convert them between colour spaces.

Colours are converted by Krita itself, in a hidden document: a conversion adds a step to the undo history of the
document that it happens in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from krita import Krita

from velatura import strings
from velatura.errors import VelaturaError
from velatura.pixels import Picture, PixelFormat

from .qt import QByteArray, QRect

SRGB = "sRGB-elle-V2-srgbtrc.icc"  # ships with Krita
FLOAT_SRGB = ("RGBA", "F32", SRGB)
CONTENT_FORMAT = PixelFormat("RGBA", "f32", "srgb")
STRIP_PIXELS = 1 << 18  # per strip: about 30 ms with the conversion
CONVERSION_DOCUMENT = "Velatura's colour conversion"  # name of the hidden document

ColourSpace = tuple[str, str, str]  # model, depth, profile, as Krita names them


def colour_space(thing: Any) -> ColourSpace:
    """The colour space of a document or layer."""
    return thing.colorModel(), thing.colorDepth(), thing.colorProfile()


def strips(rect: QRect) -> Iterator[QRect]:
    """Splits a rectangle into strips of full width, from the top, of about STRIP_PIXELS pixels each."""
    rows = max(1, STRIP_PIXELS // rect.width())
    for top in range(rect.top(), rect.bottom() + 1, rows):
        yield QRect(rect.left(), top, rect.width(), min(rows, rect.bottom() + 1 - top))


@contextlib.contextmanager
def conversion_document() -> Iterator[Any]:
    """A hidden document to convert colours in, so that no undo history of the user's is touched."""
    document = Krita.instance().createDocument(16, 16, CONVERSION_DOCUMENT, *FLOAT_SRGB, 72.0)
    try:
        yield document
    finally:
        document.setModified(False)
        document.close()


def convert(document: Any, raw: Any, rect: QRect, source: ColourSpace, target: ColourSpace) -> Any:
    """Converts pixels to another colour space.

    document: the conversion document. raw: the bytes of the pixels of rect, in the source space.
    Returns a QByteArray. Raises VelaturaError.
    """
    if source == target:
        return raw
    node = document.createNode("strip", "paintlayer")
    if source != FLOAT_SRGB and not node.setColorSpace(*source):
        raise VelaturaError(strings.NO_CONVERSION.format(space=" ".join(source)))
    node.setPixelData(raw, 0, 0, rect.width(), rect.height())
    if not node.setColorSpace(*target):
        raise VelaturaError(strings.NO_CONVERSION.format(space=" ".join(target)))
    return node.pixelData(0, 0, rect.width(), rect.height())


def fill_layer(layer: Any, rect: QRect, picture: Picture) -> Iterator[None]:
    """Writes a picture to a layer that is in no document yet, in the layer's colour space. Yields between strips."""
    pixels, row_bytes = memoryview(picture.data), picture.width * CONTENT_FORMAT.bytes_per_pixel
    with conversion_document() as document:
        yield
        for strip in strips(rect):
            start = (strip.top() - rect.top()) * row_bytes
            raw = QByteArray(bytes(pixels[start : start + strip.height() * row_bytes]))
            converted = convert(document, raw, strip, FLOAT_SRGB, colour_space(layer))
            layer.setPixelData(converted, strip.x(), strip.y(), strip.width(), strip.height())
            yield
