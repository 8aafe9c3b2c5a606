"""The gallery, in which styles are chosen: recent ones, samples, open images, files, layers, the clipboard, and dropped
files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from gi.repository import Gdk, Gimp, Gio, Gtk, Pango

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.background import Thread, as_velatura_error
from velatura.editor.event_loop import Loop
from velatura.editor.style_regions import Region, RegionSource
from velatura.editor.styles import StyleSelection, gallery_order, moved, region_label, renamed, samples
from velatura.editor.ui_state import Style, UiState
from velatura.errors import VelaturaError
from velatura.pixels import Picture

from .canvas_regions import region_sources
from .canvas_styles import StyleSource, layers_of, open_images, pasted_picture, picture_of, thumbnail
from .desktop import guard_wheel, show_scaled
from .styles import SAMPLES, read_pixbuf, save_style, style_of_file

THUMBNAIL_SIDE = 84  # pixels
ITEM_WIDTH, ITEM_HEIGHT = THUMBNAIL_SIDE + 32, THUMBNAIL_SIDE + 38  # pixels, with the name below
COLUMNS, ROWS = 3, 2  # visible without scrolling
NAME_CHARACTERS, REGION_CHARACTERS = 11, 13
SHARE_WIDTH = 70  # pixels
# GIMP's dark themes hardly highlight the selected items.
SELECTED_CSS = b"flowboxchild:selected { background-color: #3a6ea5; color: #ffffff; border-radius: 4px; }"


class Item(Gtk.FlowBoxChild):  # type: ignore[misc]
    """A thumbnail of a style or of an open image, which is only saved as a style when it is clicked."""

    def __init__(self, style: Style | None, source: StyleSource | None) -> None:
        super().__init__()
        self.style, self.source = style, source
        name, tip = (style.name, style.path) if style else (source.name, strings.OPEN_IMAGE)  # type: ignore[union-attr]
        self.set_tooltip_text(f"{name}\n{tip}")
        self._thumbnail = Gtk.Image()
        self._thumbnail.set_size_request(THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        label = Gtk.Label(label=name, ellipsize=Pango.EllipsizeMode.END, max_width_chars=12)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
        column.pack_start(self._thumbnail, False, False, 0)
        column.pack_start(label, False, False, 0)
        self.add(column)
        self.show_all()

    def show_picture(self, pixbuf: Any) -> None:
        """Shows the middle of an image, scaled to THUMBNAIL_SIDE a side."""
        width, height = pixbuf.get_width(), pixbuf.get_height()
        side = min(width, height)
        middle = pixbuf.new_subpixbuf((width - side) // 2, (height - side) // 2, side, side)
        show_scaled(self._thumbnail, middle, THUMBNAIL_SIDE, THUMBNAIL_SIDE)


class Owner(Protocol):
    """Remembers what the user arranges."""

    def arrange_gallery(self, styles: list[Style], removed: Style | None) -> None:
        """styles: in their new order and with their new names. removed: the one that was just removed, or None."""

    def remember_folder(self, folder: str) -> None:
        """folder: where a style was opened from."""


class Gallery(Gtk.Box):  # type: ignore[misc]
    """The styles to choose from, and a row per chosen style with its region and, if there are several, its share."""

    def __init__(
        self,
        dirs: AppDirs,
        loop: Loop,
        image: Any,
        on_change: Callable[[], object],
        on_error: Callable[[VelaturaError], object],
        owner: Owner,
    ) -> None:
        """image: the one that is restyled, which is not listed among the open images.
        on_change: called when the chosen styles, their shares or their regions change. on_error: gets every error."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._dirs, self._thread, self._image = dirs, Thread(loop), image
        self._on_change, self._on_error, self._owner = on_change, on_error, owner
        self._folder = ""
        self._selection = StyleSelection()
        self.view = Gtk.FlowBox(
            name="gallery",
            homogeneous=True,
            max_children_per_line=COLUMNS,
            min_children_per_line=COLUMNS,
            selection_mode=Gtk.SelectionMode.MULTIPLE,
            activate_on_single_click=False,
            valign=Gtk.Align.START,
            tooltip_text=strings.GALLERY_TIP,
        )
        self.view.get_accessible().set_name(strings.GALLERY_NAME)
        self.view.connect("button-press-event", self._on_press)
        self._choice_handler = self.view.connect("selected-children-changed", lambda _: self._on_choice())
        css = Gtk.CssProvider()
        css.load_from_data(SELECTED_CSS)
        Gtk.StyleContext.add_provider_for_screen(Gdk.Screen.get_default(), css, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN)
        scrolled.set_size_request(COLUMNS * ITEM_WIDTH, ROWS * ITEM_HEIGHT)
        scrolled.add(self.view)
        self.pack_start(scrolled, True, True, 0)
        self.pack_start(self._buttons(), False, False, 0)
        self._rows = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        self.pack_start(self._rows, False, False, 0)

    def _buttons(self) -> Any:
        row = Gtk.Box(spacing=6, homogeneous=True)
        for text, name, tip, callback in (
            (strings.FROM_FILE, "from_file", strings.FROM_FILE_TIP, self.choose_file),
            (strings.FROM_LAYER, "from_layer", strings.FROM_LAYER_TIP, self._show_layer_menu),
            (strings.PASTE, "paste", strings.PASTE_TIP, self.paste),
        ):
            button = Gtk.Button(label=text, name=name, tooltip_text=tip)
            button.connect("clicked", self._catching(callback))
            row.pack_start(button, True, True, 0)
        return row

    def _catching(self, callback: Callable[..., object]) -> Callable[..., None]:
        """A callback that reports every exception to on_error."""

        def call(*args: Any) -> None:
            try:
                callback(*args)
            except Exception as error:
                self._on_error(as_velatura_error(error))

        return call

    # --- the chosen styles ---------------------------------------------------------------------------
    def chosen(self) -> list[Style]:
        return self._selection.apply_to([item.style for item in self.view.get_selected_children() if item.style])

    def fill(self, state: UiState, chosen: list[Style]) -> None:
        """Shows the used styles, the samples and the other open images, and chooses the given styles."""
        self._folder = state.folder
        for style in gallery_order(state, chosen, samples(SAMPLES)):
            self._add_style(style)
        for source in open_images():
            if source.image.get_id() != self._image.get_id():
                self._add_open_image(source)
        self.choose(chosen)

    def choose(self, styles: list[Style]) -> None:
        """Chooses exactly these styles; new ones are added at the front."""
        self._selection.load_shares(styles)
        known = {item.style.path for item in self.items() if item.style}
        for style in reversed(styles):
            if style.path not in known:
                self._add_style(style, 0)
        chosen_paths = {style.path for style in styles}
        with self.view.handler_block(self._choice_handler):
            self.view.unselect_all()
            for item in self.items():
                if item.style and item.style.path in chosen_paths:
                    self.view.select_child(item)
        self._on_choice()

    # --- the order and the names ---------------------------------------------------------------------
    def _on_press(self, _: Any, event: Any) -> bool:
        """The right mouse button opens the menu of a style."""
        item = self.view.get_child_at_pos(int(event.x), int(event.y)) if event.button == 3 else None
        if item is None or item.style is None:
            return False
        self._show_menu(item, self.item_menu(item.style))
        return True

    def item_menu(self, style: Style) -> list[tuple[str, Callable[[], object]]]:
        """The menu of a style in the gallery: the text of each entry and what it does."""
        shown = [item.style for item in self.items() if item.style]
        return [
            (strings.RENAME, lambda: self._rename(style)),
            (strings.MOVE_TO_FRONT, lambda: self._arrange(moved(shown, style, -len(shown)))),
            (strings.MOVE_EARLIER, lambda: self._arrange(moved(shown, style, -1))),
            (strings.MOVE_LATER, lambda: self._arrange(moved(shown, style, 1))),
            (strings.REMOVE_FROM_GALLERY, lambda: self.remove_style(style)),
        ]

    def _rename(self, style: Style) -> None:
        dialog = Gtk.Dialog(title=strings.RENAME_TITLE, transient_for=self.get_toplevel(), modal=True)
        dialog.add_buttons(strings.CANCEL, Gtk.ResponseType.CANCEL, strings.RENAME_DONE, Gtk.ResponseType.ACCEPT)
        dialog.set_default_response(Gtk.ResponseType.ACCEPT)
        entry = Gtk.Entry(text=style.name, activates_default=True)
        box = dialog.get_content_area()
        box.set_spacing(6)
        box.set_border_width(10)
        box.pack_start(Gtk.Label(label=strings.NEW_NAME, xalign=0), False, False, 0)
        box.pack_start(entry, False, False, 0)
        box.show_all()
        accepted, name = dialog.run() == Gtk.ResponseType.ACCEPT, entry.get_text()
        dialog.destroy()
        if accepted:
            self._arrange(renamed([item.style for item in self.items() if item.style], style, name))

    def remove_style(self, style: Style) -> None:
        """Takes a style out of the gallery; its file stays."""
        others = [item.style for item in self.items() if item.style and item.style.path != style.path]
        self._arrange(others, style)

    def _arrange(self, styles: list[Style], removed: Style | None = None) -> None:
        chosen = [one for one in self.chosen() if removed is None or one.path != removed.path]
        with self.view.handler_block(self._choice_handler):
            for item in self.items():
                if item.style:
                    self.view.remove(item)
            for style in reversed(styles):
                self._add_style(style, 0)
        self.choose(chosen)
        self._owner.arrange_gallery(styles, removed)

    def items(self) -> list[Item]:
        return list(self.view.get_children())

    def _add_style(self, style: Style, position: int = -1) -> None:
        item = Item(style, None)
        self.view.insert(item, position)
        self._thread.run(lambda: read_pixbuf(style.path, 3 * THUMBNAIL_SIDE), item.show_picture, self._on_error)

    def _add_open_image(self, source: StyleSource) -> None:
        item = Item(None, source)
        self.view.add(item)
        picture = thumbnail(source, 2 * THUMBNAIL_SIDE)
        if picture is not None:
            item.show_picture(picture)

    def _on_choice(self) -> None:
        for item in self.view.get_selected_children():
            if item.source is not None:
                with self.view.handler_block(self._choice_handler):
                    self.view.unselect_child(item)
                # Once the image is saved as a style, that is chosen instead, together with the other chosen styles.
                self._catching(self._add_source)(item.source, self.chosen())
                return
        self._show_rows()
        self._on_change()

    # --- share and region of each style --------------------------------------------------------------
    def _show_rows(self) -> None:
        for old in self._rows.get_children():
            self._rows.remove(old)
        styles = self.chosen()
        for style in styles:
            self._rows.pack_start(self._row(style, styles), False, False, 0)
        self._rows.show_all()

    def _row(self, style: Style, styles: list[Style]) -> Any:
        row = Gtk.Box(spacing=6)
        name = Gtk.Label(
            label=style.name,
            xalign=0,
            width_chars=NAME_CHARACTERS,
            max_width_chars=NAME_CHARACTERS,
            ellipsize=Pango.EllipsizeMode.END,
            tooltip_text=style.name,
        )
        remove = Gtk.Button(label="✕", relief=Gtk.ReliefStyle.NONE, tooltip_text=strings.REMOVE_STYLE)
        remove.connect("clicked", lambda _: self._deselect(style))
        row.pack_start(name, False, False, 0)
        if len(styles) > 1:
            number = Gtk.Label(name=f"percent of {style.name}", xalign=1, width_chars=5)
            row.pack_start(self._share_slider(style, number), True, True, 0)
            row.pack_start(number, False, False, 0)
        row.pack_end(remove, False, False, 0)
        row.pack_end(self._region_button(style, styles), False, False, 0)
        return row

    def _share_slider(self, style: Style, number: Any) -> Any:
        """number: shows the share."""
        slider = Gtk.Scale.new_with_range(Gtk.Orientation.HORIZONTAL, 0.01, 1, 0.05)
        slider.set_name(f"share of {style.name}")
        slider.set_draw_value(False)
        slider.set_size_request(SHARE_WIDTH, -1)
        slider.set_tooltip_text(strings.SHARE)
        slider.set_value(style.share)
        slider.get_accessible().set_name(f"{strings.SHARE_NAME} {style.name}")
        number.set_text(strings.share(style.share))
        slider.connect("value-changed", lambda s: number.set_text(strings.share(s.get_value())))
        slider.connect("value-changed", lambda s: self._set_share(style, round(s.get_value(), 2)))
        guard_wheel(slider)
        return slider

    def _region_button(self, style: Style, styles: list[Style]) -> Any:
        text = region_label(style, styles)
        button = Gtk.Button(name=f"region of {style.name}", tooltip_text=f"{strings.REGION_OF_STYLE}: {text}")
        content = Gtk.Box(spacing=4)
        label = Gtk.Label(
            label=text,
            xalign=0,
            width_chars=REGION_CHARACTERS,
            max_width_chars=REGION_CHARACTERS,
            ellipsize=Pango.EllipsizeMode.END,
        )
        content.pack_start(label, True, True, 0)
        content.pack_end(Gtk.Image.new_from_icon_name("pan-down-symbolic", Gtk.IconSize.BUTTON), False, False, 0)
        button.add(content)
        button.connect("clicked", self._catching(lambda button: self._show_region_menu(button, style)))
        return button

    def _show_region_menu(self, button: Any, style: Style) -> None:
        choices: list[tuple[str, Callable[[], object]]] = [(strings.ELSEWHERE, lambda: self._set_region(style, None))]
        choices += [(source.name, partial(self._use_region, style, source)) for source in region_sources(self._image)]
        self._show_menu(button, choices)

    def _use_region(self, style: Style, source: RegionSource) -> None:
        self._set_region(style, source.take())

    def _set_region(self, style: Style, region: Region | None) -> None:
        self._selection.set_region(style, region)
        self._on_choice()

    def forget_regions(self) -> None:
        self._selection.forget_regions()
        self._show_rows()

    def _set_share(self, style: Style, share: float) -> None:
        self._selection.set_share(style, share)
        self._on_change()

    def _deselect(self, style: Style) -> None:
        for item in self.view.get_selected_children():
            if item.style and item.style.path == style.path:
                self.view.unselect_child(item)

    # --- new styles ----------------------------------------------------------------------------------
    def choose_file(self, *_: object) -> None:
        dialog = Gtk.FileChooserDialog(
            title=strings.CHOOSE_STYLE, action=Gtk.FileChooserAction.OPEN, transient_for=self.get_toplevel(), modal=True
        )
        dialog.add_buttons(strings.CANCEL, Gtk.ResponseType.CANCEL, strings.CHOOSE_STYLE, Gtk.ResponseType.ACCEPT)
        dialog.set_default_response(Gtk.ResponseType.ACCEPT)
        pictures = Gtk.FileFilter()
        pictures.set_name(strings.IMAGE_FILES)
        for kind in ("image/*", "application/x-krita"):
            pictures.add_mime_type(kind)
        for pattern in ("*.kra", "*.ora", "*.xcf", "*.psd"):  # where the system does not know their types
            pictures.add_pattern(pattern)
        dialog.add_filter(pictures)
        dialog.set_select_multiple(True)
        if self._folder:
            dialog.set_current_folder(self._folder)
        accepted = dialog.run() == Gtk.ResponseType.ACCEPT
        paths, folder = dialog.get_filenames(), dialog.get_current_folder()
        dialog.destroy()
        if accepted and paths:
            self._folder = folder or self._folder
            self._owner.remember_folder(self._folder)
            self.add_files(paths)

    def add_files(self, paths: Sequence[str]) -> None:
        """Chooses files as the styles; reports an error if one cannot be read."""
        self._catching(lambda: self.choose([style_of_file(path, self._dirs) for path in paths]))()

    def add_drop(self, data: Any) -> None:
        """Chooses the dropped files."""
        paths = [Gio.File.new_for_uri(uri).get_path() for uri in data.get_uris() or []]
        if any(paths):
            self.add_files([path for path in paths if path])

    def paste(self, *_: object) -> None:
        picture = pasted_picture()
        if picture is None:
            raise VelaturaError(strings.NOTHING_TO_PASTE)
        self._add_picture(picture, strings.PASTED_IMAGE)

    def _show_layer_menu(self, button: Any) -> None:
        sources = [layer for image in Gimp.get_images() for layer in layers_of(image)]
        self._show_menu(button, [(source.name, partial(self._add_source, source)) for source in sources])

    def _show_menu(self, button: Any, choices: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """Shows a menu at a button. choices: the text of each item and what it does."""
        menu = Gtk.Menu()
        for text, callback in choices:
            item = Gtk.MenuItem(label=text)
            item.connect("activate", self._catching(lambda _, callback=callback: callback()))
            menu.append(item)
        menu.attach_to_widget(button)
        menu.show_all()
        menu.popup_at_widget(button, Gdk.Gravity.SOUTH_WEST, Gdk.Gravity.NORTH_WEST, None)

    def _add_source(self, source: StyleSource, beside: Sequence[Style] = ()) -> None:
        self._add_picture(picture_of(source), source.name, beside)

    def _add_picture(self, picture: Picture, name: str, beside: Sequence[Style] = ()) -> None:
        """Chooses a picture without a file, together with other styles; it is saved as a file first."""
        self._thread.run(
            lambda: save_style(picture, name, self._dirs), lambda style: self.choose([*beside, style]), self._on_error
        )
