"""VGG19 as published, up to conv5_1; every filter on one footing."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from velatura_daemon.engine.calibration import procedural_pictures, rescale_to_mean_activation_one
from velatura_daemon.engine.network import INDEX_OF, LAYERS, STRIDE_OF, Network, _Halved
from velatura_daemon.engine.random_filters import random_weights

BLOCKS = ((1, 2), (2, 2), (3, 4), (4, 4), (5, 1))  # convolutions a block of VGG19, cut after conv5_1
WIDTHS = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}


def picture(height=32, width=48):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(3))


def vgg_written_out(image, weights, pool):
    """Simonyan and Zisserman 2014, layer by layer."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x, features = (image[None] - mean) / std, {}
    for block, count in BLOCKS:
        x = pool(x, 2) if block > 1 else x
        for number in range(1, count + 1):
            name = f"conv{block}_{number}"
            x = F.relu(F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1))
            features[name] = x[0]
    return features


def mean_activations(network):
    """Of each filter over the procedural pictures: (C,) by layer."""
    features = [network(p, LAYERS) for p in procedural_pictures()]
    return {name: torch.stack([f[name].mean((1, 2)) for f in features]).mean(0) for name in LAYERS}


# --- layers ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("pooling", "pool"), [("average", F.avg_pool2d), ("max", F.max_pool2d)])
def test_the_features_are_those_of_vgg19_after_the_relu(raw_weights, pooling, pool):
    network = Network(raw_weights)
    network.set_pooling("max" if pooling == "average" else "average")
    network.set_pooling(pooling)
    expected = vgg_written_out(picture(), raw_weights, pool)
    for name, features in network(picture(), LAYERS).items():
        torch.testing.assert_close(features, expected[name], rtol=1e-4, atol=1e-4)


def test_there_are_thirteen_layers_where_torchvision_has_them():
    assert len(LAYERS) == 13
    assert {n: INDEX_OF[n] for n in ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv4_2", "conv5_1")} == {
        "conv1_1": 0, "conv2_1": 5, "conv3_1": 10, "conv4_1": 19, "conv4_2": 21, "conv5_1": 28,
    }  # fmt: skip


