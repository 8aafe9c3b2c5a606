"""Restyles without a dialog, for scripts, GIMP's Repeat and 'Restyle again'.

GIMP's own progress bar shows the progress. Its Cancel button ends this process; the daemon cancels the job once the
client stays silent.
"""

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
from velatura.editor.recipe import Recipe
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError, error_from
from velatura.figures.explain import SIDE, figures
from velatura.figures.layout import lay_out
from velatura.i18n import translated
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

from .canvas import Canvas
from .styles import read_any_picture


def restyle(program: str, canvas: Canvas, styles: list[Style], settings: StyleSettings) -> Any:
    """Restyles the canvas's layer. Returns the new layer. Raises VelaturaError."""
    target = canvas.current_target()
    Gimp.progress_init(translated(strings.READING))
    pictures = [read_any_picture(style.path) for style in styles]
    content = run_to_end(canvas.read(target))
    given = [
        GivenStyle(picture, style.share, style.region_over(content.place), style.name, style.path)
        for picture, style in zip(pictures, styles, strict=True)
    ]
    if settings.composite:
        target = replace(target, selected=None)  # the selection is already blended in, so no mask is needed
    with Client(program) as client:
        client.acknowledge_manually()  # until the layer is inserted
        Gimp.progress_set_text(translated(strings.CONNECTING))
        job = client.restyle(
            content.picture,
            given,
            settings,
            mask=content.mask,
            layer=target.layer,
            title=target.name,
            note=encode_note(content.place, target.document_name),
        )
        done = _wait_for_result(client, job, _show_progress)
        Gimp.progress_set_text(translated(strings.INSERTING))
        name = strings.result_name([style.name for style in styles], settings)
        recipe = Recipe.of(name, settings, styles)
        placed = run_to_end(canvas.insert(target, done.picture, done.result.left, done.result.top, recipe))
        client.acknowledge(done)
    Gimp.progress_end()
    if placed.note and not placed.is_layer:
        Gimp.message(translated(placed.note))
    return canvas.latest


def explain(program: str, canvas: Canvas, style: Style) -> Any:
    """Opens a new image with the figures of `velatura.figures.explain` for the layer and this style.

    Returns the layer of the first figure. Raises VelaturaError.
    """
    target = canvas.current_target()
    content = canvas.thumbnail(target, SIDE)
    given = GivenStyle(read_any_picture(style.path))
    all_figures, results = figures(), []
    Gimp.progress_init(translated(strings.CONNECTING))
    with Client(program) as client:
        for number, figure in enumerate(all_figures):
            title = strings.EXPLAINING.format(number=number + 1, count=len(all_figures), name=translated(figure.name))

            def show(sentence: str, done: float, number: int = number, title: str = title) -> None:
                _show_progress(f"{title} · {translated(sentence)}", (number + max(done, 0.0)) / len(all_figures))

            job = client.restyle(content, [given], figure.settings, remember=False)
            results.append(_wait_for_result(client, job, show))
    name = strings.EXPLAINED.format(layer=target.name, style=strings.shown_style(style.name))
    canvas.open_sheet(lay_out(all_figures, results, content.width, content.height), name)
    Gimp.progress_end()
    return canvas.latest


def _show_progress(sentence: str, done: float) -> None:
    """Shows the progress in GIMP's status bar. done: 0 to 1, or negative if it is unknown."""
    Gimp.progress_set_text(translated(sentence))
    if done >= 0:
        Gimp.progress_update(done)


def _wait_for_result(client: Client, job: str, show: Callable[[str, float], object]) -> Finished:
    for event in client.events(job):
        if isinstance(event, Finished):
            return event
        if isinstance(event, p.Failed):
            raise error_from(event.code, event.sentence)
        if isinstance(event, p.Progress):
            show(strings.progress(event), event.done)
        elif isinstance(event, (p.Notice, p.Estimate)):
            show(translated(event.sentence), -1)
        elif isinstance(event, p.Queued) and event.place > 0:
            show(translated(strings.waiting(event.place)), -1)
    raise VelaturaError(strings.REPLACED)
