"""The results window: saved results, stopped restyles and the history. It uses neither the daemon nor Krita's API."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from velatura import strings
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.descriptions import describe_entry, describe_item
from velatura.errors import VelaturaError
from velatura.i18n import translated
from velatura.protocol.messages import Preview, Progress

from .desktop import in_device_pixels, plain_label, plain_tip, sharp, style_error, style_plain
from .preview import PreviewArea
from .qt import (
    QColor,
    QDialog,
    QEvent,
    QHBoxLayout,
    QIcon,
    QImage,
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
from .status import PERMILLE

SIZE = (960, 600)  # pixels, if the screen has room
PLACE = "results"  # the name under which the place of the window is remembered
THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT = 112, 84  # pixels
THUMBNAIL_GAP = 6  # pixels between two thumbnails
BUTTON_PADDING = 20  # pixels beside a button's text
ITEM_ROLE = Qt.ItemDataRole.UserRole


class ResultsWindow(QDialog):
    """Emits a signal for each request of the user; the controller calls the methods to show the state."""

    insert_requested = pyqtSignal(object)  # SavedItem
    resume_requested = pyqtSignal(object)  # SavedItem
    delete_requested = pyqtSignal(object)  # SavedItem
    stop_requested = pyqtSignal()
    use_again_requested = pyqtSignal(object)  # HistoryEntry
    closed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            parent, Qt.WindowType.Window | Qt.WindowType.WindowCloseButtonHint | Qt.WindowType.WindowMinMaxButtonsHint
        )
        self.setObjectName("velatura results")  # not translated: a name for tests
        self.setWindowTitle(strings.RESULTS_TITLE)
        self._busy = False
        result_icon = QSize(THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT)
        self.results_list = _list("results list", result_icon)  # not translated: a name for tests
        history_icon = QSize(THUMBNAIL_WIDTH + THUMBNAIL_GAP + THUMBNAIL_HEIGHT, THUMBNAIL_HEIGHT)
        self.history_list = _list("history list", history_icon)  # not translated: a name for tests
        self.tabs = QTabWidget()
        self.tabs.setObjectName("tabs")
        self.tabs.addTab(self.results_list, strings.RESULTS_TAB)
        self.tabs.addTab(self.history_list, strings.HISTORY_TAB)
        self.preview = PreviewArea()
        middle = QHBoxLayout()
        middle.addWidget(self.tabs, 1)
        middle.addWidget(self.preview)
        outer = QVBoxLayout(self)
        outer.setSpacing(10)
        outer.addLayout(middle, 1)
        self._add_bottom(outer)
        for widget in (self.results_list, self.history_list):
            widget.itemSelectionChanged.connect(self._update_buttons)
        self.tabs.currentChanged.connect(lambda _: self._update_buttons())
        self._shows_error = False
        self.set_idle()

    def _add_bottom(self, outer: QVBoxLayout) -> None:
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.message = plain_label()
        self.message.setObjectName("results message")  # not translated: a name for tests
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.delete = self._button(strings.DELETE, "delete", lambda: self.delete_requested.emit(self._result()))
        self.stop = self._button(strings.STOP, "stop", self.stop_requested.emit)
        self.resume = self._button(strings.RESUME, "resume", lambda: self.resume_requested.emit(self._result()))
        self.resume.setToolTip(strings.RESUME_TIP)
        self.insert = self._button(strings.INSERT, "insert", lambda: self.insert_requested.emit(self._result()))
        self.insert.setToolTip(strings.INSERT_TIP)
        self.use_again = self._button(
            strings.USE_AGAIN, "use_again", lambda: self.use_again_requested.emit(_selected(self.history_list))
        )
        row = QHBoxLayout()
        row.addWidget(self.delete)
        row.addStretch(1)
        for button in (self.stop, self.resume, self.insert, self.use_again):
            row.addWidget(button)
        for part in (self.bar, self.message):
            outer.addWidget(part)
        outer.addLayout(row)

    def _button(self, text: str, name: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.setMinimumWidth(button.sizeHint().width() + BUTTON_PADDING)
        button.clicked.connect(lambda _=False: slot())
        return button

    # --- selection -------------------------------------------------------------------------------------
    def _result(self) -> SavedItem | None:
        """The selected result."""
        selected: SavedItem | None = _selected(self.results_list)
        return selected

    def _update_buttons(self) -> None:
        """Shows and enables the buttons that apply to the current tab and its selection."""
        on_results = self.tabs.currentWidget() is self.results_list
        item, idle = self._result(), not self._busy
        for button in (self.delete, self.resume, self.insert):
            button.setVisible(on_results)
            button.setEnabled(idle and item is not None)
        self.resume.setEnabled(idle and item is not None and not item.finished)
        self.stop.setVisible(on_results and self._busy)
        self.use_again.setVisible(not on_results)
        self.use_again.setEnabled(_selected(self.history_list) is not None)

    # --- state -----------------------------------------------------------------------------------------
    def show_items(self, items: list[SavedItem]) -> None:
        now, was = time.time(), self._result()
        self.results_list.clear()
        for item in items:
            _append(self.results_list, item, describe_item(item, now), [(item.thumbnail, THUMBNAIL_WIDTH)])
        _select(self.results_list, [i for i, item in enumerate(items) if was is not None and item.job == was.job])
        self._update_buttons()

    def show_history(self, entries: list[HistoryEntry]) -> None:
        now, was = time.time(), _selected(self.history_list)
        self.history_list.clear()
        for entry in entries:
            style = next((style.thumbnail for style in entry.styles if style.thumbnail), b"")
            thumbnails = [(entry.thumbnail, THUMBNAIL_WIDTH), (style, THUMBNAIL_HEIGHT)]
            _append(self.history_list, entry, describe_entry(entry, now), thumbnails)
        numbers = [entry.number for entry in entries]
        _select(self.history_list, [numbers.index(was.number)] if was is not None and was.number in numbers else [])
        if not entries:
            _append(self.history_list, None, (strings.NO_HISTORY,), [])
        self._update_buttons()

    def set_busy(self) -> None:
        self._busy = True
        self.bar.setRange(0, 0)
        self.bar.show()
        self._update_buttons()

    def set_idle(self) -> None:
        self._busy = False
        self.bar.setRange(0, PERMILLE)
        self.bar.hide()
        self.preview.hide()
        self.preview.set_original(QImage())
        self._update_buttons()

    def show_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, PERMILLE)
        self.bar.setValue(int(progress.done * PERMILLE))
        self.show_message(strings.progress(progress))

    def show_preview(self, preview: Preview) -> None:
        self.preview.set_preview(preview)
        self.preview.show()

    def show_message(self, sentence: str) -> None:
        self._shows_error = False
        style_plain(self.message)
        self.message.setText(translated(sentence))

    def show_error(self, error: VelaturaError) -> None:
        self._shows_error = True
        style_error(self.message)
        self.message.setText(error.local_sentence)

    def changeEvent(self, event: Any) -> None:
        """Another theme needs other colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_shows_error"):
            (style_error if self._shows_error else style_plain)(self.message)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.tabs.setCurrentWidget(self.results_list)  # first, whichever tab was open last time

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        if not event.spontaneous():  # closed, not minimised
            self.closed.emit()


