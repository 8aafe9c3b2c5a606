"""Reading and writing picture files at their own bit depth. A file is read completely or not at all, and written
completely or not at all.

Importing this package loads NumPy only; Pillow, tifffile and imagecodecs are loaded when a file needs them.
"""

from velatura_daemon.imaging.files.display import to_display_rgb
from velatura_daemon.imaging.files.grey import in_colour
from velatura_daemon.imaging.files.highlights import compress_highlights, has_highlights
from velatura_daemon.imaging.files.metadata import Metadata, read_description, read_metadata
from velatura_daemon.imaging.files.read import LoadedPicture, is_visible, multiply_alpha, read_mask, read_picture
from velatura_daemon.imaging.files.write import check_output, keeps_highlights, write_picture

__all__ = [  # not translated: names
    "LoadedPicture",
    "Metadata",
    "check_output",
    "compress_highlights",
    "has_highlights",
    "in_colour",
    "is_visible",
    "keeps_highlights",
    "multiply_alpha",
    "read_description",
    "read_mask",
    "read_metadata",
    "read_picture",
    "to_display_rgb",
    "write_picture",
]
