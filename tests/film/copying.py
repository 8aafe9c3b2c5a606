"""Writes a source's own frames to a sink, as `velatura film` does with the restyled ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from velatura.pixels import Picture
from velatura.settings import StyleSettings
from velatura_daemon.film.plan import Plan, plan_of
from velatura_daemon.film.sinks import SinkOptions, sink_for
from velatura_daemon.film.sources import Reading, Source, open_source
from velatura_daemon.film.timing import FrameRange, range_from
from velatura_daemon.terminal.options import RestyleOptions

WHOLE = FrameRange()


def reading(size: int | None = None) -> Reading:
    return Reading(StyleSettings(), RestyleOptions(size=size), 64.0)


def pictures_of(source: Source, plan: Plan, first: int = 0, size: int | None = None) -> list[Picture]:
    return [loaded.picture for loaded in source.frames(plan.timing, plan.facts, first, reading(size))]


def copied(
    path: Path,
    output: Path,
    first: str | None = None,
    last: str | None = None,
    size: int | None = None,
    options: SinkOptions | None = None,
) -> tuple[Path, list[str]]:
    """Copy a film by way of its frames. Returns the copy and the notes."""
    source = open_source(path, None)
    plan = plan_of(source, range_from(first, last))
    sink = sink_for(output, source, Path("painting.png"))
    options = options or SinkOptions()
    options = replace(options, is_cut=last is not None)
    sink.check(source, plan, options)
    notes = sink.write(source, plan, pictures_of(source, plan, size=size), options, lambda _: None)
    return output, [*plan.facts.notes, *notes]
