"""`velatura bench`: every measurement runs at a small size, and errors are reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

PATIENCE = 500  # seconds; a free machine takes one minute
pytestmark = pytest.mark.timeout(PATIENCE + 20)


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    # One thread: beside other tests, two threads that wait for each other are slow.
    env = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "velatura_daemon", "bench", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_a_small_run_measures_both_implementations_and_complete_jobs(tmp_path):
    done = bench(
        "--sizes", 64, "--steps", 8, "--repeats", 1, "--brief", "--json", tmp_path / "all.json", "--pictures", tmp_path
    )
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "all.json").read_text())
    assert data["machine"]["float32"] > 0
    assert len(data["steps"]["64²"]["plain"]["steps"]) == len(data["steps"]["64²"]["ours"]["steps"]) == 5
    assert data["steps"]["64²"]["flops"] > 1e8
    (found,) = data["to_loss"].values()
    assert len(found["plain"]["totals"]) == 8
    assert all(run["reached"] == (run["judged"][-1] <= found["target"]) for run in found["ours"])
    assert {len(job["warm"]) for job in data["whole"].values()} == {1}
    assert {p.name for p in tmp_path.glob("*.png")} == {"plain-64.png", "ours-64.png"}
    assert "64², plain, per iteration" in done.stdout


def test_pictures_of_any_size_are_measured_within_their_memory_limit(tmp_path):
    done = bench("--megapixels", "0.01,0.02", "--memory-megabytes", 1040, "--json", tmp_path / "sizes.json")
    assert done.returncode == 0, done.stderr
    small, large = json.loads((tmp_path / "sizes.json").read_text())["sizes"].values()
    assert (small["tile"], large["tile"] > 0) == (0, True)
    assert all(0 < found["memory"] <= 1040 << 20 for found in (small, large))
    assert "0.02 megapixels, per iteration" in done.stdout


@pytest.mark.skipif(find_spec("matplotlib") is not None, reason="matplotlib is installed")
def test_a_missing_matplotlib_is_reported_before_anything_is_measured(tmp_path):
    done = bench("--plot", tmp_path / "plot.png")
    assert done.returncode == 2
    assert "matplotlib" in done.stderr


@pytest.mark.parametrize("sizes", ["100", "big", "32", "256,,512"])
def test_an_invalid_size_is_reported(sizes):
    done = bench("--sizes", sizes)
    assert done.returncode == 2
    assert "multiples of 16" in done.stderr


@pytest.mark.parametrize(
    ("path", "expected"),
    [("file/all.json", "is a file, not a folder"), ("nothere/all.json", "files cannot be created there")],
)
def test_a_file_that_cannot_be_written_is_reported_before_anything_is_measured(tmp_path, path, expected):
    (tmp_path / "file").touch()
    done = bench("--json", tmp_path / path)
    assert done.returncode in (1, 2) and not done.stdout
    assert expected in done.stderr and done.stderr.count("\n") == 1
