"""Random fields over a square picture: noise of a given spectrum, flows that marks follow. Sizes in pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FLOWS = ("straight", "wavy", "vortex", "forms")


@lru_cache(maxsize=8)
def grid(side: int) -> tuple[Array, Array]:
    """x and y of each pixel's middle, (side, side), float32."""
    at = np.arange(side, dtype=np.float32) + 0.5
    return np.broadcast_to(at, (side, side)), np.broadcast_to(at[:, None], (side, side))


@lru_cache(maxsize=8)
def _frequencies(side: int) -> tuple[Array, Array]:
    f = np.fft.fftfreq(side).astype(np.float32)
    return np.broadcast_to(np.fft.rfftfreq(side).astype(np.float32), (side, side // 2 + 1)), np.broadcast_to(
        f[:, None], (side, side // 2 + 1)
    )


def noise(rng: np.random.Generator, side: int, steepness: float, stretch: float = 1, angle: float = 0) -> Array:
    """(side, side), mean 0, deviation 1, amplitude ∝ frequency^-steepness: 0 is white, 1 pink, 2 clouds, 3 hills.

    stretch: how much longer than wide its features are, along `angle` (radians). It wraps around the edges.
    """
    fx, fy = _frequencies(side)
    along, across = fx * np.cos(angle) + fy * np.sin(angle), fy * np.cos(angle) - fx * np.sin(angle)
    frequency = np.sqrt((along * stretch) ** 2 + across**2) + 0.7 / side
    phases = rng.normal(size=(2, *fx.shape)).astype(np.float32)
    field = np.fft.irfft2((phases[0] + 1j * phases[1]) * frequency**-steepness, s=(side, side))
    field -= field.mean()
    return np.asarray(field / (field.std() + 1e-9), np.float32)


def flow(rng: np.random.Generator, forms: Array, kind: str, angle: float, swirl: float) -> Array:
    """(side, side) radians: the way marks lie.

    kind: straight (all along `angle`), wavy (turned by smooth noise, `swirl` radians deep), vortex (around a
    point), forms (along the outlines of the picture's forms, as painters' strokes do).
    """
    side = len(forms)
    if kind == "straight":
        return np.full((side, side), angle, np.float32)
    if kind == "wavy":
        return np.asarray(angle + swirl * noise(rng, side, 2.5), np.float32)
    if kind == "vortex":
        x, y = grid(side)
        cx, cy = rng.uniform(-0.2, 1.2, 2) * side
        return np.asarray(np.arctan2(y - cy, x - cx) + angle, np.float32)
    if kind != "forms":
        raise ValueError(f"There is no flow {kind!r}; there are {', '.join(FLOWS)}.")
    down, across = np.gradient(forms)
    return np.asarray(np.arctan2(down, across) + np.pi / 2 + 0.3 * angle, np.float32)
