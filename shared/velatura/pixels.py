"""Pixel formats, and pictures in memory and on the wire. Only the daemon converts between formats."""

from __future__ import annotations

import hashlib
import mmap
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter
from typing import Any

from velatura.errors import BadMessage, PictureTooSmall, WrongLength
from velatura.i18n import lazy_list, lazy_text
from velatura.short_repr import short_repr

CHANNELS = {"GRAY": 1, "GRAYA": 2, "RGB": 3, "RGBA": 4, "BGRA": 4}
SAMPLES = {"u8": 1, "u16": 2, "f16": 2, "f32": 4}  # bytes per sample, little-endian
CURVES = ("srgb", "linear")

SMALLEST_SIDE = 2  # pixels; one pixel has no texture to restyle
LARGEST_SIDE = 1 << 20
LARGEST_STYLE_SIDE = 4096  # pixels; a larger style adds no information
# Pixels around a selection that the network sees but that stay unchanged, so that strokes at its edge fit in.
SELECTION_CONTEXT = 64


@dataclass(frozen=True)
class PixelFormat:
    """How the pixels of a picture are encoded. Raises BadMessage for unknown values.

    channels: GRAY, GRAYA, RGB, RGBA or BGRA, interleaved, with straight alpha last.
    sample: u8, u16, f16 or f32, little-endian. Integers span 0 to 1.
    curve: srgb or linear, the encoding of the samples if there is no profile.
    profile: the bytes of an ICC profile, or empty. A profile overrides the curve.
    """

    channels: str = "RGBA"
    sample: str = "u8"
    curve: str = "srgb"
    profile: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("channels", self.channels, CHANNELS),
            ("sample", self.sample, SAMPLES),
            ("curve", self.curve, CURVES),
        ):
            if value not in allowed:
                raise BadMessage(
                    lazy_text(
                        "Unknown pixel {name} {value}. Supported: {known}.",
                        name=name,
                        value=short_repr(value),
                        known=lazy_list(list(allowed)),
                    )
                )

    @property
    def bytes_per_pixel(self) -> int:
        return CHANNELS[self.channels] * SAMPLES[self.sample]

    @property
    def has_alpha(self) -> bool:
        return self.channels in ("GRAYA", "RGBA", "BGRA")

    @property
    def is_grey(self) -> bool:
        return self.channels in ("GRAY", "GRAYA")


MASK_FORMAT = PixelFormat(channels="GRAY", sample="u8", curve="linear")  # 0 outside, 255 selected


def zeroed_buffer(size: int) -> memoryview:
    """Return a writable buffer of `size` zeros, at least one.

    It takes its memory page by page as it is written. A bytearray is cleared when it is made, which keeps an editor's
    main thread for 46 ms per 96 MB, and one that grows is copied now and then.
    """
    private = {"flags": mmap.MAP_PRIVATE} if os.name == "posix" else {}
    return memoryview(mmap.mmap(-1, size, **private))


def blob_hash(data: bytes | bytearray | memoryview) -> bytes:
    """Return the name of a blob: the SHA-256 of its bytes, 32 bytes."""
    return hashlib.sha256(data).digest()


