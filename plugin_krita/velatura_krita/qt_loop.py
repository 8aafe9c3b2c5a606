"""Qt's event loop, as the shared code sees it (`velatura.editor.event_loop`)."""

from __future__ import annotations

from collections.abc import Callable

from .qt import QObject, QSocketNotifier, Qt, QTimer, pyqtSignal


class QtLoop(QObject):
    """Lives on the main thread, like everything that it calls."""

    _called = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._called.connect(lambda do: do(), Qt.ConnectionType.QueuedConnection)

    def timer(self, do: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.timeout.connect(do)
        return timer

    def call_later(self, milliseconds: int, do: Callable[[], object]) -> None:
        QTimer.singleShot(milliseconds, do)

    def watch(self, descriptor: int, do: Callable[[], object]) -> QtWatch:
        return QtWatch(self, descriptor, do)

    def call_on_main_thread(self, do: Callable[[], object]) -> None:
        self._called.emit(do)


class QtWatch:
    """Two notifiers on one descriptor."""

    def __init__(self, parent: QObject, descriptor: int, do: Callable[[], object]) -> None:
        self._reading, self._writing = (
            QSocketNotifier(descriptor, kind, parent)
            for kind in (QSocketNotifier.Type.Read, QSocketNotifier.Type.Write)
        )
        for notifier in (self._reading, self._writing):
            notifier.activated.connect(lambda *_: do())
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
