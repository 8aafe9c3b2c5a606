"""Atomic writing: readers find the old content or the new one, whatever fails."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from velatura.atomic import POSIX, PRIVATE, write_atomically


def write(data):
    return lambda file: file.write(data)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_nothing_else_is_left(tmp_path):
    write_atomically(tmp_path / "a", write(b"new"))
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names_in(tmp_path) == ["a"]


@pytest.mark.skipif(not POSIX, reason="permissions of POSIX")
def test_a_private_file_is_private_even_if_it_replaces_a_public_one(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o644)
    write_atomically(tmp_path / "a", write(b"new"), mode=PRIVATE)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_without_overwrite_an_existing_file_is_kept(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "a", write(b"new"), overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_the_content_is_on_the_disk_before_the_name_appears(tmp_path, monkeypatch, overwrite):
    visible = []
    monkeypatch.setattr(os, "fsync", lambda _: visible.append((tmp_path / "a").exists()))
    write_atomically(tmp_path / "a", write(b"new"), overwrite=overwrite)
    assert visible == [False]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), ValueError("bad"), KeyboardInterrupt()])
def test_a_failed_write_keeps_the_old_content_and_leaves_no_temporary_file(tmp_path, error):
    def fail(file):
        file.write(b"half")
        raise error

    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(type(error)):
        write_atomically(tmp_path / "a", fail)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]


def test_names_of_any_length_have_room_for_the_temporary_name(tmp_path):
    for name in ("a" * 255, "漢" * 85):
        write_atomically(tmp_path / name, write(b"new"))
        assert (tmp_path / name).read_bytes() == b"new"
