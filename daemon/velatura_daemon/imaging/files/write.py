"""Writing picture files: the file extension selects the format, and the bit depth is kept as far as the format
allows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from velatura.atomic import write_atomically, write_users_file
from velatura.errors import DiskTrouble, FileExists, PictureTooLarge, UsageError
from velatura.i18n import lazy_text, sentences
from velatura.pixels import Picture
from velatura_daemon.imaging.files.metadata import Metadata
from velatura_daemon.imaging.files.metadata.tags import SOFTWARE_NAME
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
from velatura_daemon.user_paths import is_folder, real_path, shown, unwritable

FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP"}
LONGEST_SIDES = {"PNG": 1_000_000, "JPEG": 65_500, "WebP": 16_383}
SAMPLES = {"PNG": ("u8", "u16"), "TIFF": ("u8", "u16", "f16", "f32"), "JPEG": ("u8",), "WebP": ("u8",)}
# Translators: a kind of samples, in "JPEG has no {samples} samples: they were rounded to {rounded}."
U8, U16, F16, F32 = lazy_text("8-bit"), lazy_text("16-bit"), lazy_text("16-bit float"), lazy_text("32-bit float")
SAMPLE_WORDS = {"u8": U8, "u16": U16, "f16": F16, "f32": F32}
NO_METADATA = Metadata()


def check_output(path: Path, force: bool = False, size: tuple[int, int] | None = None) -> None:
    """Raise what would stop write_picture from writing here, so that it is reported before the work starts. size:
    (width, height). Raises UsageError, FileExists, DiskTrouble, PictureTooLarge."""
    kind = format_of(path)
    _check_name(path, force)
    if is_folder(path):
        raise UsageError(lazy_text("{path} is a folder. Give a file name.", path=str(path)))
    folder = real_path(path).parent if force else path.parent  # a link stays, and its target is replaced
    if not is_folder(folder):
        raise UsageError(
            lazy_text(
                "The folder {folder} does not exist. Create it, or write to another folder.", folder=shown(folder)
            )
        )
    if os.path.lexists(path) and not force:
        raise FileExists(
            lazy_text("{path} already exists. Give another name, or use --force to replace it.", path=str(path))
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DiskTrouble(
            lazy_text("You do not have permission to write in {folder}. Write to another folder.", folder=str(folder))
        )
    if size:
        _check_side(kind, *size)


def _check_side(kind: str, width: int, height: int) -> None:
    if max(width, height) > LONGEST_SIDES.get(kind, max(width, height)):
        raise PictureTooLarge(
            lazy_text(
                "{format} files allow up to {limit} pixels per side; the picture is {width} × {height}. Write a .tif "
                "file, or give a smaller --size.",
                format=kind,
                limit=LONGEST_SIDES[kind],
                width=width,
                height=height,
            )
        )


def _check_name(path: Path, force: bool) -> None:
    """Raise an error for a name that no file can have. With force, a link's target counts."""
    try:
        path.stat() if force else path.lstat()
    except FileNotFoundError:
        pass  # a new file, or a folder that check_output reports
    except OSError as error:
        raise unwritable(path, error) from error
    except ValueError as error:  # a null byte
        raise UsageError(
            lazy_text("{path} cannot be written: {problem}. Give another name.", path=shown(path), problem=str(error))
        ) from error


def write_picture(
    path: Path, picture: Picture, *, description: str, metadata: Metadata | None = NO_METADATA, force: bool = False
) -> list[str]:
    """Write all of the picture or nothing. Returns a sentence for each property that the format could not keep.

    metadata: of the photo; None: the file gets no metadata at all, not even the description, only the colour profile.
    Without a profile, integer samples are written as sRGB and float samples (TIFF only) as linear light, which is how
    read_picture reads them. Raises what check_output raises.
    """
    check_output(path, force, (picture.width, picture.height))
    data, notes = encoded(picture, format_of(path), description=description, metadata=metadata)
    _write_file(path, data, force)
    return notes


