"""Optical flow finds known motion, and warping along it undoes it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.support.moving import HEIGHT, WIDTH, texture
from velatura.errors import NotInstalled
from velatura_daemon.motion.flow import comes_from_inside, optical_flow, warp
from velatura_daemon.motion.sharpness import gradient_energy, resharpened

pytest.importorskip("cv2")

INNER = slice(10, -10), slice(10, -10)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -2), (2.5, 1.25)])
def test_the_flow_of_a_moved_picture_is_its_motion(right, down):
    flow = optical_flow(texture(1), texture(1, right, down))
    assert np.abs(flow[INNER] - (right, down)).mean() < 0.3


@pytest.mark.parametrize(("right", "down"), [(3, 0), (2.5, 1.25)])
def test_warping_a_moved_picture_gives_the_picture_back(right, down):
    here, there = texture(1), texture(1, right, down)
    warped = warp(there, optical_flow(here, there))
    assert np.abs(warped - here)[INNER].mean() < 0.01
    assert np.abs(there - here)[INNER].mean() > 0.03


def test_warping_by_whole_pixels_changes_no_value():
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = 4
    picture = texture(2)
    assert np.allclose(warp(picture, flow)[:, :-4], picture[:, 4:], atol=1e-6)


def test_what_comes_from_outside_is_known():
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = -2.5
    inside = comes_from_inside(flow)
    assert not inside[:, :3].any()
    assert inside[:, 3:].all()


def test_the_flow_of_a_picture_smaller_than_its_patches_is_found():
    assert optical_flow(texture(1)[:4, :5], texture(1)[:4, :5]).shape == (4, 5, 2)


def test_without_opencv_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(NotInstalled, match=r"pip install 'velatura\[film\]'"):
        optical_flow(texture(1), texture(1))


def test_sixty_warps_that_are_resharpened_keep_a_picture_and_its_gradient_energy():
    picture = np.random.default_rng(3).random((HEIGHT, WIDTH, 3)).astype(np.float32)
    picture = (picture + np.roll(picture, 1, 0) + np.roll(picture, 1, 1)) / 3  # no detail of a single pixel
    flow, warped, sure = np.full((HEIGHT, WIDTH, 2), 0.3, np.float32), picture, np.ones((HEIGHT, WIDTH), np.float32)
    for number in range(60):
        way = flow if number % 2 else -flow
        warped = np.clip(resharpened(warp(warped, way), warp(gradient_energy(warped), way, linear=True), sure), 0, 1)
    energy = [float(np.square(np.diff(image.mean(2)[INNER], axis=1)).mean()) for image in (picture, warped)]
    assert energy[1] == pytest.approx(energy[0], rel=0.1)
    assert np.corrcoef(warped[INNER].ravel(), picture[INNER].ravel())[0, 1] > 0.8


def test_a_warp_that_changes_nothing_is_not_resharpened():
    picture, sure = texture(2), np.ones((HEIGHT, WIDTH), np.float32)
    assert np.allclose(resharpened(picture, gradient_energy(picture), sure), picture, atol=1e-4)
