"""Targets kept warm: never over the budget, the least recently used goes first."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura_daemon.engine import cache
from velatura_daemon.engine.cache import CurvatureCache, TargetCache
from velatura_daemon.engine.optim.lbfgs import CurvatureMemory


def floats(count):
    return (torch.zeros(count),)


def test_what_was_made_once_is_not_made_again():
    cache, made = TargetCache(1000), []
    for _ in range(3):
        cache.get("key", lambda: made.append(1) or floats(2))
    assert made == [1]
    assert (cache.hits, cache.misses) == (2, 1)


def test_the_kept_tensors_are_the_made_ones():
    cache, tensors = TargetCache(1000), (torch.ones(3), torch.zeros(2))
    cache.get("key", lambda: tensors)
    assert cache.get("key", lambda: floats(9)) is tensors


def test_the_least_recently_used_goes_first():
    cache = TargetCache(3 * 4)
    for key in ("a", "b", "c", "a", "d"):
        cache.get(key, lambda: floats(1))
    misses = cache.misses
    for key in ("a", "c", "d"):
        cache.get(key, lambda: floats(1))
    assert cache.misses == misses
    cache.get("b", lambda: floats(1))
    assert cache.misses == misses + 1


def test_what_is_larger_than_the_budget_is_made_but_not_kept():
    cache = TargetCache(8)
    cache.get("small", lambda: floats(2))
    assert cache.get("large", lambda: floats(3))[0].numel() == 3
    assert (len(cache), cache.bytes) == (1, 8)


def test_a_budget_of_nothing_keeps_nothing():
    cache = TargetCache(0)
    cache.get("key", lambda: floats(1))
    assert len(cache) == 0


def test_what_could_not_be_made_is_not_kept():
    cache = TargetCache(1000)
    with pytest.raises(ZeroDivisionError):
        cache.get("key", lambda: 1 / 0)
    assert cache.get("key", lambda: floats(1))[0].numel() == 1
    assert cache.bytes == 4


def test_clear_forgets_everything():
    cache = TargetCache(1000)
    cache.get("key", lambda: floats(2))
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 12))), st.integers(0, 100))
def test_the_bytes_are_counted_right_and_never_over_the_budget(asked, budget):
    cache, size_of = TargetCache(budget), {}
    for key, size in asked:
        size_of.setdefault(key, size)
        cache.get(key, lambda size=size_of[key]: floats(size))
        kept = [k for k in size_of if k in cache._kept]
        assert cache.bytes == sum(4 * size_of[k] for k in kept) <= budget


def test_one_pictures_curvature_is_kept_and_no_other():
    kept, memory = CurvatureCache(), CurvatureMemory(torch.zeros(12), 2)
    kept.keep("a", memory)
    assert kept.get("a") is memory
    assert kept.get("b") is None
    kept.keep("b", CurvatureMemory(torch.zeros(12), 2))
    assert kept.get("a") is None


def test_curvature_that_is_too_large_is_not_kept(monkeypatch):
    monkeypatch.setattr(cache, "CURVATURE_BYTES", 100)
    kept = CurvatureCache()
    kept.keep("small", CurvatureMemory(torch.zeros(4), 2))
    assert kept.get("small") is not None
    kept.keep("large", CurvatureMemory(torch.zeros(400), 2))
    assert kept.get("large") is kept.get("small") is None
