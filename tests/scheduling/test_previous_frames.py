"""The previous frames of a job are checked, fetched and passed on to the worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import picture
from tests.support.scheduling import CONTENT, STYLE, Scheduling
from velatura.errors import BadMessage
from velatura.protocol import messages as p
from velatura.protocol.previous_frame import previous_to_wire

PAIR = previous_to_wire(CONTENT, CONTENT)


@pytest.fixture
def one(home: Path) -> Scheduling:
    return Scheduling(home)


def test_previous_frames_reach_the_worker_in_their_order(one):
    one.submit(previous=[PAIR, previous_to_wire(CONTENT, CONTENT)])
    (first, second) = one.executor.specs[-1].previous
    assert first.content.picture == second.result.picture == CONTENT.ref
    assert first.result.file.read_bytes() == bytes(CONTENT.data)


def test_a_previous_result_that_the_daemon_lacks_is_asked_for(one):
    missing = picture(seed=8)
    assert (missing.width, missing.height) == (CONTENT.width, CONTENT.height)
    style = [{"picture": STYLE.ref.to_wire(), "share": 1.0}]
    previous = [previous_to_wire(CONTENT, missing)]
    one.submit("first")
    request = p.Restyle("j", "layer", CONTENT.ref.to_wire(), style, None, {}, previous=previous)
    one.jobs.submit(b"s", "client", "tests", request)
    assert one.received(p.Get)[-1].blob == missing.ref.blob
    assert len(one.executor.specs) == 1


@pytest.mark.parametrize(
    ("previous", "sentence"),
    [
        ([PAIR] * 5, "at most 4 previous frames, but 5"),
        ([previous_to_wire(CONTENT, STYLE)], "40 × 40 pixels and this frame"),
        (["frame"], "has to be a map"),
        ([{"content": CONTENT.ref.to_wire()}], "picture"),
    ],
)
def test_impossible_previous_frames_are_refused(one, previous, sentence):
    with pytest.raises(BadMessage, match=sentence):
        one.submit(previous=previous)


def test_a_view_has_no_previous_frames(one):
    with pytest.raises(BadMessage, match="give no view"):
        one.submit(previous=[PAIR], view=[0, 0, 8, 8])
