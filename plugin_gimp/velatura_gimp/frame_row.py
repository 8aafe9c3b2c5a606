"""The choice of an animation's frames: this layer, all, or a range. It is hidden while there is only one layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gi.repository import Gtk

from velatura import strings
from velatura.editor.frames import ALL, RANGE, THIS, FrameChoice
from velatura.i18n import translated
from velatura.settings import default_of, setting_specs


class FrameRow(Gtk.Box):  # type: ignore[misc]
    """A list, two numbers for a range, and the setting that only animations have."""

    def __init__(self) -> None:
        super().__init__(spacing=6, name="frames", no_show_all=True)
        spec = setting_specs()["steadiness"]
        label, tip = translated(spec.label), translated(spec.help)
        self.which = Gtk.ComboBoxText(name="frames which", tooltip_text=strings.LAYERS_TIP)  # not translated: a name
        self.which.get_accessible().set_name(strings.FRAMES)
        for value, text in ((THIS, strings.LAYERS_THIS), (ALL, strings.LAYERS_ALL), (RANGE, strings.LAYERS_RANGE)):
            self.which.append(value, text)
        self.which.set_active_id(THIS)
        self.first, self.last = (
            _number("frames first", strings.FRAMES_FIRST),  # not translated: a name
            _number("frames last", strings.FRAMES_LAST),  # not translated: a name
        )
        self._to = Gtk.Label(label=strings.FRAMES_TO)
        self._steady = Gtk.Label(label=label)
        self.steadiness = _number("frames steadiness", label)  # not translated: a name
        self.steadiness.set_tooltip_text(tip)
        self.steadiness.set_range(spec.low, spec.high)
        self.steadiness.set_value(default_of("steadiness"))
        for part in (self.which, self.first, self._to, self.last, self._steady, self.steadiness):
            self.pack_start(part, False, False, 0)
        self._times: tuple[int, ...] = ()
        self.which.connect("changed", lambda _: self._update())

    def show_frames(self, times: Sequence[int]) -> None:
        """Offers these frames."""
        is_new, self._times = tuple(times) != self._times, tuple(times)
        if times and is_new:
            for number in (self.first, self.last):
                number.set_range(times[0], times[-1])
            self.first.set_value(times[0])
            self.last.set_value(times[-1])
        self.set_visible(bool(times))
        self._update()

    def _update(self) -> None:
        chosen = self.which.get_active_id()
        self.which.show()
        for part in (self.first, self._to, self.last):
            part.set_visible(chosen == RANGE)
        for part in (self._steady, self.steadiness):
            part.set_visible(chosen != THIS)

    def choice(self) -> FrameChoice:
        if not self._times:
            return FrameChoice()
        first, last = self.first.get_value_as_int(), self.last.get_value_as_int()
        return FrameChoice(self.which.get_active_id(), first, last, self.steadiness.get_value())


def _number(name: str, text: str) -> Any:
    number = Gtk.SpinButton.new_with_range(0, 1, 1)
    number.set_name(name)
    number.set_tooltip_text(text)
    number.get_accessible().set_name(text)
    return number
