"""The merged guide: nearest frames first, farther ones where no nearer one shows the place."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.moving import HEIGHT, WIDTH, disc, texture
from velatura_daemon.motion.flow import LUMA
from velatura_daemon.motion.guide import OWN_SHARE, RestyledFrame, coloured, merged_guide, refreshed
from velatura_daemon.motion.sharpness import gradient_energy

cv2 = pytest.importorskip("cv2")


def flat(value: float) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), value, np.float32)


def test_the_nearest_frame_is_followed_where_it_can_be():
    content = texture(1)
    merged = merged_guide(content, [RestyledFrame(content.copy(), flat(0.2)), RestyledFrame(content, flat(0.8))])
    assert np.allclose(merged.image[merged.weight > 0], 0.2, atol=0.05)
    assert merged.weight.mean() > 0.9


def test_a_farther_frame_is_followed_where_the_nearer_one_hides_the_place():
    content = texture(1)
    hiding = np.where(disc(48, 32)[..., None], texture(9), content).astype(np.float32)
    near, far = RestyledFrame(hiding, flat(0.2)), RestyledFrame(content, flat(0.8))
    alone, both = merged_guide(content, [near]), merged_guide(content, [near, far])
    hidden = disc(48, 32, 8)
    assert both.weight[hidden].mean() > alone.weight[hidden].mean() + 0.3
    taken = hidden & (alone.weight == 0) & (both.weight > 0)
    assert np.allclose(both.image[taken], 0.8, atol=0.05)
    assert np.median(both.image[:, :16]) == pytest.approx(0.2, abs=0.05)


def test_a_result_moves_with_its_content():
    result = texture(5)
    merged = merged_guide(texture(1, 4, 0), [RestyledFrame(texture(1), result)])
    followed = merged.weight > 0
    assert np.abs(merged.image - texture(5, 4, 0))[followed].mean() < 0.02


def test_places_that_were_not_restyled_are_not_followed():
    content, result = texture(1), flat(0.5)
    result[:, :40] = content[:, :40]
    merged = merged_guide(content, [RestyledFrame(content.copy(), result)])
    assert not merged.weight[:, :36].any()
    assert merged.weight[:, 44:].mean() > 0.9


def test_a_held_frame_is_followed_everywhere():
    content = texture(1)
    merged = merged_guide(content, [RestyledFrame(content, flat(0.3), is_this=True)])
    assert merged.weight.mean() > 0.99
    assert np.allclose(merged.image[merged.weight > 0], 0.3)


def test_an_earlier_pass_is_what_to_start_from_mixed_with_the_frames_beside():
    content = texture(1)
    beside, own = RestyledFrame(content.copy(), flat(0.2)), RestyledFrame(content, flat(0.8), is_this=True)
    merged = merged_guide(content, [beside, own])
    assert merged.detailed.all()
    assert np.allclose(merged.start[merged.weight == 1], OWN_SHARE * 0.8 + (1 - OWN_SHARE) * 0.2, atol=0.05)
    assert np.allclose(merged.start[merged.weight == 0], 0.8, atol=0.05)


def test_a_cut_leaves_little_to_follow():
    merged = merged_guide(texture(1), [RestyledFrame(texture(40), flat(0.2))])
    assert merged.weight.mean() < 0.5


def test_what_comes_into_view_starts_from_the_content_in_the_colours_around_it():
    content, image = texture(1), texture(1) * (0.5, 0.8, 1.0)
    known = np.ones((HEIGHT, WIDTH), np.float32)
    known[:, -8:] = 0
    start = coloured(content, image.astype(np.float32), known)
    assert np.allclose(start[:, :-8], image[:, :-8], atol=1e-5)
    assert np.abs(start - image)[:, -8:].mean() < 0.5 * np.abs(content - image)[:, -8:].mean()


def test_where_nothing_is_known_a_frame_starts_from_its_content():
    content = texture(1)
    assert coloured(content, flat(0.2), np.zeros((HEIGHT, WIDTH), np.float32)) is content


def test_a_little_of_the_contents_forms_comes_back_and_more_with_more_steps():
    content, image = texture(1), flat(0.5)
    few, many = (np.abs(refreshed(image, content, share) - image).mean() for share in (0.1, 0.5))
    assert 0 < few < many < 0.3 * np.abs(content - image).mean()


def test_the_contents_colours_and_surfaces_do_not_come_back():
    content, image = texture(1) * (0.2, 0.6, 1.0), flat(0.5)
    back = refreshed(image, content.astype(np.float32), 0.5) - image
    assert np.abs(back.mean((0, 1))).max() < 0.1 * np.abs(back).mean()


def test_fine_coloured_lines_fade():
    content, lines = texture(1), texture(1)
    for first, sign in ((0, 1), (1, -1)):
        lines[first::2] += sign * np.array([0.2, 0, -0.2 * LUMA[0] / LUMA[2]], np.float32)
    faded = refreshed(lines, content, 0.5)
    assert np.abs(faded - content).mean() < 0.95 * np.abs(lines - content).mean()


def test_a_result_that_became_softer_over_some_frames_is_made_as_sharp_as_the_farthest_again():
    content, result = texture(1), texture(5)
    softer, sharper = (np.clip(result + amount * (result - softened(result)), 0, 1) for amount in (-0.1, 0.1))
    near, far = (RestyledFrame(content.copy(), picture.astype(np.float32)) for picture in (softer, result))
    assert sharpness(merged_guide(content, [near], 0).image) < 0.95 * sharpness(result)
    assert sharpness(merged_guide(content, [near, far], 0).image) == pytest.approx(sharpness(result), rel=0.03)
    near = RestyledFrame(content.copy(), sharper.astype(np.float32))
    assert sharpness(merged_guide(content, [near, far], 0).image) == pytest.approx(sharpness(result), rel=0.03)


def softened(picture):
    return cv2.GaussianBlur(picture, (0, 0), 1)


def sharpness(picture):
    return float(gradient_energy(picture).mean())
