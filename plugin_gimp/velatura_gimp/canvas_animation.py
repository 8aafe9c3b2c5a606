"""The frames of an animation in GIMP: the layers of an image, or of a layer group, from the bottom to the top.

The results are the layers of a new image, which GIMP plays and exports as an animation: in the same image, a group with
them would be one more frame. Its layers keep the names of the frames, since those have the timing: “Frame 3 (80ms)”.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from gi.repository import Gimp

from velatura import strings
from velatura.editor.placement import Placed
from velatura.editor.recipe import Recipe
from velatura.editor.style_regions import Place
from velatura.errors import NothingToRestyle
from velatura.pixels import MASK_FORMAT, Picture

from .canvas_guard import quiet, steps_while_open, while_open
from .canvas_layers import copy_appearance, name_image, new_layer, new_source_mask
from .canvas_pixels import BABL_NAMES, Rect, content_format, filtered_buffer, offsets_of, read_in_strips, small_picture
from .canvas_regions import canvas_of
from .canvas_target import Content, Target


class AnimationCanvas:
    """The part of a `Canvas` that is about layers as frames."""

    image: Any
    latest: Any
    _show: bool

    def _layer(self) -> Any:
        raise NotImplementedError

    def film_target(self) -> Target:
        """The chosen layer, whose neighbours are the other frames. Raises NothingToRestyle."""
        layer = self._layer()
        if layer is None:
            raise NothingToRestyle(strings.NO_LAYER)
        with quiet():
            return Target(self.image, layer, Rect(0, 0, self.image.get_width(), self.image.get_height()))

    def frame_times(self, target: Target) -> list[int]:
        """The numbers of the frames, from 1. Raises NothingToRestyle."""
        with target.while_open():
            return list(range(1, len(frames_of(target)) + 1))

    def frame_now(self, target: Target) -> int:
        """The number of the chosen layer; the last one if that is their group. Raises NothingToRestyle."""
        with target.while_open():
            frames = frames_of(target)
            return frames.index(target.drawable) + 1 if target.drawable in frames else len(frames)

    def open_film(self, target: Target, frames: Sequence[int]) -> Generator[None, None, GimpFilm]:
        """Raises NothingToRestyle."""
        if not target.exists:
            raise NothingToRestyle(strings.CLOSED_BEFORE_READ)
        film = GimpFilm(self, target, frames)
        try:
            yield from film.open()
        except BaseException:
            film.close()
            raise
        return film

    def show_film(self, image: Any, name: str) -> None:
        """Opens the new image with the results."""
        name_image(image, name)
        self.latest = image.get_layers()[0]
        if self._show:
            Gimp.Display.new(image)
        Gimp.displays_flush()


def frames_of(target: Target) -> list[Any]:
    """The layers that are frames, from the bottom: those in a chosen group, or else those beside the chosen layer."""
    layer = target.drawable
    if layer.is_group():
        return list(reversed(layer.get_children()))
    parent = layer.get_parent()
    return list(reversed(parent.get_children() if parent is not None else target.image.get_layers()))


class GimpFilm:
    """Implements `velatura.editor.film_task.Film`. Every frame is read over the same part of the canvas."""

    composite = True  # in the new image, nothing lies below a result where nothing was selected

    def __init__(self, canvas: AnimationCanvas, target: Target, frames: Sequence[int]) -> None:
        self._canvas, self._target = canvas, target
        layers = frames_of(target)
        self._layers = {frame: layers[frame - 1] for frame in frames}
        self._names = {frame: layer.get_name() for frame, layer in self._layers.items()}  # layers may be deleted
        self._rect = target.rect
        self._mask: Picture | None = None
        self._image: Any = None
        self._results: dict[int, Any] = {}
        self._read: Any = None  # the layer that was read last

    def open(self) -> Generator[None, None, None]:
        """Creates the new image, without a window."""
        source = self._target.image
        is_grey = source.get_base_type() == Gimp.ImageBaseType.GRAY
        is_indexed = source.get_base_type() == Gimp.ImageBaseType.INDEXED
        base = Gimp.ImageBaseType.GRAY if is_grey else Gimp.ImageBaseType.RGB
        precision = Gimp.Precision.U8_NON_LINEAR if is_indexed else source.get_precision()
        width, height = source.get_width(), source.get_height()
        self._image = Gimp.Image.new_with_precision(width, height, base, precision)
        self._image.undo_disable()
        profile = source.get_color_profile()
        if profile is not None and not is_indexed:
            self._image.set_color_profile(profile)
        _, x, y = source.get_resolution()
        self._image.set_resolution(x, y)
        canvas = Rect(0, 0, width, height)
        boxes = [Rect(*offsets_of(layer), layer.get_width(), layer.get_height()) for layer in self._layers.values()]
        shown = [box for box in (box.intersected(canvas) for box in boxes) if box is not None]
        if not shown:
            raise NothingToRestyle(strings.EMPTY_LAYER.format(layer=self._target.name))
        left, top = min(box.x for box in shown), min(box.y for box in shown)
        right, bottom = max(box.x + box.width for box in shown), max(box.y + box.height for box in shown)
        self._rect = Rect(left, top, right - left, bottom - top)
        if not Gimp.Selection.is_empty(source):
            buffer = source.get_selection().get_buffer()
            reading = read_in_strips(buffer, self._rect, BABL_NAMES[MASK_FORMAT], 1)
            coverage = yield from self._target.steps_while_open(reading)
            if not any(coverage):
                raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=self._target.name))
            self._mask = Picture(self._rect.width, self._rect.height, MASK_FORMAT, coverage)

    def read(self, frame: int) -> Generator[None, None, Content | None]:
        """An empty frame becomes an empty layer, so that the timing stays. Raises NothingToRestyle."""
        layer, image = self._layers[frame], self._target.image
        if image.is_valid() and not layer.is_valid():
            return None
        content = yield from steps_while_open(
            self._read_frame(frame, layer), lambda: image.is_valid() and layer.is_valid(), strings.CLOSED_BEFORE_READ
        )
        return content

    def _read_frame(self, frame: int, layer: Any) -> Generator[None, None, Content | None]:
        rect, (x, y) = self._rect, offsets_of(layer)
        fmt = content_format(self._target.image, layer)
        with filtered_buffer(layer) as (buffer, corner):
            area = rect.moved((-x, -y)).moved(corner)
            pixels = yield from read_in_strips(buffer, area, BABL_NAMES[fmt], fmt.bytes_per_pixel)
        self._read = layer
        picture = Picture(rect.width, rect.height, fmt, pixels)
        if _is_transparent(picture):
            yield from self.write(frame, picture, 0, 0)
            return None
        place = Place(canvas_of(self._target.image), rect.x, rect.y, rect.width, rect.height)
        return Content(picture, self._mask, place)

    def thumbnail(self, side: int) -> Picture:
        """Raises NothingToRestyle."""
        with while_open(self._read.is_valid, strings.CLOSED_BEFORE_READ):
            x, y = offsets_of(self._read)
            return small_picture(self._read, self._rect.moved((-x, -y)), side)

    def size(self) -> tuple[int, int]:
        return self._rect.width, self._rect.height

    def write(self, frame: int, picture: Picture, left: int, top: int) -> Generator[None, None, None]:
        result = yield from new_layer(self._image, picture, self._names[frame])
        result.set_offsets(self._rect.x + left, self._rect.y + top)
        self._add(frame, result)

    def repeat(self, frame: int, like: int) -> Generator[None, None, None]:
        result = self._results[like].copy()
        if result.get_mask() is not None:
            result.remove_mask(Gimp.MaskApplyMode.DISCARD)
        result.set_name(self._names[frame])
        self._add(frame, result)
        yield

    def _add(self, frame: int, result: Any) -> None:
        source = self._layers[frame]
        self._image.insert_layer(result, None, 0)
        if source.is_valid():
            copy_appearance(source, result)
            result.set_visible(source.get_visible())
            (x, y), (source_x, source_y) = offsets_of(result), offsets_of(source)
            mask = new_source_mask(result, None, source, (x - source_x, y - source_y))
            if mask is not None:
                result.add_mask(mask)
                result.set_edit_mask(False)
        self._results[frame] = result

    def insert(self, recipe: Recipe) -> Generator[None, None, Placed]:
        image, self._image = self._image, None
        yield
        image.undo_enable()
        self._canvas.show_film(image, recipe.name)
        return Placed(is_layer=False)

    def close(self) -> None:
        image, self._image = self._image, None
        if image is not None and image.is_valid():
            image.delete()


def _is_transparent(picture: Picture) -> bool:
    size = picture.format.bytes_per_pixel
    sample = size // len(picture.format.channels)
    data = memoryview(picture.data).cast("B")
    return not any(any(bytes(data[first::size])) for first in range(size - sample, size))
