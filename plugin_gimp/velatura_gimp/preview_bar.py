"""The tools below the preview: zoom, and what is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gtk

from velatura import strings
from velatura.editor.preview_model import MODES, Mode

from .preview import PreviewArea

# GTK's own buttons are much wider, and GIMP's themes hardly show which one is chosen.
CSS = b"""
button { min-width: 20px; min-height: 18px; padding: 2px 5px; }
button:checked { background: @theme_selected_bg_color; color: @theme_selected_fg_color; }
"""


class PreviewBar(Gtk.FlowBox):  # type: ignore[misc]
    """Two groups of buttons, side by side or, if there is no room, one below the other."""

    def __init__(self, preview: PreviewArea) -> None:
        super().__init__(
            selection_mode=Gtk.SelectionMode.NONE, max_children_per_line=2, column_spacing=6, row_spacing=2
        )
        self._preview = preview
        self._css = Gtk.CssProvider()
        self._css.load_from_data(CSS)
        self.percent = Gtk.Label(name="zoom percent", width_chars=6)  # not translated: a name for tests
        self.percent.set_tooltip_text(strings.PREVIEW_TIP)
        self.percent.get_accessible().set_name(strings.ZOOM_NAME)
        zoom, compare = Gtk.Box(halign=Gtk.Align.START), Gtk.Box(halign=Gtk.Align.END)
        compare.get_style_context().add_class("linked")
        for part in (  # not translated: names for tests
            self._button(strings.ZOOM_OUT, "zoom out", *strings.ZOOM_OUT_TIP, lambda: preview.zoom_steps(-1)),
            self.percent,
            self._button(strings.ZOOM_IN, "zoom in", *strings.ZOOM_IN_TIP, lambda: preview.zoom_steps(1)),
            self._button(strings.ZOOM_FIT, "zoom fit", *strings.ZOOM_FIT_TIP, preview.fit),
            self._button(strings.ZOOM_ONE, "zoom one", *strings.ZOOM_ONE_TIP, preview.one_to_one),
        ):
            zoom.pack_start(part, False, False, 0)
        self._modes: dict[Mode, Any] = {}
        for mode in MODES:
            text, name, tip = strings.COMPARE[mode]
            button = Gtk.RadioButton.new_with_label_from_widget(next(iter(self._modes.values()), None), text)
            button.set_mode(False)  # looks like a button
            self._prepare(button, f"compare {mode}", name, tip)
            self._modes[mode] = button
            compare.pack_start(button, False, False, 0)
        self._modes[preview.mode].set_active(True)
        for mode, button in self._modes.items():
            button.connect("toggled", self._on_toggled, mode)
        for group in (zoom, compare):
            self.add(group)
            group.get_parent().set_can_focus(False)  # Tab goes to the buttons
        preview.on_view_changed(self._update)
        self._update()

    def _on_toggled(self, button: Any, mode: Mode) -> None:
        if button.get_active():
            self._preview.set_mode(mode)

    def _update(self) -> None:
        self.percent.set_text(strings.zoom_percent(self._preview.viewport.zoom))
        self._modes[self._preview.mode].set_active(True)

    def _button(self, text: str, name: str, accessible_name: str, tip: str, do: Callable[[], object]) -> Any:
        button = Gtk.Button(label=text, relief=Gtk.ReliefStyle.NONE)
        button.connect("clicked", lambda _: do())
        self._prepare(button, name, accessible_name, tip)
        return button

    def _prepare(self, button: Any, name: str, accessible_name: str, tip: str) -> None:
        button.set_name(name)
        button.set_tooltip_text(tip)
        button.get_accessible().set_name(accessible_name)
        button.get_style_context().add_provider(self._css, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
