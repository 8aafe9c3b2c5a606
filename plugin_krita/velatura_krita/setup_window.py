"""The set-up of the daemon, as a window and in dockers that wait for it. It uses neither the daemon nor Krita's API."""

from __future__ import annotations

from typing import Any

from velatura import strings
from velatura.editor.setup_controller import SetupView
from velatura.i18n import translated

from .desktop import plain_label, style_error, style_plain, style_quiet
from .qt import (
    QDialog,
    QEvent,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    Qt,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from .status import PERMILLE

SIZE = (560, 240)  # pixels, if the screen has room


class SetupPanel(QWidget):
    """Shows a `SetupView`, and emits `pressed` with the text of the button that was pressed."""

    pressed = pyqtSignal(object)  # a str; Qt would make another one of it

    def __init__(self) -> None:
        super().__init__()
        self.text, self.detail = plain_label(), plain_label()
        for label, name in ((self.text, "setup text"), (self.detail, "setup detail")):  # not translated: names
            label.setObjectName(name)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.MinimumExpanding)
            label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.text.setAccessibleName(strings.MESSAGE_NAME)
        self.bar = QProgressBar()
        self.bar.setObjectName("setup bar")  # not translated: a name for tests
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.bar.setAccessibleName(strings.PROGRESS_NAME)
        self.buttons: list[QPushButton] = []
        self._row = QHBoxLayout()
        self._row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(10)
        for part in (self.text, self.detail, self.bar):
            column.addWidget(part)
        column.addStretch(1)
        column.addLayout(self._row)
        self._view = SetupView("")

    def show_view(self, view: SetupView) -> None:
        if view.buttons != self._view.buttons:
            self._make_buttons(view.buttons)
        self._view = view
        self.text.setText(translated(view.text))
        self.detail.setText(translated(view.detail))
        self.bar.setVisible(view.busy)
        if view.fraction is None:
            self.bar.setRange(0, 0)
        else:
            self.bar.setRange(0, PERMILLE)
            self.bar.setValue(int(view.fraction * PERMILLE))
        self._set_colours()

    def _make_buttons(self, texts: tuple[str, ...]) -> None:
        """The default one is the last in the row."""
        for button in self.buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = [self._button(text) for text in reversed(texts)]
        for button in self.buttons:
            self._row.addWidget(button)
            button.show()
        if self.buttons:
            self.buttons[-1].setDefault(True)
            self.buttons[-1].setFocus()

    def _button(self, text: str) -> QPushButton:
        button = QPushButton(translated(text))
        button.setObjectName(f"setup {text}")
        button.setToolTip(translated(strings.SET_UP_TIPS[text]))
        button.clicked.connect(lambda _=False: self.pressed.emit(text))
        return button

    def _set_colours(self) -> None:
        (style_error if self._view.is_error else style_plain)(self.text)
        style_quiet(self.detail)

    def changeEvent(self, event: Any) -> None:
        """Another theme needs other colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_view"):
            self._set_colours()


class SetupWindow(QDialog):
    """Shows a panel. Closing it leaves a set-up running."""

    def __init__(self, panel: SetupPanel, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window | Qt.WindowType.WindowCloseButtonHint)
        self.setObjectName("velatura setup")  # not translated: a name for tests
        self.setWindowTitle(strings.SET_UP_TITLE)
        self.setModal(False)
        self.panel = panel
        QVBoxLayout(self).addWidget(panel)
