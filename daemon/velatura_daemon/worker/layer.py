"""The pictures of a job as tensors: the layer with its selection, and the styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from velatura.errors import BadMask, NothingToRestyle, WrongHash
from velatura.i18n import lazy_text
from velatura.pixels import Picture, PictureRef
from velatura.settings import StyleSettings
from velatura_daemon.engine.colour import luminance, restore_colours
from velatura_daemon.engine.geometry import Box, box_around
from velatura_daemon.engine.inputs import working_image
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.stages import seen_in
from velatura_daemon.engine.stylise import Progress
from velatura_daemon.engine.upsampling import detail_share, full_size, upsample
from velatura_daemon.imaging import colour_io
from velatura_daemon.jobs.spec import JobSpec, PictureFile, StartingImage, StyleInput
from velatura_daemon.storage.atomic import file_hash


class Layer:
    """What is restyled: the content, the box around the selection, and the weight of each place inside it."""

    def __init__(
        self,
        content: Picture,
        settings: StyleSettings,
        device: torch.device,
        mask: Picture | None = None,
        view: Box | None = None,
        refs: tuple[PictureRef, PictureRef | None] | None = None,
    ) -> None:
        """refs: those of the content and the mask, if they are known, so that nothing is hashed. Raises
        NothingToRestyle, BadMask, and what is wrong with the pictures."""
        self._settings, self._composite = settings, settings.composite
        # The whole references, not the blobs alone: the same bytes are other colours in another format or profile.
        self.content_ref, self._mask_ref = refs or (content.ref, mask.ref if mask is not None else None)
        self.content = content
        image, alpha = colour_io.decode(self.content)  # (3, H, W), (H, W)
        self.mask = mask_values(mask, content) if mask is not None else torch.ones(1).expand(alpha.shape)  # (H, W)
        weight = alpha * self.mask if mask is not None else alpha
        if float(weight.max()) <= 0:
            raise NothingToRestyle(
                lazy_text("The part to restyle is empty. Choose a part with visible pixels.")
                if float(self.mask.max()) <= 0
                else lazy_text(
                    "The picture is fully transparent where it is to be restyled. Choose a part with visible pixels."
                )
            )
        self.alpha = alpha
        # The box goes around what is selected, visible or not: transparent pixels are no context. A seamless layer is
        # restyled whole, since its edges meet.
        whole = Box(0, 0, self.content.width, self.content.height)
        partly = float(self.mask.min()) < 1 and not settings.seamless
        self.box = (box_around(self.mask) or whole) if partly else whole
        self.view = view
        # What of the box is part of the result, in the content's pixels.
        self.area = self.box if self.view is None else self.box.intersection(self.view)
        self.image = self.box.crop(image).to(device)  # (3, h, w)
        self._view_image = self.view.crop(image).to(device) if self.view is not None else None
        self.weight = self.box.crop(weight).to(device)  # (h, w)
        key = self.key_of(self.content_ref)
        self.source = Source(self.image, self.weight, self.box.crop(alpha).to(device), key, max(image.shape[1:]))
        self.left, self.top = self._result_box.left, self._result_box.top
        self.covered: Tensor | None = None  # (h, w), where any style applies; None: everywhere

    @classmethod
    def of_job(cls, spec: JobSpec, device: torch.device) -> Layer:
        """Raises NothingToRestyle, BadMask, and what is wrong with the pictures."""
        mask, view = spec.mask, spec.view
        return cls(
            picture_in(spec.content),
            spec.settings,
            device,
            picture_in(mask) if mask is not None else None,
            Box(view.left, view.top, view.width, view.height) if view is not None else None,
            (spec.content.picture, mask.picture if mask is not None else None),
        )

    def key_of(self, content: PictureRef) -> tuple[object, ...]:
        """The source's key if this were its content."""
        return content, self._mask_ref, self.box

    @property
    def engine_view(self) -> Box | None:
        """The part to restyle alone, in the source's pixels. None for all of it."""
        return self.area.relative_to(self.box) if self.view is not None and self.area is not None else None

    @property
    def preview_content(self) -> Tensor:
        """(3, h, w): the content of what previews show, which is the view or else the box."""
        return self.working_image if self._view_image is None else self._view_image

    def seen(self, progress: Progress) -> Tensor:
        """What of an image belongs to the result: (3, h, w), at its own resolution."""
        view = self.engine_view
        if view is None or progress.stage is None:
            return progress.image
        return seen_in(progress.image, progress.stage, view, self.source.size)

    def previewed(self, progress: Progress) -> Tensor:
        """An image as previews show it: (3, h, w), of what `preview_content` is of."""
        image, content, area = self.seen(progress), self._view_image, self.area
        if content is None or area is None or area == self.view:
            return image
        assert self.view is not None
        inside, whole = area.relative_to(self.view), content.clone()
        part = inside.crop(whole)
        detail = detail_share(self._settings) if image.shape != part.shape else 0.0
        part.copy_(upsample(image.clamp(0, 1), part, detail))
        return whole

    @property
    def _result_box(self) -> Box:
        return self.view or (Box(0, 0, self.content.width, self.content.height) if self._composite else self.box)

    @property
    def working_image(self) -> Tensor:
        """(3, h, w): the content as it is restyled, whose colours may be kept."""
        return working_image(self.image, self._settings)

    def finished(self, image: Tensor | None) -> Picture:
        """The result: the view if there is one, otherwise the box, or with `composite` the whole layer. With
        `composite` the box is blended in.

        image: (3, h, w), of the box, or of the part of it that is in view; None for strength 0 or a view outside the
        box, which return the content bit for bit.
        """
        result, area = self._result_box, self.area
        whole = self.content
        if result != Box(0, 0, whole.width, whole.height):
            whole = colour_io.crop(whole, result.left, result.top, result.width, result.height)
        if image is None or area is None:
            return whole
        here = area.relative_to(self.box)
        untouched = area.crop(self.alpha) <= 0
        content, working = here.crop(self.image), here.crop(self.working_image)
        if self.view is None:
            image = full_size(image, self.source, self._settings)
        image = restore_colours(image.clamp(0, 1).to(content.device), working, self._settings.keep_colours)
        if self.covered is not None:  # soft edges of regions blend, like a selection's
            covered = here.crop(self.covered)
            image = content + covered * (image - content)
            untouched = untouched | (covered.cpu() <= 0)
        if self._composite:
            mask = area.crop(self.mask).to(content)
            image = content + mask * (image.clamp(0, 1) - content)
            untouched = (mask.cpu() <= 0) | untouched
        inside = area.relative_to(result)
        part = colour_io.crop(whole, inside.left, inside.top, inside.width, inside.height)
        done = colour_io.keep_bytes_where(untouched, part, colour_io.encode(image, part))
        return done if area == result else colour_io.paste(done, whole, inside.left, inside.top)


