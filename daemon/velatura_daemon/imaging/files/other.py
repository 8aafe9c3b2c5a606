"""JPEG, WebP and what else of Pillow's a painter has."""

from __future__ import annotations

import io
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from velatura.errors import NotAPicture
from velatura_daemon.imaging.files.decode import SizeCheck
from velatura_daemon.imaging.files.exif import exif_with, orientation_of
from velatura_daemon.imaging.files.raster import Array, Raster, from_cmyk, oriented, oriented_size

Image.MAX_IMAGE_PIXELS = None  # check_size limits the size, with a sentence; Pillow would print, or raise

# Not ICO and ICNS: they hold other pictures, which are decoded before anybody can ask for their size; nor AVIF, whose
# inner picture may be larger than it says. Not EPS: Pillow would start Ghostscript on it. Not what no painting program
# saves.
KINDS = (
    "JPEG",
    "WEBP",
    "TIFF",
    "PNG",
    "GIF",
    "BMP",
    "DIB",
    "PPM",
    "TGA",
    "JPEG2000",
    "SGI",
    "PCX",
    "QOI",
    "DDS",
    "PSD",
)

QUALITY = 95


def suffixes() -> frozenset[str]:
    """How the names of files end that these kinds are in: lower case, with the dot."""
    Image.init()
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in KINDS)


def decode(file: BinaryIO, check_size: SizeCheck) -> Raster:
    """8 bits a channel, but 16 and float where Pillow has them for grey."""
    if _webp_ends_early(file):
        raise NotAPicture("The file ends early: it is truncated. Copy or download it again.")
    try:
        Image.init()  # else what Pillow has not looked for yet it takes for unknown
        image: Image.Image = Image.open(file, formats=[kind for kind in KINDS if kind in Image.OPEN])
    except UnidentifiedImageError as error:
        raise NotAPicture("This is not a picture that Velatura can read. Give a PNG, TIFF, JPEG or WebP.") from error
    check_size(*oriented_size(*image.size, orientation_of(image.getexif())))
    image.load()
    orientation = orientation_of(image.getexif())  # again: for TIFF, Pillow turns the pixels itself while loading
    profile = image.info.get("icc_profile") or b""
    pixels = _pixels(image, profile)
    curve = "linear" if pixels.dtype.kind == "f" else "srgb"
    # What Pillow or we converted to RGB is sRGB now; to_picture drops a profile that is not of RGB or grey.
    kept = b"" if image.mode in ("LAB", "CMYK") else profile
    return Raster(oriented(pixels, orientation), curve, kept)


def encode_jpeg(pixels: Array, profile: bytes, description: str, software: str) -> bytes:
    """pixels: (H, W, 1 or 3), u8. No chroma subsampling: brush strokes are sharp in colour too."""
    return _saved(pixels, "JPEG", profile, exif_with(description, software), subsampling=0)


def encode_webp(pixels: Array, profile: bytes, description: str, software: str) -> bytes:
    """pixels: (H, W, 3 or 4), u8."""
    return _saved(pixels, "WEBP", profile, exif_with(description, software), lossless=False)


def _saved(pixels: Array, name: str, profile: bytes, exif: Image.Exif, **options: int) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    out = io.BytesIO()
    image.save(out, name, quality=QUALITY, icc_profile=profile or None, exif=exif.tobytes(), **options)
    return out.getvalue()


def _pixels(image: Image.Image, profile: bytes) -> Array:
    """(H, W, C) of a loaded image of any mode."""
    if image.mode == "CMYK":  # Pillow has turned Adobe's inverted inks round
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
    """Pillow's I modes: 16 bits, sometimes in 32."""
    if values.min() < 0 or values.max() > 65535:
        raise NotAPicture("Its samples have 32 bits. Save it as TIFF with 16-bit or float samples.")
    return values.astype(np.uint16)[..., None]


def _webp_ends_early(file: BinaryIO) -> bool:
    """RIFF says its length; Pillow only says that it cannot make a decoder."""
    start = file.read(12)
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    is_webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return is_webp and int.from_bytes(start[4:8], "little") + 8 > length
