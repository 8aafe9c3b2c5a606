"""Pictures and masks from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from velatura.errors import BadMask, BadPixels, NothingToRestyle, PictureTooLarge, PictureTooSmall, UsageError
from velatura.pixels import LARGEST_SIDE, MASK_FORMAT, SMALLEST_SIDE, Picture
from velatura_daemon.imaging.files.decode import decode
from velatura_daemon.imaging.files.raster import (
    SAMPLE_NAMES,
    Array,
    Raster,
    from_picture,
    to_float,
    to_picture,
    to_sample,
)
from velatura_daemon.imaging.files.resize import fitted_size, resized

SELECTED_BY = {
    "mask": "what is to be restyled",
    "region": "where the painting is to go",
    "part": "what of the painting is to be seen",
}
REC_601 = np.array([[0.299], [0.587], [0.114]], np.float32)  # red, green, blue: as Pillow makes grey


@dataclass(frozen=True)
class Loaded:
    """A picture as asked for, and the size that its file has, seen upright: a mask's file must have the same."""

    picture: Picture
    original_width: int
    original_height: int


def read_picture(path: Path, *, longest_side: int | None = None, max_megapixels: float | None = None) -> Loaded:
    """The file's (first) picture, upright, at its own depth: 8 and 16 bits, half and float.

    Integer samples are taken as sRGB, float samples as linear light, where no profile says otherwise:
    that is what painting programs mean by them. longest_side scales up or down; a picture over
    max_megapixels, in the file or once scaled, is refused before it is decoded.
    """
    if longest_side is not None and not SMALLEST_SIDE <= longest_side <= LARGEST_SIDE:
        raise UsageError(f"A longest side of {longest_side} pixels is not possible: {SMALLEST_SIDE} to {LARGEST_SIDE}.")

    def check_size(width: int, height: int) -> None:
        if min(width, height) < SMALLEST_SIDE:
            raise PictureTooSmall(
                f"The picture is {width} × {height} pixels; it needs at least {SMALLEST_SIDE} a side. "
                "Choose a larger one."
            )
        _check_limit(width, height, max_megapixels, "The picture")
        _check_limit(*fitted_size(width, height, longest_side), max_megapixels, "Scaled, the picture")

    raster = decode(path, check_size)
    _check_finite(path.name, raster.pixels)
    height, width = raster.pixels.shape[:2]
    fitted = Raster(resized(raster.pixels, *fitted_size(width, height, longest_side)), raster.curve, raster.profile)
    return Loaded(to_picture(fitted), width, height)


def read_mask(path: Path, loaded: Loaded, what: str = "mask") -> Picture:
    """What counts of the loaded picture: 255 all, 0 nothing. The file has the size of the picture's file.

    Its alpha says so where it has any transparency, else its luma (white selects). what: 'mask' is what to restyle,
    'region' where a style goes, 'part' what of a style is looked at.
    """
    wanted = (loaded.original_width, loaded.original_height)

    def check_size(width: int, height: int) -> None:
        if (width, height) != wanted:
            raise BadMask(
                f"The {what} is {width} × {height} pixels and the picture {wanted[0]} × {wanted[1]}. "
                f"Make the {what} the same size as the picture."
            )

    raster = decode(path, check_size)
    _check_finite(path.name, raster.pixels)
    size = loaded.picture.width, loaded.picture.height
    pixels = to_sample(resized(_selection(raster), *size), "u8")
    if not pixels.any():
        raise NothingToRestyle(f"{path.name} selects nothing: it is all black. Paint white {SELECTED_BY[what]}.")
    return Picture(*size, MASK_FORMAT, pixels.tobytes())


def seen_through(picture: Picture, mask: Picture) -> Picture:
    """The picture with its alpha, or full alpha, times the mask: GRAY, u8, of its size."""
    raster = from_picture(picture)
    counts = from_picture(mask).pixels.astype(np.float32) / 255
    pixels = to_float(raster.pixels)
    colours, alpha = (pixels[..., :-1], pixels[..., -1:]) if raster.has_alpha else (pixels, np.float32(1))
    seen = np.concatenate([colours, alpha * counts], axis=2)
    return to_picture(Raster(to_sample(seen, SAMPLE_NAMES[raster.pixels.dtype]), raster.curve, raster.profile))


def _selection(raster: Raster) -> Array:
    """(H, W, 1), float32."""
    values = to_float(raster.pixels)
    if raster.has_alpha and values[..., -1].min() < 1:
        return values[..., -1:]
    if values.shape[2] <= 2:
        return values[..., :1]
    luma: Array = values[..., :3] @ REC_601
    return luma


def _check_limit(width: int, height: int, max_megapixels: float | None, what: str) -> None:
    megapixels = width * height / 1e6
    if max_megapixels is not None and megapixels > max_megapixels:
        raise PictureTooLarge(
            f"{what} has {megapixels:.1f} megapixels ({width} × {height}); up to {max_megapixels:g} are allowed. "
            "Give a smaller --size, or a smaller file."
        )
    if max(width, height) > LARGEST_SIDE:
        raise PictureTooLarge(f"{what} is {width} × {height} pixels; a side has up to {LARGEST_SIDE}. Cut it in parts.")


def _check_finite(name: str, pixels: Array) -> None:
    if pixels.dtype.kind != "f" or np.isfinite(pixels).all():
        return
    bad = ~np.isfinite(pixels).all(axis=2)
    y, x = np.argwhere(bad)[0]
    count = int(bad.sum())
    pixels_are = "pixel is" if count == 1 else "pixels are"
    raise BadPixels(
        f"{name}: {count} {pixels_are} not a number or infinite, the first at x {x}, y {y}. "
        "Paint over them, or save the picture with 16-bit integer samples."
    )
