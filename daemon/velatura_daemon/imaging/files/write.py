"""Pictures to files: the format by the name's ending, the depth as far as the format goes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from velatura.errors import DiskTrouble, FileExists, PictureTooLarge, UsageError
from velatura.pixels import Picture
from velatura_daemon.imaging.files.atomic import write_whole
from velatura_daemon.imaging.files.raster import (
    SAMPLE_NAMES,
    Array,
    Raster,
    from_picture,
    over_white,
    to_float,
    to_sample,
    to_srgb,
    with_curve,
)

FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP"}
LONGEST_SIDES = {"PNG": 1_000_000, "JPEG": 65_500, "WebP": 16_383}
SAMPLES = {"PNG": ("u8", "u16"), "TIFF": ("u8", "u16", "f16", "f32"), "JPEG": ("u8",), "WebP": ("u8",)}
SAMPLE_WORDS = {"u8": "8-bit", "u16": "16-bit", "f16": "16-bit float", "f32": "32-bit float"}
SOFTWARE = "Velatura"
MAX_EXIF_TEXT = 60_000  # bytes; a JPEG's EXIF ends at 65,535


def check_output(path: Path, force: bool = False, size: tuple[int, int] | None = None) -> None:
    """What would keep write_picture from writing here, said before the work starts. size: width, height."""
    kind = _format_of(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Give the name of a file in it.")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}. Make it first, or write elsewhere.")
    if os.path.lexists(path) and not force:
        raise FileExists(f"{path} is there already. Give another name, or --force to replace it.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise DiskTrouble(f"You have no right to write in {path.parent}. Write to another folder.")
    if size and max(size) > LONGEST_SIDES.get(kind, max(size)):
        raise PictureTooLarge(
            f"{kind} files have up to {LONGEST_SIDES[kind]} pixels a side; the picture is {size[0]} × {size[1]}. "
            "Write .tif, or give a smaller --size."
        )


def write_picture(path: Path, picture: Picture, *, description: str, force: bool = False) -> list[str]:
    """Writes all of it or nothing; returns a sentence for each thing that the format could not keep.

    Without a profile, integer samples are written as sRGB and float samples (TIFF only) as linear light,
    as read_picture takes them.
    """
    check_output(path, force, (picture.width, picture.height))
    kind = _format_of(path)
    description = description.replace("\0", "")
    raster, notes = _as_the_format_has_it(from_picture(picture), kind)
    if kind in ("JPEG", "WebP") and len(description.encode()) > MAX_EXIF_TEXT:
        notes.append(f"The description is too long for {kind} and was left out.")
        description = ""
    write_whole(path, _encoded(raster, kind, description), force)
    return notes


def read_description(path: Path) -> str:
    """What write_picture was told; empty where the file says nothing."""
    kind = _format_of(path)
    if kind == "PNG":
        from velatura_daemon.imaging.files import png

        return png.texts(path.read_bytes()).get("Description", "")
    if kind == "TIFF":
        import tifffile

        with tifffile.TiffFile(path) as tiff:
            return str(tiff.pages.first.description)
    from PIL import Image

    from velatura_daemon.imaging.files.exif import description_of

    with Image.open(path) as image:
        return description_of(image.getexif())


def _format_of(path: Path) -> str:
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path.name} does not say a format that Velatura writes: end it in {', '.join(FORMATS)}.")
    return kind


def _as_the_format_has_it(raster: Raster, kind: str) -> tuple[Raster, list[str]]:
    """The same picture in samples and channels of the format, and what that cost."""
    notes = []
    had = SAMPLE_NAMES[raster.pixels.dtype]
    sample = had if had in SAMPLES[kind] else SAMPLES[kind][-1]
    raster = with_curve(raster, "linear" if sample.startswith("f") else "srgb")
    if sample != had:
        clipped = had.startswith("f") and _goes_beyond(raster.pixels)
        notes.append(
            f"{kind} has no {SAMPLE_WORDS[had]} samples: they were rounded to {SAMPLE_WORDS[sample]}"
            f"{', and what is darker than black or brighter than white was clipped' if clipped else ''}. "
            f"Write .tif{' or .png' if had == 'u16' else ''} to keep them."
        )
    pixels, profile = raster.pixels, raster.profile
    if kind == "JPEG" and raster.has_alpha:
        if to_float(pixels[..., -1]).min() < 1:
            notes.append("JPEG has no transparency: the picture was blended over white. Write .png to keep it.")
        pixels = over_white(pixels)
    pixels = to_sample(pixels, sample)
    if kind == "WebP" and pixels.shape[2] <= 2:
        pixels, profile = _grey_as_rgb(pixels, profile), b""
    return Raster(pixels, "srgb", profile), notes


def _encoded(raster: Raster, kind: str, description: str) -> bytes:
    parts = raster.pixels, raster.profile, description, SOFTWARE
    if kind == "PNG":
        from velatura_daemon.imaging.files import png

        return png.encode(*parts)
    if kind == "TIFF":
        from velatura_daemon.imaging.files import tiff

        return tiff.encode(*parts)
    from velatura_daemon.imaging.files import other

    return other.encode_jpeg(*parts) if kind == "JPEG" else other.encode_webp(*parts)


def _goes_beyond(pixels: Array) -> bool:
    return bool(pixels.min() < 0 or pixels.max() > 1)


def _grey_as_rgb(pixels: Array, profile: bytes) -> Array:
    """WebP has colour only, and a grey profile says nothing about colour: the picture becomes sRGB."""
    grey, alpha = pixels[..., 0], pixels[..., 1:]
    through_profile = to_srgb(grey, profile, "gray") if profile else None
    colour = np.stack([grey] * 3, axis=2) if through_profile is None else through_profile
    return np.concatenate([colour, alpha], axis=2)
