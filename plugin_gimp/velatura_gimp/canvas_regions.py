"""Takes regions, which limit a style to a part of the image, from GIMP's selection, channels, layers and files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from gi.repository import Gimp, Gio

from velatura import strings
from velatura.editor.file_paths import is_file
from velatura.editor.style_regions import Canvas, Region, RegionSource
from velatura.errors import LayerGone, NotAPicture, NothingToRestyle, UsageError
from velatura.i18n import lazy_text

from .canvas_guard import quiet
from .canvas_layers import all_layers
from .canvas_pixels import COVERAGE, LIGHTNESS_AND_ALPHA, Rect, filtered_buffer, offsets_of, read_pixels


def canvas_of(image: Any) -> Canvas:
    """Identifies the image and its size, for the regions taken from it."""
    return Canvas(str(image.get_id()), image.get_width(), image.get_height())


@quiet()
def region_sources(image: Any) -> list[RegionSource]:
    """What a region can be taken from in an image: its selection, then its channels, then every layer from the top."""
    if not image.is_valid():
        return []
    sources = []
    if not Gimp.Selection.is_empty(image):
        sources.append(
            RegionSource(
                strings.CURRENT_SELECTION,
                lambda: _region_of_channel(image, image.get_selection(), strings.MASK_NAME, COVERAGE),
            )
        )
    for channel in image.get_channels():
        name = channel.get_name()
        take = partial(_region_of_channel, image, channel, name, _coverage_format(image))
        sources.append(RegionSource(name, take))
    for name, layer in all_layers(image.get_layers()):
        sources.append(RegionSource(name, partial(_region_of_layer, image, layer, layer.get_name())))
    return sources


def region_named(image: Any, name: str) -> Region | None:
    """The region that a script names: a channel, a layer, or an image file of the same size; None if the name is ''.

    Raises VelaturaError.
    """
    if not name:
        return None
    channel, layer = image.get_channel_by_name(name), image.get_layer_by_name(name)
    if channel is not None:
        return _region_of_channel(image, channel, name, _coverage_format(image))
    if layer is not None:
        return _region_of_layer(image, layer, name)
    if not is_file(name):
        raise UsageError(strings.NO_REGION.format(region=name))
    return _region_of_file(image, name)


def _coverage_format(image: Any) -> str:
    """The format in which a channel's pixels are its coverage: in 8-bit images GIMP stores them with the sRGB curve."""
    return "Y' u8" if image.get_precision() == Gimp.Precision.U8_NON_LINEAR else COVERAGE


def _region_of_channel(image: Any, channel: Any, name: str, babl: str) -> Region:
    if not channel.is_valid():
        raise LayerGone(strings.REGION_GONE)
    canvas = canvas_of(image)
    return _region(name, canvas, read_pixels(channel.get_buffer(), Rect(0, 0, canvas.width, canvas.height), babl))


def _region_of_layer(image: Any, layer: Any, name: str) -> Region:
    """A layer's alpha if it has transparency on the canvas; otherwise its lightness."""
    if not layer.is_valid():
        raise LayerGone(strings.REGION_GONE)
    canvas, (x, y) = canvas_of(image), offsets_of(layer)
    with filtered_buffer(layer) as (buffer, corner):
        area = Rect(-x, -y, canvas.width, canvas.height).moved(corner)
        pixels = read_pixels(buffer, area, LIGHTNESS_AND_ALPHA)
    lightness, alpha = pixels[0::2], pixels[1::2]
    return _region(name, canvas, lightness if alpha.count(255) == len(alpha) else alpha)


def _region_of_file(image: Any, path: str) -> Region:
    loaded = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    if loaded is None:
        raise NotAPicture(strings.NOT_READABLE.format(name=path, why=lazy_text("GIMP cannot open it")))
    try:
        own, other = canvas_of(image), canvas_of(loaded)
        if (own.width, own.height) != (other.width, other.height):
            raise UsageError(
                strings.REGION_SIZE.format(
                    region=path, width=other.width, height=other.height, of_width=own.width, of_height=own.height
                )
            )
        merged = loaded.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        return Region(Path(path).name, own, _region_of_layer(loaded, merged, Path(path).name).coverage)
    finally:
        loaded.delete()


def _region(name: str, canvas: Canvas, coverage: bytes) -> Region:
    if not coverage.strip(b"\0"):
        raise NothingToRestyle(strings.REGION_EMPTY.format(region=name))
    return Region(name, canvas, coverage)
