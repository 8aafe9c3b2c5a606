"""Samples: any size, reproducible, and paintings that differ in palette and texture."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from velatura_daemon.samples import PAINTINGS, SCENES, draw
from velatura_daemon.samples.brush import Brush, Canvas
from velatura_daemon.samples.noise import Array
from velatura_daemon.samples.raster import Sheet, flat

ALL = sorted(SCENES | PAINTINGS)


@lru_cache
def small(name: str) -> Array:
    return draw(name, 128, 96)


def palette(picture: Array) -> Array:
    """Return the picture averaged to (4, 4, 3), 0 to 255."""
    return np.asarray(Image.fromarray(picture).resize((4, 4), Image.Resampling.BOX), np.float64)


def texture(picture: Array) -> float:
    """Return the mean lightness difference between neighbouring pixels; 0 for a flat picture."""
    grey = picture.mean(axis=2)
    return float(np.abs(np.diff(grey, axis=1)).mean() + np.abs(np.diff(grey, axis=0)).mean())


@pytest.mark.parametrize("name", ALL)
def test_a_sample_is_the_same_each_time(name: str) -> None:
    assert small(name).tobytes() == draw(name, 128, 96).tobytes()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("width", "height"), [(64, 64), (101, 67), (65, 129)])
def test_a_sample_has_the_requested_size(name: str, width: int, height: int) -> None:
    picture = draw(name, width, height)
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("name", ALL)
def test_a_sample_has_contrast_and_colour(name: str) -> None:
    picture = small(name).astype(np.float64)
    assert np.ptp(np.percentile(picture.mean(axis=2), [2, 98])) > 80
    assert (picture.max(axis=2) - picture.min(axis=2)).mean() > 20


@pytest.mark.parametrize("name", ALL)
def test_shapes_scale_with_the_size(name: str) -> None:
    larger = draw(name, 256, 192)
    assert np.abs(palette(larger) - palette(small(name))).mean() < 14


@pytest.mark.parametrize(("one", "other"), list(combinations(sorted(PAINTINGS), 2)))
def test_no_two_paintings_share_a_palette(one: str, other: str) -> None:
    colours = [palette(small(name)).reshape(-1, 3) for name in (one, other)]
    nearest = np.linalg.norm(colours[0][:, None] - colours[1][None], axis=2).min(axis=1)
    assert nearest.mean() > 25


@pytest.mark.parametrize("name", sorted(PAINTINGS))
def test_a_painting_has_texture(name: str) -> None:
    assert texture(small(name)) > 6


def test_strokes_follow_the_flow() -> None:
    sheet = Sheet(96, 96)
    canvas = Canvas(sheet, flat(sheet, "#808080"), seed=1)
    canvas.lay(Brush(0.3, 0.03, 3, jitter=0.2), flat(sheet, "#808080"), np.zeros((sheet.height, sheet.width)))
    grey = canvas.dull().mean(axis=2)
    along, across = np.abs(np.diff(grey, axis=1)).mean(), np.abs(np.diff(grey, axis=0)).mean()
    assert across > 3 * along


def test_no_stroke_begins_where_the_density_is_0() -> None:
    sheet = Sheet(64, 64)
    ground = flat(sheet, "#204060")
    canvas = Canvas(sheet, ground, seed=1)
    canvas.lay(Brush(0.1, 0.05, 2), flat(sheet, "#ffffff"), np.zeros((128, 128)), where=np.zeros((128, 128)))
    assert np.array_equal(canvas.dull(), ground)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError):
        draw("mona_lisa", 64, 64)
