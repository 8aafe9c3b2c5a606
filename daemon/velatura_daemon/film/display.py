"""Output of a film while it is restyled and at its end: a progress bar, or one JSON object per line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from velatura.client.events import Event
from velatura.i18n import _, ngettext, translated
from velatura_daemon.batch.output import RepeatFilter, duration, rate
from velatura_daemon.film.runner import FilmObserver
from velatura_daemon.terminal.console import StatusLine, echo
from velatura_daemon.terminal.output import JsonLines


class FilmDisplay(FilmObserver, Protocol):
    """Shows a film's progress to the user."""

    def scanned(self, frames: int) -> None: ...
    def started(self, todo: int, already: int, shots: int, folder: Path) -> None: ...
    def writing(self, frame: int, of: int) -> None: ...
    def summary(self, **facts: Any) -> None: ...
    def close(self) -> None: ...


class FilmProgressBar:
    """A progress bar on stderr: frames done, frames per minute, time left, and the name of the latest frame's file; the
    folder of these files above it, since a whole path would leave no room for the bar."""

    def __init__(self) -> None:
        self._status = StatusLine(_("reading the film"))
        self._status.start()
        self._todo = self._already = 0
        self._latest = ""
        self._repeated = RepeatFilter()

    def scanned(self, frames: int) -> None:
        self._status.update(
            description=_("reading the film"), facts=ngettext("{count} frame", "{count} frames", frames)
        )

    def started(self, todo: int, already: int, shots: int, folder: Path) -> None:
        self._todo, self._already = todo, already
        if already and todo:
            self._print(_("Already done: {done} of {all} frames.").format(done=already, all=already + todo))
        if todo:
            self._print(_("Finished frames: {folder}").format(folder=folder))

    def submitted(self, number: int, job: str) -> None:
        pass

    def event(self, event: Event) -> None:
        pass

    def progress(self, settled: int, per_minute: float, running: float) -> None:
        total = self._todo + self._already
        left = (self._todo - settled - running) / per_minute * 60 if per_minute > 0 else -1.0
        if left >= 0:
            facts = _("{rate} per minute  {time} left  {latest}").format(
                rate=rate(per_minute), time=duration(left), latest=self._latest
            )
        else:
            facts = _("starting the daemon, loading the network")
        self._status.update(
            description=f"{settled + self._already}/{total}",
            total=total,
            completed=settled + self._already + running,
            facts=facts,
        )

    def made(self, number: int, path: Path, seconds: float) -> None:
        self._latest = path.name

    def note(self, sentence: str) -> None:
        if self._repeated.is_new(sentence):
            self._print(translated(sentence))

    def writing(self, frame: int, of: int) -> None:
        self._status.update(description=_("writing the film"), total=of, completed=frame, facts="")

    def summary(self, **facts: Any) -> None:
        self.close()
        for sentence in self._repeated.repetitions():
            self._print(sentence)
        echo(facts["output"])
        made, seconds = facts["made"], duration(facts["seconds"])
        if not made:
            self._print(_("All frames were already done; the film was written in {time}.").format(time=seconds))
            return
        line = ngettext(
            "{count} frame in {time}, {rate} per minute. Device: {device}, weights: {weights}",
            "{count} frames in {time}, {rate} per minute. Device: {device}, weights: {weights}",
            made,
        )
        self._print(
            line.format(time=seconds, rate=rate(facts["per_minute"]), device=facts["device"], weights=facts["weights"])
        )

    def close(self) -> None:
        self._status.close()

    def _print(self, sentence: str) -> None:
        self._status.note(sentence)


class FilmJsonLines(JsonLines):
    """One JSON object per line for each event; the last line is the result. Frames are counted from 1."""

    def __init__(self) -> None:
        self._repeated = RepeatFilter()

    def scanned(self, frames: int) -> None:
        pass

    def started(self, todo: int, already: int, shots: int, folder: Path) -> None:
        self._line("started", todo=todo, already=already, shots=shots, frames_folder=str(folder))

    def submitted(self, number: int, job: str) -> None:
        self._line("submitted", frame=number + 1, job=job)

    def progress(self, settled: int, per_minute: float, running: float) -> None:
        pass

    def made(self, number: int, path: Path, seconds: float) -> None:
        self._line("made", frame=number + 1, output=str(path), seconds=round(seconds, 3))

    def note(self, sentence: str) -> None:
        if self._repeated.is_new(sentence):
            self._line("note", sentence=sentence)

    def writing(self, frame: int, of: int) -> None:
        if frame == 0:
            self._line("writing", frames=of)

    def summary(self, **facts: Any) -> None:
        self._line("result", **facts)
