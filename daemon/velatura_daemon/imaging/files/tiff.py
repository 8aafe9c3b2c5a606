"""TIFF at any depth through tifffile. Palettes, YCbCr, Lab and JPEG-compressed strips go through Pillow: its libtiff
checks that JPEG strips have the size that the file declares."""

from __future__ import annotations

import io
import logging
import math
from typing import Any, BinaryIO

import numpy as np
import tifffile

from velatura.errors import NotAPicture
from velatura_daemon.imaging.files import pillow
from velatura_daemon.imaging.files.decode import SizeCheck
from velatura_daemon.imaging.files.exif import valid_orientation
from velatura_daemon.imaging.files.raster import (
    Array,
    Raster,
    from_cmyk,
    oriented,
    oriented_size,
    to_sample,
    unpremultiplied,
)

# Without a handler, tifffile's warnings about damaged files would reach the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

MINISWHITE, MINISBLACK, RGB, SEPARATED = 0, 1, 2, 5  # photometric interpretations
COLOURS = {MINISWHITE: 1, MINISBLACK: 1, RGB: 3, SEPARATED: 4}
REDUCED = 1  # bit of NewSubfileType: a thumbnail
ASSOCIATED, UNASSOCIATED = 1, 2  # kinds of extra sample: alpha, premultiplied or not
ORIENTATION = 274
# Compressions of bytes: none, fax, LZW, Deflate, PackBits, LZMA, Zstandard. The others embed a compressed picture. Its
# size may differ from what the TIFF header declares: 3 KB of JPEG 2000 took a gigabyte.
BYTE_COMPRESSIONS = (1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000)
MAX_TILE_SIDE = 1024  # pixels, for pictures smaller than a tile: a tile is decoded completely
MAX_SAMPLES = 64  # per pixel; a damaged header may declare 65,535, which would take all memory


def decode(file: BinaryIO, check_size: SizeCheck) -> Raster:
    """Decode the first page. Half and single float are kept; double and 32-bit integers become single float. Raises
    NotAPicture, and what check_size raises."""
    with tifffile.TiffFile(file) as tiff:
        if not len(tiff.pages):
            raise NotAPicture("The file is truncated. Copy or download it again.")
        page: Any = tiff.pages[0]
        if page.subfiletype & REDUCED:
            raise NotAPicture(
                "It starts with a thumbnail; it may be a camera's raw file. Develop it first, and save the result."
            )
        tag = page.tags.get(ORIENTATION)
        orientation = valid_orientation(tag.value if tag else 1)
        check_size(*oriented_size(page.imagewidth, page.imagelength, orientation))
        _check_complete(page, file)
        _check_tiles(page)
        if page.photometric in COLOURS and page.compression in BYTE_COMPRESSIONS:
            return _raster(page, orientation)
    file.seek(0)
    return pillow.decode(file, check_size)


def encode(pixels: Array, profile: bytes, description: str, software: str) -> bytes:
    """pixels: (H, W, C) of any sample type. Uses Deflate, with the predictor that every reader supports."""
    out = io.BytesIO()
    channels = pixels.shape[2]
    tifffile.imwrite(
        out,
        pixels[..., 0] if channels == 1 else pixels,
        photometric="minisblack" if channels <= 2 else "rgb",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="adobe_deflate",
        predictor=pixels.dtype.kind == "u",
        iccprofile=profile or None,
        description=description.encode(),
        software=software,
        metadata=None,
    )
    return out.getvalue()


def _check_complete(page: Any, file: BinaryIO) -> None:
    """Raise NotAPicture if strips or tiles are missing: tifffile would fill the gaps silently."""
    length = file.seek(0, io.SEEK_END)
    pieces = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if len(pieces) < math.prod(page.chunked) or any(not count or start + count > length for start, count in pieces):
        raise NotAPicture("The file is truncated. Copy or download it again.")


def _check_tiles(page: Any) -> None:
    """Raise NotAPicture for huge tiles. The tile of a small picture may be larger than the picture, but only up to a
    limit, since a tile is decoded completely."""
    if not page.is_tiled:
        return
    for tile, side in ((page.tilewidth, page.imagewidth), (page.tilelength, page.imagelength)):
        if tile > max(MAX_TILE_SIDE, 2 * side):
            raise NotAPicture(
                f"Its tiles of {page.tilewidth} × {page.tilelength} pixels are far larger than the picture. Resave it."
            )


def _raster(page: Any, orientation: int) -> Raster:
    pixels = _colour_last(page)
    pixels = _known_sample(pixels, page.bitspersample)
    colours = COLOURS[page.photometric]
    alpha_kind = _alpha_kind(page, colours)
    pixels = pixels[..., : colours + bool(alpha_kind)]
    if page.photometric == MINISWHITE:
        full = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
        pixels = np.concatenate([full - pixels[..., :1], pixels[..., 1:]], axis=2, dtype=pixels.dtype)
    if alpha_kind == ASSOCIATED:
        pixels = unpremultiplied(pixels)
    profile = page.iccprofile or b""
    if page.photometric == SEPARATED:
        if pixels.dtype.kind == "f":
            raise NotAPicture("It has CMYK inks as float samples. Convert it to RGB.")
        pixels = np.concatenate([from_cmyk(pixels[..., :4], profile), pixels[..., 4:]], axis=2)
        profile = b""
    curve = "linear" if page.dtype.kind == "f" else "srgb"
    return Raster(oriented(pixels, orientation), curve, profile)


def _colour_last(page: Any) -> Array:
    """Return (H, W, samples), whatever the order in the file. Raises NotAPicture."""
    samples = page.samplesperpixel
    if page.axes not in ("YX", "SYX", "YXS") or not COLOURS[page.photometric] <= samples <= MAX_SAMPLES:
        raise NotAPicture(f"It is not a flat picture (axes {page.axes}, {samples} channels). Export a single layer.")
    pixels: Array = page.asarray()
    if page.axes == "SYX":
        return np.moveaxis(pixels, 0, 2)
    return pixels.reshape(*pixels.shape[:2], -1)


def _known_sample(pixels: Array, bits: int) -> Array:
    if pixels.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a double too large for float32 becomes infinite, which is reported later
            return pixels.astype(np.float32) if pixels.dtype.itemsize > 4 else pixels
    if pixels.dtype.kind not in "ub" or bits > 32:
        raise NotAPicture(f"Its samples are {pixels.dtype}. Save it with 8-bit, 16-bit or float samples.")
    if bits in (8, 16):
        return pixels
    values = pixels / np.float64(2**bits - 1)  # 1, 2, 4, 10, 12, 14, 32 bits
    return to_sample(values, "f32" if bits > 16 else "u16" if bits > 8 else "u8")


def _alpha_kind(page: Any, colours: int) -> int:
    """Return the kind of the sample after the colours: ASSOCIATED, UNASSOCIATED, or 0 if it is not alpha."""
    if page.samplesperpixel <= colours:
        return 0
    if not page.extrasamples:  # not declared: most readers assume RGBA
        return UNASSOCIATED
    kind = int(page.extrasamples[0])
    return kind if kind in (ASSOCIATED, UNASSOCIATED) else 0
