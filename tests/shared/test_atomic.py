"""Atomic writing: readers find the old content or the new one, whatever fails."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from tests.support.users import as_nobody, open_to_others
from velatura.atomic import POSIX, PRIVATE, make_folders, write_atomically, write_users_file


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


# --- files of the user and of other programs ----------------------------------------------------------
def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.skipif(not POSIX, reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_a_users_file_keeps_its_permissions(tmp_path, umask, mode):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(mode)
    write_users_file(tmp_path / "a", write(b"new"))
    assert (tmp_path / "a").read_bytes() == b"new"
    assert mode_of(tmp_path / "a") == mode


@pytest.mark.skipif(not POSIX, reason="permissions of POSIX")
def test_a_new_file_has_what_the_umask_allows(tmp_path, umask):
    write_users_file(tmp_path / "a", write(b"new"))
    write_users_file(tmp_path / "b", write(b"new"), mode=PRIVATE)
    assert mode_of(tmp_path / "a") == 0o666 & ~umask
    assert mode_of(tmp_path / "b") == 0o600


@pytest.mark.skipif(not POSIX, reason="links of POSIX")
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_a_link_and_its_target_gets_the_content(tmp_path, exists):
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "real"
    if exists:
        target.write_bytes(b"old")
        target.chmod(0o600)
    (tmp_path / "link").symlink_to("elsewhere/real")
    write_users_file(tmp_path / "link", write(b"new"))
    assert (tmp_path / "link").is_symlink()
    assert target.read_bytes() == b"new"
    assert not exists or mode_of(target) == 0o600
    assert names_in(tmp_path / "elsewhere") == ["real"]


@pytest.mark.skipif(not POSIX or os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_a_users_file_to_its_owner(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    os.chown(tmp_path / "a", 1234, 5678)
    write_users_file(tmp_path / "a", write(b"new"))
    info = (tmp_path / "a").stat()
    assert (info.st_uid, info.st_gid) == (1234, 5678)


@pytest.mark.skipif(not POSIX or os.geteuid() != 0, reason="only root can become another user")
def test_a_group_that_cannot_be_kept_gets_nothing_that_was_not_for_everybody(tmp_path):
    open_to_others(tmp_path)
    tmp_path.chmod(0o777)
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o664)
    assert as_nobody(lambda: write_users_file(tmp_path / "a", write(b"new"))) == b"None"
    info = (tmp_path / "a").stat()
    assert (info.st_uid, stat.S_IMODE(info.st_mode)) == (65534, 0o644)


@pytest.mark.skipif(not POSIX, reason="permissions of POSIX")
def test_folders_that_are_made_can_be_changed_by_the_user_only(tmp_path, umask):
    make_folders(tmp_path / "a/b/c", 0o700)
    make_folders(tmp_path / "a/b/c", 0o700)  # they exist
    assert [mode_of(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o755 & ~umask] * 2 + [0o700]


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(OSError):
        make_folders(tmp_path / "a/b")
    with pytest.raises(FileExistsError):
        make_folders(tmp_path / "a")
