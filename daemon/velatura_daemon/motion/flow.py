"""Dense optical flow between two pictures, and warping along it. Requires OpenCV, from the extra `film`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from velatura.errors import NotInstalled
from velatura.i18n import lazy_text

Array = NDArray[Any]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # Rec. 601, on sRGB-encoded values, as in engine.colour
# Lanczos interpolation alone amplifies middle frequencies by a little: after 240 warps of 0.3 pixels to and fro the
# gradient energy was 25 times as large, and with this share, resharpened, 1.1 times (docs/film.md, 'Measurements').
LINEAR_SHARE = 0.3
MIN_FLOW_SIDE = 16  # pixels: DIS matches patches of 8 pixels on a pyramid


def opencv() -> Any:
    """The module cv2. Raises NotInstalled."""
    try:
        import cv2
    except ImportError as error:
        raise NotInstalled(
            lazy_text(
                "Steady films need OpenCV, which is not installed. Install it with pip install 'velatura[film]', or "
                "restyle with steadiness 0."
            )
        ) from error
    return cv2


def optical_flow(here: Array, there: Array) -> Array:
    """Where each pixel of one picture has moved to in another: (H, W, 2), right and down, in pixels.

    here, there: (H, W, 3), 0 to 1. Dense inverse search (Kroeger 2016, 'Fast optical flow using dense inverse search')
    with variational refinement.
    """
    cv2 = opencv()
    height, width = here.shape[:2]
    before, after = (np.rint(np.clip(picture @ LUMA, 0, 1) * 255).astype(np.uint8) for picture in (here, there))
    bottom, right = max(0, MIN_FLOW_SIDE - height), max(0, MIN_FLOW_SIDE - width)
    if bottom or right:
        before, after = (np.pad(grey, ((0, bottom), (0, right)), "edge") for grey in (before, after))
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: Array = search.calc(before, after, None)[:height, :width]
    return flow


def warp(picture: Array, flow: Array, linear: bool = False) -> Array:
    """What each pixel finds in a picture where the flow says it came from: (H, W) or (H, W, C).

    picture: of the other frame, float32. flow: (H, W, 2), of this one. Lanczos interpolation over eight pixels with
    LINEAR_SHARE of linear interpolation: a warp is repeated from frame to frame, and a softer filter would blur a
    little more each time. linear: linear interpolation alone, which keeps means and overshoots nowhere.
    """
    cv2 = opencv()
    height, width = flow.shape[:2]
    columns = np.arange(width, dtype=np.float32) + flow[..., 0]
    rows = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    picture = np.ascontiguousarray(picture)
    smooth: Array = cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if linear:
        return smooth
    warped: Array = cv2.remap(picture, columns, rows, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped + np.float32(LINEAR_SHARE) * (smooth - warped))


def comes_from_inside(flow: Array) -> Array:
    """(H, W): whether the flow points into the picture."""
    height, width = flow.shape[:2]
    columns = np.arange(width, dtype=np.float32) + flow[..., 0]
    rows = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    inside: Array = (columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1)
    return inside
