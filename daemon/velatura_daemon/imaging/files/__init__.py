"""Picture files: read whole or not at all, written whole or not at all, at the depth they have.

Importing this costs numpy; Pillow, tifffile and imagecodecs load when a file of theirs is met.
"""

from velatura_daemon.imaging.files.read import Loaded, read_mask, read_picture, seen_through
from velatura_daemon.imaging.files.screen import as_on_screen
from velatura_daemon.imaging.files.write import check_output, read_description, write_picture

__all__ = [
    "Loaded",
    "as_on_screen",
    "check_output",
    "read_description",
    "read_mask",
    "read_picture",
    "seen_through",
    "write_picture",
]
