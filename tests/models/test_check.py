"""Weights files from users: read layer by layer, no code run, and a clear message for invalid files."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tests.support.networks import random_weights, weights_of_vgg19s_shapes

from velatura.errors import BadWeights
from velatura_daemon.engine.network import INDEX_OF, INPUT_MEAN, LAYERS, Network
from velatura_daemon.models.check import caffe_to_torchvision, detect_input, read_weights
from velatura_daemon.models.vgg19 import dequantised, load_tensors, read_vgg19, vgg19_file

CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red, of 0..255


@pytest.fixture(scope="module")
def noise():
    """All layers as `conv1_1.weight`…. Shared: tests must not change them."""
    return weights_of_vgg19s_shapes()


@pytest.fixture(scope="module")
def required(noise):
    """The layers that every file needs."""
    return up_to("conv5_1", noise)


@pytest.fixture(scope="module")
def original():
    """The original network in Caffe's convention: BGR in 0..255 minus mean."""
    return dequantised(load_tensors(vgg19_file()), vgg19_file())


def up_to(layer, tensors):
    return {n: t for n, t in tensors.items() if LAYERS.index(n.partition(".")[0]) <= LAYERS.index(layer)}


def with_torchvision_names(tensors):
    return OrderedDict((f"features.{INDEX_OF[n.split('.')[0]]}.{n.split('.')[1]}", t) for n, t in tensors.items())


def pth(folder, content, name="weights.pth"):
    torch.save(content, folder / name)
    return folder / name


def safetensors(folder, tensors, **metadata):
    save_file(
        {n: t.contiguous() for n, t in tensors.items()}, folder / "weights.safetensors", metadata=metadata or None
    )
    return folder / "weights.safetensors"


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


# --- valid files ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("write", [pth, safetensors])
@pytest.mark.parametrize("rename", [dict, with_torchvision_names])
def test_layers_are_read_by_either_name_from_either_kind_of_file(tmp_path, required, write, rename):
    assert same(read_weights(write(tmp_path, rename(required))), required)


def test_the_classifier_of_a_complete_torchvision_file_is_ignored(tmp_path, noise):
    state = with_torchvision_names(noise) | {"classifier.0.weight": torch.zeros(5, 5)}
    weights = read_weights(pth(tmp_path, state))
    assert same(weights, noise)
    assert Network(weights).layers == LAYERS


@pytest.mark.parametrize("last", ["conv5_1", "conv5_2", "conv5_3"])
def test_layers_after_conv5_1_may_be_missing(tmp_path, noise, last):
    some = up_to(last, noise)
    weights = read_weights(pth(tmp_path, some))
    assert same(weights, some)
    assert Network(weights).layers == LAYERS[: LAYERS.index(last) + 1]


def test_layers_after_a_gap_are_ignored(tmp_path, required, noise):
    with_a_gap = {**required, **{n: t for n, t in noise.items() if n.startswith("conv5_3")}}
    assert same(read_weights(pth(tmp_path, with_a_gap)), required)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision_are_read_as_float32(tmp_path, required, kind):
    weights = read_weights(pth(tmp_path, {n: t.to(kind) for n, t in required.items()}))
    assert {t.dtype for t in weights.values()} == {torch.float32}
    torch.testing.assert_close(weights["conv1_1.bias"], required["conv1_1.bias"], rtol=1e-2, atol=1e-2)


def test_other_entries_of_a_state_dict_are_ignored(tmp_path, required):
    assert same(read_weights(pth(tmp_path, {"epoch": 3, "avgpool.weight": torch.ones(2), **required})), required)


# --- invalid files ------------------------------------------------------------------------------------
class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("bare", [False, True])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, bare):
    marker, path = tmp_path / "it ran", tmp_path / "weights.pth"
    content = {"conv1_1.bias": torch.zeros(64), "extra": Bomb(marker)}
    path.write_bytes(pickle.dumps(content, protocol=2)) if bare else torch.save(content, path)
    with pytest.raises(BadWeights, match=r"weights.pth cannot be read as weights"):
        read_weights(path)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors", "weights.jpg"])
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"no weights at all " * 99, b"PK\x03\x04 cut off", b"\xff" * 64], ids=repr
)
def test_the_error_for_a_file_without_weights_names_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadWeights, match=rf"{name} cannot be read as weights .*Give a \.safetensors file"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize("write", [pth, safetensors])
def test_a_truncated_file_is_refused(tmp_path, required, write):
    path = write(tmp_path, up_to("conv2_1", required))
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(BadWeights, match=r"cannot be read"):
        read_weights(path)


