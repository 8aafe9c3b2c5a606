"""A folder of pictures by `velatura batch`: several at once, gone on with, nothing written over, failures at the
end."""

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
from velatura_daemon.batch.concurrency import MOST, room_for, workers_in
from velatura_daemon.batch.contact_sheet import evenly, sheet_of
from velatura_daemon.batch.file_hashes import hash_of_file
from velatura_daemon.batch.frames import framed, pictures_in
from velatura_daemon.batch.recipe import recipe_of
from velatura_daemon.imaging.files import read_description, write_picture
from velatura_daemon.jobs.job import JOBS_PER_CLIENT
from velatura_daemon.storage.results import PER_CLIENT
from velatura_daemon.terminal.restyle_task import note_of
from velatura_daemon.terminal.style_options import paintings_of

QUICK = ("--quality", "draft", "--iterations", "2")
LONG = (
    "--quality",
    "draft",
    "--iterations",
    "60",
    "--optimiser",
    "adam",
)  # half a second or so: time to do something meanwhile


def draw(path: Path, seed: int, width: int = 32, height: int = 24) -> Path:
    """Noise; a TIFF has 16 bits."""
    noise = np.random.default_rng(seed)
    if path.suffix == ".tif":
        tifffile.imwrite(path, noise.integers(0, 65536, (height, width, 3), np.uint16))
    else:
        Image.fromarray(noise.integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return path


def drawn(home: Path) -> Path:
    """frames/ with four pictures; beside it painting.png."""
    frames = home / "frames"
    frames.mkdir()
    for seed, name in enumerate(("frame9.png", "frame10.png", "frame100.jpg", "frame101.tif")):
        draw(frames / name, seed)
    draw(home / "painting.png", 9, 40, 40)
    return frames


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return drawn(tmp_path)


Start = Callable[..., "subprocess.Popen[str]"]


def started(home: Path, folder: Path, *more: object) -> subprocess.Popen[str]:
    """`velatura batch FOLDER …`"""
    env = {**os.environ, "VELATURA_HOME": str(home), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    words = ("batch", folder, "--style", folder.parent / "painting.png", *more)
    command = [sys.executable, "-m", "velatura_daemon", *map(str, words)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def start(warm: Daemon) -> Start:
    """Starts it under the module's home."""
    return partial(started, warm.home)


Batch = Callable[..., "list[dict]"]


@pytest.fixture(scope="module")
def batch(start: Start) -> Batch:
    """Runs it to its end; returns what it said, the result last."""

    def call(folder: Path, *more: object, code: int = 0) -> list[dict]:
        one = start(folder, "--json", *(more or QUICK))
        out, err = one.communicate(timeout=120)
        assert one.returncode == code, out + err
        return [json.loads(line) for line in out.splitlines()]

    return call


@pytest.fixture(scope="module")
def first(batch: Batch, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """A folder that was restyled, to look at, and what was said."""
    folder = drawn(tmp_path_factory.mktemp("first"))
    for seed in range(4):
        draw(folder / f"more{seed}.png", 20 + seed)
    return folder, batch(folder)


@pytest.fixture
def done(first: tuple[Path, list[dict]], tmp_path: Path) -> Path:
    """The same, to change."""
    shutil.copytree(first[0].parent, tmp_path / "done")
    return tmp_path / "done" / "frames"


def made(lines: list[dict]) -> list[str]:
    return [line["name"] for line in lines if line["event"] == "made"]


def said_until(one: subprocess.Popen[str], event: str) -> Iterator[dict]:
    """Its lines as they come, up to this one."""
    assert one.stdout is not None
    for line in one.stdout:
        said = json.loads(line)
        yield said
        if said["event"] == event:
            return
    raise AssertionError(f"it ended before {event}: {one.communicate()[1]}")


# --- which pictures, under which names ------------------------------------------------------------------
def test_frames_come_as_people_count_them(folder):
    names = [photo.name for photo in pictures_in(folder).photos]
    assert names == ["frame9.png", "frame10.png", "frame100.jpg", "frame101.tif"]


def test_what_is_no_picture_is_passed_over_and_counted_but_an_empty_picture_is_one(folder):
    (folder / "notes.txt").write_text("no picture")
    (folder / ".frame9.png.swp").write_text("hidden")
    (folder / "sub").mkdir()
    (folder / "empty.png").touch()
    draw(folder / "mask.png", 1)
    found = pictures_in(folder, [folder / "mask.png"])
    assert {photo.name for photo in found.photos} > {"empty.png"}
    assert len(found.photos) == 5
    for said in ("1 file of kinds", ".txt", "1 hidden", "1 folder", "1 file given as painting or mask"):
        assert said in found.passed_over


def test_a_folder_without_a_picture_is_an_error_that_says_what_lies_there(tmp_path):
    (tmp_path / "film.mp4").touch()
    with pytest.raises(UsageError, match=r"no picture.*\.mp4"):
        pictures_in(tmp_path)


def test_no_two_results_have_one_name_nor_the_contact_sheets():
    names = ("a.gif", "a.png", "A.bmp", "b.bmp", "contact-sheet.jpg")
    frames = framed([Path("in") / name for name in names], Path("out"))
    outputs = [frame.output.name for frame in frames]
    assert outputs[1] == "a.png"  # it can keep its own
    assert outputs[3] == "b.png"
    assert len({name.casefold() for name in [*outputs, "contact-sheet.jpg"]}) == 6


# --- the whole of it ------------------------------------------------------------------------------------
def test_results_have_names_formats_and_depth_of_their_pictures_beside_a_sheet(first):
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


def test_several_are_under_way_at_once_but_never_more_than_there_is_room_for(first):
    steps = [{"asked": 1, "made": -1}.get(line["event"], 0) for line in first[1]]
    under_way = list(itertools.accumulate(steps))
    assert 2 <= max(under_way) <= room_for(1)


def test_only_one_of_a_batch_goes_into_the_history(first, warm):
    with warm.client("another") as client:
        client.request_history()
        lines = next(event.entries for event in client.events() if isinstance(event, HistoryEntries))
    assert len([line for line in lines if line.styles[0].path == str(first[0].parent / "painting.png")]) == 1


def test_again_only_what_has_changed_is_made_again(batch, done):
    draw(done / "frame10.png", 50)
    os.utime(done / "frame100.jpg")  # copied, say: the same picture
    assert made(batch(done)) == ["frame10.png"]
    last = batch(done)[-1]
    assert (last["made"], last["already"]) == (0, 8)


def test_another_painting_or_knob_is_another_recipe_another_device_is_not(folder):
    def key(
        painting: str = "painting.png",
        share: str = "",
        size: int | None = None,
        device: str = "auto",
        **setting_specs: float,
    ) -> str:
        paintings = paintings_of([f"{folder.parent / painting}{share}"], [], [])
        return recipe_of(paintings, StyleSettings(**setting_specs), size, None, "auto", device).key

    draw(folder.parent / "other.png", 10, 40, 40)
    keys = {key(), key("other.png"), key(share=":0.5"), key(size=16), key(strength=70)}
    assert len(keys) == 5
    assert key(device="cpu") == key()
    draw(folder.parent / "painting.png", 11, 40, 40)
    assert key() not in keys


def test_a_result_whose_line_was_never_written_says_itself_that_it_is_done(batch, done):
    ledger = done.with_name("frames-in-painting") / ".velatura-batch"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(line for line in lines if b'"frame10.png"' not in line)[:-5])
    assert batch(done)[-1]["made"] == 0


def test_failures_come_at_the_end_and_the_others_are_made(start, batch, folder):
    out = folder.with_name("out")
    out.mkdir()
    (out / "frame10.png").write_bytes(b"dear to me")
    (folder / "frame9.png").write_bytes((folder / "frame9.png").read_bytes()[:300])
    one = start(folder, *QUICK, "-o", out)
    stdout, stderr = one.communicate(timeout=60)
    assert (one.returncode, stdout.strip()) == (1, str(out))
    told = stderr.splitlines()
    assert told[-3:-2] == ["2 could not be restyled:"]
    assert "truncated" in told[-2]
    assert "frame10.png is there already" in told[-1]
    assert (out / "frame10.png").read_bytes() == b"dear to me"
    assert (out / "frame101.tif").exists()
    last = batch(folder, *QUICK, "-o", out, "--force", code=1)[-1]
    assert (last["made"], [one["code"] for one in last["failed"]]) == (1, ["not_a_picture"])
    assert Image.open(out / "frame10.png").size == (32, 24)


def test_a_result_that_was_painted_over_is_not_lost_to_another_knob(batch, done):
    out = done.with_name("frames-in-painting")
    draw(out / "frame10.png", 60)
    dear = (out / "frame10.png").read_bytes()
    last = batch(done, *QUICK, "--strength", "60", code=1)[-1]
    assert (last["made"], [one["name"] for one in last["failed"]]) == (7, ["frame10.png"])
    assert (out / "frame10.png").read_bytes() == dear


@pytest.mark.parametrize(
    "words, said",
    [
        (("--device", "cuda:9"), "cuda:9"),
        (("-o", "{folder}"), "among the pictures"),
        (("--mask", "{folder}/nothere.png"), "nothere.png"),
    ],
)
def test_what_is_wrong_with_all_of_them_ends_it_at_once_and_is_said_once(start, folder, words, said):
    one = start(folder, *QUICK, *(word.format(folder=folder) for word in words))
    _, stderr = one.communicate(timeout=60)
    assert one.returncode in (1, 2)
    assert stderr.count(said) == 1
    assert "Traceback" not in stderr


# --- cut short --------------------------------------------------------------------------------------------
def test_a_killed_command_goes_on_where_it_was(start, batch, folder):
    one = start(folder, *LONG, "--json")
    (first,) = [line["name"] for line in said_until(one, "made") if line["event"] == "made"]
    one.kill()
    one.communicate()
    lines = batch(folder, *LONG)
    assert first not in made(lines)
    assert len(made(lines)) + lines[-1]["already"] == 4
    assert lines[-1]["already"] >= 1


def test_an_interrupt_leaves_what_is_finished_and_says_how_to_go_on(start, folder):
    one = start(folder, *LONG, "--json")
    *_, finished = said_until(one, "made")
    one.send_signal(signal.SIGINT)
    out, err = one.communicate(timeout=60)
    assert one.returncode == 1
    assert "of 4 pictures are done" in out
    assert "same command again" in out
    assert "Traceback" not in err
    assert Path(finished["output"]).exists()


def test_an_interrupt_leaves_the_pictures_in_work_to_be_gone_on_with(folder, daemon):
    daemon.options = ("--keep-seconds", "0")
    with daemon.client("watching") as client:
        client.wait_until_ready()
    one = started(daemon.home, folder, "--quality", "draft", "--iterations", "5000", "--optimiser", "adam", "--json")
    for line in said_until(one, "preview"):
        assert line["event"] != "made"
    one.send_signal(signal.SIGINT)
    one.communicate(timeout=60)
    with daemon.client("watching") as client:
        status_when(client, lambda report: report["stopped_midway"] > 0)


def test_while_one_batch_is_at_work_in_a_folder_another_is_not(start, folder):
    one = start(folder, *LONG, "--json")
    for _ in said_until(one, "asked"):
        pass
    one.send_signal(signal.SIGSTOP)  # on a free machine it would be done before the other has begun
    other = start(folder, *LONG)
    assert "Another 'velatura batch'" in other.communicate(timeout=60)[1]
    one.send_signal(signal.SIGCONT)
    assert one.communicate(timeout=60) and one.returncode == 0


def test_a_daemon_killed_midway_is_started_again_and_no_picture_is_missing(start, folder, warm):
    one = start(folder, *LONG, "--json")
    for _ in said_until(one, "made"):
        pass
    pid = warm.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    out, err = one.communicate(timeout=120)
    wait_for_end(pid)
    assert one.returncode == 0, out + err
    assert json.loads(out.splitlines()[-1])["made"] == 4


def test_what_was_finished_when_the_command_was_killed_is_fetched_and_not_made_again(batch, done, warm):
    """By a client with the command line's name that asks for the same and never says that it has it."""
    out = done.with_name("frames-in-painting")
    (out / "frame10.png").unlink()
    settings = StyleSettings.from_wire(json.loads(read_description(out / "frame9.png"))["settings"])
    recipe = recipe_of(paintings_of([str(done.parent / "painting.png")], [], []), settings, None, None, "auto", "auto")
    note = note_of(out / "frame10.png", batch=recipe.key_with(hash_of_file(done / "frame10.png")))
    order = recipe.order(done / "frame10.png")
    name = (warm.places.config / "clients" / "cli").read_text()
    with warm.client(name) as client:
        client.acknowledge_manually()
        client.restyle_and_wait(order.content, order.styles, settings, note=note)
    lines = batch(done)
    assert made(lines) == ["frame10.png"]
    assert not [line for line in lines if line["event"] == "asked"]
    with warm.client(name) as client:
        client.request_saved()
        assert next(event.items for event in client.events() if isinstance(event, SavedItems)) == []


def test_a_daemon_that_was_told_to_stop_is_not_started_against_that_will(start, folder, warm):
    one = start(folder, *LONG, "--json")
    for _ in said_until(one, "made"):
        pass
    warm.stop()
    out, err = one.communicate(timeout=60)
    assert one.returncode == 1
    assert "has been stopped" in err
    assert "of 4 pictures are done" in out


# --- how many at once, and the sheet ----------------------------------------------------------------------
def test_room_grows_with_the_workers_but_results_never_push_each_other_out():
    assert workers_in({"worker": {}}) == 1
    assert workers_in({"workers": []}) == 1
    assert workers_in({"workers": [], "active_workers": 4}) == 4  # asleep still
    assert [room_for(workers_in({"workers": [{}] * n})) for n in (1, 2, 4)] == [4, 6, 10]
    assert room_for(30) == 30  # none of so many waits for work
    assert max(room_for(n) for n in range(1000)) == MOST <= min(PER_CLIENT, JOBS_PER_CLIENT)


def test_a_sheet_of_a_thousand_shows_evenly_chosen_ones_from_first_to_last():
    chosen = evenly(range(1000), 48)
    steps = {b - a for a, b in itertools.pairwise(chosen)}
    assert (chosen[0], chosen[-1], len(chosen)) == (0, 999, 48)
    assert max(steps) - min(steps) <= 1


def test_a_sheet_is_about_as_wide_as_three_to_two_whatever_the_shape_of_its_pictures(tmp_path):
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
