"""The preconditioner of L-BFGS: it favours coarse over fine, so that strokes move before single pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from velatura.settings import StyleSettings

# 0 moves all frequencies alike and leaves fog, 1 leaves strokes out of drafts (docs/performance.md, docs/quality.md).
EXPONENT = 0.5
# From white noise, any favour for coarse frequencies lets the edges of the image, whose gradients differ, decide the
# colours of large areas: blue at the edges and grey in the middle after 150 steps of a night sky (docs/explain.md).
PAPER_EXPONENT = 0.0
MAX_BATCHED_VALUES = 3 << 20  # of an image whose channels are transformed together on a GPU: a megapixel


def preconditioner_exponent(settings: StyleSettings) -> float:
    """The exponent for a restyle. The paper has no preconditioner."""
    return PAPER_EXPONENT if settings.quality == "paper" else EXPONENT


def preconditioner(image: Tensor, exponent: float = EXPONENT) -> Tensor:
    """Returns the gain of each frequency f of an image, ∝ f^-exponent, with a mean square of 1.

    Args:
        image: (3, H, W).
        exponent: 0 moves all frequencies alike.

    Returns:
        (H, W // 2 + 1), for the frequencies of a real Fourier transform.
    """
    height, width = image.shape[-2:]
    down = torch.fft.fftfreq(height, dtype=image.dtype, device=image.device)[:, None]
    across = torch.fft.rfftfreq(width, dtype=image.dtype, device=image.device)
    gain: Tensor = (torch.hypot(down, across) + 1 / max(height, width)) ** -exponent
    return gain / gain.square().mean().sqrt()


def preconditioned(image: Tensor, gain: Tensor) -> Tensor:
    """Computes P x, an image with each frequency multiplied by its gain.

    P is symmetric and positive; it treats the image as periodic.

    Args:
        image: (3, H, W).
        gain: From `preconditioner`.

    Returns:
        (3, H, W).
    """
    return precondition_(image.clone(), gain)


def precondition_(image: Tensor, gain: Tensor) -> Tensor:
    """`preconditioned` in place, channel by channel, since the frequencies of a large image take much memory.

    On a GPU a small image's channels are transformed together: there, launching the kernels takes longer.

    Args:
        image: (3, H, W).
        gain: From `preconditioner`.

    Returns:
        The image.
    """
    for part in [image] if image.is_cuda and image.numel() <= MAX_BATCHED_VALUES else image:
        part.copy_(torch.fft.irfft2(torch.fft.rfft2(part).mul_(gain), s=image.shape[-2:]))
    return image