@pytest.mark.parametrize("name", ["nowhere.pth", "."])
def test_the_error_for_a_missing_file_has_its_path(tmp_path, name):
    with pytest.raises(BadWeights, match=r"The weights file .* does not exist"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize(("content", "message"), [([1, 2], "a list"), (torch.ones(3), "a Tensor")])
def test_a_file_without_a_state_dict_is_refused(tmp_path, content, message):
    with pytest.raises(BadWeights, match=f"contains {message}; a state dict of names and tensors is expected"):
        read_weights(pth(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    [{}, {"layer1.0.conv1.weight": torch.ones(2)}, {"conv6_1.weight": torch.ones(2)}, {"conv1_1": torch.ones(2)}],
)
def test_a_file_without_a_layer_of_vgg19_is_refused(tmp_path, content):
    with pytest.raises(BadWeights, match=r"no layer of VGG19"):
        read_weights(pth(tmp_path, content))


@pytest.mark.parametrize("name", ["conv1_1.weight", "conv2_1.bias", "conv5_1.weight", "conv5_1.bias"])
def test_a_file_without_a_required_tensor_is_refused(tmp_path, noise, name):
    """conv5_1 is the deepest layer of the style."""
    with pytest.raises(BadWeights, match=rf"lacks {name}; the layers from conv1_1 to conv5_1 are required"):
        read_weights(pth(tmp_path, {n: t for n, t in noise.items() if n != name}))


def test_a_single_layer_is_not_enough(tmp_path, noise):
    with pytest.raises(BadWeights, match=r"lacks conv1_2\.bias"):
        read_weights(safetensors(tmp_path, up_to("conv1_1", noise)))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1_1.weight", (64, 3, 5, 5)),
        ("conv1_2.weight", (32, 64, 3, 3)),
        ("conv2_1.bias", (64,)),
        ("conv1_1.bias", ()),
        ("conv5_4.bias", (1,)),
    ],
)
def test_the_error_for_a_wrong_shape_has_the_expected_one_too(tmp_path, noise, name, shape):
    right = tuple(noise[name].shape)
    with pytest.raises(BadWeights) as error:
        read_weights(pth(tmp_path, {**noise, name: torch.zeros(shape)}))
    assert f"{name} has shape {shape}; VGG19 has {right}" in error.value.sentence


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e300])
def test_values_that_are_not_numbers_are_refused(tmp_path, required, bad):
    damaged = required["conv1_2.weight"].double()
    damaged[3, 4, 1, 1] = bad
    with pytest.raises(BadWeights, match=r"conv1_2\.weight has values that are not numbers"):
        read_weights(pth(tmp_path, {**required, "conv1_2.weight": damaged}))


# --- the input that a file expects -------------------------------------------------------
@pytest.mark.parametrize("kind", ["sparse", "quantised", "integers", "complex", "without values"])
def test_values_that_are_not_plain_are_refused(tmp_path, required, kind):
    tensor = required["conv1_1.weight"]
    if kind == "sparse":
        odd = tensor.to_sparse()
    elif kind == "quantised":
        odd = torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)
    elif kind == "without values":
        odd = tensor.to("meta")
    else:
        odd = tensor.to(torch.int8 if kind == "integers" else torch.complex64)
    with pytest.raises(BadWeights, match=r"conv1_1.weight has no plain floating-point values"):
        read_weights(pth(tmp_path, {**required, "conv1_1.weight": odd}))


