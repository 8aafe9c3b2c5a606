"""Previews: what a coarse scale will become, at the size of the window that shows it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from velatura.settings import StyleSettings
from velatura_daemon.engine.geometry import resize
from velatura_daemon.worker.previews import THUMBNAIL_SIDE, PreviewRenderer

SETTINGS = StyleSettings(strength=50)


def noise(height, width, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def test_the_content_at_a_coarse_scale_is_shown_with_all_its_detail():
    content = noise(48, 64)
    pixels = PreviewRenderer(content, SETTINGS).pixels(resize(content, 12, 16), 64)
    shown = torch.from_numpy(pixels).permute(2, 0, 1) / 255
    assert float((shown - content).abs().mean()) < 0.02


def test_at_strength_100_no_detail_of_the_content_is_added():
    content, coarse = noise(48, 64), torch.full((3, 12, 16), 0.5)
    pixels = PreviewRenderer(content, StyleSettings(strength=100)).pixels(coarse, 64)
    assert np.ptp(pixels) <= 1


def test_kept_colours_are_the_contents():
    red = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1).expand(3, 32, 32)
    pixels = PreviewRenderer(red, StyleSettings(keep_colours="luminance")).pixels(torch.full((3, 32, 32), 0.299), 32)
    assert (pixels[..., 0] > 250).all()
    assert (pixels[..., 1:] < 5).all()


@given(
    st.tuples(st.integers(2, 80), st.integers(2, 80)),
    st.tuples(st.integers(2, 80), st.integers(2, 80)),
    st.integers(1, 100),
)
def test_a_preview_has_the_contents_proportions_and_never_more_than_the_side(content_size, image_size, side):
    pixels = PreviewRenderer(noise(*content_size), SETTINGS).pixels(noise(*image_size, seed=1), side)
    height, width = pixels.shape[:2]
    assert max(height, width) == min(side, max(content_size))
    factor = min(1, side / max(content_size))
    assert height == pytest.approx(max(1, content_size[0] * factor), abs=0.51)
    assert width == pytest.approx(max(1, content_size[1] * factor), abs=0.51)


def test_a_thumbnail_is_a_jpeg_of_at_most_128_pixels():
    data = PreviewRenderer(noise(300, 400), SETTINGS).thumbnail(noise(300, 400))
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (THUMBNAIL_SIDE, THUMBNAIL_SIDE * 3 // 4))
