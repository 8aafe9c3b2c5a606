"""JPEG, WebP and the other formats that are read and written through Pillow."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from velatura.errors import NotAPicture
from velatura.i18n import lazy_text, sentences
from velatura_daemon.imaging.files import isolated
from velatura_daemon.imaging.files.exif import orientation_of
from velatura_daemon.imaging.files.kinds import check_known
from velatura_daemon.imaging.files.limits import MAX_COMPOSED_MEGAPIXELS
from velatura_daemon.imaging.files.metadata import Metadata
from velatura_daemon.imaging.files.metadata.containers import XMP_HEADER
from velatura_daemon.imaging.files.metadata.write import xmp_of
from velatura_daemon.imaging.files.options import Pages, ReadOptions, SizeCheck
from velatura_daemon.imaging.files.raster import BAND_PIXELS, Array, Raster, by_rows, from_cmyk, oriented, oriented_size
from velatura_daemon.imaging.files.salvage import SalvagedJpeg, salvaged_jpeg
from velatura_daemon.imaging.files.structure import ADVICE, EXIF_HEADER, check, count_gif_frames, is_checked

Image.MAX_IMAGE_PIXELS = None  # check_size limits the size, with a clear message; Pillow would print a warning or raise

# Left out: ICO and ICNS contain other pictures, which Pillow decodes before their size can be checked. The picture
# inside an AVIF file may be larger than its header says. For EPS, Pillow would start Ghostscript. The other formats of
# Pillow are not written by painting programs.
COMMON_FORMATS = ("JPEG", "WEBP", "TIFF", "PNG", "GIF", "BMP", "DIB", "PPM")
SUPPORTED_FORMATS = (*COMMON_FORMATS, "TGA", "JPEG2000", "SGI", "PCX", "QOI", "DDS", "PSD")

# libtiff prints what it finds wrong with a file, and Pillow does not keep it from that: it runs in a process of its
# own. That process sets this to False, and so do the fuzzers.
isolates_libtiff = True

QUALITY = 95  # of JPEG and WebP, 0 to 100
MAX_EXIF = 65_527  # bytes, in a JPEG


class UnknownFormat(NotAPicture):
    """No decoder of Pillow recognises the file."""


def suffixes() -> frozenset[str]:
    """Return the file extensions of all formats that are read: lower case, with the dot."""
    Image.init()
    by_pillow = {suffix for suffix, kind in Image.registered_extensions().items() if kind in SUPPORTED_FORMATS}
    return frozenset(by_pillow | isolated.SUFFIXES | {".kra", ".ora"})


def decode(file: BinaryIO, check_size: SizeCheck, options: ReadOptions) -> Raster:
    """Decode to 8 bits per channel, or to 16-bit or float grey if Pillow provides that. A JPEG far larger than needed
    is decoded at a fraction of its size. Of a TIFF, all directories count as pages. Raises UsageError, NotAPicture, and
    what check_size raises."""
    if _is_truncated_webp(file):
        raise NotAPicture(lazy_text("The file is truncated. Copy or download it again."))
    check(file)
    try:
        Image.init()  # loads all of Pillow's plug-ins; formats not loaded yet would count as unknown
        image: Image.Image = Image.open(file, formats=[kind for kind in SUPPORTED_FORMATS if kind in Image.OPEN])
    except UnidentifiedImageError as error:
        check_known(file)
        if is_checked(file):
            raise UnknownFormat(lazy_text("Its header is damaged or truncated. Copy or download it again.")) from error
        raise UnknownFormat(
            lazy_text("Velatura cannot read this kind of file. Use a PNG, TIFF, JPEG or WebP picture.")
        ) from error
    upright = image.format == "TIFF"  # Pillow reports its upright size, and rotates the pixels itself while loading
    pages = _pages(image, file, options)
    index = pages.index_of(options.page)
    if upright:
        image.seek(index)  # whose size may be another one
    check_size(*oriented_size(*image.size, 1 if upright else orientation_of(image.getexif())))
    if upright and isolates_libtiff and _needs_libtiff(image):
        return isolated.decode(isolated.TIFF, Path(file.name), check_size, replace(options, page=index + 1))
    _draft(image, options.at_most)
    if not upright:
        _seek(image, index)
    notes: tuple[str, ...] = ()
    try:
        image.load()
    except OSError:
        if image.format not in ("JPEG", "MPO"):  # MPO: a JPEG followed by others, as phones write them
            raise
        salvaged = _salvaged_jpeg(file, options)
        if salvaged is None:
            raise
        image, notes = salvaged.image, (salvaged.note,) if salvaged.note else ()
    orientation = 1 if upright else orientation_of(image.getexif())
    profile = image.info.get("icc_profile") or b""
    pixels = _pixels(image, profile)
    curve = "linear" if pixels.dtype.kind == "f" else "srgb"
    # Lab and CMYK have been converted to sRGB by now. to_picture drops other profiles that are neither RGB nor grey.
    return Raster(oriented(pixels, orientation), curve, b"" if image.mode in ("LAB", "CMYK") else profile, pages, notes)


def _needs_libtiff(image: Image.Image) -> bool:
    tiles = getattr(image, "tile", [])
    return bool(tiles) and tiles[0][0] == "libtiff"


def _draft(image: Image.Image, at_most: int | None) -> None:
    """Let a JPEG far larger than at_most, the longest side that is needed, be decoded at a fraction of its size."""
    if at_most is not None and max(image.size) > at_most:
        # Twice the size, so that the Lanczos filter does most of the scaling.
        scale = 2 * at_most / max(image.size)
        image.draft(None, (max(1, int(image.width * scale)), max(1, int(image.height * scale))))


def _salvaged_jpeg(file: BinaryIO, options: ReadOptions) -> SalvagedJpeg | None:
    """Return a JPEG that is complete but for the mark of its end, or what there is of it if the options say so."""

    def load(data: bytes) -> Image.Image:
        image = Image.open(io.BytesIO(data), formats=["JPEG"])
        _draft(image, options.at_most)
        image.load()
        return image

    file.seek(0)
    try:
        salvaged = salvaged_jpeg(file.read(), load)
    except OSError:  # it ends in a table
        return None
    return None if salvaged.note and not options.salvage else salvaged


def _pages(image: Image.Image, file: BinaryIO, options: ReadOptions) -> Pages:
    if image.format == "GIF":
        place = file.tell()
        frames = count_gif_frames(file)
        file.seek(place)  # where Pillow goes on reading
        return Pages(max(1, frames), "frames")
    if image.format == "TIFF":
        return Pages(max(options.page or 1, 1))  # `tiff` has checked that there are so many
    return Pages(getattr(image, "n_frames", 1), "frames") if image.format in ("WEBP", "PNG") else Pages()


def _seek(image: Image.Image, index: int) -> None:
    """Go to a frame of an animation through all frames before it, which it may be composed of."""
    size = image.size
    if index * size[0] * size[1] > MAX_COMPOSED_MEGAPIXELS * 1e6:
        raise NotAPicture(
            lazy_text(
                "To show frame {frame}, all frames before it have to be drawn: {limit} megapixels are allowed for "
                "that. Export the frame as a picture of its own.",
                frame=index + 1,
                limit=MAX_COMPOSED_MEGAPIXELS,
            )
        )
    for number in range(1, index + 1):
        image.seek(number)
        if image.size != size:
            larger = lazy_text("Its frame {frame} is larger than the first one.", frame=number + 1)
            raise NotAPicture(sentences(larger, ADVICE))


def encode_jpeg(pixels: Array, profile: bytes, exif: bytes, metadata: Metadata) -> bytes:
    """pixels: (H, W, 1 or 3), u8. exif: at most MAX_EXIF bytes. metadata: of the photo. Chroma is not subsampled: brush
    strokes have sharp colour edges too."""
    packet = xmp_of(metadata)
    segment = b"\xff\xe1" + struct.pack(">H", len(XMP_HEADER + packet) + 2) + XMP_HEADER + packet if packet else b""
    dpi = {"dpi": metadata.dpi} if metadata.dpi is not None else {}
    return _encode(
        pixels, "JPEG", profile, exif=EXIF_HEADER + exif if exif else b"", extra=segment, subsampling=0, **dpi
    )


def encode_webp(pixels: Array, profile: bytes, exif: bytes, metadata: Metadata) -> bytes:
    """pixels: (H, W, 3 or 4), u8. metadata: of the photo."""
    return _encode(pixels, "WEBP", profile, exif=exif, xmp=xmp_of(metadata), lossless=False)


def _encode(pixels: Array, name: str, profile: bytes, **options: Any) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    out = io.BytesIO()
    image.save(out, name, quality=QUALITY, icc_profile=profile or None, **options)
    return out.getvalue()


def _pixels(image: Image.Image, profile: bytes) -> Array:
    """Return the pixels (H, W, C) of a loaded image of any mode."""
    if image.mode == "CMYK":  # Pillow has already undone Adobe's inversion of the inks
        return from_cmyk(_array(image, "CMYK"), profile)
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return _array(ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image, "RGB")
    if image.mode.startswith("I"):
        return _grey16(_array(image, image.mode))
    return _array(image, "F" if image.mode == "F" else _plain_mode(image))


def _array(image: Image.Image, mode: str) -> Array:
    """Convert to a mode and return (H, W, C). Works on bands of rows: Pillow copies what it returns twice."""

    def band(top: int, bottom: int) -> Array:
        part = image.crop((0, top, image.width, min(bottom, image.height)))
        return np.asarray(part if part.mode == mode else part.convert(mode))

    first = band(0, 1)
    pixels = np.empty((image.height, *first.shape[1:]), first.dtype)
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        pixels[top : top + rows] = band(top, top + rows)
    return pixels.reshape(*pixels.shape[:2], -1)


def _plain_mode(image: Image.Image) -> str:
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data or image.mode in ("La", "RGBa"):
        return "LA" if grey else "RGBA"
    return "L" if grey else "RGB"


def _grey16(values: Array) -> Array:
    """Convert Pillow's I modes, which hold 16 bits, sometimes in 32. Raises NotAPicture for real 32-bit samples."""
    if values.min() < 0 or values.max() > 65535:
        raise NotAPicture(lazy_text("It has 32-bit integer samples. Save it as TIFF with 16-bit or float samples."))
    return by_rows(values, lambda band: band, "u16", 1)


def _is_truncated_webp(file: BinaryIO) -> bool:
    """Whether a WebP file is shorter than its RIFF header says. Pillow would only report that it cannot create a
    decoder."""
    start = file.read(12)
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    is_webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return is_webp and int.from_bytes(start[4:8], "little") + 8 > length
