"""The gallery, in which styles are chosen: groups of them, a search, and rows for the chosen ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor import gallery_groups
from velatura.editor.background import Thread
from velatura.editor.gallery_groups import Group
from velatura.editor.style_folders import FolderListing, list_folder
from velatura.editor.style_regions import Region, RegionSource
from velatura.editor.styles import StyleSelection, samples
from velatura.editor.ui_state import Style, UiState
from velatura.errors import VelaturaError
from velatura.i18n import translated

from .desktop import style_quiet
from .gallery_list import STYLE_ROLE, GalleryList
from .gallery_rows import StyleRows
from .gallery_sources import NewStyles
from .qt import (
    QHBoxLayout,
    QImage,
    QInputDialog,
    QKeySequence,
    QLabel,
    QLineEdit,
    QListWidgetItem,
    QMenu,
    QScrollArea,
    QShortcut,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from .qt_loop import QtLoop
from .styles import SAMPLES, StyleSource, readable_endings

LEAVE_OUT_AFTER = 100  # ms, so that many broken files in a folder are left out at once


class Gallery(QWidget):
    """The styles to choose from, and a row per chosen style with its region and, if there are several, its share."""

    changed = pyqtSignal()
    failed = pyqtSignal(object)  # VelaturaError
    notice = pyqtSignal(object)  # a sentence: what takes a while; '' when it is done
    arranged = pyqtSignal()  # the user has changed the gallery in the state that `fill` was given
    folder_chosen = pyqtSignal(str)

    def __init__(
        self,
        dirs: AppDirs,
        sources: Callable[[], list[StyleSource]],
        regions: Callable[[], list[RegionSource]],
        open_style: Callable[[str], QImage],
        parent: QWidget | None = None,
        compact: bool = False,
    ) -> None:
        """sources: lists the documents and layers that can be styles. regions: lists what regions can be taken from.
        open_style: reads a file that Qt cannot read; raises NotAPicture. compact: for a place 200 pixels wide."""
        super().__init__(parent)
        loop = QtLoop(self)
        self._thread = Thread(loop)
        self._state = UiState()
        self._new: dict[str, Style] = {}  # chosen styles that may be in no group yet
        self._listings: dict[str, FolderListing] = {}
        self._unreadable: set[str] = set()
        self._leaving_out = QTimer(self)
        self._leaving_out.setSingleShot(True)
        self._leaving_out.timeout.connect(self.refresh)
        self._selection = StyleSelection()
        self.list = GalleryList(loop, compact)
        self.sources = NewStyles(dirs, self._thread, sources, open_style, self)
        self.rows = StyleRows(regions, compact)
        self.search = QLineEdit()
        self.search.setObjectName("search styles")  # not translated: a name for tests
        self.search.setPlaceholderText(strings.SEARCH)
        self.search.setAccessibleName(strings.SEARCH)
        self.search.setToolTip(strings.SEARCH_TIP)
        self.search.setClearButtonEnabled(True)
        self._no_match = QLabel()
        self._no_match.setObjectName("no match")  # not translated: a name for tests
        self._no_match.setTextFormat(Qt.TextFormat.PlainText)
        self._no_match.setWordWrap(True)
        self._no_match.hide()
        self._lay_out(compact)
        self._connect()
        # In a docker the shortcut must not take Ctrl+F from the rest of Krita's window.
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        kinds = Qt.ShortcutContext
        shortcut.setContext(kinds.WidgetWithChildrenShortcut if compact else kinds.WindowShortcut)
        shortcut.activated.connect(self._focus_search)

    def _lay_out(self, compact: bool) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        top.addWidget(self.sources.menu_button() if compact else self.sources.folder_button())
        layout.addLayout(top)
        layout.addWidget(self._no_match)
        layout.addWidget(self.list, 1)
        if not compact:
            layout.addLayout(self.sources.buttons())
        layout.addWidget(self.rows)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._on_search)
        self.list.itemSelectionChanged.connect(self._on_choice)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._show_item_menu)
        self.list.failed.connect(self.failed)
        self.list.unreadable.connect(self._leave_out)
        self.list.folder_removed.connect(self.remove_folder)
        self.sources.brought.connect(self.choose_all)
        self.sources.failed.connect(self.failed)
        self.sources.notice.connect(self.notice)
        self.sources.folder_opened.connect(self.folder_chosen)
        self.sources.folder_added.connect(self.add_folder)
        self.rows.deselected.connect(lambda style: self.list.deselect(style.path))
        self.rows.share_changed.connect(self._set_share)
        self.rows.region_cleared.connect(lambda style: self._set_region(style, None))
        self.rows.region_chosen.connect(self._use_region)

    # --- the chosen styles -----------------------------------------------------------------------------
    def chosen(self) -> list[Style]:
        return self._selection.apply_to(self.list.chosen())

    def fill(self, state: UiState, chosen: list[Style]) -> None:
        """Shows the groups, and chooses the given styles. state: is changed as the user arranges the gallery."""
        self._state = state
        self.sources.folder = state.folder
        self._selection.load(chosen)
        self.choose_all(chosen)
        self.read_folders()

    def choose(self, style: Style) -> None:
        """Chooses this style alone."""
        self.choose_all([style])

    def choose_all(self, styles: list[Style]) -> None:
        """Chooses exactly these styles; new ones come first among the recent ones."""
        self._new = {style.path: style for style in (*styles, *self._new.values())}
        paths = {style.path for style in styles}
        self.list.show_groups(self.groups(), paths)
        if styles:
            self.list.show_style(styles[0].path)
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
        self.list.show_groups(self.groups(), {style.path for style in self.list.chosen()})
        self.rows.show_styles(self.chosen())

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.read_folders()  # there may be new pictures

    # --- folders ---------------------------------------------------------------------------------------
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

            def show(listing: FolderListing, folder: str = folder) -> None:
                if self._listings.get(folder) != listing:
                    self._listings[folder] = listing
                    self.refresh()

            self._thread.run(lambda folder=folder: list_folder(folder, endings), show, self.failed.emit)  # type: ignore[misc]

    def _leave_out(self, style: Style) -> None:
        """Leaves out a file in a folder that is no picture."""
        self._unreadable.add(style.path)
        self._leaving_out.start(LEAVE_OUT_AFTER)

    # --- the search ------------------------------------------------------------------------------------
    def _on_search(self, text: str) -> None:
        found = self.list.search(text)
        style_quiet(self._no_match)
        self._no_match.setText(translated(strings.NO_MATCH.format(text=text.strip())))
        self._no_match.setVisible(not found and bool(text.strip()))

    def _focus_search(self) -> None:
        place = self.parentWidget()
        while place is not None and not isinstance(place, QScrollArea):
            place = place.parentWidget()
        if place is not None:
            place.ensureWidgetVisible(self.search)
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def clear_search(self) -> bool:
        """Clears the search. Returns whether there was one."""
        had_search = bool(self.search.text())
        self.search.clear()
        return had_search

    def keyPressEvent(self, event: Any) -> None:
        """Escape clears the search before it closes anything; the down key leads from the search to the styles."""
        if event.key() == Qt.Key.Key_Escape and self.clear_search():
            event.accept()
        elif event.key() == Qt.Key.Key_Down and self.search.hasFocus():
            shown = [item for item in self.list.items() if not item.isHidden()]
            self.list.setFocus()
            if shown and self.list.currentItem() not in shown:
                self.list.setCurrentItem(shown[0])
        else:
            super().keyPressEvent(event)

    # --- the order, the names and the favourites -------------------------------------------------------
    def _show_item_menu(self, where: Any) -> None:
        item = self.list.itemAt(where)
        if item is not None and item.data(STYLE_ROLE) is not None:
            self.item_menu(item.data(STYLE_ROLE)).exec(self.list.viewport().mapToGlobal(where))

    def item_menu(self, style: Style) -> QMenu:
        """The menu of a style in the gallery."""
        menu, state = QMenu(self), self._state
        group = gallery_groups.group_of(self.groups(), style)
        starred = gallery_groups.is_favourite(state, style)
        self._add_action(
            menu,
            strings.REMOVE_FROM_FAVOURITES if starred else strings.ADD_TO_FAVOURITES,
            lambda: gallery_groups.set_favourite(state, style, not starred),
        )
        menu.addAction(strings.RENAME).triggered.connect(lambda: self._rename(style))
        if group is not None and group.is_sortable:
            for text, by in (
                (strings.MOVE_TO_FRONT, -len(group.styles)),
                (strings.MOVE_EARLIER, -1),
                (strings.MOVE_LATER, 1),
            ):
                self._add_action(menu, text, lambda by=by: gallery_groups.move(state, group, style, by))  # type: ignore[misc]
        menu.addAction(strings.REMOVE_FROM_GALLERY).triggered.connect(lambda: self.remove(style))
        return menu

    def _add_action(self, menu: QMenu, text: str, change: Callable[[], object]) -> None:
        def on_trigger() -> None:
            change()
            self._arranged()

        menu.addAction(text).triggered.connect(on_trigger)

    def _rename(self, style: Style) -> None:
        name, accepted = QInputDialog.getText(
            self, strings.RENAME_TITLE, strings.NEW_NAME, QLineEdit.EchoMode.Normal, strings.shown_style(style.name)
        )
        if accepted:
            gallery_groups.rename(self._state, style, name)
            self._arranged()

    def remove(self, style: Style) -> None:
        """Takes a style out of the gallery; its file stays."""
        gallery_groups.remove(self._state, style)
        self._new.pop(style.path, None)
        self._arranged()

    def _arranged(self) -> None:
        before = {style.path for style in self.list.chosen()}
        self.refresh()
        if before != {style.path for style in self.list.chosen()}:
            self.changed.emit()
        self.arranged.emit()

    def _items(self) -> list[QListWidgetItem]:
        return self.list.items()

    # --- share and region of each style ----------------------------------------------------------------
    def _on_choice(self) -> None:
        self.rows.show_styles(self.chosen())
        self.changed.emit()

    def _use_region(self, style: Style, source: RegionSource) -> None:
        try:
            self._set_region(style, source.take())
        except VelaturaError as error:
            self.failed.emit(error)

    def _set_region(self, style: Style, region: Region | None) -> None:
        self._selection.set_region(style, region)
        self._on_choice()

    def forget_regions(self) -> None:
        self._selection.forget_regions()
        self.rows.show_styles(self.chosen())

    def _set_share(self, style: Style, share: float) -> None:
        self._selection.set_share(style, share)
        self.changed.emit()

    # --- new styles ------------------------------------------------------------------------------------
    def add_files(self, paths: list[str]) -> None:
        """Chooses files as the styles; reports an error if one cannot be read."""
        self.sources.add_files(paths)

    def add_mime(self, mime: Any, name: str) -> None:
        """Chooses the files, the image or the address of a drop as the style."""
        self.sources.add_mime(mime, name)
