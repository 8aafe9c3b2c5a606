"""Targets kept warm: least recently used go first, within a budget of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from torch import Tensor


class TargetCache:
    """Tensors by key. `hits` and `misses` count, for status and tests."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.bytes = 0
        self.hits = 0
        self.misses = 0
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

    def __len__(self) -> int:
        return len(self._kept)


def _bytes(tensors: tuple[Tensor, ...]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)
