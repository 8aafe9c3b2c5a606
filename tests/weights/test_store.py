"""Names of weights: what each stands for on this machine, and what none may stand for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from velatura.errors import BadWeights, VelaturaError
from velatura.paths import places
from velatura_daemon.engine.calibration import procedural_pictures
from velatura_daemon.engine.network import LAYERS, channels_of
from velatura_daemon.weights.load import load_network
from velatura_daemon.weights.store import BUILT_IN, WeightStore


@pytest.fixture
def store(tmp_path):
    return WeightStore(places({"VELATURA_HOME": str(tmp_path)}))


def layer(seed=0):
    random = torch.Generator().manual_seed(seed)
    return {"conv1_1.weight": torch.randn(64, 3, 3, 3, generator=random), "conv1_1.bias": torch.zeros(64)}


def a_file(folder, seed=0, name="mine.safetensors"):
    save_file(layer(seed), folder / name)
    return folder / name


def fetched(store):
    """As if the ImageNet weights had been fetched."""
    store.places.weights.mkdir(parents=True, exist_ok=True)
    save_file(layer(), store.imagenet_file)


# --- what auto means ------------------------------------------------------------------------------------
def test_auto_is_the_embedded_weights_at_first(store):
    assert store.resolve("auto").name == "embedded"


def test_auto_is_the_fetched_weights_once_they_are_there(store):
    fetched(store)
    assert store.resolve("auto") == store.resolve("imagenet")
    assert store.resolve("auto").path == store.imagenet_file


@pytest.mark.parametrize("chosen", ["embedded", "random"])
def test_auto_is_what_was_chosen_whatever_else_is_there(store, chosen):
    fetched(store)
    store.choose(chosen)
    assert store.chosen() == chosen
    assert store.resolve("auto").name == chosen


@pytest.mark.parametrize("undo", ["", "auto"])
def test_a_choice_can_be_undone(store, undo):
    store.choose("random")
    store.choose(undo)
    assert store.resolve("auto").name == "embedded"


def test_a_chosen_file_is_what_auto_stands_for(store, tmp_path):
    name = store.import_file(a_file(tmp_path))
    store.choose(name)
    assert store.resolve("auto") == store.resolve(name)


def test_a_choice_that_has_gone_is_told(store, tmp_path):
    name = store.import_file(a_file(tmp_path))
    store.choose(name)
    (store.places.weights / f"{name}.safetensors").unlink()
    with pytest.raises(BadWeights, match="not on this machine any more"):
        store.resolve("auto")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"chosen": "auto"}', b'{"chosen": ""}'])
def test_a_damaged_choice_is_none(store, content):
    store.choose("random")
    store._choice_file.write_bytes(content)
    assert store.resolve("auto").name == "embedded"


# --- names ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["embedded", "thin", "random"])
def test_what_is_built_in_needs_no_file_of_the_users(store, name):
    path = store.resolve(name).path
    assert path is None or (path.exists() and store.places.weights not in path.parents)


def test_imagenet_is_told_to_be_missing_with_the_command_that_fetches_it(store):
    with pytest.raises(BadWeights, match="velatura weights fetch"):
        store.resolve("imagenet")


@pytest.mark.parametrize(
    "name",
    ["", "../../x", "user-zzz", "user-../../../etc", "user-0123456789ab/../x", "user-0123456789AB",
     "user-0123456789abc", "user-0123456789ab\n", "/etc/passwd", "imagenet.safetensors", "IMAGENET", "user-", "\0"],
)  # fmt: skip
def test_a_name_that_is_none_is_refused_even_where_such_a_file_lies(store, tmp_path, name):
    store.places.weights.mkdir(parents=True)
    a_file(store.places.weights, name="user-zzz.safetensors")
    a_file(tmp_path, name="x.safetensors")
    with pytest.raises(BadWeights, match="There are no weights"):
        store.resolve(name)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30) | st.from_regex(r"user-[0-9a-f./\\]{1,14}"))
def test_no_name_leads_out_of_the_folder(store, name):
    try:
        path = store.resolve(name).path
    except VelaturaError:
        return
    assert path is None or name in BUILT_IN or path.parent == store.places.weights


def test_a_valid_name_without_its_file_is_told(store):
    with pytest.raises(BadWeights, match="user-0123456789ab are not on this machine any more"):
        store.resolve("user-0123456789ab")


# --- files brought along --------------------------------------------------------------------------------
def test_an_imported_file_stays_when_the_users_own_goes(store, tmp_path):
    path = a_file(tmp_path)
    name = store.import_file(path)
    path.unlink()
    weights = store.resolve(name)
    assert weights.path is not None
    assert weights.path.exists()
    assert weights.label == f"mine.safetensors ({name})"


def test_the_same_file_has_the_same_name_and_another_file_another(store, tmp_path):
    one, again, other = (
        store.import_file(a_file(tmp_path, seed, f"{n}.safetensors")) for n, seed in enumerate((0, 0, 1))
    )
    assert one == again != other


def test_the_same_file_for_another_input_has_another_name(store, tmp_path):
    path = a_file(tmp_path)
    assert store.import_file(path) != store.import_file(path, "caffe")


def test_an_imported_file_is_read_for_its_input_once_and_not_again(store, tmp_path):
    from velatura_daemon.weights.check import read_weights

    path = a_file(tmp_path)
    kept = store.resolve(store.import_file(path, "caffe")).path
    assert torch.equal(read_weights(kept)["conv1_1.weight"], read_weights(path, "caffe")["conv1_1.weight"])


def test_a_bad_file_leaves_nothing_behind(store, tmp_path):
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"nothing")
    with pytest.raises(BadWeights):
        store.import_file(bad)
    assert not store.places.weights.exists() or not list(store.places.weights.iterdir())


def test_a_damaged_import_is_told_when_its_tensors_are_read(store, tmp_path):
    name = store.import_file(a_file(tmp_path))
    (store.places.weights / f"{name}.safetensors").write_bytes(b"damaged")
    with pytest.raises(BadWeights, match="cannot be read as weights"):
        load_network(store.resolve(name))


# --- from a name to a network ---------------------------------------------------------------------------
def test_a_part_of_the_layers_is_completed_calibrated_and_told(store, tmp_path):
    network, label = load_network(store.resolve(store.import_file(a_file(tmp_path))))
    assert label.startswith("mine.safetensors")
    assert label.endswith("1 of 13 layers, the rest random")
    for name in LAYERS:
        means = torch.stack([network(p, (name,))[name].mean((1, 2)) for p in procedural_pictures()]).mean(0)
        assert float(means.median()) == pytest.approx(1, abs=2e-3)
    # The file's own filters, but for their scale.
    given, loaded = layer()["conv1_1.weight"].flatten(1), network.convolution("conv1_1").weight.flatten(1)
    torch.testing.assert_close(loaded / loaded.norm(dim=1, keepdim=True), given / given.norm(dim=1, keepdim=True))


@pytest.mark.parametrize("name", ["embedded", "thin"])
def test_our_own_weights_say_what_they_are(store, name):
    weights = store.resolve(name)
    network, label = load_network(weights)
    assert label == weights.label
    assert "Velatura's own" in label
    assert network.name == name


@pytest.mark.parametrize(("name", "megabytes", "width"), [("embedded", 26, 1.0), ("thin", 2, 0.25)])
def test_our_own_weights_are_whole_small_and_of_their_width(store, name, megabytes, width):
    weights = store.resolve(name)
    assert weights.path.stat().st_size <= megabytes * 1e6
    network = load_network(weights)[0]
    for layer in LAYERS:
        convolution = network.convolution(layer)
        assert convolution.out_channels == channels_of(layer, width)
        assert bool(torch.isfinite(convolution.weight).all())
        assert bool(torch.isfinite(convolution.bias).all())


@pytest.mark.parametrize("name", ["embedded", "thin"])
def test_no_filter_of_ours_is_dead_or_louder_than_the_rest_on_pictures(store, name):
    network = load_network(store.resolve(name))[0]
    network.set_pooling("average")
    seen = [network(picture, LAYERS) for picture in procedural_pictures()]
    for layer in LAYERS:
        mean = torch.stack([f[layer].mean((1, 2)) for f in seen]).mean(0)
        assert 0.2 < float(mean.mean()) < 5, layer
        assert float((mean < 1e-3).float().mean()) < 0.1, layer


@pytest.mark.parametrize("name", ["embedded", "thin"])
def test_the_model_card_names_the_files_that_are_shipped(store, name):
    digest = hashlib.sha256(store.resolve(name).path.read_bytes()).hexdigest()
    assert digest in (Path(__file__).parents[2] / "docs" / "embedded-weights.md").read_text()
