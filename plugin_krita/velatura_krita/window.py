"""The window beside the canvas: the target, the styles, the settings and the progress.

It uses neither the daemon nor Krita's API.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.style_regions import RegionSource
from velatura.editor.ui_state import Style, UiState
from velatura.errors import VelaturaError
from velatura.protocol.messages import Preview, Progress
from velatura.settings import StyleSettings

from .controls import Controls
from .desktop import WheelGuard, place, style_error, style_plain, style_quiet
from .gallery import Gallery
from .preview import PreviewArea
from .qt import (
    QDialog,
    QEvent,
    QFrame,
    QHBoxLayout,
    QImage,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    Qt,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from .status import PERMILLE
from .styles import StyleSource

SIZE = (960, 720)  # pixels, if the screen has room
SCROLL_GAP = 10  # pixels between the settings and their scroll bar
PLACE = "restyle"  # the name under which the place of the window is remembered


class Window(QDialog):
    """Emits a signal for each request of the user; the controller calls the methods to show the state."""

    start_requested = pyqtSignal()
    cancel_requested = pyqtSignal()
    changed = pyqtSignal()
    report_requested = pyqtSignal()
    command_requested = pyqtSignal()
    open_image_requested = pyqtSignal()
    results_requested = pyqtSignal()
    help_requested = pyqtSignal()
    shown = pyqtSignal()
    hidden = pyqtSignal()

    def __init__(
        self,
        dirs: AppDirs,
        sources: Callable[[], list[StyleSource]],
        regions: Callable[[], list[RegionSource]],
        open_style: Callable[[str], QImage],
        parent: QWidget | None = None,
    ) -> None:
        """As for `Gallery`."""
        super().__init__(
            parent, Qt.WindowType.Window | Qt.WindowType.WindowCloseButtonHint | Qt.WindowType.WindowMinMaxButtonsHint
        )
        self.setObjectName("velatura")
        self.setWindowTitle(strings.TITLE)
        self.setModal(False)
        self.setAcceptDrops(True)
        self.preview = PreviewArea()
        self.gallery = Gallery(dirs, sources, regions, open_style)
        self.controls = Controls()
        outer = QVBoxLayout(self)
        outer.setSpacing(10)
        outer.addLayout(self._middle(), 1)
        outer.addWidget(self._bottom())
        self.gallery.changed.connect(self.changed)
        self.controls.changed.connect(self.changed)
        self._wheel_guard = WheelGuard(self)
        self._wheel_guard.watch(self.controls)
        self._is_busy = self._shows_error = False
        self.set_idle()

    # --- layout ----------------------------------------------------------------------------------------
    def _middle(self) -> QHBoxLayout:
        self.target = QLabel()
        self.target.setObjectName("target")
        left = QVBoxLayout()
        left.addWidget(self.preview, 1)
        left.addWidget(self.target)
        column = QWidget()
        right = QVBoxLayout(column)
        right.setContentsMargins(0, 0, 6, 0)
        right.setSpacing(10)
        heading = _heading(strings.STYLE)
        heading.setBuddy(self.gallery.list)
        right.addWidget(heading)
        right.addWidget(self.gallery)
        right.addWidget(_line())
        right.addWidget(self.controls)
        right.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(column)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self._column, self._scroll = column, scroll
        middle = QHBoxLayout()
        middle.setSpacing(14)
        middle.addLayout(left, 1)
        middle.addWidget(scroll)
        return middle

    def _bottom(self) -> QWidget:
        bottom = QWidget()
        column = QVBoxLayout(bottom)
        column.setContentsMargins(0, 0, 0, 0)
        self.bar = QProgressBar()
        self.bar.setRange(0, PERMILLE)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.message = QLabel()
        self.message.setObjectName("message")
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.message.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.message.setContentsMargins(2, 6, 2, 6)
        self.message.setAccessibleName(strings.MESSAGE_NAME)
        self.bar.setAccessibleName(strings.PROGRESS_NAME)
        self.saved = QLabel()
        self.saved.setObjectName("saved")
        self.recover = self._button(strings.RECOVER, "recover", self.results_requested)
        self._saved_row = QWidget()
        saved_row = QHBoxLayout(self._saved_row)
        saved_row.setContentsMargins(2, 0, 0, 0)
        saved_row.addWidget(self.saved)
        saved_row.addWidget(self.recover)
        saved_row.addStretch(1)
        self._saved_row.hide()
        buttons = QHBoxLayout()
        self.copy_report = self._button(strings.COPY_REPORT, "copy_report", self.report_requested)
        self.copy_command = self._button(strings.COPY_COMMAND, "copy_command", self.command_requested)
        self.open_image = self._button(strings.OPEN_AS_IMAGE, "open_image", self.open_image_requested)
        self.cancel = self._button(strings.CANCEL, "cancel", self.cancel_requested)
        # It is not the default button: Enter in a number field must not start anything.
        self.start = self._button(strings.START, "start", self.start_requested)
        self.start.setMinimumWidth(130)
        self.start.setToolTip(strings.START_TIP)
        self.recover.setToolTip(strings.RECOVER_TIP)
        self.cancel.setToolTip(strings.CANCEL_TIP)
        self.copy_report.setToolTip(strings.COPY_REPORT_TIP)
        self.copy_command.setToolTip(strings.COPY_COMMAND_TIP)
        self.open_image.setToolTip(strings.OPEN_AS_IMAGE_TIP)
        self.reset = self._button(strings.RESET, "reset", self.controls.reset_requested)
        self.reset.setToolTip(strings.RESET_TIP)
        self.help = self._button(strings.HELP, "help", self.help_requested)
        self.help.setToolTip(strings.HELP_TIP)
        for button in (self.help, self.reset, self.copy_report, self.copy_command, self.open_image):
            buttons.addWidget(button)
        self.estimate = QLabel()
        self.estimate.setObjectName("estimate")
        self.estimate.setWordWrap(True)
        self.estimate.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        buttons.addWidget(self.estimate, 1)
        for button in (self.cancel, self.start):
            buttons.addWidget(button)
        column.addWidget(self.bar)
        column.addWidget(self.message)
        column.addWidget(self._saved_row)
        column.addLayout(buttons)
        return bottom

    def _button(self, text: str, name: str, signal: Any) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _=False: signal.emit())
        return button

    def is_shown(self) -> bool:
        return bool(self.isVisible())

    # --- user input ------------------------------------------------------------------------------------
    def chosen_styles(self) -> list[Style]:
        return self.gallery.chosen()

    def settings(self) -> StyleSettings:
        return self.controls.settings()

    def restore(self, state: UiState) -> None:
        """Shows the settings and styles of the last time, at the place of the last time."""
        place(self, state.windows.get(PLACE), SIZE)
        self.controls.set_settings(state.settings)
        self.gallery.fill(state, state.styles)
        if not state.styles:
            self.show_message(strings.NO_STYLE)

    def apply_choices(self, state: UiState, styles: list[Style], settings: StyleSettings) -> None:
        self.controls.set_settings(settings)
        self.gallery.fill(state, styles)

    # --- state -----------------------------------------------------------------------------------------
    def preview_side(self) -> int:
        side = max(self.preview.width(), self.preview.height(), 400)
        return int(side * self.preview.devicePixelRatioF())

    def show_target(self, sentence: str) -> None:
        self.target.setText(sentence)

    def show_original(self, thumbnail: QImage) -> None:
        self.preview.set_original(thumbnail)

    def forget_regions(self) -> None:
        self.gallery.forget_regions()

    def show_estimate(self, sentence: str) -> None:
        style_quiet(self.estimate)
        self.estimate.setText(sentence)

    def show_saved_notice(self, sentence: str) -> None:
        self.saved.setText(sentence)
        self._saved_row.setVisible(bool(sentence))

    def set_busy(self) -> None:
        if not self._is_busy:
            self.preview.remember()
        self._is_busy = True
        self.bar.setRange(0, 0)  # indeterminate, until the first progress
        self.cancel.setEnabled(True)
        self.start.setText(strings.START_OVER)
        self._show_error_buttons()

    def set_idle(self) -> None:
        self._is_busy = False
        self.bar.setRange(0, PERMILLE)
        self.bar.setValue(0)
        self.cancel.setEnabled(False)
        self.start.setText(strings.START)
        self._show_error_buttons()

    def show_before(self) -> None:
        self.preview.show_remembered()

    def show_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, PERMILLE)
        self.bar.setValue(int(progress.done * PERMILLE))
        self.show_message(strings.progress(progress))

    def show_preview(self, preview: Preview) -> None:
        self.preview.set_preview(preview)

    def show_message(self, sentence: str) -> None:
        self._shows_error = False
        style_plain(self.message)
        self.message.setText(sentence)
        if not self._is_busy:
            self._show_error_buttons()

    def show_error(
        self, error: VelaturaError, *, report: bool = True, command: bool = False, document: bool = False
    ) -> None:
        """Shows the error's sentence and the buttons that help."""
        self._shows_error = True
        style_error(self.message)
        self.message.setText(error.sentence)
        self._show_error_buttons(report=report, command=command, document=document)

    def _show_error_buttons(self, *, report: bool = False, command: bool = False, document: bool = False) -> None:
        self.copy_report.setVisible(report)
        self.copy_command.setVisible(command)
        self.open_image.setVisible(document)

    # --- events ----------------------------------------------------------------------------------------
    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._fit_column()
        self.shown.emit()

    def _fit_column(self) -> None:
        """Makes the column as wide as its contents need, those that are folded away too. The fonts are known now."""
        needed = max(self._column.minimumSizeHint().width(), self.controls.full_width())
        self._scroll.setFixedWidth(needed + self._scroll.verticalScrollBar().sizeHint().width() + SCROLL_GAP)

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self.hidden.emit()

    def reject(self) -> None:
        """Escape cancels a running restyle; if there is none, it closes the window."""
        if self._is_busy:
            self.cancel_requested.emit()
        else:
            super().reject()

    def closeEvent(self, event: Any) -> None:
        """Closing the window leaves a restyle running; Krita's status bar shows it from then on."""
        event.accept()

    def changeEvent(self, event: Any) -> None:
        """Another theme needs other colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "estimate"):
            style_quiet(self.estimate)
            (style_error if self._shows_error else style_plain)(self.message)

    def dragEnterEvent(self, event: Any) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        event.acceptProposedAction()
        self.gallery.add_mime(event.mimeData(), strings.DROPPED_IMAGE)


def _heading(text: str) -> QLabel:
    return QLabel(f"<b>{text}</b>")


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Sunken)
    return line
