"""Choosing styles: a gallery of recent and sample paintings and of open images, and whatever a file, a layer, the
clipboard or a drop brings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import Gdk, GdkPixbuf, Gimp, Gio, Gtk, Pango

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.background import Thread, as_velatura_error
from velatura.editor.event_loop import Loop
from velatura.editor.style_regions import Region, RegionSource
from velatura.editor.styles import StyleSelection, gallery_order, region_label, samples
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError
from velatura.pixels import Picture

from . import canvas
from .canvas import Source
from .styles import SAMPLES, keep, read_pixbuf, take_file

THUMB = 84  # pixels
COLUMNS, ROWS = 3, 2  # that are seen at once
NAME_CHARACTERS, WHERE_CHARACTERS = 11, 13
SHARE_WIDTH = 70  # pixels
ITEM_WIDTH, ITEM_HEIGHT = THUMB + 32, THUMB + 38  # pixels, with a name
# GIMP's dark themes hardly show what is selected.
SELECTED = b"flowboxchild:selected { background-color: #3a6ea5; color: #ffffff; border-radius: 4px; }"


class Item(Gtk.FlowBoxChild):  # type: ignore[misc]
    """One thumbnail. style: what it stands for; an open image gets one only when it is picked."""

    def __init__(self, style: Style | None, source: Source | None) -> None:
        super().__init__()
        self.style, self.source = style, source
        name, tip = (style.name, style.path) if style else (source.name, strings.OPEN_IMAGE)  # type: ignore[union-attr]
        self.set_tooltip_text(f"{name}\n{tip}")
        self._image = Gtk.Image()
        self._image.set_size_request(THUMB, THUMB)
        label = Gtk.Label(label=name, ellipsize=Pango.EllipsizeMode.END, max_width_chars=12)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
        column.pack_start(self._image, False, False, 0)
        column.pack_start(label, False, False, 0)
        self.add(column)
        self.show_all()

    def show_picture(self, pixbuf: Any) -> None:
        """The middle of it, THUMB a side."""
        width, height = pixbuf.get_width(), pixbuf.get_height()
        side = min(width, height)
        middle = pixbuf.new_subpixbuf((width - side) // 2, (height - side) // 2, side, side)
        self._image.set_from_pixbuf(middle.scale_simple(THUMB, THUMB, GdkPixbuf.InterpType.BILINEAR))


class Gallery(Gtk.Box):  # type: ignore[misc]
    """`chosen()` are the styles; each may have a region, and with several, each has a share. changed: called when they
    do. failed: gets an error."""

    def __init__(
        self,
        places: AppDirs,
        loop: Loop,
        own: Any,
        changed: Callable[[], object],
        failed: Callable[[VelaturaError], object],
    ) -> None:
        """own: the image that is restyled; it is not among those to take a style from at one click."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._places, self._thread, self._own = places, Thread(loop), own
        self._changed, self._failed = changed, failed
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
        self._heard = self.view.connect("selected-children-changed", lambda _: self._on_choice())
        look = Gtk.CssProvider()
        look.load_from_data(SELECTED)
        Gtk.StyleContext.add_provider_for_screen(
            Gdk.Screen.get_default(), look, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION
        )
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN)
        scrolled.set_size_request(COLUMNS * ITEM_WIDTH, ROWS * ITEM_HEIGHT)
        scrolled.add(self.view)
        self.pack_start(scrolled, True, True, 0)
        self.pack_start(self._buttons(), False, False, 0)
        self._rows = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        self.pack_start(self._rows, False, False, 0)

    def _buttons(self) -> Any:
        row = Gtk.Box(spacing=6, homogeneous=True)
        for text, name, do in (
            (strings.FROM_FILE, "from_file", self.choose_file),
            (strings.FROM_LAYER, "from_layer", self._list_layers),
            (strings.PASTE, "paste", self.paste),
        ):
            button = Gtk.Button(label=text, name=name)
            button.connect("clicked", self._safely(do))
            row.pack_start(button, True, True, 0)
        return row

    def _safely(self, do: Callable[..., object]) -> Callable[..., None]:
        def safely(*what: Any) -> None:
            try:
                do(*what)
            except Exception as error:
                self._failed(as_velatura_error(error))

        return safely

    # --- what is chosen ------------------------------------------------------------------------------
    def chosen(self) -> list[Style]:
        return self._selection.apply_to([item.style for item in self.view.get_selected_children() if item.style])

    def fill(self, recent: list[Style], chosen: list[Style]) -> None:
        """Recent styles first, then the samples, then the other open images."""
        for style in gallery_order(recent, chosen, samples(SAMPLES)):
            self._add_style(style)
        for source in canvas.open_images():
            if source.image.get_id() != self._own.get_id():
                self._add_open(source)
        self.choose(chosen)

    def choose(self, styles: list[Style]) -> None:
        """These and no others; those that are not there yet come to the front."""
        self._selection.load_shares(styles)
        there = {item.style.path for item in self.items() if item.style}
        for style in reversed(styles):
            if style.path not in there:
                self._add_style(style, 0)
        wanted = {style.path for style in styles}
        with self.view.handler_block(self._heard):
            self.view.unselect_all()
            for item in self.items():
                if item.style and item.style.path in wanted:
                    self.view.select_child(item)
        self._on_choice()

    def items(self) -> list[Item]:
        return list(self.view.get_children())

    def _add_style(self, style: Style, place: int = -1) -> None:
        item = Item(style, None)
        self.view.insert(item, place)
        self._thread.run(lambda: read_pixbuf(style.path, 3 * THUMB), item.show_picture, self._failed)

    def _add_open(self, source: Source) -> None:
        item = Item(None, source)
        self.view.add(item)
        picture = canvas.small(source, 2 * THUMB)
        if picture is not None:
            item.show_picture(picture)

    def _on_choice(self) -> None:
        for item in self.view.get_selected_children():
            if item.source is not None:
                with self.view.handler_block(self._heard):
                    self.view.unselect_child(
                        item
                    )  # what it becomes is chosen in its place, beside what is chosen already
                self._safely(self._take_source)(item.source, self.chosen())
                return
        self._show_rows()
        self._changed()

    # --- how much of each, and where -----------------------------------------------------------------
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
        away = Gtk.Button(label="✕", relief=Gtk.ReliefStyle.NONE, tooltip_text=strings.REMOVE_STYLE)
        away.connect("clicked", lambda _: self._unchoose(style))
        row.pack_start(name, False, False, 0)
        if len(styles) > 1:
            row.pack_start(self._share(style), True, True, 0)
        row.pack_end(away, False, False, 0)
        row.pack_end(self._where(style, styles), False, False, 0)
        return row

    def _share(self, style: Style) -> Any:
        slider = Gtk.Scale.new_with_range(Gtk.Orientation.HORIZONTAL, 0.01, 1, 0.05)
        slider.set_name(f"share of {style.name}")
        slider.set_draw_value(False)
        slider.set_size_request(SHARE_WIDTH, -1)
        slider.set_tooltip_text(strings.SHARE)
        slider.set_value(style.share)
        slider.connect("value-changed", lambda s: self._set_share(style, round(s.get_value(), 2)))
        return slider

    def _where(self, style: Style, styles: list[Style]) -> Any:
        said = region_label(style, styles)
        button = Gtk.Button(name=f"where {style.name}", tooltip_text=f"{strings.WHERE}: {said}")
        inside = Gtk.Box(spacing=4)
        label = Gtk.Label(
            label=said,
            xalign=0,
            width_chars=WHERE_CHARACTERS,
            max_width_chars=WHERE_CHARACTERS,
            ellipsize=Pango.EllipsizeMode.END,
        )
        inside.pack_start(label, True, True, 0)
        inside.pack_end(Gtk.Image.new_from_icon_name("pan-down-symbolic", Gtk.IconSize.BUTTON), False, False, 0)
        button.add(inside)
        button.connect("clicked", self._safely(lambda button: self._list_regions(button, style)))
        return button

    def _list_regions(self, button: Any, style: Style) -> None:
        choices: list[tuple[str, Callable[[], object]]] = [(strings.ELSEWHERE, lambda: self._put(style, None))]
        choices += [
            (source.name, lambda source=source: self._take_region(style, source))
            for source in canvas.region_sources(self._own)
        ]
        self._pop_up(button, choices)

    def _take_region(self, style: Style, source: RegionSource) -> None:
        self._put(style, source.take())

    def _put(self, style: Style, region: Region | None) -> None:
        self._selection.set_region(style, region)
        self._on_choice()

    def forget_regions(self) -> None:
        self._selection.forget_regions()
        self._show_rows()

    def _set_share(self, style: Style, share: float) -> None:
        self._selection.set_share(style, share)
        self._changed()

    def _unchoose(self, style: Style) -> None:
        for item in self.view.get_selected_children():
            if item.style and item.style.path == style.path:
                self.view.unselect_child(item)

    # --- new ones ------------------------------------------------------------------------------------
    def choose_file(self, *_: object) -> None:
        dialog = Gtk.FileChooserDialog(
            title=strings.CHOOSE_STYLE, action=Gtk.FileChooserAction.OPEN, transient_for=self.get_toplevel(), modal=True
        )
        dialog.add_buttons(strings.CANCEL, Gtk.ResponseType.CANCEL, strings.CHOOSE_STYLE, Gtk.ResponseType.ACCEPT)
        dialog.set_default_response(Gtk.ResponseType.ACCEPT)
        pictures = Gtk.FileFilter()
        pictures.set_name(strings.PICTURE_FILES)
        for kind in ("image/*", "application/x-krita"):
            pictures.add_mime_type(kind)
        dialog.add_filter(pictures)
        accepted = dialog.run() == Gtk.ResponseType.ACCEPT
        path = dialog.get_filename()
        dialog.destroy()
        if accepted and path:
            self.take_file(path)

    def take_file(self, path: str) -> None:
        """A file as the style; one that cannot be read is told and not chosen."""
        self._safely(lambda: self.choose([take_file(path, self._places)]))()

    def take_drop(self, data: Any) -> None:
        """What was dropped onto the window."""
        for uri in (data.get_uris() or [])[:1]:
            path = Gio.File.new_for_uri(uri).get_path()
            if path:
                self.take_file(path)

    def paste(self, *_: object) -> None:
        picture = canvas.pasted_picture()
        if picture is None:
            raise VelaturaError(strings.NOTHING_TO_PASTE)
        self._keep(picture, strings.IN_CLIPBOARD)

    def _list_layers(self, button: Any) -> None:
        sources = [layer for image in Gimp.get_images() for layer in canvas.layers_of(image)]
        self._pop_up(button, [(source.name, lambda source=source: self._take_source(source)) for source in sources])

    def _pop_up(self, button: Any, choices: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """A menu at a button: words, and what is done where they are chosen."""
        menu = Gtk.Menu()
        for text, do in choices:
            item = Gtk.MenuItem(label=text)
            item.connect("activate", self._safely(lambda _, do=do: do()))
            menu.append(item)
        menu.attach_to_widget(button)
        menu.show_all()
        menu.popup_at_widget(button, Gdk.Gravity.SOUTH_WEST, Gdk.Gravity.NORTH_WEST, None)

    def _take_source(self, source: Source, beside: Sequence[Style] = ()) -> None:
        self._keep(canvas.picture_of(source), source.name, beside)

    def _keep(self, picture: Picture, name: str, beside: Sequence[Style] = ()) -> None:
        """A picture without a file as the style, beside others."""
        self._thread.run(
            lambda: keep(picture, name, self._places), lambda style: self.choose([*beside, style]), self._failed
        )
