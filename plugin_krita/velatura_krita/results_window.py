"""The window of what is kept: results that wait, restyles that were stopped, and the history. It knows no daemon and no
Krita."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from velatura import strings
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.descriptions import describe_entry, describe_item
from velatura.errors import VelaturaError
from velatura.protocol.messages import Preview, Progress

from .preview import PreviewArea
from .qt import (
    QColor,
    QDialog,
    QHBoxLayout,
    QIcon,
    QImage,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPainter,
    QPixmap,
    QProgressBar,
    QPushButton,
    QRect,
    QSize,
    Qt,
    QTabWidget,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from .window import MESSAGE, PERMILLE, WARNING

WIDE, HIGH, GAP = 112, 84, 6  # pixels of a thumbnail, and between two
ROOM = 20  # pixels beside a button's words
A_THING = Qt.ItemDataRole.UserRole


class ResultsWindow(QDialog):
    """Signals say what the person wants; the methods below say what goes on."""

    insert_asked = pyqtSignal(object)  # SavedItem
    go_on_asked = pyqtSignal(object)
    forget_asked = pyqtSignal(object)
    stop_asked = pyqtSignal()
    use_asked = pyqtSignal(object)  # HistoryEntry
    closed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            parent, Qt.WindowType.Window | Qt.WindowType.WindowCloseButtonHint | Qt.WindowType.WindowMinMaxButtonsHint
        )
        self.setObjectName("velatura results")
        self.setWindowTitle(strings.RESULTS_TITLE)
        self._busy = False
        self.kept = _list("kept list", QSize(WIDE, HIGH))
        self.history = _list("history list", QSize(WIDE + GAP + HIGH, HIGH))
        self.tabs = QTabWidget()
        self.tabs.setObjectName("tabs")
        self.tabs.addTab(self.kept, strings.KEPT_RESULTS)
        self.tabs.addTab(self.history, strings.HISTORY)
        self.preview = PreviewArea()
        middle = QHBoxLayout()
        middle.addWidget(self.tabs, 1)
        middle.addWidget(self.preview)
        outer = QVBoxLayout(self)
        outer.setSpacing(10)
        outer.addLayout(middle, 1)
        self._add_bottom(outer)
        for one in (self.kept, self.history):
            one.itemSelectionChanged.connect(self._offer)
        self.tabs.currentChanged.connect(lambda _: self._offer())
        self.set_idle()
        self.resize(960, 600)

    def _add_bottom(self, outer: QVBoxLayout) -> None:
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.message = QLabel()
        self.message.setObjectName("kept message")
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.forget = self._button(strings.FORGET, "forget", lambda: self.forget_asked.emit(self._chosen(self.kept)))
        self.stop = self._button(strings.STOP, "stop", self.stop_asked.emit)
        self.resume = self._button(strings.GO_ON, "go_on", lambda: self.go_on_asked.emit(self._chosen(self.kept)))
        self.resume.setToolTip(strings.GO_ON_TIP)
        self.insert = self._button(strings.INSERT, "insert", lambda: self.insert_asked.emit(self._chosen(self.kept)))
        self.insert.setToolTip(strings.INSERT_TIP)
        self.use = self._button(strings.USE_AGAIN, "use_again", lambda: self.use_asked.emit(self._chosen(self.history)))
        row = QHBoxLayout()
        row.addWidget(self.forget)
        row.addStretch(1)
        for button in (self.stop, self.resume, self.insert, self.use):
            row.addWidget(button)
        for part in (self.bar, self.message):
            outer.addWidget(part)
        outer.addLayout(row)

    def _button(self, text: str, name: str, do: Any) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.setMinimumWidth(button.sizeHint().width() + ROOM)
        button.clicked.connect(lambda _=False: do())
        return button

    # --- what is chosen --------------------------------------------------------------------------------
    @staticmethod
    def _chosen(one: QListWidget) -> Any:
        items = one.selectedItems()
        return items[0].data(A_THING) if items else None

    def _offer(self) -> None:
        """What can be done with what is chosen."""
        on_results = self.tabs.currentWidget() is self.kept
        item, free = self._chosen(self.kept), not self._busy
        for button in (self.forget, self.resume, self.insert):
            button.setVisible(on_results)
            button.setEnabled(free and item is not None)
        self.resume.setEnabled(free and item is not None and not item.finished)
        self.stop.setVisible(on_results and self._busy)
        self.use.setVisible(not on_results)
        self.use.setEnabled(self._chosen(self.history) is not None)

    # --- what goes on ----------------------------------------------------------------------------------
    def show_items(self, items: list[SavedItem]) -> None:
        now, was = time.time(), self._chosen(self.kept)
        self.kept.clear()
        for item in items:
            self._append(self.kept, item, describe_item(item, now), [(item.thumbnail, WIDE)])
        _choose(self.kept, [i for i, item in enumerate(items) if was is not None and item.job == was.job])
        self._offer()

    def show_history(self, lines: list[HistoryEntry]) -> None:
        now, was = time.time(), self._chosen(self.history)
        self.history.clear()
        for line in lines:
            style = next((style.thumbnail for style in line.styles if style.thumbnail), b"")
            self._append(self.history, line, describe_entry(line, now), [(line.thumbnail, WIDE), (style, HIGH)])
        _choose(self.history, [i for i, line in enumerate(lines) if was is not None and line.number == was.number])
        if not lines:
            self._append(self.history, None, (strings.NO_HISTORY,), [])
        self._offer()

    def _append(
        self, to: QListWidget, thing: object, about: Sequence[str], thumbnails: list[tuple[bytes, int]]
    ) -> None:
        item = QListWidgetItem("\n".join(about))
        item.setData(A_THING, thing)
        item.setToolTip("\n".join(about))
        if thumbnails:
            item.setIcon(QIcon(_beside_each_other(thumbnails)))
        else:
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        to.addItem(item)

    def set_busy(self) -> None:
        self._busy = True
        self.bar.setRange(0, 0)
        self.bar.show()
        self._offer()

    def set_idle(self) -> None:
        self._busy = False
        self.bar.setRange(0, PERMILLE)
        self.bar.hide()
        self.preview.hide()
        self.preview.set_before(QImage())
        self._offer()

    def show_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, PERMILLE)
        self.bar.setValue(int(progress.done * PERMILLE))
        self.show_message(strings.progress(progress))

    def show_preview(self, preview: Preview) -> None:
        self.preview.set_preview(preview)
        self.preview.show()

    def show_message(self, sentence: str) -> None:
        self.message.setStyleSheet(MESSAGE)
        self.message.setText(sentence)

    def show_error(self, error: VelaturaError) -> None:
        self.message.setStyleSheet(MESSAGE + f" QLabel {{ {WARNING} }}")
        self.message.setText(error.sentence)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.tabs.setCurrentWidget(self.kept)  # what waits comes first, whatever was looked at the last time

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        if not event.spontaneous():  # not by being minimised
            self.closed.emit()


def _list(name: str, icon: QSize) -> QListWidget:
    one = QListWidget()
    one.setObjectName(name)
    one.setIconSize(icon)
    one.setSpacing(3)
    one.setUniformItemSizes(True)
    one.setTextElideMode(Qt.TextElideMode.ElideRight)
    one.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    one.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
    return one


def _choose(one: QListWidget, rows: list[int]) -> None:
    """What was chosen before, if it is still there; else the first."""
    if one.count():
        one.setCurrentRow(rows[0] if rows else 0)


def _beside_each_other(thumbnails: list[tuple[bytes, int]]) -> QPixmap:
    """JPEGs, each fitted into its width, on nothing."""
    whole = QPixmap(sum(width for _, width in thumbnails) + GAP * (len(thumbnails) - 1), HIGH)
    whole.fill(Qt.GlobalColor.transparent)
    painter, left = QPainter(whole), 0
    for jpeg, width in thumbnails:
        image = QImage.fromData(jpeg)
        if image.isNull():
            painter.fillRect(QRect(left, 0, width, HIGH), QColor(128, 128, 128, 40))
        else:
            small = image.scaled(
                QSize(width, HIGH), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            painter.drawImage(left + (width - small.width()) // 2, (HIGH - small.height()) // 2, small)
        left += width + GAP
    painter.end()
    return whole
