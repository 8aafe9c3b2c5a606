"""Work that must not stall the canvas: in steps between the event loop's turns, or on a thread."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Generator
from typing import Any

from pastiche.errors import PasticheError

from .qt import QObject, QTimer, pyqtSignal


class Steps(QObject):
    """Runs generators step by step, several side by side."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: list[tuple[Generator[None, None, Any], Callable[[Any], None], Callable[[PasticheError], None]]] = []  # fmt: skip
        self._timer = QTimer(self)
        self._timer.setInterval(1)  # ms; 0 would leave no core to Krita while it is waited for
        self._timer.timeout.connect(self._step)

    def run(self, work: Generator[None, None, Any], done: Callable[[Any], None], failed: Callable[[PasticheError], None]) -> None:  # fmt: skip
        """done: gets what the generator returns. failed: gets its error."""
        self._running.append((work, done, failed))
        self._timer.start()

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
            failed(as_pastiche_error(error))
        else:
            self._running.append((work, done, failed))


class Thread(QObject):
    """Runs functions on threads; what they return arrives on the main thread."""

    _finished = pyqtSignal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._finished.connect(lambda then, value: then(value))

    def run(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[PasticheError], None]) -> None:  # fmt: skip
        """work must touch neither Krita nor widgets."""

        def on_the_thread() -> None:
            try:
                value, then = work(), done
            except Exception as error:
                value, then = as_pastiche_error(error), failed
            self._finished.emit(then, value)

        threading.Thread(target=on_the_thread, daemon=True).start()


def as_pastiche_error(error: Exception) -> PasticheError:
    """Every failure gets a sentence; an unforeseen one keeps its traceback for the report."""
    if isinstance(error, PasticheError):
        return error
    foreseen = PasticheError(f"Something unforeseen went wrong: {type(error).__name__}: {error}. Press 'Copy report' and send it to us.")  # fmt: skip
    foreseen.details = "".join(traceback.format_exception(type(error), error, error.__traceback__))  # type: ignore[attr-defined]
    return foreseen
