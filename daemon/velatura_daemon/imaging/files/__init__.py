"""Reading and writing picture files at their own bit depth. A file is read completely or not at all, and written
completely or not at all.

Importing this package loads NumPy only; Pillow, tifffile and imagecodecs are loaded when a file needs them.
"""

from velatura_daemon.imaging.files.display import to_display_rgb
from velatura_daemon.imaging.files.read import LoadedPicture, multiply_alpha, read_mask, read_picture
from velatura_daemon.imaging.files.write import check_output, read_description, write_picture

__all__ = [
    "LoadedPicture",
    "check_output",
    "multiply_alpha",
    "read_description",
    "read_mask",
    "read_picture",
    "to_display_rgb",
    "write_picture",
]
