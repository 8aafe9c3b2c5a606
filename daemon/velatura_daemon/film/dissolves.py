"""Finds dissolves: frames that mix what was shown before them with what comes after.

In a dissolve each frame is like the one before, so that it is no cut; but a frame that followed those before it would
keep showing the first shot. So a new shot begins in the middle of a dissolve, and another one at its end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from velatura_daemon.film.scenes import likeness
from velatura_daemon.imaging.files.raster import Array

# Chosen with 20 dissolves between shots of two real films, and 812 frames without any (docs/film.md, 'Dissolves').
SPANS = (8, 16, 32)  # frames between the two pictures that a frame may be a mixture of
SHARE = 0.25  # that each of them has at least
UNLIKE = 0.6  # correlation below which the two are of different shots
EXPLAINED = 0.75  # share of the frame's variance that the mixture has to explain: both shots may move a little
SAME = 0.95  # likeness from which on a frame is one of the two, moved: a pan, and no mixture
GRADUAL = 0.5  # correlation of neighbouring frames, not moved: less in a fast pan, and at a cut
FLAT = 3.0  # standard deviation, of 255, below which a picture has no forms that could be mixed
FEWEST = 3  # findings, of all spans, that make a dissolve: something that passes close to the camera gives one or two
SOFTNESS = 2  # pixels that are averaged to each side, so that small motion counts less
LAYOUT = 8  # and of the average that is subtracted: shots with a bright sky above and dark ground below are alike


class Dissolves:
    """Watches the pictures of a film, as of `small_grey`, on their way to `cuts`."""

    def __init__(self) -> None:
        self._found: list[list[tuple[int, int]]] = []  # of each dissolve: (frame in its middle, span)

    def watched(self, pictures: Iterable[Array]) -> Iterator[Array]:
        """Yield the same pictures."""
        window: deque[tuple[Array, float]] = deque(maxlen=SPANS[-1] + 1)
        for number, picture in enumerate(pictures):
            forms = _forms(picture)
            window.append((forms, _correlation(window[-1][0], forms) if window else 1.0))
            for span in SPANS:
                if len(window) > span and _is_mixed([*window][-span - 1 :]):
                    self._note(number - span // 2, span)
            yield picture

    def _note(self, middle: int, span: int) -> None:
        if not self._found or middle > max(frame for frame, _ in self._found[-1]) + SPANS[0]:
            self._found.append([])
        self._found[-1].append((middle, span))

    def shots(self) -> set[int]:
        """The frames in the middle and at the end of each dissolve, which begin shots."""
        starts = set()
        for found in self._found:
            if len(found) < FEWEST:
                continue
            frames = [frame for frame, _ in found]
            widest = [frame for frame, span in found if span == max(span for _, span in found)]
            middle = round(sum(frames) / len(frames))
            # Where both pictures have a share of a quarter or more, half of the dissolve has passed.
            starts |= {middle, middle + max(widest) - min(widest) + 3}
        return starts


def _is_mixed(window: list[tuple[Array, float]]) -> bool:
    """Whether the frame in the middle mixes the first and the last one."""
    before, now, after = window[0][0], window[len(window) // 2][0], window[-1][0]
    if min(before.std(), after.std()) < FLAT or _correlation(before, after) > UNLIKE:
        return False
    if min(alike for _, alike in window[1:]) < GRADUAL:
        return False
    parts = np.stack([before.ravel(), after.ravel(), np.ones(before.size)], axis=1)
    shares, *_ = np.linalg.lstsq(parts, now.ravel(), rcond=None)
    missed = now.ravel() - parts @ shares
    return bool(
        min(shares[:2]) >= SHARE
        and missed.var() <= (1 - EXPLAINED) * now.var()
        and likeness(before, after) < UNLIKE
        and max(likeness(before, now), likeness(after, now)) < SAME
    )


def _forms(picture: Array) -> Array:
    """The picture without its finest detail and without its layout, float64."""
    forms: Array = _averaged(picture, SOFTNESS) - _averaged(picture, LAYOUT)
    return forms


def _averaged(picture: Array, reach: int) -> Array:
    """Each pixel's average with those up to `reach` away."""
    padded = np.pad(picture.astype(np.float64), reach, mode="edge")
    side = 2 * reach + 1
    averaged: Array = np.lib.stride_tricks.sliding_window_view(padded, (side, side)).mean(axis=(2, 3))
    return averaged


def _correlation(one: Array, other: Array) -> float:
    if min(one.std(), other.std()) < 1e-3:
        return 1.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
