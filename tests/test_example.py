"""docs/examples/engine.py runs as it stands, at a small size."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from velatura.client.launch import record_launcher
from velatura_daemon.api import Picture

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "engine.py"
SIZE = 64


@pytest.fixture(scope="module")
def made(warm, tmp_path_factory):
    """What the example's names mean after it has run, and the folder that it ran in."""
    pytest.importorskip("cv2")
    folder, threads, before = tmp_path_factory.mktemp("example"), torch.get_num_threads(), Path.cwd()
    warm.dirs.config.mkdir(parents=True, exist_ok=True)
    record_launcher(warm.dirs, warm.launcher)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VELATURA_HOME", str(warm.home))
        patch.setenv("VELATURA_EXAMPLE_SIZE", str(SIZE))
        torch.set_num_threads(1)  # more gain nothing with such small pictures
        os.chdir(folder)
        try:
            yield runpy.run_path(str(EXAMPLE)), folder
        finally:
            os.chdir(before)
            torch.set_num_threads(threads)


def array(made, name):
    return made[0][name].to_array().astype(int)


def test_the_example_saves_a_file_for_each_part(made):
    names = {path.name for path in (made[1] / "velatura-example").iterdir()}
    assert names == {
        *("photo.png", "restyled.png", "strengths.png", "mask.png", "mixed.png", "regions.png", "from-daemon.png"),
        *("frame_0000.png", "frame_0001.png", "frame_0002.png"),
    }


@pytest.mark.parametrize("name", ["restyled", "mixed", "divided", "from_daemon"])
def test_each_result_of_the_example_is_a_restyle_of_the_photo(made, name):
    photo, result = array(made, "photo"), array(made, name)
    assert result.shape == photo.shape
    assert np.abs(result - photo).mean() > 3


def test_the_examples_mask_leaves_the_rest_as_it_was(made):
    outside = made[0]["spot"] == 0
    assert outside.any()
    assert np.array_equal(array(made, "masked")[outside], array(made, "photo")[outside])


def test_the_examples_preview_is_a_picture_of_the_photos_proportions(made):
    preview = made[0]["preview"]
    assert isinstance(preview, Picture)
    assert abs(preview.width / preview.height - 4 / 3) < 0.1
