"""How every frame of a film is restyled, and the requests for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from velatura.client.events import GivenStyle
from velatura.editor.frames import FOLLOWED
from velatura.errors import NothingToRestyle, UsageError, VelaturaError
from velatura.i18n import lazy_text
from velatura.pixels import Picture
from velatura_daemon.batch.file_hashes import hash_of_file, hash_of_json, stat_of
from velatura_daemon.batch.recipe import Recipe
from velatura_daemon.film.timing import FrameRange
from velatura_daemon.terminal.photos import check_restylable
from velatura_daemon.terminal.style_options import with_regions
from velatura_daemon.user_paths import shown

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import LoadedPicture

T = TypeVar("T")

VERSION = 3  # of what a key stands for, and of how frames follow each other
# Of contents and results that a shot keeps to be followed; with larger ones it looks back less.
WINDOW_BYTES = 512 << 20


@dataclass(frozen=True)
class FrameRequest:
    """The pictures of one frame. styles: None if nothing of it is to be restyled, so that the result is the content.
    notes: about its file."""

    number: int
    content: Picture
    styles: list[GivenStyle] | None
    mask: Picture | None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class FilmRecipe:
    """recipe: of a single frame. masks: a file for each frame of the range; empty: that of the recipe, for all."""

    recipe: Recipe
    masks: Sequence[Path] = ()

    def request_for(self, number: int, loaded: LoadedPicture, path: Path) -> FrameRequest:
        """Add what a frame is restyled with. number: of the frame, from 0. path: of the film. Raises what read_mask and
        check_restylable raise, with the frame's number."""
        from velatura_daemon.imaging.files import read_mask

        recipe = self.recipe
        mask_path = self.masks[number] if self.masks else recipe.options.mask
        mask: Picture | None = None
        try:
            styles: list[GivenStyle] | None = with_regions(recipe.paintings, recipe.pictures, loaded)
            mask = read_mask(mask_path, loaded) if mask_path is not None else None
            check_restylable(path, loaded.picture, styles or [], mask, recipe.max_megapixels)
        except NothingToRestyle as error:
            if not self.masks and not loaded.picture.format.has_alpha:
                raise frame_error(number, error) from error
            styles = None
        except VelaturaError as error:
            raise frame_error(number, error) from error
        pictures = [loaded.picture, *([mask] if mask else []), *(one.region for one in styles or () if one.region)]
        for picture in pictures:
            _ = picture.ref  # computes the hashes
        return FrameRequest(number, loaded.picture, styles, mask, loaded.notes)


def look_back(frame_bytes: int) -> tuple[int, ...]:
    """How many frames back the frames lie that a frame follows: FOLLOWED, as far as the memory allows it."""
    return tuple(distance for distance in FOLLOWED if distance == 1 or 2 * (distance + 1) * frame_bytes <= WINDOW_BYTES)


def frame_error(number: int, error: VelaturaError) -> VelaturaError:
    """The same error, with the number of the frame, which is counted from 0 here."""
    return type(error)(lazy_text("Frame {number}: {sentence}", number=number + 1, sentence=error.sentence))


def masks_for(folder: Path, count: int, before: Callable[[], int], part: FrameRange) -> list[Path]:
    """The masks of the frames of a range, from a folder with one for each frame, of the film or of the range. count:
    frames in the range. before: returns how many come before it, which may take a while. Raises UsageError."""
    from velatura_daemon.batch.inputs import find_pictures
    from velatura_daemon.film.numbered import check_complete

    found = find_pictures([folder], recursive=None).photos
    check_complete(found, folder)
    if len(found) == count:
        return found
    skipped = before() if len(found) > count else 0
    is_of_film = len(found) == skipped + count if part.last is None else len(found) >= skipped + count
    if is_of_film:
        return found[skipped : skipped + count]
    raise UsageError(
        lazy_text(
            "There are {masks} masks in {folder}, but {frames} frames. Each frame needs one; it may be black, which "
            "leaves the frame as it is.",
            masks=len(found),
            folder=shown(folder),
            frames=count,
        )
    )


def stats_of(files: Sequence[Path]) -> str:
    """A hash of the names, sizes and dates of files. Raises UsageError, NotAPicture."""
    return hash_of_json([[path.name, *_of_file(path, stat_of)] for path in files])


def input_hash(files: Sequence[Path]) -> str:
    """A hash of the names and contents of files. Raises UsageError, NotAPicture."""
    return hash_of_json([[path.name, _of_file(path, hash_of_file)] for path in files])


def film_key(recipe: Recipe, input_hash: str, masks: Sequence[Path], part: FrameRange, rate: Fraction | None) -> str:
    """A hash of everything that changes a frame. Raises UsageError, NotAPicture."""
    mask_hashes = [_of_file(mask, hash_of_file) for mask in masks]
    return hash_of_json([VERSION, recipe.key, input_hash, mask_hashes, str(part), str(rate or "")])


def _of_file(path: Path, read: Callable[[Path], T]) -> T:
    """What is read of a file. Raises UsageError, NotAPicture, which name it."""
    from velatura_daemon.imaging.files.decode import reporting_read_errors

    with reporting_read_errors(path):
        return read(path)
