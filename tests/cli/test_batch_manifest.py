"""The manifest of a batch: full disks, commands killed between a picture and its line, and folders with special
files."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import picture
from velatura.errors import DiskTrouble, TooBusy, UsageError
from velatura_daemon.batch import manifest as manifest_module
from velatura_daemon.batch.file_hashes import hash_of_file, stat_of
from velatura_daemon.batch.frames import MANIFEST_FILE, Frame
from velatura_daemon.batch.inputs import find_pictures
from velatura_daemon.batch.manifest import Fingerprint, Manifest
from velatura_daemon.batch.recipe import key_of
from velatura_daemon.imaging.files import write_picture


def recipe(key: str) -> Any:
    return SimpleNamespace(key=key, key_with=lambda photo_hash: key_of(key, photo_hash))


@pytest.fixture
def frame(tmp_path: Path) -> Frame:
    photo = tmp_path / "a.png"
    write_picture(photo, picture(seed=1), description="", force=False)
    return Frame(photo, tmp_path / "out" / "a.png")


def make(frame: Frame, key: str) -> Fingerprint:
    """Write the frame's result by this recipe, without a manifest line."""
    fingerprint = Fingerprint(stat_of(frame.photo), hash_of_file(frame.photo))
    write_picture(
        frame.output,
        picture(seed=len(key)),
        description=json.dumps({"batch": key_of(key, fingerprint.hash)}),
        force=True,
    )
    return fingerprint


def test_a_newer_result_without_a_manifest_line_is_recognised_by_its_metadata(frame):
    with Manifest(frame.output.parent) as manifest:
        manifest.note(frame.output, "old", frame.photo.name, make(frame, "old"))
        make(frame, "newer")
        assert manifest.has(frame, recipe("newer"))
        assert not manifest.has(frame, recipe("another"))


@pytest.mark.parametrize("free", [0, 5])
def test_a_line_that_does_not_fit_on_the_disk_leaves_the_manifest_readable(frame, monkeypatch, free):
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if free == 0 or len(data) <= free:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[:free])

    with Manifest(frame.output.parent) as manifest:
        fingerprint = make(frame, "old")
        with monkeypatch.context() as now:
            now.setattr(manifest_module.os, "write", full)
            with pytest.raises(DiskTrouble):
                manifest.note(frame.output, "old", frame.photo.name, fingerprint)
        manifest.note(frame.output, "old", frame.photo.name, fingerprint)
    lines = (frame.output.parent / MANIFEST_FILE).read_bytes().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["a.png"]


def test_nothing_is_left_behind_if_nothing_was_recorded(tmp_path):
    folder = tmp_path / "new" / "results"
    with Manifest(folder) as manifest:
        manifest.make_folder_for(folder / "monday" / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_user_stays_and_so_does_what_is_in_it(tmp_path):
    (tmp_path / "mine").mkdir()
    with Manifest(tmp_path / "mine"):
        pass
    assert list((tmp_path / "mine").iterdir()) == []
    with Manifest(tmp_path / "new"):
        (tmp_path / "new" / "theirs.txt").touch()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["theirs.txt"]


def test_a_run_that_waits_for_one_that_deletes_its_manifest_still_keeps_others_out(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        first = Manifest(tmp_path / "out")
        (tmp_path / "out" / "theirs.txt").touch()
        waiting = pool.submit(Manifest, tmp_path / "out")
        first.close()
        with waiting.result(), pytest.raises(TooBusy):
            Manifest(tmp_path / "out")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_with_a_picture_extension_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(UsageError, match="no pictures"):
        find_pictures([tmp_path])
