"""Restyles of pictures in memory: steps, results, and the frames of a film."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from velatura import pixels
from velatura.editor.frames import FOLLOWED
from velatura.errors import BadPixels
from velatura.i18n import lazy_text
from velatura.settings import StyleSettings
from velatura_daemon.api.picture import Array, Picture
from velatura_daemon.engine import stylise as engine
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.devices import budget_on, choose_device
from velatura_daemon.engine.guide import Guide
from velatura_daemon.engine.losses.objective import Losses
from velatura_daemon.engine.network import Network
from velatura_daemon.engine.precision import fastest_on
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import style_coverage
from velatura_daemon.imaging.files import compress_highlights
from velatura_daemon.models import load
from velatura_daemon.models.store import DEFAULT, Weights
from velatura_daemon.worker.layer import Layer, region_weight, style_image
from velatura_daemon.worker.previous_frames import guide_from

FRAMES_CACHE = 512 << 20  # bytes of targets that the frames of a film share


@dataclass(frozen=True)
class Style:
    """A style picture, its share among several, and the part of the content that it is for.

    Attributes:
        picture: The style.
        share: Its proportion among the styles of the same place: any positive number. Shares of 3 and 1 mix three
            parts of one style with one part of the other.
        region: Where it applies: (height, width) of the content, bool, uint8 or uint16, or float in 0..1; soft edges
            blend. None: wherever no other style has a region. Without any such style, these places stay the content.
    """

    picture: Picture
    share: float = 1.0
    region: Array | Picture | None = None


@dataclass(frozen=True)
class Progress:
    """The state after a step.

    Attributes:
        level: The scale, of `levels`, from 0: the first one is the coarsest.
        levels: The number of scales.
        step: The step at this scale, of `steps`, from 0.
        steps: The number of steps at this scale; a scale that converges before ends early.
        losses: Total, content and style, as scalars on the network's device: `float(progress.losses.total)`.
        done: The share of the whole work that is done, 0 to 1.
        image: (3, h, w), RGB, sRGB-encoded, at the scale's size, not clamped to 0..1. The next step changes it in
            place.
    """

    level: int
    levels: int
    step: int
    steps: int
    losses: Losses = field(repr=False)
    done: float
    image: Tensor = field(repr=False)
    _restyle: _Restyle = field(repr=False)

    @property
    def picture(self) -> Picture:
        """The result so far, at the content's size and in its format; of the last Progress it is the finished result.

        Computed from the current image at each access.
        """
        return self._restyle.finished(self.image)


def load_network(weights: str | Path | None = None, device: str = "auto") -> Network:
    """Loads a network that is ready for `stylise`, in the fastest precision of its device.

    Args:
        weights: A .pth or .safetensors file of VGG19; None for the original one.
        device: auto, cpu, cuda, cuda:1, xpu or mps.

    Returns:
        The network. Loading takes some seconds; use the same one for all restyles, one at a time.

    Raises:
        BadWeights: The file is not one of VGG19.
        DeviceUnavailable: There is no such device; the message lists those that there are.
    """
    chosen = DEFAULT if weights is None else Weights(str(weights), Path(weights).name, Path(weights))
    network, _ = load.load_network(chosen)
    where = choose_device(device)
    return network.to(where).use_precision(fastest_on(where))


def stylise(
    content: Picture,
    styles: Picture | Style | Sequence[Picture | Style],
    settings: StyleSettings,
    network: Network,
    previous: Sequence[tuple[Picture, Picture]] = (),
    mask: Array | Picture | None = None,
) -> Generator[Progress, None, None]:
    """Restyles the content, yielding after each step. To stop early, leave the loop.

    Pictures that do not fit into memory are processed in tiles, with the same result.

    Args:
        content: The picture to restyle.
        styles: The style, or several; pictures are mixed in equal parts, `Style` sets shares and regions.
        settings: Strength, stroke size, quality and so on.
        network: From `load_network`.
        previous: For a frame of a film, frames that are restyled already, as pairs of content and result, the nearest
            first. The result follows them, as `settings.steadiness` says (Ruder 2016). Requires OpenCV, from the extra
            `film`.
        mask: What to restyle, (height, width) of the content: bool, uint8 or uint16, or float in 0..1; soft edges
            blend. Everything else keeps its pixels. None: all of it.

    Yields:
        The state after each step. The last one has the result.

    Raises:
        TypeError: The content or a style is not a Picture.
        ValueError: No style was given, or its share is not a positive number.
        NothingToRestyle: A picture is fully transparent, or mask or regions are empty.
        BadMask: A mask or region does not have the content's size, or has values that are not numbers.
        BadPixels: A picture has values that are not numbers, or a previous frame has another size.
        NotInstalled: OpenCV is missing.
    """
    return _Restyle(content, styles, settings, network, previous, mask).steps()


def restyle(
    content: Picture,
    styles: Picture | Style | Sequence[Picture | Style],
    settings: StyleSettings,
    network: Network,
    previous: Sequence[tuple[Picture, Picture]] = (),
    mask: Array | Picture | None = None,
) -> Picture:
    """Restyles the content and returns the finished result. Arguments and errors are those of `stylise`.

    Returns:
        The result, of the content's size and in its format.
    """
    return _Restyle(content, styles, settings, network, previous, mask).result()


def restyle_frames(
    frames: Iterable[Picture],
    styles: Picture | Style | Sequence[Picture | Style],
    settings: StyleSettings,
    network: Network,
) -> Iterator[Picture]:
    """Restyles the frames of a shot one after the other, each following the results before it.

    Strokes then move with what they are on (docs/film.md), as closely as `settings.steadiness` says. Frames are read
    as they are needed; the last four and their results are kept. Begin anew at a cut.

    Args:
        frames: The frames in their order, all of the same size.
        styles: As for `stylise`. Regions are the same in all frames.
        settings: As for `stylise`.
        network: From `load_network`.

    Yields:
        The result of each frame.

    Raises:
        BadPixels: A frame has another size than those before it.
        NotInstalled: OpenCV, from the extra `film`, is missing.
    """
    done: deque[tuple[Picture, Picture]] = deque(maxlen=max(FOLLOWED))
    cache = TargetCache(FRAMES_CACHE)
    for frame in frames:
        previous = [done[-back] for back in FOLLOWED if back <= len(done)]
        result = _Restyle(frame, styles, settings, network, previous, None, cache).result()
        done.append((frame, result))
        yield result


class _Restyle:
    """One restyle, between pictures and the engine's tensors."""

    def __init__(
        self,
        content: Picture,
        styles: Picture | Style | Sequence[Picture | Style],
        settings: StyleSettings,
        network: Network,
        previous: Sequence[tuple[Picture, Picture]],
        mask: Array | Picture | None,
        cache: TargetCache | None = None,
    ) -> None:
        self._settings = replace(settings, composite=mask is not None)
        self._network = network
        self._content = _checked(content, "content").pixels
        given = [styles] if isinstance(styles, (Picture, Style)) else list(styles)
        if not given:
            raise ValueError("No style was given.")
        self._layer = Layer(self._content, self._settings, network.device, _mask(mask))
        self._sources = [self._source(style if isinstance(style, Style) else Style(style)) for style in given]
        self._layer.covered = style_coverage(self._sources)
        budget = budget_on(network.device, 0)
        # Each frame is restyled once.
        self._resources = engine.Resources(TargetCache(0) if cache is None else cache, budget, keeps_content=False)
        self._guide = self._follow(previous) if previous and settings.steadiness else None

    def steps(self) -> Generator[Progress, None, None]:
        source, settings, network = self._layer.source, self._settings, self._network
        steps = engine.stylise(source, self._sources, settings, network, resources=self._resources, guide=self._guide)
        for p in steps:
            yield Progress(p.level, p.levels, p.step, p.scale.steps, p.losses, p.done, p.image, self)

    def result(self) -> Picture:
        *_, last = self.steps()
        return last.picture

    def finished(self, image: Tensor) -> Picture:
        """image: (3, h, w), at any scale's size. Hidden pixels keep the content's samples."""
        unchanged = self._settings.strength == 0 and not self._settings.strength_is_locked
        return Picture(self._layer.finished(None if unchanged else image))

    def _source(self, style: Style) -> Source:
        """Light above white in a style is compressed, since it would all be white otherwise."""
        layer, device = self._layer, self._network.device
        picture = compress_highlights(_checked(style.picture, "style").pixels)
        if not 0 < style.share < float("inf"):
            raise ValueError(f"The share of a style is {style.share}. It has to be a positive number.")
        image, alpha = style_image(picture, layer, device)
        region, key = _mask(style.region), (picture.ref, self._content.format.is_grey)
        place = region_weight(region, layer, device) if region is not None else None
        region_key = region.ref if region is not None else None
        return Source(image, alpha, alpha, key, max(image.shape[1:]), style.share, place, region_key)

    def _follow(self, previous: Sequence[tuple[Picture, Picture]]) -> Guide:
        """What the content follows, as a frame of a film."""
        size = self._content.width, self._content.height
        pairs = [(_checked(then, "frame").pixels, _checked(result, "result").pixels) for then, result in previous]
        for picture in (picture for pair in pairs for picture in pair):
            if (picture.width, picture.height) != size:
                raise BadPixels(
                    lazy_text(
                        "A previous frame or its result is {width} × {height} pixels and this frame {frame_width} × "
                        "{frame_height}. Give previous frames of the same size.",
                        width=picture.width,
                        height=picture.height,
                        frame_width=size[0],
                        frame_height=size[1],
                    )
                )
        frames = ((then, result, then.ref == self._content.ref) for then, result in pairs)
        return guide_from(self._layer.image, frames, self._settings, self._layer.box)


def _checked(value: object, what: str) -> Picture:
    """The value, which is a picture. what: its part in the restyle. Raises TypeError."""
    if not isinstance(value, Picture):
        raise TypeError(
            f"The {what} is a {type(value).__name__}. Make a Picture of it: Picture.open for a file, "
            "Picture.from_array for an array."
        )
    return value


def _mask(mask: Array | Picture | None) -> pixels.Picture | None:
    """A mask or region as the worker takes it. Raises BadPixels."""
    if mask is None or isinstance(mask, Picture):
        return None if mask is None else mask.pixels
    return Picture.from_array(mask.astype(np.uint8) * 255 if mask.dtype == bool else mask).pixels
