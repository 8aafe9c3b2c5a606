"""Weights files that a user brings: read layer by layer, no code run, and in words what is wrong with the others."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from velatura.errors import BadWeights
from velatura_daemon.engine.network import INPUT_MEAN, LAYERS, Network
from velatura_daemon.engine.random_filters import random_weights
from velatura_daemon.weights.check import read_weights

WIDTHS = {"conv1_1": (64, 3), "conv1_2": (64, 64), "conv2_1": (128, 64)}
NUMBERS = {"conv1_1": 0, "conv1_2": 2, "conv2_1": 5}  # in torchvision's `features`
CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red, of 255


def some_layers(*names):
    """`conv1_1.weight`… with noise."""
    random = torch.Generator().manual_seed(4)
    tensors = {}
    for name in names or WIDTHS:
        tensors[f"{name}.weight"] = 0.1 * torch.randn(*WIDTHS[name], 3, 3, generator=random)
        tensors[f"{name}.bias"] = torch.randn(WIDTHS[name][0], generator=random)
    return tensors


def named_as_torchvision_does(tensors):
    return OrderedDict((f"features.{NUMBERS[n.split('.')[0]]}.{n.split('.')[1]}", t) for n, t in tensors.items())


def pth(folder, content, name="weights.pth"):
    torch.save(content, folder / name)
    return folder / name


def safetensors(folder, tensors, **note):
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / "weights.safetensors", metadata=note or None)
    return folder / "weights.safetensors"


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


# --- what is read ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("write", [pth, safetensors])
@pytest.mark.parametrize("rename", [dict, named_as_torchvision_does])
def test_layers_are_read_by_either_name_from_either_kind_of_file(tmp_path, write, rename):
    assert same(read_weights(write(tmp_path, rename(some_layers()))), some_layers())


def test_a_whole_file_of_torchvision_is_read_without_its_classifier(tmp_path):
    """All convolutions, those beyond conv5_1 too, and a classifier."""
    from torchvision.models.vgg import cfgs, make_layers

    stack = make_layers(cfgs["E"], batch_norm=False)
    state = {f"features.{n}": t for n, t in stack.state_dict().items()} | {"classifier.0.weight": torch.zeros(5, 5)}
    weights = read_weights(pth(tmp_path, state))
    assert set(weights) == {f"{name}.{kind}" for name in LAYERS for kind in ("weight", "bias")}
    Network(weights)


def test_some_layers_are_enough(tmp_path):
    assert same(read_weights(safetensors(tmp_path, some_layers("conv1_2"))), some_layers("conv1_2"))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision_are_read_as_float32(tmp_path, kind):
    weights = read_weights(pth(tmp_path, {n: t.to(kind) for n, t in some_layers("conv1_1").items()}))
    assert {t.dtype for t in weights.values()} == {torch.float32}
    torch.testing.assert_close(weights["conv1_1.bias"], some_layers("conv1_1")["conv1_1.bias"], rtol=1e-2, atol=1e-2)


def test_other_things_in_a_state_dict_are_passed_over(tmp_path):
    assert same(
        read_weights(pth(tmp_path, {"epoch": 3, "avgpool.weight": torch.ones(2), **some_layers()})), some_layers()
    )


# --- what is refused ------------------------------------------------------------------------------------
class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("bare", [False, True])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, bare):
    marker, path = tmp_path / "it ran", tmp_path / "weights.pth"
    content = {**some_layers(), "extra": Bomb(marker)}
    path.write_bytes(pickle.dumps(content, protocol=2)) if bare else torch.save(content, path)
    with pytest.raises(BadWeights, match=r"weights.pth cannot be read as weights"):
        read_weights(path)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors", "weights.jpg"])
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"no weights at all " * 99, b"PK\x03\x04 cut off", b"\xff" * 64], ids=repr
)
def test_what_is_no_weights_file_is_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadWeights, match=rf"{name} cannot be read as weights .*Give a \.safetensors file"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize("write", [pth, safetensors])
def test_a_file_that_was_cut_off_is_refused(tmp_path, write):
    path = write(tmp_path, some_layers())
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(BadWeights, match=r"cannot be read"):
        read_weights(path)


@pytest.mark.parametrize("name", ["nowhere.pth", "."])
def test_a_file_that_is_not_there_is_told_by_its_path(tmp_path, name):
    with pytest.raises(BadWeights, match=r"There is no weights file at"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize(("content", "told"), [([1, 2], "a list"), (torch.ones(3), "a Tensor")])
def test_a_file_that_holds_no_state_dict_is_refused(tmp_path, content, told):
    with pytest.raises(BadWeights, match=f"holds {told}; expected is a state dict"):
        read_weights(pth(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    [{}, {"layer1.0.conv1.weight": torch.ones(2)}, {"conv6_1.weight": torch.ones(2)}, {"conv1_1": torch.ones(2)}],
)
def test_a_file_without_a_layer_of_vgg19_is_refused(tmp_path, content):
    with pytest.raises(BadWeights, match=r"no layer of VGG19"):
        read_weights(pth(tmp_path, content))


@pytest.mark.parametrize("kind", ["weight", "bias"])
def test_a_layer_without_its_other_half_is_refused(tmp_path, kind):
    tensors = some_layers()
    del tensors[f"conv2_1.{kind}"]
    other = {"weight": "bias", "bias": "weight"}[kind]
    with pytest.raises(BadWeights, match=rf"has conv2_1\.{other} without its other half"):
        read_weights(pth(tmp_path, tensors))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1_1.weight", (64, 3, 5, 5)),
        ("conv1_2.weight", (32, 64, 3, 3)),
        ("conv2_1.bias", (64,)),
        ("conv1_1.bias", ()),
    ],
)
def test_a_wrong_shape_is_told_beside_the_right_one(tmp_path, name, shape):
    right = tuple(some_layers()[name].shape)
    with pytest.raises(BadWeights) as refusal:
        read_weights(pth(tmp_path, {**some_layers(), name: torch.zeros(shape)}))
    assert f"{name} has shape {shape}; VGG19 has {right}" in refusal.value.sentence


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e300])
def test_values_that_are_not_numbers_are_refused(tmp_path, bad):
    tensors = {n: t.double() for n, t in some_layers().items()}
    tensors["conv1_2.weight"][3, 4, 1, 1] = bad
    with pytest.raises(BadWeights, match=r"conv1_2\.weight has values that are not numbers"):
        read_weights(pth(tmp_path, tensors))


# --- how a file's first layer expects its picture -------------------------------------------------------
def first_layer_of_a_file(image, tensors, input, mean):
    """conv1_1 as the program sees it that the file was made for."""
    pixels = image if input == "unit" else 255 * image.flip(0)
    x = pixels - torch.tensor(mean).view(3, 1, 1)
    return F.relu(F.conv2d(x[None], tensors["conv1_1.weight"], tensors["conv1_1.bias"], padding=1))[0]


def network_of(weights):
    return Network({**random_weights(weights), **weights})


@pytest.fixture
def image():
    return torch.rand(3, 16, 20, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    ("input", "mean"), [("unit", INPUT_MEAN), ("caffe", tuple(255 * m for m in reversed(INPUT_MEAN)))]
)
def test_a_file_for_another_input_sees_the_same(tmp_path, image, input, mean):
    tensors = some_layers("conv1_1")
    weights = read_weights(safetensors(tmp_path, tensors), input)
    ours = network_of(weights)(image, ("conv1_1",))["conv1_1"]
    expected = first_layer_of_a_file(image, tensors, input, mean)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4 * float(expected.max()))


def test_a_caffe_file_sees_the_same_up_to_its_slightly_other_mean(tmp_path, image):
    tensors = some_layers("conv1_1")
    ours = network_of(read_weights(safetensors(tmp_path, tensors), "caffe"))(image, ("conv1_1",))["conv1_1"]
    expected = first_layer_of_a_file(image, tensors, "caffe", CAFFE_MEAN)
    inside = (..., slice(1, -1), slice(1, -1))
    # Means differ by less than 0.004 of the range; 27 weights see it.
    most = 0.004 * 255 * tensors["conv1_1.weight"].abs().sum((1, 2, 3)).max()
    assert float((ours - expected)[inside].abs().max()) < most
    assert float((ours - expected)[inside].abs().mean()) < 0.02 * float(expected.abs().mean())


def test_a_file_may_say_itself_how_it_expects_its_picture(tmp_path, image):
    tensors = some_layers("conv1_1")
    weights = read_weights(safetensors(tmp_path, tensors, input="RGB in 0..1 minus mean"))
    assert same(weights, read_weights(safetensors(tmp_path, tensors), "unit"))
    assert not same(weights, tensors)


def test_only_the_first_layer_is_rewritten(tmp_path):
    weights, tensors = read_weights(pth(tmp_path, some_layers()), "caffe"), some_layers()
    changed = [n for n in tensors if not torch.equal(weights[n], tensors[n])]
    assert changed == ["conv1_1.weight"]


def test_an_input_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(BadWeights, match=r"'bgr' is not known; it is one of torchvision, unit, caffe"):
        read_weights(pth(tmp_path, some_layers()), "bgr")
