"""What is kept warm between jobs: targets, least recently used going first, and the last job's curvature."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from torch import Tensor

from velatura_daemon.engine.optim.lbfgs import CurvatureMemory

CURVATURE_BYTES = 256 << 20  # up to a picture of a megapixel


class TargetCache:
    """Tensors by key. `hits` and `misses` count, for status and tests. curvature: of the last picture, by its key."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.bytes = 0
        self.hits = 0
        self.misses = 0
        self.curvature = CurvatureCache()
        self._kept: OrderedDict[Hashable, tuple[Tensor, ...]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """What is kept under key, or what `make` makes, kept from now on if it fits the budget."""
        if key in self._kept:
            self.hits += 1
            self._kept.move_to_end(key)
            return self._kept[key]
        self.misses += 1
        made = make()
        size = _bytes(made)
        if size <= self.budget:
            self._kept[key] = made
            self.bytes += size
            while self.bytes > self.budget:
                _, dropped = self._kept.popitem(last=False)
                self.bytes -= _bytes(dropped)
        return made

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self.bytes = 0
        self.curvature = CurvatureCache()

    def __len__(self) -> int:
        return len(self._kept)


class CurvatureCache:
    """L-BFGS's memory of one picture, for a job that goes on from where the last one ended: after a moved strength it
    knows at once how far to go (docs/performance.md)."""

    def __init__(self) -> None:
        self.key: Hashable = None
        self.memory: CurvatureMemory | None = None

    def get(self, key: Hashable) -> CurvatureMemory | None:
        """What is known of this picture."""
        return self.memory if self.key == key else None

    def keep(self, key: Hashable, memory: CurvatureMemory) -> None:
        """From now on this one, and no other; nothing, where it is too large."""
        self.key, self.memory = (key, memory) if memory.bytes <= CURVATURE_BYTES else (None, None)


def _bytes(tensors: tuple[Tensor, ...]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)
