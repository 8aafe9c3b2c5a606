"""Running restyles on the command line, and files for them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Run = Callable[..., "subprocess.CompletedProcess[str]"]

QUICK = ("--quality", "draft", "--iterations", "4")


def restyled(
    run: Run, files: Path, *more: object, photo: str = "photo.png"
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Restyle with --json. Returns the last line and all lines."""
    done = run("restyle", files / photo, "--style", files / "painting.png", "--json", *QUICK, *more)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[-1], lines


def with_halves(files: Path, scale: int = 1) -> Path:
    """Write the photo in 24 × 32 times scale; left.png and right.png, masks of its halves; colours.png, a painting that
    is red on the left and blue on the right; red.png and blue.png, masks of its halves."""
    noise = np.random.default_rng(4)
    photo, painting = (24 * scale, 32 * scale), (32 * scale, 48 * scale)
    Image.fromarray(noise.integers(0, 256, (*photo, 3), np.uint8)).save(files / "photo.png")
    left = np.zeros(photo, np.uint8)
    left[:, : photo[1] // 2] = 255
    Image.fromarray(left).save(files / "left.png")
    Image.fromarray(255 - left).save(files / "right.png")
    colours = noise.integers(0, 60, (*painting, 3), np.uint8)
    colours[:, : painting[1] // 2, 0] += 190
    colours[:, painting[1] // 2 :, 2] += 190
    Image.fromarray(colours).save(files / "colours.png")
    red = np.zeros(painting, np.uint8)
    red[:, : painting[1] // 2] = 255
    Image.fromarray(red).save(files / "red.png")
    Image.fromarray(255 - red).save(files / "blue.png")
    return files
