"""What `velatura batch` takes: files, folders, folders in folders, patterns; and where the results go."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command_line import QUICK, Run
from velatura.errors import UsageError
from velatura_daemon.batch.frames import MANIFEST_FILE, frames_for
from velatura_daemon.batch.inputs import find_pictures


def draw(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """shots/ with pictures of the same name at several depths."""
    top = tmp_path / "shots"
    for seed, place in enumerate(("a.png", "monday/a.png", "monday/noon/a.png", "tuesday/a.png", "tuesday/b.png")):
        draw(top / place, seed)
    draw(top / ".hidden" / "a.png")
    draw(tmp_path / "painting.png", 9)
    return top


def places(found_from: Path, *inputs: Path | str, **more: object) -> list[str]:
    """The photos' names below a folder."""
    found = find_pictures([Path(each) for each in inputs], **more)  # type: ignore[arg-type]
    return [photo.absolute().relative_to(found_from).as_posix() for photo in found.photos]


def test_the_folders_in_a_folder_are_read_only_when_asked_and_mentioned_otherwise(tree):
    assert places(tree, tree) == ["a.png"]
    assert "2 folders (--recursive reads them)" in find_pictures([tree]).ignored
    every = ["a.png", "monday/a.png", "monday/noon/a.png", "tuesday/a.png", "tuesday/b.png"]
    assert places(tree, tree, recursive=True) == every


def test_files_folders_and_patterns_can_be_mixed_and_each_picture_counts_once(tree):
    found = places(tree, tree / "tuesday", tree / "a.png", tree / "monday" / "*.png", tree / "tuesday" / "a.png")
    assert found == ["a.png", "monday/a.png", "tuesday/a.png", "tuesday/b.png"]


def test_patterns_are_expanded_also_across_folders(tree):
    assert places(tree, tree / "**" / "a.png") == ["a.png", "monday/a.png", "monday/noon/a.png", "tuesday/a.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tree):
    draw(tree / "a[1].png")
    draw(tree / "a1.png")
    assert places(tree, tree / "a[1].png") == ["a[1].png"]


def test_a_pattern_that_matches_nothing_is_named(tree):
    with pytest.raises(UsageError, match=r"No file matches .*\*\.tif\. Check the pattern"):
        find_pictures([tree / "*.tif"])


def test_a_missing_file_is_named(tree):
    with pytest.raises(UsageError, match=r"missing\.png does not exist"):
        find_pictures([tree / "a.png", tree / "missing.png"])


@pytest.mark.timeout(30)
def test_links_that_form_a_loop_are_followed_once(tree):
    (tree / "monday" / "up").symlink_to(tree, target_is_directory=True)
    (tree / "again").symlink_to(tree / "monday", target_is_directory=True)
    (tree / "self").symlink_to(tree / "self")
    (tree / "tuesday" / "up").symlink_to(tree, target_is_directory=True)
    assert len(places(tree, tree / "**" / "*.png")) == 5
    found = find_pictures([tree], recursive=True)
    assert len(found.photos) == 5
    assert len({photo.resolve() for photo in found.photos}) == 5


def test_results_are_not_read_again(tree):
    out = tree / "out"
    draw(out / "a.png")
    assert "out/a.png" not in places(tree, tree, recursive=True, out=out)
    draw(tree / "earlier" / "a.png")
    (tree / "earlier" / MANIFEST_FILE).touch()
    found = find_pictures([tree], recursive=True, out=out)
    assert "2 folders with results" in found.ignored
    assert not any("earlier" in photo.parts for photo in found.photos)
    assert "earlier/a.png" not in places(tree, tree / "*")  # nor if a pattern matches their folder
    assert places(tree, tree / "earlier") == ["earlier/a.png"]  # but if they are what is asked for


def test_results_keep_the_folders_of_their_pictures(tree, tmp_path):
    found = find_pictures([tree], recursive=True)
    frames = frames_for(found.photos, tmp_path / "out", found.base)
    outputs = [frame.output.relative_to(tmp_path / "out").as_posix() for frame in frames]
    assert outputs == [frame.name for frame in frames] == places(tree, tree, recursive=True)


def test_pictures_of_the_same_name_from_different_folders_have_different_results(tree, tmp_path):
    found = find_pictures([tree / "monday" / "a.png", tree / "tuesday" / "a.png"])
    outputs = [frame.output for frame in frames_for(found.photos, tmp_path, found.base)]
    assert outputs == [tmp_path / "monday" / "a.png", tmp_path / "tuesday" / "a.png"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a folder that cannot be read")
def test_a_folder_in_a_folder_that_cannot_be_read_is_counted(tree):
    (tree / "monday").chmod(0)
    assert "1 folder that cannot be read" in find_pictures([tree], recursive=True).ignored


# --- whole batches -----------------------------------------------------------------------------------
def batch(run: Run, *arguments: object) -> tuple[int, list[dict], str]:
    done = run("batch", *arguments, "--json", *QUICK)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_tree_is_restyled_into_the_same_tree_and_continued_where_it_stopped(run, tree):
    arguments = (tree, "--recursive", "--style", tree.parent / "painting.png", "--out", tree / "out")
    code, lines, _ = batch(run, *arguments)
    assert (code, lines[-1]["made"], lines[-1]["failed"]) == (0, 5, [])
    made = {path.relative_to(tree / "out").as_posix() for path in (tree / "out").rglob("*.png")}
    assert made == {"a.png", "monday/a.png", "monday/noon/a.png", "tuesday/a.png", "tuesday/b.png"}
    (tree / "out" / "monday" / "a.png").unlink()
    draw(tree / "tuesday" / "a.png", 77)
    _, lines, _ = batch(run, *arguments)
    assert [line["name"] for line in lines if line["event"] == "made"] == ["monday/a.png", "tuesday/a.png"]
    assert lines[-1]["already"] == 3


def test_files_go_by_default_into_a_folder_beside_them(run, tree):
    code, lines, _ = batch(
        run, tree / "tuesday" / "a.png", tree / "tuesday" / "b.png", "--style", tree.parent / "painting.png"
    )
    out = tree / "tuesday" / "pictures-in-painting"
    assert (code, lines[-1]["output"]) == (0, str(out))
    assert {path.name for path in out.glob("*.png")} == {"a.png", "b.png"}


def test_results_never_go_among_the_pictures_not_even_with_force(run, tree):
    before = (tree / "tuesday" / "a.png").read_bytes()
    code, _, err = batch(
        run,
        *(tree / "tuesday" / "a.png", tree / "tuesday" / "b.png"),
        *("--style", tree.parent / "painting.png", "--out", tree / "tuesday", "--force"),
    )
    assert (code, "among the pictures" in err) == (2, True)
    assert (tree / "tuesday" / "a.png").read_bytes() == before
