"""The list of the gallery: thumbnails of styles in groups with headings. It knows nothing of where styles come from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from gi.repository import Gdk, Gtk, Pango

from velatura import strings
from velatura.editor.event_loop import Loop
from velatura.editor.gallery_groups import FOLDER, Group, matches
from velatura.editor.thumbnails import Thumbnails
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError
from velatura.foreign_text import visible
from velatura.i18n import translated

from .canvas_styles import StyleSource, thumbnail
from .desktop import quiet_markup, show_scaled
from .styles import read_pixbuf

SIDE, COMPACT_SIDE = 84, 56  # pixels, of a thumbnail
COLUMNS, ROWS = 3, 2  # visible without scrolling
MOST_COLUMNS = 12  # in a wide window
HEADING = 24  # pixels above a style that are shown with it
SETTLE = 20  # ms after scrolling until the visible thumbnails are read
SCREENFUL_AHEAD = 1  # screenfuls below the visible part whose thumbnails are read too
# GIMP's dark themes hardly highlight the selected items.
SELECTED_CSS = b"flowboxchild:selected { background-color: #3a6ea5; color: #ffffff; border-radius: 4px; }"


class Item(Gtk.FlowBoxChild):  # type: ignore[misc]
    """A thumbnail of a style or of an open image, which is only saved as a style when it is clicked."""

    def __init__(self, style: Style | None, source: StyleSource | None, kind: str, side: int) -> None:
        super().__init__(no_show_all=True)
        self.style, self.source, self.kind, self.has_picture = style, source, kind, False
        self._side = side
        self.name: str = strings.shown_style(style.name) if style else source.name  # type: ignore[union-attr]
        tip = style.path if style else strings.OPEN_IMAGE
        self.set_tooltip_text(f"{self.name}\n{tip}")
        self.get_accessible().set_name(self.name)
        self._thumbnail = Gtk.Image()
        self._thumbnail.set_size_request(side, side)
        characters = 12 if side >= SIDE else 7
        label = Gtk.Label(label=self.name, ellipsize=Pango.EllipsizeMode.END, max_width_chars=characters)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
        column.pack_start(self._thumbnail, False, False, 0)
        column.pack_start(label, False, False, 0)
        self.add(column)
        column.show_all()
        self.show()

    def show_picture(self, pixbuf: Any) -> None:
        """Shows the middle of an image as a square."""
        width, height = pixbuf.get_width(), pixbuf.get_height()
        side = min(width, height)
        middle = pixbuf.new_subpixbuf((width - side) // 2, (height - side) // 2, side, side)
        show_scaled(self._thumbnail, middle, self._side, self._side)
        self.has_picture = True


class GroupView(Gtk.Box):  # type: ignore[misc]
    """A heading and its items."""

    def __init__(self, title: str, folder: str, note: str, columns: int, on_remove: Callable[[str], object]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, no_show_all=True)
        title = translated(title)
        self.heading = Gtk.Label(label=title, xalign=0, ellipsize=Pango.EllipsizeMode.MIDDLE, hexpand=True)
        self.heading.set_attributes(Pango.AttrList.from_string("0 -1 weight bold"))  # not translated: Pango's syntax
        self.heading.set_tooltip_text(visible(folder) or title)
        row = Gtk.Box(spacing=4, margin_start=4, margin_top=4)
        row.pack_start(self.heading, True, True, 0)
        if folder:
            remove = Gtk.Button(
                label="✕", relief=Gtk.ReliefStyle.NONE, tooltip_text=strings.REMOVE_FOLDER_TIP, name=f"remove {title}"
            )
            remove.get_accessible().set_name(strings.REMOVE_FOLDER_NAMED.format(folder=title))
            remove.connect("clicked", lambda _: on_remove(folder))
            row.pack_end(remove, False, False, 0)
        self.pack_start(row, False, False, 0)
        self._note = note
        self.note = Gtk.Label(xalign=0, margin_start=4, wrap=True, name=f"note {title}")
        if note:
            self.pack_start(self.note, False, False, 0)
        self.flow = Gtk.FlowBox(
            homogeneous=True,
            max_children_per_line=MOST_COLUMNS,
            min_children_per_line=columns,
            selection_mode=Gtk.SelectionMode.MULTIPLE,
            activate_on_single_click=False,
            valign=Gtk.Align.START,
        )
        self.flow.get_accessible().set_name(title)
        self.pack_start(self.flow, False, False, 0)
        for part in (row, self.note, self.flow):
            part.show_all()
        self.show()
        self.connect("realize", lambda _: self.note.set_markup(quiet_markup(self.note, self._note)))

    def items(self) -> list[Item]:
        return list(self.flow.get_children())


class GalleryList(Gtk.ScrolledWindow):  # type: ignore[misc]
    """Shows groups of styles, of which several can be chosen, also in different groups."""

    def __init__(
        self,
        loop: Loop,
        compact: bool,
        on_choice: Callable[[], object],
        on_error: Callable[[VelaturaError], object],
        on_unreadable: Callable[[Style], object],
        on_folder_removed: Callable[[str], object],
    ) -> None:
        """compact: for a place that may be only 200 pixels wide. on_unreadable: gets a file in a folder that is no
        picture."""
        super().__init__(hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN, name="gallery")
        self._loop, self._on_choice, self._on_error = loop, on_choice, on_error
        self._on_unreadable, self._on_folder_removed = on_unreadable, on_folder_removed
        self._side, self._columns = (COMPACT_SIDE, 2) if compact else (SIDE, COLUMNS)
        self._quiet = self._settling = False
        self._search = ""
        self._place: float | str | None = None  # where to scroll once the items have their places: to a style or pixel
        self._by_path: dict[str, Item] = {}
        self._thumbnails: Thumbnails[Any] = Thumbnails(loop, self._read, self._on_read, self._on_failed)
        self._column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        self._column.get_accessible().set_name(strings.GALLERY_NAME)
        self._column.set_tooltip_text(strings.GALLERY_TIP)
        self.add(self._column)
        self.set_size_request(self._columns * (self._side + (32 if not compact else 12)), ROWS * (self._side + 38) + 30)
        for signal in ("changed", "value-changed"):
            self.get_vadjustment().connect(signal, lambda _: self._settle())
        self.connect("size-allocate", lambda *_: self._settle())
        self.connect("map", lambda _: self._settle())
        css = Gtk.CssProvider()
        css.load_from_data(SELECTED_CSS)
        Gtk.StyleContext.add_provider_for_screen(Gdk.Screen.get_default(), css, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)

    # --- what is shown -------------------------------------------------------------------------------
    def show_groups(self, groups: Sequence[Group], sources: Sequence[StyleSource], chosen: Collection[str]) -> None:
        """Shows exactly these groups, and the open images, with some styles chosen. Calls nothing back."""
        self._place = self.get_vadjustment().get_value()
        for old in self.group_views():
            self._column.remove(old)
        self._by_path = {}
        for group in groups:
            view = self._add_group(group.title, group.folder, group.note)
            for style in group.styles:
                item = Item(style, None, group.kind, self._side)
                picture = self._thumbnails.cached(style.path)
                if picture is not None:
                    item.show_picture(picture)
                view.flow.add(item)
                self._by_path[style.path] = item
        if sources:
            view = self._add_group(strings.OPEN_IMAGES, "", "")
            for source in sources:
                item = Item(None, source, "", self._side)
                picture = thumbnail(source, 2 * self._side)
                if picture is not None:
                    item.show_picture(picture)
                view.flow.add(item)
        self.select(chosen)
        self.search(self._search)

    def _add_group(self, title: str, folder: str, note: str) -> GroupView:
        view = GroupView(title, folder, note, self._columns, self._on_folder_removed)
        view.flow.set_focus_vadjustment(self.get_vadjustment())
        view.flow.connect("selected-children-changed", self._on_selection)
        view.flow.connect("keynav-failed", self._on_edge)
        view.flow.connect("key-press-event", self._on_key)
        self._column.pack_start(view, False, False, 0)
        return view

    def group_views(self) -> list[GroupView]:
        return list(self._column.get_children())

    def items(self) -> list[Item]:
        return [item for view in self.group_views() for item in view.items()]

    def chosen_items(self) -> list[Item]:
        return [item for view in self.group_views() for item in view.flow.get_selected_children()]

    def chosen(self) -> list[Style]:
        return [item.style for item in self.chosen_items() if item.style]

    def select(self, paths: Collection[str]) -> None:
        """Chooses exactly these styles. Calls nothing back."""
        self._quiet = True
        for view in self.group_views():
            view.flow.unselect_all()
            for item in view.items():
                if item.style is not None and item.style.path in paths:
                    view.flow.select_child(item)
        self._quiet = False

    def show_style(self, path: str) -> None:
        """Scrolls to a style."""
        self._place = path
        self._settle()

    def deselect(self, item: Item) -> None:
        item.get_parent().unselect_child(item)

    def item_of(self, path: str) -> Item | None:
        return self._by_path.get(path)

    def item_at(self, flow: Any, event: Any) -> Item | None:
        """The item under the mouse pointer."""
        item = flow.get_child_at_pos(int(event.x), int(event.y))
        return item if isinstance(item, Item) else None

    def search(self, text: str) -> int:
        """Shows only styles with these words in their names; chosen ones stay chosen. Returns how many are shown."""
        self._search, count = text, 0
        for view in self.group_views():
            found = 0
            for item in view.items():
                fits = matches(item.name, text)
                if item.get_visible() != fits:
                    item.set_visible(fits)
                found += fits
            view.set_visible(bool(found) or not text.strip())
            count += found
        self._settle()
        return count

    # --- choosing ------------------------------------------------------------------------------------
    def _on_selection(self, flow: Any) -> None:
        """A click without Ctrl chooses one style alone: those in other groups are no longer chosen."""
        if self._quiet:
            return
        has_state, state = Gtk.get_current_event_state()
        adds = Gdk.ModifierType.CONTROL_MASK | Gdk.ModifierType.SHIFT_MASK
        if has_state and not state & adds and len(flow.get_selected_children()) == 1:
            self._quiet = True
            for view in self.group_views():
                if view.flow is not flow:
                    view.flow.unselect_all()
            self._quiet = False
        self._on_choice()

    def _on_key(self, flow: Any, event: Any) -> bool:
        """The space bar adds the style with the focus or removes it; GTK itself handles Enter and the arrows."""
        item = flow.get_focus_child()
        if event.keyval != Gdk.KEY_space or event.state & Gdk.ModifierType.CONTROL_MASK or item is None:
            return False
        self._quiet = True
        (flow.unselect_child if item.is_selected() else flow.select_child)(item)
        self._quiet = False
        self._on_choice()
        return True

    def _on_edge(self, flow: Any, direction: Any) -> bool:
        """The arrows lead from a group to the next."""
        step = {Gtk.DirectionType.DOWN: 1, Gtk.DirectionType.RIGHT: 1}.get(direction, -1)
        views = self.group_views()
        place = next(index for index, view in enumerate(views) if view.flow is flow) + step
        while 0 <= place < len(views):
            shown = [item for item in views[place].items() if item.get_visible()]
            if shown and views[place].get_visible():
                shown[0 if step > 0 else -1].grab_focus()
                return True
            place += step
        return False

    # --- thumbnails ----------------------------------------------------------------------------------
    def _settle(self) -> None:
        if not self._settling:
            self._settling = True
            self._loop.call_later(SETTLE, self._read_visible)

    def _read_visible(self) -> None:
        """Reads the thumbnails that are visible, and some below."""
        self._settling = False
        if not self.get_mapped():
            return
        self._scroll_to_place()
        top, screenful = self.get_vadjustment().get_value(), self.get_vadjustment().get_page_size()
        bottom = top + (1 + SCREENFUL_AHEAD) * screenful
        wanted = []
        for path, item in self._by_path.items():
            _, y = item.translate_coordinates(self._column, 0, 0) or (0, 0)
            is_near = top - self._side - 40 < y < bottom
            if is_near and item.get_visible() and item.get_child_visible() and item.get_mapped():
                wanted.append(path)
        self._thumbnails.want(wanted)

    def _scroll_to_place(self) -> None:
        adjustment = self.get_vadjustment()
        item = self._by_path.get(self._place) if isinstance(self._place, str) else None
        if item is not None and item.get_mapped() and item.get_allocated_height() > 1:
            _, y = item.translate_coordinates(self._column, 0, 0) or (0, 0)
            adjustment.clamp_page(y - HEADING, y + item.get_allocated_height())
        elif isinstance(self._place, float) and adjustment.get_upper() - adjustment.get_page_size() >= self._place:
            adjustment.set_value(self._place)
        else:
            return  # not laid out yet
        self._place = None

    def _read(self, path: str) -> Any:
        """On a thread."""
        return read_pixbuf(path, 3 * self._side)

    def _on_read(self, path: str, pixbuf: Any) -> None:
        if path in self._by_path:
            self._by_path[path].show_picture(pixbuf)

    def _on_failed(self, path: str, error: VelaturaError) -> None:
        item = self._by_path.get(path)
        if item is not None and item.kind == FOLDER and item.style is not None:  # anything may lie in a folder
            self._on_unreadable(item.style)
        elif item is not None:
            self._on_error(error)
