"""Reading pictures and masks from files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from velatura.errors import BadMask, BadPixels, NothingToRestyle, PictureTooLarge, PictureTooSmall, UsageError
from velatura.i18n import Text, lazy_plural, lazy_text, sentences
from velatura.pixels import LARGEST_SIDE, MASK_FORMAT, SMALLEST_SIDE, Picture
from velatura_daemon.imaging.files.decode import about, decode
from velatura_daemon.imaging.files.highlights import compressed
from velatura_daemon.imaging.files.limits import DEFAULT_MEGAPIXELS, file_megapixels
from velatura_daemon.imaging.files.options import ReadOptions
from velatura_daemon.imaging.files.raster import (
    BAND_PIXELS,
    SAMPLE_NAMES,
    Array,
    Raster,
    by_rows,
    from_picture,
    to_float,
    to_picture,
    to_sample,
)
from velatura_daemon.imaging.files.resize import fitted_size, reduced_size, resized

# What to say of the first picture of a file with several, by what is done with it.
ONLY_FIRST = {  # not translated: keys
    # Translators: {pages} is such as "3 pages" or "3 frames". "The first" is a page, a frame, a picture or a part.
    "was read": lazy_text("{file} has {pages}; the first was read."),
    # Translators: {pages} is such as "3 pages" or "3 frames". "The first" is a page, a frame, a picture or a part.
    "was restyled": lazy_text("{file} has {pages}; the first was restyled."),
    # Translators: {pages} is such as "3 pages" or "3 frames". "The first" is a page, a frame, a picture or a part.
    "is explained": lazy_text("{file} has {pages}; the first is explained."),
    # Translators: {pages} is such as "3 pages" or "3 frames". "The first" is a page, a frame, a picture or a part.
    "is used": lazy_text("{file} has {pages}; the first is used."),
}
EMPTY = {
    "mask": lazy_text("{file} is empty: it is all black. Paint it white where the picture is to be restyled."),
    "region": lazy_text("{file} is empty: it is all black. Paint it white where this painting's style is to be used."),
    "part": lazy_text(
        "{file} is empty: it is all black. Paint it white where the painting is to be used as the style."
    ),
}
OTHER_SIZE = {
    "mask": lazy_text(
        "The mask is {width} × {height} pixels, but the picture is {wanted_width} × {wanted_height}. Make the mask the "
        "same size as the picture."
    ),
    "region": lazy_text(
        "The region is {width} × {height} pixels, but the picture is {wanted_width} × {wanted_height}. Make the region "
        "the same size as the picture."
    ),
    "part": lazy_text(
        "The part is {width} × {height} pixels, but the picture is {wanted_width} × {wanted_height}. Make the part the "
        "same size as the picture."
    ),
}
SMALLER_SIZE_OR_FILE = lazy_text(
    "Give a smaller --size, or a smaller file, or, if there is enough memory, stop the daemon and start it with "
    "'velatura daemon start --max-megapixels {megapixels}'."
)
SMALLER_FILE = lazy_text(
    "Use a smaller file, or, if there is enough memory, stop the daemon and start it with 'velatura daemon start "
    "--max-megapixels {megapixels}'."
)
SMALLER_SIZE = lazy_text(
    "Give a smaller --size, or, if there is enough memory, stop the daemon and start it with 'velatura daemon start "
    "--max-megapixels {megapixels}'."
)
REC_601 = np.array(
    [[0.299], [0.587], [0.114]], np.float32
)  # weights of red, green and blue, as Pillow converts to grey


@dataclass(frozen=True)
class LoadedPicture:
    """A picture as requested, and the size in its file, upright: the file of a mask must have the same size. notes: a
    sentence for each thing that the user should know about the file."""

    picture: Picture
    original_width: int
    original_height: int
    notes: tuple[str, ...] = ()


def read_picture(
    path: Path,
    *,
    longest_side: int | None = None,
    at_most: int | None = None,
    max_megapixels: float = DEFAULT_MEGAPIXELS,
    max_file_megapixels: float | None = None,
    page: int | None = None,
    salvage: bool = False,
    compress_highlights: bool = False,
    use: str = "was read",  # not translated: a key
) -> LoadedPicture:
    """Read a picture from a file, upright, at its own depth: 8 or 16 bits, half or single float.

    Without a profile, integer samples are read as sRGB and float samples as linear light, which is what painting
    programs mean by them. longest_side: pixels; scales up or down. at_most: pixels; scales down if the longest side has
    more. A picture of more than max_megapixels is refused before it is decoded; the file of one that is scaled down may
    have max_file_megapixels, by default `limits.file_megapixels`. page: of an animation or a file with several pages,
    from 1; None: the first, with a note. use: what is done with the picture, for that note: one of
    ONLY_FIRST. salvage: read what there is of a truncated file. compress_highlights: float samples above white are
    compressed to white (`highlights`), with a note, where they would be clipped otherwise.
    Raises UsageError, NotAPicture, BadPixels, PictureTooSmall, PictureTooLarge.
    """
    if longest_side is not None and not SMALLEST_SIDE <= longest_side <= LARGEST_SIDE:
        raise UsageError(
            lazy_text(
                "The longest side must be {smallest} to {largest} pixels, not {side}.",
                smallest=SMALLEST_SIDE,
                largest=LARGEST_SIDE,
                side=longest_side,
            )
        )
    original = fitted = 0, 0

    def check_size(width: int, height: int) -> None:
        nonlocal original, fitted
        original = width, height
        fitted = reduced_size(*fitted_size(width, height, longest_side), at_most)
        if min(width, height) < SMALLEST_SIDE:
            raise PictureTooSmall(
                lazy_text(
                    "The picture is {width} × {height} pixels; it needs at least {smallest} per side. "
                    "Use a larger one.",
                    width=width,
                    height=height,
                    smallest=SMALLEST_SIDE,
                )
            )
        if fitted == original:
            _check_limit(width, height, max_megapixels, SMALLER_SIZE_OR_FILE)
            return
        file_limit = max_file_megapixels or file_megapixels(max_megapixels)
        _check_limit(width, height, file_limit, SMALLER_FILE)
        _check_limit(*fitted, max_megapixels, SMALLER_SIZE, scaled=True)

    raster = decode(path, check_size, ReadOptions(longest_side or at_most, page, salvage))
    _check_finite(path.name, raster.pixels)
    raster = compressed(raster) if compress_highlights else raster
    scaled = Raster(resized(raster.pixels, *fitted), raster.curve, raster.profile)
    return LoadedPicture(to_picture(scaled), *original, tuple(_notes(path.name, raster, page, use)))


def _notes(name: str, raster: Raster, page: int | None, use: str) -> Iterator[str]:
    if raster.pages.count > 1 and page is None:
        yield ONLY_FIRST[use].format(file=name, pages=raster.pages.counted())
    for note in raster.notes:
        yield about(name, note)


def read_mask(path: Path, loaded: LoadedPicture, what: str = "mask") -> Picture:
    """Read a mask for a loaded picture: 255 selects, 0 does not. The file must have the size of the picture's file.

    If the file has any transparency, its alpha is the mask, otherwise its brightness (white selects). what: the role of
    the mask, for messages: 'mask' is what to restyle, 'region' where a style goes, 'part' which part of a painting to
    use. Raises BadMask, NothingToRestyle, and what read_picture raises for unreadable files.
    """
    expected = (loaded.original_width, loaded.original_height)

    def check_size(width: int, height: int) -> None:
        if (width, height) != expected:
            raise BadMask(
                OTHER_SIZE[what].format(width=width, height=height, wanted_width=expected[0], wanted_height=expected[1])
            )

    raster = decode(path, check_size)
    _check_finite(path.name, raster.pixels)
    size = loaded.picture.width, loaded.picture.height
    pixels = to_sample(resized(_selection(raster), *size), "u8")
    if not pixels.any():
        raise NothingToRestyle(EMPTY[what].format(file=path.name))
    return Picture(*size, MASK_FORMAT, pixels.tobytes())


def multiply_alpha(picture: Picture, mask: Picture) -> Picture:
    """Multiply a picture's alpha, or full alpha if it has none, by a mask of its size (GRAY, u8)."""
    raster = from_picture(picture)
    weights, sample = from_picture(mask).pixels, SAMPLE_NAMES[raster.pixels.dtype]
    height, width, channels = raster.pixels.shape
    colours = channels - raster.has_alpha
    masked = np.empty((height, width, colours + 1), raster.pixels.dtype)
    masked[..., :colours] = raster.pixels[..., :colours]
    rows = max(1, BAND_PIXELS // width)
    for top in range(0, height, rows):
        alpha = to_float(weights[top : top + rows])
        if raster.has_alpha:
            alpha *= to_float(raster.pixels[top : top + rows, :, colours:])
        masked[top : top + rows, :, colours:] = to_sample(alpha, sample)
    return to_picture(Raster(masked, raster.curve, raster.profile))


def is_visible(picture: Picture, *masks: Picture) -> bool:
    """Whether a picture has a pixel that is not fully transparent, and is not 0 in any of the masks. masks: GRAY, u8,
    of its size."""
    raster = from_picture(picture)
    parts = [raster.pixels[..., -1]] if raster.has_alpha else []
    parts += [from_picture(mask).pixels[..., 0] for mask in masks]
    if not parts:
        return True
    rows = max(1, BAND_PIXELS // picture.width)
    bands = (slice(top, top + rows) for top in range(0, picture.height, rows))
    return any(bool(np.all([part[band] > 0 for part in parts], axis=0).any()) for band in bands)


def _selection(raster: Raster) -> Array:
    """Return the selection of a mask file as (H, W, 1), float32: its alpha if it has transparency, otherwise its
    luma."""
    pixels = raster.pixels
    if raster.has_alpha and to_float(pixels[..., -1].min()) < 1:
        return to_sample(pixels[..., -1:], "f32")
    if pixels.shape[2] <= 2:
        return to_sample(pixels[..., :1], "f32")
    return by_rows(pixels, lambda band: to_float(band[..., :3]) @ REC_601, "f32", 1)


def _check_limit(width: int, height: int, max_megapixels: float, advice: Text, scaled: bool = False) -> None:
    """advice: what to do; {megapixels} is the limit that would do. scaled: this is not the size of the file."""
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        too_large = (
            lazy_text(
                "After scaling, the picture has {megapixels:.1f} megapixels ({width} × {height}); up to {limit:g} are "
                "allowed."
            )
            if scaled
            else lazy_text(
                "The picture has {megapixels:.1f} megapixels ({width} × {height}); up to {limit:g} are allowed."
            )
        ).format(megapixels=megapixels, width=width, height=height, limit=max_megapixels)
        raise PictureTooLarge(sentences(too_large, advice.format(megapixels=math.ceil(megapixels))))
    if max(width, height) > LARGEST_SIDE:
        too_long = (
            lazy_text(
                "After scaling, the picture is {width} × {height} pixels; up to {limit} per side are allowed. Cut it "
                "into parts."
            )
            if scaled
            else lazy_text(
                "The picture is {width} × {height} pixels; up to {limit} per side are allowed. Cut it into parts."
            )
        )
        raise PictureTooLarge(too_long.format(width=width, height=height, limit=LARGEST_SIDE))


def _check_finite(name: str, pixels: Array) -> None:
    if pixels.dtype.kind != "f" or np.isfinite(pixels).all():
        return
    bad = ~np.isfinite(pixels).all(axis=2)
    y, x = np.argwhere(bad)[0]
    count = int(bad.sum())
    raise BadPixels(
        lazy_plural(
            "{file}: {count} pixel is NaN or infinite, at x {x}, y {y}. Paint over it, or save the picture with "
            "16-bit integer samples.",
            "{file}: {count} pixels are NaN or infinite, the first at x {x}, y {y}. Paint over them, or save the "
            "picture with 16-bit integer samples.",
            count,
            file=name,
            x=int(x),
            y=int(y),
        )
    )
