"""Writing picture files: conversions with their notes, and never a partial or overwritten file."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from PIL import Image

from tests.support.picture_files import ADOBE, DTYPES, array, gradient, names_in, noise, picture, read
from velatura.errors import DiskTrouble, FileExists, PictureTooLarge, UsageError
from velatura_daemon.imaging.files import check_output, read_description, write_picture


@pytest.mark.parametrize("text", ["A sea, in the hand of Hokusai", "Ein Meer – 海 – naïf\nin two lines", ""])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
def test_the_description_can_be_read_back(tmp_path, name, text):
    write_picture(tmp_path / name, picture(gradient(8, 8, 3)), description=text)
    assert read_description(tmp_path / name) == text
    Image.open(tmp_path / name).load()  # other readers accept the file


@pytest.mark.parametrize(("name", "kept"), [("a.png", "u16"), ("a.jpg", "u8"), ("a.webp", "u8")])
@pytest.mark.parametrize("sample", ["f16", "f32"])
def test_floats_are_rounded_with_a_note_and_take_the_srgb_curve(tmp_path, name, kept, sample):
    light = np.full((8, 8, 3), 0.2140, DTYPES[sample])  # linear light of mid grey, 0.5 in sRGB
    notes = write_picture(tmp_path / name, picture(light, curve="linear"), description="")
    result = read(tmp_path / name)
    assert len(notes) == 1
    assert "rounded" in notes[0]
    assert "clipped" not in notes[0]
    assert result.format.sample == kept
    assert abs(array(result)[4, 4, 1] / np.iinfo(DTYPES[kept]).max - 0.5) < 0.006


def test_light_beyond_white_is_clipped_with_a_note(tmp_path):
    bright = picture(np.full((4, 4, 3), 2.5, np.float32), curve="linear")
    assert "clipped" in write_picture(tmp_path / "a.png", bright, description="")[0]
    assert (array(read(tmp_path / "a.png")) == 65535).all()


def test_samples_with_a_profile_are_not_converted_to_another_curve(tmp_path):
    pixels = np.full((4, 4, 3), 0.25, np.float32)
    write_picture(tmp_path / "a.png", picture(pixels, curve="linear", profile=ADOBE), description="")
    result = read(tmp_path / "a.png")
    assert result.format.profile == ADOBE
    assert (array(result) == 16384).all()


def test_bgra_is_written_as_rgba(tmp_path):
    pixels = noise((4, 5, 4))
    write_picture(tmp_path / "a.png", picture(pixels, "BGRA"), description="")
    assert (array(read(tmp_path / "a.png")) == pixels[..., [2, 1, 0, 3]]).all()


PIXELS = picture(gradient(8, 8, 3))


def test_an_existing_file_is_not_overwritten(tmp_path):
    (tmp_path / "a.png").write_bytes(b"mine")
    with pytest.raises(FileExists, match="--force"):
        write_picture(tmp_path / "a.png", PIXELS, description="")
    assert (tmp_path / "a.png").read_bytes() == b"mine"


def test_with_force_an_existing_file_is_replaced(tmp_path):
    (tmp_path / "a.png").write_bytes(b"mine")
    write_picture(tmp_path / "a.png", PIXELS, description="", force=True)
    assert bytes(read(tmp_path / "a.png").data) == PIXELS.data
    assert names_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize("has_hard_links", [True, False])
def test_a_file_created_meanwhile_is_not_overwritten(tmp_path, monkeypatch, has_hard_links):
    really_sync, really_link = os.fsync, os.link

    def another_program_writes(descriptor):
        really_sync(descriptor)
        (tmp_path / "a.png").write_bytes(b"theirs")

    def no_links(source, target):
        if not has_hard_links:
            raise OSError(errno.EPERM, "no links here")
        really_link(source, target)

    monkeypatch.setattr(os, "fsync", another_program_writes)
    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(FileExists, match="created by another program"):
        write_picture(tmp_path / "a.png", PIXELS, description="")
    assert (tmp_path / "a.png").read_bytes() == b"theirs"
    assert names_in(tmp_path) == ["a.png"]


def test_a_file_system_without_hard_links_can_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))
    write_picture(tmp_path / "a.png", PIXELS, description="")
    assert bytes(read(tmp_path / "a.png").data) == PIXELS.data
    assert names_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "do not have permission to write"), (errno.EIO, "could not")],
)
def test_a_failed_write_leaves_no_partial_file_and_gives_the_reason(tmp_path, monkeypatch, number, reason):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(DiskTrouble, match=reason):
        write_picture(tmp_path / "a.png", PIXELS, description="")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["a.xcf", "a", "a.gif"])
def test_the_error_for_an_unknown_extension_lists_the_known_ones(tmp_path, name):
    with pytest.raises(UsageError, match=r"\.png, \.tif, \.tiff, \.jpg, \.jpeg, \.webp"):
        check_output(tmp_path / name)


def test_a_missing_folder_is_reported_before_the_work(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        check_output(tmp_path / "nowhere" / "a.png")


def test_a_folder_is_refused_as_output(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_output(tmp_path / "a.png", force=True)


def test_a_folder_without_write_permission_is_reported_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DiskTrouble, match="do not have permission to write"):
        check_output(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
def test_a_replaced_file_keeps_its_permissions_and_its_link(tmp_path, name):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / name).symlink_to("real")
    write_picture(tmp_path / name, PIXELS, description="", force=True)
    assert (tmp_path / name).is_symlink()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o600
    assert set(names_in(tmp_path)) == {"real", name}
    assert Image.open(tmp_path / "real").width > 1


def test_a_link_into_a_missing_folder_is_reported_before_the_work(tmp_path):
    (tmp_path / "a.png").symlink_to("missing/b.png")
    with pytest.raises(UsageError, match="missing does not exist"):
        check_output(tmp_path / "a.png", force=True)


def test_a_dangling_link_counts_as_an_existing_file(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "nothing")
    with pytest.raises(FileExists):
        check_output(tmp_path / "a.png")


def test_a_side_too_long_for_the_format_is_reported_before_the_work(tmp_path):
    with pytest.raises(PictureTooLarge, match="16383"):
        check_output(tmp_path / "a.webp", size=(20000, 10))
    check_output(tmp_path / "a.tif", size=(20000, 10))


def test_checking_an_output_creates_nothing(tmp_path):
    check_output(tmp_path / "A.PNG")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "a\0b.png", "x" * 5000 + ".png"])
def test_a_name_that_no_file_can_have_is_reported_before_the_work_starts(tmp_path, name):
    with pytest.raises(UsageError, match="Give another name"):
        check_output(tmp_path / name)
