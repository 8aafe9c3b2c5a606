"""`velatura batch`: several pictures at a time, continuing, overwriting nothing, failures listed at the end."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.conftest import Daemon, wait_for_end
from tests.support.daemons import status_when
from velatura.client.events import HistoryEntries, SavedItems
from velatura.errors import UsageError
from velatura.pixels import Picture, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.batch.concurrency import MAX_IN_FLIGHT, in_flight_limit, worker_count
from velatura_daemon.batch.contact_sheet import evenly_chosen, sheet_of
from velatura_daemon.batch.file_hashes import hash_of_file
from velatura_daemon.batch.frames import frames_for
from velatura_daemon.batch.inputs import find_pictures
from velatura_daemon.batch.recipe import recipe_of
from velatura_daemon.imaging.files import read_description, read_metadata, write_picture
from velatura_daemon.jobs.job import JOBS_PER_CLIENT
from velatura_daemon.storage.results import PER_CLIENT
from velatura_daemon.terminal.options import RestyleOptions
from velatura_daemon.terminal.restyle_task import client_note
from velatura_daemon.terminal.style_options import parse_paintings

QUICK = ("--quality", "draft", "--iterations", "2")
# About half a second per picture, which is enough time to act while the batch runs.
LONG = ("--quality", "draft", "--iterations", "60", "--optimiser", "adam")
ENDLESS = ("--quality", "draft", "--iterations", "200", "--optimiser", "adam")  # nobody waits for its end


def draw(path: Path, seed: int, width: int = 32, height: int = 24) -> Path:
    """Write a picture of noise; a TIFF gets 16 bits."""
    noise = np.random.default_rng(seed)
    if path.suffix == ".tif":
        tifffile.imwrite(path, noise.integers(0, 65536, (height, width, 3), np.uint16))
    else:
        Image.fromarray(noise.integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return path


def folder_with_frames(home: Path) -> Path:
    """Create frames/ with four pictures, and painting.png beside it."""
    frames = home / "frames"
    frames.mkdir()
    for seed, name in enumerate(("frame9.png", "frame10.png", "frame100.jpg", "frame101.tif")):
        draw(frames / name, seed)
    draw(home / "painting.png", 9, 40, 40)
    return frames


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_with_frames(tmp_path)


Start = Callable[..., "subprocess.Popen[str]"]


def start_batch(home: Path, folder: Path, *more: object) -> subprocess.Popen[str]:
    """Start `velatura batch FOLDER …`."""
    env = {**os.environ, "VELATURA_HOME": str(home), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    arguments = ("batch", folder, "--style", folder.parent / "painting.png", *more)
    command = [sys.executable, "-m", "velatura_daemon", *map(str, arguments)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def start(warm: Daemon) -> Start:
    """Return a function that starts a batch in the module's home folder."""
    return partial(start_batch, warm.home)


Batch = Callable[..., "list[dict]"]


@pytest.fixture(scope="module")
def batch(start: Start) -> Batch:
    """Return a function that runs a batch until it ends and returns its JSON lines; the last is the result."""

    def call(folder: Path, *more: object, code: int = 0) -> list[dict]:
        process = start(folder, "--json", *(more or QUICK))
        out, err = process.communicate(timeout=400)
        assert process.returncode == code, out + err
        return [json.loads(line) for line in out.splitlines()]

    return call


