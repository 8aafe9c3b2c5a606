"""The paintings of a restyle as given by command-line options: which ones, in what proportion, in which region of the
photo, and which part of each painting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.client.events import GivenStyle
from velatura.editor.styles import parse_style
from velatura.errors import NothingToRestyle, UsageError
from velatura.i18n import lazy_plural, lazy_text
from velatura.pixels import LARGEST_STYLE_SIDE, Picture
from velatura.strings import style_name
from velatura_daemon.terminal.file_names import named_file
from velatura_daemon.terminal.printable import printable
from velatura_daemon.user_paths import real_path

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
    uses = [_painting(value) for value in styles]
    uses += [replace(_painting(value), region=Path(mask)) for mask, value in regions]
    if not uses:
        raise UsageError(lazy_text("No painting given. Use --style PAINTING, or --region MASK PAINTING."))
    by_painting: dict[Path, list[Path]] = {}
    for painting, part in parts:
        by_painting.setdefault(real_path(Path(painting)), []).append(Path(part))
    for path, masks in by_painting.items():
        indices = [i for i, use in enumerate(uses) if real_path(use.path) == path]
        if not indices:
            raise UsageError(
                lazy_text(
                    "--part names {file}, which is not one of the paintings. Add it with --style or --region.",
                    file=path.name,
                )
            )
        if len(masks) not in (1, len(indices)):
            raise UsageError(
                lazy_plural(
                    "{file} is used {times} but has {count} part. Give one part, or one part for each use.",
                    "{file} is used {times} but has {count} parts. Give one part, or one part for each use.",
                    len(masks),
                    file=path.name,
                    times=_times(len(indices)),
                )
            )
        for i, mask in zip(indices, masks * len(indices), strict=False):
            uses[i] = replace(uses[i], part=mask)
    return uses


def _painting(value: str) -> Painting:
    path, share = parse_style(value)
    return Painting(named_file(value, path), share)


def _times(number: int) -> str:
    if number == 2:
        # Translators: how often a painting is used; stands within a sentence.
        return lazy_text("twice")
    # Translators: how often a painting is used; stands within a sentence.
    return lazy_plural("once", "{count} times", number)


def files_of(paintings: Sequence[Painting], mask: Path | None = None) -> list[Path]:
    """Return the files that the paintings and the photo's mask are read from."""
    paths = [path for painting in paintings for path in (painting.path, painting.region, painting.part)]
    return [path for path in dict.fromkeys([*paths, mask]) if path is not None]


def region_count(paintings: Sequence[Painting]) -> int:
    """Return how many different regions there are."""
    return len({painting.region for painting in paintings if painting.region is not None})


def check_files_exist(paths: Sequence[Path]) -> None:
    """Raise UsageError for a file that cannot be opened, before a daemon is started for it."""
    from velatura_daemon.imaging.files.decode import reporting_read_errors

    for path in paths:
        with reporting_read_errors(path), path.open("rb"):
            pass


@dataclass(frozen=True)
class StylePictures:
    """pictures: by painting and part. notes: what the user should know about the files."""

    pictures: Mapping[tuple[Path, Path | None], Picture]
    notes: Sequence[str]


def read_style_pictures(
    paintings: Sequence[Painting], max_megapixels: float, page: int | None = None, salvage: bool = False
) -> StylePictures:
    """Read each painting once; what is outside its part becomes transparent. page, salvage: as of read_picture. Raises
    what read_picture and read_mask raise, and NothingToRestyle for a painting of which nothing can be seen."""
    from velatura_daemon.imaging.files import is_visible, multiply_alpha, read_mask

    pictures: dict[tuple[Path, Path | None], Picture] = {}
    notes: dict[str, None] = {}  # each once, in order
    for path, part in dict.fromkeys((p.path, p.part) for p in paintings):
        loaded = read_style(path, max_megapixels, page, salvage)
        mask = read_mask(part, loaded, "part") if part else None
        picture = pictures[path, part] = multiply_alpha(loaded.picture, mask) if mask else loaded.picture
        if not is_visible(picture):
            raise NothingToRestyle(_transparent(path, part))
        notes |= dict.fromkeys(loaded.notes)
    return StylePictures(pictures, list(notes))


def _transparent(path: Path, part: Path | None) -> str:
    if part is None:
        return lazy_text("{file} is fully transparent. Use another painting.", file=path.name)
    return lazy_text(
        "{file} is fully transparent where {mask} is white. Use another painting.", file=path.name, mask=part.name
    )


def with_regions(paintings: Sequence[Painting], styles: StylePictures, photo: LoadedPicture) -> list[GivenStyle]:
    """Combine the paintings' pictures with the masks of their regions in the photo. Raises what read_mask raises."""
    from velatura_daemon.imaging.files import read_mask

    regions = {
        path: read_mask(path, photo, "region")
        for path in dict.fromkeys(p.region for p in paintings)
        if path is not None
    }
    return [
        GivenStyle(
            styles.pictures[p.path, p.part],
            p.share,
            regions[p.region] if p.region else None,
            printable(style_name(p.path.stem)),
            printable(real_path(p.path)),
        )
        for p in paintings
    ]


def read_style(path: Path, max_megapixels: float, page: int | None = None, salvage: bool = False) -> LoadedPicture:
    """Read a style picture, scaled down to the size above which more pixels make no difference. max_megapixels: what
    the daemon accepts of a photo. page, salvage: as of read_picture."""
    from velatura_daemon.imaging.files import read_picture
    from velatura_daemon.imaging.files.limits import file_megapixels
    from velatura_daemon.memory_plan import LARGEST_STYLE_MEGAPIXELS

    return read_picture(
        path,
        at_most=LARGEST_STYLE_SIDE,
        max_megapixels=max(max_megapixels, LARGEST_STYLE_MEGAPIXELS),
        max_file_megapixels=file_megapixels(max_megapixels),
        page=page,
        salvage=salvage,
        compress_highlights=True,
        use="is used",  # not translated: read_picture has a sentence for it
    )
