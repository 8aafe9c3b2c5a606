"""What a restyle shows on its way: a progress bar, or a line of JSON an event."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from velatura.client.events import Connected, Event
from velatura.errors import VelaturaError
from velatura.protocol import messages as p

PREVIEW_KINDS = (".png", ".jpg", ".jpeg")


class Show(Protocol):
    """Something that is told the events."""

    def item(self, name: str, number: int, of: int) -> None: ...
    def event(self, event: Event) -> None: ...
    def note(self, sentence: str) -> None: ...
    def result(self, **facts: Any) -> None: ...
    def close(self) -> None: ...


def _seconds(value: float) -> str:
    if value < 0:
        return "…"
    return f"{value:.0f} s left" if value < 90 else f"{value / 60:.0f} min left"


class Bar:
    """A line that grows, with losses and time left, on stderr."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[facts]}"),
            console=self._console,
            transient=True,
        )
        self._task: TaskID = self._progress.add_task("finding the daemon", total=None, facts="")
        self._progress.start()
        self._item = ""

    def item(self, name: str, number: int, of: int) -> None:
        """Of several pictures, the one that comes next."""
        self._item = f"{number}/{of} {name}  "

    def event(self, event: Event) -> None:
        if isinstance(event, p.Queued):
            words = "waking the network" if event.place == 0 else f"{event.place} before this one"
            self._progress.update(self._task, description=self._item + words)
        elif isinstance(event, p.Progress):
            facts = (
                f"step {event.step}/{event.steps}  content {event.content_loss:.3g}  style {event.style_loss:.3g}  "
                f"{_seconds(event.seconds_left)}"
            )
            words = f"scale {event.level + 1}/{event.levels}  {event.width} × {event.height}"
            self._progress.update(
                self._task, description=self._item + words, total=1.0, completed=event.done, facts=facts
            )
        elif isinstance(event, p.Notice):
            self.note(event.sentence)

    def note(self, sentence: str) -> None:
        self._console.print(sentence, soft_wrap=True, markup=False)

    def result(self, **facts: Any) -> None:
        self.close()
        click.echo(facts["output"])
        self.note(f"{facts['seconds']:.1f} s on {facts['device']}, weights: {facts['weights']}")

    def close(self) -> None:
        self._progress.stop()


class Lines:
    """A JSON object a line, an event each; the last is the result."""

    def item(self, name: str, number: int, of: int) -> None:
        self._line("item", name=name, number=number, of=of)

    def event(self, event: Event) -> None:
        if isinstance(event, Connected):
            self._line("connected", build=event.welcome.build)
        elif isinstance(event, (p.Accepted, p.Queued, p.Progress, p.Notice, p.Cancelled)):
            self._line(event.type, **dataclasses.asdict(event))
        elif isinstance(event, p.Preview):
            self._line("preview", job=event.job, level=event.level, width=event.width, height=event.height)

    def note(self, sentence: str) -> None:
        self._line("note", sentence=sentence)

    def result(self, **facts: Any) -> None:
        self._line("result", **facts)

    def failed(self, code: str, sentence: str) -> None:
        """The last line, where there is no result."""
        self._line("failed", code=code, sentence=sentence)

    def close(self) -> None:
        pass

    @staticmethod
    def _line(event: str, **fields: Any) -> None:
        click.echo(json.dumps({"event": event, **fields}, ensure_ascii=False))


@contextlib.contextmanager
def failures_told(as_json: bool) -> Iterator[None]:
    """With JSON, what fails is the last line; it goes on its way all the same."""
    try:
        yield
    except VelaturaError as error:
        if as_json:
            Lines().failed(error.code, error.sentence)
        raise


def preview_writer(path: Path | None, note: Callable[[str], None]) -> Callable[[p.Preview], None]:
    """Keeps the latest preview in a file, replaced whole each time. One that cannot be written is noted once: the
    restyle is worth more."""
    given_up = path is None

    def write(preview: p.Preview) -> None:
        nonlocal given_up
        if given_up or path is None:
            return
        from PIL import Image

        beside = path.with_name(f".{path.stem}.{time.monotonic_ns()}{path.suffix}")
        try:
            Image.frombytes("RGB", (preview.width, preview.height), bytes(preview.data)).save(beside)
            beside.replace(path)
        except OSError as error:
            given_up = True
            beside.unlink(missing_ok=True)
            note(f"The preview cannot be kept in {path} ({error.strerror or error}); the restyle goes on without.")

    return write
