"""`velatura film` from the files that the user gave to the written film."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from velatura import __version__
from velatura.errors import DaemonLost, UsageError, VelaturaError
from velatura.i18n import lazy_plural, lazy_text, sentences
from velatura.pixels import Picture
from velatura.settings import StyleSettings
from velatura_daemon.batch.output import duration
from velatura_daemon.batch.recipe import recipe_of
from velatura_daemon.film.display import FilmDisplay
from velatura_daemon.film.plan import Plan, frames_before, plan_of, without_shots
from velatura_daemon.film.recipe import FilmRecipe, film_key, input_hash, masks_for, stats_of
from velatura_daemon.film.runner import FilmRun
from velatura_daemon.film.sinks import Sink, SinkOptions, sink_for
from velatura_daemon.film.sources import Reading, Source, open_source
from velatura_daemon.film.space import check_room, picture_bytes
from velatura_daemon.film.timing import FrameRange
from velatura_daemon.film.work import FinishedFrames, Work
from velatura_daemon.imaging.files.resize import fitted_size
from velatura_daemon.terminal import ending
from velatura_daemon.terminal.connect import connect, megapixel_limit
from velatura_daemon.terminal.options import RestyleOptions, weights_name
from velatura_daemon.terminal.style_options import Painting, check_files_exist, files_of, region_count
from velatura_daemon.user_paths import is_folder, real_path, unreadable


@dataclass(frozen=True)
class FilmOptions:
    """part: the frames to restyle. masks: a folder with a mask for each frame. rate: of numbered frames, per second.
    sound: whether the film's sound is taken over."""

    part: FrameRange
    masks: Path | None = None
    rate: Fraction | None = None
    sound: bool = True


@dataclass
class _Prepared:
    """All that is known before the first frame is sent. size: of a result. stats, planned_by, content: as of
    `Work.begin`. missing: frames that are not finished. needed_bytes: on the disk."""

    source: Source
    sink: Sink
    plan: Plan
    recipe: FilmRecipe
    reading: Reading
    key: str
    sink_options: SinkOptions
    size: tuple[int, int]
    stats: str
    planned_by: str
    content: str
    missing: int = 0
    needed_bytes: float = 0.0

    @property
    def is_steady(self) -> bool:
        return self.recipe.recipe.settings.steadiness > 0


def restyle_film(
    path: Path,
    paintings: Sequence[Painting],
    output: Path | None,
    settings: StyleSettings,
    options: RestyleOptions,
    film: FilmOptions,
    display: FilmDisplay,
) -> None:
    """Restyle a film, numbered frames or an animation into `output`; None: a name beside it. Raises UsageError,
    FileExists, DiskTrouble and NotAPicture before the work starts, and the errors of restyling and writing."""
    started_at = time.monotonic()
    source, sink = _opened(path, paintings, output, options, film)
    weights, limit = weights_name(options.weights), megapixel_limit()
    with Work(sink.output) as work:
        prepared = _prepare(source, sink, work, paintings, settings, options, film, display, (weights, limit))
        plan, count = prepared.plan, len(prepared.plan)
        work.begin(prepared.key, prepared.content, prepared.stats, prepared.planned_by, plan, force=options.force)
        already = count - prepared.missing
        display.started(count - already, already, len(plan.shots) if prepared.is_steady else count, work.folder)
        for note in (*plan.facts.notes, *prepared.recipe.recipe.pictures.notes):
            display.note(note)
        run = _restyle(prepared, work, display, already)
        notes = _write(prepared, work, display)
        for note in notes:
            display.note(note)
        work.delete()
    ending.kept(lazy_text("The film is in {output}.", output=str(sink.output)))
    display.summary(
        output=str(sink.output),
        frames=count,
        shots=len(plan.shots),
        made=run.outcome.made if run else 0,
        already=already,
        seconds=round(time.monotonic() - started_at, 3),
        per_minute=round(max(0.0, run.pace.per_minute()), 3) if run else 0.0,
        weights=run.outcome.weights if run else "",
        device=run.outcome.device if run else "",
    )


def _opened(
    path: Path, paintings: Sequence[Painting], output: Path | None, options: RestyleOptions, film: FilmOptions
) -> tuple[Source, Sink]:
    """The cheap checks: of names and headers."""
    if options.mask is not None and film.masks is not None:
        raise UsageError(lazy_text("--mask is one mask for all frames, --masks one for each. Give one of them."))
    if film.masks is not None and not is_folder(film.masks):
        raise UsageError(
            lazy_text(
                "{path} is not a folder. --masks takes a folder with one mask for each frame; --mask takes a file.",
                path=str(film.masks),
            )
        )
    used = files_of(paintings, options.mask)
    check_files_exist(used)
    source = open_source(path, film.rate, used)
    sink = sink_for(output, source, paintings[0].path)
    sink.check(source, None, SinkOptions(force=options.force, sound=film.sound))
    return source, sink


