"""A picture in memory, as notebooks and scripts use it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from velatura import pixels
from velatura.errors import BadPixels
from velatura.i18n import lazy_text
from velatura_daemon.imaging import colour_io
from velatura_daemon.imaging.files import in_colour, read_picture, to_display_rgb, write_picture

Array = np.ndarray[Any, Any]

CHANNELS = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}
SAMPLES = {"uint8": "u8", "uint16": "u16", "float16": "f16", "float32": "f32", "float64": "f32"}
NOTEBOOK_SIDE = 1024  # pixels: the longest side of a picture that a notebook shows


@dataclass(frozen=True, repr=False)
class Picture:
    """A picture in memory, at its own depth, with its transparency and colour profile.

    A notebook shows it if it is the last value of a cell. It cannot be changed: `to_array` returns a copy.

    Attributes:
        pixels: The same picture as `velatura.client` takes and returns it.
    """

    pixels: pixels.Picture

    @classmethod
    def open(cls, path: str | Path, longest_side: int | None = None, page: int | None = None) -> Picture:
        """Reads a file: PNG, JPEG, TIFF, WebP and others (docs/formats.md).

        A grey picture becomes RGB, so that its restyle has the colours of the style.

        Args:
            path: The file.
            longest_side: Scales the picture so that its longest side has this many pixels; None keeps its size.
            page: Which picture of an animation or of a file with several, from 1.

        Returns:
            The picture, in the depth of the file.

        Raises:
            VelaturaError: The file cannot be read; the message says why.
        """
        return cls(in_colour(read_picture(Path(path), longest_side=longest_side, page=page).picture))

    @classmethod
    def from_array(cls, array: Array) -> Picture:
        """Makes a picture from an array.

        Args:
            array: (height, width, 3), RGB, sRGB-encoded: uint8, uint16, or float in 0..1. Grey pictures are
                (height, width) or (height, width, 1); one channel more is the alpha. float64 becomes float32.

        Returns:
            A picture with a copy of the samples.

        Raises:
            BadPixels: The array has another shape or type.
        """
        array = array[..., None] if array.ndim == 2 else array
        if array.ndim != 3 or not array.size or array.shape[2] not in CHANNELS or array.dtype.name not in SAMPLES:
            raise BadPixels(
                lazy_text(
                    "An array of {type} {shape} is not a picture. Give uint8, uint16 or float values of shape (height, "
                    "width, 3).",
                    type=array.dtype.name,
                    shape=str(array.shape),
                )
            )
        sample = SAMPLES[array.dtype.name]
        data = np.array(array, colour_io.DTYPES[sample], order="C")
        fmt = pixels.PixelFormat(CHANNELS[array.shape[2]], sample)
        return cls(pixels.Picture(array.shape[1], array.shape[0], fmt, data.data.cast("B")))

    @property
    def width(self) -> int:
        """The width in pixels."""
        return self.pixels.width

    @property
    def height(self) -> int:
        """The height in pixels."""
        return self.pixels.height

    def to_array(self) -> Array:
        """Returns a copy of the samples.

        Returns:
            (height, width, channels), at the picture's own depth (uint8, uint16, float16 or float32).
        """
        fmt = self.pixels.format
        shape = self.height, self.width, pixels.CHANNELS[fmt.channels]
        samples: Array = np.frombuffer(self.pixels.data, colour_io.DTYPES[fmt.sample]).reshape(shape)
        copy: Array = samples.copy()
        return copy

    def save(self, path: str | Path) -> list[str]:
        """Writes a file in the format of its ending: .png, .tif, .jpg or .webp. An existing file is replaced.

        Args:
            path: The file.

        Returns:
            A sentence for each thing that the format cannot hold, such as 16 bits in a JPEG.

        Raises:
            VelaturaError: The file cannot be written; the message says why.
        """
        return write_picture(Path(path), self.pixels, description="", force=True)

    def __repr__(self) -> str:
        fmt = self.pixels.format
        profile = ", with a profile" if fmt.profile else ""  # not translated: for programmers
        return f"<Picture {self.width} × {self.height}, {fmt.channels} {fmt.sample}{profile}>"  # not translated: a name

    def _repr_png_(self) -> bytes:
        """The picture as a notebook shows it: in sRGB, over white, at most NOTEBOOK_SIDE pixels a side."""
        from PIL import Image  # not needed otherwise

        shown = to_display_rgb(self.pixels)
        image = Image.frombuffer("RGB", (shown.width, shown.height), bytes(shown.data))
        image.thumbnail((NOTEBOOK_SIDE, NOTEBOOK_SIDE), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        image.save(file, "PNG")
        return file.getvalue()
