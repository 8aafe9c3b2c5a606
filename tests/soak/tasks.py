"""The jobs of the soak clients, and checks that results belong to them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.conftest import picture
from velatura.client.events import Finished
from velatura.pixels import CHANNELS, MASK_FORMAT, Picture, PixelFormat
from velatura.settings import StyleSettings

STYLES = [picture(40, 36, seed=9000 + n) for n in range(4)]

AS_IT_IS = StyleSettings(strength=0)  # returns the content unchanged
BLENDED = StyleSettings(quality="draft", iterations=2, composite=True)  # unchanged outside the mask
DRAFT = StyleSettings(quality="draft", iterations=3)
FORMATS = [PixelFormat("RGB", "u8"), PixelFormat("RGBA", "u8"), PixelFormat("GRAY", "u8"), PixelFormat("RGB", "u16")]


@dataclass(frozen=True)
class Task:
    """kind: for the report."""

    kind: str
    content: Picture
    settings: StyleSettings
    mask: Picture | None = None

    @property
    def style(self) -> Picture:
        return STYLES[self.content.width % len(STYLES)]

    def problem(self, done: Finished) -> str:
        """Return what is wrong with a result, or ''."""
        content, back = self.content, done.picture
        if (content.width, content.height, content.format) != (back.width, back.height, back.format):
            return f"{content.width} × {content.height} was sent, {back.width} × {back.height} was returned"
        if self.mask is None:
            same = self.settings.strength > 0 or bytes(back.data) == bytes(content.data)
        else:
            outside = _pixels(self.mask)[..., 0] == 0
            same = bool((_pixels(back)[outside] == _pixels(content)[outside]).all())
        return "" if same else "its pixels are not the client's own"


def _pixels(one: Picture) -> np.ndarray:
    dtype = np.uint16 if one.format.sample == "u16" else np.uint8
    return np.frombuffer(one.data, dtype).reshape(one.height, one.width, CHANNELS[one.format.channels])


def _noise(source: random.Random, width: int, height: int, fmt: PixelFormat) -> Picture:
    return Picture(width, height, fmt, source.randbytes(width * height * fmt.bytes_per_pixel))


def _as_it_is(source: random.Random) -> Task:
    size = source.choice((16, 24, 48, 64, 96, 128, 256))
    return Task("as it is", _noise(source, size, source.randint(16, size), source.choice(FORMATS)), AS_IT_IS)


def _large(source: random.Random) -> Task:
    return Task("a megapixel", _noise(source, 1024, 1000, PixelFormat("RGB", "u8")), AS_IT_IS)


def _blended(source: random.Random) -> Task:
    width, height = source.randint(24, 48), source.randint(24, 40)
    row = bytes(width // 2) + b"\xff" * (width - width // 2)
    return Task(
        "blended",
        _noise(source, width, height, PixelFormat("RGB", "u8")),
        BLENDED,
        Picture(width, height, MASK_FORMAT, row * height),
    )


def _draft(source: random.Random) -> Task:
    return Task(
        "draft", _noise(source, source.randint(16, 64), source.randint(16, 64), PixelFormat("RGB", "u8")), DRAFT
    )


TASK_MAKERS: list[tuple[Callable[[random.Random], Task], float]] = [
    (_as_it_is, 70),
    (_blended, 18),
    (_draft, 10),
    (_large, 2),
]


def any_task(source: random.Random) -> Task:
    return source.choices([make for make, _ in TASK_MAKERS], [weight for _, weight in TASK_MAKERS])[0](source)
