"""JPEG XL files with headers that its encoder here cannot write: colour spaces, animations, premultiplied alpha."""

from __future__ import annotations

import imagecodecs

from tests.support.picture_files import Array

SIDES = 32  # of the pictures: a small size in the header, square
Field = tuple[int, int]  # bits, value

RGB_SPACE: list[Field] = [(1, 0), (1, 0), (2, 0)]  # not the usual one, without a profile
WITH_PROFILE: list[Field] = [(1, 0), (1, 1), (2, 0)]
USUAL: list[Field] = [(1, 1)]


def enum(value: int) -> list[Field]:
    return [(2, value)] if value < 2 else [(2, 2), (4, value - 2)] if value < 18 else [(2, 3), (6, value - 18)]


def place(x: float, y: float) -> list[Field]:
    """CIE 1931 coordinates, from 0 to 1: millionths, with a sign as the lowest bit."""
    fields: list[Field] = []
    for number in (2 * round(x * 1e6), 2 * round(y * 1e6)):
        choice = 0 if number < 1 << 19 else 1 if number < 1 << 20 else 2
        fields += [(2, choice), ((19, 19, 20)[choice], number - (0, 1 << 19, 1 << 20)[choice])]
    return fields


def space(white: int, primaries: int, transfer: int) -> list[Field]:
    return [*RGB_SPACE, *enum(white), *enum(primaries), (1, 0), *enum(transfer), *enum(0)]


def gamma_space(exponent: float, corners: list[tuple[float, float]]) -> list[Field]:
    """Primaries at these places, and an exponent of encoding."""
    places = [field for corner in corners for field in place(*corner)]
    return [*RGB_SPACE, *enum(1), *enum(2), *places, (1, 1), (24, round(exponent * 1e7)), *enum(0)]


def jpeg_xl(pixels: Array, colours: list[Field], animation: bool = False) -> bytes:
    """pixels: (SIDES, SIDES, 3), u8. colours: the fields of the colour encoding."""
    data = imagecodecs.jpegxl_encode(pixels, lossless=True, usecontainer=False)
    usual = _packed([*_start(animation=False), *USUAL, (2, 0), (1, 1)])
    assert data[2 : 2 + len(usual)] == usual
    extras = [(1, 1)] if animation else []
    return b"\xff\x0a" + _packed([*_start(animation), *colours, *extras, (2, 0), (1, 1)]) + data[2 + len(usual) :]


def _start(animation: bool) -> list[Field]:
    """The fields of the size and of everything before the colours: 8 bits, no extra channels, not XYB."""
    size: list[Field] = [(1, 1), (5, SIDES // 8 - 1), (3, 1)]
    played: list[Field] = [(3, 0), (1, 0), (1, 0), (1, 1), (2, 0), (2, 0), (2, 0), (1, 0)]
    extras: list[Field] = [(1, 1), *played] if animation else [(1, 0)]
    return [*size, (1, 0), *extras, (1, 0), (2, 0), (1, 1), (2, 0), (1, 0)]


def _packed(fields: list[Field]) -> bytes:
    number = length = 0
    for bits, value in fields:
        number |= value << length
        length += bits
    return number.to_bytes((length + 7) // 8, "little")
