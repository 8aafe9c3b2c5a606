"""VGG19's sixteen convolutions: features as published except at the edges, and their receptive fields."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torchvision.models import vgg19

from velatura_daemon.engine.network import (
    INDEX_OF,
    LAYERS,
    REQUIRED_LAYERS,
    STRIDE_OF,
    Network,
    channels_of,
    receptive_radius,
)
from velatura_daemon.engine.pooling import POOLINGS, AntialiasedPool, _Halve

BLOCKS = ((1, 2), (2, 2), (3, 4), (4, 4), (5, 4))  # convolutions a block
WIDTHS = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}


def picture(height=32, width=48):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(3))


def vgg_written_out(image, weights, pool):
    """Simonyan and Zisserman 2014, layer by layer; every input is replicated beyond its edges."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x, features = (image[None] - mean) / std, {}
    for block, count in BLOCKS:
        x = pool(x, 2) if block > 1 else x
        for number in range(1, count + 1):
            name = f"conv{block}_{number}"
            x = F.pad(x, (1, 1, 1, 1), mode="replicate")
            x = F.relu(F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"]))
            features[name] = x[0]
    return features


def antialiased(x, side):
    """Cell by cell: the mean of two means, of its 2 × 2 cells and of the 4 × 4 around them inside the map."""
    height, width = x.shape[2] // side, x.shape[3] // side
    halved = torch.empty(*x.shape[:2], height, width)
    for row in range(height):
        for column in range(width):
            top, left = side * row, side * column
            near = x[..., top : top + 2, left : left + 2]
            around = x[..., max(0, top - 1) : top + 3, max(0, left - 1) : left + 3]
            halved[..., row, column] = (near.mean((2, 3)) + around.mean((2, 3))) / 2
    return halved


# --- layers ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("pooling", "pool"), [("antialiased", antialiased), ("average", F.avg_pool2d), ("max", F.max_pool2d)]
)
def test_the_features_are_those_of_vgg19_after_the_relu(raw_weights, pooling, pool):
    network = Network(raw_weights)
    network.set_pooling("average" if pooling == "max" else "max")
    network.set_pooling(pooling)
    expected = vgg_written_out(picture(), raw_weights, pool)
    for name, features in network(picture(), LAYERS).items():
        torch.testing.assert_close(features, expected[name], rtol=1e-4, atol=1e-4)


def test_there_are_sixteen_layers_at_torchvisions_positions():
    with torch.device("meta"):
        features = vgg19().features
    convolutions = [index for index, layer in enumerate(features) if isinstance(layer, torch.nn.Conv2d)]
    assert list(INDEX_OF.values()) == convolutions
    assert (len(LAYERS), LAYERS[0], LAYERS[9], LAYERS[-1]) == (16, "conv1_1", "conv4_2", "conv5_4")


