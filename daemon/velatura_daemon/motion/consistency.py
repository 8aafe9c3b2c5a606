"""Where optical flow can be trusted (Ruder 2016, section 4.2, with a test of the pictures themselves)."""

from __future__ import annotations

import numpy as np

from velatura_daemon.motion.flow import Array, comes_from_inside, opencv, warp

# Ruder 2016, eq. 5: flow forward and back again may miss by 1 % of its squared length and half a pixel squared.
DISOCCLUSION_SHARE, DISOCCLUSION_FLOOR = 0.01, 0.5
# Ruder 2016, eq. 6: the flow's squared gradient may be 1 % of its squared length, and 0.002.
BOUNDARY_SHARE, BOUNDARY_FLOOR = 0.01, 0.002
# Times the median difference between a frame and the other one, warped: where it is larger, something else is there.
USUAL, USUAL_AT_BOUNDARY = 3.0, 1.5
UNSEEN = 0.005  # of the 0..1 range: a difference that is no reason for doubt
SPECKS = 5  # pixels a side, of the median filter that removes single pixels of doubt, and of trust
# Pixels, and share of the frame, that trusted ground amid doubt has to have: where something turns or is blurred, flow
# is right in patches by chance, and their warped pieces stood out with hard edges.
ISLAND, ISLAND_SHARE = 64, 0.001
NEIGHBOURHOOD = 1.0  # pixels, standard deviation: grain is averaged, so that it hides no other difference


def trusted(here: Array, there: Array, backward: Array, forward: Array) -> Array:
    """How far each pixel's flow can be trusted: (H, W), float32, 0 or 1.

    here, there: (H, W, 3), this frame and the other one. backward: (H, W, 2), the flow from here to there. forward:
    from there to here.
    """
    cv2 = opencv()
    possible = comes_from_inside(backward) & ~is_disoccluded(backward, forward)
    sure = (possible & matches(here, there, backward, possible)).astype(np.uint8)
    return _without_islands(cv2.medianBlur(sure, SPECKS) & possible).astype(np.float32)


def _without_islands(sure: Array) -> Array:
    """(H, W): what is connected to enough other ground."""
    _, island_of, facts, _ = opencv().connectedComponentsWithStats(sure.astype(np.uint8), connectivity=4)
    is_large = facts[:, opencv().CC_STAT_AREA] >= max(ISLAND, ISLAND_SHARE * sure.size)
    is_large[0] = False  # the doubt itself
    large: Array = is_large[island_of]
    return large


def matches(here: Array, there: Array, backward: Array, possible: Array) -> Array:
    """(H, W): whether the flow finds in the other frame what is here, as well as it does elsewhere in this frame.

    Differs from the paper, which gives up every motion boundary. DIS draws them broad: a tenth of a small frame boiled.
    Here they are kept where the pictures agree, and what a slow motion uncovers, which flow there and back does not
    notice, is given up. here, there: (H, W, 3). possible: (H, W), where to look for what is usual: grain and changing
    light count as usual.
    """
    cv2 = opencv()
    misses = np.abs(cv2.GaussianBlur(here - warp(there, backward, linear=True), (0, 0), NEIGHBOURHOOD)).mean(axis=2)
    usual = float(np.median(misses[possible])) if possible.any() else 0.0
    limit = np.where(is_motion_boundary(backward), USUAL_AT_BOUNDARY, USUAL) * usual + UNSEEN
    same: Array = misses <= limit
    return same


def is_disoccluded(backward: Array, forward: Array) -> Array:
    """(H, W): whether flow there and back does not return: the pixel was hidden, or the flow is wrong."""
    back_again = warp(forward, backward, linear=True)
    limit = DISOCCLUSION_SHARE * (_squared(backward) + _squared(back_again)) + DISOCCLUSION_FLOOR
    hidden: Array = _squared(backward + back_again) > limit
    return hidden


def is_motion_boundary(flow: Array) -> Array:
    """(H, W): whether the flow changes abruptly, where it is seldom right to the pixel."""
    down, right = np.gradient(flow, axis=(0, 1))
    boundary: Array = _squared(down) + _squared(right) > BOUNDARY_SHARE * _squared(flow) + BOUNDARY_FLOOR
    return boundary


def _squared(vectors: Array) -> Array:
    squared: Array = np.square(vectors).sum(axis=2)
    return squared
