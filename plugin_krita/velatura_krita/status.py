"""Progress in Krita's status bar, with a button that cancels: shown while a restyle runs and the window does not."""

from __future__ import annotations

from typing import Any

from velatura import strings
from velatura.i18n import translated
from velatura.protocol.messages import Progress

from .qt import QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget, pyqtSignal

PERMILLE = 1000
BAR_WIDTH = 110  # pixels


class StatusProgress(QWidget):
    """Emits `cancelled` when its button is clicked, and `opened` when the rest of it is."""

    cancelled = pyqtSignal()
    opened = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("velatura status")  # not translated: a name for tests
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 6, 0)
        self.label = QLabel(strings.MENU)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(BAR_WIDTH, 10)
        self.bar.setRange(0, 0)
        self.bar.setAccessibleName(strings.PROGRESS_NAME)
        self.cancel = QToolButton()
        self.cancel.setObjectName("status cancel")  # not translated: a name for tests
        self.cancel.setText(strings.CANCEL)
        self.cancel.setAutoRaise(True)
        self.cancel.setToolTip(strings.CANCEL_TIP)
        self.cancel.clicked.connect(lambda _=False: self.cancelled.emit())
        for part in (self.label, self.bar, self.cancel):
            row.addWidget(part)
        self.setToolTip(strings.STATUS_TIP)

    def show_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, PERMILLE)
        self.bar.setValue(int(progress.done * PERMILLE))
        left = translated(strings.time_left(progress.seconds_left))
        self.label.setText(f"{strings.MENU} · {left}" if left else strings.MENU)
        self.label.setMinimumWidth(self.label.sizeHint().width())  # the status bar would cut it off

    def mousePressEvent(self, _: Any) -> None:
        self.opened.emit()
