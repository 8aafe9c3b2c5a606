"""The sample pictures for measurements, drawn once per machine: drawing at 1024 pixels takes half a minute, far longer
than a GPU takes for the measurement."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
from PIL import Image

from velatura.app_dirs import app_dirs
from velatura.build import build_of
from velatura_daemon import samples
from velatura_daemon.samples import draw
from velatura_daemon.samples.noise import Array

LARGEST = 1024  # pixels, longest side that is drawn; larger pictures are scaled up from it


def drawn(name: str, width: int, height: int) -> Array:
    """Return a sample (H, W, 3), uint8, sRGB, cached on disk if possible."""
    factor = min(1.0, LARGEST / max(width, height))
    if factor < 1:
        small = drawn(name, round(width * factor), round(height * factor))
        return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
    folder = app_dirs().cache / "bench"
    cached = folder / f"{name}-{width}x{height}-{build_of(Path(samples.__file__).parent)[:12]}.npy"
    with contextlib.suppress(OSError, ValueError):
        pixels: Array = np.load(cached)
        return pixels
    made = draw(name, width, height)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = cached.with_suffix(f".{os.getpid()}.npy")
        np.save(temporary, made)
        temporary.replace(cached)
    return made
