"""Output of a batch while it runs and at its end: a progress bar, or one JSON object per line."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from velatura.client.events import Event
from velatura.errors import VelaturaError
from velatura_daemon.batch.frames import Frame
from velatura_daemon.batch.items import BatchObserver
from velatura_daemon.terminal.output import JsonLines
from velatura_daemon.terminal.printable import printable

MAX_FAILURES_LISTED = 50


class BatchDisplay(BatchObserver, Protocol):
    """Shows a batch to the user."""

    def started(self, todo: int, already: int, ignored: str) -> None: ...
    def summary(self, **facts: Any) -> None: ...
    def close(self) -> None: ...


def duration(seconds: float) -> str:
    """Format seconds: '40 s', '12 min', '2 h 5 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def rate(per_minute: float) -> str:
    """Format pictures per minute."""
    return f"{per_minute:.0f}" if per_minute >= 10 else f"{per_minute:.2g}"


def picture_count(number: int) -> str:
    return "1 picture" if number == 1 else f"{number} pictures"


class RepeatFilter:
    """Filters sentences that apply to many pictures: each is shown once, and at the end how often it was repeated."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def is_new(self, sentence: str) -> bool:
        """Count a sentence. Returns whether it is the first time."""
        self._times[sentence] += 1
        return self._times[sentence] == 1

    def repetitions(self) -> list[str]:
        return [f"The same for {times - 1} more: {sentence}" for sentence, times in self._times.items() if times > 1]


class BatchProgressBar:
    """A progress bar on stderr: pictures done, pictures per minute, time left. Failures are listed at the end."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[facts]}"),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("checking the pictures", total=None, facts="")
        if self._console.is_terminal:
            self._progress.start()
        self._todo = 0
        self._already = 0
        self._repeated = RepeatFilter()

    def started(self, todo: int, already: int, ignored: str) -> None:
        self._todo, self._already = todo, already
        if ignored:
            self._print(ignored)
        if already and todo:
            self._print(f"Already done: {already} of {already + todo}.")

    def submitted(self, frame: Frame, job: str) -> None:
        pass

    def event(self, event: Event) -> None:
        pass

    def progress(self, settled: int, per_minute: float, running: float) -> None:
        total = self._todo + self._already
        left = (self._todo - settled - running) / per_minute * 60 if per_minute > 0 else -1.0
        if left >= 0:
            facts = f"{rate(per_minute)} per minute  {duration(left)} left"
        else:
            facts = "starting the daemon, loading the network"
        self._progress.update(
            self._task,
            description=f"{settled + self._already}/{total}",
            total=total,
            completed=settled + self._already + running,
            facts=facts,
        )

    def made(self, frame: Frame, metadata: dict[str, Any]) -> None:
        pass

    def failed(self, frame: Frame, error: VelaturaError) -> None:
        pass

    def note(self, sentence: str, about: Frame | None = None) -> None:
        if self._repeated.is_new(sentence):
            self._print(f"{printable(about.photo.name)}: {sentence}" if about else sentence)

    def summary(self, **facts: Any) -> None:
        self.close()
        for sentence in self._repeated.repetitions():
            self._print(sentence)
        click.echo(facts["output"])
        self._print(_summary_line(facts))
        if facts["contact_sheet"]:
            self._print(f"Contact sheet: {facts['contact_sheet']}")
        failures = facts["failed"]
        if failures:
            self._print(f"{len(failures)} could not be restyled:")
        for failure in failures[:MAX_FAILURES_LISTED]:
            name, sentence = failure["name"], failure["sentence"]
            self._print(f"  {sentence}" if sentence.startswith(name) else f"  {name}: {sentence}")
        if len(failures) > MAX_FAILURES_LISTED:
            self._print(f"  … and {len(failures) - MAX_FAILURES_LISTED} more; --json lists all.")

    def close(self) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def _print(self, sentence: str) -> None:
        self._console.print(sentence, soft_wrap=True, markup=False)


def _summary_line(facts: dict[str, Any]) -> str:
    made, already = facts["made"], facts["already"]
    were = "was" if already == 1 else "were"
    if not made and not already:
        return "No pictures were restyled."
    if not made and facts["failed"]:
        return f"No pictures were restyled; {already} {were} already done."
    if not made:
        return f"Everything is already done: {picture_count(already)}."
    before = f", {already} {were} already done" if already else ""
    pace = f", {rate(facts['per_minute'])} per minute" if facts["per_minute"] > 0 else ""
    return (
        f"{picture_count(made)} in {duration(facts['seconds'])}{pace}{before}. "
        f"Device: {facts['device']}, weights: {facts['weights']}"
    )


class BatchJsonLines(JsonLines):
    """One JSON object per line for each event; the last line is the result."""

    def started(self, todo: int, already: int, ignored: str) -> None:
        self._line("started", todo=todo, already=already, ignored=ignored)

    def submitted(self, frame: Frame, job: str) -> None:
        self._line("submitted", name=printable(frame.photo.name), job=job)

    def progress(self, settled: int, per_minute: float, running: float) -> None:
        pass

    def made(self, frame: Frame, metadata: dict[str, Any]) -> None:
        self._line("made", name=printable(frame.photo.name), output=printable(frame.output), **metadata)

    def failed(self, frame: Frame, error: VelaturaError) -> None:  # type: ignore[override]
        self._line(
            "picture_failed", name=printable(frame.photo.name), code=error.code, sentence=printable(error.sentence)
        )

    def note(self, sentence: str, about: Frame | None = None) -> None:
        self._line("note", sentence=sentence, **({"name": printable(about.photo.name)} if about else {}))

    def summary(self, **facts: Any) -> None:
        self._line("result", **facts)
