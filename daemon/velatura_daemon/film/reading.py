"""A decoded frame as the photo of a restyle."""

from __future__ import annotations

from velatura_daemon.film.sources import Reading
from velatura_daemon.imaging.files import LoadedPicture, in_colour
from velatura_daemon.imaging.files.raster import Raster, to_picture
from velatura_daemon.imaging.files.resize import fitted_size, resized


def loaded(raster: Raster, reading: Reading) -> LoadedPicture:
    """Scale a frame as --size asks for. A grey one becomes RGB, unless the settings keep its colours."""
    height, width = raster.pixels.shape[:2]
    pixels = resized(raster.pixels, *fitted_size(width, height, reading.options.size))
    picture = to_picture(Raster(pixels, raster.curve, raster.profile))
    if reading.settings.keep_colours == "off":
        picture = in_colour(picture)
    return LoadedPicture(picture, width, height, raster.notes)
