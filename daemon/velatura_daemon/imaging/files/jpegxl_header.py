"""The header and the boxes of a JPEG XL file (ISO/IEC 18181-1, annex D; 18181-2), of which its decoder tells nothing:
size, colour space, premultiplied alpha, animation, metadata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from velatura.errors import NotAPicture
from velatura.i18n import lazy_text
from velatura_daemon.imaging.files.colour_codes import D65, DCI, PRIMARIES, SRGB, SRGB_CURVE, Primaries
from velatura_daemon.imaging.files.limits import MAX_METADATA_VALUE

CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
CODESTREAM = b"\xff\x0a"
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height
MAX_BOXES = 1000
HEADER_BYTES = 8192  # in which the header is, unless extra channels have very many long names
SMALLEST_HEADER = 12  # with what follows it
MAX_EXTRA_CHANNELS = 256

# Numbers of variable length: two bits choose (bits, what is added to them).
Choices = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
SIDE: Choices = ((9, 1), (13, 1), (18, 1), (30, 1))
ENUM: Choices = ((0, 0), (0, 1), (4, 2), (6, 18))
INTEGER_BITS: Choices = ((0, 8), (0, 10), (0, 12), (6, 1))
FLOAT_BITS: Choices = ((0, 32), (0, 16), (0, 24), (6, 1))
PREVIEW_EIGHTHS: Choices = ((0, 16), (0, 32), (5, 1), (9, 33))
PREVIEW_SIDE: Choices = ((6, 1), (8, 65), (10, 321), (12, 1345))
TICKS: Choices = ((0, 100), (0, 1000), (10, 1), (30, 1))
TICK_DIVISORS: Choices = ((0, 1), (0, 1001), (8, 1), (10, 1))
LOOPS: Choices = ((0, 0), (3, 0), (16, 0), (32, 0))
EXTRA_CHANNELS: Choices = ((0, 0), (0, 1), (4, 2), (12, 1))
SHIFT: Choices = ((0, 0), (0, 3), (0, 4), (3, 1))
NAME_LENGTH: Choices = ((0, 0), (4, 0), (5, 16), (10, 48))
FILTER_NUMBER: Choices = ((0, 1), (2, 0), (4, 3), (8, 19))
PLACE: Choices = ((19, 0), (19, 1 << 19), (20, 1 << 20), (21, 1 << 21))
ALPHA, SPOT_COLOUR, COLOUR_FILTER = 0, 2, 5  # types of extra channels
GREY, XYB = 1, 2  # colour spaces
CUSTOM = 2  # white or primaries
WHITES = {1: D65, 10: (1 / 3, 1 / 3), 11: DCI}
COLOURS = {1: SRGB, 9: PRIMARIES[9], 11: PRIMARIES[11]}


@dataclass(frozen=True)
class Header:
    """width, height: as stored; orientation is not applied. is_premultiplied: colour by alpha. has_profile: its colours
    are described by an ICC profile. primaries: None if they are not known. transfer: as in ITU-T H.273. gamma: the
    exponent of encoding in units of 10⁻⁷, instead of the transfer; 0 if there is none."""

    width: int
    height: int
    is_animation: bool = False
    is_premultiplied: bool = False
    has_profile: bool = False
    primaries: Primaries | None = SRGB
    transfer: int = SRGB_CURVE
    gamma: int = 0


class _Bits:
    """The bits of a codestream, the lowest one of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value, self._bits = self._bits & ((1 << count) - 1), self._bits >> count
        return value

    def number(self, choices: Choices) -> int:
        bits, added = choices[self.take(2)]
        return self.take(bits) + added


def header_of(data: bytes) -> Header:
    """Read the header of a file. Raises NotAPicture."""
    start = _codestream(data)
    if not start.startswith(CODESTREAM) or len(start) < SMALLEST_HEADER:
        raise NotAPicture(lazy_text("The file is truncated. Copy or download it again."))
    bits = _Bits(start[len(CODESTREAM) :])
    width, height = _size(bits)
    if bits.take(1):  # all else is as in most files
        return Header(width, height)
    has_extras = bits.take(1)
    is_animation = bool(has_extras) and _skip_extras(bits)
    _skip_depth(bits)
    bits.take(1)  # whether 16 bits are enough
    is_premultiplied = False
    for _ in range(min(bits.number(EXTRA_CHANNELS), MAX_EXTRA_CHANNELS)):
        is_premultiplied |= _is_premultiplying(bits)
    bits.take(1)  # whether it is stored in XYB
    return _with_colours(Header(width, height, is_animation, is_premultiplied), bits)


