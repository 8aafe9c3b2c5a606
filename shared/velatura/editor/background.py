"""Work that must not block an editor: split into steps on the main thread, or on a thread of its own."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeVar

from velatura import strings
from velatura.editor.event_loop import Loop
from velatura.errors import VelaturaError

STEP_EVERY = 1  # ms; 0 would leave no CPU time to the editor

T = TypeVar("T")
OnDone = Callable[[T], object]
OnFailed = Callable[[VelaturaError], object]


class Steps:
    """Runs generators step by step on the main thread. Several can run at the same time."""

    def __init__(self, loop: Loop) -> None:
        self._running: list[tuple[Generator[None, None, Any], OnDone[Any], OnFailed]] = []
        self._timer = loop.timer(self._step)

    @property
    def busy(self) -> bool:
        """Whether any generator is running."""
        return bool(self._running)

    def run(self, work: Generator[None, None, T], on_done: OnDone[T], on_failed: OnFailed) -> None:
        """Run a generator. on_done: called with its return value. on_failed: called with its error."""
        self._running.append((work, on_done, on_failed))
        self._timer.start(STEP_EVERY)

    def _step(self) -> None:
        if not self._running:
            self._timer.stop()
            return
        work, on_done, on_failed = self._running.pop(0)
        try:
            next(work)
        except StopIteration as end:
            on_done(end.value)
        except Exception as error:
            on_failed(as_velatura_error(error))
        else:
            self._running.append((work, on_done, on_failed))


class Thread:
    """Runs functions on threads of their own and passes their results to the main thread."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def run(self, work: Callable[[], T], on_done: OnDone[T], on_failed: OnFailed) -> None:
        """Run a function, which must touch neither the editor nor widgets.

        on_done: called with its return value. on_failed: called with its error.
        """

        def run_on_thread() -> None:
            callback: Callable[[], object]
            try:
                callback = partial(on_done, work())
            except Exception as error:
                callback = partial(on_failed, as_velatura_error(error))
            self._loop.call_on_main_thread(callback)

        threading.Thread(target=run_on_thread, daemon=True).start()


def run_to_end(work: Generator[None, None, T]) -> T:
    """Run a generator without pauses and return its value. For scripts, where blocking does not matter."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            value: T = end.value
            return value


def as_velatura_error(error: Exception) -> VelaturaError:
    """Return the error as a VelaturaError. An unexpected error keeps its traceback as `details` for the report."""
    if isinstance(error, VelaturaError):
        return error
    unexpected = VelaturaError(strings.UNEXPECTED.format(what=f"{type(error).__name__}: {error}"))
    unexpected.details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return unexpected
