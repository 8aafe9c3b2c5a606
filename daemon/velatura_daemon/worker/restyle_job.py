"""One job in a worker: pictures in, the recipe, previews on the way, the result file out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from velatura.errors import BadMask, NothingToRestyle, WrongHash
from velatura.pixels import Picture, PictureRef
from velatura.settings import StyleSettings
from velatura_daemon.engine import colour
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.regions import Box, box_around
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import covered_by
from velatura_daemon.engine.stylise import Progress, as_seen, full_size, stylise
from velatura_daemon.memory_plan import MemoryBudget
from velatura_daemon.storage.atomic import file_hash, write_file, write_quickly
from velatura_daemon.worker.checkpoint_writer import CheckpointWriter, write_array
from velatura_daemon.worker.estimates import Estimates
from velatura_daemon.worker.model_cache import LoadedModel
from velatura_daemon.worker.previews import PreviewRenderer, thumbnail

PROGRESS_SECONDS = 0.1  # no more often than that: a window shows no more


class Cancelled(Exception):
    """The job was cancelled. ending: what is kept of it."""

    def __init__(self, ending: dict[str, Any]) -> None:
        super().__init__()
        self.ending = ending


class EventSink(Protocol):
    """The worker, as this module sees it."""

    options: dict[str, Any]
    cancelled: set[str]

    def say(self, say: str, **more: Any) -> None: ...


def restyle(
    job: dict[str, Any],
    warm: LoadedModel,
    cache: TargetCache,
    speaker: EventSink,
    room: MemoryBudget,
    estimates: Estimates,
) -> dict[str, Any]:
    """Do the job. Returns the ending: result file and its hash, last image, losses, device, weights, seconds.
    Raises Cancelled, and VelaturaErrors for what is wrong with the pictures."""
    began = time.monotonic()
    device, settings = warm.device, StyleSettings.from_wire(job["settings"])
    if job.get("last") and job["last"]["check"]:
        _check_inputs(job)
    layer = Layer(job, settings, device)
    styles = [_style_source(style, layer, device) for style in job["styles"]]
    layer.covered = covered_by(styles)
    last = _last_image(job, device)
    if job["as_it_is"]:
        if last is None:
            raise NothingToRestyle("Of this restyle no picture is left. Restyle again.")
        return _ending(job, layer, styles, settings, warm, last, began)
    height, width = layer.source.size
    expected = estimates.expect(width, height, settings, warm, room, last.shape[-1] if last is not None else 0)
    speaker.say("estimate", ticket=job["job"], **expected.to_wire())
    progress: Progress | None = None
    notes: list[str] = []
    if settings.strength > 0 or settings.strength_is_locked:
        small = PreviewRenderer(as_seen(layer.image, settings), settings.keep_colours)
        reporter = _Reporter(job["job"], speaker, small)
        leavings = CheckpointWriter(job, speaker, small, [thumbnail(style.image) for style in styles])
        pictures = stylise(layer.source, styles, settings, warm.network, cache, last, room, _steps_made(job))
        for progress in pictures:
            if job["job"] in speaker.cancelled:
                pictures.close()  # the picture in work ends as the best seen, not as a move that nobody has judged
                raise Cancelled(_keep_image(progress.image, job, progress.step))
            if progress.warnings:
                notes.append(progress.warnings)
                speaker.say("notice", job=job["job"], sentence=progress.warnings)
            reporter.report(progress)
            leavings.look(progress)
        estimates.learn(warm, expected, time.monotonic() - began)
    return _ending(
        job, layer, styles, settings, warm, progress.image if progress else None, began, progress, notes, last
    )


def _ending(
    job: dict[str, Any],
    layer: Layer,
    styles: list[Source],
    settings: StyleSettings,
    warm: LoadedModel,
    image: Tensor | None,
    began: float,
    progress: Progress | None = None,
    notes: Sequence[str] = (),
    last: Tensor | None = None,
) -> dict[str, Any]:
    """The result's file, and what is said of it. image: (3, h, w), what the optimisation came to; None: nothing was to
    be done."""
    picture = layer.finished(image, settings)
    digest = write_file(picture.data, Path(job["result_path"]))
    ref = PictureRef(digest, picture.width, picture.height, layer.content_ref.format, layer.content_ref.profile)
    return {
        "picture": ref.to_wire(),
        "left": layer.left,
        "top": layer.top,
        "weights": warm.label,
        "device": str(warm.device),
        "seconds": time.monotonic() - began,
        "content_loss": float(progress.losses.content) if progress else 0.0,
        "style_loss": float(progress.losses.style) if progress else 0.0,
        "started_from": "last" if job["as_it_is"] else _started_from(last, settings),
        "notes": list(notes),
        "thumbnail": PreviewRenderer(as_seen(layer.image, settings), settings.keep_colours).thumbnail(
            image if image is not None else layer.image
        ),
        "style_thumbnails": [thumbnail(style.image) for style in styles],
        **(_keep_image(progress.image, job, progress.step) if progress else {}),
    }


def _started_from(last: Tensor | None, settings: StyleSettings) -> str:
    if last is not None:
        return "last"
    return "noise" if settings.start == "noise" else "content"


class Layer:
    """What is restyled: the content, the selection's box, and what counts how much inside it."""

    def __init__(self, job: dict[str, Any], settings: StyleSettings, device: torch.device) -> None:
        self.content_ref = PictureRef.from_wire(job["content"]["picture"])
        self.content = _mapped(job["content"])
        image, alpha = colour.decode(self.content)
        self.mask = _selection(job["mask"], self.content)
        weight = alpha * self.mask if job["mask"] else alpha
        if float(weight.max()) <= 0:
            what = "selection" if float(self.mask.max()) <= 0 else "layer, where it is selected,"
            raise NothingToRestyle(
                f"The {what} is empty: there is no visible pixel in it. Select something that can be seen."
            )
        self.alpha = alpha
        # Transparent pixels are not context: the box goes around what is selected, visible or not.
        whole = Box(0, 0, self.content.width, self.content.height)
        partly = float(self.mask.min()) < 1 and not settings.seamless  # what is to tile is the layer, with its edges
        self.box = (box_around(self.mask) or whole) if partly else whole
        self.image = self.box.of(image).to(device)
        self.weight = self.box.of(weight).to(device)
        # The whole description: the same bytes mean other colours in another format or profile.
        key = (self.content_ref, PictureRef.from_wire(job["mask"]["picture"]) if job["mask"] else None, self.box)
        self.source = Source(self.image, self.weight, self.box.of(alpha).to(device), key, max(image.shape[1:]))
        self.left, self.top = self.box.left, self.box.top
        self.covered: Tensor | None = None  # (h, w) of the box, where a style goes; None: everywhere

    def finished(self, image: Tensor | None, settings: StyleSettings) -> Picture:
        """The picture that goes back: the box, or with composite the blended whole. image: (3, h, w) or None, for
        strength 0, which gives the content back, to the bit."""
        b = self.box
        part = colour.crop(self.content, b.left, b.top, b.width, b.height)
        if image is not None:
            image = full_size(image, self.source, settings).clamp(0, 1).to(self.image.device)
            image = colour.after(image, as_seen(self.image, settings), settings.keep_colours)
        nowhere = self.box.of(self.alpha) <= 0
        if image is not None and self.covered is not None:  # a region's soft edge blends, as a selection's does
            image = self.image + self.covered * (image - self.image)
            nowhere = nowhere | (self.covered.cpu() <= 0)
        if not settings.composite:
            if image is None:
                return part
            return colour.keep_bytes_where(nowhere, part, colour.encode(image, part))
        self.left = self.top = 0
        if image is None:
            return self.content
        mask = self.box.of(self.mask).to(self.image)
        blended = self.image + mask * (image.clamp(0, 1) - self.image)
        untouched = (mask.cpu() <= 0) | nowhere
        done = colour.keep_bytes_where(untouched, part, colour.encode(blended, part))
        return colour.paste(done, self.content, b.left, b.top)


