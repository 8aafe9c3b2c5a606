"""The choice of an animation's frames: this one, all, or a range. It is hidden while nothing is animated."""

from __future__ import annotations

from collections.abc import Sequence

from velatura import strings
from velatura.editor.frames import ALL, RANGE, THIS, FrameChoice
from velatura.i18n import translated
from velatura.settings import default_of, setting_specs

from .desktop import plain_label
from .qt import QComboBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget, pyqtSignal


class FrameRow(QWidget):
    """Emits `changed` when the user has chosen something else."""

    changed = pyqtSignal()

    def __init__(self, *, narrow: bool) -> None:
        super().__init__()
        self.setObjectName("frames")
        self.which = QComboBox()
        self.which.setObjectName("frames which")  # not translated: a name
        self.which.setAccessibleName(strings.FRAMES)
        self.which.setToolTip(strings.FRAMES_TIP)
        for value, text in ((THIS, strings.FRAMES_THIS), (ALL, strings.FRAMES_ALL), (RANGE, strings.FRAMES_RANGE)):
            self.which.addItem(text, value)
        self.first = _number("frames first", strings.FRAMES_FIRST)  # not translated: a name
        self.last = _number("frames last", strings.FRAMES_LAST)  # not translated: a name
        self._to = plain_label()
        self._to.setText(strings.FRAMES_TO)
        self.which.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.which.setMinimumContentsLength(12)
        heading = QLabel(strings.FRAMES)
        heading.setBuddy(self.which)
        spec = setting_specs()["steadiness"]
        label, tip = translated(spec.label), translated(spec.help)
        self._steady = plain_label()
        self._steady.setText(label)
        self.steadiness = _number("frames steadiness", label)  # not translated: a name
        self.steadiness.setToolTip(tip)
        self.steadiness.setRange(int(spec.low), int(spec.high))
        self.steadiness.setSuffix(f" {spec.unit}")
        self.steadiness.setValue(int(default_of("steadiness")))
        if narrow:
            heading.hide()
        # A docker is too narrow for one row.
        groups = ((heading, self.which), (self.first, self._to, self.last), (self._steady, self.steadiness))
        outer = QVBoxLayout(self) if narrow else QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        for group in groups:
            row = QHBoxLayout()
            for part in group:
                row.addWidget(part)
            row.addStretch(1)
            outer.addLayout(row)
        self._times: tuple[int, ...] = ()
        self.which.currentIndexChanged.connect(lambda _: self._on_changed())
        for number in (self.first, self.last, self.steadiness):
            number.valueChanged.connect(lambda _: self.changed.emit())
        self.show_frames((), 0)
        self._on_changed()

    def show_frames(self, times: Sequence[int], now: int) -> None:
        """Offers these frames. A range that was chosen before is kept as far as it is in them."""
        is_new = tuple(times) != self._times
        self._times = tuple(times)
        self.setVisible(bool(times))
        if not times or not is_new:
            return
        was_whole = (self.first.value(), self.last.value()) == (self.first.minimum(), self.last.maximum())
        self.blockSignals(True)
        for number in (self.first, self.last):
            number.setRange(times[0], max(times[-1], now))
        if was_whole:
            self.first.setValue(self.first.minimum())
            self.last.setValue(self.last.maximum())
        self.blockSignals(False)

    def choice(self) -> FrameChoice:
        if not self._times:
            return FrameChoice()
        which = str(self.which.currentData())
        return FrameChoice(which, self.first.value(), self.last.value(), float(self.steadiness.value()))

    def choose(self, choice: FrameChoice) -> None:
        """Shows a choice that was made elsewhere."""
        self.blockSignals(True)
        self.which.setCurrentIndex(self.which.findData(choice.which))
        if choice.which == RANGE:
            self.first.setValue(choice.first)
            self.last.setValue(choice.last)
        self.steadiness.setValue(int(choice.steadiness))
        self.blockSignals(False)

    def _on_changed(self) -> None:
        for part in (self.first, self._to, self.last):
            part.setVisible(self.which.currentData() == RANGE)
        for part in (self._steady, self.steadiness):
            part.setVisible(self.which.currentData() != THIS)
        self.changed.emit()


def _number(name: str, text: str) -> QSpinBox:
    number = QSpinBox()
    number.setObjectName(name)
    number.setAccessibleName(text)
    number.setToolTip(text)
    number.setRange(0, 0)
    return number
