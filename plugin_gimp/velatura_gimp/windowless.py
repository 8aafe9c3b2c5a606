"""Restyles without a dialog: for scripts, GIMP's Repeat, 'Restyle again'. GIMP's own progress bar shows how it goes;
its Cancel ends this process, and the daemon takes the silence for a cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gi.repository import Gimp

from velatura import strings
from velatura.client.client import Client
from velatura.client.events import Finished, GivenStyle
from velatura.editor.background import run_to_end
from velatura.editor.placement import encode_note
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError, error_from
from velatura.figures.explain import SIDE, figures
from velatura.figures.layout import lay_out
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

from .canvas import Canvas
from .styles import read_any


def restyle(program: str, canvas: Canvas, styles: list[Style], settings: StyleSettings) -> Any:
    """Returns the new layer. Raises VelaturaError."""
    target = canvas.current_target()
    Gimp.progress_init(strings.READING)
    pictures = [read_any(style.path) for style in styles]
    content = run_to_end(canvas.read(target))
    given = [
        GivenStyle(picture, style.share, style.region_over(content.place), style.name, style.path)
        for picture, style in zip(pictures, styles, strict=True)
    ]
    if settings.composite:
        target = replace(target, selected=None)  # the selection is blended in already: no mask
    with Client(program) as client:
        client.acknowledge_manually()  # until the layer stands
        Gimp.progress_set_text(strings.WAKING)
        job = client.restyle(
            content.picture,
            given,
            settings,
            mask=content.mask,
            layer=target.layer,
            title=target.name,
            note=encode_note(content.place, target.document_name),
        )
        done = _followed(client, job, _show)
        Gimp.progress_set_text(strings.INSERTING)
        name = strings.result_name([style.name for style in styles], settings)
        run_to_end(canvas.insert(target, done.picture, done.result.left, done.result.top, name))
        client.acknowledge(done)
    Gimp.progress_end()
    return canvas.latest


def explain(program: str, canvas: Canvas, style: Style) -> Any:
    """The figures of `velatura.figures.explain`, of the layer and this style, in a new image. Returns its topmost
    figure's layer."""
    photo = canvas.thumbnail(canvas.current_target(), SIDE)
    painting = GivenStyle(read_any(style.path))
    all_of_them, results = figures(), []
    Gimp.progress_init(strings.WAKING)
    with Client(program) as client:
        for number, figure in enumerate(all_of_them):
            named = strings.EXPLAINING.format(number=number + 1, count=len(all_of_them), name=figure.name)

            def show(sentence: str, done: float, before: int = number, named: str = named) -> None:
                _show(f"{named} · {sentence}", (before + max(done, 0.0)) / len(all_of_them))

            results.append(_followed(client, client.restyle(photo, [painting], figure.settings, remember=False), show))
    canvas.open_sheet(lay_out(all_of_them, results, photo.width, photo.height))
    Gimp.progress_end()
    return canvas.latest


def _show(sentence: str, done: float) -> None:
    """In GIMP's status bar. done: below 0 where it is not known."""
    Gimp.progress_set_text(sentence)
    if done >= 0:
        Gimp.progress_update(done)


def _followed(client: Client, job: str, show: Callable[[str, float], object]) -> Finished:
    for event in client.events(job):
        if isinstance(event, Finished):
            return event
        if isinstance(event, p.Failed):
            raise error_from(event.code, event.sentence)
        if isinstance(event, p.Progress):
            show(strings.progress(event), event.done)
        elif isinstance(event, (p.Notice, p.Estimate)):
            show(event.sentence, -1)
        elif isinstance(event, p.Queued) and event.place > 0:
            show(strings.WAITING.format(place=event.place), -1)
    raise VelaturaError(strings.REPLACED)
