"""Command-line options that several commands take."""

from __future__ import annotations

from pathlib import Path

import click

from velatura.app_dirs import app_dirs
from velatura.errors import BadWeights

KNOWN_WEIGHTS = ("auto", "vgg19", "imagenet")

STYLES = click.option(
    "--style",
    "styles",
    multiple=True,
    metavar="PAINTING[:SHARE]",
    help="The painting; several are mixed by their shares. With regions: for wherever none is.",
)
REGIONS = click.option(
    "--region",
    "regions",
    nargs=2,
    multiple=True,
    metavar="MASK PAINTING[:SHARE]",
    help="A painting for a part of the photo: where MASK, a picture of the photo's size, is white.",
)
PARTS = click.option(
    "--part",
    "parts",
    nargs=2,
    multiple=True,
    metavar="PAINTING MASK",
    help="Look at a part of this painting only: where MASK, a picture of the painting's size, is white.",
)
SIZE = click.option(
    "--size", type=click.IntRange(2), metavar="PIXELS", help="Longest side; without it the picture's own."
)
MASK = click.option(
    "--mask", type=click.Path(path_type=Path), help="A picture of the photo's size: restyle where it is white."
)
WEIGHTS = click.option("--weights", default="auto", metavar="auto|vgg19|imagenet|PATH", help="The network's weights.")
DEVICE = click.option("--device", default="auto", metavar="auto|cpu|cuda|mps", help="Where to compute.")
FORCE = click.option("--force", is_flag=True, help="Write over a file that is there.")
JSON = click.option("--json", "as_json", is_flag=True, help="A JSON object a line: an event each, last the result.")


def weights_name(word: str) -> str:
    """The name that stands for --weights on the wire; a file is checked and imported first."""
    if word in KNOWN_WEIGHTS or word.startswith("user-"):
        return word
    if not Path(word).is_file():
        raise BadWeights(f"There is no weights file {word}, and no weights of that name: {', '.join(KNOWN_WEIGHTS)}.")
    from velatura_daemon.models.store import WeightStore

    return WeightStore(app_dirs()).import_file(Path(word))
