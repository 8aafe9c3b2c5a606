"""The network a worker keeps loaded: which job gets which, and what is not loaded twice."""

from __future__ import annotations

import os

import pytest
import torch

from tests.support.networks import weights_of_vgg19s_shapes
from velatura.app_dirs import app_dirs
from velatura_daemon.models.store import WeightStore
from velatura_daemon.worker.model_cache import ModelCache

CPU = torch.device("cpu")


@pytest.fixture
def store(tmp_path):
    one = WeightStore(app_dirs({"VELATURA_HOME": str(tmp_path / "home")}))
    yield one
    for path in one.dirs.weights.glob("*.safetensors"):  # pytest keeps folders, and these are large
        path.unlink()


@pytest.fixture
def own(store, tmp_path):
    """The name of a user's file."""
    torch.save(weights_of_vgg19s_shapes("conv5_1"), tmp_path / "mine.pth")
    return store.import_file(tmp_path / "mine.pth")


def test_from_job_to_job_the_network_is_not_loaded_again(store):
    networks = ModelCache(store)
    first = networks.get("auto", CPU)
    assert networks.get("auto", CPU) is first
    assert networks.get("vgg19", CPU) is first  # the same by another name


def test_other_weights_take_its_place(store, own):
    networks = ModelCache(store)
    first, other = networks.get("auto", CPU), networks.get(own, CPU)
    assert networks.get(own, CPU) is other
    assert networks.get("auto", CPU) is not first


def test_targets_of_other_weights_are_separate(store, own):
    networks = ModelCache(store)
    assert networks.get("auto", CPU).network.name != networks.get(own, CPU).network.name


def test_a_file_that_has_changed_is_read_again_and_its_targets_are_made_anew(store, own):
    networks = ModelCache(store)
    before = networks.get(own, CPU)
    path = store.resolve(own).path
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 10**9))
    after = networks.get(own, CPU)
    assert after is not before
    assert after.network.name != before.network.name


def test_a_moved_choice_is_followed_by_auto(store, own):
    networks = ModelCache(store)
    assert networks.get("auto", CPU).weights.name == "vgg19"
    store.choose(own)
    assert networks.get("auto", CPU).weights.name == own
