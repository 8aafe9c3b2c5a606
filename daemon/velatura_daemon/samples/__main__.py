"""`python -m velatura_daemon.samples NAME WIDTH HEIGHT FILE` writes a sample picture to a file."""

from __future__ import annotations

from pathlib import Path

import click
from PIL import Image

from velatura_daemon.samples import PAINTINGS, SCENES, draw


@click.command()
@click.argument("name", type=click.Choice([*SCENES, *PAINTINGS]))
@click.argument("width", type=click.IntRange(64, 2048))
@click.argument("height", type=click.IntRange(64, 2048))
@click.argument("file", type=click.Path(path_type=Path))
def save(name: str, width: int, height: int, file: Path) -> None:
    """Draw a sample and save it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw(name, width, height)).save(file)


if __name__ == "__main__":
    save()
