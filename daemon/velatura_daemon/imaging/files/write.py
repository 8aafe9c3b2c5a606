"""Writing picture files: the file extension selects the format, and the bit depth is kept as far as the format
allows."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np

from velatura.atomic import write_atomically
from velatura.errors import DiskTrouble, FileExists, PictureTooLarge, UsageError
from velatura.pixels import Picture
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
    """Raise what would stop write_picture from writing here, so that it is reported before the work starts. size:
    (width, height). Raises UsageError, FileExists, DiskTrouble, PictureTooLarge."""
    kind = _format_of(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Give a file name.")
    if not path.parent.is_dir():
        raise UsageError(f"The folder {path.parent} does not exist. Create it, or write to another folder.")
    if os.path.lexists(path) and not force:
        raise FileExists(f"{path} already exists. Give another name, or use --force to replace it.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise DiskTrouble(f"You do not have permission to write in {path.parent}. Write to another folder.")
    if size and max(size) > LONGEST_SIDES.get(kind, max(size)):
        raise PictureTooLarge(
            f"{kind} files allow up to {LONGEST_SIDES[kind]} pixels per side; the picture is {size[0]} × {size[1]}. "
            "Write a .tif file, or give a smaller --size."
        )


def write_picture(path: Path, picture: Picture, *, description: str, force: bool = False) -> list[str]:
    """Write all of the picture or nothing. Returns a sentence for each property that the format could not keep.

    Without a profile, integer samples are written as sRGB and float samples (TIFF only) as linear light, which is how
    read_picture reads them. Raises what check_output raises.
    """
    check_output(path, force, (picture.width, picture.height))
    kind = _format_of(path)
    description = description.replace("\0", "")
    raster, notes = _converted_for(from_picture(picture), kind)
    if kind in ("JPEG", "WebP") and len(description.encode()) > MAX_EXIF_TEXT:
        notes.append(f"The description is too long for {kind} and was left out.")
        description = ""
    _write_file(path, _encoded(raster, kind, description), force)
    return notes


def _write_file(path: Path, data: bytes, force: bool) -> None:
    """Write all of it or nothing. Without force, a file that another program has created meanwhile is kept."""
    try:
        write_atomically(path, lambda file: file.write(data), overwrite=force)
    except FileExistsError as error:
        raise FileExists(
            f"{path} was created by another program meanwhile. Give another name, or use --force to replace it."
        ) from error
    except OSError as error:
        raise DiskTrouble(f"{path} could not be written: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full. Make room, or write to another disk."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "you do not have permission to write there. Write to another folder."
    return f"{error.strerror or error}. Write to another folder."


def read_description(path: Path) -> str:
    """Return the description that write_picture stored, or '' if the file has none."""
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
        raise UsageError(f"Velatura cannot write {path.name}: the name must end in {', '.join(FORMATS)}.")
    return kind


def _converted_for(raster: Raster, kind: str) -> tuple[Raster, list[str]]:
    """Convert to the samples and channels that the format has. Returns the picture and a note for each loss."""
    notes = []
    original = SAMPLE_NAMES[raster.pixels.dtype]
    sample = original if original in SAMPLES[kind] else SAMPLES[kind][-1]
    raster = with_curve(raster, "linear" if sample.startswith("f") else "srgb")
    if sample != original:
        clipped = original.startswith("f") and _exceeds_unit_range(raster.pixels)
        notes.append(
            f"{kind} has no {SAMPLE_WORDS[original]} samples: they were rounded to {SAMPLE_WORDS[sample]}"
            f"{', and values below black or above white were clipped' if clipped else ''}. "
            f"Write a .tif{' or .png' if original == 'u16' else ''} file to keep them."
        )
    pixels, profile = raster.pixels, raster.profile
    if kind == "JPEG" and raster.has_alpha:
        if to_float(pixels[..., -1]).min() < 1:
            notes.append("JPEG has no transparency: the picture was blended over white. Write a .png file to keep it.")
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
    from velatura_daemon.imaging.files import pillow

    return pillow.encode_jpeg(*parts) if kind == "JPEG" else pillow.encode_webp(*parts)


def _exceeds_unit_range(pixels: Array) -> bool:
    return bool(pixels.min() < 0 or pixels.max() > 1)


def _grey_as_rgb(pixels: Array, profile: bytes) -> Array:
    """Convert to sRGB colour: WebP stores only colour, and a grey profile does not apply to colour pixels."""
    grey, alpha = pixels[..., 0], pixels[..., 1:]
    through_profile = to_srgb(grey, profile, "gray") if profile else None
    colour = np.stack([grey] * 3, axis=2) if through_profile is None else through_profile
    return np.concatenate([colour, alpha], axis=2)
