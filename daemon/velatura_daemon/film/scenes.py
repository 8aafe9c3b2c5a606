"""Finds cuts: frames that show something else than the one before.

Frames are compared as small grey pictures. Two of one shot are alike once one of them is moved by what the camera may
have moved between them, and differences of brightness are taken out. A flash or a dropped frame is no cut: what comes
after it is like what was before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from velatura_daemon.imaging.files.raster import Array

WIDTH, HEIGHT = 64, 36  # of the pictures that are compared: grain and compression are averaged out
# How far the camera may move between two frames, in pixels of these: an eighth of the width.
REACH_X, REACH_Y = 8, 4
# Correlation below which two frames are taken for different shots. Between neighbours of one shot it is 0.9 to 1, with
# fast motion 0.6; between unrelated pictures it is rarely above 0.4, as the best of all displacements (tests/film).
ALIKE = 0.5
# A cut is less alike than the frames before it by this much: where everything moves, as in a crowd, no frame is alike.
DROP = 0.25
FLASH = 3  # frames that a flash may last
FLAT = 2.0  # standard deviation, of 255, below which a picture has no forms that could be compared
RECENT = 5  # frames before, whose likeness a cut has to fall below


def small_grey(pixels: Array) -> Array:
    """A small grey picture of a frame, for `cuts`. pixels: (H, W, 1 to 4), integers. Returns float32, 0 to 255."""
    from PIL import Image

    scale = 1 if pixels.dtype == np.uint8 else np.iinfo(pixels.dtype).max / 255 if pixels.dtype.kind == "u" else 1 / 255
    colours = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1]
    height, width = pixels.shape[:2]
    # Every n-th row and column first: averaging all of a large frame would take longer than decoding it.
    step = max(1, min(height // (4 * HEIGHT), width // (4 * WIDTH)))
    grey = colours[::step, ::step].mean(axis=2, dtype=np.float32) / np.float32(scale)
    return np.asarray(Image.fromarray(grey).resize((WIDTH, HEIGHT), Image.Resampling.BOX))


def likeness(one: Array, other: Array) -> float:
    """The correlation of two small pictures at the displacement where it is highest, -1 to 1."""
    flat = [picture.std() < FLAT for picture in (one, other)]
    if all(flat):
        return 1.0 if abs(float(one.mean() - other.mean())) < 64 else 0.0
    if any(flat):
        return 0.0
    inner = one[REACH_Y : HEIGHT - REACH_Y, REACH_X : WIDTH - REACH_X]
    windows = np.lib.stride_tricks.sliding_window_view(other, inner.shape).reshape(-1, inner.size)
    centred = inner.ravel() - inner.mean()
    norms = np.sqrt(np.maximum(windows.var(axis=1) * inner.size, 1e-6))
    correlations = (windows @ centred) / (norms * max(float(np.linalg.norm(centred)), 1e-6))
    return float(correlations.max())


def cuts(pictures: Iterable[Array]) -> Iterator[tuple[int, bool]]:
    """Yield (number of a frame, whether a new shot begins with it), a few frames behind the input. The first frame
    begins one. pictures: of `small_grey`."""
    window: deque[Array] = deque()  # the frame before, the frame in question, and those after it
    earlier: deque[Array] = deque(maxlen=FLASH)  # before those
    recent: deque[float] = deque(maxlen=RECENT)
    number = 0

    def decided() -> bool:
        before, frame, *after = window
        alike = likeness(before, frame)
        usual = float(np.median(recent)) if recent else 1.0
        is_cut = (
            alike < min(ALIKE, usual - DROP)
            and all(likeness(before, one) < ALIKE for one in after)
            and all(likeness(one, frame) < ALIKE for one in earlier)
        )
        if is_cut:
            recent.clear()
        else:
            recent.append(alike)
        return is_cut

    for picture in pictures:
        window.append(picture)
        if number == 0 and len(window) == 1:
            yield 0, True
            number = 1
        elif len(window) > FLASH + 1:
            yield number, decided()
            number += 1
            earlier.append(window.popleft())
    while len(window) > 1:
        yield number, decided()
        number += 1
        earlier.append(window.popleft())
