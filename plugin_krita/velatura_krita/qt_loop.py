"""Implements the event loop interface of `velatura.editor.event_loop` with Qt."""

from __future__ import annotations

from collections.abc import Callable

from .qt import QObject, QSocketNotifier, Qt, QTimer, pyqtSignal


class QtLoop(QObject):
    """Belongs to the main thread, on which all callbacks run."""

    _called = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._called.connect(lambda callback: callback(), Qt.ConnectionType.QueuedConnection)

    def timer(self, callback: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.timeout.connect(callback)
        return timer

    def call_later(self, milliseconds: int, callback: Callable[[], object]) -> None:
        QTimer.singleShot(milliseconds, callback)

    def watch(self, descriptor: int, callback: Callable[[], object]) -> QtWatch:
        return QtWatch(self, descriptor, callback)

    def call_on_main_thread(self, callback: Callable[[], object]) -> None:
        self._called.emit(callback)


class QtWatch:
    """Watches a file descriptor, with one notifier for reading and one for writing."""

    def __init__(self, parent: QObject, descriptor: int, callback: Callable[[], object]) -> None:
        self._reading, self._writing = (
            QSocketNotifier(descriptor, kind, parent)
            for kind in (QSocketNotifier.Type.Read, QSocketNotifier.Type.Write)
        )
        for notifier in (self._reading, self._writing):
            notifier.activated.connect(lambda *_: callback())
        self.pause()

    def listen(self, *, writing: bool) -> None:
        self._reading.setEnabled(True)
        self._writing.setEnabled(writing)

    def pause(self) -> None:
        for notifier in (self._reading, self._writing):
            notifier.setEnabled(False)

    def close(self) -> None:
        self.pause()
        for notifier in (self._reading, self._writing):
            notifier.deleteLater()