def metadata_of(data: bytes) -> tuple[bytes, bytes]:
    """Return the EXIF data and the XMP packet of a file, b'' if there is none."""
    import imagecodecs

    found = {b"Exif": b"", b"xml ": b""}
    for kind, begin, end in _boxes(data):
        content = data[begin:end]
        if kind == b"brob" and content[:4] in found:  # compressed
            kind, content = content[:4], bytes(imagecodecs.brotli_decode(content[4:]))
        if kind in found and not found[kind] and len(content) <= MAX_METADATA_VALUE:
            found[kind] = content
    exif = found[b"Exif"]
    return exif[4 + int.from_bytes(exif[:4], "big") :], found[b"xml "]


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)  # then sides are multiples of 8

    def side() -> int:
        return 8 * (bits.take(5) + 1) if small else bits.number(SIDE)

    height = side()
    ratio = bits.take(3)
    return (_by_ratio(height, ratio) if ratio else side()), height


def _by_ratio(height: int, ratio: int) -> int:
    across, down = RATIOS[ratio - 1]
    return height * across // down


def _skip_extras(bits: _Bits) -> bool:
    """Go behind orientation, intrinsic size, preview and animation. Returns whether it is an animation."""
    bits.take(3)
    if bits.take(1):
        _size(bits)
    if bits.take(1):
        choices = PREVIEW_EIGHTHS if bits.take(1) else PREVIEW_SIDE
        bits.number(choices)
        if not bits.take(3):
            bits.number(choices)
    is_animation = bool(bits.take(1))
    if is_animation:
        for choices in (TICKS, TICK_DIVISORS, LOOPS):
            bits.number(choices)
        bits.take(1)
    return is_animation


def _skip_depth(bits: _Bits) -> None:
    if bits.take(1):
        bits.number(FLOAT_BITS)
        bits.take(4)
    else:
        bits.number(INTEGER_BITS)


def _is_premultiplying(bits: _Bits) -> bool:
    """Go behind an extra channel. Returns whether it is alpha by which colour is multiplied."""
    if bits.take(1):
        return False
    kind = bits.number(ENUM)
    _skip_depth(bits)
    bits.number(SHIFT)
    bits.take(8 * bits.number(NAME_LENGTH))
    if kind == SPOT_COLOUR:
        bits.take(4 * 16)
    elif kind == COLOUR_FILTER:
        bits.number(FILTER_NUMBER)
    return kind == ALPHA and bool(bits.take(1))


def _with_colours(header: Header, bits: _Bits) -> Header:
    if bits.take(1):
        return header
    has_profile, space = bits.take(1), bits.number(ENUM)
    if has_profile:
        return replace(header, has_profile=True)
    if space == XYB:
        return replace(header, primaries=None)
    white_number = bits.number(ENUM)
    white = _place(bits) if white_number == CUSTOM else WHITES.get(white_number)
    primaries = SRGB if space == GREY else _primaries(bits)
    known = replace(primaries, white=white) if white and primaries else None
    if bits.take(1):
        return replace(header, primaries=known, gamma=bits.take(24))
    return replace(header, primaries=known, transfer=bits.number(ENUM))


def _primaries(bits: _Bits) -> Primaries | None:
    number = bits.number(ENUM)
    return Primaries(D65, _place(bits), _place(bits), _place(bits)) if number == CUSTOM else COLOURS.get(number)


def _place(bits: _Bits) -> tuple[float, float]:
    """Return CIE 1931 (x, y), each stored as millionths whose lowest bit is the sign."""
    x, y = ((-1 - value // 2 if value % 2 else value // 2) / 1e6 for value in (bits.number(PLACE), bits.number(PLACE)))
    return x, y


def _codestream(data: bytes) -> bytes:
    """Return the start of the codestream, which may be in boxes."""
    if not data.startswith(CONTAINER):
        return data[:HEADER_BYTES]
    start = b""
    for kind, begin, end in _boxes(data):
        if kind in (b"jxlc", b"jxlp"):
            start += data[begin + (4 if kind == b"jxlp" else 0) : end][:HEADER_BYTES]
        if len(start) >= HEADER_BYTES:
            break
    return start


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each box of a container, and where its content begins and ends."""
    at = 0
    for _ in range(MAX_BOXES if data.startswith(CONTAINER) else 0):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = at + size if size else len(data)  # 0: up to the end of the file
        if end < at + head or len(kind) < 4:
            return
        yield kind, at + head, min(end, len(data))
        at = end
