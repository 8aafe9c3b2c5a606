"""Command-line options that several commands share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from velatura.app_dirs import app_dirs
from velatura.errors import BadWeights
from velatura.i18n import _, lazy_text
from velatura_daemon.user_paths import is_file


class UserPath(click.Path):
    """A path that was typed. An empty one is a mistake, as of a shell's variable without a value, and not the current
    folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if not os.fspath(value):
            # Translators: stands after the name of an option and a colon. “it”: what was typed for this option.
            self.fail(_("it is empty. Give the name of a file or folder; the current folder is '.'."), param, ctx)
        return Path(str(super().convert(value, param, ctx)))


KNOWN_WEIGHTS = ("auto", "vgg19", "imagenet")
FORMATS = ("png", "jpeg", "tiff", "webp")

STYLES = click.option(
    "--style",
    "styles",
    multiple=True,
    # Translators: capital words stand for what is typed. Translate them the same in all texts.
    metavar=_("PAINTING[:SHARE]"),
    help=_("The painting. Several are mixed by their shares. With --region, it is used for the rest of the photo."),
)
REGIONS = click.option(
    "--region",
    "regions",
    nargs=2,
    multiple=True,
    metavar=_("MASK PAINTING[:SHARE]"),
    help=_("Use a painting only where MASK is white. MASK has the size of the photo."),
)
PARTS = click.option(
    "--part",
    "parts",
    nargs=2,
    multiple=True,
    metavar=_("PAINTING MASK"),
    help=_("Use only the part of a painting where MASK is white. MASK has the size of the painting."),
)
SIZE = click.option(
    "--size", type=click.IntRange(2), metavar=_("PIXELS"), help=_("Longest side. Default: that of the picture.")
)
MASK = click.option(
    "--mask", type=UserPath(), help=_("Restyle only where this mask is white. The mask has the size of the photo.")
)
PAGE = click.option(
    "--page",
    type=int,
    # Translators: a number to be typed.
    metavar=_("N"),
    help=_("Frame of an animation or page of a file to restyle, from 1. Default: the first."),
)
STYLE_PAGE = click.option(
    "--style-page", type=int, metavar=_("N"), help=_("The same for the files of the paintings. Default: the first.")
)
SALVAGE = click.option("--salvage", is_flag=True, help=_("Read the intact part of truncated pictures."))
WEIGHTS = click.option(
    # Translators: only PATH stands for what is typed; the other words are typed as they are.
    "--weights",
    default="auto",
    metavar=_("auto|vgg19|imagenet|PATH"),
    help=_("Weights of the network."),
)
DEVICE = click.option("--device", default="auto", metavar="auto|cpu|cuda|xpu|mps", help=_("Device to compute on."))
FORCE = click.option("--force", is_flag=True, help=_("Overwrite existing files."))
STRIP_METADATA = click.option(
    "--strip-metadata",
    is_flag=True,
    help=_(
        "Write no metadata: neither the photo's (resolution, dates, artist, copyright, camera) nor how the result was "
        "made."
    ),
)
FORMAT = click.option(
    "--format",
    type=click.Choice(FORMATS),
    help=_("File format of the result. Default: by its name; PNG for standard output."),
)
JSON = click.option(
    "--json", "as_json", is_flag=True, help=_("Print events as JSON, one per line; the last is the result.")
)


@dataclass(frozen=True)
class RestyleOptions:
    """Options that the restyling commands share.

    size: longest side in pixels; None: that of the picture. mask: file that selects what to restyle; None: everything.
    weights: a known name, or the path of a file. force: overwrite existing files. as_json: print events as JSON lines.
    strip_metadata: write no metadata. format: of the result, one of FORMATS; None: by its name, and PNG for standard
    output.
    page, style_page: of files with several pages, from 1; None: the first. salvage: read truncated files.
    """

    size: int | None = None
    mask: Path | None = None
    weights: str = "auto"
    device: str = "auto"
    force: bool = False
    as_json: bool = False
    strip_metadata: bool = False
    format: str | None = None
    page: int | None = None
    style_page: int | None = None
    salvage: bool = False


def weights_name(value: str) -> str:
    """Return the name that the protocol uses for a value of --weights. A file is checked and imported first. Raises
    BadWeights."""
    if value in KNOWN_WEIGHTS or value.startswith("user-"):
        return value
    if not is_file(Path(value)):
        raise BadWeights(
            lazy_text(
                "{typed} is neither a weights file nor the name of known weights ({names}).",
                typed=repr(value),
                names=", ".join(KNOWN_WEIGHTS),
            )
        )
    from velatura_daemon.models.store import WeightStore

    return WeightStore(app_dirs()).import_file(Path(value))