def _prepare(
    source: Source,
    sink: Sink,
    work: Work,
    paintings: Sequence[Painting],
    settings: StyleSettings,
    options: RestyleOptions,
    film: FilmOptions,
    display: FilmDisplay,
    daemon: tuple[str, float],
) -> _Prepared:
    """Read the paintings and all frames once, and check everything that can be checked. daemon: the weights' name, and
    the largest picture in megapixels."""
    weights, limit = daemon
    # A part of a frame could not follow the frame before.
    settings = replace(settings, composite=True)
    recipe = recipe_of(paintings, settings, options, weights, limit)
    try:
        stats = stats_of(source.files)
        planned_by = str((film.part, film.rate))
        plan = work.plan_for(stats, planned_by) or plan_of(source, film.part, display.scanned)
        masks: list[Path] = []
        if film.masks is not None:
            masks = masks_for(film.masks, len(plan), partial(frames_before, source, plan), film.part)
        content = work.input_hash(stats) or input_hash(source.files)
        key = film_key(recipe, content, masks, film.part, film.rate)
    except OSError as error:
        raise unreadable(source.path, error) from error
    description = {"software": f"Velatura {__version__}", "settings": settings.to_wire(), "film": key}
    sink_options = SinkOptions(
        json.dumps(description, ensure_ascii=False),
        options.strip_metadata,
        options.force,
        film.sound,
        options.size,
        is_cut=film.part.last is not None,
    )
    sink.check(source, plan, sink_options)
    size = fitted_size(*plan.facts.size, options.size)
    reading = Reading(settings, options, limit)
    prepared = _Prepared(
        source, sink, plan, FilmRecipe(recipe, masks), reading, key, sink_options, size, stats, planned_by, content
    )
    every = [range(number, number + 1) for number in range(len(plan))]
    prepared.missing = work.missing(key, plan.shot_ranges if prepared.is_steady else every)
    prepared.needed_bytes = check_room(_needs(prepared, work.folder, prepared.missing))
    return prepared


def _needs(prepared: _Prepared, folder: Path, missing: int) -> dict[Path, float]:
    """The bytes that will be written, by folder. missing: frames that are not finished."""
    pixels = prepared.size[0] * prepared.size[1]
    result = prepared.sink.size_estimate(prepared.source, prepared.plan, pixels)
    frames = missing * picture_bytes(pixels, prepared.plan.facts.depth)
    place = real_path(prepared.sink.output).parent
    return {folder: frames, place: result} if folder != place else {folder: frames + result}


def _restyle(prepared: _Prepared, work: Work, display: FilmDisplay, already: int) -> FilmRun | None:
    """Restyle the missing frames. None: there are none. Raises what FilmRun.run raises."""
    plan = prepared.plan if prepared.is_steady else without_shots(prepared.plan)
    if already == len(plan):
        return None
    with connect() as client:
        run = FilmRun(client, prepared.source, plan, prepared.recipe, prepared.reading, work, display, prepared.key)
        try:
            run.run()
        except BaseException as error:
            client.disconnect()  # the daemon saves the progress of the running frames
            done = already + run.outcome.made
            sentence = _stopped_sentence(done, len(plan), work.folder)
            if isinstance(error, KeyboardInterrupt):
                ending.kept(sentence)
            elif isinstance(error, VelaturaError) and (done or isinstance(error, DaemonLost)):
                display.note(sentence)
            raise
    return run


def _stopped_sentence(done: int, count: int, folder: Path) -> str:
    again = lazy_text("Run the same command again to continue.")
    if not done:
        return sentences(lazy_text("No frame is done yet."), again)
    return sentences(
        lazy_plural(
            "{count} of {all} frames is done, in {folder}.",
            "{count} of {all} frames are done, in {folder}.",
            done,
            all=count,
            folder=str(folder),
        ),
        again,
    )


def _write(prepared: _Prepared, work: Work, display: FilmDisplay) -> list[str]:
    """Write the film from the finished frames."""
    count = len(prepared.plan)
    ending.kept(_stopped_sentence(count, count, work.folder))
    display.writing(0, count)
    frames: Sequence[Picture] = FinishedFrames(work, count)
    return prepared.sink.write(
        prepared.source, prepared.plan, frames, prepared.sink_options, lambda frame: display.writing(frame, count)
    )


def estimate_film(
    path: Path,
    paintings: Sequence[Painting],
    output: Path | None,
    settings: StyleSettings,
    options: RestyleOptions,
    film: FilmOptions,
    display: FilmDisplay,
) -> tuple[str, dict[str, float | int | str]]:
    """What a film takes: a sentence, and the same for programs. Leaves no file. Raises what restyle_film raises before
    the work starts, and VelaturaError if the device was not measured yet."""
    source, sink = _opened(path, paintings, output, options, film)
    weights, limit = weights_name(options.weights), megapixel_limit()
    with Work(sink.output) as work:
        prepared = _prepare(source, sink, work, paintings, settings, options, film, display, (weights, limit))
        missing, needed = prepared.missing, prepared.needed_bytes
    pictures = prepared.recipe.recipe.pictures.pictures
    with connect() as client:
        estimate = client.estimate(
            *prepared.size,
            prepared.reading.settings,
            weights=weights,
            device=options.device,
            style_pixels=[picture.width * picture.height for picture in pictures.values()],
            regions=region_count(paintings),
        )
        workers = max(1, int(client.status().get("active_workers") or 1))
    if estimate.seconds < 0:
        raise VelaturaError(estimate.sentence)
    shots = len(prepared.plan.shots) if prepared.is_steady else missing
    at_once = max(1, min(workers, shots))
    seconds = estimate.seconds * missing / at_once
    sentence = lazy_text(
        "Up to {time} for {frames} frames of {width} × {height} pixels in {shots} shots, {at_once} at a time, and "
        "about {disk:.1f} GB of disk space. A single frame: {frame}",
        time=duration(seconds),
        frames=missing,
        width=prepared.size[0],
        height=prepared.size[1],
        shots=len(prepared.plan.shots),
        at_once=at_once,
        disk=needed / 1e9,
        frame=estimate.sentence,
    )
    facts: dict[str, float | int | str] = {
        "seconds": round(seconds, 3),
        "frames": missing,
        "shots": len(prepared.plan.shots),
        "width": prepared.size[0],
        "height": prepared.size[1],
        "disk_bytes": round(needed),
        "memory": estimate.memory,
        "device": estimate.device,
        "sentence": str(sentence),
    }
    return sentence, facts
