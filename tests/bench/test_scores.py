"""Scores of restyles: their values in extreme cases, what they do not depend on, and the command that prints them."""

from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from tests.support.networks import small_network
from tests.support.pictures import procedural_pictures
from velatura_daemon.bench.judge import judge
from velatura_daemon.bench.quality import main
from velatura_daemon.models.calibration import scale_layers


@pytest.fixture(scope="module")
def network():
    return small_network()


@pytest.fixture(scope="module")
def pictures():
    return procedural_pictures()


def test_the_style_itself_has_a_style_score_of_0(network, pictures):
    scores = judge(network, pictures[0], pictures[1], pictures[0])
    assert scores.style == pytest.approx(0, abs=1e-6)
    assert scores.content < 0.9


def test_the_content_itself_has_a_content_score_of_1(network, pictures):
    scores = judge(network, pictures[0], pictures[1], pictures[1])
    assert scores.content == pytest.approx(1, abs=1e-5)
    assert scores.style > 0.05


def test_the_style_score_is_the_mean_of_relative_gram_errors(network, pictures):
    style, content, result = pictures[:3]
    network.set_pooling("average")
    errors = []
    for layer in ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"):
        grams = []
        for picture in (result, style):
            rows = network(picture, (layer,))[layer].flatten(1)
            grams.append(rows @ rows.T)
        errors.append(float((grams[0] - grams[1]).norm() / grams[1].norm()))
    scores = judge(network, style, content, result)
    assert scores.style == pytest.approx(sum(errors) / 5, rel=1e-4)
    assert (scores.fine, scores.coarse) == pytest.approx((sum(errors[:2]) / 2, sum(errors[3:]) / 2), rel=1e-4)


def test_scores_do_not_depend_on_the_scale_of_the_layers(network, pictures):
    scaled = small_network()
    factors = {name: 0.1 * (1 + number) for number, name in enumerate(scaled.layers)}
    scale_layers(scaled, dict.fromkeys(scaled.layers, 1.0), factors)
    before, after = (judge(each, *pictures[:3]) for each in (network, scaled))
    assert (after.style, after.content) == pytest.approx((before.style, before.content), rel=1e-3)


def save(folder, name, picture):
    folder.mkdir(exist_ok=True)
    pixels = (picture.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    Image.fromarray(pixels).save(folder / f"{name}.png")


def test_the_command_restyles_a_folder_and_writes_scores_pictures_and_a_sheet(tmp_path, pictures):
    save(tmp_path / "content", "one", pictures[0])
    save(tmp_path / "style", "other", pictures[1])
    out = tmp_path / "judged"
    done = CliRunner().invoke(
        main, ["--pictures", str(tmp_path), "--out", str(out), "--size", "64", "--quality", "draft"]
    )
    assert done.exit_code == 0, done.output
    (result,) = json.loads((out / "scores.json").read_text())["results"]
    assert (result["scene"], result["painting"]) == ("one", "other")
    assert 0 < result["scores"]["style"] < 1
    assert Image.open(out / "one-in-other.png").size == (64, 64)
    assert (out / "sheet.jpg").exists()


def test_the_error_for_an_empty_folder_names_it(tmp_path):
    (tmp_path / "content").mkdir()
    done = CliRunner().invoke(main, ["--pictures", str(tmp_path)])
    assert done.exit_code == 1
    assert f"There are no pictures in {tmp_path / 'content'}" in done.output