def test_a_layer_has_its_channels_and_the_size_divided_by_its_stride(network):
    """The tests' network has an eighth of VGG19's channels."""
    for name, features in network(picture(), LAYERS).items():
        assert features.shape == (WIDTHS[int(name[4])] // 8, 32 // STRIDE_OF[name], 48 // STRIDE_OF[name])


def test_the_channels_are_those_of_vgg19():
    assert {name: channels_of(name) for name in LAYERS} == {name: WIDTHS[int(name[4])] for name in LAYERS}


@pytest.mark.parametrize("last", ["conv5_1", "conv5_3"])
def test_a_network_has_the_layers_that_its_weights_have(raw_weights, last):
    layers = LAYERS[: LAYERS.index(last) + 1]
    some = Network({name: tensor for name, tensor in raw_weights.items() if name.rpartition(".")[0] in layers})
    assert some.layers == layers
    assert set(some(picture(), some.layers)) == set(layers)
    assert torch.equal(some(picture(), (last,))[last], Network(raw_weights)(picture(), (last,))[last])


def test_the_required_layers_end_at_conv5_1():
    assert LAYERS[:13] == REQUIRED_LAYERS


def test_only_the_layers_asked_for_are_returned_in_any_order(network):
    assert set(network(picture(), ("conv3_1", "conv1_1"))) == {"conv1_1", "conv3_1"}


def test_layers_deeper_than_those_asked_for_are_not_computed(network):
    """An image of 2 × 2 is too small for a second pooling, which would raise."""
    assert network(picture(2, 2), ("conv2_1",))["conv2_1"].shape == (16, 1, 1)


def test_a_feature_map_is_not_overwritten_by_later_layers(network):
    alone = network(picture(), ("conv1_1",))["conv1_1"]
    assert torch.equal(network(picture(), LAYERS)["conv1_1"], alone)


def test_the_weights_are_frozen(network):
    assert not any(parameter.requires_grad for parameter in network.parameters())


# --- edges and receptive fields ------------------------------------------------------------------------------------
@pytest.mark.parametrize("colour", [(0.1, 0.6, 0.9), (0.5, 0.5, 0.5)])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("circular", [False, True])
def test_a_flat_image_has_flat_features_in_every_layer(network, colour, pooling, circular):
    """With zeros beyond the edges they would have frames."""
    network.set_pooling(pooling)
    flat = torch.tensor(colour).view(3, 1, 1).expand(3, 48, 80)
    for name, features in network(flat, LAYERS, circular).items():
        assert float(features.max()) > 0, name
        apart = (features - features[:, :1, :1]).abs().max()
        assert float(apart) <= 1e-5 * float(features.max()), name


@pytest.mark.parametrize(("layer", "pixels"), [("conv1_1", 16), ("conv4_2", 48), ("conv5_1", 96), ("conv5_4", 144)])
def test_the_receptive_radius_is_that_of_the_deepest_layer(layer, pixels):
    assert receptive_radius([layer]) == pixels
    assert receptive_radius([layer, "conv1_1"]) == pixels
    assert receptive_radius(["conv1_1", layer]) == pixels


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_no_pooling_exceeds_the_receptive_radius(network64, pooling):
    network64.set_pooling(pooling)
    image = torch.rand(3, 16, 592, generator=torch.Generator().manual_seed(3)).double().requires_grad_(True)
    (gradient,) = torch.autograd.grad(network64(image, ("conv5_1",))["conv5_1"][:, :, 18].square().sum(), image)
    seen = gradient.abs().sum((0, 1)).nonzero().flatten()
    assert max(18 * 16 - int(seen.min()), int(seen.max()) - (19 * 16 - 1)) <= receptive_radius(["conv5_1"])


@pytest.mark.parametrize("layer", ["conv1_2", "conv3_4", "conv4_2", "conv5_1", "conv5_4"])
def test_the_receptive_radius_is_wide_enough_and_no_wider_than_needed(network64, layer):
    """Both ways from a cell in the middle of a wide picture: the pixels that its features depend on."""
    network64.set_pooling("antialiased")  # has the largest receptive field
    side, width = 16, 592
    cell = width // STRIDE_OF[layer] // 2
    image = torch.rand(3, side, width, generator=torch.Generator().manual_seed(3)).double().requires_grad_(True)
    features = network64(image, (layer,))[layer]
    (gradient,) = torch.autograd.grad(features[:, :, cell].square().sum(), image)
    seen = gradient.abs().sum((0, 1)).nonzero().flatten()
    left, right = cell * STRIDE_OF[layer], (cell + 1) * STRIDE_OF[layer] - 1
    farthest = max(left - int(seen.min()), int(seen.max()) - right)
    assert receptive_radius([layer]) - 16 < farthest <= receptive_radius([layer])


# --- pooling --------------------------------------------------------------------------------------------
def test_antialiased_pooling_halves_patterns_of_two_cells_and_keeps_flat_maps():
    stripes = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(4).expand(1, 1, 16, 16)
    plain, filtered = (pool(stripes) for pool in (lambda x: F.avg_pool2d(x, 2), lambda x: AntialiasedPool()(x, True)))
    torch.testing.assert_close(filtered, plain / 2)
    flat = torch.full((1, 1, 16, 16), 0.3)
    torch.testing.assert_close(AntialiasedPool()(flat, False), torch.full((1, 1, 8, 8), 0.3))


@pytest.mark.parametrize("size", [(16, 32), (7, 12), (3, 9), (2, 2)])
def test_all_poolings_halve_to_the_same_size(raw_weights, size):
    shapes = set()
    for pooling in POOLINGS:
        network = Network(raw_weights)
        network.set_pooling(pooling)
        shapes.add(network(picture(*size), ("conv2_1",))["conv2_1"].shape)
    assert len(shapes) == 1


@pytest.mark.parametrize("size", [(16, 32), (7, 12), (10, 9), (5, 5), (2, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_average_pooling_for_cuda_is_torchs(size, dtype):
    x = torch.rand(1, 6, *size, generator=torch.Generator().manual_seed(0)).to(dtype, memory_format=torch.channels_last)
    found, gradients = [], []
    for pool in (lambda x: F.avg_pool2d(x, 2), _Halve.apply):
        given = x.detach().requires_grad_(True)
        halved = pool(given)
        found.append(halved.detach())
        upward = torch.rand(halved.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
        gradients.append(torch.autograd.grad(halved, given, upward)[0])
    assert torch.equal(*gradients)
    torch.testing.assert_close(*found)
    assert found[1].is_contiguous(memory_format=torch.channels_last)
