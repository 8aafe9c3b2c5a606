"""Reading pictures and masks from files."""

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

WHITE_SELECTS = {
    "mask": "the areas to restyle",
    "region": "the areas that get this painting's style",
    "part": "the areas of the painting to use",
}
REC_601 = np.array(
    [[0.299], [0.587], [0.114]], np.float32
)  # weights of red, green and blue, as Pillow converts to grey


@dataclass(frozen=True)
class LoadedPicture:
    """A picture as requested, and the size in its file, upright: the file of a mask must have the same size."""

    picture: Picture
    original_width: int
    original_height: int


def read_picture(path: Path, *, longest_side: int | None = None, max_megapixels: float | None = None) -> LoadedPicture:
    """Read the first picture of a file, upright, at its own depth: 8 or 16 bits, half or single float.

    Without a profile, integer samples are read as sRGB and float samples as linear light, which is what painting
    programs mean by them. longest_side: pixels; scales up or down. A picture of more than max_megapixels, in the file
    or after scaling, is refused before it is decoded. Raises UsageError, NotAPicture, BadPixels, PictureTooSmall,
    PictureTooLarge.
    """
    if longest_side is not None and not SMALLEST_SIDE <= longest_side <= LARGEST_SIDE:
        raise UsageError(f"The longest side must be {SMALLEST_SIDE} to {LARGEST_SIDE} pixels, not {longest_side}.")

    def check_size(width: int, height: int) -> None:
        if min(width, height) < SMALLEST_SIDE:
            raise PictureTooSmall(
                f"The picture is {width} × {height} pixels; it needs at least {SMALLEST_SIDE} per side. "
                "Use a larger one."
            )
        _check_limit(width, height, max_megapixels, "The picture")
        _check_limit(*fitted_size(width, height, longest_side), max_megapixels, "After scaling, the picture")

    raster = decode(path, check_size)
    _check_finite(path.name, raster.pixels)
    height, width = raster.pixels.shape[:2]
    fitted = Raster(resized(raster.pixels, *fitted_size(width, height, longest_side)), raster.curve, raster.profile)
    return LoadedPicture(to_picture(fitted), width, height)


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
                f"The {what} is {width} × {height} pixels, but the picture is {expected[0]} × {expected[1]}. "
                f"Make the {what} the same size as the picture."
            )

    raster = decode(path, check_size)
    _check_finite(path.name, raster.pixels)
    size = loaded.picture.width, loaded.picture.height
    pixels = to_sample(resized(_selection(raster), *size), "u8")
    if not pixels.any():
        raise NothingToRestyle(f"{path.name} selects nothing: it is all black. Paint {WHITE_SELECTS[what]} white.")
    return Picture(*size, MASK_FORMAT, pixels.tobytes())


def multiply_alpha(picture: Picture, mask: Picture) -> Picture:
    """Multiply a picture's alpha, or full alpha if it has none, by a mask of its size (GRAY, u8)."""
    raster = from_picture(picture)
    weights = from_picture(mask).pixels.astype(np.float32) / 255
    pixels = to_float(raster.pixels)
    colours, alpha = (pixels[..., :-1], pixels[..., -1:]) if raster.has_alpha else (pixels, np.float32(1))
    masked = np.concatenate([colours, alpha * weights], axis=2)
    return to_picture(Raster(to_sample(masked, SAMPLE_NAMES[raster.pixels.dtype]), raster.curve, raster.profile))


def _selection(raster: Raster) -> Array:
    """Return the selection of a mask file as (H, W, 1), float32: its alpha if it has transparency, otherwise its
    luma."""
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
        raise PictureTooLarge(
            f"{what} is {width} × {height} pixels; up to {LARGEST_SIDE} per side are allowed. Cut it in parts."
        )


def _check_finite(name: str, pixels: Array) -> None:
    if pixels.dtype.kind != "f" or np.isfinite(pixels).all():
        return
    bad = ~np.isfinite(pixels).all(axis=2)
    y, x = np.argwhere(bad)[0]
    count = int(bad.sum())
    pixels_are = "pixel is" if count == 1 else "pixels are"
    raise BadPixels(
        f"{name}: {count} {pixels_are} NaN or infinite, the first at x {x}, y {y}. "
        "Paint over them, or save the picture with 16-bit integer samples."
    )
