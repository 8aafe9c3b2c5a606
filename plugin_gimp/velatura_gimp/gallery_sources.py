"""Where new styles come from: files, folders, layers, the clipboard, and images dropped from other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gi.repository import Gdk, GdkPixbuf, Gimp, Gio, GLib, Gtk

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.background import Thread, as_velatura_error
from velatura.editor.file_paths import is_folder
from velatura.editor.style_addresses import addresses_in, dropped_address, fetching, is_address, name_of, take_image
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError
from velatura.pixels import LARGEST_STYLE_SIDE, Picture

from .canvas_styles import StyleSource, layers_of, pasted_picture, picture_of
from .desktop import popup
from .styles import as_picture, read_pixbuf, save_style, style_of_file

URIS, MOZILLA_URL, HTML = "text/uri-list", "text/x-moz-url", "text/html"
IMAGES = ("image/png", "image/jpeg", "image/bmp", "image/gif", "image/webp", "image/tiff")
# In this order: an image in a drop is taken as it is; only if there is none, it is fetched from its address.
TARGETS = (*IMAGES, HTML, URIS, MOZILLA_URL)

OnStyles = Callable[[list[Style]], object]


class NewStyles:
    """Makes styles of what the user brings."""

    def __init__(
        self,
        dirs: AppDirs,
        thread: Thread,
        window: Gtk.Widget,
        on_styles: OnStyles,
        on_error: Callable[[VelaturaError], object],
        on_notice: Callable[[str], object],
        on_folder_opened: Callable[[str], object],
        on_folder_added: Callable[[str], object],
    ) -> None:
        """window: a widget in it. on_styles: gets the styles to choose. on_notice: gets a sentence about what takes a
        while, and '' when it is done. on_folder_opened: gets the folder from which
        files were chosen; on_folder_added: the one whose pictures shall be in the gallery."""
        self._dirs, self._thread, self._window = dirs, thread, window
        self._on_styles, self._on_error, self._on_notice = on_styles, on_error, on_notice
        self._on_folder_opened, self._on_folder_added = on_folder_opened, on_folder_added
        self.folder = ""  # where the dialog for files starts
        self._wanted: list[str] = []  # types of data of the present drop that may have an image too

    def catching(self, callback: Callable[..., object]) -> Callable[..., None]:
        """A callback that reports every exception to on_error."""

        def call(*args: Any) -> None:
            try:
                callback(*args)
            except Exception as error:
                self._on_error(as_velatura_error(error))

        return call

    def buttons(self) -> Any:
        """A button for each way to bring a style."""
        row = Gtk.Box(spacing=6, homogeneous=True)
        for text, name, tip, callback in (
            (strings.FROM_FILE, "from_file", strings.FROM_FILE_TIP, self.choose_file),
            (strings.FROM_LAYER, "from_layer", strings.FROM_LAYER_TIP, self._show_layer_menu),
            (strings.PASTE, "paste", strings.PASTE_TIP, self.paste),
        ):
            row.pack_start(self._button(text, name, tip, callback), True, True, 0)
        return row

    def folder_button(self) -> Any:
        return self._button(strings.ADD_FOLDER, "add_folder", strings.ADD_FOLDER_TIP, self.choose_folder)

    def menu_button(self) -> Any:
        """One button with all of them, for a narrow place."""
        return self._button(strings.ADD_STYLE, "add_style", strings.ADD_STYLE_TIP, self._show_menu)

    def _button(self, text: str, name: str, tip: str, callback: Callable[..., object]) -> Any:
        button = Gtk.Button(label=text, name=name, tooltip_text=tip)
        button.connect("clicked", self.catching(callback))
        return button

    def _show_menu(self, button: Any) -> None:
        choices = [
            (strings.FROM_FILE, self.choose_file),
            (strings.FROM_LAYER, lambda: self._show_layer_menu(button)),
            (strings.PASTE, self.paste),
            (strings.ADD_FOLDER, self.choose_folder),
        ]
        popup(button, [(text, self.catching(callback)) for text, callback in choices])

    # --- files and folders ---------------------------------------------------------------------------
    def choose_file(self, *_: object) -> None:
        dialog = self._chooser(strings.CHOOSE_STYLE, strings.CHOOSE_STYLE, Gtk.FileChooserAction.OPEN)
        pictures = Gtk.FileFilter()
        pictures.set_name(strings.IMAGE_FILES)
        for kind in ("image/*", "application/x-krita"):
            pictures.add_mime_type(kind)
        for pattern in ("*.kra", "*.ora", "*.xcf", "*.psd"):  # where the system does not know their types
            pictures.add_pattern(pattern)
        dialog.add_filter(pictures)
        dialog.set_select_multiple(True)
        accepted = dialog.run() == Gtk.ResponseType.ACCEPT
        paths, folder = dialog.get_filenames(), dialog.get_current_folder()
        dialog.destroy()
        if accepted and paths:
            self.folder = folder or self.folder
            self._on_folder_opened(self.folder)
            self.add_files(paths)

    def choose_folder(self, *_: object) -> None:
        dialog = self._chooser(strings.ADD_FOLDER_TITLE, strings.ADD_FOLDER_DONE, Gtk.FileChooserAction.SELECT_FOLDER)
        accepted, folder = dialog.run() == Gtk.ResponseType.ACCEPT, dialog.get_filename()
        dialog.destroy()
        if accepted and folder:
            self._on_folder_added(folder)

    def _chooser(self, title: str, done: str, action: Any) -> Any:
        dialog = Gtk.FileChooserDialog(
            title=title, action=action, transient_for=self._window.get_toplevel(), modal=True
        )
        dialog.add_buttons(strings.CANCEL, Gtk.ResponseType.CANCEL, done, Gtk.ResponseType.ACCEPT)
        dialog.set_default_response(Gtk.ResponseType.ACCEPT)
        if self.folder:
            dialog.set_current_folder(self.folder)
        return dialog

    def add_files(self, paths: Sequence[str]) -> None:
        """Brings files, and makes folders among them sources; reports an error if a file cannot be read."""
        files = [path for path in paths if not is_folder(path)]
        for folder in [path for path in paths if path not in files]:
            self._on_folder_added(folder)
        if files:
            self.catching(lambda: self._on_styles([style_of_file(path, self._dirs) for path in files]))()

    # --- drops ---------------------------------------------------------------------------------------
    def accept_drops(self, widget: Any) -> None:
        """Lets images, files and links be dropped on a widget."""
        widget.drag_dest_set(Gtk.DestDefaults.MOTION | Gtk.DestDefaults.HIGHLIGHT, [], Gdk.DragAction.COPY)
        targets = Gtk.TargetList.new([])
        for target in TARGETS:
            targets.add(Gdk.Atom.intern(target, False), 0, 0)
        widget.drag_dest_set_target_list(targets)
        widget.connect("drag-drop", self._on_drop)
        widget.connect("drag-data-received", self._on_data)

    def _on_drop(self, widget: Any, context: Any, _: int, __: int, time: int) -> bool:
        offered = {target.name() for target in context.list_targets()}
        wanted = [target for target in TARGETS if target in offered]
        if not wanted:
            return False
        self._wanted = wanted[1:]  # if there is nothing of use in the first one
        widget.drag_get_data(context, Gdk.Atom.intern(wanted[0], False), time)
        return True

    def _on_data(self, widget: Any, context: Any, _: int, __: int, data: Any, ___: int, time: int) -> None:
        used = self.add_drop(data.get_target().name(), data.get_data() or b"")
        if not used and self._wanted:
            wanted, *self._wanted = self._wanted
            widget.drag_get_data(context, Gdk.Atom.intern(wanted, False), time)
            return
        if not used:
            self._on_error(VelaturaError(strings.NOTHING_TO_PASTE))
        Gtk.drag_finish(context, used, False, time)

    def add_drop(self, kind: str, data: bytes) -> bool:
        """Brings what was dropped as one type of data. Returns whether there is an image in it."""
        if kind in IMAGES:
            return self._add_encoded(data)
        html = data.decode("utf-16" if b"\0" in data[:4] else "utf-8", "replace") if kind == HTML else ""
        addresses = [] if html else addresses_in(data, kind)
        files = [Gio.File.new_for_uri(uri).get_path() for uri in addresses if uri.startswith("file:")]
        if any(files):
            self.add_files([path for path in files if path])
            return True
        address = dropped_address(addresses, html)
        if address is not None:
            self.add_address(address)
        return address is not None

    def _add_encoded(self, data: bytes) -> bool:
        loader = GdkPixbuf.PixbufLoader()
        try:
            loader.write(data)
            loader.close()
        except GLib.Error:
            return False
        pixbuf = loader.get_pixbuf()
        if pixbuf is not None:
            self.add_picture(as_picture(pixbuf), strings.DROPPED_IMAGE)
        return pixbuf is not None

    def add_address(self, address: str) -> None:
        """Brings the image at an address on the web, or in a data: address."""

        def fetch() -> Style:
            pixbuf = take_image(address, self._dirs, lambda path: read_pixbuf(path, LARGEST_STYLE_SIDE))
            return save_style(as_picture(pixbuf), name_of(address), self._dirs)

        def show(style: Style) -> None:
            self._on_notice("")
            self._on_styles([style])

        self._on_notice(fetching(address))
        self._thread.run(fetch, show, self._on_error)

    # --- the clipboard and layers --------------------------------------------------------------------
    def paste(self, *_: object) -> None:
        """An address on the clipboard comes before an image that GIMP itself has copied earlier."""
        clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
        text = None if clipboard.wait_is_image_available() else clipboard.wait_for_text()
        if text and is_address(text):
            self.add_address(text.strip())
            return
        picture = pasted_picture()
        if picture is None:
            raise VelaturaError(strings.NOTHING_TO_PASTE)
        self.add_picture(picture, strings.PASTED_IMAGE)

    def _show_layer_menu(self, button: Any) -> None:
        sources = [layer for image in Gimp.get_images() for layer in layers_of(image)]
        popup(button, [(source.name, self.catching(partial(self.add_source, source))) for source in sources])

    def add_source(self, source: StyleSource, beside: Sequence[Style] = ()) -> None:
        self.add_picture(picture_of(source), source.name, beside)

    def add_picture(self, picture: Picture, name: str, beside: Sequence[Style] = ()) -> None:
        """Brings a picture without a file, together with other styles; it is saved as a file first."""
        self._thread.run(
            lambda: save_style(picture, name, self._dirs),
            lambda style: self._on_styles([*beside, style]),
            self._on_error,
        )
