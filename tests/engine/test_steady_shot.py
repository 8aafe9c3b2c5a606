"""Frames that follow each other stay like stills, though the steps of each add to those of the ones before."""

from __future__ import annotations

import pytest

from velatura.settings import StyleSettings
from velatura_daemon.bench import film
from velatura_daemon.bench.pictures import drawn
from velatura_daemon.bench.quality import as_tensor

pytest.importorskip("cv2")


def test_frames_of_a_steady_shot_are_as_sharp_as_stills_and_hold_still(network, monkeypatch):
    monkeypatch.setattr(film, "working_network", lambda: network)
    frames, style = film.shot("pan", 64, 36, 6), as_tensor(drawn("night_swirls", 64, 48), 64)
    steady, alone = (
        film.restyle_shot(frames, style, StyleSettings(quality="good", steadiness=steadiness)).results
        for steadiness in (StyleSettings().steadiness, 0)
    )
    for number in (1, 3, 5):
        assert film.gradient_energy(steady[number]) == pytest.approx(film.gradient_energy(alone[number]), rel=0.25)
    assert film.wobble(steady, frames) < 0.5 * film.wobble(alone, frames)
