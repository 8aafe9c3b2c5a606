"""Output of a batch while it runs and at its end: a progress bar, or one JSON object per line."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

from velatura.client.events import Event
from velatura.errors import VelaturaError
from velatura.i18n import Text, _, lazy_list, lazy_plural, lazy_text, ngettext, translated
from velatura.i18n.numbers import number
from velatura_daemon.batch.frames import Frame
from velatura_daemon.batch.items import BatchObserver
from velatura_daemon.terminal.console import StatusLine, echo
from velatura_daemon.terminal.output import JsonLines

MAX_FAILURES_LISTED = 50


class BatchDisplay(BatchObserver, Protocol):
    """Shows a batch to the user."""

    def started(self, todo: int, already: int, ignored: str) -> None: ...
    def summary(self, **facts: Any) -> None: ...
    def close(self) -> None: ...


def duration(seconds: float) -> Text:
    """Format seconds: '40 s', '12 min', '2 h 5 min'."""
    if seconds < 90:
        return lazy_text("{seconds:.0f} s", seconds=seconds)
    minutes = round(seconds / 60)
    if minutes < 90:
        return lazy_text("{minutes} min", minutes=minutes)
    return lazy_text("{hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def rate(per_minute: float) -> str:
    """Format pictures per minute, in the user's language."""
    return number(per_minute, ".0f" if per_minute >= 10 else ".2g")


def picture_count(count: int) -> Text:
    return lazy_plural("{count} picture", "{count} pictures", count)


class RepeatFilter:
    """Filters sentences that apply to many pictures: each is shown once, and at the end how often it was repeated."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def is_new(self, sentence: str) -> bool:
        """Count a sentence. Returns whether it is the first time."""
        self._times[sentence] += 1
        return self._times[sentence] == 1

    def repetitions(self) -> list[str]:
        """In the user's language."""
        return [
            # Translators: pictures about which there is the same to say.
            ngettext(
                "The same for {count} more: {sentence}", "The same for {count} more: {sentence}", times - 1
            ).format(sentence=sentence)
            for sentence, times in self._times.items()
            if times > 1
        ]


class BatchProgressBar:
    """A progress bar on stderr: pictures done, pictures per minute, time left. Failures are listed at the end."""

    def __init__(self) -> None:
        self._status = StatusLine(_("checking the pictures"))
        self._status.start()
        self._todo = 0
        self._already = 0
        self._repeated = RepeatFilter()

    def started(self, todo: int, already: int, ignored: str) -> None:
        self._todo, self._already = todo, already
        if ignored:
            self._print(ignored)
        if already and todo:
            self._print(_("Already done: {done} of {all}.").format(done=already, all=already + todo))

    def submitted(self, frame: Frame, job: str) -> None:
        pass

    def event(self, event: Event) -> None:
        pass

    def progress(self, settled: int, per_minute: float, running: float) -> None:
        total = self._todo + self._already
        left = (self._todo - settled - running) / per_minute * 60 if per_minute > 0 else -1.0
        if left >= 0:
            # Translators: rate: a number of pictures; duration: such as “40 s”.
            facts = _("{rate} per minute  {duration} left").format(rate=rate(per_minute), duration=duration(left))
        else:
            facts = _("starting the daemon, loading the network")
        self._status.update(
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
            self._print(f"{about.name}: {translated(sentence)}" if about else sentence)

    def summary(self, **facts: Any) -> None:
        self.close()
        for sentence in self._repeated.repetitions():
            self._print(sentence)
        if facts["made"] or facts["already"]:
            echo(facts["output"])
        self._print(_summary_line(facts))
        if facts["contact_sheet"]:
            self._print(_("Contact sheet: {file}").format(file=facts["contact_sheet"]))
        failures = facts["failed"]
        if failures:
            # Translators: pictures; a list of them follows.
            self._print(ngettext("{count} could not be restyled:", "{count} could not be restyled:", len(failures)))
        for failure in failures[:MAX_FAILURES_LISTED]:
            name, sentence = failure["name"], translated(failure["sentence"])
            self._print(f"  {sentence}" if sentence.startswith(name) else f"  {name}: {sentence}")
        if len(failures) > MAX_FAILURES_LISTED:
            more = len(failures) - MAX_FAILURES_LISTED
            self._print(
                "  " + ngettext("… and {count} more; --json lists all.", "… and {count} more; --json lists all.", more)
            )

    def close(self) -> None:
        self._status.close()

    def _print(self, sentence: str) -> None:
        self._status.note(sentence)


def _summary_line(facts: dict[str, Any]) -> str:
    made, already = facts["made"], facts["already"]
    if not made and not already:
        return _("No pictures were restyled.")
    if not made and facts["failed"]:
        return ngettext(
            "No pictures were restyled; {count} was already done.",
            "No pictures were restyled; {count} were already done.",
            already,
        )
    if not made:
        return _("Everything is already done: {pictures}.").format(pictures=picture_count(already))
    # Translators: pictures: such as “12 pictures”; duration: such as “40 s”.
    parts = [_("{pictures} in {duration}").format(pictures=picture_count(made), duration=duration(facts["seconds"]))]
    if facts["per_minute"] > 0:
        # Translators: rate: a number of pictures.
        parts.append(_("{rate} per minute").format(rate=rate(facts["per_minute"])))
    if already:
        # Translators: a number of pictures.
        parts.append(ngettext("{count} was already done", "{count} were already done", already))
    # Translators: summary: such as “12 pictures in 3 min, 4 per minute”. device and weights: names.
    return _("{summary}. Device: {device}, weights: {weights}").format(
        summary=lazy_list(parts), device=facts["device"], weights=facts["weights"]
    )


class BatchJsonLines(JsonLines):
    """One JSON object per line for each event; the last line is the result."""

    def started(self, todo: int, already: int, ignored: str) -> None:
        self._line("started", todo=todo, already=already, ignored=ignored)

    def submitted(self, frame: Frame, job: str) -> None:
        self._line("submitted", name=frame.name, job=job)

    def progress(self, settled: int, per_minute: float, running: float) -> None:
        pass

    def made(self, frame: Frame, metadata: dict[str, Any]) -> None:
        self._line("made", name=frame.name, output=str(frame.output), **metadata)

    def failed(self, frame: Frame, error: VelaturaError) -> None:  # type: ignore[override]
        self._line("picture_failed", name=frame.name, code=error.code, sentence=error.sentence)

    def note(self, sentence: str, about: Frame | None = None) -> None:
        self._line("note", sentence=sentence, **({"name": about.name} if about else {}))

    def summary(self, **facts: Any) -> None:
        self._line("result", **facts)
