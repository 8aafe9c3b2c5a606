"""Following a content that changes: the last image plus what has changed in the content since."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.inputs import working_image
from velatura_daemon.engine.masks import fill_hidden
from velatura_daemon.engine.source import Source

REFERENCE_SIDE = 512  # pixels, the longest side of what is remembered of a content
BLOCK = 16  # pixels a side, of the places whose forms are compared
FLAT = 0.01  # root mean square of the detail, of the 0..1 range, below which a place has no forms
NEW_SHARE = 0.4  # of the places with forms: if more have changed theirs, it is another picture


def reference(content: Source, settings: StyleSettings) -> Tensor:
    """Returns a small version of a content to compare later ones with: (3, h, w), at most REFERENCE_SIDE a side."""
    image = working_image(fill_hidden(content.image, content.visible), settings)
    factor = min(1.0, REFERENCE_SIDE / max(content.size))
    height, width = (max(1, round(side * factor)) for side in content.size)
    return resize(image, height, width).clamp(0, 1)


def followed(image: Tensor, then: Tensor, now: Tensor) -> Tensor:
    """Adds the changes of a content to the image that was made from it.

    Args:
        image: (3, h, w).
        then: (3, H, W), the content that the image was made of.
        now: (3, H', W'), the content as it is now.

    Returns:
        (3, h, w), not clamped.
    """
    small = min(then, now, key=lambda content: content.shape[-1])
    height, width = small.shape[1:]
    change = resize(now, height, width) - resize(then, height, width)
    return image + resize(change, image.shape[1], image.shape[2])


def is_same_picture(then: Tensor, now: Tensor) -> bool:
    """Whether a content is an edited version of an earlier one, with a new brush stroke or tone for example.

    Of another picture, or of the picture moved, the last image would leave ghosts.

    Args:
        then: (3, H, W), the earlier content.
        now: (3, H', W'), the content as it is now.

    Returns:
        False if over NEW_SHARE of the places with forms have other forms.
    """
    small = min(then, now, key=lambda content: content.shape[-1])
    height, width = small.shape[1:]
    before, after = (_detail(resize(content, height, width)) for content in (then, now))
    # Per block: how much of the detail is not common to both, 0 to 1, and whether there is any.
    changed = _energy(after - before) / (_energy(before) + _energy(after)).clamp_min(1e-12)
    has_forms = (_energy(before) > FLAT**2) & (_energy(after) > FLAT**2)
    if not bool(has_forms.any()):
        return True
    return float((changed[has_forms] > 0.5).float().mean()) <= NEW_SHARE


def _detail(content: Tensor) -> Tensor:
    """(3, H, W) without its local mean: (H, W)."""
    grey = content.mean(0)[None, None]
    side = min(BLOCK + 1, 2 * ((min(grey.shape[-2:]) - 1) // 2) + 1)
    local: Tensor = F.avg_pool2d(grey, side, 1, side // 2, count_include_pad=False)
    return (grey - local)[0, 0]


def _energy(detail: Tensor) -> Tensor:
    """(H, W) → mean squares of blocks."""
    squares = detail.square()[None, None]
    energy: Tensor = F.avg_pool2d(squares, BLOCK, BLOCK, ceil_mode=True, count_include_pad=False)[0, 0]
    return energy
