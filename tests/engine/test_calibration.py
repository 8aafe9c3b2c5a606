"""Calibration by one factor per layer: networks of any scale become the same one, and nothing else changes."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.support.networks import random_weights, small_network

from velatura_daemon.engine.network import LAYERS, Network
from velatura_daemon.models.calibration import PROBE_MEANS, calibrate, mean_activations, probe, scale_layers

factors = st.lists(st.floats(1e-2, 1e2), min_size=len(LAYERS), max_size=len(LAYERS))


def picture(height=32, width=48):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(3))


def calibrated(weights):
    network = Network(weights)
    calibrate(network)
    return network


def scaled(weights, factors):
    """The weights of a network whose features are those of `weights`, each layer's times its factor."""
    made, before = {}, 1.0
    for name, factor in zip(LAYERS, factors, strict=True):
        made[f"{name}.weight"] = weights[f"{name}.weight"] * (factor / before)
        made[f"{name}.bias"] = weights[f"{name}.bias"] * factor
        before = factor
    return made


def assert_same_features(network, expected):
    for each in (network, expected):
        each.set_pooling("average")
    for name, features in network(picture(), expected.layers).items():
        wanted = expected(picture(), (name,))[name]
        torch.testing.assert_close(
            features, wanted, rtol=1e-3, atol=1e-4 * float(wanted.max()), msg=lambda m, n=name: f"{n}: {m}"
        )


# --- the means ------------------------------------------------------------------------------------------
def test_every_layer_has_a_target_mean():
    assert tuple(PROBE_MEANS) == LAYERS


def test_each_layers_mean_over_the_probe_becomes_its_target():
    found = mean_activations(small_network(), [probe()])
    assert found == {name: pytest.approx(mean, rel=1e-4) for name, mean in PROBE_MEANS.items()}


def test_without_the_last_layers_the_others_are_the_same():
    some = {name: tensor for name, tensor in random_weights().items() if name < "conv5_2"}
    found = mean_activations(calibrated(some), [probe()])
    assert found == {name: pytest.approx(PROBE_MEANS[name], rel=1e-4) for name in LAYERS[:13]}


def test_a_mean_is_taken_over_all_filters_positions_and_images():
    network, pictures = small_network(), [picture(16, 16), picture(32, 64)]
    found = mean_activations(network, pictures)
    for name in ("conv1_1", "conv5_4"):
        values = torch.cat([network(p, (name,))[name].flatten() for p in pictures])
        assert found[name] == pytest.approx(float(values.mean()), rel=1e-5)


def test_a_layer_is_scaled_by_the_ratio_of_the_means():
    network, before = small_network(), small_network()
    scale_layers(network, dict.fromkeys(LAYERS, 2.0), {name: 2.0 * (number + 1) for number, name in enumerate(LAYERS)})
    for number, name in enumerate(LAYERS):
        wanted = (number + 1) * before(picture(), (name,))[name]
        torch.testing.assert_close(
            network(picture(), (name,))[name], wanted, rtol=1e-4, atol=1e-4 * float(wanted.max())
        )


# --- what it leaves as it is ----------------------------------------------------------------------------
@given(factors)
@hypothesis_settings(max_examples=25)
def test_networks_that_differ_by_a_factor_per_layer_become_the_same(factors):
    assert_same_features(calibrated(scaled(random_weights(), factors)), small_network())


def test_calibration_changes_the_features_of_a_layer_by_one_factor():
    before, after = Network(random_weights()), small_network()
    for network in (before, after):
        network.set_pooling("average")
    for name in LAYERS:
        raw, own = before(picture(), (name,))[name], after(picture(), (name,))[name]
        torch.testing.assert_close(own, raw * (own.sum() / raw.sum()), rtol=1e-3, atol=1e-4 * float(own.max()))


def test_calibrating_twice_changes_nothing():
    once = small_network()
    twice = copy.deepcopy(once)
    calibrate(twice)
    for name in LAYERS:
        torch.testing.assert_close(twice.convolution(name).weight, once.convolution(name).weight, rtol=1e-4, atol=0)
        torch.testing.assert_close(twice.convolution(name).bias, once.convolution(name).bias, rtol=1e-4, atol=0)


@pytest.mark.parametrize("pooling", ["antialiased", "max"])
def test_the_pooling_that_was_set_before_does_not_matter(pooling):
    network = Network(random_weights())
    network.set_pooling(pooling)
    calibrate(network)
    assert_same_features(network, small_network())


# --- odd networks ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("layer", ["conv1_1", "conv3_2", "conv5_4"])
def test_a_layer_that_never_fires_stays_finite(layer):
    weights = random_weights()
    weights[f"{layer}.weight"].zero_()
    weights[f"{layer}.bias"].fill_(-1.0)
    network = calibrated(weights)
    assert all(bool(torch.isfinite(parameter).all()) for parameter in network.parameters())
    assert all(bool(torch.isfinite(features).all()) for features in network(picture(), LAYERS).values())


def test_a_layer_that_never_fires_keeps_its_scale():
    """If an image makes it fire after all, its features must not have been divided by nearly 0."""
    weights = random_weights()
    weights["conv3_2.weight"] = -weights["conv3_2.weight"].abs()
    weights["conv3_2.bias"].fill_(-1.0)
    before = weights["conv3_2.bias"].clone()
    network = calibrated(weights)
    assert torch.equal(network.convolution("conv3_2").bias, before)


# --- the probe ------------------------------------------------------------------------------------------
def test_the_probe_does_not_depend_on_the_state_of_the_random_generator():
    one = probe()
    torch.manual_seed(5)
    torch.rand(7)
    assert torch.equal(probe(), one)


def test_the_probe_is_middle_grey_on_average():
    assert float(probe().min()) >= 0
    assert float(probe().max()) <= 1
    assert float(probe().mean()) == pytest.approx(0.5, abs=0.02)
    assert float(probe().std()) == pytest.approx(0.2, abs=0.03)


def test_the_probe_has_the_spectrum_of_photographs():
    """Amplitudes fall as 1/f: twice the frequency, half the amplitude."""
    amplitudes = torch.fft.rfft2(probe().mean(0) - 0.5).abs()
    down, across = torch.fft.fftfreq(96)[:, None] * 96, torch.fft.rfftfreq(96) * 96
    frequency = torch.hypot(down, across)

    def mean_at(around):
        return float(amplitudes[(frequency - around).abs() < around / 4].mean())

    for around in (6, 12, 24):
        assert mean_at(around) / mean_at(2 * around) == pytest.approx(2, rel=0.25)
