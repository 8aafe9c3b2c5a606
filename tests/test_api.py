"""The API for notebooks: the README's lines run as printed, arrays and files go in and come out."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.networks import small_network
from tests.support.pictures import procedural_pictures
from velatura.errors import BadMask, BadPixels, NothingToRestyle
from velatura_daemon.api import Picture, Style, StyleSettings, restyle, restyle_frames, stylise

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


def test_a_grey_file_is_opened_in_colour_so_that_its_restyle_has_the_styles_colours(tmp_path, network):
    Picture.from_array(pixels(0)[..., 0]).save(tmp_path / "photo.png")
    restyled = result(Picture.open(tmp_path / "photo.png"), Picture.from_array(pixels(1)), network).to_array()
    assert restyled.shape == (24, 32, 3)
    assert np.ptp(restyled.astype(int), axis=2).max() > 5


def test_a_page_of_a_file_may_be_opened(tmp_path):
    first, second = (Image.fromarray(pixels(number)) for number in (0, 1))
    first.save(tmp_path / "scan.tif", save_all=True, append_images=[second])
    assert np.array_equal(Picture.open(tmp_path / "scan.tif", page=2).to_array(), pixels(1))


def test_light_above_white_in_a_style_is_not_all_white(network):
    content = Picture.from_array(pixels(0))
    hdr = Picture.from_array(3 * pixels(1).astype(np.float32) / 255)
    clipped = Picture.from_array(np.clip(hdr.to_array(), 0, 1))
    assert not np.array_equal(result(content, hdr, network).to_array(), result(content, clipped, network).to_array())


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4, 5)), np.zeros(7), np.zeros((4, 4, 3), int), np.zeros((0, 4, 3), np.uint8)], ids=str
)
def test_an_array_that_is_no_picture_is_refused(array):
    with pytest.raises(BadPixels, match="not a picture"):
        Picture.from_array(array)


def test_a_transparent_picture_is_refused(network):
    hidden = Picture.from_array(np.zeros((24, 32, 4), np.uint8))
    with pytest.raises(NothingToRestyle, match="transparent"):
        next(stylise(hidden, [Picture.from_array(pixels(1))], QUICK, network))


def test_a_frame_of_a_film_follows_the_frame_before(network):
    pytest.importorskip("cv2")
    content, style, last = (Picture.from_array(pixels(n, 48, 48)) for n in range(3))
    *_, still = stylise(content, [style], QUICK, network)
    *_, frame = stylise(content, [style], QUICK, network, previous=[(content, last)])
    away = [np.abs(p.picture.to_array().astype(int) - last.to_array()).mean() for p in (frame, still)]
    assert away[0] < 0.5 * away[1]


def test_previous_frames_of_another_size_are_refused(network):
    content, other = Picture.from_array(pixels(0)), Picture.from_array(pixels(1, 30, 30))
    with pytest.raises(BadPixels, match="30 × 30"):
        next(stylise(content, [other], QUICK, network, previous=[(content, other)]))


def half(height=24, width=32):
    """A mask of the left half."""
    mask = np.zeros((height, width), bool)
    mask[:, : width // 2] = True
    return mask


def changed(before, after):
    """Where two arrays differ: (H, W)."""
    return (before != after).any(axis=2)


@pytest.mark.parametrize("kind", ["bool", "uint8", "float32", "picture"])
def test_outside_of_a_mask_nothing_changes(network, kind):
    content, mask = pixels(0, 64, 96), half(64, 96)
    given = {
        "bool": mask,
        "uint8": mask.astype(np.uint8) * 255,
        "float32": mask.astype(np.float32),
        "picture": Picture.from_array(mask.astype(np.uint8) * 255),
    }[kind]
    restyled = restyle(Picture.from_array(content), Picture.from_array(pixels(1)), QUICK, network, mask=given)
    difference = changed(content, restyled.to_array())
    assert not difference[~mask].any()
    assert difference[mask].mean() > 0.9


def test_outside_of_all_regions_nothing_changes_and_each_style_has_its_own(network):
    content, left = pixels(0, 64, 96), half(64, 96)
    right = np.zeros_like(left)
    right[:, 64:] = True
    reds, blues = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32, 3), np.uint8)
    reds[..., 0], blues[..., 2] = pixels(1, 32, 32)[..., 0], pixels(1, 32, 32)[..., 0]
    styles = [Style(Picture.from_array(reds), region=left), Style(Picture.from_array(blues), region=right)]
    restyled = restyle(Picture.from_array(content), styles, StyleSettings(iterations=12), network).to_array()
    assert not changed(content, restyled)[~(left | right)].any()
    change = restyled.astype(float) - content
    redder = change[..., 0] - change[..., 2]
    assert redder[left].mean() > redder[right].mean()


def test_shares_decide_how_styles_are_mixed(network):
    content = Picture.from_array(pixels(0, 48, 48))
    one, other = (Picture.from_array(pixels(n, 48, 48)) for n in (1, 2))
    alone = restyle(content, one, QUICK, network).to_array().astype(int)

    def away(share):
        mixed = restyle(content, [Style(one, share), other], QUICK, network).to_array()
        return np.abs(mixed - alone).mean()

    assert away(50) < away(0.02)


def test_restyle_returns_the_last_picture_of_stylise(network):
    content, style = Picture.from_array(pixels(0)), Picture.from_array(pixels(1))
    assert np.array_equal(
        restyle(content, style, QUICK, network).to_array(), result(content, style, network).to_array()
    )


def test_each_frame_of_a_shot_follows_those_before_it(network):
    pytest.importorskip("cv2")
    still, style = Picture.from_array(pixels(0, 48, 48)), Picture.from_array(pixels(1))
    noise = np.random.default_rng(1).integers(-6, 7, (2, 48, 48, 3))
    shot = [Picture.from_array(np.clip(still.to_array() + grain, 0, 255).astype(np.uint8)) for grain in noise]

    def wobble(settings):
        first, second = (frame.to_array().astype(int) for frame in restyle_frames(shot, style, settings, network))
        return np.abs(second - first).mean()

    assert wobble(QUICK) < 0.7 * wobble(replace(QUICK, steadiness=0))


def test_frames_are_read_as_they_are_needed(network):
    def shot():
        yield Picture.from_array(pixels(0))
        raise AssertionError("the second frame was read")

    results = restyle_frames(shot(), Picture.from_array(pixels(1)), QUICK, network)
    assert next(results).width == 32


def test_a_notebook_shows_a_small_picture_in_srgb():
    large = np.zeros((30, 2000, 4), np.uint16)
    large[..., 0], large[:, 1000:, 3] = 65535, 65535
    shown = Image.open(io.BytesIO(Picture.from_array(large)._repr_png_()))
    assert (shown.mode, shown.size) == ("RGB", (1024, 15))
    assert shown.getpixel((10, 7)) == (255, 255, 255)
    assert shown.getpixel((1000, 7)) == (255, 0, 0)


def test_the_repr_says_size_and_format_and_not_the_pixels():
    assert repr(Picture.from_array(pixels(0))) == "<Picture 32 × 24, RGB u8>"


def test_the_repr_of_progress_has_no_tensors(network):
    steps = stylise(Picture.from_array(pixels(0)), Picture.from_array(pixels(1)), QUICK, network)
    assert "tensor" not in repr(next(steps))


def test_a_picture_keeps_its_samples_if_the_array_changes_later():
    array = pixels(0)
    picture = Picture.from_array(array)
    array[:] = 0
    assert picture.to_array().any()


@pytest.mark.parametrize("which", ["content", "style"])
def test_a_path_or_an_array_instead_of_a_picture_is_refused_at_once(network, which):
    picture = Picture.from_array(pixels(0))
    given = {"content": picture, "style": picture} | {which: "photo.jpg"}
    with pytest.raises(TypeError, match=rf"The {which} is a str.*Picture\.open"):
        stylise(given["content"], [given["style"]], QUICK, network)


def test_a_mask_of_another_size_is_refused_at_once(network):
    content = Picture.from_array(pixels(0))
    with pytest.raises(BadMask, match="20 × 10"):
        stylise(content, content, QUICK, network, mask=np.ones((10, 20), bool))


@pytest.mark.parametrize("styles", [[], [Style(Picture.from_array(pixels(1)), share=0)]], ids=["none", "a share of 0"])
def test_styles_that_count_for_nothing_are_refused(network, styles):
    with pytest.raises(ValueError, match="style"):
        stylise(Picture.from_array(pixels(0)), styles, QUICK, network)
