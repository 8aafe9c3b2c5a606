"""Procedural styles: the same number gives the same picture, every family is there, none is blank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.fields import FLOWS, flow, noise
from training.pictures import Pictures, as_picture, crops, noisy, recoloured
from training.recipe import FAMILIES, SCREENS, Screen, draw_style
from training.render import render

SIDE = 48
numbers = st.integers(0, 10_000)


@given(numbers)
@settings(max_examples=25, deadline=None)
def test_a_picture_is_the_same_each_time_it_is_rendered(number):
    np.testing.assert_array_equal(render(draw_style(number), 5, SIDE), render(draw_style(number), 5, SIDE))


@given(numbers)
@settings(max_examples=25, deadline=None)
def test_every_style_gives_a_picture_with_something_in_it(number):
    picture = render(draw_style(number), 3, SIDE)
    assert picture.shape == (SIDE, SIDE, 3)
    assert picture.dtype == np.uint8
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 1


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_its_turn(family):
    assert draw_style(FAMILIES.index(family)).family == family


def test_two_pictures_of_a_style_differ_and_share_its_palette():
    style = draw_style(1)
    assert not np.array_equal(render(style, 1, SIDE), render(style, 2, SIDE))
    np.testing.assert_array_equal(style.palette, draw_style(1).palette)


@pytest.mark.parametrize("kind", SCREENS)
def test_every_screen_leaves_its_ink(kind):
    plain = replace(draw_style(FAMILIES.index("fractal")), screens=())
    inked = replace(plain, screens=(Screen(kind, 4.0),))
    assert not np.array_equal(render(plain, 0, SIDE), render(inked, 0, SIDE))


@pytest.mark.parametrize("kind", FLOWS)
def test_every_flow_gives_an_angle_at_each_place(kind):
    forms = noise(np.random.default_rng(0), 16, 2.0)
    lie = flow(np.random.default_rng(0), forms, kind, 0.5, 0.5)
    assert lie.shape == (16, 16)
    assert np.isfinite(lie).all()


def test_a_flow_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="sideways"):
        flow(np.random.default_rng(0), np.zeros((8, 8), np.float32), "sideways", 0, 0)


@given(st.floats(0, 3), st.floats(1, 4), st.floats(0, 3.1))
@settings(max_examples=20, deadline=None)
def test_noise_has_mean_0_and_deviation_1(steepness, stretch, angle):
    field = noise(np.random.default_rng(1), 64, steepness, stretch, angle)
    assert field.mean() == pytest.approx(0, abs=1e-4)
    assert field.std() == pytest.approx(1, abs=1e-3)


def test_steeper_noise_is_smoother():
    rough, smooth = (noise(np.random.default_rng(1), 64, s) for s in (0.5, 2.0))
    assert np.abs(np.diff(smooth)).mean() < 0.5 * np.abs(np.diff(rough)).mean()


@pytest.fixture(scope="module")
def shelf():
    pictures = Pictures(styles=14, each=2, side=SIDE, processes=2)
    pictures.fill()
    return pictures.shelf


def test_the_shelf_holds_what_each_style_renders(shelf):
    np.testing.assert_array_equal(shelf[3, 1].numpy(), render(draw_style(3), 3 * 2 + 1, SIDE))


def test_a_crop_is_a_part_of_a_picture_of_its_style(shelf):
    taken, labels = crops(shelf, 5, 32, torch.Generator().manual_seed(0))
    assert taken.shape == (5, 3, 32, 32)
    for crop, label in zip(taken, labels, strict=True):
        row = (crop[:, 0].T * 255).round().to(torch.uint8)  # (32, 3)
        windows = shelf[label].unfold(2, 32, 1)  # (each, side, side - 31, 3, 32)
        assert bool((windows == row.T).all(-1).all(-1).any())


def test_recolouring_leaves_the_share_it_is_told_to(shelf):
    taken, _ = crops(shelf, 40, 32, torch.Generator().manual_seed(0))
    changed = (recoloured(taken, 0.5, torch.Generator().manual_seed(1)) != taken).flatten(1).any(1)
    assert 8 < int(changed.sum()) < 32
    torch.testing.assert_close(recoloured(taken, 0.0, torch.Generator().manual_seed(1)), taken)


def test_noise_stays_within_the_range(shelf):
    taken, _ = crops(shelf, 8, 32, torch.Generator().manual_seed(0))
    grainy = noisy(taken, 0.3, torch.Generator().manual_seed(1))
    assert 0 <= float(grainy.min()) <= float(grainy.max()) <= 1
    torch.testing.assert_close(noisy(taken, 0.0, torch.Generator().manual_seed(1)), taken)


def test_a_refreshed_shelf_gets_other_pictures():
    pictures = Pictures(styles=3, each=1, side=SIDE, processes=1)
    pictures.fill()
    first = pictures.shelf[0, 0].clone()
    pictures.keep_fresh(1)
    try:
        while torch.equal(pictures.shelf[0, 0], first):  # the test's own time limit ends this
            pass
    finally:
        pictures.close()


def test_a_sheet_has_its_pictures_in_rows():
    one, two = np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 3), np.uint8)
    assert as_picture([[one, two], [two, one]]).shape == (8, 8, 3)
