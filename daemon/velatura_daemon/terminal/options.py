"""Command-line options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
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
    help="The painting.  Several are mixed by their shares. With --region, it is used for the rest of the photo.",
)
REGIONS = click.option(
    "--region",
    "regions",
    nargs=2,
    multiple=True,
    metavar="MASK PAINTING[:SHARE]",
    help="Use a painting only where MASK is white. MASK has the size of the photo.",
)
PARTS = click.option(
    "--part",
    "parts",
    nargs=2,
    multiple=True,
    metavar="PAINTING MASK",
    help="Use only the part of a painting where MASK is white. MASK has the size of the painting.",
)
SIZE = click.option(
    "--size", type=click.IntRange(2), metavar="PIXELS", help="Longest side. Default: that of the picture."
)
MASK = click.option(
    "--mask", type=click.Path(path_type=Path), help="Restyle only where this picture, of the photo's size, is white."
)
WEIGHTS = click.option("--weights", default="auto", metavar="auto|vgg19|imagenet|PATH", help="Weights of the network.")
DEVICE = click.option("--device", default="auto", metavar="auto|cpu|cuda|mps", help="Device to compute on.")
FORCE = click.option("--force", is_flag=True, help="Overwrite existing files.")
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print events as JSON, one per line; the last is the result."
)


@dataclass(frozen=True)
class RestyleOptions:
    """Options that the restyling commands share.

    size: longest side in pixels; None: that of the picture. mask: file that selects what to restyle; None: everything.
    weights: a known name, or the path of a file. force: overwrite existing files. as_json: print events as JSON lines.
    """

    size: int | None = None
    mask: Path | None = None
    weights: str = "auto"
    device: str = "auto"
    force: bool = False
    as_json: bool = False


def weights_name(value: str) -> str:
    """Return the name that the protocol uses for a value of --weights. A file is checked and imported first. Raises
    BadWeights."""
    if value in KNOWN_WEIGHTS or value.startswith("user-"):
        return value
    if not Path(value).is_file():
        raise BadWeights(
            f"{value!r} is neither a weights file nor the name of known weights ({', '.join(KNOWN_WEIGHTS)})."
        )
    from velatura_daemon.models.store import WeightStore

    return WeightStore(app_dirs()).import_file(Path(value))
