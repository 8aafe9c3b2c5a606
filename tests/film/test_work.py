"""The folder of finished frames, and room on the disk."""

from __future__ import annotations

import errno
import os
import shutil
from collections import namedtuple
from fractions import Fraction
from pathlib import Path

import pytest

from tests.conftest import picture
from velatura.errors import DiskTrouble, FileExists, TooBusy
from velatura_daemon.film import space
from velatura_daemon.film.plan import Plan
from velatura_daemon.film.sources import Facts
from velatura_daemon.film.timing import constant_timing
from velatura_daemon.film.work import FinishedFrames, Work, work_folder

PLAN = Plan(constant_timing(3, Fraction(24)), (0,), Facts(Fraction(1, 24)))


def begin(work: Work, key: str = "key", force: bool = False) -> None:
    work.begin(key, "hash", "stats", "range", PLAN, force=force)


@pytest.fixture
def output(tmp_path):
    return tmp_path / "film.mp4"


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
def test_a_finished_frame_comes_back_as_it_was(output, sample):
    from velatura.pixels import Picture, PixelFormat

    fmt = PixelFormat("RGB", sample, "linear" if sample == "f32" else "srgb")
    one = Picture(4, 4, fmt, bytes(4 * 4 * fmt.bytes_per_pixel))
    with Work(output) as work:
        begin(work)
        work.save(1, one)
        assert FinishedFrames(work, 3)[1].ref == one.ref


def test_the_next_run_knows_the_finished_frames(output):
    with Work(output) as work:
        begin(work)
        work.save(0, picture())
        work.save(2, picture(seed=2))
    with Work(output) as work:
        begin(work)
        assert [work.is_done(number) for number in range(3)] == [True, False, True]


def test_a_frame_that_was_changed_is_not_finished(output):
    with Work(output) as work:
        begin(work)
        work.save(0, picture()).write_bytes(b"changed")
        assert not work.is_done(0)


def test_frames_of_other_settings_are_kept_unless_forced(output):
    with Work(output) as work:
        begin(work)
        path = work.save(0, picture())
    with Work(output) as work, pytest.raises(FileExists, match=r"1 frame that was made with other settings"):
        begin(work, "other")
    assert path.exists()
    with Work(output) as work:
        begin(work, "other", force=True)
        assert not work.is_done(0)
    assert not path.exists()


def test_frames_of_other_settings_count_as_missing(output):
    with Work(output) as work:
        begin(work)
        work.save(0, picture())
        assert (work.missing("key", [range(3)]), work.missing("other", [range(3)])) == (2, 3)


@pytest.mark.parametrize(
    ("shots", "missing"), [([range(6)], 4), ([range(3), range(3, 6)], 1), ([range(n, n + 1) for n in range(6)], 1)]
)
def test_frames_that_follow_a_missing_one_in_its_shot_are_missing_too(shots, missing, output):
    with Work(output) as work:
        begin(work)
        for number in (0, 1, 3, 4, 5):
            work.save(number, picture())
        assert work.missing("key", shots) == missing


def test_an_incomplete_line_costs_one_frame(output):
    with Work(output) as work:
        begin(work)
        work.save(0, picture())
        work.save(1, picture())
    record = work_folder(output) / ".velatura-film"
    record.write_bytes(record.read_bytes()[:-20])
    with Work(output) as work:
        begin(work)
        work.save(2, picture())
    with Work(output) as work:
        assert [work.is_done(number) for number in range(3)] == [True, False, True]


@pytest.mark.parametrize("line", ['"key"', '["key"]', "null", "7"])
def test_a_line_that_is_no_record_is_ignored(line, output):
    with Work(output) as work:
        begin(work)
        path = work.save(0, picture())
    with path.with_name(".velatura-film").open("a") as record:
        record.write(f"{line}\n")
    with Work(output) as work:
        begin(work)
        assert work.is_done(0)


def test_a_full_disk_costs_no_record_when_the_source_was_only_touched(output, monkeypatch):
    """The same content with another date: the record gets a new first line."""
    with Work(output) as work:
        begin(work)
        work.save(0, picture())
    with Work(output) as work:

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(DiskTrouble, match="the disk is full"):
                work.begin("key", "hash", "other stats", "range", PLAN, force=False)
    with Work(output) as work:
        assert work.is_done(0)
        work.begin("key", "hash", "other stats", "range", PLAN, force=False)
    with Work(output) as work:
        assert work.is_done(0) and work.input_hash("other stats") == "hash"


def test_the_plan_is_kept_for_the_same_files_and_range(output):
    with Work(output) as work:
        begin(work)
        work.save(0, picture())
    with Work(output) as work:
        kept = work.plan_for("stats", "range")
        assert kept is not None and kept.to_json() == PLAN.to_json()
        assert work.plan_for("others", "range") is None
        assert work.plan_for("stats", "another range") is None


def test_two_commands_do_not_work_on_one_film(output):
    with Work(output), pytest.raises(TooBusy, match="Another 'velatura film'"):
        Work(output)


@pytest.mark.parametrize("typed", [".", "../one", "..", "/"])
def test_the_folder_is_named_after_the_result_however_that_was_typed(typed, tmp_path, monkeypatch):
    """A pattern such as frame_####.png writes to the current folder."""
    (tmp_path / "one" / "two").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "one" / "two" if typed == ".." else tmp_path / "one")
    expected = Path("/frames.velatura-film") if typed == "/" else tmp_path / "one.velatura-film"
    assert work_folder(Path(typed)) == expected


def test_in_a_folder_that_the_user_may_not_write_beside_the_frames_are_inside(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)
    (tmp_path / "disk").mkdir()
    assert work_folder(tmp_path / "disk") == tmp_path / "disk" / "frames.velatura-film"
    assert work_folder(tmp_path / "film.mp4") == tmp_path / "film.mp4.velatura-film"


def test_nothing_is_left_if_no_frame_is_finished(output):
    with Work(output) as work:
        begin(work)
    assert list(output.parent.iterdir()) == []


def test_a_record_that_names_files_elsewhere_deletes_none(output, tmp_path):
    mine = tmp_path / "mine.txt"
    mine.touch()
    with Work(output) as work:
        begin(work)
        path = work.save(0, picture())
    record = path.with_name(".velatura-film")
    record.write_text(record.read_text().replace(path.name, "../mine.txt"))
    with Work(output) as work:
        begin(work, "other", force=True)
    assert mine.exists()


def test_a_written_film_leaves_no_folder(output):
    with Work(output) as work:
        begin(work)
        work.save(0, picture())
        work.delete()
    assert list(output.parent.iterdir()) == []


def test_a_disk_without_room_is_told_with_the_sizes(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 2 * 10**9, 2 * 10**9))
    with pytest.raises(DiskTrouble, match=r"needs about 2.6 GB, and 2.0 GB are free"):
        space.check_room({tmp_path / "new folder": 1.25e9, tmp_path: 1.25e9})
