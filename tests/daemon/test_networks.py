"""The networks a worker keeps warm: which job gets which, and what is not loaded twice."""

from __future__ import annotations

import torch

from velatura.paths import places
from velatura_daemon.executors.networks import Networks
from velatura_daemon.weights.store import WeightStore

CPU = torch.device("cpu")


def test_from_draft_to_good_and_back_no_network_is_loaded_again(tmp_path):
    networks = Networks(WeightStore(places({"VELATURA_HOME": str(tmp_path)})))
    draft, good = networks.get("auto", "draft", CPU), networks.get("auto", "good", CPU)
    assert draft is not good
    assert networks.get("random", "draft", CPU) is draft  # whatever weights are asked for
    assert networks.get("embedded", "good", CPU) is good
    assert draft.network.name != good.network.name  # their targets are kept apart


def test_other_weights_take_the_full_networks_place_and_not_the_drafts(tmp_path):
    networks = Networks(WeightStore(places({"VELATURA_HOME": str(tmp_path)})))
    draft, good = networks.get("auto", "draft", CPU), networks.get("auto", "good", CPU)
    other = networks.get("random", "good", CPU)
    assert other.network.name != good.network.name
    assert networks.get("auto", "draft", CPU) is draft