def style_sources(styles: Sequence[StyleInput], layer: Layer, device: torch.device) -> list[Source]:
    """The styles. A picture that several of them name is decoded once, and so is a region. Raises NothingToRestyle."""
    pictures = {style.picture.picture: style.picture for style in styles}
    regions = {style.region.picture: style.region for style in styles if style.region is not None}
    images = {ref: style_image(picture_in(item), layer, device) for ref, item in pictures.items()}
    places = {ref: region_weight(picture_in(item), layer, device) for ref, item in regions.items()}
    sources = []
    for style in styles:
        image, alpha = images[style.picture.picture]
        key = (style.picture.picture, layer.content.format.is_grey)
        region_key = style.region.picture if style.region is not None else None
        region = places[region_key] if region_key is not None else None
        sources.append(Source(image, alpha, alpha, key, max(image.shape[1:]), style.share, region, region_key))
    return sources


def style_image(picture: Picture, layer: Layer, device: torch.device) -> tuple[Tensor, Tensor]:
    """A style picture's colours (3, H, W) and alpha (H, W). For a grey layer it is made grey, so that what is optimised
    is what will be seen. Raises NothingToRestyle."""
    image, alpha = colour_io.decode(picture)
    if float(alpha.max()) <= 0:
        raise NothingToRestyle(lazy_text("The style picture is fully transparent. Choose one with visible pixels."))
    if layer.content.format.is_grey:
        image = luminance(image).expand(3, -1, -1).contiguous()
    return image.to(device), alpha.to(device)


def region_weight(region: Picture, layer: Layer, device: torch.device) -> Tensor:
    """Where a style applies, (h, w) of the layer's box, 0 to 1. region: of the layer's size. Raises BadMask."""
    values = layer.box.crop(mask_values(region, layer.content))
    return values.to(device, copy=True)  # of a part of the layer alone


def picture_in(item: PictureFile) -> Picture:
    """A picture whose bytes are mapped, not read."""
    ref = item.picture
    data = np.memmap(item.file, np.uint8, mode="r")
    profile = item.profile_path.read_bytes() if item.profile_path is not None else b""
    return Picture(ref.width, ref.height, replace(ref.format, profile=profile), data.data.cast("B"))


def check_inputs(spec: JobSpec) -> None:
    """After a crash of the machine a file's contents may have changed. Raises WrongHash."""
    for item in {item.picture.blob: item for item in spec.inputs}.values():
        if file_hash(item.file) != item.picture.blob:
            raise WrongHash(lazy_text("A picture of this restyle was damaged when the machine stopped. Restyle again."))


def starting_images(start: StartingImage | None, device: torch.device) -> tuple[Tensor | None, Tensor | None]:
    """An earlier image (3, h, w), and what its content was (`engine.following`). None if there is none, if it was
    deleted to make room, or if it is damaged."""
    if start is None or start.path is None:
        return None, None
    arrays: list[np.ndarray[Any, Any]] = []
    try:
        with start.path.open("rb") as file:
            for _ in range(1 if start.content is None else 2):
                values = np.load(file, allow_pickle=False)
                if values.dtype != np.float32 or values.ndim != 3 or values.shape[0] != 3:
                    return None, None
                arrays.append(values)
    except Exception:  # NumPy raises anything on a damaged file
        return None, None
    images = [torch.from_numpy(values).to(device) for values in arrays]
    return images[0], images[1] if len(images) > 1 else None


def mask_values(mask: Picture, content: Picture) -> Tensor:
    """(H, W), 0 to 1. Raises BadMask if it is not of the content's size."""
    if (mask.width, mask.height) != (content.width, content.height):
        raise BadMask(
            lazy_text(
                "The mask is {width} × {height} pixels and the picture {wanted_width} × {wanted_height}. Give a mask "
                "of the picture's size.",
                width=mask.width,
                height=mask.height,
                wanted_width=content.width,
                wanted_height=content.height,
            )
        )
    return colour_io.mask_values(mask)