@pytest.fixture(scope="module")
def first(batch: Batch, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """A restyled folder that tests must not change, and the lines of its batch."""
    folder = folder_with_frames(tmp_path_factory.mktemp("first"))
    for seed in range(4):
        draw(folder / f"more{seed}.png", 20 + seed)
    return folder, batch(folder)


def test_the_worker_keeps_nothing_of_a_photo_that_a_batch_uses_once(batch, first, warm, tmp_path):
    before = warm.status()["worker"]
    folder = folder_with_frames(tmp_path)
    for seed, path in enumerate(folder.glob("*.png")):
        draw(path, 40 + seed)
    batch(folder)
    after = warm.status()["worker"]
    assert after["pid"] == before["pid"]
    assert after["targets"] == before["targets"]  # of the painting, which is the same


@pytest.fixture
def done(first: tuple[Path, list[dict]], tmp_path: Path) -> Path:
    """A copy of that folder, which tests may change."""
    shutil.copytree(first[0].parent, tmp_path / "done")
    return tmp_path / "done" / "frames"


def made(lines: list[dict]) -> list[str]:
    return [line["name"] for line in lines if line["event"] == "made"]


def lines_until(process: subprocess.Popen[str], event: str) -> Iterator[dict]:
    """Yield the JSON lines of a running batch up to this event."""
    assert process.stdout is not None
    for text in process.stdout:
        line = json.loads(text)
        yield line
        if line["event"] == event:
            return
    raise AssertionError(f"it ended before {event}: {process.communicate()[1]}")


# --- which pictures, and the names of results ------------------------------------------------------------------
def test_frames_are_sorted_by_their_numbers(folder):
    names = [photo.name for photo in find_pictures([folder]).photos]
    assert names == ["frame9.png", "frame10.png", "frame100.jpg", "frame101.tif"]


def test_other_files_are_ignored_and_counted_but_an_empty_picture_counts_as_a_picture(folder):
    (folder / "notes.txt").write_text("no picture")
    (folder / ".frame9.png.swp").write_text("hidden")
    (folder / "sub").mkdir()
    (folder / "empty.png").touch()
    draw(folder / "mask.png", 1)
    found = find_pictures([folder], [folder / "mask.png"])
    assert {photo.name for photo in found.photos} > {"empty.png"}
    assert len(found.photos) == 5
    for expected in ("1 file in formats", ".txt", "1 hidden", "1 folder", "1 file used as painting or mask"):
        assert expected in found.ignored


def test_a_folder_without_pictures_is_an_error_that_names_the_other_files(tmp_path):
    (tmp_path / "film.mp4").touch()
    with pytest.raises(UsageError, match=r"no pictures.*\.mp4"):
        find_pictures([tmp_path])


def test_results_have_different_names_from_each_other_and_from_the_contact_sheet():
    names = ("a.gif", "a.png", "A.bmp", "b.bmp", "contact-sheet.jpg")
    frames = frames_for([Path("in") / name for name in names], Path("out"))
    outputs = [frame.output.name for frame in frames]
    assert outputs[1] == "a.png"  # it keeps its own name
    assert outputs[3] == "b.png"
    assert len({name.casefold() for name in [*outputs, "contact-sheet.jpg"]}) == 6


# --- a whole batch ------------------------------------------------------------------------------------
def test_results_have_the_names_formats_and_depths_of_their_pictures_and_there_is_a_contact_sheet(first):
    folder, lines = first
    out = folder.with_name("frames-in-painting")
    last = lines[-1]
    assert (last["event"], last["made"], last["already"], last["failed"]) == ("result", 8, 0, [])
    assert Path(last["output"]) == out
    assert {path.name for path in out.iterdir() if path.name[0] != "."} == {path.name for path in folder.iterdir()} | {
        "contact-sheet.jpg"
    }
    assert Image.open(out / "frame100.jpg").format == "JPEG"
    deep = tifffile.imread(out / "frame101.tif")
    assert (deep.dtype, deep.shape) == (np.uint16, (24, 32, 3))
    assert json.loads(read_description(out / "frame9.png"))["settings"]["iterations"] == 2
    assert Image.open(last["contact_sheet"]).width > 3 * 32


@pytest.mark.parametrize(("more", "artist"), [((), "Ann"), (("--strip-metadata",), "")])
def test_grey_photos_get_colours_and_metadata_stays_unless_it_is_stripped(batch, folder, tmp_path, more, artist):
    exif = Image.Exif()
    exif[0x013B] = "Ann"
    for photo in folder.iterdir():
        photo.unlink()
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (24, 32), np.uint8)).save(
        folder / "a.jpg", exif=exif.tobytes()
    )
    batch(folder, *QUICK, *more, "-o", tmp_path / "out")
    assert Image.open(tmp_path / "out" / "a.jpg").mode == "RGB"
    assert read_metadata(tmp_path / "out" / "a.jpg").artist == artist