def first_layer_of_a_file(image, tensors, input, mean):
    """Return conv1_1 as computed by the program that the file was made for."""
    pixels = image if input == "unit" else 255 * image.flip(0)
    x = F.pad((pixels - torch.tensor(mean).view(3, 1, 1))[None], (1, 1, 1, 1), mode="replicate")
    return F.relu(F.conv2d(x, tensors["conv1_1.weight"], tensors["conv1_1.bias"]))[0]


@pytest.fixture
def image():
    return torch.rand(3, 16, 20, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(("input", "mean"), [("unit", INPUT_MEAN), ("caffe", CAFFE_MEAN)])
def test_a_file_for_another_input_gives_the_same_features(tmp_path, image, required, input, mean):
    weights = read_weights(safetensors(tmp_path, required), input)
    ours = Network(weights)(image, ("conv1_1",))["conv1_1"]
    expected = first_layer_of_a_file(image, required, input, mean)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4 * float(expected.max()))


def test_a_file_can_declare_its_input(tmp_path, required):
    weights = read_weights(safetensors(tmp_path, required, input="unit"))
    assert same(weights, read_weights(safetensors(tmp_path, required), "unit"))
    assert not same(weights, required)


def test_the_given_input_takes_precedence_over_the_declared_one(tmp_path, required):
    assert same(read_weights(safetensors(tmp_path, required, input="caffe"), "torchvision"), required)


def test_an_unknown_declared_input_is_ignored(tmp_path, required):
    assert same(read_weights(safetensors(tmp_path, required, input="unknown")), required)


@pytest.mark.parametrize(
    ("input", "rewritten"),
    [("torchvision", []), ("unit", ["conv1_1.weight"]), ("caffe", ["conv1_1.weight", "conv1_1.bias"])],
)
def test_only_the_first_layer_is_rewritten(tmp_path, required, input, rewritten):
    weights = read_weights(pth(tmp_path, required), input)
    assert [n for n in required if not torch.equal(weights[n], required[n])] == rewritten


def test_an_unknown_input_is_refused(tmp_path, required):
    with pytest.raises(BadWeights, match=r"Unknown input 'bgr'; use one of torchvision, unit, caffe"):
        read_weights(pth(tmp_path, required), "bgr")


# --- detection by the first layer ----------------------------------------------------------------------
@pytest.mark.parametrize("write", [pth, safetensors])
def test_an_original_caffe_file_is_detected_and_gives_the_default_network(tmp_path, original, write):
    """As in neural-style-pt: `features.0.weight`, BGR in 0..255 minus mean, no declared input."""
    assert same(read_weights(write(tmp_path, with_torchvision_names(original))), read_vgg19(vgg19_file()))


@pytest.mark.parametrize("factor", [1e-3, 0.01, 3, 255])
def test_caffe_input_is_detected_at_any_scale(original, factor):
    assert detect_input(factor * original["conv1_1.weight"]) == "caffe"


def test_caffe_input_is_detected_with_a_factor_per_filter(original):
    """As in the 'normalised' file of Gatys et al."""
    factors = torch.rand(64, 1, 1, 1, generator=torch.Generator().manual_seed(0)) + 0.1
    assert detect_input(factors * original["conv1_1.weight"]) == "caffe"


def test_a_converted_file_is_not_converted_twice(tmp_path, original):
    converted = caffe_to_torchvision(original)
    assert detect_input(converted["conv1_1.weight"]) == "torchvision"
    assert same(read_weights(safetensors(tmp_path, converted)), converted)


def test_caffe_input_is_detected_in_half_precision(original):
    assert detect_input(original["conv1_1.weight"].half().float()) == "caffe"


@pytest.mark.parametrize("seed", range(3))
def test_other_filters_count_as_torchvisions(seed):
    assert detect_input(random_weights(1, seed)["conv1_1.weight"]) == "torchvision"


def test_a_first_layer_of_zeros_counts_as_torchvisions():
    assert detect_input(torch.zeros(64, 3, 3, 3)) == "torchvision"


def test_a_file_can_be_read_without_the_original_for_comparison(monkeypatch, tmp_path, required):
    def missing():
        raise BadWeights("not installed")

    monkeypatch.setattr("velatura_daemon.models.vgg19.vgg19_file", missing)
    assert same(read_weights(pth(tmp_path, required)), required)
