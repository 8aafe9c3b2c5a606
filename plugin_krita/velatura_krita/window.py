"""The window beside the canvas: what is restyled, with what, how it goes. It knows no daemon and no Krita."""

from __future__ import annotations

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.ui_state import Style, UiState
from velatura.protocol.messages import Preview, Progress
from velatura.settings import StyleSettings

from .controls import Controls
from .gallery import Gallery
from .preview import PreviewArea
from .qt import (
    QDialog,
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

PERMILLE = 1000
WARNING = "color: #ffb28a;"  # readable on Krita's dark and light themes' message ground
MESSAGE = "QLabel { padding: 6px 2px; }"


class Window(QDialog):
    """Signals say what the person wants; the methods below say what goes on."""

    start_asked = pyqtSignal()
    cancel_asked = pyqtSignal()
    changed = pyqtSignal()
    report_asked = pyqtSignal()
    command_asked = pyqtSignal()
    document_asked = pyqtSignal()
    results_asked = pyqtSignal()
    shown = pyqtSignal()

    def __init__(self, places: AppDirs, sources: object, regions: object, parent: QWidget | None = None) -> None:
        super().__init__(
            parent, Qt.WindowType.Window | Qt.WindowType.WindowCloseButtonHint | Qt.WindowType.WindowMinMaxButtonsHint
        )
        self.setObjectName("velatura")
        self.setWindowTitle(strings.TITLE)
        self.setModal(False)
        self.setAcceptDrops(True)
        self.preview = PreviewArea()
        self.gallery = Gallery(places, sources, regions)
        self.controls = Controls()
        outer = QVBoxLayout(self)
        outer.setSpacing(10)
        outer.addLayout(self._middle(), 1)
        outer.addWidget(self._bottom())
        self.gallery.changed.connect(self.changed)
        self.controls.changed.connect(self.changed)
        self.set_idle()
        self.resize(960, 720)

    # --- the parts -------------------------------------------------------------------------------------
    def _middle(self) -> QHBoxLayout:
        self.target = QLabel()
        self.target.setObjectName("target")
        left = QVBoxLayout()
        left.addWidget(self.preview, 1)
        left.addWidget(self.target)
        side = QWidget()
        right = QVBoxLayout(side)
        right.setContentsMargins(0, 0, 6, 0)
        right.setSpacing(10)
        right.addWidget(_heading(strings.STYLE))
        right.addWidget(self.gallery)
        right.addWidget(_line())
        right.addWidget(self.controls)
        right.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(side)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(side.minimumSizeHint().width() + 24)
        scroll.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
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
        self.kept = QLabel()
        self.kept.setObjectName("kept")
        self.recover = self._button(strings.RECOVER, "recover", self.results_asked)
        self._kept_line = QWidget()
        kept_line = QHBoxLayout(self._kept_line)
        kept_line.setContentsMargins(2, 0, 0, 0)
        kept_line.addWidget(self.kept)
        kept_line.addWidget(self.recover)
        kept_line.addStretch(1)
        self._kept_line.hide()
        buttons = QHBoxLayout()
        self.copy_report = self._button(strings.COPY_REPORT, "copy_report", self.report_asked)
        self.copy_command = self._button(strings.COPY_COMMAND, "copy_command", self.command_asked)
        self.open_document = self._button(strings.OPEN_AS_PICTURE, "open_document", self.document_asked)
        self.cancel = self._button(strings.CANCEL, "cancel", self.cancel_asked)
        self.start = self._button(strings.START, "start", self.start_asked)
        self.start.setDefault(True)
        self.start.setMinimumWidth(130)
        for button in (self.copy_report, self.copy_command, self.open_document):
            buttons.addWidget(button)
        self.estimate = QLabel()
        self.estimate.setObjectName("estimate")
        self.estimate.setEnabled(False)  # quiet: it says what is likely, not what is
        self.estimate.setWordWrap(True)
        self.estimate.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        buttons.addWidget(self.estimate, 1)
        for button in (self.cancel, self.start):
            buttons.addWidget(button)
        column.addWidget(self.bar)
        column.addWidget(self.message)
        column.addWidget(self._kept_line)
        column.addLayout(buttons)
        return bottom

    def _button(self, text: str, name: str, signal: object) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _=False: signal.emit())
        return button

    def is_shown(self) -> bool:
        return self.isVisible()

    # --- what is set -----------------------------------------------------------------------------------
    def chosen_styles(self) -> list[Style]:
        return self.gallery.chosen()

    def settings(self) -> StyleSettings:
        return self.controls.settings()

    def set_up(self, ui_state: UiState) -> None:
        """Show what was set the last time."""
        self.controls.set_settings(ui_state.settings)
        self.gallery.fill(ui_state.recent, ui_state.styles)
        if not ui_state.styles:
            self.show_message(strings.NO_STYLE)

    def apply_choices(self, recent: list[Style], styles: list[Style], settings: StyleSettings) -> None:
        self.controls.set_settings(settings)
        self.gallery.fill(recent, styles)

    # --- what goes on ----------------------------------------------------------------------------------
    def preview_side(self) -> int:
        return max(self.preview.width(), self.preview.height(), 400)

    def show_target(self, sentence: str) -> None:
        self.target.setText(sentence)

    def show_original(self, thumbnail: QImage) -> None:
        self.preview.set_before(thumbnail)

    def forget_regions(self) -> None:
        self.gallery.forget_regions()

    def show_estimate(self, sentence: str) -> None:
        self.estimate.setText(sentence)

    def show_saved_notice(self, sentence: str) -> None:
        self.kept.setText(sentence)
        self._kept_line.setVisible(bool(sentence))

    def set_busy(self) -> None:
        self.bar.setRange(0, 0)  # moving: it is not known yet how far
        self.cancel.setEnabled(True)
        self._offer()

    def set_idle(self) -> None:
        self.bar.setRange(0, PERMILLE)
        self.bar.setValue(0)
        self.cancel.setEnabled(False)
        self._offer()

    def show_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, PERMILLE)
        self.bar.setValue(int(progress.done * PERMILLE))
        self.show_message(strings.progress(progress))

    def show_preview(self, preview: Preview) -> None:
        self.preview.set_preview(preview)

    def show_message(self, sentence: str) -> None:
        self.message.setStyleSheet(MESSAGE)
        self.message.setText(sentence)

    def show_error(self, error: object, *, command: bool = False, document: bool = False) -> None:
        """A VelaturaError's sentence, and what to do about it in reach."""
        self.message.setStyleSheet(MESSAGE + f" QLabel {{ {WARNING} }}")
        self.message.setText(error.sentence)
        self._offer(report=True, command=command, document=document)

    def _offer(self, *, report: bool = False, command: bool = False, document: bool = False) -> None:
        self.copy_report.setVisible(report)
        self.copy_command.setVisible(command)
        self.open_document.setVisible(document)

    # --- events ----------------------------------------------------------------------------------------
    def showEvent(self, event: object) -> None:
        super().showEvent(event)
        self.shown.emit()

    def dragEnterEvent(self, event: object) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: object) -> None:
        event.acceptProposedAction()
        self.gallery.take_mime(event.mimeData(), strings.DROPPED)


def _heading(text: str) -> QLabel:
    return QLabel(f"<b>{text}</b>")


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Sunken)
    return line