def test_several_pictures_are_in_flight_but_never_more_than_the_limit(first):
    steps = [{"submitted": 1, "made": -1}.get(line["event"], 0) for line in first[1]]
    in_flight = list(itertools.accumulate(steps))
    assert 2 <= max(in_flight) <= in_flight_limit(1)


def test_only_one_picture_of_a_batch_is_added_to_the_history(first, warm):
    with warm.client("another") as client:
        client.request_history()
        lines = next(event.entries for event in client.events() if isinstance(event, HistoryEntries))
    assert len([line for line in lines if line.styles[0].path == str(first[0].parent / "painting.png")]) == 1


def test_running_it_again_restyles_only_changed_pictures(batch, done):
    draw(done / "frame10.png", 50)
    os.utime(done / "frame100.jpg")  # as after copying the file: its content is the same
    assert made(batch(done)) == ["frame10.png"]
    last = batch(done)[-1]
    assert (last["made"], last["already"]) == (0, 8)


def test_the_recipe_depends_on_paintings_settings_and_size_but_not_on_the_device(folder):
    def key(
        painting: str = "painting.png",
        share: str = "",
        size: int | None = None,
        device: str = "auto",
        page: int | None = None,
        **setting_specs: float,
    ) -> str:
        paintings = parse_paintings([f"{folder.parent / painting}{share}"], [], [])
        options = RestyleOptions(size=size, device=device, page=page)
        return recipe_of(paintings, StyleSettings(**setting_specs), options, "auto", 64).key

    draw(folder.parent / "other.png", 10, 40, 40)
    keys = {key(), key("other.png"), key(share=":0.5"), key(size=16), key(strength=70), key(page=2)}
    assert len(keys) == 6
    assert key(device="cpu") == key()
    draw(folder.parent / "painting.png", 11, 40, 40)
    assert key() not in keys


def test_a_result_without_a_manifest_line_is_recognised_by_its_metadata(batch, done):
    manifest = done.with_name("frames-in-painting") / ".velatura-batch"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(line for line in lines if b'"frame10.png"' not in line)[:-5])
    assert batch(done)[-1]["made"] == 0


def test_failures_are_listed_at_the_end_and_all_other_pictures_are_restyled(start, batch, folder):
    out = folder.with_name("out")
    out.mkdir()
    (out / "frame10.png").write_bytes(b"precious")
    (folder / "frame9.png").write_bytes((folder / "frame9.png").read_bytes()[:300])
    process = start(folder, *QUICK, "-o", out)
    stdout, stderr = process.communicate(timeout=400)
    assert (process.returncode, stdout.strip()) == (1, str(out))
    messages = stderr.splitlines()
    assert messages[-3:-2] == ["2 could not be restyled:"]
    assert "truncated" in messages[-2]
    assert "frame10.png already exists" in messages[-1]
    assert (out / "frame10.png").read_bytes() == b"precious"
    assert (out / "frame101.tif").exists()
    last = batch(folder, *QUICK, "-o", out, "--force", code=1)[-1]
    assert (last["made"], [failure["code"] for failure in last["failed"]]) == (1, ["not_a_picture"])
    assert Image.open(out / "frame10.png").size == (32, 24)


