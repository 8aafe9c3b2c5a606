"""A widget for each setting: GIMP's own widgets, bound to the configuration of the procedure."""

from __future__ import annotations

import random
from typing import Any

from gi.repository import GObject, Gtk, Pango

from velatura import strings
from velatura.editor.setting_widgets import MAX_DICE, has_dice, slider_scale
from velatura.settings import setting_specs, translated_specs

from . import arguments

MAX_CHOICE_CHARACTERS = 24


class Controls(Gtk.Box):  # type: ignore[misc]
    """The settings of the window; those of MORE_SETTINGS are folded away under 'More settings'."""

    def __init__(self, dialog: Any, config: Any) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._dialog, self._config = dialog, config
        self._editors: dict[str, Any] = {}
        self._add(self, strings.MAIN_SETTINGS)
        more = Gtk.Expander(label=strings.MORE, name="more", tooltip_text=strings.MORE_TIP)
        more_box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin_start=12, margin_top=6)
        self._add(more_box, strings.MORE_SETTINGS)
        more.add(more_box)
        self.pack_start(more, False, False, 0)
        config.connect("notify::quality", lambda *_: self._update_strength())
        self._update_strength()

    def _add(self, box: Any, names: tuple[str, ...]) -> None:
        for name in names:
            spec, editor = translated_specs()[name], self._editor(name)
            choices = (strings.choice_label(value, meaning) for value, meaning in spec.choices)
            editor.set_name(f"setting {name}")
            editor.set_tooltip_text("\n".join([spec.help, *choices]))
            self._editors[name] = editor
            row = editor
            if has_dice(name):
                row = Gtk.Box(spacing=6)
                row.pack_start(editor, True, True, 0)
                row.pack_start(self._random_button(name), False, False, 0)
            box.pack_start(row, False, False, 0)

    def _editor(self, name: str) -> Any:
        argument, scale = arguments.argument(name), slider_scale(name)
        if scale is not None:
            editor = self._dialog.get_scale_entry(argument, 1.0)
            editor.set_increments(scale.step, 2 * scale.step)
            editor.set_digits(scale.decimals)
            editor.set_logarithmic(scale.by_factor)
            return editor
        has_choices = bool(setting_specs()[name].choices)
        # By default, GIMP 3.2 shows a few choices as radio buttons.
        kind = Gtk.ComboBox.__gtype__ if has_choices else GObject.TYPE_NONE
        editor = self._dialog.get_widget(argument, kind)
        if has_choices:
            for cell in editor.get_widget().get_cells():  # the tooltip shows long labels in full
                cell.set_property("ellipsize", Pango.EllipsizeMode.END)
                cell.set_property("max-width-chars", MAX_CHOICE_CHARACTERS)
        return editor

    def _random_button(self, name: str) -> Any:
        button = Gtk.Button(label="⚄", relief=Gtk.ReliefStyle.NONE, tooltip_text=strings.RANDOM)
        button.connect(
            "clicked", lambda _: self._config.set_property(arguments.argument(name), random.randint(1, MAX_DICE))
        )
        return button

    def _update_strength(self) -> None:
        self._editors["strength"].set_sensitive(not arguments.settings(self._config).strength_is_locked)
