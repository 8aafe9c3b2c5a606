"""A widget for each knob of StyleSettings: its words, range and default are read from there."""

from __future__ import annotations

import random
from typing import Any

from velatura import strings
from velatura.editor.setting_widgets import MAX_DICE, Scale, has_dice, slider_scale
from velatura.settings import SettingSpec, StyleSettings, default_of, setting_specs

from .qt import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QSpinBox,
    Qt,
    QToolButton,
    QWidget,
    pyqtSignal,
)

SLIDER_STEPS = 1000


class Controls(QWidget):
    """The knobs of a window, in its order, the rest under 'More'."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editors: dict[str, Any] = {}
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._add(form, strings.WINDOW_KNOBS)
        self.more = QToolButton()
        self.more.setText(strings.MORE)
        self.more.setObjectName("more")
        self.more.setCheckable(True)
        self.more.setAutoRaise(True)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setArrowType(Qt.ArrowType.RightArrow)
        form.addRow(self.more)
        self._rest = QWidget()
        rest = QFormLayout(self._rest)
        rest.setContentsMargins(12, 0, 0, 0)
        rest.setVerticalSpacing(8)
        self._add(rest, strings.MORE_KNOBS)
        self._rest.hide()
        form.addRow(self._rest)
        self.more.toggled.connect(self._unfold)

    def _add(self, form: QFormLayout, names: tuple[str, ...]) -> None:
        for name in names:
            knob = setting_specs()[name]
            editor = _editor(name, knob)
            editor.setObjectName(f"knob {name}")
            editor.setToolTip(knob.help)
            editor.changed.connect(self._on_change)
            label = QLabel(knob.label)
            label.setToolTip(knob.help)
            form.addRow(label, editor)
            self._editors[name] = editor

    def _unfold(self, shown: bool) -> None:
        self.more.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)
        self._rest.setVisible(shown)

    def _on_change(self) -> None:
        self._editors["strength"].setEnabled(not self.settings().strength_is_locked)
        self.changed.emit()

    def settings(self) -> StyleSettings:
        return StyleSettings(**{name: editor.value() for name, editor in self._editors.items()})

    def set_settings(self, settings: StyleSettings) -> None:
        for name, editor in self._editors.items():
            editor.blockSignals(True)
            editor.set_value(getattr(settings, name))
            editor.blockSignals(False)
        self._on_change()


def _editor(name: str, knob: SettingSpec) -> Any:
    if knob.choices:
        return Choice(knob)
    if isinstance(default_of(name), bool):
        return YesOrNo()
    scale = slider_scale(name)
    return Slider(knob, scale) if scale is not None else WholeNumber(knob, dice=has_dice(name))


class _Row(QWidget):
    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(8)


class Choice(_Row):
    """One of a few words."""

    def __init__(self, knob: SettingSpec) -> None:
        super().__init__()
        self.box = QComboBox()
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(12)
        for value, meaning in knob.choices:
            self.box.addItem(f"{value}: {meaning}", value)
            self.box.setItemData(self.box.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.box.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.row.addWidget(self.box)

    def value(self) -> str:
        return str(self.box.currentData())

    def set_value(self, value: str) -> None:
        self.box.setCurrentIndex(self.box.findData(value))


class YesOrNo(_Row):
    """A box to tick."""

    def __init__(self) -> None:
        super().__init__()
        self.tick = QCheckBox()
        self.tick.toggled.connect(lambda _: self.changed.emit())
        self.row.addWidget(self.tick)

    def value(self) -> bool:
        return bool(self.tick.isChecked())

    def set_value(self, value: bool) -> None:
        self.tick.setChecked(value)


class Slider(_Row):
    """A number in a range, dragged or typed."""

    def __init__(self, knob: SettingSpec, scale: Scale) -> None:
        super().__init__()
        self._scale = scale
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_STEPS)
        self.number = QDoubleSpinBox()
        self.number.setRange(knob.low, knob.high)
        self.number.setDecimals(scale.decimals)
        self.number.setSingleStep(scale.step)
        self.number.setSuffix(f" {knob.unit}" if knob.unit else "")
        self.number.setFixedWidth(92)
        self.slider.valueChanged.connect(self._slid)
        self.number.valueChanged.connect(self._typed)
        self.row.addWidget(self.slider, 1)
        self.row.addWidget(self.number)

    def value(self) -> float:
        return float(self.number.value())

    def set_value(self, value: float) -> None:
        self.number.setValue(value)
        self._place_slider(value)

    def _place_slider(self, value: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(self._scale.share_of(value) * SLIDER_STEPS))
        self.slider.blockSignals(False)

    def _slid(self, place: int) -> None:
        self.number.setValue(self._scale.value_at(place / SLIDER_STEPS))

    def _typed(self, value: float) -> None:
        self._place_slider(value)
        self.changed.emit()


class WholeNumber(_Row):
    """A whole number in a wide range; with dice where any will do."""

    def __init__(self, knob: SettingSpec, *, dice: bool) -> None:
        super().__init__()
        self.number = QSpinBox()
        self.number.setRange(int(knob.low), int(knob.high))
        self.number.setSuffix(f" {knob.unit}" if knob.unit else "")
        self.number.valueChanged.connect(lambda _: self.changed.emit())
        self.row.addWidget(self.number, 1)
        if dice:
            button = QToolButton()
            button.setText("⚄")
            button.setToolTip(knob.help)
            button.clicked.connect(lambda: self.number.setValue(random.randint(1, MAX_DICE)))
            self.row.addWidget(button)

    def value(self) -> int:
        return int(self.number.value())

    def set_value(self, value: int) -> None:
        self.number.setValue(value)
