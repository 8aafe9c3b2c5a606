"""A network that is built once, and small pictures to show it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from tests.support.networks import random_weights
from tests.support.pictures import procedural_pictures
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.engine.losses.objective import ContentTarget, Objective, StyleTarget, Weighting
from velatura_daemon.engine.network import CONTENT_LAYER, STYLE_LAYERS, Network
from velatura_daemon.engine.regions import all_of, resized, weights_by_layer
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.stylise import stylise
from velatura_daemon.engine.tiling.tiles import moments_of
from velatura_daemon.models.calibration import calibrate
from velatura_daemon.models.load import load_default


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Pictures are so small that a second thread gains nothing, and costs much where another process has its core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def raw_weights(one_thread: None) -> dict[str, Tensor]:
    """Of a small network, before calibration."""
    return random_weights()


@pytest.fixture(scope="package")
def network(raw_weights: dict[str, Tensor]) -> Network:
    """Calibrated. Shared: a test that changes more than the pooling takes a copy."""
    made = Network(raw_weights, "small")
    calibrate(made)
    return made


@pytest.fixture(scope="package")
def network64(network: Network) -> Network:
    """In float64, for finite differences."""
    made = copy.deepcopy(network).double()
    made.set_pooling("average")
    return made


@pytest.fixture(scope="package")
def vgg19(one_thread: None) -> Network:
    """The network that restyles are made with: some ten times slower than `network`. Shared."""
    return load_default()


@pytest.fixture(scope="package")
def source() -> Callable[..., Source]:
    """source(height, width, number, weight=…, visible=…): one of the procedural pictures at that size."""
    pictures = procedural_pictures()

    def make(height: int, width: int, number: int = 0, **more: object) -> Source:
        image = resized(pictures[number], height, width).clamp(0, 1).contiguous()
        ones = torch.ones(height, width)
        given = {"weight": ones, "visible": ones, "key": ("test", number, height, width), "whole": max(height, width)}
        return Source(image=image, **{**given, **more})

    return make


@pytest.fixture(scope="package")
def objective_of() -> Callable[..., Objective]:
    """objective_of(network, content, style, weighting, weight=None): of pictures (3, H, W) whose sides are multiples of
    16."""

    def make(
        network: Network,
        content: Tensor,
        style: Tensor,
        weighting: Weighting,
        weight: Tensor | None = None,
        **more: object,
    ) -> Objective:
        weight = all_of(content) if weight is None else weight
        by_layer = weights_by_layer(weight, (*STYLE_LAYERS, CONTENT_LAYER))
        moments = moments_of(network, style, STYLE_LAYERS, weights_by_layer(all_of(style), STYLE_LAYERS), 0)
        features = network(content, (CONTENT_LAYER,))[CONTENT_LAYER]
        return Objective(
            network,
            ContentTarget(CONTENT_LAYER, features, by_layer[CONTENT_LAYER]),
            [StyleTarget(by_layer, moments)],
            weight,
            tuple(content.shape[1:]),
            weighting,
            **more,
        )

    return make


@pytest.fixture(scope="package")
def restyled(network: Network) -> Callable[..., Tensor]:
    """restyled(content, styles, **settings): the finished picture, (3, H, W). A few steps unless told."""

    def run(content: Source, styles: list[Source], cache=None, last=None, **settings: object) -> Tensor:
        asked = StyleSettings(**{"iterations": 2, **settings})
        *_, progress = stylise(content, styles, asked, network, cache, last)
        return progress.image.clone()

    return run
