"""The memory of a restyle stays within what the plan counts for its styles, masks and profiles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.restyle_jobs import noise
from tests.support.worker_memory import LAYER, REGIONS, SIDE
from velatura.errors import PictureTooLarge
from velatura_daemon.jobs import validation
from velatura_daemon.memory_plan import FEATURE_BYTES, REGION_BYTES, REGION_FEATURE_SHARE, Inputs
from velatura_daemon.worker import restyle_job
from velatura_daemon.worker.environment import WORKER

NETWORK_WIDTH = 1 / 8  # of the test's network
SPARE = 24.0  # megabytes: the content of 64 px, heaps, JPEG encoders
LARGE, SMALL = SIDE * SIDE, 64 * 64

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux's /proc"
)


@pytest.fixture(scope="module")
def peaks(tmp_path_factory):
    """Peak megabytes by case."""
    outcome = subprocess.run(
        [sys.executable, "-m", "tests.support.worker_memory", str(tmp_path_factory.mktemp("jobs"))],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **WORKER},
    )
    assert not outcome.stderr
    return {report["case"]: report["megabytes"] for report in map(json.loads, outcome.stdout.splitlines())}


@pytest.mark.parametrize(
    ("case", "styles"),
    [
        ("one", (LARGE,)),
        ("the same 8 times", (LARGE,)),
        ("4 different, palette", (LARGE,) * 4),
        ("4 with profiles", (LARGE,) * 4),
    ],
)
def test_styles_take_no_more_memory_than_planned(peaks, case, styles):
    assert peaks[case] < Inputs(styles).bytes(SMALL) / (1 << 20) + SPARE


def test_the_same_style_many_times_takes_the_memory_of_one(peaks):
    assert peaks["the same 8 times"] < peaks["one"] + SPARE


def test_regions_take_no_more_memory_than_planned(peaks):
    per_pixel = REGION_BYTES + REGION_FEATURE_SHARE * FEATURE_BYTES[4] * NETWORK_WIDTH
    planned = REGIONS * per_pixel * LAYER * LAYER / (1 << 20)
    assert peaks["regions"] < peaks["no regions"] + planned + SPARE


def test_styles_beyond_the_workers_memory_are_refused_before_they_are_decoded(jobs, monkeypatch):
    monkeypatch.setattr(restyle_job, "style_megapixels_within", lambda _: 0.02)
    monkeypatch.setattr(restyle_job, "style_sources", None)
    with pytest.raises(PictureTooLarge, match=r"2 styles have 0\.02\d* megapixels together"):
        jobs.run(noise(16, 16), styles=[noise(101, 101, seed=1), noise(101, 101, seed=2)])


def test_a_style_counts_once_however_often_it_is_named():
    ref = noise(100, 100).ref
    validation.check_styles([ref] * 16, limit=0.01)
