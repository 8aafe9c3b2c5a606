"""The gallery, in which styles are chosen: groups of them, a search, and rows for the chosen ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from gi.repository import Gdk, Gtk

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor import gallery_groups
from velatura.editor.background import Thread
from velatura.editor.event_loop import Loop
from velatura.editor.gallery_groups import Group
from velatura.editor.style_folders import FolderListing, list_folder
from velatura.editor.style_regions import Region, RegionSource
from velatura.editor.styles import StyleSelection, samples
from velatura.editor.ui_state import Style, UiState
from velatura.errors import VelaturaError

from .canvas_regions import region_sources
from .canvas_styles import StyleSource, open_images
from .desktop import ask_text, popup, quiet_markup
from .gallery_list import GalleryList, Item
from .gallery_rows import StyleRows
from .gallery_sources import NewStyles
from .styles import SAMPLES, readable_endings

LEAVE_OUT_AFTER = 100  # ms, so that many broken files in a folder are left out at once


class Owner(Protocol):
    """Remembers what the user arranges."""

    def save_ui_state(self) -> None:
        """Saves the state that `Gallery.fill` was given."""

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
        on_notice: Callable[[str], object],
        owner: Owner,
        compact: bool = False,
    ) -> None:
        """image: the one that is restyled, which is not listed among the open images.
        on_change: called when the chosen styles, their shares or their regions change. on_error: gets every error.
        on_notice: gets a sentence about what takes a while, and '' when it is done.
        compact: for a place 200 pixels wide."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._thread, self._image = Thread(loop), image
        self._on_change, self._on_error, self._owner = on_change, on_error, owner
        self._state = UiState()
        self._new: dict[str, Style] = {}  # chosen styles that may be in no group yet
        self._open_images: list[StyleSource] = []
        self._listings: dict[str, FolderListing] = {}
        self._unreadable: set[str] = set()
        self._leaving_out = loop.timer(self._leave_out_now)
        self._selection = StyleSelection()
        self.sources = NewStyles(
            dirs, self._thread, self, self.choose, on_error, on_notice, owner.remember_folder, self.add_folder
        )
        self.view = GalleryList(loop, compact, self._on_choice, on_error, self._leave_out, self.remove_folder)
        self.rows = StyleRows(self, compact)
        self.search = Gtk.SearchEntry(
            placeholder_text=strings.SEARCH, tooltip_text=strings.SEARCH_TIP, name="search", width_chars=6
        )
        self.search.get_accessible().set_name(strings.SEARCH)
        self.search.connect("search-changed", lambda _: self._on_search())
        self.search.connect(
            "stop-search", lambda _: self.get_toplevel().close()
        )  # Escape, if there is nothing to clear
        self._no_match = Gtk.Label(xalign=0, wrap=True, no_show_all=True)
        self._no_match.set_name("no match")  # not translated: a name for tests
        top = Gtk.Box(spacing=6)
        top.pack_start(self.search, True, True, 0)
        top.pack_end(self.sources.menu_button() if compact else self.sources.folder_button(), False, False, 0)
        self.pack_start(top, False, False, 0)
        self.pack_start(self._no_match, False, False, 0)
        self.pack_start(self.view, True, True, 0)
        if not compact:
            self.pack_start(self.sources.buttons(), False, False, 0)
        self.pack_start(self.rows, False, False, 0)
        self.connect("map", lambda _: self.read_folders())  # there may be new pictures

    # --- the chosen styles ---------------------------------------------------------------------------
    def chosen(self) -> list[Style]:
        return self._selection.apply_to(self.view.chosen())

    def fill(self, state: UiState, chosen: list[Style]) -> None:
        """Shows the groups and the other open images, and chooses the given styles. state: is changed as the user
        arranges the gallery."""
        self._state = state
        self.sources.folder = state.folder
        self._open_images = [one for one in open_images() if one.image.get_id() != self._image.get_id()]
        self._show(set())
        self.choose(chosen)
        self.read_folders()

    def choose(self, styles: list[Style]) -> None:
        """Chooses exactly these styles; new ones come first among the recent ones."""
        self._selection.load(styles)
        self._new = {style.path: style for style in (*styles, *self._new.values())}
        paths = {style.path for style in styles}
        if all(self.view.item_of(path) for path in paths):
            self.view.select(paths)
        else:
            self._show(paths)
        if styles:
            self.view.show_style(styles[0].path)
        self._on_choice()

    def groups(self) -> list[Group]:
        """The groups as they are shown, without the search."""
        readable = {
            folder: FolderListing(
                tuple(style for style in listing.styles if style.path not in self._unreadable), listing.note
            )
            for folder, listing in self._listings.items()
        }
        return gallery_groups.gallery_groups(self._state, list(self._new.values()), samples(SAMPLES), readable)

    def refresh(self) -> None:
        """Shows the groups anew, e.g. after the state has changed elsewhere; chosen styles stay chosen."""
        self._show({style.path for style in self.view.chosen()})
        self.rows.show_styles(self.chosen())

    def _show(self, chosen: set[str]) -> None:
        self.view.show_groups(self.groups(), self._open_images, chosen)
        for group in self.view.group_views():
            group.flow.connect("button-press-event", self._on_press)

    def items(self) -> list[Item]:
        return self.view.items()

    def _on_choice(self) -> None:
        for item in self.view.chosen_items():
            if item.source is not None:
                chosen = self.chosen()
                self.view.select({style.path for style in chosen})
                # Once the image is saved as a style, that is chosen instead, together with the other chosen styles.
                self.sources.catching(self.sources.add_source)(item.source, chosen)
                return
        self.rows.show_styles(self.chosen())
        self._on_change()

    # --- folders -------------------------------------------------------------------------------------
    def add_folder(self, folder: str) -> None:
        gallery_groups.add_folder(self._state, folder)
        self._arranged()
        self.read_folders()

    def remove_folder(self, folder: str) -> None:
        gallery_groups.remove_folder(self._state, folder)
        self._arranged()

    def read_folders(self) -> None:
        """Lists the pictures in the user's folders, on threads."""
        endings = readable_endings()
        for folder in self._state.folders:
            self._thread.run(partial(list_folder, folder, endings), partial(self._on_listed, folder), self._on_error)

    def _on_listed(self, folder: str, listing: FolderListing) -> None:
        if self._listings.get(folder) != listing:
            self._listings[folder] = listing
            self.refresh()

    def _leave_out(self, style: Style) -> None:
        """Leaves out a file in a folder that is no picture."""
        self._unreadable.add(style.path)
        self._leaving_out.start(LEAVE_OUT_AFTER)

    def _leave_out_now(self) -> None:
        self._leaving_out.stop()
        self.refresh()

    # --- the search ----------------------------------------------------------------------------------
    def _on_search(self) -> None:
        text = self.search.get_text()
        found = self.view.search(text)
        self._no_match.set_markup(quiet_markup(self._no_match, strings.NO_MATCH.format(text=text.strip())))
        self._no_match.set_visible(not found and bool(text.strip()))

    def on_key(self, event: Any) -> bool:
        """For the keys of the whole dialog: Ctrl+F leads to the search, Escape clears it before it closes anything."""
        if event.keyval in (Gdk.KEY_f, Gdk.KEY_F) and event.state & Gdk.ModifierType.CONTROL_MASK:
            self.search.grab_focus()
            return True
        return bool(event.keyval == Gdk.KEY_Escape and self.clear_search())

    def is_searching(self) -> bool:
        """Whether a search is being typed."""
        return bool(self.search.has_focus() and self.search.get_text())

    def clear_search(self) -> bool:
        """Clears the search. Returns whether there was one."""
        had_search = bool(self.search.get_text())
        self.search.set_text("")
        return had_search

    # --- the order, the names and the favourites -----------------------------------------------------
    def _on_press(self, flow: Any, event: Any) -> bool:
        """The right mouse button opens the menu of a style."""
        item = self.view.item_at(flow, event) if event.button == Gdk.BUTTON_SECONDARY else None
        if item is None or item.style is None:
            return False
        popup(item, [(text, self.sources.catching(callback)) for text, callback in self.item_menu(item.style)])
        return True

    def item_menu(self, style: Style) -> list[tuple[str, Callable[[], object]]]:
        """The menu of a style in the gallery: the text of each entry and what it does."""
        state = self._state
        group = gallery_groups.group_of(self.groups(), style)
        starred = gallery_groups.is_favourite(state, style)
        moves: list[tuple[str, Callable[[], object]]] = []
        if group is not None and group.is_sortable:
            moves = [
                (text, partial(self._arrange, partial(gallery_groups.move, state, group, style, by)))
                for text, by in (
                    (strings.MOVE_TO_FRONT, -len(group.styles)),
                    (strings.MOVE_EARLIER, -1),
                    (strings.MOVE_LATER, 1),
                )
            ]
        star = strings.REMOVE_FROM_FAVOURITES if starred else strings.ADD_TO_FAVOURITES
        return [
            (star, partial(self._arrange, partial(gallery_groups.set_favourite, state, style, not starred))),
            (strings.RENAME, lambda: self._rename(style)),
            *moves,
            (strings.REMOVE_FROM_GALLERY, lambda: self.remove_style(style)),
        ]

    def _rename(self, style: Style) -> None:
        name = ask_text(
            self.get_toplevel(),
            strings.RENAME_TITLE,
            strings.NEW_NAME,
            strings.RENAME_DONE,
            strings.shown_style(style.name),
        )
        if name is not None:
            self._arrange(partial(gallery_groups.rename, self._state, style, name))

    def remove_style(self, style: Style) -> None:
        """Takes a style out of the gallery; its file stays."""
        self._new.pop(style.path, None)
        self._arrange(partial(gallery_groups.remove, self._state, style))

    def _arrange(self, change: Callable[[], object]) -> None:
        change()
        self._arranged()

    def _arranged(self) -> None:
        before = self.view.chosen()
        self.refresh()
        if {style.path for style in before} != {style.path for style in self.view.chosen()}:
            self._on_change()
        self._owner.save_ui_state()

    # --- share and region of each style --------------------------------------------------------------
    def show_region_menu(self, button: Any, style: Style) -> None:
        choices: list[tuple[str, Callable[[], object]]] = [(strings.ELSEWHERE, lambda: self._set_region(style, None))]
        choices += [(source.name, partial(self._use_region, style, source)) for source in region_sources(self._image)]
        popup(button, [(text, self.sources.catching(callback)) for text, callback in choices])

    def _use_region(self, style: Style, source: RegionSource) -> None:
        self._set_region(style, source.take())

    def _set_region(self, style: Style, region: Region | None) -> None:
        self._selection.set_region(style, region)
        self._on_choice()

    def forget_regions(self) -> None:
        self._selection.forget_regions()
        self.rows.show_styles(self.chosen())

    def set_share(self, style: Style, share: float) -> None:
        self._selection.set_share(style, share)
        self._on_change()

    def deselect(self, style: Style) -> None:
        item = self.view.item_of(style.path)
        if item is not None:
            self.view.deselect(item)

    # --- new styles ----------------------------------------------------------------------------------
    def add_files(self, paths: list[str]) -> None:
        """Chooses files as the styles; reports an error if one cannot be read."""
        self.sources.add_files(paths)
