"""The only module that prints: in the user's language, except JSON.

Names and sentences may come from anyone, so everything printed is made visible here: no character in it controls the
terminal, and square brackets are not markup.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from velatura.client.launch import ERROR_PREFIX
from velatura.foreign_text import json_text, visible, visible_lines
from velatura.i18n import translated

Cell = str | Sequence[str]  # a string is one line of a table's cell


def echo(*lines: str, err: bool = False, end: bool = True) -> None:
    """Print lines; a newline inside one of them is printed as \\n. end: with a newline after the last."""
    click.echo(visible_lines(map(translated, lines)), err=err, nl=end)


def echo_problem(sentence: str) -> None:
    """Print an error or a warning on stderr."""
    echo(f"{ERROR_PREFIX}{translated(sentence)}", err=True)


def echo_json(value: Any, indent: int | None = None) -> None:
    click.echo(json_text(value, indent, getattr(sys.stdout, "encoding", None) or "ascii"))


def echo_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], title: str = "") -> None:
    """Print a table, without headings if there are no names of columns."""
    table = Table(*columns, box=None, header_style="dim", show_header=bool(columns), title=title or None)
    for row in rows:
        table.add_row(*map(_cell, row))
    for column in table.columns:
        column.overflow = "fold"  # Japanese and Chinese sentences have no spaces to break lines at: they would be cut
    _console().print(table)


def _cell(cell: Cell) -> Text:
    return Text(visible_lines(map(translated, [cell] if isinstance(cell, str) else cell)))


def stdout_is_terminal() -> bool:
    return sys.stdout.isatty()


def write_stdout(data: bytes) -> None:
    """Write all bytes to stdout, past its buffer: what is left in that would be reported when Python ends. Raises
    OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(sys.stdout.fileno(), rest) :]


class StatusLine:
    """A progress bar on stderr with a description and facts beside it, and sentences above it. Without a terminal, only
    the sentences."""

    def __init__(self, description: str, *columns: ProgressColumn) -> None:
        """columns: in place of the usual ones."""
        self._console = _console(stderr=True)
        usual = (  # not translated: fields
            _VisibleColumn("{task.description}"),
            BarColumn(bar_width=28),
            _VisibleColumn("{task.fields[facts]}"),
        )
        self._progress = Progress(*(columns or usual), console=self._console, transient=True)
        self._task = self._progress.add_task(description, total=None, facts="")

    def start(self) -> None:
        if self._console.is_terminal:
            self._progress.start()

    def close(self) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def update(self, **values: Any) -> None:
        """values: description, facts, total, completed."""
        self._progress.update(self._task, **{name: translated(value) for name, value in values.items()})

    def note(self, sentence: str) -> None:
        self._console.print(Text(visible(translated(sentence))), soft_wrap=True)


class _VisibleColumn(TextColumn):
    """A text of a progress bar, on one line and without markup."""

    def render(self, task: Task) -> Text:
        return Text(visible(self.text_format.format(task=task)), style=self.style)


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)
