"""How every picture of a batch is restyled: paintings, settings, size. The same recipe and picture give the same
result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.client.events import GivenStyle
from velatura.pixels import Picture
from velatura.settings import StyleSettings
from velatura_daemon.batch.file_hashes import hash_of_file, hash_of_json
from velatura_daemon.terminal.options import RestyleOptions
from velatura_daemon.terminal.photos import check_restylable, kept_metadata, read_photo
from velatura_daemon.terminal.style_options import Painting, StylePictures, read_style_pictures, with_regions

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import Metadata

VERSION = 2  # of the data that `key` is a hash of


@dataclass(frozen=True)
class RestyleRequest:
    """The pictures of one restyle. mask: selects what to restyle; None: everything. metadata: what the result keeps;
    None: it gets none. notes: about the photo's file."""

    content: Picture
    styles: list[GivenStyle]
    mask: Picture | None
    metadata: Metadata | None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Recipe:
    """options: of the restyle, except the weights. weights: name as in the protocol. key: a hash of everything except
    the device, which changes a picture only by rounding errors. max_megapixels: what the daemon accepts."""

    paintings: Sequence[Painting]
    pictures: StylePictures
    settings: StyleSettings
    options: RestyleOptions
    weights: str
    max_megapixels: float
    key: str

    def request_for(self, photo: Path, output: Path) -> RestyleRequest:
        """Read the photo and its masks, and hash them; this takes seconds for a large picture. output: the file of the
        result. Raises what read_picture, read_mask and check_restylable raise."""
        from velatura_daemon.imaging.files import read_mask

        loaded = read_photo(photo, output, self.settings, self.options, self.max_megapixels)
        styles = with_regions(self.paintings, self.pictures, loaded)
        mask = read_mask(self.options.mask, loaded) if self.options.mask else None
        check_restylable(photo, loaded.picture, styles, mask, self.max_megapixels)
        for picture in (loaded.picture, *(given.region for given in styles if given.region), *([mask] if mask else [])):
            _ = picture.ref  # computes the hashes
        metadata = kept_metadata(photo, self.options.strip_metadata)
        return RestyleRequest(loaded.picture, styles, mask, metadata, loaded.notes)

    def key_with(self, photo_hash: str) -> str:
        """Return a key for this recipe with a picture, which is stored in the file of the result."""
        return key_of(self.key, photo_hash)


def key_of(recipe: str, photo_hash: str) -> str:
    """Return a key for a recipe with a picture."""
    return hash_of_json([recipe, photo_hash])


def recipe_of(
    paintings: Sequence[Painting], settings: StyleSettings, options: RestyleOptions, weights: str, max_megapixels: float
) -> Recipe:
    """Read the paintings and hash all files. weights: name as in the protocol. Raises what reading a painting or the
    mask raises."""
    return recipes_of(paintings, [settings], options, weights, max_megapixels)[0]


def recipes_of(
    paintings: Sequence[Painting],
    each_settings: Sequence[StyleSettings],
    options: RestyleOptions,
    weights: str,
    max_megapixels: float,
) -> list[Recipe]:
    """Like recipe_of, one recipe for each settings; the files are read once."""
    from velatura_daemon.imaging.files.decode import reporting_read_errors

    pictures = read_style_pictures(paintings, max_megapixels, options.style_page, options.salvage)
    hashes: dict[Path | None, str] = {}
    for path in (options.mask, *(path for p in paintings for path in (p.path, p.region, p.part))):
        if path is not None and path not in hashes:
            with reporting_read_errors(path):
                hashes[path] = hash_of_file(path)
    recipes = []
    for settings in each_settings:
        ingredients = {
            "version": VERSION,
            "settings": settings.to_wire(),
            "size": options.size,
            "mask": hashes.get(options.mask),
            "weights": weights,
            "strip_metadata": options.strip_metadata,
            "pages": [options.page, options.style_page],
            "paintings": [[hashes[p.path], p.share, hashes.get(p.region), hashes.get(p.part)] for p in paintings],
        }
        key = hash_of_json(ingredients)
        recipes.append(Recipe(paintings, pictures, settings, options, weights, max_megapixels, key))
    return recipes
