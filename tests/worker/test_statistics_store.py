"""Style statistics on disk: what was saved is found again, damage is survived, and the folder stays small."""

from __future__ import annotations

import os

import pytest
import torch

from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.losses.statistics import Statistics
from velatura_daemon.worker.statistics_store import StatisticsStore

CPU = torch.device("cpu")
KEY = ("style", "network", ("a picture", False), 384, 512, "average")


def statistics(seed: int = 0) -> dict[str, Statistics]:
    generator = torch.Generator().manual_seed(seed)
    return {
        layer: Statistics(torch.randn(count, generator=generator), torch.randn(count, count, generator=generator))
        for layer, count in (("conv1_1", 4), ("conv2_1", 8))
    }


def agree(found, expected) -> bool:
    return found.keys() == expected.keys() and all(
        torch.equal(found[layer].mean, item.mean) and torch.equal(found[layer].second_moment, item.second_moment)
        for layer, item in expected.items()
    )


@pytest.fixture
def store(tmp_path):
    return StatisticsStore(tmp_path / "styles", "build")


def test_saved_statistics_are_found_by_another_store_of_the_same_build(store, tmp_path):
    store.save(KEY, statistics())
    assert agree(StatisticsStore(tmp_path / "styles", "build").load(KEY, CPU), statistics())


@pytest.mark.parametrize("key", [(*KEY[:-1], "max"), (*KEY[:3], 385, 512, "average"), ("style", "other", *KEY[2:])])
def test_another_key_finds_nothing(store, key):
    store.save(KEY, statistics())
    assert store.load(key, CPU) is None


def test_another_build_finds_nothing(store, tmp_path):
    store.save(KEY, statistics())
    assert StatisticsStore(tmp_path / "styles", "newer build").load(KEY, CPU) is None


def test_a_byte_of_damage_anywhere_never_raises(store, tmp_path):
    store.save(KEY, statistics())
    (file,) = (tmp_path / "styles").iterdir()
    whole = file.read_bytes()
    for place in [*range(128), *range(len(whole) - 400, len(whole))]:  # headers, and the directory of the zip file
        for flipped in (0x01, 0x40, 0xFF):
            data = bytearray(whole)
            data[place] ^= flipped
            file.write_bytes(data)
            store.load(KEY, CPU)


def test_a_damaged_name_of_a_layer_is_noticed(store, tmp_path):
    """The checksums of a zip file do not cover the names."""
    store.save(KEY, statistics())
    (file,) = (tmp_path / "styles").iterdir()
    file.write_bytes(file.read_bytes().replace(b"conv1_1.", b"conv1_3."))
    assert store.load(KEY, CPU) is None


def test_a_byte_of_damage_that_hides_a_layer_is_noticed(store, tmp_path):
    store.save(KEY, statistics())
    (file,) = (tmp_path / "styles").iterdir()
    data = bytearray(file.read_bytes())
    entry = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)  # the second one of the directory
    data[entry + 33] ^= 0x01  # the length of its comment is now greater than the rest of the directory
    file.write_bytes(data)
    assert store.load(KEY, CPU) is None


@pytest.mark.parametrize("damage", [b"", b"not a zip file", None])
def test_a_damaged_file_is_deleted_and_counts_as_missing(store, tmp_path, damage):
    store.save(KEY, statistics())
    (file,) = (tmp_path / "styles").iterdir()
    if damage is None:
        data = bytearray(file.read_bytes())
        data[300] ^= 0xFF  # inside the first array
        damage = bytes(data)
    file.write_bytes(damage)
    assert store.load(KEY, CPU) is None
    assert not file.exists()


def test_the_least_recently_used_files_are_deleted_beyond_the_limit(tmp_path):
    store = StatisticsStore(tmp_path / "styles", "build")
    for number in range(3):
        store.save((number,), statistics(number))
    for age, path in enumerate(store._path((number,)) for number in (0, 2, 1)):
        os.utime(path, ns=(age * 10**9, age * 10**9))
    assert store.load((0,), CPU) is not None  # used just now
    size = sum(path.stat().st_size for path in (tmp_path / "styles").iterdir())
    StatisticsStore(tmp_path / "styles", "build", size).save((3,), statistics(3))
    assert [number for number in range(4) if store.load((number,), CPU)] == [0, 1, 3]


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = StatisticsStore(tmp_path / "file" / "styles", "build")
    store.save(KEY, statistics())
    assert store.load(KEY, CPU) is None


def test_the_target_cache_makes_statistics_once_for_all_processes(store):
    made = []

    def make():
        made.append(1)
        return statistics()

    for _ in range(2):  # a new cache, as in a new process
        found = TargetCache(1 << 20, store).get_statistics(KEY, CPU, make)
        assert agree(found, statistics())
    assert made == [1]


def test_without_storage_statistics_are_kept_in_memory_only():
    cache, made = TargetCache(1 << 20), []
    for _ in range(2):
        cache.get_statistics(KEY, CPU, lambda: made.append(1) or statistics())
    assert made == [1]
