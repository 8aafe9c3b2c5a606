"""The paintings of a restyle, as options say them: which, how much of each, where in the photo, and what of the
painting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.client.events import GivenStyle
from velatura.editor.styles import parse_style
from velatura.errors import UsageError
from velatura.pixels import LARGEST_STYLE_SIDE, Picture
from velatura.strings import style_name
from velatura_daemon.terminal.printable import printable

if TYPE_CHECKING:  # numpy comes with it, which help pages do without
    from velatura_daemon.imaging.files import Loaded


@dataclass(frozen=True)
class Painting:
    """share: among those of its place. region: a mask of the photo, None: wherever no region is. part: a mask of the
    painting."""

    path: Path
    share: float
    region: Path | None = None
    part: Path | None = None


Pairs = Sequence[tuple[str, str]]


def paintings_of(styles: Sequence[str], regions: Pairs, parts: Pairs) -> list[Painting]:
    """From the words of --style (PAINTING[:SHARE]), --region (MASK, PAINTING[:SHARE]) and --part (PAINTING, MASK).

    A painting that is used several times has one part for all uses, or as many parts as uses, in their order. Raises
    UsageError.
    """
    uses = [Painting(*parse_style(word)) for word in styles]
    uses += [Painting(*parse_style(word), region=Path(mask)) for mask, word in regions]
    if not uses:
        raise UsageError("There is no painting. Give one with --style PAINTING, or with --region MASK PAINTING.")
    by_painting: dict[Path, list[Path]] = {}
    for painting, part in parts:
        by_painting.setdefault(Path(painting).resolve(), []).append(Path(part))
    for path, masks in by_painting.items():
        places = [i for i, use in enumerate(uses) if use.path.resolve() == path]
        if not places:
            raise UsageError(
                f"--part is of {path.name}, which is none of the paintings. Give it with --style or --region too."
            )
        if len(masks) not in (1, len(places)):
            raise UsageError(
                f"{path.name} is used {_times(len(places))} and has {len(masks)} parts. Give one part, or as many as "
                "uses."
            )
        for i, mask in zip(places, masks * len(places), strict=False):
            uses[i] = replace(uses[i], part=mask)
    return uses


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


StylePictures = Mapping[tuple[Path, Path | None], Picture]  # by painting and part


def given(paintings: Sequence[Painting], photo: Loaded) -> list[GivenStyle]:
    """Their pictures, read. Raises what is wrong with a file."""
    return placed(paintings, style_pictures(paintings), photo)


def style_pictures(paintings: Sequence[Painting]) -> StylePictures:
    """Each read once. Raises what is wrong with a file."""
    return {key: read_style(*key) for key in dict.fromkeys((p.path, p.part) for p in paintings)}


def placed(paintings: Sequence[Painting], pictures: StylePictures, photo: Loaded) -> list[GivenStyle]:
    """Where in the photo each goes, read. Raises what is wrong with a region's file."""
    from velatura_daemon.imaging.files import read_mask

    regions = {
        path: read_mask(path, photo, "region")
        for path in dict.fromkeys(p.region for p in paintings)
        if path is not None
    }
    return [
        GivenStyle(
            pictures[p.path, p.part],
            p.share,
            regions[p.region] if p.region else None,
            printable(style_name(p.path.stem)),
            printable(p.path.resolve()),
        )
        for p in paintings
    ]


def read_style(path: Path, part: Path | None = None) -> Picture:
    """A style picture, no larger than makes a difference. part: a mask of its size; the rest of it is not seen."""
    from velatura_daemon.imaging.files import read_mask, read_picture, seen_through

    loaded = read_picture(path)
    if max(loaded.picture.width, loaded.picture.height) > LARGEST_STYLE_SIDE:
        loaded = read_picture(path, longest_side=LARGEST_STYLE_SIDE)
    return loaded.picture if part is None else seen_through(loaded.picture, read_mask(part, loaded, "part"))
