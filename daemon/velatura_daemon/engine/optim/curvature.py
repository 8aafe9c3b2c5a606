"""The curvature memory of L-BFGS in compact form: a direction from a few large products that never wait for the device.

torch.optim.LBFGS walks through its memory twice, pair by pair, and asks the device for a number at each pair; the
compact form reads the memory twice in all (docs/performance.md). The directions are equal up to rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor

MIN_CURVATURE = 1e-10  # sᵀy / yᵀy; a pair with less is left out


class CurvatureMemory:
    """The last `pairs` changes s of the unknowns and y of their gradients: an estimate of the inverse Hessian.

    Byrd, Nocedal and Schnabel 1994, theorem 2.2: with S, Y the pairs in order of time, R the upper triangle of SᵀY and
    D its diagonal,  H = γI + [S γY] [[R⁻ᵀ(D + γYᵀY)R⁻¹, −R⁻ᵀ], [−R⁻¹, 0]] [S γY]ᵀ,  γ = sᵀy / yᵀy of the newest pair. A
    pair without positive curvature is left out: it is stored as zeros, with 1 on R's diagonal.

    Args:
        like: (N,), of the unknowns' type and device.
        pairs: How many changes are remembered.
    """

    def __init__(self, like: Tensor, pairs: int) -> None:
        self.s = like.new_zeros(pairs, len(like))
        self.y = like.new_zeros(pairs, len(like))
        self.sy = like.new_zeros(pairs, pairs)  # s_i · y_j, by slot
        self.yy = like.new_zeros(pairs, pairs)  # y_i · y_j, by slot
        self.gamma = like.new_ones(())
        self.slot = torch.zeros(1, dtype=torch.long, device=like.device)  # the oldest pair's: the next one replaces it

    @property
    def bytes(self) -> int:
        """The size of the stored pairs."""
        return 2 * self.s.numel() * self.s.element_size()

    def add(self, s: Tensor, y: Tensor) -> None:
        """Stores a pair in place of the oldest.

        Args:
            s: (N,), the change of the unknowns. Overwritten, like y, since both may be as large as memory allows.
            y: (N,), the change of the gradient.
        """
        curvature, square = s @ y, y @ y
        good = curvature > MIN_CURVATURE * square
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

    def clear_if(self, condition: Tensor) -> None:
        """Drops all pairs if condition, a single truth value on the device, is true."""
        keep = (~condition).to(self.s.dtype)
        for memory in (self.s, self.y, self.sy, self.yy):
            memory.mul_(keep)  # in place, unlike a selection; nothing in here is infinite or NaN, see `add`

    def inverse_hessian_times(self, gradient: Tensor) -> Tensor:
        """H g of a gradient g, (N,): the step to the minimum of the quadratic model, up to its sign."""
        order = (self.slot + torch.arange(len(self.s), device=gradient.device)) % len(self.s)  # oldest first
        back = torch.argsort(order)
        sy, yy = (matrix[order][:, order] for matrix in (self.sy, self.yy))
        diagonal = sy.diagonal()
        r = sy.triu() + torch.diag((diagonal == 0).to(sy))
        a, b = (self.s @ gradient)[order], (self.y @ gradient)[order]
        u = torch.linalg.solve_triangular(r, a[:, None], upper=True)
        inner = diagonal[:, None] * u + self.gamma * (yy @ u - b[:, None])
        p = torch.linalg.solve_triangular(r.T, inner, upper=False)
        step = torch.addmv(gradient, self.y.T, u[back, 0], alpha=-1)
        return step.mul_(self.gamma).addmv_(self.s.T, p[back, 0])
