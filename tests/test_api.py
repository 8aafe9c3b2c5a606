"""The API for notebooks: the README's lines run as printed, arrays and files go in and come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.networks import small_network
from tests.support.pictures import procedural_pictures
from velatura.errors import BadPixels, NothingToRestyle
from velatura_daemon.api import Picture, StyleSettings, stylise

README = Path(__file__).parents[1] / "README.md"
QUICK = StyleSettings(quality="draft", iterations=2)


def pixels(number, height=24, width=32):
    """(height, width, 3), uint8."""
    image = procedural_pictures()[number][:, :height, :width]
    return (image.permute(1, 2, 0) * 255).to(torch.uint8).numpy()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The pictures are so small that a second thread gains nothing, and costs much if another process uses its core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network(one_thread):
    return small_network()


def result(content, style, network, settings=QUICK):
    *_, progress = stylise(content, [style], settings, network)
    return progress.picture


def readme_example():
    """The indented block of README.md that imports the API."""
    lines = README.read_text().split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith("    from velatura_daemon.api import"))
    end = next(n for n in range(start, len(lines)) if lines[n] and not lines[n].startswith("    "))
    return "\n".join(line[4:] for line in lines[start:end])


def test_the_readmes_lines_run_as_printed(tmp_path, monkeypatch):
    Picture.from_array(pixels(0)).save(tmp_path / "photo.jpg")
    Picture.from_array(pixels(1)).save(tmp_path / "painting.jpg")
    monkeypatch.chdir(tmp_path)
    exec(compile(readme_example(), "README.md", "exec"), {})
    (made,) = {path.name for path in tmp_path.iterdir()} - {"photo.jpg", "painting.jpg"}
    restyled, photo = Picture.open(made).to_array(), Picture.open("photo.jpg").to_array()
    assert restyled.shape == photo.shape
    assert np.abs(restyled.astype(float) - photo).mean() > 5


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_the_result_for_an_array_has_its_shape_and_depth(network, dtype):
    full = {"uint8": 1, "uint16": 257}.get(dtype, 1 / 255)
    content = (pixels(0).astype(float) * full).astype(dtype)
    restyled = result(Picture.from_array(content), Picture.from_array(pixels(1)), network).to_array()
    assert restyled.shape == content.shape
    assert restyled.dtype == ("float32" if dtype == "float64" else dtype)
    assert not np.array_equal(restyled, content.astype(restyled.dtype))


def test_a_picture_gives_back_the_array_it_was_made_from():
    for array in (pixels(0), pixels(0)[..., 0], np.dstack([pixels(0), pixels(1)[..., :1]])):
        assert np.array_equal(Picture.from_array(array).to_array().reshape(array.shape), array)


def test_hidden_pixels_and_alpha_stay_as_they_are(network):
    alpha = np.full((24, 32, 1), 255, np.uint8)
    alpha[:, :10] = 0
    content = np.dstack([pixels(0), alpha])
    restyled = result(Picture.from_array(content), Picture.from_array(pixels(1)), network).to_array()
    assert np.array_equal(restyled[:, :10], content[:, :10])
    assert np.array_equal(restyled[..., 3], content[..., 3])
    assert not np.array_equal(restyled[:, 10:], content[:, 10:])


def test_at_strength_0_the_picture_does_not_change(network):
    content = Picture.from_array(pixels(0))
    settings = StyleSettings(strength=0, iterations=1)
    assert np.array_equal(result(content, Picture.from_array(pixels(1)), network, settings).to_array(), pixels(0))


def test_after_stopping_early_the_picture_can_be_read(network):
    steps = stylise(Picture.from_array(pixels(0)), [Picture.from_array(pixels(1))], QUICK, network)
    progress = next(steps)
    steps.close()
    assert progress.picture.to_array().shape == (24, 32, 3)
    assert 0 < progress.done < 1


def test_a_file_may_be_opened_at_another_size(tmp_path):
    Picture.from_array(pixels(0)).save(tmp_path / "photo.png")
    assert Picture.open(tmp_path / "photo.png", longest_side=16).to_array().shape == (12, 16, 3)


@pytest.mark.parametrize("array", [np.zeros((4, 4, 5)), np.zeros(7), np.zeros((4, 4, 3), int)], ids=str)
def test_an_array_that_is_no_picture_is_refused(array):
    with pytest.raises(BadPixels, match="not a picture"):
        Picture.from_array(array)


def test_a_transparent_picture_is_refused(network):
    hidden = Picture.from_array(np.zeros((24, 32, 4), np.uint8))
    with pytest.raises(NothingToRestyle, match="transparent"):
        next(stylise(hidden, [Picture.from_array(pixels(1))], QUICK, network))