def _mapped(item: dict[str, Any]) -> Picture:
    """A picture whose bytes lie in a spool file. item: {'picture': wire, 'path': …, 'profile_path': … or ''}."""
    ref = PictureRef.from_wire(item["picture"])
    data = np.memmap(item["path"], np.uint8, mode="r")
    profile = Path(item["profile_path"]).read_bytes() if item["profile_path"] else b""
    return Picture(ref.width, ref.height, replace(ref.format, profile=profile), data.data.cast("B"))


def _selection(item: dict[str, Any] | None, content: Picture) -> Tensor:
    if item is None:
        return torch.ones(1).expand(content.height, content.width)
    mask = _mapped(item)
    if (mask.width, mask.height) != (content.width, content.height):
        raise BadMask(
            f"The mask is {mask.width} × {mask.height} pixels and the picture {content.width} × {content.height}. "
            "Give a mask of the picture's size."
        )
    return colour.mask_values(mask)


def _style_source(item: dict[str, Any], layer: Layer, device: torch.device) -> Source:
    """A style; for a grey layer in grey, so that what is optimised is what will be seen."""
    grey = layer.content.format.is_grey
    image, alpha = colour.decode(_mapped(item))
    if float(alpha.max()) <= 0:
        raise NothingToRestyle("The style picture is fully transparent. Choose one that can be seen.")
    if grey:
        image = colour.luminance(image).expand(3, -1, -1).contiguous()
    image, alpha = image.to(device), alpha.to(device)
    key = (PictureRef.from_wire(item["picture"]), grey)
    region, region_key = None, None
    if item.get("region"):
        region = layer.box.of(colour.mask_values(_mapped(item["region"]))).to(device)
        region_key = PictureRef.from_wire(item["region"]["picture"])
    return Source(image, alpha, alpha, key, max(image.shape[1:]), item["share"], region, region_key)


