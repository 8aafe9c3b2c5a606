"""Paths that users type: every question has an answer, and every error of the system a sentence."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import DiskTrouble, NotAPicture, UsageError
from velatura_daemon.user_paths import (
    check_writable,
    exists,
    is_file,
    is_folder,
    make_folder,
    meaning,
    real_path,
    shown,
    unreadable,
    unwritable,
)


@pytest.fixture
def odd(tmp_path):
    """Paths that no file can have, by the error of the system."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_bytes(b"x")
    return {
        errno.ENAMETOOLONG: tmp_path / ("x" * 300),
        errno.ELOOP: tmp_path / "loop",
        errno.ENOTDIR: tmp_path / "file" / "a.png",
    }


@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR])
def test_every_question_about_a_path_is_answered(odd, number):
    path = odd[number]
    assert not any((exists(path), is_file(path), is_folder(path)))
    assert real_path(path).is_absolute()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENAMETOOLONG, "longer than the file system allows"),
        (errno.ELOOP, "links lead in a circle"),
        (errno.ENOTDIR, "file is a file, not a folder"),
    ],
)
def test_a_path_that_no_file_can_have_is_a_usage_error_with_its_reason(odd, number, expected):
    path = odd[number]
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as caught:
        path.open("rb")
    for error in (unreadable(path, caught.value), unwritable(path, caught.value)):
        assert isinstance(error, UsageError)
        assert expected in error.sentence
    with pytest.raises(UsageError, match=expected):
        make_folder(path)


@pytest.mark.parametrize(
    ("number", "kind", "expected"),
    [
        (errno.ENOSPC, DiskTrouble, "the disk is full. Free some space"),
        (errno.EDQUOT, DiskTrouble, "your disk quota is used up. Free some space"),
        (errno.EROFS, DiskTrouble, "is read-only. Write to another folder"),
        (errno.EACCES, DiskTrouble, "do not have permission to write"),
        (errno.EIO, DiskTrouble, "the disk reports an error"),
    ],
)
def test_each_reason_why_a_file_cannot_be_written_has_its_own_sentence(tmp_path, number, kind, expected):
    error = unwritable(tmp_path / "a.png", OSError(number, os.strerror(number)))
    assert isinstance(error, kind)
    assert expected in error.sentence


def test_a_disk_that_reports_an_error_does_not_make_the_path_wrong(tmp_path):
    error = unreadable(tmp_path / "a.png", OSError(errno.EIO, os.strerror(errno.EIO)))
    assert isinstance(error, NotAPicture)
    assert "the disk reports an error" in error.sentence


@given(number=st.sampled_from(sorted(errno.errorcode)))
def test_every_error_of_the_system_has_a_sentence(number):
    error = OSError(number, os.strerror(number))
    path = Path("nothing.png")
    for refusal in (unreadable(path, error), unwritable(path, error)):
        assert refusal.sentence.endswith(".")
        assert "Errno" not in refusal.sentence
    assert meaning(error, path)


def test_a_very_long_path_is_shown_by_its_ends(tmp_path):
    assert len(shown(tmp_path / ("x" * 5000 + "end.png"))) < 200
    assert shown(tmp_path / ("x" * 5000 + "end.png")).endswith("end.png")


def test_checking_that_a_file_can_be_written_changes_nothing(tmp_path):
    (tmp_path / "there").write_bytes(b"mine")
    check_writable(tmp_path / "there")
    check_writable(tmp_path / "new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("there", b"mine")]
    with pytest.raises(UsageError, match="it is a folder"):
        check_writable(tmp_path)
