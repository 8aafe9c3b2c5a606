"""Converts a JobSpec for another machine: files get hashes instead of paths, and no name or title is included."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from velatura_daemon.jobs.spec import JobSpec, OutputPaths, PictureFile, PreviousInput, StartingImage, StyleInput
from velatura_daemon.storage.atomic import file_hash


def for_transfer(spec: JobSpec) -> tuple[JobSpec, dict[bytes, Path]]:
    """Return the job as it leaves this machine, and the files that it needs, by their hashes.

    Titles, names and paths are left out. A hash replaces the layer's name, which is enough to distinguish layers. A
    starting image that cannot be read, because it was deleted to free disk space, is left out.
    """
    files: dict[bytes, Path] = {}
    for item in spec.inputs:
        files.update(item.files)
    # Each field is named, so that a new field of JobSpec is not sent unless it is added here.
    outgoing = JobSpec(
        ticket=spec.ticket,
        layer=hashlib.sha256(spec.layer.encode()).hexdigest(),
        content=_without_path(spec.content),
        styles=tuple(
            StyleInput(
                _without_path(style.picture),
                style.share,
                _without_path(style.region) if style.region is not None else None,
            )
            for style in spec.styles
        ),
        mask=_without_path(spec.mask) if spec.mask is not None else None,
        settings=spec.settings,
        weights=spec.weights,
        device=spec.device,
        adjust=spec.adjust,
        resumable=spec.resumable,
        finish_now=spec.finish_now,
        start=_starting_image(spec.start, files),
        view=spec.view,
        previous=tuple(
            PreviousInput(_without_path(frame.content), _without_path(frame.result)) for frame in spec.previous
        ),
        background=spec.background,
        once=spec.once,
    )
    return outgoing, files


def on_arrival(spec: JobSpec, path_of: Callable[[bytes], Path], folder: Path) -> JobSpec:
    """Return the job for a worker of this machine, with the paths of its files.

    path_of: the path of a file, by its hash. folder: where the worker writes its outputs.
    """

    def local(item: PictureFile) -> PictureFile:
        profile = item.picture.profile
        return PictureFile(item.picture, path_of(item.picture.blob), path_of(profile) if profile else None)

    return replace(
        spec,
        content=local(spec.content),
        styles=tuple(
            StyleInput(local(style.picture), style.share, local(style.region) if style.region is not None else None)
            for style in spec.styles
        ),
        mask=local(spec.mask) if spec.mask is not None else None,
        start=replace(spec.start, path=path_of(spec.start.blob)) if spec.start is not None else None,
        previous=tuple(PreviousInput(local(frame.content), local(frame.result)) for frame in spec.previous),
        outputs=OutputPaths.in_folder(folder, spec.ticket),
    )


def _without_path(item: PictureFile) -> PictureFile:
    return PictureFile(item.picture, None)


def _starting_image(start: StartingImage | None, files: dict[bytes, Path]) -> StartingImage | None:
    if start is None or start.path is None:
        return None
    try:
        name = file_hash(start.path)
    except OSError:
        return None
    files[name] = start.path
    return StartingImage(None, start.step, start.verify_inputs, name, start.content, start.width)
