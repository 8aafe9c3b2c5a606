"""Networks that are built once per run, small images, and objectives of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from tests.support.networks import random_weights
from tests.support.pictures import procedural_pictures
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.extraction import extract_features, extract_statistics
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.losses.objective import Canvas, ContentTarget, Objective, StyleTarget, Weighting
from velatura_daemon.engine.masks import full_weight, weights_by_layer
from velatura_daemon.engine.network import CONTENT_LAYER, STYLE_LAYERS, Network
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.stages import WarmStart
from velatura_daemon.engine.stylise import Resources, stylise
from velatura_daemon.models.calibration import calibrate
from velatura_daemon.models.load import load_default


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """The images are so small that a second thread gains nothing, and costs much if another process uses its core."""
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
    """A small calibrated network. Shared: a test that changes more than the pooling takes a copy."""
    made = Network(raw_weights, "small")
    calibrate(made)
    return made


@pytest.fixture(scope="package")
def network64(network: Network) -> Network:
    """`network` in float64, for finite differences."""
    made = copy.deepcopy(network).double()
    made.set_pooling("average")
    return made


@pytest.fixture(scope="package")
def vgg19(one_thread: None) -> Network:
    """The network of real restyles, some ten times slower than `network`. Shared."""
    return load_default()


@pytest.fixture(scope="package")
def source() -> Callable[..., Source]:
    """source(height, width, number, weight=…, visible=…): one of the procedural pictures at that size."""
    pictures = procedural_pictures()

    def make(height: int, width: int, number: int = 0, **fields: object) -> Source:
        image = resize(pictures[number], height, width).clamp(0, 1).contiguous()
        ones = torch.ones(height, width)
        key = ("test", number, height, width)
        defaults = {"weight": ones, "visible": ones, "key": key, "uncropped_side": max(height, width)}
        return Source(image=image, **{**defaults, **fields})

    return make


@pytest.fixture(scope="package")
def objective_of() -> Callable[..., Objective]:
    """objective_of(network, content, style, weighting, weight=None, style_distance="gram"): of images (3, H, W) whose
    sides are multiples of 16."""

    def make(
        network: Network,
        content: Tensor,
        style: Tensor,
        weighting: Weighting,
        weight: Tensor | None = None,
        style_distance: str = "gram",
    ) -> Objective:
        weight = full_weight(content) if weight is None else weight
        by_layer = weights_by_layer(weight, (*STYLE_LAYERS, CONTENT_LAYER))
        statistics = extract_statistics(network, style, weights_by_layer(full_weight(style), STYLE_LAYERS))
        features = extract_features(network, content, CONTENT_LAYER)
        return Objective(
            network,
            Canvas(tuple(content.shape[1:]), weight),
            ContentTarget(CONTENT_LAYER, features, by_layer[CONTENT_LAYER]),
            [StyleTarget(statistics, by_layer)],
            weighting,
            style_distance,
        )

    return make


@pytest.fixture(scope="package")
def restyled(network: Network) -> Callable[..., Tensor]:
    """restyled(content, styles, cache=None, last=None, **settings): the result, (3, H, W). Two steps by default."""

    def run(
        content: Source,
        styles: list[Source],
        cache: TargetCache | None = None,
        last: Tensor | None = None,
        **settings: object,
    ) -> Tensor:
        warm_start = None if last is None else WarmStart(last)
        resources = Resources() if cache is None else Resources(cache)
        merged = StyleSettings(**{"iterations": 2, **settings})
        *_, progress = stylise(content, styles, merged, network, warm_start, resources)
        return progress.image.clone()

    return run