def test_a_result_that_the_user_has_edited_is_not_overwritten_after_a_setting_changes(batch, done):
    out = done.with_name("frames-in-painting")
    draw(out / "frame10.png", 60)
    edited = (out / "frame10.png").read_bytes()
    last = batch(done, *QUICK, "--strength", "60", code=1)[-1]
    assert (last["made"], [failure["name"] for failure in last["failed"]]) == (7, ["frame10.png"])
    assert (out / "frame10.png").read_bytes() == edited


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("--device", "cuda:9"), "cuda:9"),
        (("-o", "{folder}"), "among the pictures"),
        (("--mask", "{folder}/nothere.png"), "nothere.png"),
    ],
)
def test_an_error_that_concerns_all_pictures_stops_the_batch_and_is_shown_once(start, folder, arguments, expected):
    process = start(folder, *QUICK, *(word.format(folder=folder) for word in arguments))
    _, stderr = process.communicate(timeout=400)
    assert process.returncode in (1, 2)
    assert stderr.count(expected) == 1
    assert "Traceback" not in stderr


# --- interrupted batches --------------------------------------------------------------------------------------------
def test_a_killed_batch_continues_where_it_stopped(start, batch, folder):
    process = start(folder, *LONG, "--json")
    (first,) = [line["name"] for line in lines_until(process, "made") if line["event"] == "made"]
    process.kill()
    process.communicate()
    lines = batch(folder, *LONG)
    assert first not in made(lines)
    assert len(made(lines)) + lines[-1]["already"] == 4
    assert lines[-1]["already"] >= 1


def test_an_interrupt_keeps_finished_results_and_explains_how_to_continue(start, folder):
    process = start(folder, *ENDLESS, "--json")
    *_, finished = lines_until(process, "made")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=400)
    assert process.returncode == 130
    assert "of 4 pictures are done" in err
    assert "same command again" in err
    assert err.count("\n") == 1
    assert Path(finished["output"]).exists()


def test_an_interrupt_saves_the_progress_of_running_restyles(folder, daemon):
    daemon.options = ("--keep-seconds", "0")
    with daemon.client("watching") as client:
        client.wait_until_ready()
    process = start_batch(
        daemon.home, folder, "--quality", "draft", "--iterations", "5000", "--optimiser", "adam", "--json"
    )
    for line in lines_until(process, "preview"):
        assert line["event"] != "made"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=400)
    with daemon.client("watching") as client:
        status_when(client, lambda report: report["stopped_midway"] > 0)


def test_two_batches_cannot_use_the_same_folder_at_once(start, folder):
    process = start(folder, *LONG, "--json")
    for _ in lines_until(process, "submitted"):
        pass
    process.send_signal(signal.SIGSTOP)  # on an idle machine it would finish before the other one starts
    other = start(folder, *LONG)
    assert "Another 'velatura batch'" in other.communicate(timeout=400)[1]
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=400) and process.returncode == 0


def test_a_killed_daemon_is_restarted_and_no_picture_is_missing(start, folder, warm):
    process = start(folder, *LONG, "--json")
    for _ in lines_until(process, "made"):
        pass
    pid = warm.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=400)
    wait_for_end(pid)
    assert process.returncode == 0, out + err
    assert json.loads(out.splitlines()[-1])["made"] == 4


def test_results_finished_after_the_command_was_killed_are_fetched_and_not_computed_again(batch, done, warm):
    """A client with the name of the command line submits the same job and never confirms the delivery."""
    out = done.with_name("frames-in-painting")
    (out / "frame10.png").unlink()
    settings = StyleSettings.from_wire(json.loads(read_description(out / "frame9.png"))["settings"])
    paintings = parse_paintings([str(done.parent / "painting.png")], [], [])
    recipe = recipe_of(paintings, settings, RestyleOptions(), "auto", 64)
    note = client_note(out / "frame10.png", batch=recipe.key_with(hash_of_file(done / "frame10.png")))
    request = recipe.request_for(done / "frame10.png", out / "frame10.png")
    name = (warm.dirs.config / "clients" / "cli").read_text()
    with warm.client(name) as client:
        client.acknowledge_manually()
        client.restyle_and_wait(request.content, request.styles, settings, note=note)
    lines = batch(done)
    assert made(lines) == ["frame10.png"]
    assert not [line for line in lines if line["event"] == "submitted"]
    with warm.client(name) as client:
        client.request_saved()
        assert next(event.items for event in client.events() if isinstance(event, SavedItems)) == []