def _list(name: str, icon: QSize) -> QListWidget:
    widget = QListWidget()
    widget.setObjectName(name)
    widget.setIconSize(icon)
    widget.setSpacing(3)
    widget.setUniformItemSizes(True)
    widget.setTextElideMode(Qt.TextElideMode.ElideRight)
    widget.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    widget.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
    return widget


def _append(widget: QListWidget, thing: object, about: Sequence[str], thumbnails: list[tuple[bytes, int]]) -> None:
    """Adds an item. about: its lines of text. thumbnails: JPEGs with their widths; without any, it is only text."""
    text = "\n".join(map(translated, about))
    item = QListWidgetItem(text)
    item.setData(ITEM_ROLE, thing)
    item.setToolTip(plain_tip(text))
    if thumbnails:
        item.setIcon(QIcon(_side_by_side(thumbnails, widget)))
    else:
        item.setFlags(Qt.ItemFlag.NoItemFlags)
    widget.addItem(item)


def _selected(widget: QListWidget) -> Any:
    items = widget.selectedItems()
    return items[0].data(ITEM_ROLE) if items else None


def _select(widget: QListWidget, rows: list[int]) -> None:
    """Selects the first of these rows, or the first row of the list if there are none."""
    if widget.count():
        widget.setCurrentRow(rows[0] if rows else 0)


def _side_by_side(thumbnails: list[tuple[bytes, int]], widget: QWidget) -> QPixmap:
    """JPEGs next to each other on a transparent background, each scaled to fit its width. widget: where they are."""
    width = sum(width for _, width in thumbnails) + THUMBNAIL_GAP * (len(thumbnails) - 1)
    pixmap = sharp(QPixmap(in_device_pixels(widget, QSize(width, THUMBNAIL_HEIGHT))), widget)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter, left = QPainter(pixmap), 0
    for jpeg, width in thumbnails:
        image = QImage.fromData(jpeg)
        if image.isNull():
            painter.fillRect(QRect(left, 0, width, THUMBNAIL_HEIGHT), QColor(128, 128, 128, 40))
        else:
            box = QSize(width, THUMBNAIL_HEIGHT)
            size = image.size().scaled(box, Qt.AspectRatioMode.KeepAspectRatio)
            small = image.scaled(
                in_device_pixels(widget, size),
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            corner = left + (width - size.width()) // 2, (THUMBNAIL_HEIGHT - size.height()) // 2
            painter.drawImage(QRect(*corner, size.width(), size.height()), small)
        left += width + THUMBNAIL_GAP
    painter.end()
    return pixmap
