"""The network in training: VGG19 to conv5_1 with batch norm, and a judge of style at each style layer.

What is asked of it is what the engine will ask: that a feature map's statistics tell one style from another.
So each of the five style layers has its own linear classifier over its channels' means and deviations.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from velatura_daemon.engine.network import INPUT_MEAN, INPUT_STD, LAYERS, STYLE_LAYERS, channels_of


class Pupil(nn.Module):
    """width: 1 is VGG19's own channels; 0.25 the thin network's. depth: the deepest layer that is trained."""

    def __init__(self, styles: int, width: float = 1.0, depth: str = LAYERS[-1]) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.names = LAYERS[: LAYERS.index(depth) + 1]
        self.judges_at = [name for name in STYLE_LAYERS if name in self.names]
        self.convolutions, self.norms, self.judges = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        channels = 3
        for name in self.names:
            wide = channels_of(name, width)
            convolution = nn.Conv2d(channels, wide, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            self.convolutions[name], self.norms[name] = convolution, nn.BatchNorm2d(wide)
            channels = wide
        for name in self.judges_at:
            self.judges[name] = nn.Linear(2 * channels_of(name, width), styles)
        self.register_buffer("mean", torch.tensor(INPUT_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(INPUT_STD).view(1, 3, 1, 1))

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """pictures: (B, 3, H, W), 0..1. Returns each judge's opinion, (B, styles) by layer."""
        x = (pictures - self.mean) / self.std
        x = x.contiguous(memory_format=torch.channels_last)
        opinions = {}
        for name in self.names:
            if name.endswith("_1") and name != self.names[0]:
                x = F.avg_pool2d(x, 2)
            x = F.relu(self.norms[name](self.convolutions[name](x)))
            if name in self.judges_at:
                flat = x.float().flatten(2)  # (B, C, M)
                statistics = torch.cat([flat.mean(2), (flat.var(2) + 1e-5).sqrt()], 1)
                opinions[name] = self.judges[name](statistics)
        return opinions

    @torch.no_grad()
    def folded(self) -> dict[str, Tensor]:
        """Weights by layer name with the batch norms in them: W γ/σ and β − μ γ/σ."""
        weights = {}
        for name in self.names:
            convolution, norm = self.convolutions[name], self.norms[name]
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None
            assert norm.running_var is not None
            factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weights[f"{name}.weight"] = (convolution.weight * factor.view(-1, 1, 1, 1)).float().contiguous()
            weights[f"{name}.bias"] = (norm.bias - norm.running_mean * factor).float()
        return weights
