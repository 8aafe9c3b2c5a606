"""The gallery, in which styles are chosen: recent ones, samples, files, layers, the clipboard, and dropped images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor.background import Thread
from velatura.editor.style_regions import Region, RegionSource
from velatura.editor.styles import StyleSelection, gallery_order, region_label, samples, style_from_file
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError

from .qt import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QIcon,
    QImage,
    QImageReader,
    QLabel,
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
from .styles import SAMPLES, StyleSource, read_image, save_style

THUMBNAIL_SIDE = 84  # pixels
SHARE_STEPS = 100  # of the slider for a style's share
NAME_WIDTH, REGION_WIDTH = 104, 136  # pixels
STYLE_ROLE = Qt.ItemDataRole.UserRole


class Gallery(QWidget):
    """The styles to choose from, and a row per chosen style with its region and, if there are several, its share."""

    changed = pyqtSignal()
    failed = pyqtSignal(object)  # VelaturaError

    def __init__(
        self,
        dirs: AppDirs,
        sources: Callable[[], list[StyleSource]],
        regions: Callable[[], list[RegionSource]],
        parent: QWidget | None = None,
    ) -> None:
        """sources: lists the documents and layers that can be styles. regions: lists what regions can be taken from."""
        super().__init__(parent)
        self._dirs, self._sources, self._regions = dirs, sources, regions
        self._thread = Thread(QtLoop(self))
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
        self.list.itemSelectionChanged.connect(self._on_choice)
        layout.addWidget(self.list, 1)
        layout.addLayout(self._buttons())
        self._rows = QVBoxLayout()
        layout.addLayout(self._rows)

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._menu = QMenu(self)
        for text, name, slot in (
            (strings.FROM_FILE, "from_file", self.choose_file),
            (strings.FROM_LAYER, "from_layer", None),
            (strings.PASTE, "paste", self.paste),
        ):
            button = QPushButton(text)
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

    def fill(self, recent: list[Style], chosen: list[Style]) -> None:
        """Shows the recent styles, then the samples, and chooses the given ones."""
        self._selection.load_shares(chosen)
        self.list.blockSignals(True)
        self.list.clear()
        for style in gallery_order(recent, chosen, samples(SAMPLES)):
            self._append(style, self.list.count())
        chosen_paths = {style.path for style in chosen}
        for item in self._items():
            item.setSelected(item.data(STYLE_ROLE).path in chosen_paths)
        self.list.blockSignals(False)
        self._on_choice()

    def choose(self, style: Style) -> None:
        """Chooses this style alone; a new one is added at the front."""
        for item in self._items():
            if item.data(STYLE_ROLE).path == style.path:
                break
        else:
            item = self._append(style, 0)
        self.list.clearSelection()
        item.setSelected(True)
        self.list.scrollToItem(item)

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _append(self, style: Style, row: int) -> QListWidgetItem:
        blank = QPixmap(THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        blank.fill(Qt.GlobalColor.transparent)
        item = QListWidgetItem(QIcon(blank), style.name)
        item.setData(STYLE_ROLE, style)
        item.setToolTip(f"{style.name}\n{style.path}")
        self.list.insertItem(row, item)

        def show(image: QImage) -> None:
            if any(one is item for one in self._items()):
                item.setIcon(QIcon(_square(image)))

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
            row.addWidget(self._share_slider(style), 1)
        else:
            row.addStretch(1)
        row.addWidget(self._region_button(style, styles))
        row.addWidget(remove)
        return widget

    def _share_slider(self, style: Style) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setObjectName(f"share of {style.name}")
        slider.setRange(1, SHARE_STEPS)
        slider.setValue(round(style.share * SHARE_STEPS))
        slider.setToolTip(strings.SHARE)
        slider.valueChanged.connect(lambda value: self._set_share(style, value / SHARE_STEPS))
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
        patterns = " ".join(f"*.{bytes(name).decode()}" for name in QImageReader.supportedImageFormats())
        path, _ = QFileDialog.getOpenFileName(self, strings.CHOOSE_STYLE, "", f"{strings.IMAGE_FILES} ({patterns})")
        if path:
            self.add_file(path)

    def add_file(self, path: str) -> None:
        """Chooses a file as the style; reports an error if it cannot be read."""
        style = style_from_file(path)
        self._thread.run(lambda: read_image(path, THUMBNAIL_SIDE) and style, self.choose, self.failed.emit)

    def add_image(self, image: QImage, name: str) -> None:
        """Chooses an image without a file as the style; it is saved as one first."""
        self._thread.run(lambda: save_style(image, name, self._dirs), self.choose, self.failed.emit)

    def paste(self) -> None:
        self.add_mime(QApplication.clipboard().mimeData(), strings.PASTED_IMAGE)

    def add_mime(self, mime: Any, name: str) -> None:
        """Chooses the file or image of a drop or of the clipboard. name: for an image without a file."""
        if mime.hasUrls() and mime.urls()[0].isLocalFile():
            self.add_file(mime.urls()[0].toLocalFile())
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


def _square(image: QImage) -> QPixmap:
    """The middle of an image, scaled to THUMBNAIL_SIDE a side."""
    side = THUMBNAIL_SIDE
    filled = image.scaled(
        QSize(side, side), Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
    )
    return QPixmap.fromImage(filled.copy((filled.width() - side) // 2, (filled.height() - side) // 2, side, side))
