"""Sample pictures made by this project: scenes to restyle, and paintings to use as styles, drawn by code.

Drawing is seeded: a sample is the same, byte for byte, each time it is drawn at the same size on the same machine.
Shapes scale with the size.
"""

from __future__ import annotations

from collections.abc import Callable

from velatura_daemon.samples.crafts import mosaic, watercolour, woodcut
from velatura_daemon.samples.noise import Array
from velatura_daemon.samples.paintings import ember_waves, night_swirls, poppy_field
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
    """Draw a sample: (H, W, 3), uint8, sRGB. width, height: from 64 pixels up to about 2048."""
    return (SCENES | PAINTINGS)[name](width, height)
