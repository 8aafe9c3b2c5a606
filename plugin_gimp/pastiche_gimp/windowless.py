"""A restyle without a dialog: for scripts, GIMP's Repeat, 'Restyle again'. GIMP's own progress bar shows how it goes; its
Cancel ends this process, and the daemon takes the silence for a cancel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gi.repository import Gimp

from pastiche import protocol as p
from pastiche import words
from pastiche.background import run_through
from pastiche.client import Client, Finished, GivenStyle
from pastiche.errors import PasticheError, error_from
from pastiche.remembered import Style
from pastiche.settings import StyleSettings

from .canvas import Canvas
from .styles import read_any


def restyle(program: str, canvas: Canvas, styles: list[Style], settings: StyleSettings) -> Any:
    """Returns the new layer. Raises PasticheError."""
    target = canvas.current_target()
    Gimp.progress_init(words.READING)
    pictures = [read_any(style.path) for style in styles]
    content = run_through(canvas.read(target))
    given = [GivenStyle(picture, style.share, style.region_over(content.place))
             for picture, style in zip(pictures, styles, strict=True)]  # fmt: skip
    if settings.composite:
        target = replace(target, selected=None)  # the selection is blended in already: no mask
    with Client(program) as client:
        Gimp.progress_set_text(words.WAKING)
        job = client.restyle(content.picture, given, settings, mask=content.mask, layer=target.layer)
        done = _followed(client, job)
    Gimp.progress_set_text(words.INSERTING)
    name = words.result_name([style.name for style in styles], settings)
    run_through(canvas.insert(target, done.picture, done.result.left, done.result.top, name))
    Gimp.progress_end()
    return canvas.latest


def _followed(client: Client, job: str) -> Finished:
    for event in client.events(job):
        if isinstance(event, Finished):
            return event
        if isinstance(event, p.Failed):
            raise error_from(event.code, event.sentence)
        if isinstance(event, p.Progress):
            Gimp.progress_set_text(words.progress(event))
            Gimp.progress_update(event.done)
        elif isinstance(event, (p.Notice, p.Estimate)):
            Gimp.progress_set_text(event.sentence)
        elif isinstance(event, p.Queued) and event.place > 0:
            Gimp.progress_set_text(words.WAITING.format(place=event.place))
    raise PasticheError(words.REPLACED)
