"""The pictures of a job as tensors: the layer with its selection, and the styles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from velatura.errors import BadMask, NothingToRestyle, WrongHash
from velatura.pixels import Picture
from velatura_daemon.engine.colour import luminance, restore_colours
from velatura_daemon.engine.geometry import Box, box_around
from velatura_daemon.engine.inputs import working_image
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.upsampling import full_size
from velatura_daemon.imaging import colour_io
from velatura_daemon.jobs.spec import JobSpec, PictureFile, StartingImage, StyleInput
from velatura_daemon.storage.atomic import file_hash


class Layer:
    """What is restyled: the content, the box around the selection, and the weight of each place inside it."""

    def __init__(self, spec: JobSpec, device: torch.device) -> None:
        """Raises NothingToRestyle, BadMask, and what is wrong with the pictures."""
        self._settings = spec.settings
        self.content_ref = spec.content.picture
        self.content = picture_in(spec.content)
        image, alpha = colour_io.decode(self.content)  # (3, H, W), (H, W)
        self.mask = _mask(spec.mask, self.content)  # (H, W)
        weight = alpha * self.mask if spec.mask is not None else alpha
        if float(weight.max()) <= 0:
            what = "selection" if float(self.mask.max()) <= 0 else "layer, where it is selected,"
            raise NothingToRestyle(
                f"The {what} is empty: there is no visible pixel in it. Select something that can be seen."
            )
        self.alpha = alpha
        # The box goes around what is selected, visible or not: transparent pixels are no context. A seamless layer is
        # restyled whole, since its edges meet.
        whole = Box(0, 0, self.content.width, self.content.height)
        partly = float(self.mask.min()) < 1 and not spec.settings.seamless
        self.box = (box_around(self.mask) or whole) if partly else whole
        self.image = self.box.crop(image).to(device)  # (3, h, w)
        self.weight = self.box.crop(weight).to(device)  # (h, w)
        # The whole reference, not the blob alone: the same bytes are other colours in another format or profile.
        key = (self.content_ref, spec.mask.picture if spec.mask is not None else None, self.box)
        self.source = Source(self.image, self.weight, self.box.crop(alpha).to(device), key, max(image.shape[1:]))
        self.left, self.top = self.box.left, self.box.top
        self.covered: Tensor | None = None  # (h, w), where any style applies; None: everywhere

    @property
    def working_image(self) -> Tensor:
        """(3, h, w): the content as it is restyled, whose colours may be kept."""
        return working_image(self.image, self._settings)

    def finished(self, image: Tensor | None) -> Picture:
        """The result: the box, or with `composite` the whole layer with the box blended in.

        image: (3, h, w); None for strength 0, which returns the content bit for bit.
        """
        box = self.box
        part = colour_io.crop(self.content, box.left, box.top, box.width, box.height)
        untouched = self.box.crop(self.alpha) <= 0
        if image is not None:
            image = full_size(image, self.source, self._settings).clamp(0, 1).to(self.image.device)
            image = restore_colours(image, self.working_image, self._settings.keep_colours)
        if image is not None and self.covered is not None:  # soft edges of regions blend, like a selection's
            image = self.image + self.covered * (image - self.image)
            untouched = untouched | (self.covered.cpu() <= 0)
        if not self._settings.composite:
            if image is None:
                return part
            return colour_io.keep_bytes_where(untouched, part, colour_io.encode(image, part))
        self.left = self.top = 0
        if image is None:
            return self.content
        mask = self.box.crop(self.mask).to(self.image)
        blended = self.image + mask * (image.clamp(0, 1) - self.image)
        untouched = (mask.cpu() <= 0) | untouched
        done = colour_io.keep_bytes_where(untouched, part, colour_io.encode(blended, part))
        return colour_io.paste(done, self.content, box.left, box.top)


def style_source(style: StyleInput, layer: Layer, device: torch.device) -> Source:
    """A style picture. For a grey layer it is made grey, so that what is optimised is what will be seen. Raises
    NothingToRestyle."""
    grey = layer.content.format.is_grey
    image, alpha = colour_io.decode(picture_in(style.picture))
    if float(alpha.max()) <= 0:
        raise NothingToRestyle("The style picture is fully transparent. Choose one that can be seen.")
    if grey:
        image = luminance(image).expand(3, -1, -1).contiguous()
    image, alpha = image.to(device), alpha.to(device)
    key = (style.picture.picture, grey)
    region, region_key = None, None
    if style.region is not None:
        region = layer.box.crop(colour_io.mask_values(picture_in(style.region))).to(device)
        region_key = style.region.picture
    return Source(image, alpha, alpha, key, max(image.shape[1:]), style.share, region, region_key)


def picture_in(item: PictureFile) -> Picture:
    """A picture whose bytes are mapped, not read."""
    ref = item.picture
    data = np.memmap(item.file, np.uint8, mode="r")
    profile = item.profile_path.read_bytes() if item.profile_path is not None else b""
    return Picture(ref.width, ref.height, replace(ref.format, profile=profile), data.data.cast("B"))


def check_inputs(spec: JobSpec) -> None:
    """After a crash of the machine a file's contents may have changed. Raises WrongHash."""
    for item in spec.inputs:
        if file_hash(item.file) != item.picture.blob:
            raise WrongHash("A picture of this restyle was damaged when the machine stopped. Restyle again.")


def starting_image(start: StartingImage | None, device: torch.device) -> Tensor | None:
    """(3, h, w). None if there is none, if it was deleted to make room, or if it is damaged."""
    if start is None or start.path is None:
        return None
    try:
        values = np.load(start.path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if values.dtype != np.float32 or values.ndim != 3 or values.shape[0] != 3:
        return None
    return torch.from_numpy(values).to(device)


def _mask(item: PictureFile | None, content: Picture) -> Tensor:
    """(H, W), 0 to 1. Raises BadMask."""
    if item is None:
        return torch.ones(1).expand(content.height, content.width)
    mask = picture_in(item)
    if (mask.width, mask.height) != (content.width, content.height):
        raise BadMask(
            f"The mask is {mask.width} × {mask.height} pixels and the picture {content.width} × {content.height}. "
            "Give a mask of the picture's size."
        )
    return colour_io.mask_values(mask)
