"""What is measured of a result means what it says."""

from __future__ import annotations

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from training.cli import main
from training.fields import noise
from training.measures import blurred, coherence, colour_distance, likeness, measure, texture_distance
from training.recipe import draw_style
from training.render import render


def rendered(number):
    return torch.from_numpy(render(draw_style(number), 1, 64)).permute(2, 0, 1).float() / 255


def stripes():
    wave = 0.5 + 0.4 * torch.sin(torch.arange(64) * 0.8)
    return wave.expand(3, 64, 64).contiguous()


def grain():
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_a_picture_measures_as_itself():
    picture = rendered(2)
    found = measure(picture, picture, picture)
    assert found.colours == pytest.approx(0)
    assert found.strokes == pytest.approx(0)
    assert found.texture == pytest.approx(0)
    assert found.content == pytest.approx(1, abs=1e-4)


def test_colours_do_not_mind_where_they_stand():
    picture = rendered(3)
    assert colour_distance(picture, picture.flip(1)) == pytest.approx(0, abs=1e-6)
    assert colour_distance(picture, 1 - picture) > 0.02


def test_strokes_are_coherent_and_grain_is_not():
    assert coherence(stripes()) > 0.9
    assert coherence(grain()) < 0.5


def test_texture_sees_what_a_blur_takes_away():
    picture = grain()
    assert texture_distance(torch.stack([blurred(c[None, None], 2)[0, 0] for c in picture]), picture) > 0.5


def test_another_picture_is_not_like_the_content():
    picture = rendered(5)
    assert likeness(picture.flip(1).flip(2), picture) < 0.5
    assert likeness(0.2 + 0.5 * picture, picture) > 0.95


def test_noise_of_forms_is_a_field_of_numbers():
    import numpy as np

    assert np.isfinite(noise(np.random.default_rng(0), 32, 2.0)).all()


def test_judging_leaves_a_sheet_and_numbers(tmp_path):
    for folder, numbers in (("contents", (0, 1)), ("styles", (2,))):
        (tmp_path / folder).mkdir()
        for number in numbers:
            Image.fromarray(render(draw_style(number), 1, 64)).save(tmp_path / folder / f"{number}.png")
    asked = ["judge", "thin", "--size", "64", "--quality", "draft", "--out", str(tmp_path / "out"),
             "--contents", str(tmp_path / "contents"), "--styles", str(tmp_path / "styles")]  # fmt: skip
    ran = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert "mean" in ran.output
    assert {f.name for f in (tmp_path / "out").iterdir()} == {"0-2.png", "1-2.png", "contact-sheet.png"}


def test_the_sheet_of_styles_has_a_column_a_family(tmp_path):
    CliRunner().invoke(main, ["styles", str(tmp_path / "s.png"), "--rows", "1", "--side", "32"], catch_exceptions=False)
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.size == (14 * 32, 32)
