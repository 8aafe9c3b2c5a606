"""The manifest of a batch: full disks, commands killed between a picture and its line, and folders with special
files."""

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
from velatura_daemon.batch import manifest as manifest_module
from velatura_daemon.batch.file_hashes import hash_of_file, stat_of
from velatura_daemon.batch.frames import MANIFEST_FILE, Frame, pictures_in
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_with_a_picture_extension_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(UsageError, match="no pictures"):
        pictures_in(tmp_path)
