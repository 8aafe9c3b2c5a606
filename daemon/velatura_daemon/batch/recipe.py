"""How every picture of a folder is to be restyled: paintings, knobs, size. The same recipe and picture make the same
result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.client.events import GivenStyle
from velatura.pixels import Picture
from velatura.settings import StyleSettings
from velatura_daemon.batch.file_hashes import hash_of, hash_of_file
from velatura_daemon.terminal.style_options import Painting, StylePictures, placed, style_pictures

if TYPE_CHECKING:  # numpy comes with it, which help pages do without
    from velatura_daemon.imaging.files import Loaded

VERSION = 1  # of what `key` is made of


@dataclass(frozen=True)
class Order:
    """What the daemon is to be asked for one picture. mask: what is to be restyled; None: all."""

    content: Picture
    styles: list[GivenStyle]
    mask: Picture | None


@dataclass(frozen=True)
class Recipe:
    """size: longest side, pixels; None: the picture's own. weights: as the wire names them. key: names all of it but
    the device, which changes a picture by rounding alone."""

    paintings: Sequence[Painting]
    pictures: StylePictures
    settings: StyleSettings
    size: int | None
    mask: Path | None
    weights: str
    device: str
    key: str

    def order(self, photo: Path) -> Order:
        """Everything read and hashed: seconds for a large picture. Raises what is wrong with a file."""
        from velatura_daemon.imaging.files import read_mask, read_picture

        loaded: Loaded = read_picture(photo, longest_side=self.size)
        styles = placed(self.paintings, self.pictures, loaded)
        mask = read_mask(self.mask, loaded) if self.mask else None
        for picture in (
            loaded.picture,
            *(part for style in styles for part in style.pictures),
            *([mask] if mask else []),
        ):
            _ = picture.ref
        return Order(loaded.picture, styles, mask)

    def key_with(self, photo_hash: str) -> str:
        """Names the recipe with a picture: what stands in the result's file."""
        return key_of(self.key, photo_hash)


def key_of(recipe: str, photo_hash: str) -> str:
    """Names a recipe with a picture."""
    return hash_of([recipe, photo_hash])


def recipe_of(
    paintings: Sequence[Painting],
    settings: StyleSettings,
    size: int | None,
    mask: Path | None,
    weights: str,
    device: str,
) -> Recipe:
    """Reads the paintings. Raises what is wrong with one, or with the mask's name."""
    from velatura_daemon.imaging.files.decode import readable

    pictures = style_pictures(paintings)
    contents: dict[Path | None, str] = {}
    for path in (mask, *(path for p in paintings for path in (p.path, p.region, p.part))):
        if path is not None and path not in contents:
            with readable(path):
                contents[path] = hash_of_file(path)
    said = {
        "version": VERSION,
        "settings": settings.to_wire(),
        "size": size,
        "mask": contents.get(mask),
        "weights": weights,
        "paintings": [[contents[p.path], p.share, contents.get(p.region), contents.get(p.part)] for p in paintings],
    }
    return Recipe(paintings, pictures, settings, size, mask, weights, device, hash_of(said))
