"""What a batch shows on its way and at its end: a bar, or a line of JSON an event."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from velatura.client.events import Event
from velatura.errors import VelaturaError
from velatura_daemon.batch.frames import Frame
from velatura_daemon.batch.runner import Told
from velatura_daemon.terminal.output import Lines
from velatura_daemon.terminal.printable import printable

MOST_LISTED = 50  # failures that are told one by one


class BatchShow(Told, Protocol):
    def begins(self, todo: int, already: int, passed_over: str) -> None: ...
    def summary(self, **facts: Any) -> None: ...
    def close(self) -> None: ...


def duration(seconds: float) -> str:
    """'40 s', '12 min', '2 h 5 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def rate(a_minute: float) -> str:
    """Pictures a minute as people say them."""
    return f"{a_minute:.0f}" if a_minute >= 10 else f"{a_minute:.2g}"


def pictures_said(number: int) -> str:
    return "1 picture" if number == 1 else f"{number} pictures"


class RepeatFilter:
    """What is said of many pictures is said once, and in the end how often."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def is_new(self, sentence: str) -> bool:
        self._times[sentence] += 1
        return self._times[sentence] == 1

    def said(self) -> list[str]:
        return [f"The same of {times - 1} more: {sentence}" for sentence, times in self._times.items() if times > 1]


class BatchBar:
    """A line that grows, on stderr: pictures done, pictures a minute, time left. Failures come at the end."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[facts]}"),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("looking at the pictures", total=None, facts="")
        if self._console.is_terminal:
            self._progress.start()
        self._todo = 0
        self._already = 0
        self._repeated = RepeatFilter()

    def begins(self, todo: int, already: int, passed_over: str) -> None:
        self._todo, self._already = todo, already
        if passed_over:
            self._say(passed_over)
        if already and todo:
            self._say(f"Done already: {already} of {already + todo}.")

    def asked(self, frame: Frame, job: str) -> None:
        pass

    def event(self, event: Event) -> None:
        pass

    def going(self, settled: int, a_minute: float, under_way: float) -> None:
        whole = self._todo + self._already
        left = (self._todo - settled - under_way) / a_minute * 60 if a_minute > 0 else -1.0
        facts = (
            f"{rate(a_minute)} a minute  {duration(left)} left"
            if left >= 0
            else "finding the daemon, waking the network"
        )
        self._progress.update(
            self._task,
            description=f"{settled + self._already}/{whole}",
            total=whole,
            completed=settled + self._already + under_way,
            facts=facts,
        )

    def made(self, frame: Frame, facts: dict[str, Any]) -> None:
        pass

    def failed(self, frame: Frame, error: VelaturaError) -> None:
        pass

    def note(self, sentence: str, about: Frame | None = None) -> None:
        if self._repeated.is_new(sentence):
            self._say(f"{printable(about.photo.name)}: {sentence}" if about else sentence)

    def summary(self, **facts: Any) -> None:
        self.close()
        for sentence in self._repeated.said():
            self._say(sentence)
        click.echo(facts["output"])
        self._say(_told(facts))
        if facts["contact_sheet"]:
            self._say(f"Contact sheet: {facts['contact_sheet']}")
        failed = facts["failed"]
        if failed:
            self._say(f"{len(failed)} could not be restyled:")
        for one in failed[:MOST_LISTED]:
            named = one["sentence"].startswith(one["name"])
            self._say(f"  {one['sentence']}" if named else f"  {one['name']}: {one['sentence']}")
        if len(failed) > MOST_LISTED:
            self._say(f"  … and {len(failed) - MOST_LISTED} more; --json lists all.")

    def close(self) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def _say(self, sentence: str) -> None:
        self._console.print(sentence, soft_wrap=True, markup=False)


def _told(facts: dict[str, Any]) -> str:
    made, already = facts["made"], facts["already"]
    were = "was" if already == 1 else "were"
    if not made and not already:
        return "No picture was made."
    if not made:
        all_of_them = f"All is done already: {pictures_said(already)}."
        return f"No picture was made; {already} {were} done before." if facts["failed"] else all_of_them
    before = f", {already} {were} done before" if already else ""
    pace = f", {rate(facts['a_minute'])} a minute" if facts["a_minute"] > 0 else ""
    return (
        f"{pictures_said(made)} in {duration(facts['seconds'])}{pace}{before}. "
        f"Made on {facts['device']}, weights: {facts['weights']}"
    )


class BatchLines(Lines):
    """A JSON object a line, an event each; the last is the result."""

    def begins(self, todo: int, already: int, passed_over: str) -> None:
        self._line("begins", todo=todo, already=already, passed_over=passed_over)

    def asked(self, frame: Frame, job: str) -> None:
        self._line("asked", name=printable(frame.photo.name), job=job)

    def going(self, settled: int, a_minute: float, under_way: float) -> None:
        pass

    def made(self, frame: Frame, facts: dict[str, Any]) -> None:
        self._line("made", name=printable(frame.photo.name), output=printable(frame.output), **facts)

    def failed(self, frame: Frame, error: VelaturaError) -> None:  # type: ignore[override]
        self._line(
            "picture_failed", name=printable(frame.photo.name), code=error.code, sentence=printable(error.sentence)
        )

    def note(self, sentence: str, about: Frame | None = None) -> None:
        self._line("note", sentence=sentence, **({"name": printable(about.photo.name)} if about else {}))

    def summary(self, **facts: Any) -> None:
        self._line("result", **facts)
