"""Keeps pictures as sharp as they were before a warp.

A warp of a fraction of a pixel loses 2 to 10 % of the gradient energy (docs/film.md, 'Measurements'). Each frame warps
the one before, so that without this a film would become softer with every frame.
"""

from __future__ import annotations

import numpy as np

from velatura_daemon.motion.flow import Array, opencv

MAX_CHANGE = 0.5  # times the fine detail, more or less: limits what an unusual frame could do


def gradient_energy(picture: Array) -> Array:
    """(H, W, 3) → (H, W): how sharp each place is."""
    return _energy(*_gradients(picture))


def resharpened(picture: Array, wanted: Array, weight: Array) -> Array:
    """The picture (H, W, 3) with so much of its own fine detail added or removed that its mean gradient energy is the
    wanted one.

    wanted: (H, W), `gradient_energy` of what it was warped from. weight: (H, W), the places that count, 0 to 1.
    """
    total = float(weight.sum())
    if not total:
        return picture
    detail = picture - _softened(picture)
    gradients, of_detail = _gradients(picture), _gradients(detail)

    def mean(energy: Array) -> float:
        return float((energy * weight).sum()) / total

    # The energy of picture + a · detail is there + 2 a · cross + a² · own.
    there, own = mean(_energy(*gradients)), mean(_energy(*of_detail))
    cross = mean(gradients[0] * of_detail[0] + gradients[1] * of_detail[1])
    if own <= 0:
        return picture
    amount = (np.sqrt(max(0.0, cross**2 + own * (mean(wanted) - there))) - cross) / own
    sharpened: Array = picture + np.float32(np.clip(amount, -MAX_CHANGE, MAX_CHANGE)) * detail
    return sharpened


def _softened(picture: Array) -> Array:
    """By a binomial filter over 3 × 3 pixels: what it removes is the finest detail, which a warp loses first."""
    cv2 = opencv()
    kernel = np.array([0.25, 0.5, 0.25], np.float32)
    softened: Array = cv2.sepFilter2D(picture, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return softened


def _gradients(picture: Array) -> tuple[Array, Array]:
    """Differences of the grey picture to the right and below: twice (H, W). The last column and row have those of the
    one before."""
    grey = np.pad(picture.mean(axis=2), ((0, 1), (0, 1)), "reflect")
    return grey[:-1, 1:] - grey[:-1, :-1], grey[1:, :-1] - grey[:-1, :-1]


def _energy(right: Array, down: Array) -> Array:
    energy: Array = np.square(right) + np.square(down)
    return energy
