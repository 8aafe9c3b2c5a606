"""Which job starts from the last image of its layer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import picture
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.jobs.validation import job_from
from velatura_daemon.storage.warm_starts import WarmStart

STYLE, OTHER_STYLE = picture(16, 16, seed=2), picture(16, 16, seed=3)
MASK = picture(32, 24, channels="GRAY")


def job(width=32, height=24, seed=1, style=STYLE, mask=None, **settings):
    styles = [{"picture": style.ref.to_wire(), "share": 1.0}]
    content = picture(width, height, seed=seed).ref.to_wire()
    masked = mask.ref.to_wire() if mask is not None else None
    request = p.Restyle("job", "layer", content, styles, masked, StyleSettings(**settings).to_wire(), adjust=True)
    return job_from(request, b"", "client", "test", 256.0)


def last_image(of):
    return WarmStart(b"", of.warm_start_key, of.content, of.settings.keep_colours, of.id, 0)


def test_a_changed_content_is_followed():
    assert not last_image(job()).fits(job(seed=5))
    assert last_image(job()).can_follow(job(seed=5))


@pytest.mark.parametrize(("width", "height"), [(64, 48), (16, 12), (320, 240), (321, 241)])
def test_another_size_of_the_same_proportions_is_followed(width, height):
    assert last_image(job()).can_follow(job(width, height))
    assert last_image(job(width, height)).can_follow(job())


@pytest.mark.parametrize("other", [job(32, 32), job(style=OTHER_STYLE), job(mask=MASK), job(seamless=True)])
def test_other_proportions_styles_masks_and_edges_are_not(other):
    assert not last_image(job()).can_follow(other)


def test_colours_of_the_style_do_not_come_back():
    kept = last_image(job(keep_colours="luminance"))
    assert not kept.can_follow(job(seed=5))
    assert replace(kept, keep_colours="off").can_follow(job(seed=5))
