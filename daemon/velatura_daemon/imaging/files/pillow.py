"""JPEG, WebP and the other formats that are read and written through Pillow."""

from __future__ import annotations

import io
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from velatura.errors import NotAPicture
from velatura_daemon.imaging.files.decode import SizeCheck
from velatura_daemon.imaging.files.exif import exif_with, orientation_of
from velatura_daemon.imaging.files.raster import Array, Raster, from_cmyk, oriented, oriented_size

Image.MAX_IMAGE_PIXELS = None  # check_size limits the size, with a clear message; Pillow would print a warning or raise

# Left out: ICO and ICNS contain other pictures, which Pillow decodes before their size can be checked. The picture
# inside an AVIF file may be larger than its header says. For EPS, Pillow would start Ghostscript. The other formats of
# Pillow are not written by painting programs.
COMMON_FORMATS = ("JPEG", "WEBP", "TIFF", "PNG", "GIF", "BMP", "DIB", "PPM")
SUPPORTED_FORMATS = (*COMMON_FORMATS, "TGA", "JPEG2000", "SGI", "PCX", "QOI", "DDS", "PSD")

QUALITY = 95  # of JPEG and WebP, 0 to 100


def suffixes() -> frozenset[str]:
    """Return the file extensions of these formats: lower case, with the dot."""
    Image.init()
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in SUPPORTED_FORMATS)


def decode(file: BinaryIO, check_size: SizeCheck) -> Raster:
    """Decode to 8 bits per channel, or to 16-bit or float grey if Pillow provides that. Raises NotAPicture, and what
    check_size raises."""
    if _is_truncated_webp(file):
        raise NotAPicture("The file is truncated. Copy or download it again.")
    try:
        Image.init()  # loads all of Pillow's plug-ins; formats not loaded yet would count as unknown
        image: Image.Image = Image.open(file, formats=[kind for kind in SUPPORTED_FORMATS if kind in Image.OPEN])
    except UnidentifiedImageError as error:
        raise NotAPicture("Velatura cannot read this kind of file. Use a PNG, TIFF, JPEG or WebP picture.") from error
    check_size(*oriented_size(*image.size, orientation_of(image.getexif())))
    image.load()
    orientation = orientation_of(
        image.getexif()
    )  # read again: for TIFF, Pillow rotates the pixels itself while loading
    profile = image.info.get("icc_profile") or b""
    pixels = _pixels(image, profile)
    curve = "linear" if pixels.dtype.kind == "f" else "srgb"
    # Lab and CMYK have been converted to sRGB by now. to_picture drops other profiles that are neither RGB nor grey.
    return Raster(oriented(pixels, orientation), curve, b"" if image.mode in ("LAB", "CMYK") else profile)


def encode_jpeg(pixels: Array, profile: bytes, description: str, software: str) -> bytes:
    """pixels: (H, W, 1 or 3), u8. Chroma is not subsampled: brush strokes have sharp colour edges too."""
    return _encode(pixels, "JPEG", profile, exif_with(description, software), subsampling=0)


def encode_webp(pixels: Array, profile: bytes, description: str, software: str) -> bytes:
    """pixels: (H, W, 3 or 4), u8."""
    return _encode(pixels, "WEBP", profile, exif_with(description, software), lossless=False)


def _encode(pixels: Array, name: str, profile: bytes, exif: Image.Exif, **options: int) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    out = io.BytesIO()
    image.save(out, name, quality=QUALITY, icc_profile=profile or None, exif=exif.tobytes(), **options)
    return out.getvalue()


def _pixels(image: Image.Image, profile: bytes) -> Array:
    """Return the pixels (H, W, C) of a loaded image of any mode."""
    if image.mode == "CMYK":  # Pillow has already undone Adobe's inversion of the inks
        return from_cmyk(np.asarray(image), profile)
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
    elif image.mode.startswith("I"):
        return _grey16(np.asarray(image))
    elif image.mode != "F":
        image = image.convert(_plain_mode(image))
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], -1)


def _plain_mode(image: Image.Image) -> str:
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data or image.mode in ("La", "RGBa"):
        return "LA" if grey else "RGBA"
    return "L" if grey else "RGB"


def _grey16(values: Array) -> Array:
    """Convert Pillow's I modes, which hold 16 bits, sometimes in 32. Raises NotAPicture for real 32-bit samples."""
    if values.min() < 0 or values.max() > 65535:
        raise NotAPicture("It has 32-bit integer samples. Save it as TIFF with 16-bit or float samples.")
    return values.astype(np.uint16)[..., None]


def _is_truncated_webp(file: BinaryIO) -> bool:
    """Whether a WebP file is shorter than its RIFF header says. Pillow would only report that it cannot create a
    decoder."""
    start = file.read(12)
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    is_webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return is_webp and int.from_bytes(start[4:8], "little") + 8 > length
