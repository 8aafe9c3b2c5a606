"""A JobSpec on its way to another machine: files by their hashes instead of paths, and nothing that names anything."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from velatura_daemon.jobs.spec import JobSpec, OutputPaths, PictureFile, StartingImage, StyleInput
from velatura_daemon.storage.atomic import file_hash


def for_transfer(spec: JobSpec) -> tuple[JobSpec, dict[bytes, Path]]:
    """The job as it leaves this machine, and the files it needs by their hashes.

    No title, name or path leaves; the layer's name is a hash, good enough to tell layers apart. A starting image that
    cannot be read (it was deleted to make room) is left out.
    """
    files: dict[bytes, Path] = {}
    for item in spec.inputs:
        files.update(item.files)
    # Each field is named: a new one stays on this machine until somebody adds it here.
    travelling = JobSpec(
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
    )
    return travelling, files


def on_arrival(spec: JobSpec, path_of: Callable[[bytes], Path], folder: Path) -> JobSpec:
    """The job on the machine that does it, as a worker takes it. path_of: of a hash. folder: for what the worker
    writes."""

    def found(item: PictureFile) -> PictureFile:
        profile = item.picture.profile
        return PictureFile(item.picture, path_of(item.picture.blob), path_of(profile) if profile else None)

    return replace(
        spec,
        content=found(spec.content),
        styles=tuple(
            StyleInput(found(style.picture), style.share, found(style.region) if style.region is not None else None)
            for style in spec.styles
        ),
        mask=found(spec.mask) if spec.mask is not None else None,
        start=replace(spec.start, path=path_of(spec.start.blob)) if spec.start is not None else None,
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
    return StartingImage(None, start.step, start.verify_inputs, name)
