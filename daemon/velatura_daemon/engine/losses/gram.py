"""Channel correlations, and their gradient in closed form."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BLOCK = 256  # places, at least, whose products bfloat16 sums in one go; the sums of blocks are added in float32
MOST_BLOCKS = 256


def gram(features: Tensor, weight: Tensor | None = None) -> Tensor:
    """Channel correlations of a feature map: G_ij = Σ_k w_k F_ik F_jk (Gatys 2015, eq. 3).

    features: (C, H, W). weight: (H, W), how much each place counts, 0 to 1; None where each counts in full.
    Returns (C, C), in float32 where features are in bfloat16.
    Differs from the paper: a place counts by its weight, so that a selection's soft edge does; with all
    weights 1 it is the paper's.
    """
    places = features.flatten(1).T  # (M, C): the rows of a channels_last map, without a copy
    product: Tensor = _Gram.apply(places, None if weight is None else weight.flatten())
    return product


class _Gram(torch.autograd.Function):
    """G = Xᵀ W X with rows X (M, C). dL/dX = W X (dL/dG + dL/dGᵀ): one product, where autograd takes
    two (docs/performance.md)."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor | None) -> Tensor:
        weighted = rows if weight is None else rows * weight[:, None].to(rows.dtype)
        ctx.save_for_backward(weighted)
        if rows.dtype != torch.bfloat16:
            return weighted.T @ rows
        return _summed_in_blocks(weighted, rows)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        (weighted,) = ctx.saved_tensors
        return weighted @ (slope + slope.T).to(weighted.dtype), None


def _summed_in_blocks(weighted: Tensor, rows: Tensor) -> Tensor:
    """weightedᵀ rows in float32, from products in bfloat16, which are rounded once a block and not once in all: three
    times as fast as float32, an error of 6e-5 (conv1_1) to 9e-4 (conv5_1) of an entry at 512². (M, C), (M, C) → (C,
    C)."""
    block = max(BLOCK, len(rows) // MOST_BLOCKS)
    whole = len(rows) // block * block
    total = weighted[whole:].T.float() @ rows[whole:].float()
    if whole:
        blocks, with_weights = (x[:whole].view(-1, block, x.shape[1]) for x in (rows, weighted))  # (B, block, C)
        total += torch.bmm(with_weights.transpose(1, 2), blocks).sum(0, dtype=torch.float32)
    return total