def _check_inputs(job: dict[str, Any]) -> None:
    """After a crash of the machine a file may be another than it was. Raises WrongHash."""
    items = [job["content"], *job["styles"], *(style.get("region") for style in job["styles"]), job["mask"]]
    for item in items:
        if item and file_hash(Path(item["path"])) != PictureRef.from_wire(item["picture"]).blob:
            raise WrongHash("A picture of this restyle was damaged when the machine stopped. Restyle again.")


def _last_image(job: dict[str, Any], device: torch.device) -> Tensor | None:
    last = job.get("last")
    if not last:
        return None
    try:
        values = np.load(last["path"], allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # it had to make room meanwhile, or is damaged
    if values.dtype != np.float32 or values.ndim != 3 or values.shape[0] != 3:
        return None
    return torch.from_numpy(values).to(device)


def _steps_made(job: dict[str, Any]) -> int:
    """Of the scale that the last picture has."""
    return int(job["last"]["step"]) if job.get("last") else 0


def _keep_image(image: Tensor, job: dict[str, Any], step: int) -> dict[str, Any]:
    """Write the picture in work where the front said, as float32, for a later start. A disk that does not take it costs
    no more than that start."""
    try:
        return {"last": {"blob": write_array(image, Path(job["last_path"]), write_quickly), "step": step}}
    except OSError:
        return {}


class _Reporter:
    """Progress and previews, no more often than somebody can see."""

    def __init__(self, job: str, speaker: EventSink, small: PreviewRenderer) -> None:
        self._job = job
        self._speaker = speaker
        self._small = small
        self._began = time.monotonic()
        self._next_progress = 0.0
        self._next_preview = 0.0

    def report(self, progress: Progress) -> None:
        now = time.monotonic()
        last_of_scale = progress.step == progress.scale.steps
        if now >= self._next_progress or last_of_scale:
            self._next_progress = now + PROGRESS_SECONDS
            elapsed = now - self._began
            left = elapsed * (1 - progress.done) / progress.done if progress.done > 0 else -1.0
            self._speaker.say(
                "progress",
                job=self._job,
                level=progress.level,
                levels=progress.levels,
                width=progress.scale.width,
                height=progress.scale.height,
                step=progress.step,
                steps=progress.scale.steps,
                content_loss=float(progress.losses.content),
                style_loss=float(progress.losses.style),
                done=progress.done,
                seconds_left=left,
            )
        # The first preview after a few steps, when there is something to see; then by the clock.
        if (progress.step >= 3 and now >= self._next_preview) or last_of_scale:
            self._next_preview = now + float(self._speaker.options["preview_seconds"])
            self._preview(progress)

    def _preview(self, progress: Progress) -> None:
        pixels = self._small.pixels(progress.image, int(self._speaker.options["preview_side"]))
        height, width = pixels.shape[:2]
        self._speaker.say(
            "preview", job=self._job, level=progress.level, width=width, height=height, data=pixels.tobytes()
        )
