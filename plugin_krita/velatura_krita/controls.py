"""A widget for each setting of StyleSettings, which provides its label, range and default."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from velatura import strings
from velatura.editor.setting_widgets import MAX_DICE, Scale, has_dice, slider_scale
from velatura.settings import SettingSpec, StyleSettings, default_of, translated_specs

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
    """The settings of the window; those of MORE_SETTINGS are folded away under 'More settings'."""

    changed = pyqtSignal()
    reset_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None, *, narrow: bool = False) -> None:
        """narrow: only the settings of strings.NARROW_SETTINGS, each below its label; the others keep their values."""
        super().__init__(parent)
        self.reset_requested.connect(self.reset)
        self._editors: dict[str, Any] = {}
        self._others = StyleSettings()  # the values of settings without a widget
        self._more_settings: QWidget | None = None
        self._form = form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        if narrow:
            form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
            self._add(form, strings.NARROW_SETTINGS)
            return
        self._add(form, strings.MAIN_SETTINGS)
        self.more = QToolButton()
        self.more.setText(strings.MORE)
        self.more.setToolTip(strings.MORE_TIP)
        self.more.setObjectName("more")
        self.more.setCheckable(True)
        self.more.setAutoRaise(True)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setArrowType(Qt.ArrowType.RightArrow)
        form.addRow(self.more)
        more_settings = self._more_settings = QWidget()
        more_form = QFormLayout(more_settings)
        more_form.setContentsMargins(12, 0, 0, 0)
        more_form.setVerticalSpacing(8)
        self._add(more_form, strings.MORE_SETTINGS)
        more_settings.hide()
        form.addRow(more_settings)
        self.more.toggled.connect(self._show_more)

    def _add(self, form: QFormLayout, names: tuple[str, ...]) -> None:
        for name in names:
            spec = translated_specs()[name]
            editor = _editor(name, spec)
            editor.setObjectName(f"setting {name}")
            editor.setToolTip(spec.help)
            editor.changed.connect(self._on_change)
            label = QLabel(spec.label)
            label.setToolTip(spec.help)
            label.setBuddy(editor.main)
            for control in editor.findChildren(QWidget):
                control.setAccessibleName(spec.label)
                control.setAccessibleDescription(spec.help)
            form.addRow(label, editor)
            self._editors[name] = editor

    def insert_row(self, text: str, tip: str, widget: QWidget, main: QWidget) -> None:
        """Inserts a row above the settings. main: the control in it that gets the focus."""
        label = QLabel(text)
        label.setToolTip(tip)
        label.setBuddy(main)
        self._form.insertRow(0, label, widget)

    def _show_more(self, shown: bool) -> None:
        self.more.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)
        if self._more_settings is not None:
            self._more_settings.setVisible(shown)

    def _on_change(self) -> None:
        self._editors["strength"].setEnabled(not self.settings().strength_is_locked)
        self.changed.emit()

    def settings(self) -> StyleSettings:
        return replace(self._others, **{name: editor.value() for name, editor in self._editors.items()})

    def full_width(self) -> int:
        """The width that all settings need, in pixels, whether those under MORE_SETTINGS are shown or not."""
        folded = self._more_settings.minimumSizeHint().width() if self._more_settings is not None else 0
        return int(max(self.minimumSizeHint().width(), folded))

    def reset(self) -> None:
        """Sets every setting to its default."""
        self.set_settings(StyleSettings())

    def set_settings(self, settings: StyleSettings) -> None:
        names = (*strings.MAIN_SETTINGS, *strings.MORE_SETTINGS)
        self._others = StyleSettings(**{name: getattr(settings, name) for name in names})
        for name, editor in self._editors.items():
            editor.blockSignals(True)
            editor.set_value(getattr(settings, name))
            editor.blockSignals(False)
        self._on_change()


def _editor(name: str, spec: SettingSpec) -> Any:
    if spec.choices:
        return Choice(spec)
    if isinstance(default_of(name), bool):
        return CheckBox()
    scale = slider_scale(name)
    return Slider(spec, scale) if scale is not None else WholeNumber(spec, dice=has_dice(name))


class _Row(QWidget):
    """main: the control that gets the focus."""

    main: QWidget
    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(8)


class Choice(_Row):
    """A drop-down list."""

    def __init__(self, spec: SettingSpec) -> None:
        super().__init__()
        self.combo = QComboBox()
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(12)
        for value, meaning in spec.choices:
            self.combo.addItem(strings.choice_label(value, meaning), value)
            self.combo.setItemData(self.combo.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.main = self.combo
        self.combo.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.row.addWidget(self.combo)

    def value(self) -> str:
        return str(self.combo.currentData())

    def set_value(self, value: str) -> None:
        self.combo.setCurrentIndex(self.combo.findData(value))


class CheckBox(_Row):
    """A check box."""

    def __init__(self) -> None:
        super().__init__()
        self.check_box = QCheckBox()
        self.main = self.check_box
        self.check_box.toggled.connect(lambda _: self.changed.emit())
        self.row.addWidget(self.check_box)

    def value(self) -> bool:
        return bool(self.check_box.isChecked())

    def set_value(self, value: bool) -> None:
        self.check_box.setChecked(value)


class Slider(_Row):
    """A number in a range, as a slider and a spin box."""

    def __init__(self, spec: SettingSpec, scale: Scale) -> None:
        super().__init__()
        self._scale = scale
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_STEPS)
        self.number = QDoubleSpinBox()
        self.number.setRange(spec.low, spec.high)
        self.number.setDecimals(scale.decimals)
        self.number.setSingleStep(scale.step)
        self.number.setSuffix(f" {spec.unit}" if spec.unit else "")
        self.number.setFixedWidth(92)
        self.main = self.slider
        self.slider.valueChanged.connect(self._on_slider)
        self.number.valueChanged.connect(self._on_number)
        self.row.addWidget(self.slider, 1)
        self.row.addWidget(self.number)

    def value(self) -> float:
        return float(self.number.value())

    def set_value(self, value: float) -> None:
        self.number.setValue(value)
        self._move_slider(value)

    def _move_slider(self, value: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(self._scale.share_of(value) * SLIDER_STEPS))
        self.slider.blockSignals(False)

    def _on_slider(self, position: int) -> None:
        self.number.setValue(self._scale.value_at(position / SLIDER_STEPS))

    def _on_number(self, value: float) -> None:
        self._move_slider(value)
        self.changed.emit()


class WholeNumber(_Row):
    """A whole number in a wide range. dice: adds a button that sets a random number."""

    def __init__(self, spec: SettingSpec, *, dice: bool) -> None:
        super().__init__()
        self.number = QSpinBox()
        self.number.setRange(int(spec.low), int(spec.high))
        self.number.setSuffix(f" {spec.unit}" if spec.unit else "")
        self.main = self.number
        self.number.valueChanged.connect(lambda _: self.changed.emit())
        self.row.addWidget(self.number, 1)
        if dice:
            button = QToolButton()
            button.setText("⚄")
            button.setToolTip(strings.RANDOM)
            button.clicked.connect(lambda: self.number.setValue(random.randint(1, MAX_DICE)))
            self.row.addWidget(button)

    def value(self) -> int:
        return int(self.number.value())

    def set_value(self, value: int) -> None:
        self.number.setValue(value)