def test_a_daemon_that_the_user_stopped_is_not_restarted(start, folder, warm):
    process = start(folder, *ENDLESS, "--json")
    for _ in lines_until(process, "made"):
        pass
    warm.stop()
    out, err = process.communicate(timeout=400)
    assert process.returncode == 1
    assert "has been stopped" in err
    assert "of 4 pictures are done" in out


# --- concurrency and the contact sheet ----------------------------------------------------------------------
def test_the_limit_grows_with_the_workers_but_never_exceeds_the_results_that_the_daemon_keeps():
    assert worker_count({"worker": {}}) == 1
    assert worker_count({"workers": []}) == 1
    assert worker_count({"workers": [], "active_workers": 4}) == 4  # not started yet
    assert [in_flight_limit(worker_count({"workers": [{}] * n})) for n in (1, 2, 4)] == [4, 6, 10]
    assert in_flight_limit(30) == 30  # enough to keep 30 workers busy
    assert max(in_flight_limit(n) for n in range(1000)) == MAX_IN_FLIGHT <= min(PER_CLIENT, JOBS_PER_CLIENT)


def test_a_sheet_of_a_thousand_pictures_shows_evenly_chosen_ones_including_first_and_last():
    chosen = evenly_chosen(range(1000), 48)
    steps = {b - a for a, b in itertools.pairwise(chosen)}
    assert (chosen[0], chosen[-1], len(chosen)) == (0, 999, 48)
    assert max(steps) - min(steps) <= 1


def test_a_sheet_has_a_format_of_about_3_to_2_for_pictures_of_any_shape(tmp_path):
    for shape in ((60, 30), (30, 60)):
        paths = []
        for number in range(24):
            paths.append(tmp_path / f"{shape[0]}-{number}.png")
            write_picture(
                paths[-1],
                Picture(*shape, PixelFormat("RGB", "u8"), random.Random(number).randbytes(5400)),
                description="",
            )
        sheet = sheet_of([*paths, tmp_path / "gone.png"])
        assert sheet is not None
        assert 1.1 < sheet.width / sheet.height < 2.1


def test_a_batch_notes_files_with_several_pictures_and_restyles_the_requested_one(batch, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    draw(tmp_path / "painting.png", 9, 40, 40)
    colours = [Image.new("RGB", (32, 24), colour) for colour in ("red", "blue")]
    colours[0].save(folder / "a.gif", save_all=True, append_images=colours[1:])
    notes = [line for line in batch(folder) if line["event"] == "note"]
    assert [line["sentence"] for line in notes if line.get("name")] == ["a.gif has 2 frames; the first was restyled."]
    again = batch(folder, *QUICK, "--page", "2", "--force")
    assert again[-1]["made"] == 1
    assert not [line for line in again if line["event"] == "note" and "frames" in line["sentence"]]


def test_what_is_fully_transparent_is_named_and_a_transparent_painting_is_refused_at_once(run, files):
    Image.new("RGBA", (32, 24)).save(files / "clear.png")
    words = ("--quality", "draft", "--iterations", "2", "-o", files / "out")
    done = run("batch", files / "clear.png", files / "photo.png", "--style", files / "painting.png", *words)
    assert done.returncode == 1
    assert "clear.png is fully transparent. Use a picture with visible pixels." in done.stderr
    refused = run("batch", files / "photo.png", "--style", files / "clear.png", *words)
    assert refused.returncode == 1
    assert "clear.png is fully transparent. Use another painting." in refused.stderr
    assert "could not be restyled" not in refused.stderr
