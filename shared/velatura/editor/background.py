"""Work that must not stall an editor: in steps between the event loop's turns, or on a thread."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeVar

from velatura import strings
from velatura.editor.event_loop import Loop
from velatura.errors import VelaturaError

STEP_EVERY = 1  # ms; 0 would leave no core to the editor while it is waited for

T = TypeVar("T")
Done = Callable[[T], object]
Failed = Callable[[VelaturaError], object]


class Steps:
    """Runs generators step by step, several side by side."""

    def __init__(self, loop: Loop) -> None:
        self._running: list[tuple[Generator[None, None, Any], Done[Any], Failed]] = []
        self._timer = loop.timer(self._step)

    @property
    def busy(self) -> bool:
        return bool(self._running)

    def run(self, work: Generator[None, None, T], done: Done[T], failed: Failed) -> None:
        """done: gets what the generator returns. failed: gets its error."""
        self._running.append((work, done, failed))
        self._timer.start(STEP_EVERY)

    def _step(self) -> None:
        if not self._running:
            self._timer.stop()
            return
        work, done, failed = self._running.pop(0)
        try:
            next(work)
        except StopIteration as end:
            done(end.value)
        except Exception as error:
            failed(as_velatura_error(error))
        else:
            self._running.append((work, done, failed))


class Thread:
    """Runs functions on threads; what they return arrives on the main thread."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def run(self, work: Callable[[], T], done: Done[T], failed: Failed) -> None:
        """work must touch neither the editor nor widgets."""

        def on_the_thread() -> None:
            then: Callable[[], object]
            try:
                then = partial(done, work())
            except Exception as error:
                then = partial(failed, as_velatura_error(error))
            self._loop.from_thread(then)

        threading.Thread(target=on_the_thread, daemon=True).start()


def run_through(work: Generator[None, None, T]) -> T:
    """What a generator returns, in one go: for scripts, where nothing can stall."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            value: T = end.value
            return value


def as_velatura_error(error: Exception) -> VelaturaError:
    """Every failure gets a sentence; an unforeseen one keeps its traceback for the report."""
    if isinstance(error, VelaturaError):
        return error
    unforeseen = VelaturaError(strings.UNFORESEEN.format(what=f"{type(error).__name__}: {error}"))
    unforeseen.details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return unforeseen
