"""What a frame has to follow: the results of frames near it, warped to it, and merged into one image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from velatura_daemon.motion.consistency import trusted
from velatura_daemon.motion.flow import LUMA, Array, opencv, optical_flow, warp
from velatura_daemon.motion.sharpness import gradient_energy, resharpened

OWN_SHARE = 0.5  # of the frame's own earlier result, in what a later pass starts from (Ruder 2016, eq. 14: δ)
# Of the 0..1 range: a pixel whose result differs from its content by less was not restyled, such as outside of a mask.
UNCHANGED = 0.5 / 255
SPREAD = 64, 16, 4  # pixels: from how far colours are taken, the nearest last
ENOUGH = 0.1  # share of the surroundings that has to be known for its colours alone to be used
# How much of the content's forms is mixed in, and how much more of its finest detail, if a frame takes as many steps at
# its last scale as a still does in all (docs/film.md, 'Measurements').
REFRESHED, REFRESHED_FINEST = 0.2, 0.16
FORMS = 8.0  # pixels, standard deviation of the blur that removes forms: conv4_2, the content layer, has 8 per value
FINEST = 1.0  # pixels, standard deviation of the blur that removes the finest detail
MOST_DRIFT = 1.25  # of sharpness, times: limits what an unusual frame could do to those that follow it
NEGLIGIBLE = 0.001  # share of a frame that is not worth the flow to one more frame


@dataclass(frozen=True)
class RestyledFrame:
    """A frame and its result, both (H, W, 3), 0 to 1, float32. is_this: the frame is the one that is to be restyled;
    the result is of an earlier pass."""

    content: Array
    result: Array
    is_this: bool = False


@dataclass(frozen=True)
class MergedGuide:
    """image: (H, W, 3), what to follow. weight: (H, W), 0 to 1, how far. start: (H, W, 3), what to start from.
    detailed: (H, W), 0 to 1, how far that is a result already, and not only the content in its colours."""

    image: Array
    weight: Array
    start: Array
    detailed: Array


def merged_guide(content: Array, frames: Iterable[RestyledFrame], share: float = 0.5) -> MergedGuide:
    """Merge the results of several frames: the nearest one's wherever its flow can be trusted, and a farther one's only
    where that of none of the nearer ones can (Ruder 2016, eq. 10).

    content: (H, W, 3), of the frame to be restyled. frames: the nearest first; at least one. If the first one is this
    very frame, its picture has not moved, and its result is followed everywhere. A later one that is this very frame is
    an earlier pass: it is what to start from, mixed with the others. The farthest one says how sharp results are, since
    the fewest steps have added up in it. share: of a still's steps, how many the frame takes at its last scale.
    """
    height, width = content.shape[:2]
    image = np.zeros((height, width, 3), np.float32)
    weight, energy = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    own: Array | None = None
    has_moved = True
    nearest = farthest = 0.0  # how sharp
    for number, frame in enumerate(frames):
        farthest = relative_sharpness(frame) or farthest
        nearest = nearest or farthest
        if frame.is_this and number > 0:
            own = frame.result
            continue
        has_moved = has_moved and not frame.is_this
        if weight.mean() > 1 - NEGLIGIBLE:
            continue
        warped, sure, sharpness = warped_result(content, frame)
        new = np.maximum(sure - weight, 0)
        image += new[..., None] * warped
        energy += new * sharpness
        weight += new
    image = coloured(content, image / np.maximum(weight, 1e-6)[..., None], weight)
    if has_moved:
        drift = float(np.clip(farthest / nearest, 1 / MOST_DRIFT, MOST_DRIFT)) if nearest else 1.0
        image = np.clip(resharpened(refreshed(image, content, share), drift * energy, weight), 0, 1)
    if own is None:
        return MergedGuide(image, weight, image, weight)
    others = (1 - OWN_SHARE) * weight[..., None]
    return MergedGuide(image, weight, own + others * (image - own), np.ones_like(weight))


def relative_sharpness(frame: RestyledFrame) -> float:
    """The gradient energy of a frame's result over the square root of its content's, where it was restyled; 0 if that
    is nowhere.

    The square root: with contents that have more detail, results have more too, but by less (docs/film.md,
    'Measurements').
    """
    restyled = np.abs(frame.result - frame.content).max(axis=2) > UNCHANGED
    if not restyled.any():
        return 0.0
    result, content = (gradient_energy(picture)[restyled].mean() for picture in (frame.result, frame.content))
    return float(result / np.sqrt(max(content, 1e-6)))


def refreshed(image: Array, content: Array, share: float) -> Array:
    """The image with a little of the content's forms mixed in, and more of its finest detail.

    The steps that each frame takes from what is restyled already add up: after 60 frames of a draft, the forms had
    dissolved in strokes (docs/film.md, 'Measurements'). What is taken back here is what those steps add again, so that
    a place looks the same however long it has been in view. Of forms, only lightness is mixed in, and no surfaces: the
    temporal loss would keep the content's colours. The finest detail has colours too: those of the image would add up
    to coloured lines. share: as in `merged_guide`.
    """
    cv2 = opencv()
    missing = content - image
    finest = missing - cv2.GaussianBlur(missing, (0, 0), FINEST)
    lightness = missing @ LUMA
    forms = (lightness - cv2.GaussianBlur(lightness, (0, 0), FORMS))[..., None]
    mixed: Array = image + np.float32(share) * (REFRESHED * forms + REFRESHED_FINEST * finest)
    return mixed


def coloured(content: Array, image: Array, weight: Array) -> Array:
    """The image where it is known, and elsewhere the content with the colours that the image has nearby: what comes
    into view has few steps to become like what surrounds it.

    image: (H, W, 3), a result. weight: (H, W), 0 to 1, where it is known.
    """
    if not weight.any():
        return content
    cv2 = opencv()
    offset = (image - content) * weight[..., None]
    spread = np.broadcast_to(offset.sum((0, 1)) / weight.sum(), content.shape).astype(np.float32)
    for distance in SPREAD:
        near = cv2.GaussianBlur(weight, (0, 0), distance)
        local = cv2.GaussianBlur(offset, (0, 0), distance) / np.maximum(near, 1e-6)[..., None]
        spread = spread + np.minimum(1, near / ENOUGH)[..., None] * (local - spread)
    start: Array = np.clip(content + spread + weight[..., None] * (image - content - spread), 0, 1)
    return start


def warped_result(content: Array, frame: RestyledFrame) -> tuple[Array, Array, Array]:
    """A frame's result as it would be in the frame with this content, how far each pixel of it can be trusted, and the
    gradient energy that it had before: (H, W, 3), (H, W), (H, W)."""
    was_restyled = (np.abs(frame.result - frame.content).max(axis=2) > UNCHANGED).astype(np.float32)
    energy = gradient_energy(frame.result)
    if frame.is_this:
        return frame.result, was_restyled, energy
    backward = optical_flow(content, frame.content)
    sure = trusted(content, frame.content, backward, optical_flow(frame.content, content))
    if not was_restyled.all():
        sure = sure * (warp(was_restyled, backward, linear=True) > 0.5)
    return warp(frame.result, backward), sure, warp(energy, backward, linear=True)
