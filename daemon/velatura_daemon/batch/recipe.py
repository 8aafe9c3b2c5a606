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
from velatura_daemon.terminal.style_options import Painting, StylePictures, read_style_pictures, with_regions

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import LoadedPicture

VERSION = 1  # of the data that `key` is a hash of


@dataclass(frozen=True)
class RestyleRequest:
    """The pictures of one restyle. mask: selects what to restyle; None: everything."""

    content: Picture
    styles: list[GivenStyle]
    mask: Picture | None


@dataclass(frozen=True)
class Recipe:
    """size: longest side in pixels; None: that of the picture. weights: name as in the protocol. key: a hash of
    everything except the device, which changes a picture only by rounding errors."""

    paintings: Sequence[Painting]
    pictures: StylePictures
    settings: StyleSettings
    size: int | None
    mask: Path | None
    weights: str
    device: str
    key: str

    def request_for(self, photo: Path) -> RestyleRequest:
        """Read the photo and its masks, and hash them; this takes seconds for a large picture. Raises what read_picture
        and read_mask raise."""
        from velatura_daemon.imaging.files import read_mask, read_picture

        loaded: LoadedPicture = read_picture(photo, longest_side=self.size)
        styles = with_regions(self.paintings, self.pictures, loaded)
        mask = read_mask(self.mask, loaded) if self.mask else None
        for picture in (
            loaded.picture,
            *(part for style in styles for part in style.pictures),
            *([mask] if mask else []),
        ):
            _ = picture.ref  # computes the hashes
        return RestyleRequest(loaded.picture, styles, mask)

    def key_with(self, photo_hash: str) -> str:
        """Return a key for this recipe with a picture, which is stored in the file of the result."""
        return key_of(self.key, photo_hash)


def key_of(recipe: str, photo_hash: str) -> str:
    """Return a key for a recipe with a picture."""
    return hash_of_json([recipe, photo_hash])


def recipe_of(
    paintings: Sequence[Painting],
    settings: StyleSettings,
    size: int | None,
    mask: Path | None,
    weights: str,
    device: str,
) -> Recipe:
    """Read the paintings and hash all files. Raises what reading a painting or the mask raises."""
    from velatura_daemon.imaging.files.decode import reporting_read_errors

    pictures = read_style_pictures(paintings)
    hashes: dict[Path | None, str] = {}
    for path in (mask, *(path for p in paintings for path in (p.path, p.region, p.part))):
        if path is not None and path not in hashes:
            with reporting_read_errors(path):
                hashes[path] = hash_of_file(path)
    ingredients = {
        "version": VERSION,
        "settings": settings.to_wire(),
        "size": size,
        "mask": hashes.get(mask),
        "weights": weights,
        "paintings": [[hashes[p.path], p.share, hashes.get(p.region), hashes.get(p.part)] for p in paintings],
    }
    return Recipe(paintings, pictures, settings, size, mask, weights, device, hash_of_json(ingredients))
