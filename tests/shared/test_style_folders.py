"""Folders of paintings: which files are listed, in which order, and what is said if a folder cannot be."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from velatura.editor import style_folders
from velatura.editor.style_folders import list_folder

ENDINGS = {"png", "jpg"}


def test_pictures_are_listed_by_name_with_numbers_in_their_order(tmp_path):
    for name in ("study 10.PNG", "study 9.png", "a.jpg", "notes.txt", ".hidden.png", "png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "sub.png").mkdir()
    listing = list_folder(str(tmp_path), ENDINGS)
    assert [style.name for style in listing.styles] == ["A", "Study 9", "Study 10"]
    assert listing.styles[0].path == str(tmp_path / "a.jpg")
    assert listing.note == ""


def test_a_full_folder_says_how_many_pictures_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(style_folders, "MAX_PICTURES", 3)
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(b"")
    listing = list_folder(str(tmp_path), ENDINGS)
    assert [style.name for style in listing.styles] == ["0", "1", "2"]
    assert listing.note == "The first 3 of 5 pictures."


def test_a_folder_that_is_gone_or_empty_or_a_file_has_a_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert list_folder(str(tmp_path / "gone"), ENDINGS).note == "This folder does not exist."
    assert list_folder(str(tmp_path / "file"), ENDINGS).note == "This folder does not exist."
    assert list_folder(str(tmp_path), ENDINGS).note == "This folder has no pictures."


def test_a_folder_that_cannot_be_read_says_why(monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    assert list_folder("/private", ENDINGS).note == "This folder cannot be read (Permission denied)."


def test_a_link_that_leads_in_a_circle_is_left_out(tmp_path):
    (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
    (tmp_path / "good.png").write_bytes(b"")
    assert [style.name for style in list_folder(str(tmp_path), ENDINGS).styles] == ["Good"]


def test_a_name_that_is_no_text_is_left_out_since_the_editors_cannot_show_it(tmp_path):
    (tmp_path / "good.png").write_bytes(b"")
    (tmp_path / os.fsdecode(b"bad\xff.png")).write_bytes(b"")
    assert [style.name for style in list_folder(str(tmp_path), ENDINGS).styles] == ["Good"]
    assert "its name is not valid text" in list_folder("/bad\udcff", ENDINGS).note


file_names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12)


@given(st.lists(file_names, max_size=8))
def test_any_file_names_can_be_ordered(names):
    keys = [style_folders._natural(name) for name in names]
    assert len(sorted(keys)) == len(names)