def encoded(
    picture: Picture, kind: str, *, description: str, metadata: Metadata | None = NO_METADATA
) -> tuple[bytes, list[str]]:
    """Return a picture file and the notes of `write_picture`. kind: one of the values of FORMATS. Raises
    PictureTooLarge."""
    _check_side(kind, picture.width, picture.height)
    description, software = description.replace("\0", ""), SOFTWARE_NAME
    if metadata is None:
        description, software, metadata = "", "", NO_METADATA
    raster, notes = _converted_for(from_picture(picture), kind)
    parts = raster.pixels, raster.profile
    if kind == "PNG":
        from velatura_daemon.imaging.files import png

        return png.encode(*parts, description, software, metadata), notes
    if kind == "TIFF":
        from velatura_daemon.imaging.files import tiff

        return tiff.encode(*parts, description, software, metadata), notes
    from velatura_daemon.imaging.files import pillow
    from velatura_daemon.imaging.files.metadata.write import exif_of

    exif = exif_of(metadata, description, software)
    if len(exif) > pillow.MAX_EXIF:
        notes.append(lazy_text("The description is too long for {format} and was left out.", format=kind))
        exif = exif_of(metadata, "", software)
    encode = pillow.encode_jpeg if kind == "JPEG" else pillow.encode_webp
    return encode(*parts, exif, metadata), notes


def _write_file(path: Path, data: bytes, force: bool) -> None:
    """Write all of it or nothing. Without force, a file that another program has created meanwhile is kept."""
    try:
        if force:
            write_users_file(path, lambda file: file.write(data))
        else:
            write_atomically(path, lambda file: file.write(data), overwrite=False)
    except FileExistsError as error:
        raise FileExists(
            lazy_text(
                "{path} was created by another program meanwhile. Give another name, or use --force to replace it.",
                path=str(path),
            )
        ) from error
    except OSError as error:
        raise unwritable(path, error) from error


def keeps_highlights(path: Path) -> bool:
    """Whether a file of this name can have values above white."""
    return "f32" in SAMPLES[format_of(path)]


def format_of(path: Path) -> str:
    """Return the format of a file to write, one of the values of FORMATS, by its name. Raises UsageError."""
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(
            lazy_text(
                "Velatura cannot write {file}: the name must end in {suffixes}.",
                file=path.name,
                suffixes=", ".join(FORMATS),
            )
        )
    return kind


def _converted_for(raster: Raster, kind: str) -> tuple[Raster, list[str]]:
    """Convert to the samples and channels that the format has. Returns the picture and a note for each loss."""
    notes: list[str] = []
    original = SAMPLE_NAMES[raster.pixels.dtype]
    sample = original if original in SAMPLES[kind] else SAMPLES[kind][-1]
    raster = with_curve(raster, "linear" if sample.startswith("f") else "srgb")
    if sample != original:
        clipped = original.startswith("f") and _exceeds_unit_range(raster.pixels)
        lost = (
            lazy_text(
                "{format} has no {samples} samples: they were rounded to {rounded}, and values below black or above "
                "white were clipped."
            )
            if clipped
            else lazy_text("{format} has no {samples} samples: they were rounded to {rounded}.")
        ).format(format=kind, samples=SAMPLE_WORDS[original], rounded=SAMPLE_WORDS[sample])
        way_out = (
            lazy_text("Write a .tif or .png file to keep them.")
            if original == "u16"
            else lazy_text("Write a .tif file to keep them.")
        )
        notes.append(sentences(lost, way_out))
    pixels, profile = raster.pixels, raster.profile
    if kind == "JPEG" and raster.has_alpha:
        if to_float(pixels[..., -1]).min() < 1:
            notes.append(
                lazy_text("JPEG has no transparency: the picture was blended over white. Write a .png file to keep it.")
            )
        pixels = over_white(pixels)
    pixels = to_sample(pixels, sample)
    if kind == "WebP" and pixels.shape[2] <= 2:
        pixels, profile = _grey_as_rgb(pixels, profile), b""
    return Raster(pixels, "srgb", profile), notes


def _exceeds_unit_range(pixels: Array) -> bool:
    return bool(pixels.min() < 0 or pixels.max() > 1)


def _grey_as_rgb(pixels: Array, profile: bytes) -> Array:
    """Convert to sRGB colour: WebP stores only colour, and a grey profile does not apply to colour pixels."""
    grey, alpha = pixels[..., 0], pixels[..., 1:]
    through_profile = to_srgb(grey, profile, "gray") if profile else None
    colour = np.stack([grey] * 3, axis=2) if through_profile is None else through_profile
    return np.concatenate([colour, alpha], axis=2)
