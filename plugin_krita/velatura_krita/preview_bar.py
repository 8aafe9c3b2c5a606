"""The tools below the preview: zoom, and what is compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from velatura import strings
from velatura.editor.preview_model import MODES

from .desktop import plain_label
from .preview import PreviewArea
from .qt import QButtonGroup, QHBoxLayout, QSize, Qt, QToolButton, QWidget

GAP = 8  # pixels between the two groups
# Krita's themes hardly show which one is chosen.
CHOSEN = (  # not translated: Qt's syntax
    "QToolButton:checked { background: palette(highlight); color: palette(highlighted-text); border-radius: 2px; }"
)
PADDING = 14  # pixels on both sides of a button's text together


class PreviewBar(QWidget):
    """Two groups of buttons, side by side or, if there is no room, one below the other."""

    def __init__(self, preview: PreviewArea, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preview = preview
        self.percent = plain_label()
        self.percent.setObjectName("zoom percent")  # not translated: a name for tests
        self.percent.setAccessibleName(strings.ZOOM_NAME)
        self.percent.setToolTip(strings.PREVIEW_TIP)
        self.percent.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._zoom, self._compare = _Group(self), _Group(self)
        for part in (  # not translated: names for tests
            _button(strings.ZOOM_OUT, "zoom out", *strings.ZOOM_OUT_TIP, lambda: preview.zoom_steps(-1)),
            self.percent,
            _button(strings.ZOOM_IN, "zoom in", *strings.ZOOM_IN_TIP, lambda: preview.zoom_steps(1)),
            _button(strings.ZOOM_FIT, "zoom fit", *strings.ZOOM_FIT_TIP, preview.fit),
            _button(strings.ZOOM_ONE, "zoom one", *strings.ZOOM_ONE_TIP, preview.one_to_one),
        ):
            self._zoom.add(part)
        self._choices = QButtonGroup(self)
        self._modes = {}
        for mode in MODES:
            text, name, tip = strings.COMPARE[mode]
            button = _button(text, f"compare {mode}", name, tip, partial(preview.set_mode, mode))
            button.setCheckable(True)
            button.setStyleSheet(CHOSEN)
            self._choices.addButton(button)
            self._modes[mode] = button
            self._compare.add(button)
        policy = self.sizePolicy()
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        preview.view_changed.connect(self._update)
        self._update()

    def _update(self) -> None:
        self.percent.setText(strings.zoom_percent(self._preview.viewport.zoom))
        self._modes[self._preview.mode].setChecked(True)

    # --- layout ----------------------------------------------------------------------------------------
    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        zoom, compare = self._zoom.sizeHint(), self._compare.sizeHint()
        if width >= zoom.width() + GAP + compare.width():
            return int(max(zoom.height(), compare.height()))
        return int(zoom.height() + compare.height())

    def sizeHint(self) -> QSize:
        zoom, compare = self._zoom.sizeHint(), self._compare.sizeHint()
        return QSize(zoom.width() + GAP + compare.width(), max(zoom.height(), compare.height()))

    def minimumSizeHint(self) -> QSize:
        zoom, compare = self._zoom.minimumSizeHint(), self._compare.minimumSizeHint()
        return QSize(max(zoom.width(), compare.width()), max(zoom.height(), compare.height()))

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._arrange()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.percent.setFixedWidth(self.percent.fontMetrics().horizontalAdvance(strings.zoom_percent(16)) + 4)
        for button in self.findChildren(QToolButton):  # narrower than Qt's, for a narrow docker
            button.setFixedWidth(button.fontMetrics().horizontalAdvance(button.text().replace("&", "")) + PADDING)
        self.updateGeometry()
        self._arrange()

    def _arrange(self) -> None:
        zoom, compare, width = self._zoom.sizeHint(), self._compare.sizeHint(), self.width()
        self._zoom.setGeometry(0, 0, min(width, zoom.width()), zoom.height())
        if width >= zoom.width() + GAP + compare.width():
            self._compare.setGeometry(width - compare.width(), 0, compare.width(), compare.height())
        else:
            self._compare.setGeometry(0, zoom.height(), min(width, compare.width()), compare.height())


class _Group(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)

    def add(self, widget: QWidget) -> None:
        self._row.addWidget(widget)


def _button(text: str, name: str, accessible_name: str, tip: str, do: Callable[[], object]) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setObjectName(name)
    button.setAccessibleName(accessible_name)
    button.setToolTip(tip)
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.clicked.connect(lambda _=False: do())
    return button
