"""The merged picture of Photoshop documents with 16 or 32 bits, as in Adobe's "Photoshop File Formats Specification"
(2019). Pillow reads those with 8 bits. Layers are not read."""

from __future__ import annotations

import struct
from typing import BinaryIO

import imagecodecs
import numpy as np

from velatura.errors import NotAPicture
from velatura.i18n import lazy_plural, lazy_text, sentences
from velatura_daemon.imaging.files.cielab import lab16_to_srgb
from velatura_daemon.imaging.files.limits import MAX_PROFILE_BYTES
from velatura_daemon.imaging.files.options import Pages, ReadOptions, SizeCheck
from velatura_daemon.imaging.files.raster import Array, Raster, from_cmyk
from velatura_daemon.imaging.files.structure import check_psd

SIGNATURE = b"8BPS"
HEADER = struct.Struct(">4sH6xHIIHH")  # signature, version, channels, height, width, depth, mode
GREY, RGB, CMYK, LAB = 1, 3, 4, 9
# Translators: modes of a Photoshop document, in "This is a 16-bit {mode} Photoshop document."
MODES = {0: lazy_text("bitmap"), 2: lazy_text("palette"), 7: lazy_text("multichannel"), 8: lazy_text("duotone")}
COLOURS = {GREY: 1, RGB: 3, CMYK: 4, LAB: 3}
RAW, RUN_LENGTHS = 0, 1
PROFILE = 1039  # the number of the resource
TRUNCATED = lazy_text("The file is truncated. Copy or download it again.")
ADVICE = lazy_text("Save it as 8-bit or 16-bit RGB, or export a PNG.")


def depth_of(start: bytes) -> int:
    """Return the bits per sample from the first bytes of a PSD."""
    return int.from_bytes(start[22:24], "big")


def decode(file: BinaryIO, check_size: SizeCheck, options: ReadOptions) -> Raster:
    """Decode 16-bit integers to u16, 32-bit floats to linear light. Raises UsageError, NotAPicture, and what check_size
    raises."""
    Pages(noun="pictures").index_of(options.page)
    check_psd(file)
    file.seek(0)
    header = file.read(HEADER.size)
    if len(header) < HEADER.size:
        raise NotAPicture(TRUNCATED)
    _, version, channels, height, width, depth, mode = HEADER.unpack(header)
    colours = COLOURS.get(mode)
    if version != 1 or depth not in (16, 32) or colours is None or (depth == 32 and mode not in (GREY, RGB)):
        kind = lazy_text(
            "This is a {depth}-bit {mode} Photoshop document.",
            depth=depth,
            mode=MODES.get(mode, lazy_text("mode {number}", number=mode)),
        )
        raise NotAPicture(sentences(kind, ADVICE))
    if not colours <= channels <= 56:
        unusual = lazy_plural(
            "This Photoshop document has {count} channel.", "This Photoshop document has {count} channels.", channels
        )
        raise NotAPicture(sentences(unusual, ADVICE))
    check_size(width, height)
    _skip_block(file)
    profile = _profile(file)
    has_alpha = _has_transparency(file) and channels > colours
    planes = _planes(file, (channels, height, width), depth // 8, colours + has_alpha)
    alpha = planes[..., colours:]
    if depth == 32:
        return Raster(planes, "linear", profile)
    if mode == CMYK:  # in which 0 is all ink
        planes, profile = np.concatenate([from_cmyk(65535 - planes[..., :4], profile), alpha], axis=2), b""
    elif mode == LAB:
        planes, profile = np.concatenate([lab16_to_srgb(planes[..., :3], signed=False), alpha], axis=2), b""
    return Raster(planes, profile=profile)


def _number(file: BinaryIO, size: int) -> int:
    return int.from_bytes(file.read(size), "big")


def _skip_block(file: BinaryIO) -> None:
    size = _number(file, 4)
    file.seek(size, 1)


def _profile(file: BinaryIO) -> bytes:
    """Return the ICC profile in the image resources, and go behind them."""
    size = _number(file, 4)
    end, profile = file.tell() + size, b""
    while file.tell() + 12 <= end and file.read(4) == b"8BIM":  # `check_psd` has counted them
        number, name = _number(file, 2), _number(file, 1)
        file.seek(name + (name + 1) % 2, 1)
        length = _number(file, 4)
        if number == PROFILE and length <= MAX_PROFILE_BYTES:
            profile = file.read(length)
            break
        file.seek(length + length % 2, 1)
    file.seek(end)
    return profile


def _has_transparency(file: BinaryIO) -> bool:
    """Whether the first channel after the colours is transparency: then the number of layers is negative. Goes behind
    the layers."""
    size = _number(file, 4)
    end = file.tell() + size
    layers = file.read(6) if size >= 6 else b""
    is_empty = not any(layers[:4])
    if is_empty and size > 20:  # with 16 bits, they are in an extra block: a mask's length, signature, name, length
        file.seek(end - size + 4)
        rest = file.read(min(size, 64))
        at = max(rest.find(b"Lr16"), rest.find(b"Lr32"))
        layers = b"\0\0\0\1" + rest[at + 8 : at + 10] if at >= 0 else b""
    file.seek(end)
    return len(layers) == 6 and int.from_bytes(layers[4:], "big", signed=True) < 0


def _planes(file: BinaryIO, shape: tuple[int, int, int], item: int, wanted: int) -> Array:
    """Read the first channels of the merged picture: (H, W, wanted). shape: (channels, H, W). item: bytes a sample."""
    channels, height, width = shape
    dtype = np.dtype(">u2" if item == 2 else ">f4")
    pixels = np.empty((height, width, wanted), dtype.newbyteorder("<"))
    compression, row_bytes = _number(file, 2), width * item
    if compression not in (RAW, RUN_LENGTHS):
        zipped = lazy_text("This Photoshop document's merged picture is compressed with ZIP.")
        raise NotAPicture(sentences(zipped, ADVICE))
    counts = [row_bytes] * (channels * height)
    if compression == RUN_LENGTHS:
        table = file.read(2 * channels * height)
        counts = list(struct.unpack(f">{len(table) // 2}H", table[: len(table) // 2 * 2]))
    if len(counts) < channels * height:
        raise NotAPicture(TRUNCATED)
    for row in range(wanted * height):
        data: bytes | bytearray = file.read(counts[row])
        if compression == RUN_LENGTHS:  # a byte of run lengths stands for at most 128 bytes
            data = imagecodecs.packbits_decode(data)
        if len(data) < row_bytes:
            raise NotAPicture(TRUNCATED)
        pixels[row % height, :, row // height] = np.frombuffer(data, dtype, width)
    return pixels
