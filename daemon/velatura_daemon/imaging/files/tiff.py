"""TIFF at any depth through tifffile. Palettes, YCbCr, 8-bit Lab and JPEG-compressed strips go through Pillow: its
libtiff checks that JPEG strips have the size that the file declares."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import tifffile

from velatura.errors import NotAPicture
from velatura.i18n import lazy_plural, lazy_text, sentences
from velatura_daemon.imaging.files import pillow
from velatura_daemon.imaging.files.cielab import lab16_to_srgb
from velatura_daemon.imaging.files.exif import valid_orientation
from velatura_daemon.imaging.files.kinds import RAW, check_known
from velatura_daemon.imaging.files.limits import (
    MAX_SAMPLES,
    MAX_TILE_SIDE,
    SEGMENT_BYTES_PER_PIXEL,
    SMALL_SEGMENT_BYTES,
)
from velatura_daemon.imaging.files.metadata import Metadata
from velatura_daemon.imaging.files.metadata.directory import add_directory
from velatura_daemon.imaging.files.metadata.tags import EXIF, XMP
from velatura_daemon.imaging.files.metadata.write import exposure_tags, text_tags, xmp_of
from velatura_daemon.imaging.files.options import OR_SALVAGE, Pages, ReadOptions, SizeCheck
from velatura_daemon.imaging.files.raster import (
    BAND_PIXELS,
    DTYPES,
    SAMPLE_NAMES,
    Array,
    Raster,
    by_rows,
    from_cmyk,
    oriented,
    oriented_size,
    to_sample,
    unpremultiplied,
)
from velatura_daemon.imaging.files.salvage import truncated_note
from velatura_daemon.imaging.files.structure import ADVICE, check_tiff, check_tiff_directories, tiff_directories

# Without a handler, tifffile's warnings about damaged files would reach the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

TRUNCATED = lazy_text("The file is truncated. Copy or download it again.")
SALVAGEABLE = sentences(TRUNCATED, OR_SALVAGE)
MINISWHITE, MINISBLACK, RGB, SEPARATED, CIELAB, ICCLAB = 0, 1, 2, 5, 8, 9  # photometric interpretations
COLOURS = {MINISWHITE: 1, MINISBLACK: 1, RGB: 3, SEPARATED: 4, CIELAB: 3, ICCLAB: 3}
REDUCED = 1  # bit of NewSubfileType: a thumbnail
ASSOCIATED, UNASSOCIATED = 1, 2  # kinds of extra sample: alpha, premultiplied or not
ORIENTATION, DNG_VERSION = 274, 50706
SEPARATE = 2  # planar configuration: each channel has strips of its own
# Translators: a kind of pixels, in "This is a 16-bit {space} TIFF."
GREY, PALETTE, CAMERA_RAW = lazy_text("grey"), lazy_text("palette"), lazy_text("camera raw")
PHOTOMETRIC_NAMES = {  # not translated: names
    0: GREY,
    1: GREY,
    2: "RGB",
    3: PALETTE,
    5: "CMYK",
    6: "YCbCr",
    8: "Lab",
    9: "Lab",
    10: "Lab",
    32803: CAMERA_RAW,
    32844: "LogL",
    32845: "LogLuv",
    34892: CAMERA_RAW,
}
# What a TIFF is that cannot be read, by (whether its compression can be read, whether its number of bits begins with a
# vowel in English).
DESCRIBED = {
    (True, False): lazy_text("This is a {bits}-bit {space} TIFF."),
    (True, True): lazy_text("This is an {bits}-bit {space} TIFF."),
    (False, False): lazy_text("This is a {bits}-bit {space} TIFF, with compression {compression}."),
    (False, True): lazy_text("This is an {bits}-bit {space} TIFF, with compression {compression}."),
}
DESCRIBED_FLOAT = {
    (True, False): lazy_text("This is a {bits}-bit float {space} TIFF."),
    (True, True): lazy_text("This is an {bits}-bit float {space} TIFF."),
    (False, False): lazy_text("This is a {bits}-bit float {space} TIFF, with compression {compression}."),
    (False, True): lazy_text("This is an {bits}-bit float {space} TIFF, with compression {compression}."),
}
# Compressions of bytes: none, fax, LZW, Deflate, PackBits, LZMA, Zstandard. The others embed a compressed picture. Its
# size may differ from what the TIFF header declares: 3 KB of JPEG 2000 took a gigabyte.
BYTE_COMPRESSIONS = (1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000)
WEBP_COMPRESSION = 50001  # Pillow's libtiff knows its name, but cannot decode it


def decode(file: BinaryIO, check_size: SizeCheck, options: ReadOptions) -> Raster:
    """Decode a page. Half and single float are kept; double and 32-bit integers become single float. Raises UsageError,
    NotAPicture, and what check_size raises."""
    check_known(file)  # a camera's raw file may be a TIFF whose first page is a preview
    check_tiff(file)
    directories = tiff_directories(file)
    numbers = [number for number, directory in enumerate(directories) if directory.is_page] or [0]
    pages = Pages(len(numbers))
    number = numbers[pages.index_of(options.page)]
    check_tiff_directories(file, directories[1 : number + 1])  # Pillow reads those before a page too
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        try:
            page: Any = tiff.pages.first  # reads no other directory
            if number:
                tiff.filehandle.seek(directories[number].at)
                page = tifffile.TiffPage(tiff, number)
        except IndexError as error:
            raise NotAPicture(TRUNCATED) from error
        if DNG_VERSION in page.tags:
            raise NotAPicture(RAW.format(format="DNG"))
        if page.subfiletype & REDUCED:
            raise NotAPicture(
                lazy_text(
                    "It starts with a thumbnail; it may be a camera's raw file. Develop it first, and save the result."
                )
            )
        tag = page.tags.get(ORIENTATION)
        orientation = valid_orientation(tag.value if tag else 1)
        check_size(*oriented_size(page.imagewidth, page.imagelength, orientation))
        decoded_here = _is_decoded_here(page)
        missing = _missing_segments(page, file)
        if missing and not (decoded_here and options.salvage):
            raise NotAPicture(SALVAGEABLE if decoded_here else TRUNCATED)
        _check_tiles(page)
        if decoded_here:
            notes = (truncated_note(missing, "empty"),) if missing else ()
            return replace(_raster(page, file, orientation, options.salvage), pages=pages, notes=notes)
    if page.compression == WEBP_COMPRESSION:
        raise NotAPicture(_described(page))
    file.seek(0)
    try:
        return replace(pillow.decode(file, check_size, replace(options, page=number + 1)), pages=pages)
    except pillow.UnknownFormat as error:
        raise NotAPicture(_described(page)) from error


def _is_decoded_here(page: Any) -> bool:
    lab = page.photometric in (CIELAB, ICCLAB)
    return (
        page.photometric in COLOURS
        and page.compression in BYTE_COMPRESSIONS
        and not (lab and page.dtype != np.dtype(np.uint16))
    )


def encode(pixels: Array, profile: bytes, description: str, software: str, metadata: Metadata) -> bytes:
    """pixels: (H, W, C) of any sample type. metadata: of the photo. Uses Deflate, with the predictor that every reader
    supports."""
    out = io.BytesIO()
    channels = pixels.shape[2]
    exposure = exposure_tags(metadata)
    extras: list[tuple[Any, ...]] = [(tag, "s", len(text), text, True) for tag, text in text_tags(metadata).items()]
    if packet := xmp_of(metadata):
        extras.append((XMP, "B", len(packet), packet, True))
    tifffile.imwrite(
        out,
        pixels[..., 0] if channels == 1 else pixels,
        byteorder="<",
        photometric="minisblack" if channels <= 2 else "rgb",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="adobe_deflate",
        predictor=pixels.dtype.kind == "u",
        iccprofile=profile or None,
        description=description.encode() or None,
        software=software or False,
        metadata=None,
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi else None,
        extratags=extras,
    )
    if exposure:
        add_directory(out, EXIF, exposure)  # tifffile writes no other directories
    return out.getvalue()


def _described(page: Any) -> str:
    """A sentence for a kind of TIFF that no decoder here reads."""
    space = PHOTOMETRIC_NAMES.get(page.photometric, lazy_text("type {number}", number=int(page.photometric)))
    bits, is_plain = str(page.bitspersample), page.compression in BYTE_COMPRESSIONS
    is_float = page.dtype is not None and page.dtype.kind == "f"
    kind = (DESCRIBED_FLOAT if is_float else DESCRIBED)[is_plain, bits.startswith(("8", "11", "18"))]
    packing = str(getattr(page.compression, "name", page.compression))
    way_out = lazy_text("Convert it to RGB.") if is_plain else lazy_text("Convert it to RGB with Deflate.")
    return sentences(kind.format(bits=bits, space=space, compression=packing), way_out)


def _missing_segments(page: Any, file: BinaryIO) -> float:
    """Return which fraction of the strips or tiles is missing, 0 to 1: tifffile would fill the gaps silently. One that
    is cut short counts as missing."""
    length = file.seek(0, io.SEEK_END)
    pieces, expected = min(len(page.dataoffsets), len(page.databytecounts)), math.prod(page.chunked)
    starts, counts = (
        np.array(values[:pieces], dtype=object) for values in (page.dataoffsets, page.databytecounts)
    )  # as objects, since 64-bit values may overflow when they are added
    missing = max(0, expected - pieces) + int(((counts == 0) | (starts + counts > length)).sum() if pieces else 0)
    return float(min(1.0, missing / max(1, expected)))


def _check_tiles(page: Any) -> None:
    """Raise NotAPicture for huge tiles. The tile of a small picture may be larger than the picture, but only up to a
    limit, since a tile is decoded completely."""
    if not page.is_tiled:
        return
    for tile, side in ((page.tilewidth, page.imagewidth), (page.tilelength, page.imagelength)):
        if tile > max(MAX_TILE_SIDE, 2 * side):
            raise NotAPicture(
                lazy_text(
                    "Its tiles of {width} × {height} pixels are far larger than the picture. Resave it.",
                    width=page.tilewidth,
                    height=page.tilelength,
                )
            )


def _raster(page: Any, file: BinaryIO, orientation: int, salvage: bool) -> Raster:
    colours, samples = COLOURS[page.photometric], page.samplesperpixel
    if page.axes not in ("YX", "SYX", "YXS") or not colours <= samples <= MAX_SAMPLES:
        raise NotAPicture(
            lazy_plural(
                "It is not a flat picture (axes {axes}, {count} channel). Export a single layer.",
                "It is not a flat picture (axes {axes}, {count} channels). Export a single layer.",
                samples,
                axes=page.axes,
            )
        )
    alpha, alpha_kind = _alpha(page, colours)
    pixels = _samples(page, file, [*range(colours), *([alpha] if alpha else [])], salvage)
    if page.photometric == MINISWHITE:
        pixels = by_rows(pixels, _inverted, SAMPLE_NAMES[pixels.dtype], pixels.shape[2])
    if alpha_kind == ASSOCIATED:
        pixels = unpremultiplied(pixels)
    profile = page.iccprofile or b""
    if page.photometric == SEPARATED:
        if pixels.dtype.kind == "f":
            raise NotAPicture(lazy_text("It has CMYK inks as float samples. Convert it to RGB."))
        pixels = np.concatenate([from_cmyk(pixels[..., :4], profile), pixels[..., 4:]], axis=2)
        profile = b""
    if page.photometric in (CIELAB, ICCLAB):
        lab = lab16_to_srgb(pixels[..., :3], signed=page.photometric == CIELAB)
        pixels, profile = np.concatenate([lab, pixels[..., 3:]], axis=2), b""
    curve = "linear" if page.dtype.kind == "f" else "srgb"
    return Raster(oriented(pixels, orientation), curve, profile)


def _samples(page: Any, file: BinaryIO, channels: Sequence[int], salvage: bool) -> Array:
    """Decode a part of the picture at a time, and keep these channels of each pixel: (H, W, C). salvage: what is
    missing stays 0. Raises NotAPicture."""
    sample = _sample(page)
    pixels = (np.zeros if salvage else np.empty)((page.imagelength, page.imagewidth, len(channels)), DTYPES[sample])
    for top, left, first, part in _parts(page, file, channels, salvage):
        place = pixels[top : top + part.shape[0], left : left + part.shape[1]]
        for index, channel in enumerate(channels):
            if first <= channel < first + part.shape[2]:
                place[..., index : index + 1] = _known_sample(
                    part[..., channel - first : channel - first + 1], page.bitspersample, sample
                )
    return pixels


def _parts(page: Any, file: BinaryIO, channels: Sequence[int], salvage: bool) -> Iterator[tuple[int, int, int, Array]]:
    """Yield (top, left, first channel, samples (h, w, C)) of rows, strips or tiles. Raises NotAPicture."""
    width, height, samples = page.imagewidth, page.imagelength, page.samplesperpixel
    planes = channels if page.planarconfig == SEPARATE and samples > 1 else ()
    if page.is_final:  # its bytes are the samples: rows can be read from any place
        dtype = page.dtype.newbyteorder(page.parent.byteorder)
        in_row = width if planes else width * samples
        rows = max(1, BAND_PIXELS // in_row)
        for plane in planes or (0,):
            for top in range(0, height, rows):
                file.seek(page.dataoffsets[0] + (plane * height + top) * in_row * dtype.itemsize)
                size = min(rows, height - top) * in_row * dtype.itemsize
                data = file.read(size)
                if len(data) < size:  # the declared length of the only strip was not checked against the size
                    if not salvage:
                        raise NotAPicture(SALVAGEABLE)
                    data += bytes(size - len(data))
                yield top, 0, plane, np.frombuffer(data, dtype).reshape(-1, width, in_row // width)
        return
    segment_bytes = math.prod(page.chunks) * page.dtype.itemsize
    if segment_bytes > max(SMALL_SEGMENT_BYTES, SEGMENT_BYTES_PER_PIXEL * width * height):
        too_much = lazy_plural(
            "Its {count} channel of {bits} bits is in strips or tiles of {mb:.0f} MB, which is too much for "
            "{width} × {height} pixels.",
            "Its {count} channels of {bits} bits are in strips or tiles of {mb:.0f} MB, which is too much for "
            "{width} × {height} pixels.",
            samples,
            bits=str(page.bitspersample),
            mb=segment_bytes / 1e6,
            width=width,
            height=height,
        )
        raise NotAPicture(sentences(too_much, ADVICE))
    length = file.seek(0, io.SEEK_END)
    for index in range(math.prod(page.chunked)):
        _, (plane, _, top, left, _), _ = page.decode(None, index)  # without data it only returns the position
        if planes and plane not in planes:
            continue
        if salvage and not _is_present(page, index, length):
            continue
        file.seek(page.dataoffsets[index])
        segment, _, shape = page.decode(file.read(page.databytecounts[index]), index)
        yield top, left, plane, segment[0, : min(shape[1], height - top), : min(shape[2], width - left)]


def _is_present(page: Any, index: int, length: int) -> bool:
    if index >= min(len(page.dataoffsets), len(page.databytecounts)):
        return False
    return bool(page.databytecounts[index]) and page.dataoffsets[index] + page.databytecounts[index] <= length


def _sample(page: Any) -> str:
    """Return the sample type to convert to. Raises NotAPicture."""
    kind, bits = page.dtype.kind, page.bitspersample
    if kind == "f":
        return "f16" if page.dtype.itemsize == 2 else "f32"
    if kind not in "ub" or bits > 32:
        raise NotAPicture(
            lazy_text("Its samples are {type}. Save it with 8-bit, 16-bit or float samples.", type=str(page.dtype))
        )
    return "f32" if bits > 16 else "u16" if bits > 8 else "u8"


def _known_sample(pixels: Array, bits: int, sample: str) -> Array:
    if pixels.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a double too large for float32 becomes infinite, which is reported later
            return pixels.astype(DTYPES[sample], copy=False)
    if bits in (8, 16):
        return pixels
    full = np.float64(2**bits - 1)  # 1, 2, 4, 10, 12, 14, 32 bits
    return by_rows(pixels, lambda band: to_sample(band / full, sample), sample, pixels.shape[2])


def _inverted(pixels: Array) -> Array:
    """Swap black and white, but not alpha."""
    full = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    return np.concatenate([full - pixels[..., :1], pixels[..., 1:]], axis=2, dtype=pixels.dtype)


def _alpha(page: Any, colours: int) -> tuple[int, int]:
    """Return the number of the alpha channel, and its kind, ASSOCIATED or UNASSOCIATED; 0, 0 if there is none."""
    if page.samplesperpixel <= colours:
        return 0, 0
    if not page.extrasamples:  # not declared: most readers assume RGBA
        return colours, UNASSOCIATED
    for number, kind in enumerate(page.extrasamples[: page.samplesperpixel - colours]):
        if kind in (ASSOCIATED, UNASSOCIATED):
            return colours + number, int(kind)
    return 0, 0
