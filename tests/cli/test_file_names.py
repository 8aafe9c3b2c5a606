"""Names of new files, made from the names of others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hostile_names import IN_TEXTS
from velatura_daemon.terminal.file_names import MAX_BYTES, from_title, results_folder, shortened


@given(st.text())
def test_a_file_named_after_a_title_is_no_path_option_hidden_file_or_name_of_a_device(title):
    name = from_title(title)
    assert all(c.isalnum() or c in "-_" for c in name)
    assert not name.startswith("-")
    assert len(name.encode()) <= MAX_BYTES


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Sky at night", "Sky-at-night"),
        ("空 1.5", "空-1-5"),
        ("../../etc/passwd", "etc-passwd"),
        ("-rf", "rf"),
        (".hidden", "hidden"),
        ("e\u0301te\u0301", "été"),
        ("…", ""),
        ("é" * 80, "é" * 50),
    ],
)
def test_a_title_keeps_what_can_be_read_of_it(title, name):
    assert from_title(title) == name


@given(st.binary(max_size=255).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_a_shortened_name_is_the_beginning_of_the_name_whatever_its_bytes(name):
    short = os.fsencode(shortened(os.fsdecode(name)))
    assert name.startswith(short)
    assert short == name or MAX_BYTES - 4 < len(short) <= MAX_BYTES


def test_a_hostile_title_keeps_its_letters():
    assert from_title(IN_TEXTS).startswith("old-Sky-old-bold-smile-0-owned")


@pytest.mark.parametrize(
    ("folder", "results"),
    [("shots", "shots-in-oil"), ("shots/.", "shots-in-oil"), (".", "one-in-oil"), ("/", "/pictures-in-oil")],
)
def test_results_go_beside_their_folder_or_into_a_whole_disk(folder, results, tmp_path, monkeypatch):
    (tmp_path / "one" / "shots").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "one")
    place = tmp_path if folder == "." else tmp_path / "one"
    assert results_folder(Path(folder), Path("oil.png")) == place / results
