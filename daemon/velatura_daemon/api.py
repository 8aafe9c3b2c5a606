"""Velatura in notebooks and scripts: pictures from files or arrays, a network, and `stylise`, without a daemon.

for progress in stylise(Picture.open("photo.jpg"), [Picture.open("painting.jpg")], StyleSettings(), load_network()):
    print(f"{progress.done:.0%}")
progress.picture.save("restyled.png")
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from velatura import pixels
from velatura.errors import BadPixels, NothingToRestyle
from velatura.settings import StyleSettings
from velatura_daemon.engine import stylise as engine
from velatura_daemon.engine.colour import luminance, restore_colours
from velatura_daemon.engine.inputs import working_image
from velatura_daemon.engine.losses.objective import Losses
from velatura_daemon.engine.network import Network
from velatura_daemon.engine.precision import fastest_on
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.upsampling import full_size
from velatura_daemon.imaging import colour_io
from velatura_daemon.imaging.files import read_picture, write_picture
from velatura_daemon.models import load
from velatura_daemon.models.store import DEFAULT, Weights
from velatura_daemon.worker.devices import budget_on, choose_device

__all__ = ["Picture", "Progress", "StyleSettings", "load_network", "stylise"]

Array = np.ndarray[Any, Any]

CHANNELS = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}
SAMPLES = {"uint8": "u8", "uint16": "u16", "float16": "f16", "float32": "f32", "float64": "f32"}


@dataclass(frozen=True)
class Picture:
    """A picture in memory, at its own depth, with its transparency and colour profile."""

    pixels: pixels.Picture

    @classmethod
    def open(cls, path: str | Path, longest_side: int | None = None) -> Picture:
        """Reads a file: PNG, JPEG, TIFF, WebP and others. longest_side: scales the picture to that many pixels. Raises
        a VelaturaError if the file cannot be read."""
        return cls(read_picture(Path(path), longest_side=longest_side).picture)

    @classmethod
    def from_array(cls, array: Array) -> Picture:
        """From an array (H, W, 3) in RGB order, sRGB-encoded: uint8, uint16, or float in 0..1. Also (H, W) and
        (H, W, 1) for grey, and one channel more for alpha. Raises BadPixels for other shapes and types."""
        array = array[..., None] if array.ndim == 2 else array
        if array.ndim != 3 or array.shape[2] not in CHANNELS or array.dtype.name not in SAMPLES:
            raise BadPixels(
                f"An array of {array.dtype.name} {array.shape} is not a picture. "
                "Give uint8, uint16 or float values of shape (height, width, 3)."
            )
        sample = SAMPLES[array.dtype.name]
        data = np.ascontiguousarray(array, colour_io.DTYPES[sample])
        fmt = pixels.PixelFormat(CHANNELS[array.shape[2]], sample)
        return cls(pixels.Picture(array.shape[1], array.shape[0], fmt, data.data.cast("B")))

    def to_array(self) -> Array:
        """A copy of the samples, (H, W, C), at the picture's own depth."""
        fmt = self.pixels.format
        shape = self.pixels.height, self.pixels.width, pixels.CHANNELS[fmt.channels]
        samples: Array = np.frombuffer(self.pixels.data, colour_io.DTYPES[fmt.sample]).reshape(shape)
        copy: Array = samples.copy()
        return copy

    def save(self, path: str | Path) -> list[str]:
        """Writes a file in the format of its ending: .png, .tif, .jpg or .webp. An existing file is replaced. Returns a
        sentence for each thing that the format cannot hold, such as 16 bits in a JPEG."""
        return write_picture(Path(path), self.pixels, description="", force=True)


@dataclass(frozen=True)
class Progress:
    """The state after a step: step of `steps` at scale `level` of `levels` (all from 0), the losses, and the share of
    the whole work that is done, 0 to 1."""

    level: int
    levels: int
    step: int
    steps: int
    losses: Losses
    done: float
    image: Tensor  # (3, h, w), at the scale's size; changed in place by the next step
    canvas: _Canvas

    @property
    def picture(self) -> Picture:
        """The result so far, at the content's size and in its format. Computed from the current image on each access;
        of the last Progress it is the finished result."""
        return self.canvas.finished(self.image)


def load_network(weights: str | Path | None = None, device: str = "auto") -> Network:
    """A network that is ready for `stylise`, in the fastest precision of its device.

    weights: a .pth or .safetensors file of VGG19; None for the original one. device: auto, cpu, cuda, cuda:1 or mps.
    Raises BadWeights and DeviceUnavailable.
    """
    chosen = DEFAULT if weights is None else Weights(str(weights), Path(weights).name, Path(weights))
    network, _ = load.load_network(chosen)
    where = choose_device(device)
    return network.to(where).use_precision(fastest_on(where))


def stylise(
    content: Picture, styles: Sequence[Picture], settings: StyleSettings, network: Network
) -> Generator[Progress, None, None]:
    """Restyles the content, yielding after each step; the last Progress has the result. To stop early, leave the loop.

    styles: mixed in equal parts. Pictures that do not fit into memory are processed in tiles, with the same result.
    Raises NothingToRestyle if a picture is fully transparent.
    """
    canvas = _Canvas(content, settings, network)
    sources = [canvas.style_source(style) for style in styles]
    resources = engine.Resources(budget=budget_on(network.device, 0))
    for p in engine.stylise(canvas.source, sources, settings, network, resources=resources):
        yield Progress(p.level, p.levels, p.step, p.scale.steps, p.losses, p.done, p.image, canvas)


class _Canvas:
    """The content of one restyle, between pictures and the engine's tensors."""

    def __init__(self, content: Picture, settings: StyleSettings, network: Network) -> None:
        self._content, self._settings, self._network = content.pixels, settings, network
        self.source = self._source(content, grey=False)

    def style_source(self, style: Picture) -> Source:
        """For a grey content the style is grey too, so that what is optimised is what will be seen."""
        return self._source(style, grey=self._content.format.is_grey)

    def finished(self, image: Tensor) -> Picture:
        """image: (3, h, w), at any scale's size. Hidden pixels keep the content's samples."""
        if self._settings.strength == 0 and not self._settings.strength_is_locked:
            return Picture(self._content)
        source, settings = self.source, self._settings
        image = full_size(image, source, settings).clamp(0, 1).to(source.image.device)
        image = restore_colours(image, working_image(source.image, settings), settings.keep_colours)
        encoded = colour_io.encode(image, self._content)
        return Picture(colour_io.keep_bytes_where(source.visible <= 0, self._content, encoded))

    def _source(self, picture: Picture, grey: bool) -> Source:
        image, alpha = (tensor.to(self._network.device) for tensor in colour_io.decode(picture.pixels))
        if float(alpha.max()) <= 0:
            raise NothingToRestyle("The picture is fully transparent. Give one with visible pixels.")
        if grey:
            image = luminance(image).expand(3, -1, -1).contiguous()
        return Source(image, alpha, alpha, (picture.pixels.ref, grey), max(image.shape[1:]))
