"""What can be said in numbers of a restyled picture, from its pixels alone. The eye has the last word.

No pretrained network is needed, so that weights can be compared anywhere, and nothing is tuned on anyone's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

GREY = (0.299, 0.587, 0.114)
ORIENTATION_SCALES = (0.7, 1.5)  # pixels: fine and broad strokes
BANDS = (1.0, 2.0, 4.0, 8.0)  # pixels: where texture is looked for


@dataclass(frozen=True)
class Measures:
    """colours: distance of the RGB distributions along many directions (sliced Wasserstein-1), 0 the same, in units of
    0..1. strokes: coherence of the structure tensor, result minus style; below 0 grain where strokes should be, above
    0 smeared. texture: mean relative difference of the energy in bands, along and across. content: mean
    correlation of the local means of light and dark with the content's, 1 the content itself."""

    colours: float
    strokes: float
    texture: float
    content: float


def measure(style: Tensor, content: Tensor, result: Tensor) -> Measures:
    """style: (3, h, w); content, result: (3, H, W), 0..1, sRGB-coded."""
    return Measures(
        colours=colour_distance(result, style),
        strokes=coherence(result) - coherence(style),
        texture=texture_distance(result, style),
        content=likeness(result, content),
    )


def colour_distance(a: Tensor, b: Tensor, directions: int = 32, levels: int = 512) -> float:
    """Sliced Wasserstein-1 distance of two pictures' colours."""
    random = torch.Generator().manual_seed(0)
    ways = F.normalize(torch.randn(directions, 3, generator=random), dim=1)
    at = (torch.arange(levels) + 0.5) / levels

    def quantiles(image: Tensor) -> Tensor:
        along = (ways @ image.flatten(1)).sort(dim=1).values  # (directions, M)
        return along[:, (at * along.shape[1]).long()]

    return float((quantiles(a) - quantiles(b)).abs().mean())


def coherence(image: Tensor) -> float:
    """Gradient-weighted coherence of the structure tensor, 0 (grain) to 1 (lines): Σ(λ1−λ2) / Σ(λ1+λ2)."""
    grey = _grey(image)
    found = []
    for sigma in ORIENTATION_SCALES:
        smooth = blurred(grey, sigma)
        down, across = torch.gradient(smooth[0, 0])
        tensor = [blurred(v[None, None], 2.5 * sigma)[0, 0] for v in (across * across, across * down, down * down)]
        difference = ((tensor[0] - tensor[2]).square() + 4 * tensor[1].square()).sqrt()
        found.append(float(difference.sum() / (tensor[0] + tensor[2] + 1e-9).sum()))
    return sum(found) / len(found)


def texture_distance(result: Tensor, style: Tensor) -> float:
    """Mean |log2| of the ratio of deviations in bands, so that 1 is twice or half as rough."""
    ratios = []
    for a, b in zip(_bands(result), _bands(style), strict=True):
        ratios.append((a / b.clamp_min(1e-6)).clamp_min(1e-6).log2().abs())
    return float(torch.stack(ratios).mean())


def likeness(result: Tensor, content: Tensor) -> float:
    """Mean correlation, over bands, of light and dark with the content's."""
    a, b = _grey(result), _grey(content)
    found = []
    for sigma in BANDS[1:]:
        x, y = ((blurred(v, sigma) - blurred(v, 4 * sigma)).flatten() for v in (a, b))
        found.append(float(F.cosine_similarity(x - x.mean(), y - y.mean(), dim=0)))
    return sum(found) / len(found)


def _bands(image: Tensor) -> list[Tensor]:
    """Deviation of light and dark in each band."""
    grey = _grey(image)
    return [(blurred(grey, sigma / 2) - blurred(grey, sigma)).std() for sigma in BANDS]


def _grey(image: Tensor) -> Tensor:
    """(3, H, W) → (1, 1, H, W)."""
    return torch.einsum("c,chw->hw", torch.tensor(GREY), image)[None, None]


def blurred(field: Tensor, sigma: float) -> Tensor:
    """(1, 1, H, W), a Gaussian, the edges mirrored; cut off where the picture is smaller than it is."""
    across, down = (_gaussian(sigma, side) for side in (field.shape[-1], field.shape[-2]))
    x, y = len(across) // 2, len(down) // 2
    field = F.pad(field, (x, x, y, y), mode="reflect")
    return F.conv2d(F.conv2d(field, across.view(1, 1, 1, -1)), down.view(1, 1, -1, 1))


def _gaussian(sigma: float, side: int) -> Tensor:
    """(2n + 1,), sum 1."""
    reach = min(int(3 * sigma + 1), side - 1)
    taps = torch.exp(-torch.arange(-reach, reach + 1).float().square() / (2 * sigma**2))
    return taps / taps.sum()
