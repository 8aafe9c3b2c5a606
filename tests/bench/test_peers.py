"""The comparison with other programs: each gets the same network, is measured alone, and may be missing or fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from velatura_daemon.bench.peers import (
    CAFFE_MEAN_RGB,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Program,
    available,
    caffe_state_dict,
    neural_style_pt,
    run_program,
    style_transfer_pytorch,
    torchvision_state_dict,
)

CONTENT = torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(1))
STYLE = torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(2))


def python(code: str) -> Program:
    return Program("test", lambda work, size: [sys.executable, "-c", code])


def test_both_formats_of_the_network_give_the_same_features():
    """Inside the image: beyond its edges, zeros mean different greys."""
    caffe, torchvision = caffe_state_dict(), torchvision_state_dict()
    rgb = CONTENT[None]  # (1, 3, H, W)
    original = (255 * rgb - torch.tensor(CAFFE_MEAN_RGB).view(1, 3, 1, 1)).flip(1)
    normalised = (rgb - torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)) / torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    first, second = (
        F.conv2d(image, weights["features.0.weight"], weights["features.0.bias"])
        for image, weights in ((original, caffe), (normalised, torchvision))
    )
    assert torch.allclose(first, second, atol=1e-3 * float(first.abs().max()))


def test_a_run_gives_the_result_and_measures_the_command_alone():
    copy = "import shutil; shutil.copy('content.png', 'result.png')"
    run = run_program(python(copy), CONTENT, STYLE)
    assert torch.equal(run.result, (CONTENT * 255).round() / 255)
    assert run.seconds > 0
    assert 1 << 20 < run.peak_bytes < 200 << 20  # of a bare Python, not of this process with torch


def test_a_program_that_fails_is_reported_with_what_it_printed():
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run_program(python("raise SystemExit('no such network')"), CONTENT, STYLE)
    assert "no such network" in caught.value.stderr


def test_missing_programs_are_named_with_what_to_do(monkeypatch):
    monkeypatch.setenv("PATH", "")
    programs, missing = available(None, None, sys.executable)
    assert programs == []
    assert len(missing) == 4
    assert any("--neural-style-pt" in sentence for sentence in missing)


@pytest.mark.parametrize("make", [neural_style_pt, style_transfer_pytorch])
def test_a_given_checkout_is_used(make, tmp_path):
    checkouts = {neural_style_pt: (tmp_path, None), style_transfer_pytorch: (None, tmp_path)}[make]
    programs, _ = available(*checkouts, sys.executable)
    words = [str(word) for word in make(tmp_path, sys.executable).command(Path("work"), 512)]
    assert [str(word) for word in programs[-1].command(Path("work"), 512)] == words
    assert "512" in words
