"""The rows of the chosen styles below the gallery: each with its region and, if there are several, its share."""

from __future__ import annotations

from typing import Any, Protocol

from gi.repository import Gtk, Pango

from velatura import strings
from velatura.editor.styles import region_label
from velatura.editor.ui_state import Style
from velatura.i18n import translated

from .desktop import guard_wheel

NAME_CHARACTERS, REGION_CHARACTERS = 11, 13
COMPACT_REGION_CHARACTERS = 7
SHARE_WIDTH = 70  # pixels


class Owner(Protocol):
    """Does what the user requests in a row."""

    def deselect(self, style: Style) -> None: ...
    def set_share(self, style: Style, share: float) -> None: ...
    def show_region_menu(self, button: Any, style: Style) -> None: ...


class StyleRows(Gtk.Box):  # type: ignore[misc]
    def __init__(self, owner: Owner, compact: bool) -> None:
        """compact: two lines per style."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL)
        self._owner, self._compact = owner, compact

    def show_styles(self, styles: list[Style]) -> None:
        for old in self.get_children():
            self.remove(old)
        for style in styles:
            self.pack_start(self._row(style, styles), False, False, 0)
        self.show_all()

    def _row(self, style: Style, styles: list[Style]) -> Any:
        row = Gtk.Box(spacing=6)
        shown = strings.shown_style(style.name)
        name = Gtk.Label(
            label=shown,
            xalign=0,
            width_chars=2 if self._compact else NAME_CHARACTERS,
            max_width_chars=NAME_CHARACTERS,
            ellipsize=Pango.EllipsizeMode.END,
            tooltip_text=shown,
        )
        remove = Gtk.Button(label="✕", relief=Gtk.ReliefStyle.NONE, tooltip_text=strings.REMOVE_STYLE)
        remove.get_accessible().set_name(strings.REMOVE_NAMED.format(style=shown))
        remove.connect("clicked", lambda _: self._owner.deselect(style))
        row.pack_start(name, self._compact, True, 0)
        row.pack_end(remove, False, False, 0)
        row.pack_end(self._region_button(style, styles), False, False, 0)
        if len(styles) < 2:
            return row
        number = Gtk.Label(name=f"percent of {style.name}", xalign=1, width_chars=5)  # not translated: a name for tests
        shares = Gtk.Box(spacing=6) if self._compact else row
        shares.pack_start(self._share_slider(style, number), True, True, 0)
        shares.pack_start(number, False, False, 0)
        if not self._compact:
            return row
        both = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        both.pack_start(row, False, False, 0)
        both.pack_start(shares, False, False, 0)
        return both

    def _share_slider(self, style: Style, number: Any) -> Any:
        """number: shows the share."""
        slider = Gtk.Scale.new_with_range(Gtk.Orientation.HORIZONTAL, 0.01, 1, 0.05)
        slider.set_name(f"share of {style.name}")  # not translated: a name for tests
        slider.set_draw_value(False)
        slider.set_size_request(SHARE_WIDTH, -1)
        slider.set_tooltip_text(strings.SHARE)
        slider.set_value(style.share)
        slider.get_accessible().set_name(strings.SHARE_OF.format(style=strings.shown_style(style.name)))
        number.set_text(strings.share(style.share))
        slider.connect("value-changed", lambda s: number.set_text(strings.share(s.get_value())))
        slider.connect("value-changed", lambda s: self._owner.set_share(style, round(s.get_value(), 2)))
        guard_wheel(slider)
        return slider

    def _region_button(self, style: Style, styles: list[Style]) -> Any:
        text = translated(region_label(style, styles))
        characters = COMPACT_REGION_CHARACTERS if self._compact else REGION_CHARACTERS
        button = Gtk.Button(name=f"region of {style.name}")  # not translated: a name for tests
        button.set_tooltip_text(strings.REGION_TIP.format(region=text))
        button.get_accessible().set_name(strings.REGION_OF.format(style=strings.shown_style(style.name), region=text))
        content = Gtk.Box(spacing=4)
        label = Gtk.Label(
            label=text, xalign=0, width_chars=characters, max_width_chars=characters, ellipsize=Pango.EllipsizeMode.END
        )
        content.pack_start(label, True, True, 0)
        content.pack_end(Gtk.Image.new_from_icon_name("pan-down-symbolic", Gtk.IconSize.BUTTON), False, False, 0)
        button.add(content)
        button.connect("clicked", lambda button: self._owner.show_region_menu(button, style))
        return button
