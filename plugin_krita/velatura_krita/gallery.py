"""The gallery, in which styles are chosen: recent ones, samples, files, layers, the clipboard, and dropped images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.background import Thread
from velatura.editor.style_regions import Region, RegionSource
from velatura.editor.styles import StyleSelection, gallery_order, moved, region_label, renamed, samples, style_from_file
from velatura.editor.ui_state import Style, UiState
from velatura.errors import NotAPicture, VelaturaError

from .desktop import WheelGuard, in_device_pixels, sharp
from .qt import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QIcon,
    QImage,
    QImageReader,
    QInputDialog,
    QLabel,
    QLineEdit,
    QListView,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPixmap,
    QPushButton,
    QSize,
    QSlider,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from .qt_loop import QtLoop
from .styles import LAYERED, SAMPLES, StyleSource, read_image, save_style

THUMBNAIL_SIDE = 84  # pixels
SHARE_STEPS = 100  # of the slider for a style's share
NAME_WIDTH, REGION_WIDTH = 104, 136  # pixels
STYLE_ROLE = Qt.ItemDataRole.UserRole


class Gallery(QWidget):
    """The styles to choose from, and a row per chosen style with its region and, if there are several, its share."""

    changed = pyqtSignal()
    failed = pyqtSignal(object)  # VelaturaError
    arranged = pyqtSignal(object, object)  # the styles in their new order, and the one that was removed, or None
    folder_chosen = pyqtSignal(str)

    def __init__(
        self,
        dirs: AppDirs,
        sources: Callable[[], list[StyleSource]],
        regions: Callable[[], list[RegionSource]],
        open_style: Callable[[str], QImage],
        parent: QWidget | None = None,
    ) -> None:
        """sources: lists the documents and layers that can be styles. regions: lists what regions can be taken from.
        open_style: reads a file that Qt cannot read; raises NotAPicture."""
        super().__init__(parent)
        self._dirs, self._sources, self._regions, self._open_style = dirs, sources, regions, open_style
        self._thread = Thread(QtLoop(self))
        self._wheel_guard = WheelGuard(self)
        self._selection = StyleSelection()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.list = QListWidget()
        self.list.setObjectName("gallery")
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setIconSize(QSize(THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        self.list.setGridSize(QSize(THUMBNAIL_SIDE + 22, THUMBNAIL_SIDE + 30))
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setMinimumSize(3 * (THUMBNAIL_SIDE + 22) + 28, 2 * (THUMBNAIL_SIDE + 30) + 8)
        self.list.setToolTip(strings.GALLERY_TIP)
        self.list.setAccessibleName(strings.GALLERY_NAME)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._show_item_menu)
        self._folder = ""
        self.list.itemSelectionChanged.connect(self._on_choice)
        layout.addWidget(self.list, 1)
        layout.addLayout(self._buttons())
        self._rows = QVBoxLayout()
        layout.addLayout(self._rows)

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._menu = QMenu(self)
        for text, name, tip, slot in (
            (strings.FROM_FILE, "from_file", strings.FROM_FILE_TIP, self.choose_file),
            (strings.FROM_LAYER, "from_layer", strings.FROM_LAYER_TIP, None),
            (strings.PASTE, "paste", strings.PASTE_TIP, self.paste),
        ):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setObjectName(name)
            button.setAutoDefault(False)
            if slot is None:
                button.setMenu(self._menu)
                self._menu.aboutToShow.connect(self._fill_source_menu)
            else:
                button.clicked.connect(lambda _=False, slot=slot: slot())
            row.addWidget(button)
        return row

    # --- the chosen styles -----------------------------------------------------------------------------
    def chosen(self) -> list[Style]:
        return self._selection.apply_to([item.data(STYLE_ROLE) for item in self.list.selectedItems()])

    def fill(self, state: UiState, chosen: list[Style]) -> None:
        """Shows the used styles and the samples, and chooses the given ones."""
        self._folder = state.folder
        self._selection.load_shares(chosen)
        self._show(gallery_order(state, chosen, samples(SAMPLES)), chosen)

    def _show(self, styles: list[Style], chosen: list[Style]) -> None:
        """Shows exactly these styles, and chooses some of them."""
        self.list.blockSignals(True)
        self.list.clear()
        for style in styles:
            self._append(style, self.list.count())
        chosen_paths = {style.path for style in chosen}
        for item in self._items():
            item.setSelected(item.data(STYLE_ROLE).path in chosen_paths)
        self.list.blockSignals(False)
        self._on_choice()

    def choose(self, style: Style) -> None:
        """Chooses this style alone; a new one is added at the front."""
        self._choose_all([style])

    def _choose_all(self, styles: list[Style]) -> None:
        """Chooses exactly these styles; new ones are added at the front."""
        by_path = {item.data(STYLE_ROLE).path: item for item in self._items()}
        items = [by_path.get(style.path) or self._append(style, 0) for style in reversed(styles)]
        self.list.blockSignals(True)
        self.list.clearSelection()
        for item in items:
            item.setSelected(True)
        self.list.blockSignals(False)
        self.list.scrollToItem(items[-1])
        self._on_choice()

    # --- the order and the names -----------------------------------------------------------------------
    def _show_item_menu(self, where: Any) -> None:
        item = self.list.itemAt(where)
        if item is None:
            return
        menu = self.item_menu(item.data(STYLE_ROLE))
        menu.exec(self.list.viewport().mapToGlobal(where))

    def item_menu(self, style: Style) -> QMenu:
        """The menu of a style in the gallery."""
        menu = QMenu(self)
        shown = [item.data(STYLE_ROLE) for item in self._items()]
        for text, slot in (
            (strings.RENAME, lambda: self._rename(style)),
            (strings.MOVE_TO_FRONT, lambda: self._arrange(moved(shown, style, -len(shown)))),
            (strings.MOVE_EARLIER, lambda: self._arrange(moved(shown, style, -1))),
            (strings.MOVE_LATER, lambda: self._arrange(moved(shown, style, 1))),
            (strings.REMOVE_FROM_GALLERY, lambda: self.remove(style)),
        ):
            menu.addAction(text).triggered.connect(lambda _=False, slot=slot: slot())
        return menu

    def _rename(self, style: Style) -> None:
        name, accepted = QInputDialog.getText(
            self, strings.RENAME_TITLE, strings.NEW_NAME, QLineEdit.EchoMode.Normal, style.name
        )
        if accepted:
            self._arrange(renamed([item.data(STYLE_ROLE) for item in self._items()], style, name))

    def remove(self, style: Style) -> None:
        """Takes a style out of the gallery; its file stays."""
        others = [item.data(STYLE_ROLE) for item in self._items() if item.data(STYLE_ROLE).path != style.path]
        self._arrange(others, style)

    def _arrange(self, styles: list[Style], removed: Style | None = None) -> None:
        self._show(styles, self.chosen())
        self.arranged.emit(styles, removed)

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _append(self, style: Style, row: int) -> QListWidgetItem:
        blank = QPixmap(THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        blank.fill(Qt.GlobalColor.transparent)
        item = QListWidgetItem(QIcon(blank), style.name)
        item.setData(STYLE_ROLE, style)
        item.setToolTip(f"{style.name}\n{style.path}")
        self.list.insertItem(row, item)

        side = THUMBNAIL_SIDE

        def show(image: QImage) -> None:
            if any(one is item for one in self._items()):
                item.setIcon(QIcon(sharp(_square(image, in_device_pixels(self, QSize(side, side)).width()), self)))

        self._thread.run(lambda: read_image(style.path, 3 * THUMBNAIL_SIDE), show, self.failed.emit)
        return item

    # --- share and region of each style ----------------------------------------------------------------
    def _on_choice(self) -> None:
        self._show_rows()
        self.changed.emit()

    def _show_rows(self) -> None:
        while self._rows.count():
            row = self._rows.takeAt(0).widget()
            row.hide()
            row.deleteLater()
        styles = self.chosen()
        for style in styles:
            self._rows.addWidget(self._row(style, styles))

    def _row(self, style: Style, styles: list[Style]) -> QWidget:
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        name = QLabel()
        name.setFixedWidth(NAME_WIDTH)
        name.setText(name.fontMetrics().elidedText(style.name, Qt.TextElideMode.ElideRight, NAME_WIDTH))
        name.setToolTip(style.name)
        remove = QToolButton()
        remove.setText("✕")
        remove.setAutoRaise(True)
        remove.setToolTip(strings.REMOVE_STYLE)
        remove.clicked.connect(lambda: self._deselect(style))
        row.addWidget(name)
        if len(styles) > 1:
            number = QLabel()
            number.setObjectName(f"percent of {style.name}")
            number.setMinimumWidth(number.fontMetrics().horizontalAdvance("100 %"))
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            row.addWidget(self._share_slider(style, number), 1)
            row.addWidget(number)
        else:
            row.addStretch(1)
        row.addWidget(self._region_button(style, styles))
        row.addWidget(remove)
        return widget

    def _share_slider(self, style: Style, number: QLabel) -> QSlider:
        """number: shows the share."""
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setObjectName(f"share of {style.name}")
        slider.setRange(1, SHARE_STEPS)
        slider.setValue(round(style.share * SHARE_STEPS))
        slider.setToolTip(strings.SHARE)
        slider.setAccessibleName(f"{strings.SHARE_NAME} {style.name}")
        number.setText(strings.share(style.share))
        slider.valueChanged.connect(lambda value: number.setText(strings.share(value / SHARE_STEPS)))
        slider.valueChanged.connect(lambda value: self._set_share(style, value / SHARE_STEPS))
        self._wheel_guard.watch(slider)
        return slider

    def _region_button(self, style: Style, styles: list[Style]) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"region of {style.name}")
        button.setFixedWidth(REGION_WIDTH)
        text = region_label(style, styles)
        button.setText(button.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, REGION_WIDTH - 28))
        button.setToolTip(f"{strings.REGION_OF_STYLE}: {text}")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.aboutToShow.connect(lambda: self._fill_region_menu(menu, style))
        button.setMenu(menu)
        return button

    def _fill_region_menu(self, menu: QMenu, style: Style) -> None:
        menu.clear()
        menu.addAction(strings.ELSEWHERE).triggered.connect(lambda: self._set_region(style, None))
        menu.addSeparator()
        for source in self._regions():
            menu.addAction(source.name).triggered.connect(
                lambda _=False, source=source: self._use_region(style, source)
            )

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
        self._show_rows()

    def _set_share(self, style: Style, share: float) -> None:
        self._selection.set_share(style, share)
        self.changed.emit()

    def _deselect(self, style: Style) -> None:
        for item in self._items():
            if item.data(STYLE_ROLE).path == style.path:
                item.setSelected(False)

    # --- new styles ------------------------------------------------------------------------------------
    def choose_file(self) -> None:
        names = [bytes(name).decode() for name in QImageReader.supportedImageFormats()]
        patterns = " ".join(f"*.{name}" for name in dict.fromkeys([*names, *LAYERED, "psd", "xcf"]))
        paths, _ = QFileDialog.getOpenFileNames(
            self, strings.CHOOSE_STYLE, self._folder, f"{strings.IMAGE_FILES} ({patterns})"
        )
        if paths:
            self._folder = str(Path(paths[0]).parent)
            self.folder_chosen.emit(self._folder)
            self.add_files(paths)

    def add_files(self, paths: list[str]) -> None:
        """Chooses files as the styles; reports an error if one cannot be read."""
        self._thread.run(lambda: [_try_to_read(path) for path in paths], self._on_read, self.failed.emit)

    def _on_read(self, styles: list[tuple[Style, NotAPicture | None]]) -> None:
        """styles: with the error of those that Qt could not read; perhaps Krita can."""
        chosen = []
        for style, error in styles:
            if error is None:
                chosen.append(style)
                continue
            try:
                chosen.append(save_style(self._open_style(style.path), style.name, self._dirs))
            except VelaturaError:
                self.failed.emit(error)
                return
        self._choose_all(chosen)

    def add_image(self, image: QImage, name: str) -> None:
        """Chooses an image without a file as the style; it is saved as one first."""
        self._thread.run(lambda: save_style(image, name, self._dirs), self.choose, self.failed.emit)

    def paste(self) -> None:
        self.add_mime(QApplication.clipboard().mimeData(), strings.PASTED_IMAGE)

    def add_mime(self, mime: Any, name: str) -> None:
        """Chooses the files or the image of a drop or of the clipboard. name: for an image without a file."""
        files = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()] if mime.hasUrls() else []
        if files:
            self.add_files(files)
        elif mime.hasImage():
            self.add_image(QImage(mime.imageData()), name)
        else:
            self.failed.emit(VelaturaError(strings.NOTHING_TO_PASTE))

    def _fill_source_menu(self) -> None:
        self._menu.clear()
        for source in self._sources():
            self._menu.addAction(source.name).triggered.connect(lambda _=False, source=source: self._add_source(source))
        if self._menu.isEmpty():
            self._menu.addAction(strings.NO_SOURCES).setEnabled(False)

    def _add_source(self, source: StyleSource) -> None:
        try:
            self.add_image(source.take(), source.name)
        except VelaturaError as error:
            self.failed.emit(error)


def _try_to_read(path: str) -> tuple[Style, NotAPicture | None]:
    """A file as a style, and why Qt cannot read it."""
    style = style_from_file(path)
    try:
        read_image(path, THUMBNAIL_SIDE)
    except NotAPicture as error:
        return style, error
    return style, None


def _square(image: QImage, side: int) -> QPixmap:
    """The middle of an image, scaled to so many pixels a side."""
    filled = image.scaled(
        QSize(side, side), Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
    )
    return QPixmap.fromImage(filled.copy((filled.width() - side) // 2, (filled.height() - side) // 2, side, side))
