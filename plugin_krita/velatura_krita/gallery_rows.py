"""The rows of the chosen styles below the gallery: each with its region and, if there are several, its share."""

from __future__ import annotations

from collections.abc import Callable

from velatura import strings
from velatura.editor.style_regions import RegionSource
from velatura.editor.styles import region_label
from velatura.editor.ui_state import Style
from velatura.i18n import translated

from .desktop import WheelGuard, plain_action, plain_label, plain_tip
from .qt import QGridLayout, QLabel, QMenu, QSlider, Qt, QToolButton, QVBoxLayout, QWidget, pyqtSignal

SHARE_STEPS = 100  # of the slider for a style's share
NAME_WIDTH, REGION_WIDTH = 104, 136  # pixels
COMPACT_NAME_WIDTH, COMPACT_REGION_WIDTH = 54, 94


class StyleRows(QWidget):
    """Emits a signal for each request of the user."""

    deselected = pyqtSignal(object)  # Style
    share_changed = pyqtSignal(object, float)  # Style, share
    region_cleared = pyqtSignal(object)  # Style
    region_chosen = pyqtSignal(object, object)  # Style, RegionSource

    def __init__(self, regions: Callable[[], list[RegionSource]], compact: bool) -> None:
        """regions: lists what regions can be taken from. compact: two lines per style."""
        super().__init__()
        self._regions, self._compact = regions, compact
        self._wheel_guard = WheelGuard(self)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)

    def show_styles(self, styles: list[Style]) -> None:
        while self._rows.count():
            row = self._rows.takeAt(0).widget()
            row.hide()
            row.deleteLater()
        for style in styles:
            self._rows.addWidget(self._row(style, styles))

    def _row(self, style: Style, styles: list[Style]) -> QWidget:
        widget = QWidget()
        row = QGridLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        shown = strings.shown_style(style.name)
        name, width = plain_label(), COMPACT_NAME_WIDTH if self._compact else NAME_WIDTH
        name.setFixedWidth(width)
        name.setText(name.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideRight, width))
        name.setToolTip(plain_tip(shown))
        remove = QToolButton()
        remove.setText("✕")
        remove.setAutoRaise(True)
        remove.setToolTip(strings.REMOVE_STYLE)
        remove.setAccessibleName(strings.REMOVE_NAMED.format(style=shown))
        remove.clicked.connect(lambda: self.deselected.emit(style))
        row.addWidget(name, 0, 0)
        row.setColumnStretch(1, 1)
        if len(styles) > 1:
            number = plain_label()
            number.setObjectName(f"percent of {style.name}")  # not translated: a name for tests
            number.setMinimumWidth(number.fontMetrics().horizontalAdvance(strings.share(1)))
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            slider = self._share_slider(style, number)
            if self._compact:
                row.addWidget(slider, 1, 0, 1, 2)
                row.addWidget(number, 1, 2, 1, 2)
            else:
                row.addWidget(slider, 0, 1)
                row.addWidget(number, 0, 2)
        button = self._region_button(style, styles)
        if self._compact:
            row.addWidget(button, 0, 1, 1, 2, Qt.AlignmentFlag.AlignRight)
        else:
            row.addWidget(button, 0, 3)
        row.addWidget(remove, 0, 3 if self._compact else 4)
        return widget

    def _share_slider(self, style: Style, number: QLabel) -> QSlider:
        """number: shows the share."""
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setObjectName(f"share of {style.name}")  # not translated: a name for tests
        slider.setRange(1, SHARE_STEPS)
        slider.setValue(round(style.share * SHARE_STEPS))
        slider.setToolTip(strings.SHARE)
        slider.setAccessibleName(strings.SHARE_OF.format(style=strings.shown_style(style.name)))
        number.setText(strings.share(style.share))
        slider.valueChanged.connect(lambda value: number.setText(strings.share(value / SHARE_STEPS)))
        slider.valueChanged.connect(lambda value: self.share_changed.emit(style, value / SHARE_STEPS))
        self._wheel_guard.watch(slider)
        return slider

    def _region_button(self, style: Style, styles: list[Style]) -> QToolButton:
        width = COMPACT_REGION_WIDTH if self._compact else REGION_WIDTH
        button = QToolButton()
        button.setObjectName(f"region of {style.name}")  # not translated: a name for tests
        button.setFixedWidth(width)
        text = translated(region_label(style, styles))
        elided = button.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width - 28)
        button.setText(plain_action(elided))
        button.setToolTip(plain_tip(strings.REGION_TIP.format(region=text)))
        button.setAccessibleName(strings.REGION_OF.format(style=strings.shown_style(style.name), region=text))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.aboutToShow.connect(lambda: self._fill_region_menu(menu, style))
        button.setMenu(menu)
        return button

    def _fill_region_menu(self, menu: QMenu, style: Style) -> None:
        menu.clear()
        menu.addAction(strings.ELSEWHERE).triggered.connect(lambda: self.region_cleared.emit(style))
        menu.addSeparator()
        for source in self._regions():
            menu.addAction(plain_action(translated(source.name))).triggered.connect(
                lambda _=False, source=source: self.region_chosen.emit(style, source)
            )