@dataclass(frozen=True)
class PictureRef:
    """The description of a picture in a header. The pixels are sent separately, as a blob, and only once.

    blob: hash of the pixels, 32 bytes. profile: hash of the ICC profile, which is a blob of its own, or empty.
    Raises BadMessage or PictureTooSmall.
    """

    blob: bytes
    width: int
    height: int
    format: PixelFormat
    profile: bytes = b""

    def __post_init__(self) -> None:
        if type(self.width) is not int or type(self.height) is not int:
            raise BadMessage(lazy_text("The width and height of a picture must be whole numbers."))
        for name, value, lengths in (("blob", self.blob, (32,)), ("profile", self.profile, (0, 32))):
            if not isinstance(value, bytes) or len(value) not in lengths:
                raise BadMessage(lazy_text("The {name} of a picture must be a SHA-256 hash of 32 bytes.", name=name))
        if min(self.width, self.height) < SMALLEST_SIDE:
            raise PictureTooSmall(
                lazy_text(
                    "The picture is {width} × {height} pixels. It needs at least {least} × {least}. Use a larger "
                    "picture or part.",
                    width=self.width,
                    height=self.height,
                    least=SMALLEST_SIDE,
                )
            )
        if max(self.width, self.height) > LARGEST_SIDE:
            raise BadMessage(
                lazy_text(
                    "A picture with a side of {side} pixels is too large. The limit is {limit}.",
                    side=max(self.width, self.height),
                    limit=LARGEST_SIDE,
                )
            )

    @property
    def length(self) -> int:
        """The size of the pixels in bytes."""
        return self.width * self.height * self.format.bytes_per_pixel

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6

    @property
    def blobs(self) -> tuple[bytes, ...]:
        """The names of all blobs that are needed to read the picture."""
        return (self.blob, self.profile) if self.profile else (self.blob,)

    def to_wire(self) -> dict[str, Any]:
        fmt = self.format
        return {
            "blob": self.blob,
            "width": self.width,
            "height": self.height,
            "channels": fmt.channels,
            "sample": fmt.sample,
            "curve": fmt.curve,
            "profile": self.profile,
        }

    @classmethod
    def from_wire(cls, value: Any) -> PictureRef:
        """Parse the description in a header. Unknown fields are ignored. Raises BadMessage or PictureTooSmall."""
        if not isinstance(value, dict):
            raise BadMessage(
                lazy_text("A picture must be a map of blob, width, height, channels, sample, curve and profile.")
            )
        try:
            fmt = PixelFormat(value["channels"], value["sample"], value.get("curve", "srgb"))
            return cls(value["blob"], value["width"], value["height"], fmt, value.get("profile", b""))
        except (KeyError, TypeError) as error:
            raise BadMessage(lazy_text("The description of a picture is incomplete: {why}.", why=str(error))) from None


@dataclass(frozen=True)
class Picture:
    """Pixels in memory: rows from top to bottom, without padding.

    data: width · height · bytes_per_pixel bytes. Raises WrongLength if it has any other size.
    """

    width: int
    height: int
    format: PixelFormat
    data: bytes | bytearray | memoryview = field(repr=False)

    def __post_init__(self) -> None:
        expected = self.width * self.height * self.format.bytes_per_pixel
        if self.nbytes != expected:
            raise WrongLength(
                lazy_text(
                    "A {width} × {height} {channels} {sample} picture needs {expected} bytes, but {given} were given. "
                    "Read the picture again.",
                    width=self.width,
                    height=self.height,
                    channels=self.format.channels,
                    sample=self.format.sample,
                    expected=expected,
                    given=self.nbytes,
                )
            )

    @property
    def nbytes(self) -> int:
        return memoryview(self.data).nbytes

    @cached_property
    def ref(self) -> PictureRef:
        """The description of the picture.

        Hashes the pixels at the first use (about 10 ms for 16 MiB). They must not change after that.
        """
        profile = self.format.profile
        bare = replace(self.format, profile=b"")
        return PictureRef(blob_hash(self.data), self.width, self.height, bare, blob_hash(profile) if profile else b"")

    @property
    def blobs(self) -> dict[bytes, memoryview]:
        """The data to send for this picture, by blob name: the pixels, and the profile if there is one."""
        parts = (self.data, self.format.profile)
        return {name: memoryview(part).cast("B") for name, part in zip(self.ref.blobs, parts, strict=False)}


def reduced_mask(mask: Picture, width: int, height: int) -> Picture:
    """Return a mask (GRAY u8) at another size. Each pixel is that of its nearest one, which is enough for a preview.

    width, height: at least SMALLEST_SIDE.
    """
    if (mask.width, mask.height) == (width, height):
        return mask
    data, columns = memoryview(mask.data), [(2 * x + 1) * mask.width // (2 * width) for x in range(width)]
    take = itemgetter(*columns)
    rows = (data[(2 * y + 1) * mask.height // (2 * height) * mask.width :][: mask.width] for y in range(height))
    return Picture(width, height, mask.format, b"".join(bytes(take(row)) for row in rows))
