"""The sample pictures that are measured with, drawn once a machine: at 1024 pixels that takes half a minute, far longer
than a GPU takes for what is measured."""

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

LARGEST = 1024  # pixels, longest side of what is drawn; larger ones are that, made larger


def drawn(name: str, width: int, height: int) -> Array:
    """A sample of that name, (H, W, 3), uint8, sRGB; kept among the caches, where they can be written."""
    factor = min(1.0, LARGEST / max(width, height))
    if factor < 1:
        small = drawn(name, round(width * factor), round(height * factor))
        return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
    folder = app_dirs().cache / "bench"
    kept = folder / f"{name}-{width}x{height}-{build_of(Path(samples.__file__).parent)[:12]}.npy"
    with contextlib.suppress(OSError, ValueError):
        found: Array = np.load(kept)
        return found
    made = draw(name, width, height)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        half = kept.with_suffix(f".{os.getpid()}.npy")
        np.save(half, made)
        half.replace(kept)
    return made
