"""Progress output of the commands: a progress bar, or one JSON object per line."""

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

PREVIEW_EXTENSIONS = (".png", ".jpg", ".jpeg")


class Display(Protocol):
    """Shows the events of one or more restyles."""

    def item(self, name: str, number: int, of: int) -> None: ...
    def event(self, event: Event) -> None: ...
    def note(self, sentence: str) -> None: ...
    def result(self, **facts: Any) -> None: ...
    def close(self) -> None: ...


def _time_left(value: float) -> str:
    if value < 0:
        return "…"
    return f"{value:.0f} s left" if value < 90 else f"{value / 60:.0f} min left"


class ProgressBar:
    """A progress bar on stderr, with losses and time left."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[facts]}"),
            console=self._console,
            transient=True,
        )
        self._task: TaskID = self._progress.add_task("connecting to the daemon", total=None, facts="")
        self._progress.start()
        self._item = ""

    def item(self, name: str, number: int, of: int) -> None:
        """Announce the next of several pictures."""
        self._item = f"{number}/{of} {name}  "

    def event(self, event: Event) -> None:
        if isinstance(event, p.Queued):
            text = "loading the network" if event.place == 0 else f"waiting for {event.place} other job(s)"
            self._progress.update(self._task, description=self._item + text)
        elif isinstance(event, p.Progress):
            facts = (
                f"step {event.step}/{event.steps}  content {event.content_loss:.3g}  style {event.style_loss:.3g}  "
                f"{_time_left(event.seconds_left)}"
            )
            text = f"scale {event.level + 1}/{event.levels}  {event.width} × {event.height}"
            self._progress.update(
                self._task, description=self._item + text, total=1.0, completed=event.done, facts=facts
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


class JsonLines:
    """One JSON object per line for each event; the last line is the result."""

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
        """Print the last line if there is no result."""
        self._line("failed", code=code, sentence=sentence)

    def close(self) -> None:
        pass

    @staticmethod
    def _line(event: str, **fields: Any) -> None:
        click.echo(json.dumps({"event": event, **fields}, ensure_ascii=False))


@contextlib.contextmanager
def report_failures(as_json: bool) -> Iterator[None]:
    """With --json, print a VelaturaError as the last line before it propagates."""
    try:
        yield
    except VelaturaError as error:
        if as_json:
            JsonLines().failed(error.code, error.sentence)
        raise


def preview_writer(path: Path | None, note: Callable[[str], None]) -> Callable[[p.Preview], None]:
    """Return a callback that writes each preview to a file, atomically. If that fails, it calls `note` once and stops
    trying, because a missing preview must not stop the restyle."""
    disabled = path is None

    def write(preview: p.Preview) -> None:
        nonlocal disabled
        if disabled or path is None:
            return
        from PIL import Image

        temporary = path.with_name(f".{path.stem}.{time.monotonic_ns()}{path.suffix}")
        try:
            Image.frombytes("RGB", (preview.width, preview.height), bytes(preview.data)).save(temporary)
            temporary.replace(path)
        except OSError as error:
            disabled = True
            temporary.unlink(missing_ok=True)
            note(f"The preview cannot be written to {path} ({error.strerror or error}). The restyle continues.")

    return write
