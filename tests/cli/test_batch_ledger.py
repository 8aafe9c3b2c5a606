"""A batch's ledger where a disk is full, a command is killed between a picture and its line, or the folder has what is
no file."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import picture
from velatura.errors import DiskTrouble, UsageError
from velatura_daemon.batch import manifest as module
from velatura_daemon.batch.file_hashes import hash_of_file, look_of
from velatura_daemon.batch.frames import LEDGER, Frame, pictures_in
from velatura_daemon.batch.manifest import Manifest, Seen
from velatura_daemon.batch.recipe import key_of
from velatura_daemon.imaging.files import write_picture


def recipe(key: str) -> Any:
    return SimpleNamespace(key=key, key_with=lambda photo_hash: key_of(key, photo_hash))


@pytest.fixture
def frame(tmp_path: Path) -> Frame:
    photo = tmp_path / "a.png"
    write_picture(photo, picture(seed=1), description="", force=False)
    return Frame(photo, tmp_path / "out" / "a.png")


def make(frame: Frame, key: str) -> Seen:
    """Its result, by that recipe, without a line."""
    seen = Seen(look_of(frame.photo), hash_of_file(frame.photo))
    write_picture(
        frame.output, picture(seed=len(key)), description=json.dumps({"batch": key_of(key, seen.hash)}), force=True
    )
    return seen


def test_a_second_recipes_result_whose_line_was_never_written_says_itself_that_it_is_done(frame):
    with Manifest(frame.output.parent) as ledger:
        ledger.note(frame.output, "old", frame.photo.name, make(frame, "old"))
        make(frame, "newer")
        assert ledger.has(frame, recipe("newer"))
        assert not ledger.has(frame, recipe("another"))


@pytest.mark.parametrize("room", [0, 5])
def test_a_line_that_the_disk_does_not_take_whole_leaves_the_others_readable(frame, monkeypatch, room):
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if room == 0 or len(data) <= room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[:room])

    with Manifest(frame.output.parent) as ledger:
        seen = make(frame, "old")
        with monkeypatch.context() as now:
            now.setattr(module.os, "write", full)
            with pytest.raises(DiskTrouble):
                ledger.note(frame.output, "old", frame.photo.name, seen)
        ledger.note(frame.output, "old", frame.photo.name, seen)
    lines = (frame.output.parent / LEDGER).read_bytes().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["a.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_with_a_pictures_name_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(UsageError, match="no picture"):
        pictures_in(tmp_path)
