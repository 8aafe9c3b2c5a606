"""The row with the presets: a list that shows which one the settings equal, and a menu to save and share them.

GIMP's own saved settings, at the top of the dialog, also contain the styles; they stay beside these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gdk, GdkPixbuf, GLib, Gtk, Pango

from velatura import strings
from velatura.errors import VelaturaError
from velatura.i18n import translated
from velatura.presets.bar import Callbacks, PresetBarModel
from velatura.presets.preset import SUFFIX
from velatura.presets.store import Entry, PresetStore
from velatura.presets.thumbnail import SIDE, plain_thumbnail
from velatura.settings import StyleSettings

from .desktop import HAS_CAIRO

ICON = 32  # pixels of a thumbnail in the list
ROW, NAME, CAN_BE_CHOSEN = range(3)  # columns


class PresetBar(Gtk.Box):  # type: ignore[misc]
    """`set_settings` shows which preset these settings equal. It works in a panel of 200 pixels."""

    def __init__(
        self,
        store: PresetStore,
        picture: Callable[[], Any],
        chosen: Callable[[StyleSettings], object],
        message: Callable[[str], object],
        failed: Callable[[VelaturaError], object],
    ) -> None:
        """picture: returns what the preview shows as a pixbuf, for the thumbnail of a new preset, or None."""
        super().__init__(spacing=4, name="presets")
        self._picture = picture
        self.model = PresetBarModel(store, Callbacks(chosen, message, failed, self._thumbnail))
        self._selecting = False
        self._icons: list[Any] = []  # of the rows
        self._rows = Gtk.ListStore(int, str, bool)
        self.combo = Gtk.ComboBox(model=self._rows, name="preset", tooltip_text=strings.PRESET_TIP)
        self.combo.get_accessible().set_name(strings.PRESET)
        image = Gtk.CellRendererPixbuf(xpad=2)
        text = Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END, width_chars=8)
        for cell, expands in ((image, False), (text, True)):
            self.combo.pack_start(cell, expands)
            self.combo.add_attribute(cell, "sensitive", CAN_BE_CHOSEN)
        self.combo.add_attribute(text, "text", NAME)
        self.combo.set_cell_data_func(image, self._show_icon)
        self.combo.connect("changed", self._on_changed)
        self.button = Gtk.Button(  # not translated: a name for tests
            label="⋯", name="preset menu", relief=Gtk.ReliefStyle.NONE, tooltip_text=strings.PRESET_MENU_TIP
        )
        self.button.get_accessible().set_name(strings.PRESET_MENU_TIP)
        self.button.connect("clicked", lambda _: self._show_menu())
        self.pack_start(self.combo, True, True, 0)
        self.pack_start(self.button, False, False, 0)
        self.connect("realize", lambda _: self._fill())  # the scale of the screen is known now
        self.model.reload()
        self._fill()

    # --- what is shown -------------------------------------------------------------------------------
    def set_settings(self, settings: StyleSettings) -> None:
        """Shows the name of the preset that these settings equal, or 'Custom'."""
        self.model.set_settings(settings)
        self._select()

    def reload(self) -> None:
        """Shows the presets that there are now: another program may have saved some."""
        if self.model.reload():
            self._fill()
        self._select()

    def _fill(self) -> None:
        self._selecting = True
        entries = self.model.listing.entries
        self._rows.clear()
        self._icons = [None, *map(self._icon, entries)]
        self._rows.append([0, strings.CUSTOM, False])  # a state, which cannot be chosen
        for row, entry in enumerate(entries, 1):
            self._rows.append([row, entry.shown_name, True])
        self._selecting = False
        self._select()

    def _icon(self, entry: Entry) -> Any:
        pixbuf = _pixbuf_from(entry.preset.thumbnail) or _pixbuf_from(plain_thumbnail(entry.preset.name))
        factor = self.get_scale_factor() if HAS_CAIRO else 1
        small = _square(pixbuf, factor * ICON)
        return Gdk.cairo_surface_create_from_pixbuf(small, factor, None) if HAS_CAIRO else small

    def _show_icon(self, _: Any, cell: Any, rows: Any, place: Any, *__: Any) -> None:
        icon = self._icons[rows[place][ROW]]
        cell.set_property("surface" if HAS_CAIRO else "pixbuf", icon)
        cell.set_property("visible", icon is not None)

    def _select(self) -> None:
        entry, entries = self.model.current(), self.model.listing.entries
        self._selecting = True
        self.combo.set_active(1 + entries.index(entry) if entry is not None else 0)
        self._selecting = False

    def _on_changed(self, combo: Any) -> None:
        index = combo.get_active()
        if not self._selecting and index > 0:
            self._do(self.model.choose, self.model.listing.entries[index - 1])

    def _do(self, command: Callable[..., None], *arguments: Any, **options: Any) -> None:
        """Runs a command of the model, and shows what has become of the list."""
        before = self.model.listing
        command(*arguments, **options)
        if self.model.listing != before:
            self._fill()
        self._select()

    def _thumbnail(self) -> bytes:
        picture = self._picture()
        return b"" if picture is None else as_thumbnail(picture)

    # --- the menu ------------------------------------------------------------------------------------
    def _show_menu(self) -> None:
        menu = self.menu()
        menu.attach_to_widget(self.button)
        menu.show_all()
        menu.popup_at_widget(self.button, Gdk.Gravity.SOUTH_EAST, Gdk.Gravity.NORTH_EAST, None)

    def menu(self) -> Any:
        """The menu for the presets that there are now."""
        self.reload()
        menu = Gtk.Menu()
        why_not_change = self.model.why_not_change()
        why_not_export = strings.NO_PRESET_CHOSEN if self.model.current() is None else ""
        entries: list[tuple[str, Callable[[], None], str] | None] = [
            (strings.SAVE_PRESET, self._save, ""),
            (strings.RENAME_PRESET, self._rename, why_not_change),
            (strings.DELETE_PRESET, self._delete, why_not_change),
            None,
            (strings.IMPORT_PRESET, self._import, ""),
            (strings.EXPORT_PRESET, self._export, why_not_export),
        ]
        if self.model.listing.problems:
            entries += [None, (strings.SHOW_PROBLEMS, self._show_problems, "")]
        for entry in entries:
            if entry is None:
                menu.append(Gtk.SeparatorMenuItem())
                continue
            text, callback, why_not = entry
            item = Gtk.MenuItem(label=text, sensitive=not why_not, tooltip_text=translated(why_not) or None)
            item.connect("activate", lambda _, callback=callback: callback())
            menu.append(item)
        return menu

    def _save(self) -> None:
        name = self._ask_name(strings.SAVE_PRESET_TITLE, strings.SAVE_DONE, "")
        there = self.model.replaced_by(name)
        if there is not None:
            question = strings.REPLACE_PRESET.format(name=there.preset.name)
            name = name if self._confirm(question, strings.REPLACE) else ""
        if name:
            self._do(self.model.save_as, name, overwrite=there is not None)

    def _rename(self) -> None:
        entry = self.model.current()
        name = self._ask_name(strings.RENAME_PRESET_TITLE, strings.RENAME, entry.preset.name) if entry else ""
        if name:
            self._do(self.model.rename, entry, name)

    def _delete(self) -> None:
        entry = self.model.current()
        if entry is None:
            return
        if self._confirm(strings.DELETE_PRESET_QUESTION.format(name=entry.preset.name), strings.DELETE_PRESET):
            self._do(self.model.delete, entry)

    def _import(self) -> None:
        dialog = self._file_dialog(strings.IMPORT_PRESET_TITLE, Gtk.FileChooserAction.OPEN, strings.IMPORT_PRESET)
        dialog.set_select_multiple(True)
        paths = dialog.get_filenames() if dialog.run() == Gtk.ResponseType.ACCEPT else []
        dialog.destroy()
        if paths:
            self._do(self.model.import_files, paths)

    def _export(self) -> None:
        entry = self.model.current()
        if entry is None:
            return
        dialog = self._file_dialog(strings.EXPORT_PRESET_TITLE, Gtk.FileChooserAction.SAVE, strings.EXPORT_PRESET)
        dialog.set_do_overwrite_confirmation(True)
        dialog.set_current_name(self.model.export_name(entry))
        path = dialog.get_filename() if dialog.run() == Gtk.ResponseType.ACCEPT else None
        dialog.destroy()
        if path:
            # The file dialog has asked whether to overwrite, but not about a name to which the ending is still added.
            self._do(self.model.export, entry, path, overwrite=path.endswith(SUFFIX))

    # --- questions -----------------------------------------------------------------------------------
    def _file_dialog(self, title: str, action: Any, done: str) -> Any:
        dialog = Gtk.FileChooserDialog(title=title, action=action, transient_for=self.get_toplevel(), modal=True)
        dialog.set_name("preset file")  # not translated: a name for tests
        dialog.add_buttons(strings.CANCEL, Gtk.ResponseType.CANCEL, done.rstrip("…"), Gtk.ResponseType.ACCEPT)
        dialog.set_default_response(Gtk.ResponseType.ACCEPT)
        presets = Gtk.FileFilter()
        presets.set_name(strings.PRESET_FILES)
        presets.add_pattern(f"*{SUFFIX}")
        dialog.add_filter(presets)
        return dialog

    def _ask_name(self, title: str, done: str, name: str) -> str:
        """Returns the name that the user has typed, or '' if the question was cancelled."""
        dialog = Gtk.Dialog(title=title, transient_for=self.get_toplevel(), modal=True)
        dialog.set_name("preset name")  # not translated: a name for tests
        dialog.add_buttons(strings.CANCEL, Gtk.ResponseType.CANCEL, done, Gtk.ResponseType.ACCEPT)
        dialog.set_default_response(Gtk.ResponseType.ACCEPT)
        entry = Gtk.Entry(text=name, activates_default=True, hexpand=True, width_chars=30)
        row = Gtk.Box(spacing=8, margin=12)
        row.pack_start(Gtk.Label(label=strings.PRESET_NAME), False, False, 0)
        row.pack_start(entry, True, True, 0)
        dialog.get_content_area().pack_start(row, False, False, 0)
        row.show_all()
        answer = entry.get_text() if dialog.run() == Gtk.ResponseType.ACCEPT else ""
        dialog.destroy()
        return str(answer)

    def _confirm(self, question: str, answer: str) -> bool:
        dialog = Gtk.MessageDialog(
            text=translated(question),
            message_type=Gtk.MessageType.QUESTION,
            transient_for=self.get_toplevel(),
            modal=True,
        )
        dialog.set_name("preset question")  # not translated: a name for tests
        dialog.add_buttons(strings.CANCEL, Gtk.ResponseType.CANCEL, answer, Gtk.ResponseType.ACCEPT)
        is_yes = dialog.run() == Gtk.ResponseType.ACCEPT
        dialog.destroy()
        return bool(is_yes)

    def _show_problems(self) -> None:
        text = "\n\n".join(map(translated, self.model.listing.problems[:10]))
        dialog = Gtk.MessageDialog(
            text=text, message_type=Gtk.MessageType.WARNING, transient_for=self.get_toplevel(), modal=True
        )
        dialog.add_buttons(strings.CLOSE, Gtk.ResponseType.CLOSE)
        dialog.run()
        dialog.destroy()


def _pixbuf_from(data: bytes) -> Any:
    """The picture in a PNG file's bytes, or None if it is damaged."""
    loader = GdkPixbuf.PixbufLoader.new_with_type("png")
    try:
        try:
            loader.write(data)
        finally:
            loader.close()  # also after an error: a loader that is not closed complains on standard error
    except GLib.Error:
        return None
    return loader.get_pixbuf()


def _square(pixbuf: Any, side: int) -> Any:
    """The middle of a picture, as a square of this side."""
    width, height = pixbuf.get_width(), pixbuf.get_height()
    edge = min(width, height)
    middle = pixbuf.new_subpixbuf((width - edge) // 2, (height - edge) // 2, edge, edge)
    return middle.scale_simple(side, side, GdkPixbuf.InterpType.BILINEAR)


def as_thumbnail(pixbuf: Any) -> bytes:
    """The middle of a picture as a PNG of SIDE × SIDE pixels."""
    saved, data = _square(pixbuf, SIDE).save_to_bufferv("png", [], [])
    return bytes(data) if saved else b""
