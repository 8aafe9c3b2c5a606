"""How pixels lie in memory, and a picture: a format, a size, bytes. No conversions here: the daemon does those."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from velatura.errors import BadMessage, PictureTooSmall, WrongLength
from velatura.short_repr import short_repr

CHANNELS = {"GRAY": 1, "GRAYA": 2, "RGB": 3, "RGBA": 4, "BGRA": 4}
SAMPLES = {"u8": 1, "u16": 2, "f16": 2, "f32": 4}  # bytes a sample, in the machine's (little-endian) order
CURVES = ("srgb", "linear")

SMALLEST_SIDE = 2  # pixels; one pixel has no texture to restyle
LARGEST_SIDE = 1 << 20
LARGEST_STYLE_SIDE = 4096  # pixels; a style says no more beyond that
SELECTION_CONTEXT = 64  # pixels around a selection that are seen, and stay: strokes at its edge go with what is there


@dataclass(frozen=True)
class PixelFormat:
    """channels: GRAY, GRAYA, RGB, RGBA or BGRA, interleaved, alpha last and not premultiplied.
    sample: u8, u16, f16, f32 (integers span 0 to 1; little-endian).
    curve: srgb or linear: how the samples encode light, where there is no profile.
    profile: ICC profile bytes, or empty. With one, it alone says what the numbers mean.
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
                raise BadMessage(f"Pixel {name} are {short_repr(value)}; Velatura knows {', '.join(allowed)}.")

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


def blob_hash(data: bytes | bytearray | memoryview) -> bytes:
    """The name of a blob: SHA-256 over its bytes, 32 bytes."""
    return hashlib.sha256(data).digest()


@dataclass(frozen=True)
class PictureRef:
    """A picture by name: what a header says of it. The bytes travel apart, once.

    blob: hash of the pixels. profile: hash of the ICC profile, or empty: profiles travel as blobs too.
    """

    blob: bytes
    width: int
    height: int
    format: PixelFormat
    profile: bytes = b""

    def __post_init__(self) -> None:
        if type(self.width) is not int or type(self.height) is not int:
            raise BadMessage("A picture's width and height are whole numbers.")
        for name, value, lengths in (("blob", self.blob, (32,)), ("profile", self.profile, (0, 32))):
            if not isinstance(value, bytes) or len(value) not in lengths:
                raise BadMessage(f"A picture's {name} is named by 32 bytes of SHA-256.")
        if min(self.width, self.height) < SMALLEST_SIDE:
            raise PictureTooSmall(
                f"The picture is {self.width} × {self.height} pixels; it needs at least "
                f"{SMALLEST_SIDE} a side. Choose a larger layer or selection."
            )
        if max(self.width, self.height) > LARGEST_SIDE:
            raise BadMessage(f"A picture's side of {max(self.width, self.height)} pixels is beyond the protocol.")

    @property
    def length(self) -> int:
        """Bytes in all."""
        return self.width * self.height * self.format.bytes_per_pixel

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6

    @property
    def blobs(self) -> tuple[bytes, ...]:
        """Everything that has to be there before the picture can be read."""
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
        """Raises BadMessage or PictureTooSmall; unknown fields are ignored."""
        if not isinstance(value, dict):
            raise BadMessage("A picture is a map of blob, width, height, channels, sample, curve and profile.")
        try:
            fmt = PixelFormat(value["channels"], value["sample"], value.get("curve", "srgb"))
            return cls(value["blob"], value["width"], value["height"], fmt, value.get("profile", b""))
        except (KeyError, TypeError) as error:
            raise BadMessage(f"A picture's description is not whole: {error}.") from None


@dataclass(frozen=True)
class Picture:
    """Pixels in memory, rows from the top, no padding. data: width · height · bytes_per_pixel bytes."""

    width: int
    height: int
    format: PixelFormat
    data: bytes | bytearray | memoryview = field(repr=False)

    def __post_init__(self) -> None:
        expected = self.width * self.height * self.format.bytes_per_pixel
        if self.nbytes != expected:
            raise WrongLength(
                f"A {self.width} × {self.height} {self.format.channels} {self.format.sample} picture "
                f"has {expected} bytes; {self.nbytes} came. Read the layer again."
            )

    @property
    def nbytes(self) -> int:
        return memoryview(self.data).nbytes

    @cached_property
    def ref(self) -> PictureRef:
        """Its name and shape. Hashes the pixels, once: some 10 ms for 16 MiB. The data must not change after."""
        profile = self.format.profile
        bare = replace(self.format, profile=b"")
        return PictureRef(blob_hash(self.data), self.width, self.height, bare, blob_hash(profile) if profile else b"")

    @property
    def blobs(self) -> dict[bytes, memoryview]:
        """What has to be sent for it, by name: the pixels, and the profile where there is one."""
        parts = (self.data, self.format.profile)
        return {name: memoryview(part).cast("B") for name, part in zip(self.ref.blobs, parts, strict=False)}
