"""Reads and writes pixels in strips, and lets Krita convert them between colour spaces.

The daemon reads the bytes of RGB layers as they are, with their profile. Other colour models are converted by Krita, in
a hidden document, since a conversion adds a step to the undo history of the document that it happens in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import Any

from krita import Krita

from velatura import strings
from velatura.errors import VelaturaError
from velatura.pixels import MASK_FORMAT, Picture, PixelFormat, zeroed_buffer

from .canvas_profiles import HIDDEN_DOCUMENT, name_of, profile_named
from .qt import QByteArray, QRect

SRGB, LINEAR = "sRGB-elle-V2-srgbtrc.icc", "sRGB-elle-V2-g10.icc"  # ship with Krita
GREY = "GRAYA"  # the model of greyscale
STRIP_PIXELS = 1 << 18  # per strip: under 10 ms, with the conversion 50 to 100 ms

ColourSpace = tuple[str, str, str]  # model, depth, profile, as Krita names them

FLOAT_SRGB: ColourSpace = ("RGBA", "F32", SRGB)
FLOAT_FORMAT = PixelFormat("RGBA", "f32", "srgb")

# What a picture's format is made of: by the depth, and by the profile. Other profiles are sent along.
_CHANNELS_AND_SAMPLE = {"U8": ("BGRA", "u8"), "U16": ("BGRA", "u16"), "F16": ("RGBA", "f16"), "F32": ("RGBA", "f32")}
_CURVES = {  # not translated: names of profiles
    **dict.fromkeys((SRGB, "sRGB-elle-V4-srgbtrc.icc", "sRGB built-in", "sRGB IEC61966-2.1"), "srgb"),
    **dict.fromkeys((LINEAR, "sRGB-elle-V4-g10.icc"), "linear"),
}


def format_of(space: ColourSpace) -> PixelFormat | None:
    """The format of a layer's own bytes in this colour space; None if they have to be converted to FLOAT_SRGB."""
    model, depth, name = space
    if model != "RGBA" or depth not in _CHANNELS_AND_SAMPLE:
        return None
    if name in _CURVES:
        return PixelFormat(*_CHANNELS_AND_SAMPLE[depth], _CURVES[name])
    profile = profile_named(name)
    return PixelFormat(*_CHANNELS_AND_SAMPLE[depth], profile=profile) if profile else None


def space_of(fmt: PixelFormat) -> ColourSpace | None:
    """The colour space with this format of bytes; None if Krita has none."""
    for depth, channels_and_sample in _CHANNELS_AND_SAMPLE.items():
        if (fmt.channels, fmt.sample) == channels_and_sample:
            name = name_of(fmt.profile) if fmt.profile else SRGB if fmt.curve == "srgb" else LINEAR
            return ("RGBA", depth, name) if name else None
    return None


def colour_space(thing: Any) -> ColourSpace:
    """The colour space of a document or layer."""
    return thing.colorModel(), thing.colorDepth(), thing.colorProfile()


def in_rgb(space: ColourSpace) -> ColourSpace:
    """The colour space of Krita's RGB documents of the same depth: linear for floats, as its grey ones are."""
    return "RGBA", space[1], LINEAR if space[1].startswith("F") else SRGB


def strips(rect: QRect) -> Iterator[QRect]:
    """Splits a rectangle into strips of full width, from the top, of about STRIP_PIXELS pixels each."""
    rows = max(1, STRIP_PIXELS // rect.width())
    for top in range(rect.top(), rect.bottom() + 1, rows):
        yield QRect(rect.left(), top, rect.width(), min(rows, rect.bottom() + 1 - top))


@contextlib.contextmanager
def conversion_document() -> Iterator[Any]:
    """A hidden document to convert colours in, so that no undo history of the user's is touched."""
    document = Krita.instance().createDocument(16, 16, HIDDEN_DOCUMENT, *FLOAT_SRGB, 72.0)
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
    node = document.createNode("strip", "paintlayer")
    if source != FLOAT_SRGB and not node.setColorSpace(*source):
        raise VelaturaError(strings.NO_CONVERSION.format(space=" ".join(source)))
    node.setPixelData(raw, 0, 0, rect.width(), rect.height())
    if not node.setColorSpace(*target):
        raise VelaturaError(strings.NO_CONVERSION.format(space=" ".join(target)))
    return node.pixelData(0, 0, rect.width(), rect.height())


def read_pixels(node: Any, rect: QRect, document_space: ColourSpace) -> Generator[None, None, Picture | None]:
    """Reads a layer's pixels: its own bytes if the daemon can read them, otherwise as FLOAT_SRGB.

    document_space: of the layer's document, in which the result will be. A layer in another space is read as floats, so
    that no precision is lost on the way. Returns None if the layer is empty. Yields between strips. Raises
    VelaturaError.
    """
    read = node.pixelData if node.type() == "paintlayer" else node.projectionPixelData
    space = colour_space(node)
    own_format = format_of(space) if space == document_space else None
    fmt = own_format or FLOAT_FORMAT
    pixels, end = zeroed_buffer(rect.width() * rect.height() * fmt.bytes_per_pixel), 0
    with contextlib.nullcontext() if own_format else conversion_document() as document:
        yield
        for strip in strips(rect):
            raw = read(strip.x(), strip.y(), strip.width(), strip.height())
            if len(raw) == 0:
                return None
            if own_format is None and space != FLOAT_SRGB:
                raw = convert(document, raw, strip, space, FLOAT_SRGB)
            pixels[end : end + len(raw)] = memoryview(raw).cast("B")
            end += len(raw)
            yield
    return Picture(rect.width(), rect.height(), fmt, pixels)


def read_coverage(selection: Any, rect: QRect) -> Generator[None, None, Picture]:
    """Reads a selection, 0 to 255. Yields between strips."""
    coverage, end = zeroed_buffer(rect.width() * rect.height()), 0
    for strip in strips(rect):
        raw = selection.pixelData(strip.x(), strip.y(), strip.width(), strip.height())
        coverage[end : end + len(raw)] = memoryview(raw).cast("B")
        end += len(raw)
        yield
    return Picture(rect.width(), rect.height(), MASK_FORMAT, coverage)


def fill_layer(layer: Any, rect: QRect, picture: Picture) -> Iterator[None]:
    """Writes a picture to a layer that is in no document yet, in the layer's colour space. Yields between strips.

    Raises VelaturaError.
    """
    pixels, row_bytes = memoryview(picture.data), picture.width * picture.format.bytes_per_pixel
    own_space = colour_space(layer)
    is_same = picture.format == format_of(own_space)
    space = own_space if is_same else space_of(picture.format)
    if space is None:
        raise VelaturaError(strings.UNSUPPORTED_FORMAT)
    with contextlib.nullcontext() if is_same else conversion_document() as document:
        yield
        for strip in strips(rect):
            start = (strip.top() - rect.top()) * row_bytes
            raw = QByteArray(bytes(pixels[start : start + strip.height() * row_bytes]))
            if not is_same:
                raw = convert(document, raw, strip, space, own_space)
            layer.setPixelData(raw, strip.x(), strip.y(), strip.width(), strip.height())
            yield
