"""The previous frames of a job, which is a frame of a film, as the guide that the engine follows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from velatura.pixels import SMALLEST_SIDE, Picture
from velatura.settings import StyleSettings
from velatura_daemon.engine.geometry import Box, resize
from velatura_daemon.engine.guide import Guide, guide_size, last_share
from velatura_daemon.imaging import colour_io
from velatura_daemon.jobs.spec import JobSpec
from velatura_daemon.worker.layer import Layer, picture_in

MAX_SIDE = 16_384  # pixels: OpenCV warps pictures of up to 32,766


def guide_for(spec: JobSpec, layer: Layer) -> Guide | None:
    """None for a still, and with steadiness 0. Raises NotInstalled, and what is wrong with the pictures."""
    if not spec.previous or not spec.settings.steadiness:
        return None
    this = spec.content.picture
    frames = (
        (picture_in(frame.content), picture_in(frame.result), frame.content.picture == this) for frame in spec.previous
    )
    return guide_from(layer.image, frames, spec.settings, layer.box)


def guide_from(
    content: Tensor, frames: Iterable[tuple[Picture, Picture, bool]], settings: StyleSettings, box: Box | None = None
) -> Guide:
    """The guide for a content (3, H, W) from frames of the same film: their contents, their results, and whether each
    is the content itself; the nearest first.

    box: the part of each frame that the content is. Raises NotInstalled.
    """
    from velatura_daemon.motion.guide import RestyledFrame, merged_guide  # not for stills

    height, width = guide_size(content.shape[2], content.shape[1], settings)
    factor = min(1.0, MAX_SIDE / max(height, width))
    size = max(SMALLEST_SIDE, round(height * factor)), max(SMALLEST_SIDE, round(width * factor))

    def at_size(image: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        small = resize(image, *size).clamp(0, 1).permute(1, 2, 0).cpu()
        return np.ascontiguousarray(small.numpy())

    def seen(picture: Picture) -> Tensor:
        image, _ = colour_io.decode(picture)
        return image if box is None else box.crop(image)

    # One at a time is in memory.
    restyled = (RestyledFrame(at_size(seen(then)), at_size(seen(result)), same) for then, result, same in frames)
    share = last_share(content.shape[2], content.shape[1], settings)
    merged = merged_guide(at_size(content), restyled, share)

    def as_image(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Tensor:
        return torch.from_numpy(array).permute(2, 0, 1).contiguous().to(content.device)

    return Guide(
        as_image(merged.image),
        torch.from_numpy(merged.weight).to(content.device),
        as_image(merged.start),
        torch.from_numpy(merged.detailed).to(content.device),
    )
