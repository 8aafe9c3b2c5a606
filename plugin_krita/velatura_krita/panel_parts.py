"""Parts of a panel: the scrolled column with the styles and settings, and the bottom with the progress and buttons."""

from __future__ import annotations

import html
from typing import Any

from velatura import strings
from velatura.i18n import translated

from .desktop import plain_label
from .qt import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    Qt,
    QVBoxLayout,
    QWidget,
)
from .status import PERMILLE

COLUMN_MARGIN = 6  # pixels to the right of the settings
SCROLL_GAP = 10  # pixels between the settings and their scroll bar
START_WIDTH = 130  # pixels, at least, of the most important button


class ScrolledColumn(QScrollArea):
    """Widgets below each other that scroll up and down."""

    def __init__(self, parts: list[QWidget], *, fixed: bool) -> None:
        """fixed: the width does not change with the window's."""
        super().__init__()
        self._column = QWidget()
        layout = QVBoxLayout(self._column)
        layout.setContentsMargins(0, 0, COLUMN_MARGIN, 0)
        layout.setSpacing(10)
        for part in parts:
            layout.addWidget(part)
        layout.addStretch(1)
        self.setWidget(self._column)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        if fixed:
            self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def fit_width(self, width: int) -> None:
        """Makes the column as wide as its contents need, and those that need `width` pixels but are folded away."""
        needed = max(self._column.minimumSizeHint().width(), width)
        self.setFixedWidth(needed + self.verticalScrollBar().sizeHint().width() + SCROLL_GAP)


class Bottom(QWidget):
    """The progress, the message, the notice of saved results, and the buttons."""

    def __init__(self, panel: Any, *, narrow: bool) -> None:
        """panel: its signals are emitted by the buttons."""
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._narrow = narrow
        self.bar = QProgressBar()
        self.bar.setRange(0, PERMILLE)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.bar.setAccessibleName(strings.PROGRESS_NAME)
        self.message = plain_label()
        self.message.setObjectName("message")
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.message.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.message.setContentsMargins(2, 6, 2, 6)
        self.message.setAccessibleName(strings.MESSAGE_NAME)
        self.estimate = plain_label()
        self.estimate.setObjectName("estimate")
        self.estimate.setWordWrap(True)
        column.addWidget(self.bar)
        column.addWidget(self.message)
        column.addWidget(self._grey_note(panel))
        column.addWidget(self._saved_notice(panel))
        self._make_buttons(panel)
        self.others = QWidget()  # what a narrow panel scrolls, so that more of the rest is visible
        self._rows: list[QBoxLayout] = []  # of buttons, which become columns where their texts need it
        if narrow:
            others = QVBoxLayout(self.others)
            others.setContentsMargins(0, 0, 0, 0)
            others.addWidget(self.estimate)
            others.addLayout(self._row(self.more, self.help))
            for button in (self.copy_report, self.copy_command, self.open_image):
                column.addWidget(button)
            column.addLayout(self._row(self.start, self.cancel))
        else:
            self.estimate.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            for_errors = self._row(self.copy_report, self.copy_command, self.open_image)
            for_errors.addStretch(1)
            column.addLayout(for_errors)
            buttons = QHBoxLayout()
            for button in (self.help, self.reset):
                buttons.addWidget(button)
            buttons.addWidget(self.estimate, 1)
            for button in (self.cancel, self.start):
                buttons.addWidget(button)
            column.addLayout(buttons)

    def _row(self, *buttons: QPushButton) -> QBoxLayout:
        row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for button in buttons:
            row.addWidget(button)
        self._rows.append(row)
        return row

    def arrange(self, width: int) -> None:
        """Makes rows that are wider than this columns, so that no text is cut off, and columns that fit rows again."""
        for row in self._rows:
            buttons = [row.itemAt(place).widget() for place in range(row.count())]
            widths = [button.sizeHint().width() for button in buttons if button is not None and not button.isHidden()]
            fits = sum(widths) + row.spacing() * (len(widths) - 1) <= width
            directions = QBoxLayout.Direction
            row.setDirection(directions.LeftToRight if fits else directions.TopToBottom)

    def _grey_note(self, panel: Any) -> QWidget:
        self.grey = self._note("grey")
        tip = strings.CONVERT_TO_RGB_TIP
        self.convert = self._button(strings.CONVERT_TO_RGB, "convert", tip, panel.conversion_requested)
        self._grey_row = self._note_row(self.grey, self.convert)
        return self._grey_row

    def _saved_notice(self, panel: Any) -> QWidget:
        self.saved = self._note("saved")
        self.recover = self._button(strings.RECOVER, "recover", strings.RECOVER_TIP, panel.results_requested)
        self._saved_row = self._note_row(self.saved, self.recover)
        return self._saved_row

    def _note(self, name: str) -> QLabel:
        label: QLabel = plain_label()
        label.setObjectName(name)
        label.setWordWrap(self._narrow)
        return label

    def _note_row(self, note: QLabel, button: QPushButton) -> QWidget:
        """A note with its button, hidden until there is one."""
        widget = QWidget()
        row = QVBoxLayout(widget) if self._narrow else QHBoxLayout(widget)
        row.setContentsMargins(2, 0, 0, 0)
        row.addWidget(note)
        row.addWidget(button)
        row.addStretch(1)
        widget.hide()
        return widget

    def show_grey_note(self, sentence: str) -> None:
        self.grey.setText(translated(sentence))
        self._grey_row.setVisible(bool(sentence))

    def show_saved_notice(self, sentence: str) -> None:
        self.saved.setText(translated(sentence))
        self._saved_row.setVisible(bool(sentence))

    def _make_buttons(self, panel: Any) -> None:
        self.copy_report = self._button(
            strings.COPY_REPORT, "copy_report", strings.COPY_REPORT_TIP, panel.report_requested
        )
        self.copy_command = self._button(
            strings.COPY_COMMAND, "copy_command", strings.COPY_COMMAND_TIP, panel.command_requested
        )
        self.open_image = self._button(
            strings.OPEN_AS_IMAGE, "open_image", strings.OPEN_AS_IMAGE_TIP, panel.open_image_requested
        )
        self.cancel = self._button(strings.CANCEL, "cancel", strings.CANCEL_TIP, panel.cancel_requested)
        # It is not the default button: Enter in a number field must not start anything.
        self.start = self._button(strings.START, "start", strings.START_TIP, panel.start_requested)
        if not self._narrow:
            self.start.setMinimumWidth(START_WIDTH)
        self.help = self._button(strings.HELP, "help", strings.HELP_TIP, panel.help_requested)
        if self._narrow:
            self.more = self._button(
                strings.OPEN_WINDOW, "open_window", strings.OPEN_WINDOW_TIP, panel.window_requested
            )
        else:
            self.reset = self._button(strings.RESET, "reset", strings.RESET_TIP, panel.controls.reset_requested)

    def _button(self, text: str, name: str, tip: str, signal: Any) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        button.setMinimumWidth(1)
        button.clicked.connect(lambda _=False: signal.emit())
        return button


def heading(text: str) -> QLabel:
    return QLabel(f"<b>{html.escape(text)}</b>")


def line() -> QFrame:
    rule = QFrame()
    rule.setFrameShape(QFrame.Shape.HLine)
    rule.setFrameShadow(QFrame.Shadow.Sunken)
    return rule