def test_a_layer_has_its_channels_and_its_share_of_the_size(network):
    for name, features in network(picture(), LAYERS).items():
        assert features.shape == (WIDTHS[int(name[4])], 32 // STRIDE_OF[name], 48 // STRIDE_OF[name])


def test_only_the_layers_that_are_wanted_come_in_any_order(network):
    assert set(network(picture(), ("conv3_1", "conv1_1"))) == {"conv1_1", "conv3_1"}


def test_it_goes_no_deeper_than_the_deepest_layer_wanted(network):
    """A picture of 2 × 2 is too small for a second pooling: going there would raise."""
    assert network(picture(2, 2), ("conv2_1",))["conv2_1"].shape == (128, 1, 1)


def test_a_feature_map_is_not_written_over_by_what_comes_after(network):
    alone = network(picture(), ("conv1_1",))["conv1_1"]
    assert torch.equal(network(picture(), LAYERS)["conv1_1"], alone)


def test_the_filters_are_frozen(network):
    assert not any(parameter.requires_grad for parameter in network.parameters())


# --- calibration ----------------------------------------------------------------------------------------
def test_every_filter_has_mean_activation_1_over_the_procedural_pictures(network):
    for name, means in mean_activations(network).items():
        torch.testing.assert_close(means, torch.ones_like(means), rtol=0, atol=2e-3, msg=lambda m, n=name: f"{n}: {m}")


def test_a_dead_filter_stays_quiet_and_spoils_no_other(raw_weights):
    weights = {name: tensor.clone() for name, tensor in raw_weights.items()}
    weights["conv2_1.bias"][7] = -1e6
    network = Network(weights)
    rescale_to_mean_activation_one(network)
    assert all(torch.isfinite(p).all() for p in network.parameters())
    means = mean_activations(network)["conv2_1"]
    assert float(means[7]) == 0
    others = torch.cat([means[:7], means[8:]])
    torch.testing.assert_close(others, torch.ones_like(others), rtol=0, atol=2e-3)


def test_a_filter_that_hardly_fires_does_not_become_a_loud_one(raw_weights):
    weights = {name: tensor.clone() for name, tensor in raw_weights.items()}
    for kind in ("weight", "bias"):
        weights[f"conv1_2.{kind}"][3] *= 1e-4
    network = Network(weights)
    rescale_to_mean_activation_one(network)
    assert 0 < float(mean_activations(network)["conv1_2"][3]) < 0.1


def test_scaled_filters_give_the_same_network_so_that_a_strength_means_the_same(raw_weights, network):
    """Two networks that differ by a positive scale of each feature are one after calibration."""
    weights = {name: tensor.clone() for name, tensor in raw_weights.items()}
    random = torch.Generator().manual_seed(1)
    for name, following in zip(LAYERS, (*LAYERS[1:], None), strict=True):
        # 0.1 to 10: no filter comes to look dead
        scale = 10 ** (2 * torch.rand(weights[f"{name}.bias"].shape, generator=random) - 1)
        weights[f"{name}.weight"] *= scale.view(-1, 1, 1, 1)
        weights[f"{name}.bias"] *= scale
        if following:  # which expects its input as it was
            weights[f"{following}.weight"] /= scale.view(1, -1, 1, 1)
    scaled = Network(weights)
    rescale_to_mean_activation_one(scaled)
    network.set_pooling("average")
    expected = network(picture(), LAYERS)
    for name, features in scaled(picture(), LAYERS).items():
        torch.testing.assert_close(features, expected[name], rtol=1e-3, atol=1e-3)


def test_calibrating_twice_changes_nothing(network):
    again = copy.deepcopy(network)
    rescale_to_mean_activation_one(again)
    for name in LAYERS:
        twice, once = again.convolution(name).weight, network.convolution(name).weight
        torch.testing.assert_close(twice, once, rtol=1e-3, atol=1e-5)


def test_calibration_leaves_the_features_but_for_their_scale(raw_weights, network):
    before, after = (n(picture(), ("conv1_2",))["conv1_2"] for n in (Network(raw_weights), network))
    ratio = after.sum((1, 2)) / before.sum((1, 2))
    torch.testing.assert_close(after, before * ratio.view(-1, 1, 1), rtol=1e-3, atol=1e-4)


def test_the_procedural_pictures_are_always_the_same():
    for one, other in zip(procedural_pictures(), procedural_pictures(), strict=True):
        assert torch.equal(one, other)
        assert float(one.min()) >= 0
        assert float(one.max()) <= 1


@pytest.mark.parametrize("size", [(16, 32), (7, 12), (10, 9), (5, 5), (2, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_pooling_for_cuda_is_torchs(size, dtype):
    x = torch.rand(1, 6, *size, generator=torch.Generator().manual_seed(0)).to(dtype, memory_format=torch.channels_last)
    found, slopes = [], []
    for pool in (lambda x: F.avg_pool2d(x, 2), _Halved.apply):
        given = x.detach().requires_grad_(True)
        halved = pool(given)
        found.append(halved.detach())
        upward = torch.rand(halved.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
        slopes.append(torch.autograd.grad(halved, given, upward)[0])
    assert torch.equal(*slopes)
    torch.testing.assert_close(*found)
    assert found[1].is_contiguous(memory_format=torch.channels_last)


# --- random filters -------------------------------------------------------------------------------
def test_the_random_filters_are_always_the_same(raw_weights):
    again = random_weights()
    assert again.keys() == raw_weights.keys()
    assert all(torch.equal(again[name], raw_weights[name]) for name in again)


def test_given_layers_are_taken_as_they_are(raw_weights):
    given = {"conv1_1.weight": torch.ones(64, 3, 3, 3), "conv1_1.bias": torch.zeros(64)}
    weights = random_weights(given)
    assert torch.equal(weights["conv1_1.weight"], given["conv1_1.weight"])
    assert set(weights) == set(raw_weights)
    assert set(given) == {"conv1_1.weight", "conv1_1.bias"}


def test_a_random_filter_fires_for_about_half_of_what_it_sees(raw_weights):
    network = Network(raw_weights)
    network.set_pooling("average")
    for name, features in network(procedural_pictures()[0], LAYERS).items():
        assert 0.2 < float((features > 0).float().mean()) < 0.8, name
