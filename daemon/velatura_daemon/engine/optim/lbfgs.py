"""L-BFGS in compact form: the direction from a few large products, with nothing that waits for the device.

torch.optim.LBFGS walks its memory twice, pair by pair, and asks the device for a number at each; the compact form reads
the memory twice in all (docs/performance.md). The directions are the same but for rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor


class CurvatureMemory:
    """The last `pairs` changes s of the unknowns and y of their slopes: an estimate of the inverse curvature.

    Byrd, Nocedal and Schnabel 1994, theorem 2.2: with S, Y the pairs in order of time, R the upper triangle of SᵀY and
    D its diagonal,  H = γI + [S γY] [[R⁻ᵀ(D + γYᵀY)R⁻¹, −R⁻ᵀ], [−R⁻¹, 0]] [S γY]ᵀ,  γ = sᵀy / yᵀy of the newest pair. A
    pair of no positive curvature stays out: it is a row of zeros, with 1 on R's diagonal.
    """

    def __init__(self, like: Tensor, pairs: int) -> None:
        """like: (N,), of the unknowns' type and device."""
        self.s = like.new_zeros(pairs, len(like))
        self.y = like.new_zeros(pairs, len(like))
        self.sy = like.new_zeros(pairs, pairs)  # s_i · y_j, by slot
        self.yy = like.new_zeros(pairs, pairs)
        self.gamma = like.new_ones(())
        self.slot = torch.zeros(
            1, dtype=torch.long, device=like.device
        )  # where the next pair goes: over the oldest one

    @property
    def bytes(self) -> int:
        return 2 * self.s.numel() * self.s.element_size()

    def add(self, s: Tensor, y: Tensor) -> None:
        """Take in a pair, (N,) each, in place of the oldest. Both are written over: they may be as large as memory
        allows."""
        curvature, square = s @ y, y @ y
        good = curvature > 1e-10 * square
        s.masked_fill_(~good, 0)
        y.masked_fill_(~good, 0)
        self.gamma = torch.where(good, curvature / square, self.gamma)
        self.s.index_copy_(0, self.slot, s[None])
        self.y.index_copy_(0, self.slot, y[None])
        self.sy.index_copy_(0, self.slot, (self.y @ s)[None])
        self.sy.index_copy_(1, self.slot, (self.s @ y)[:, None])
        with_y = self.y @ y
        self.yy.index_copy_(0, self.slot, with_y[None])
        self.yy.index_copy_(1, self.slot, with_y[:, None])
        self.slot = (self.slot + 1) % len(self.s)

    def forget_where(self, condition: Tensor) -> None:
        """Forget everything where condition, a single truth value on the device, holds."""
        keep = (~condition).to(self.s.dtype)
        for memory in (self.s, self.y, self.sy, self.yy):
            # A product, not a selection: it is in place. What could be no number has not been let in.
            memory.mul_(keep)

    def newton(self, slope: Tensor) -> Tensor:
        """H g of a slope g, (N,): the step that would lead to the minimum of what is known, but for its sign."""
        order = (self.slot + torch.arange(len(self.s), device=slope.device)) % len(self.s)  # oldest first
        back = torch.argsort(order)
        sy, yy = (matrix[order][:, order] for matrix in (self.sy, self.yy))
        diagonal = sy.diagonal()
        r = sy.triu() + torch.diag((diagonal == 0).to(sy))
        a, b = (self.s @ slope)[order], (self.y @ slope)[order]
        u = torch.linalg.solve_triangular(r, a[:, None], upper=True)
        inner = diagonal[:, None] * u + self.gamma * (yy @ u - b[:, None])
        p = torch.linalg.solve_triangular(r.T, inner, upper=False)
        step = torch.addmv(slope, self.y.T, u[back, 0], alpha=-1)
        return step.mul_(self.gamma).addmv_(self.s.T, p[back, 0])
