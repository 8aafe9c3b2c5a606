"""The paintings of a restyle as given by command-line options: which ones, in what proportion, in which region of the
photo, and which part of each painting."""

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

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import LoadedPicture


@dataclass(frozen=True)
class Painting:
    """path: the file. share: weight among the paintings of the same region. region: a mask of the photo; None: where no
    other region is. part: a mask of the painting; only the masked part is used."""

    path: Path
    share: float
    region: Path | None = None
    part: Path | None = None


Pairs = Sequence[tuple[str, str]]


def parse_paintings(styles: Sequence[str], regions: Pairs, parts: Pairs) -> list[Painting]:
    """Parse the values of --style (PAINTING[:SHARE]), --region (MASK, PAINTING[:SHARE]) and --part (PAINTING, MASK).

    A painting that is used several times has either one part for all uses, or one part per use, in order. Raises
    UsageError.
    """
    uses = [Painting(*parse_style(value)) for value in styles]
    uses += [Painting(*parse_style(value), region=Path(mask)) for mask, value in regions]
    if not uses:
        raise UsageError("No painting given. Use --style PAINTING, or --region MASK PAINTING.")
    by_painting: dict[Path, list[Path]] = {}
    for painting, part in parts:
        by_painting.setdefault(Path(painting).resolve(), []).append(Path(part))
    for path, masks in by_painting.items():
        indices = [i for i, use in enumerate(uses) if use.path.resolve() == path]
        if not indices:
            raise UsageError(
                f"--part names {path.name}, which is not one of the paintings. Add it with --style or --region."
            )
        if len(masks) not in (1, len(indices)):
            raise UsageError(
                f"{path.name} is used {_times(len(indices))} but has {len(masks)} parts. "
                "Give one part, or one part for each use."
            )
        for i, mask in zip(indices, masks * len(indices), strict=False):
            uses[i] = replace(uses[i], part=mask)
    return uses


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


StylePictures = Mapping[tuple[Path, Path | None], Picture]  # by painting and part


def read_styles(paintings: Sequence[Painting], photo: LoadedPicture) -> list[GivenStyle]:
    """Read the paintings and their masks. Raises what read_picture and read_mask raise."""
    return with_regions(paintings, read_style_pictures(paintings), photo)


def read_style_pictures(paintings: Sequence[Painting]) -> StylePictures:
    """Read each painting once. Raises what read_picture and read_mask raise."""
    return {key: read_style(*key) for key in dict.fromkeys((p.path, p.part) for p in paintings)}


def with_regions(paintings: Sequence[Painting], pictures: StylePictures, photo: LoadedPicture) -> list[GivenStyle]:
    """Combine the paintings' pictures with the masks of their regions in the photo. Raises what read_mask raises."""
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
    """Read a style picture, scaled down to the size above which more pixels make no difference. part: a mask of the
    same size; the rest of the picture is made transparent."""
    from velatura_daemon.imaging.files import multiply_alpha, read_mask, read_picture

    loaded = read_picture(path)
    if max(loaded.picture.width, loaded.picture.height) > LARGEST_STYLE_SIDE:
        loaded = read_picture(path, longest_side=LARGEST_STYLE_SIDE)
    return loaded.picture if part is None else multiply_alpha(loaded.picture, read_mask(part, loaded, "part"))
