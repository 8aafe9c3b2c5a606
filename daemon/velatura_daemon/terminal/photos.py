"""Reading the photo of a restyle on the command line, and checking what is restyled before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.client.events import GivenStyle
from velatura.errors import NothingToRestyle
from velatura.i18n import lazy_text
from velatura.pixels import Picture
from velatura.settings import StyleSettings
from velatura_daemon.terminal.options import RestyleOptions

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import LoadedPicture, Metadata


def read_photo(
    path: Path, output: Path, settings: StyleSettings, options: RestyleOptions, max_megapixels: float
) -> LoadedPicture:
    """Read a photo. A grey one becomes RGB, so that its restyle has the painting's colours, unless the settings keep
    the photo's. output: a file name of the result's format. Raises what read_picture raises."""
    from velatura_daemon.imaging.files import in_colour, keeps_highlights, read_picture

    loaded = read_picture(
        path,
        longest_side=options.size,
        max_megapixels=max_megapixels,
        page=options.page,
        salvage=options.salvage,
        compress_highlights=not keeps_highlights(output),
        use="was restyled",  # not translated: read_picture has a sentence for it
    )
    return loaded if settings.keep_colours != "off" else replace(loaded, picture=in_colour(loaded.picture))


def check_restylable(
    photo: Path, content: Picture, styles: Sequence[GivenStyle], mask: Picture | None, max_megapixels: float
) -> None:
    """Raise what the daemon would refuse, with the names of the files: PictureTooLarge, NothingToRestyle. mask: GRAY,
    of the content's size."""
    from velatura_daemon.imaging.files import is_visible
    from velatura_daemon.jobs.validation import check_size

    regions = list({id(style.region): style.region for style in styles if style.region is not None}.values())
    check_size(content.ref, max_megapixels, len(regions))
    if not is_visible(content):
        raise NothingToRestyle(
            lazy_text("{file} is fully transparent. Use a picture with visible pixels.", file=photo.name)
        )
    masks = [mask] if mask is not None else []
    if not is_visible(content, *masks):
        raise NothingToRestyle(
            lazy_text("{file} is fully transparent where the mask is white. Use another mask.", file=photo.name)
        )
    everywhere = any(style.region is None for style in styles)
    if not everywhere and not any(is_visible(content, *masks, region) for region in regions):
        raise NothingToRestyle(
            lazy_text("The regions do not overlap the area to restyle. Paint them white where the picture is visible.")
        )


def kept_metadata(path: Path, strip: bool) -> Metadata | None:
    """Return the metadata of a photo that its result keeps, as `write_picture` takes it; None with strip."""
    from velatura_daemon.imaging.files import read_metadata

    return None if strip else read_metadata(path)
