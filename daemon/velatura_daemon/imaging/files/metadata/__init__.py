"""The metadata of a photo that its result keeps: resolution, description, artist, copyright, camera and dates.

All else is left out: where the photo was taken, serial numbers, thumbnails, notes of the camera's maker. The
orientation is that of the pixels, which are upright.
"""

from velatura_daemon.imaging.files.metadata.model import Metadata
from velatura_daemon.imaging.files.metadata.read import read_description, read_metadata

__all__ = ["Metadata", "read_description", "read_metadata"]  # not translated: names
