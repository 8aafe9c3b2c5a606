"""What a job asks of another daemon, which may be older."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import picture
from velatura.errors import BadSetting
from velatura.settings import StyleSettings
from velatura_daemon.executors.remote.request import request_for
from velatura_daemon.jobs.spec import JobSpec, PictureFile, PreviousInput, StyleInput, View

FILE = PictureFile(picture().ref, Path("pixels"))
SPEC = JobSpec("ticket", "layer", FILE, (StyleInput(FILE, 1.0),), None, StyleSettings())


def test_a_view_is_sent_to_a_daemon_that_knows_views():
    assert request_for(replace(SPEC, view=View(1, 2, 8, 9)), version=(2, 1)).view == [1, 2, 8, 9]


def test_a_view_is_not_sent_to_an_older_daemon():
    with pytest.raises(BadSetting, match="Update it there"):
        request_for(replace(SPEC, view=View(1, 2, 8, 9)), version=(2, 0))
    assert request_for(SPEC, version=(2, 0)).view is None


def test_previous_frames_are_sent_to_a_daemon_that_knows_films():
    spec = replace(SPEC, previous=(PreviousInput(SPEC.content, SPEC.content),))
    (frame,) = request_for(spec, version=(2, 4)).previous
    assert frame == {"content": SPEC.content.picture.to_wire(), "result": SPEC.content.picture.to_wire()}


def test_previous_frames_are_not_sent_to_an_older_daemon():
    with pytest.raises(BadSetting, match="cannot restyle films"):
        request_for(replace(SPEC, previous=(PreviousInput(SPEC.content, SPEC.content),)), version=(2, 3))
    assert request_for(SPEC, version=(2, 3)).previous == []


@pytest.mark.parametrize("field", ["once", "background"])
def test_how_a_job_is_treated_is_sent(field):
    assert not getattr(request_for(SPEC), field)
    assert getattr(request_for(replace(SPEC, **{field: True})), field)


def test_a_request_names_the_daemons_that_it_has_come_through():
    assert request_for(replace(SPEC, via=("first", "this one"))).via == ["first", "this one"]
