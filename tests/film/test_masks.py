"""Which masks of a folder belong to the frames of a range."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from tests.film.films import pan, write_film
from velatura.errors import UsageError
from velatura_daemon.film.plan import Plan, frames_before, plan_of
from velatura_daemon.film.recipe import input_hash, masks_for, stats_of
from velatura_daemon.film.sources import open_source
from velatura_daemon.film.timing import range_from


def masks(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(1, count + 1):
        Image.new("L", (4, 4), 255).save(folder / f"{number}.png")
    return folder


def chosen(folder: Path, count: int, skipped: int, first: str | None, last: str | None) -> list[int]:
    return [int(file.stem) for file in masks_for(folder, count, lambda: skipped, range_from(first, last))]


@pytest.mark.parametrize(
    ("first", "last", "skipped", "frames"),
    [
        (None, None, 0, range(1, 11)),
        ("4", None, 3, range(4, 11)),
        ("4", "6", 3, range(4, 7)),
        (None, "6", 0, range(1, 7)),
        (None, "0.5s", 0, range(1, 6)),
    ],
)
def test_masks_of_the_whole_film_are_taken_for_a_part(first, last, skipped, frames, tmp_path):
    folder = masks(tmp_path / "masks", 10)
    assert chosen(folder, len(frames), skipped, first, last) == list(frames)


@pytest.mark.parametrize(("first", "last"), [("0.4s", None), ("0.4s", "0.7s"), ("0.35s", None), ("0.0s", "0.5s")])
def test_masks_of_the_whole_film_are_taken_for_a_part_that_begins_at_a_time(first, last, tmp_path):
    """The frames before it were not counted, since reading began there."""
    film = write_film(tmp_path / "film.mp4", pan(1, 10), gop=2)
    source, part = open_source(film, None), range_from(first, last)
    plan = plan_of(source, part)
    folder = masks(tmp_path / "masks", 10)
    found = masks_for(folder, len(plan), partial(frames_before, source, plan), part)
    begin = 1 + round(10 * float(first[:-1]) + 0.4)
    assert [int(file.stem) for file in found] == list(range(begin, begin + len(plan)))
    again = Plan.from_json(plan.to_json())
    assert again is not None and again.facts.skipped == begin - 1


def test_other_numbers_of_masks_are_refused_for_a_part_that_begins_at_a_time(tmp_path):
    source, part = open_source(write_film(tmp_path / "film.mp4", pan(1, 10), gop=2), None), range_from("0.4s", None)
    plan = plan_of(source, part)
    with pytest.raises(UsageError, match=r"9 masks .* but 6 frames"):
        masks_for(masks(tmp_path / "masks", 9), len(plan), partial(frames_before, source, plan), part)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """Not the folder that it is in, which exists."""
    folder = masks(tmp_path / "masks", 2)
    (folder / "3.png").symlink_to(tmp_path / "gone.png")
    for reads in (stats_of, input_hash):
        with pytest.raises(UsageError, match=r"masks/3.png does not exist"):
            reads(sorted(folder.iterdir()))


def test_two_masks_with_one_number_are_named(tmp_path):
    """One more than there are frames would be taken for a mask of the frame after."""
    folder = masks(tmp_path / "masks", 3)
    Image.new("L", (4, 4), 255).save(folder / "2.tif")
    with pytest.raises(UsageError, match=r"2\.png and 2\.tif have the same number"):
        chosen(folder, 3, 0, None, "3")


@pytest.mark.parametrize(("first", "last", "skipped"), [("4", None, 3), (None, "3", 0), ("0.5s", None, -1)])
def test_masks_of_the_part_alone_are_taken_as_they_are(first, last, skipped, tmp_path):
    assert chosen(masks(tmp_path / "masks", 3), 3, skipped, first, last) == [1, 2, 3]


@pytest.mark.parametrize(
    ("first", "last", "skipped", "count"),
    [(None, None, 0, 9), (None, None, 0, 11), ("4", None, 3, 5), ("4", None, 3, 8), ("4", "12", 3, 9)],
)
def test_other_numbers_of_masks_are_refused(first, last, skipped, count, tmp_path):
    with pytest.raises(UsageError, match=f"10 masks .* but {count} frames"):
        chosen(masks(tmp_path / "masks", 10), count, skipped, first, last)
