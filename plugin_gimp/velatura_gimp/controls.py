"""A widget for each knob: GIMP's own, bound to the procedure's configuration, which is made from StyleSettings."""

from __future__ import annotations

import random
from typing import Any

from gi.repository import GObject, Gtk, Pango

from velatura import strings
from velatura.editor.setting_widgets import MAX_DICE, has_dice, slider_scale
from velatura.settings import setting_specs

from . import arguments

MOST_CHARACTERS = 24  # of a choice


class Controls(Gtk.Box):  # type: ignore[misc]
    """The knobs of a window, in its order, the rest under 'More'."""

    def __init__(self, dialog: Any, config: Any) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._dialog, self._config = dialog, config
        self._editors: dict[str, Any] = {}
        self._add(self, strings.WINDOW_KNOBS)
        more = Gtk.Expander(label=strings.MORE, name="more")
        rest = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin_start=12, margin_top=6)
        self._add(rest, strings.MORE_KNOBS)
        more.add(rest)
        self.pack_start(more, False, False, 0)
        config.connect("notify::quality", lambda *_: self._lock())
        self._lock()

    def _add(self, box: Any, names: tuple[str, ...]) -> None:
        for name in names:
            editor = self._editor(name)
            editor.set_name(f"knob {name}")
            editor.set_tooltip_text(
                "\n".join(
                    [
                        setting_specs()[name].help,
                        *(f"{value}: {meaning}" for value, meaning in setting_specs()[name].choices),
                    ]
                )
            )
            self._editors[name] = editor
            row = editor
            if has_dice(name):
                row = Gtk.Box(spacing=6)
                row.pack_start(editor, True, True, 0)
                row.pack_start(self._dice(name), False, False, 0)
            box.pack_start(row, False, False, 0)

    def _editor(self, name: str) -> Any:
        argument, scale = arguments.argument(name), slider_scale(name)
        if scale is not None:
            editor = self._dialog.get_scale_entry(argument, 1.0)
            editor.set_increments(scale.step, 2 * scale.step)
            editor.set_digits(scale.decimals)
            editor.set_logarithmic(scale.by_factor)
            return editor
        editor = self._dialog.get_widget(argument, GObject.TYPE_NONE)
        if setting_specs()[name].choices:
            for cell in editor.get_widget().get_cells():  # long meanings are for the tooltip
                cell.set_property("ellipsize", Pango.EllipsizeMode.END)
                cell.set_property("max-width-chars", MOST_CHARACTERS)
        return editor

    def _dice(self, name: str) -> Any:
        dice = Gtk.Button(label="⚄", relief=Gtk.ReliefStyle.NONE, tooltip_text=setting_specs()[name].help)
        dice.connect(
            "clicked", lambda _: self._config.set_property(arguments.argument(name), random.randint(1, MAX_DICE))
        )
        return dice

    def _lock(self) -> None:
        self._editors["strength"].set_sensitive(not arguments.settings(self._config).strength_is_locked)
