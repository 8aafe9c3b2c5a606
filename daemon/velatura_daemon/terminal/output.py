"""Progress output of the commands: a progress bar, or one JSON object per line."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from velatura.atomic import write_users_file
from velatura.client.events import Connected, Event
from velatura.errors import VelaturaError
from velatura.i18n import _, lazy_text, ngettext
from velatura.protocol import messages as p
from velatura_daemon.terminal.console import StatusLine, echo, echo_json
from velatura_daemon.user_paths import meaning_of_writing, shown

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
    if value < 90:
        return _("{seconds:.0f} s left").format(seconds=value)
    return _("{minutes:.0f} min left").format(minutes=value / 60)


class ProgressBar:
    """A progress bar on stderr, with losses and time left."""

    def __init__(self) -> None:
        self._status = StatusLine(_("connecting to the daemon"))
        self._status.start()
        self._item = ""

    def item(self, name: str, number: int, of: int) -> None:
        """Announce the next of several pictures."""
        self._item = f"{number}/{of} {name}  "

    def event(self, event: Event) -> None:
        if isinstance(event, p.Queued):
            text = (
                _("loading the network")
                if event.place == 0
                else ngettext("waiting for {count} other job", "waiting for {count} other jobs", event.place)
            )
            self._status.update(description=self._item + text)
        elif isinstance(event, p.Progress):
            # Translators: content and style: the losses; time_left: such as “3 min left”.
            facts = _("step {step}/{steps}  content {content:.3g}  style {style:.3g}  {time_left}").format(
                step=event.step,
                steps=event.steps,
                content=event.content_loss,
                style=event.style_loss,
                time_left=_time_left(event.seconds_left),
            )
            # Translators: the size at which the picture is computed now: number of it, and its pixels.
            scale = _("scale {number}/{of}  {width} × {height}").format(
                number=event.level + 1, of=event.levels, width=event.width, height=event.height
            )
            self._status.update(description=self._item + scale, total=1.0, completed=event.done, facts=facts)
        elif isinstance(event, p.Notice):
            self.note(event.sentence)

    def note(self, sentence: str) -> None:
        self._status.note(sentence)

    def result(self, **facts: Any) -> None:
        self.close()
        if facts["output"] != "-":  # the picture itself is on stdout
            echo(facts["output"])
        # Translators: how long a restyle took, and what was used.
        self.note(_("{seconds:.1f} s on {device}, weights: {weights}").format(**facts))

    def close(self) -> None:
        self._status.close()


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
        echo_json({"event": event, **fields})


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
    kind = "PNG" if path is not None and path.suffix.lower() == ".png" else "JPEG"  # of PREVIEW_EXTENSIONS

    def write(preview: p.Preview) -> None:
        nonlocal disabled
        if disabled or path is None:
            return
        from PIL import Image

        image = Image.frombytes("RGB", (preview.width, preview.height), bytes(preview.data))
        try:
            write_users_file(path, lambda file: image.save(file, kind))
        except OSError as error:
            disabled = True
            why = meaning_of_writing(error, path)
            note(
                lazy_text(
                    "The preview cannot be written to {path} ({why}). The restyle continues.", path=shown(path), why=why
                )
            )

    return write
