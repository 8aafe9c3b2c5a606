"""Sample pictures of the project's own making: scenes to restyle and paintings to restyle them with, drawn by code.

Seeded: the same picture, byte for byte, each time it is drawn at a size on a machine. Forms grow with the size.
"""

from __future__ import annotations

from collections.abc import Callable

from velatura_daemon.samples.noise import Array
from velatura_daemon.samples.paintings import ember_waves, mosaic, night_swirls, poppy_field, watercolour, woodcut
from velatura_daemon.samples.scenes import harbour_town, mountain_lake

SCENES: dict[str, Callable[[int, int], Array]] = {"harbour_town": harbour_town, "mountain_lake": mountain_lake}
PAINTINGS: dict[str, Callable[[int, int], Array]] = {
    "night_swirls": night_swirls,
    "poppy_field": poppy_field,
    "ember_waves": ember_waves,
    "woodcut": woodcut,
    "mosaic": mosaic,
    "watercolour": watercolour,
}


def draw(name: str, width: int, height: int) -> Array:
    """The sample of that name, (H, W, 3), uint8, sRGB: any size from 64 pixels a side, up to about 2048."""
    return (SCENES | PAINTINGS)[name](width, height)
