"""What is kept between jobs: style and content targets, and the last job's curvature."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol, TypeVar

import torch

from velatura_daemon.engine.losses.statistics import Statistics
from velatura_daemon.engine.optim.curvature import CurvatureMemory

CURVATURE_BYTES = 256 << 20  # enough for an image of a megapixel


class HasBytes(Protocol):
    """A tensor, or statistics of tensors."""

    @property
    def nbytes(self) -> int:
        """The size in bytes."""


Value = TypeVar("Value", bound="HasBytes | Mapping[str, Any]")  # Any: HasBytes


class StatisticsStorage(Protocol):
    """A store of style statistics that outlives the process."""

    def load(self, key: Hashable, device: torch.device) -> dict[str, Statistics] | None:
        """Returns the statistics stored under a key, by layer, on a device; None if there are none."""

    def save(self, key: Hashable, statistics: Mapping[str, Statistics]) -> None:
        """Stores statistics under a key."""


class TargetCache:
    """Targets by key, within a budget of bytes; the least recently used are dropped first.

    Args:
        budget: The largest size in bytes; 0 keeps nothing.
        storage: Where style statistics are kept besides.

    Attributes:
        bytes: The size of the cached targets.
        hits: How often a target was found, for the daemon's status and for tests.
        misses: How often not.
        curvature: The curvature of the last image.
    """

    def __init__(self, budget: int, storage: StatisticsStorage | None = None) -> None:
        self.budget = budget
        self._storage = storage
        self.bytes = 0
        self.hits = 0
        self.misses = 0
        self.curvature = CurvatureCache()
        self._values: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Returns the value cached under a key, or a new one, which is cached if it fits the budget.

        Args:
            key: Identifies the value.
            make: Returns the value if it is not cached.

        Returns:
            The value.
        """
        if key in self._values:
            self.hits += 1
            self._values.move_to_end(key)
            cached: Value = self._values[key]
            return cached
        self.misses += 1
        value = make()
        size = _nbytes(value)
        if size <= self.budget:
            self._values[key] = value
            self.bytes += size
            while self.bytes > self.budget:
                _, dropped = self._values.popitem(last=False)
                self.bytes -= _nbytes(dropped)
        return value

    def get_statistics(
        self, key: Hashable, device: torch.device, make: Callable[[], dict[str, Statistics]]
    ) -> dict[str, Statistics]:
        """Like `get`, for a style's statistics by layer.

        Args:
            key: Identifies the style, its size and the network.
            device: Where they are needed.
            make: Computes them, if the storage does not have them either.

        Returns:
            Statistics by layer.
        """
        return self.get(key, lambda: self._stored_statistics(key, device, make))

    def _stored_statistics(
        self, key: Hashable, device: torch.device, make: Callable[[], dict[str, Statistics]]
    ) -> dict[str, Statistics]:
        if self._storage is None:
            return make()
        statistics = self._storage.load(key, device)
        if statistics is None:
            statistics = make()
            self._storage.save(key, statistics)
        return statistics

    def clear(self) -> None:
        """Drops all targets and the curvature."""
        self._values.clear()
        self.bytes = 0
        self.curvature = CurvatureCache()

    def __len__(self) -> int:
        return len(self._values)


class CurvatureCache:
    """L-BFGS's curvature memory of one image, for a job that continues where the last one ended.

    After a change of strength L-BFGS knows at once how far to step (docs/performance.md).
    """

    def __init__(self) -> None:
        self.key: Hashable = None
        self.memory: CurvatureMemory | None = None

    def get(self, key: Hashable) -> CurvatureMemory | None:
        """Returns the memory stored under this key; None if there is none."""
        return self.memory if self.key == key else None

    def put(self, key: Hashable, memory: CurvatureMemory) -> None:
        """Replaces the stored memory by this one, or by none if this one is over CURVATURE_BYTES."""
        self.key, self.memory = (key, memory) if memory.bytes <= CURVATURE_BYTES else (None, None)


def _nbytes(value: HasBytes | Mapping[str, HasBytes]) -> int:
    return sum(part.nbytes for part in value.values()) if isinstance(value, Mapping) else value.nbytes
