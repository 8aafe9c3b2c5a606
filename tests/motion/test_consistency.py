"""Flow is not trusted where something was hidden, at the borders of what moves, and beyond the picture."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.moving import HEIGHT, WIDTH, disc, texture
from velatura_daemon.motion.consistency import is_motion_boundary, trusted
from velatura_daemon.motion.flow import optical_flow

pytest.importorskip("cv2")


def moving_disc(x: float) -> np.ndarray:
    return np.where(disc(x, 32)[..., None], texture(7, x, 0), texture(1)).astype(np.float32)


def test_what_a_moving_thing_has_uncovered_is_not_trusted():
    before, now = moving_disc(40), moving_disc(48)
    sure = trusted(now, before, optical_flow(now, before), optical_flow(before, now))
    uncovered = disc(40, 32) & ~disc(50, 32, 18)
    assert sure[uncovered].mean() < 0.2


def test_a_background_that_stands_still_is_trusted():
    before, now = moving_disc(40), moving_disc(48)
    sure = trusted(now, before, optical_flow(now, before), optical_flow(before, now))
    assert sure[:, 80:].mean() > 0.95


def test_a_picture_that_has_not_changed_is_trusted_everywhere():
    picture = texture(1)
    assert trusted(picture, picture, optical_flow(picture, picture), optical_flow(picture, picture)).all()


def test_what_has_come_into_view_at_the_edge_is_not_trusted():
    before, now = texture(1), texture(1, 6, 0)
    sure = trusted(now, before, optical_flow(now, before), optical_flow(before, now))
    assert sure[:, :4].mean() < 0.1
    assert sure[:, 12:-12].mean() > 0.9


def test_the_border_between_two_motions_is_a_motion_boundary_and_slow_zooming_is_none():
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[:, WIDTH // 2 :, 0] = 5
    assert is_motion_boundary(flow)[:, WIDTH // 2].all()
    assert not is_motion_boundary(flow)[:, : WIDTH // 2 - 2].any()
    x = np.arange(WIDTH, dtype=np.float32)
    zoom = np.stack(np.broadcast_arrays(0.01 * x, np.zeros((HEIGHT, 1), np.float32)), axis=2)
    assert not is_motion_boundary(zoom).any()


def test_a_thing_that_appears_is_not_trusted_even_if_the_flow_returns():
    before, now = texture(1), np.where(disc(48, 32)[..., None], texture(1) * 0.5, texture(1)).astype(np.float32)
    standing = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    sure = trusted(now, before, standing, standing)
    assert sure[disc(48, 32, 12)].mean() < 0.1
    assert sure[~disc(48, 32, 18)].all()


def test_a_patch_that_matches_by_chance_amid_what_does_not_is_not_trusted():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    patch = (np.abs(rows - 32) < 5) & (np.abs(columns - 48) < 5)
    other = disc(48, 32, 20) & ~patch
    before, now = texture(1), np.where(other[..., None], texture(1) * 0.5, texture(1)).astype(np.float32)
    standing = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    sure = trusted(now, before, standing, standing)
    assert not sure[patch].any()
    assert sure[~disc(48, 32, 24)].all()


def test_grain_and_changing_light_are_no_reason_for_doubt():
    random = np.random.default_rng(1)
    before, now = (texture(1) * light + random.normal(0, 0.02, (HEIGHT, WIDTH, 3)) for light in (0.9, 1.0))
    standing = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    assert trusted(now.astype(np.float32), before.astype(np.float32), standing, standing).mean() > 0.9
