"""The command line, as a person runs it: real processes, real files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from pastiche_daemon.imagefiles import read_description, read_picture
from tests.cli.conftest import Run

QUICK = ("--quality", "draft", "--iterations", "4")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a photo, a painting and a mask."""
    noise = np.random.default_rng(3)
    Image.fromarray(noise.integers(0, 256, (24, 32, 3), np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(noise.integers(0, 256, (40, 40, 3), np.uint8)).save(tmp_path / "painting.png")
    mask = np.zeros((24, 32), np.uint8)
    mask[:, :16] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path


def restyled(run: Run, files: Path, *more: object, photo: str = "photo.png") -> tuple[dict, list[dict]]:
    """Restyles with --json; returns the last line and all of them."""
    done = run("restyle", files / photo, "--style", files / "painting.png", "--json", *QUICK, *more)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[-1], lines


def test_json_tells_each_event_and_ends_with_the_result(run, files):
    last, lines = restyled(run, files, "-o", files / "out.png")
    assert last["event"] == "result"
    assert set(last) >= {"output", "weights", "device", "seconds", "content_loss", "style_loss"}
    assert {"connected", "accepted", "progress", "preview"} <= {line["event"] for line in lines}
    assert read_picture(Path(last["output"])).picture.width == 32


def test_without_json_the_last_line_of_stdout_is_where_it_lies(run, files):
    done = run("restyle", files / "photo.png", "--style", files / "painting.png", *QUICK)
    assert done.returncode == 0
    assert done.stdout.strip() == str(files / "photo-in-painting.png")
    assert "weights" in done.stderr


def test_the_file_says_what_made_it(run, files):
    last, _ = restyled(run, files, "-o", files / "out.png", "--strength", "70")
    said = json.loads(read_description(files / "out.png"))
    assert said["weights"] == last["weights"]
    assert said["settings"]["strength"] == 70


def test_size_is_the_longest_side(run, files):
    restyled(run, files, "-o", files / "out.png", "--size", "16")
    assert Image.open(files / "out.png").size == (16, 12)


def test_outside_the_mask_nothing_changes(run, files):
    restyled(run, files, "-o", files / "out.png", "--mask", files / "mask.png")
    before, after = np.asarray(Image.open(files / "photo.png")), np.asarray(Image.open(files / "out.png"))
    assert (before[:, 16:] == after[:, 16:]).all()
    assert (before[:, :16] != after[:, :16]).any()


def test_sixteen_bits_go_in_and_come_out(run, files):
    deep = np.random.default_rng(1).integers(0, 65536, (24, 32, 3), np.uint16)
    tifffile.imwrite(files / "deep.tif", deep)
    restyled(run, files, "-o", files / "out.tif", "--mask", files / "mask.png", photo="deep.tif")
    out = tifffile.imread(files / "out.tif")
    assert out.dtype == np.uint16
    assert (out[:, 16:] == deep[:, 16:]).all()
    assert len(np.unique(out[:, :16] % 257)) > 50  # not eight bits stretched


def test_nothing_is_overwritten_without_force(run, files):
    (files / "out.png").write_bytes(b"dear to me")
    words = ("restyle", files / "photo.png", "--style", files / "painting.png", "-o", files / "out.png", *QUICK)
    refused = run(*words)
    assert (refused.returncode, (files / "out.png").read_bytes()) == (2, b"dear to me")
    assert "--force" in refused.stderr
    assert run(*words, "--force").returncode == 0


def test_several_styles_with_shares(run, files):
    restyled(run, files, "--style", f"{files / 'photo.png'}:0.3", "-o", files / "out.png")


def test_a_preview_is_kept_on_request(run, files):
    restyled(run, files, "-o", files / "out.png", "--preview", files / "preview.png")
    assert Image.open(files / "preview.png").size == (32, 24)


def test_a_preview_that_cannot_be_written_is_noted_and_the_picture_is_made(run, files):
    (files / "taken.png").mkdir()
    last, lines = restyled(run, files, "-o", files / "out.png", "--preview", files / "taken.png")
    assert any("preview" in line.get("sentence", "") for line in lines)
    assert Path(last["output"]).exists()


def test_weights_of_ones_own_are_checked_and_named(run, files):
    import torch
    from safetensors.torch import save_file

    save_file({"conv1_1.weight": torch.randn(64, 3, 3, 3), "conv1_1.bias": torch.zeros(64)}, files / "mine.safetensors")
    last, _ = restyled(
        run,
        files,
        "-o",
        files / "out.png",
        "--weights",
        files / "mine.safetensors",
        "--quality",
        "good",
        "--iterations",
        "2",
    )
    assert "mine.safetensors" in last["weights"]
    assert "1 of 13 layers" in last["weights"]


@pytest.mark.parametrize(("words", "code", "said"), [
    (["nothere.png", "--style", "painting.png"], 2, "nothere.png"),
    (["photo.png"], 2, "--style"),
    (["photo.png", "--style", "text.txt"], 1, "text.txt"),
    (["text.txt", "--style", "painting.png"], 1, "not a picture"),
    (["cut.png", "--style", "painting.png"], 1, "truncated"),
    (["dot.png", "--style", "painting.png"], 1, "1 × 1"),
    (["photo.png", "--style", "painting.png", "--strength", "101"], 2, "0 to 100"),
    (["photo.png", "--style", "painting.png", "--strength", "much"], 2, "--strength"),
    (["photo.png", "--style", "painting.png", "--quality", "fine"], 2, "draft"),
    (["photo.png", "--style", "painting.png:0"], 2, "share"),
    (["photo.png", "--style", "painting.png:much"], 2, "share"),
    (["photo.png", "--style", "painting.png", "--preview", "p.gif"], 2, r"\.png"),
    (["photo.png", "--style", "painting.png", "--mask", "painting.png"], 1, "40 × 40.*32 × 24"),
    (["photo.png", "--style", "painting.png", "--mask", "empty.png"], 1, "empty|nothing|black"),
    (["photo.png", "--style", "painting.png", "--weights", "text.txt"], 1, "text.txt"),
    (["photo.png", "--style", "painting.png", "--device", "cuda:9"], 1, "cuda:9"),
    (["photo.png", "--style", "painting.png", "-o", "out.psd"], 2, "psd"),
    (["photo.png", "--style", "painting.png", "-o", "nowhere/out.png"], 2, "nowhere"),
    (["clear.png", "--style", "painting.png"], 1, "visible"),
    (["photo.png", "--style", "painting.png", "--quality", "paper", "--strength", "20"], 2, "paper"),
])  # fmt: skip
def test_bad_input_gets_its_own_sentence(run, files, words, code, said):
    (files / "text.txt").write_text("no picture")
    (files / "cut.png").write_bytes((files / "photo.png").read_bytes()[:900])
    Image.new("RGB", (1, 1)).save(files / "dot.png")
    Image.new("L", (32, 24)).save(files / "empty.png")
    Image.new("RGBA", (32, 24)).save(files / "clear.png")
    words = [str(files / word) if "." in word and not word[0].isdigit() else word for word in words]
    done = run("restyle", *QUICK, *words)
    assert done.returncode == code, done.stderr
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_failure_in_json_is_a_line_too(run, files):
    done = run("restyle", files / "nothere.png", "--style", files / "painting.png", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "failed"


def test_the_daemon_is_told_of_started_and_stopped(run):
    assert run("daemon", "start").returncode == 0
    status = json.loads(run("daemon", "status", "--json").stdout)
    assert status["running"]
    doctor = run("doctor")
    assert (doctor.returncode, f"pid {status['pid']}" in doctor.stdout) == (0, True)
    assert "stopped" in run("daemon", "stop").stdout
    stopped = run("daemon", "status", "--json")
    assert (stopped.returncode, json.loads(stopped.stdout)) == (1, {"running": False})


def test_weights_can_be_listed_and_chosen(run):
    assert "embedded" in run("weights", "list").stdout
    refused = run("weights", "use", "imagenet")
    assert (refused.returncode, "weights fetch" in refused.stderr) == (1, True)
    assert "embedded" in run("weights", "use", "embedded").stdout
    run("weights", "use", "auto")


def test_the_demo_says_where_its_pictures_lie(run, tmp_path):
    done = run("demo", "-o", tmp_path / "demo", "--size", "64")
    assert done.returncode == 0, done.stderr
    pictures = [Path(line.split("  (")[0]) for line in done.stdout.splitlines()]
    assert len(pictures) == 4
    assert all(path.exists() for path in pictures)
