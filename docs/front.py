"""Composes the README's first picture: a scene above a painting, and beside them the one in the style of the other.

`make figure` calls it: python docs/front.py SCENE PAINTING RESULT OUT
"""

from __future__ import annotations

from pathlib import Path

import click
from PIL import Image

SMALL = (372, 279)  # pixels
GAP = 8
LARGE_HEIGHT = 2 * SMALL[1] + GAP
LARGE = (LARGE_HEIGHT * 4 // 3, LARGE_HEIGHT)


@click.command(help=__doc__)
@click.argument("files", nargs=3, type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(files: tuple[Path, Path, Path], out: Path) -> None:
    corners = ((0, 0), (0, SMALL[1] + GAP), (SMALL[0] + GAP, 0))
    front = Image.new("RGB", (SMALL[0] + GAP + LARGE[0], LARGE_HEIGHT), "white")
    for file, corner, size in zip(files, corners, (SMALL, SMALL, LARGE), strict=True):
        with Image.open(file) as image:
            front.paste(image.convert("RGB").resize(size, Image.Resampling.LANCZOS), corner)
    front.save(out, quality=85)


if __name__ == "__main__":
    main()
