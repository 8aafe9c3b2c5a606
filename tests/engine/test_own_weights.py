"""What the engine makes of Velatura's own weights: the style's colours come by themselves, any width works."""

from __future__ import annotations

import copy

import pytest
import torch

from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.colour_statistics import colour_loss, colour_moments
from velatura_daemon.engine.network import CONTENT_LAYER, LAYERS, STYLE_LAYERS, Network, channels_of, width_of
from velatura_daemon.engine.random_filters import random_weights
from velatura_daemon.engine.regions import all_of
from velatura_daemon.engine.stylise import stylise
from velatura_daemon.weights.load import load_network
from velatura_daemon.weights.store import DRAFT


@pytest.fixture(scope="module")
def thin() -> Network:
    return load_network(DRAFT)[0]


def restyled(network, content, style, cache=None, **settings):
    *_, progress = stylise(content, [style], StyleSettings(**{"iterations": 25, **settings}), network, cache)
    return progress.image.detach().clone()


def colours_apart(image, style):
    return float(colour_loss(*(colour_moments(x, all_of(x)) for x in (image, style.image))))


def test_the_styles_colours_come_with_a_network_that_leaves_them_open(thin, source):
    blind = copy.deepcopy(thin)
    blind.sees_colour_poorly = False
    content, style = source(48, 48), source(64, 64, 1)
    with_them, without = (restyled(n, content, style, iterations=60, strength=80) for n in (thin, blind))
    assert colours_apart(with_them, style) < 0.5 * colours_apart(without, style)


def test_two_styles_give_the_mean_of_their_palettes(thin, source):
    content = source(48, 48)
    dark, light = source(48, 48, 1), source(48, 48, 2)
    dark, light = (
        type(s)(s.image * f + o, s.weight, s.visible, (s.key, f), 48) for s, f, o in ((dark, 0.3, 0), (light, 0.3, 0.7))
    )
    *_, progress = stylise(content, [dark, light], StyleSettings(iterations=40, strength=100), thin)
    between = (dark.image.mean() + light.image.mean()) / 2
    assert float(progress.image.mean()) == pytest.approx(float(between), abs=0.06)


def test_paper_is_the_articles_loss_with_them_too(thin, source):
    blind = copy.deepcopy(thin)
    blind.sees_colour_poorly = False
    content, style = source(32, 32), source(32, 32, 1)
    asked = {"quality": "paper", "iterations": 3}
    assert torch.equal(restyled(thin, content, style, **asked), restyled(blind, content, style, **asked))


def test_two_networks_share_a_cache_and_not_their_targets(thin, network, source):
    content, style, cache = source(32, 32), source(32, 32, 1), TargetCache(1 << 30)
    restyled(thin, content, style, cache, iterations=2)
    mixed = restyled(network, content, style, cache, iterations=2)
    assert torch.equal(mixed, restyled(network, content, style, iterations=2))


@pytest.mark.parametrize("width", [1 / 16, 0.25, 0.5])
def test_a_network_is_as_wide_as_its_weights(width):
    drawn = random_weights(
        {
            "conv1_1.weight": torch.randn(channels_of("conv1_1", width), 3, 3, 3),
            "conv1_1.bias": torch.zeros(channels_of("conv1_1", width)),
        }
    )
    assert width_of(drawn) == width
    features = Network(drawn)(torch.rand(3, 32, 32), (*STYLE_LAYERS, CONTENT_LAYER))
    assert [features[name].shape[0] for name in STYLE_LAYERS] == [channels_of(name, width) for name in STYLE_LAYERS]


def test_vgg19_has_the_channels_of_vgg19():
    assert [channels_of(name) for name in LAYERS] == [64] * 2 + [128] * 2 + [256] * 4 + [512] * 5
