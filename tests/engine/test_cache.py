"""Cached targets: never over the budget, the least recently used is dropped first."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura_daemon.engine import cache
from velatura_daemon.engine.cache import CurvatureCache, TargetCache
from velatura_daemon.engine.losses.statistics import Statistics
from velatura_daemon.engine.optim.curvature import CurvatureMemory


def floats(count):
    return torch.zeros(count)


def test_a_value_is_made_once():
    cache, made = TargetCache(1000), []
    for _ in range(3):
        cache.get("key", lambda: made.append(1) or floats(2))
    assert made == [1]
    assert (cache.hits, cache.misses) == (2, 1)


def test_the_cached_value_is_the_one_that_was_made():
    cache, value = TargetCache(1000), torch.ones(3)
    cache.get("key", lambda: value)
    assert cache.get("key", lambda: floats(9)) is value


def test_statistics_of_several_layers_are_one_value_of_all_their_bytes():
    cache = TargetCache(1000)
    value = {name: Statistics(torch.zeros(4), torch.zeros(4, 4)) for name in ("conv1_1", "conv2_1")}
    assert cache.get("key", lambda: value) is value
    assert cache.bytes == 2 * 4 * (4 + 16)


def test_the_least_recently_used_value_is_dropped_first():
    cache = TargetCache(3 * 4)
    for key in ("a", "b", "c", "a", "d"):
        cache.get(key, lambda: floats(1))
    misses = cache.misses
    for key in ("a", "c", "d"):
        cache.get(key, lambda: floats(1))
    assert cache.misses == misses
    cache.get("b", lambda: floats(1))
    assert cache.misses == misses + 1


def test_a_value_larger_than_the_budget_is_made_but_not_cached():
    cache = TargetCache(8)
    cache.get("small", lambda: floats(2))
    assert cache.get("large", lambda: floats(3)).numel() == 3
    assert (len(cache), cache.bytes) == (1, 8)


def test_a_budget_of_0_caches_nothing():
    cache = TargetCache(0)
    cache.get("key", lambda: floats(1))
    assert len(cache) == 0


def test_after_an_exception_nothing_is_cached():
    cache = TargetCache(1000)
    with pytest.raises(ZeroDivisionError):
        cache.get("key", lambda: 1 / 0)
    assert cache.get("key", lambda: floats(1)).numel() == 1
    assert cache.bytes == 4


def test_clear_drops_everything():
    cache = TargetCache(1000)
    cache.get("key", lambda: floats(2))
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 12))), st.integers(0, 100))
def test_the_bytes_are_counted_and_never_over_the_budget(requests, budget):
    cache, size_of = TargetCache(budget), {}
    for key, size in requests:
        size_of.setdefault(key, size)
        cache.get(key, lambda size=size_of[key]: floats(size))
        cached = [key for key in size_of if key in cache._values]
        assert cache.bytes == sum(4 * size_of[k] for k in cached) <= budget


def test_the_curvature_of_one_image_is_cached():
    curvature, memory = CurvatureCache(), CurvatureMemory(torch.zeros(12), 2)
    curvature.put("a", memory)
    assert curvature.get("a") is memory
    assert curvature.get("b") is None
    curvature.put("b", CurvatureMemory(torch.zeros(12), 2))
    assert curvature.get("a") is None


def test_curvature_that_is_too_large_is_not_cached(monkeypatch):
    monkeypatch.setattr(cache, "CURVATURE_BYTES", 100)
    curvature = CurvatureCache()
    curvature.put("small", CurvatureMemory(torch.zeros(4), 2))
    assert curvature.get("small") is not None
    curvature.put("large", CurvatureMemory(torch.zeros(400), 2))
    assert curvature.get("large") is curvature.get("small") is None
