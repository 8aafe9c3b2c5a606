"""Choosing styles: a gallery of recent and sample paintings, and whatever a file, a layer, the clipboard or a drop
brings."""

from __future__ import annotations

from collections.abc import Callable

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
from .styles import SAMPLES, keep, read_image

THUMB = 84  # pixels
SHARES = 100  # steps of a share's slider
NAME_WIDTH, WHERE_WIDTH = 104, 136  # pixels
A_STYLE = Qt.ItemDataRole.UserRole


class Gallery(QWidget):
    """`chosen()` are the styles; each may have a region, and with several, each has a share."""

    changed = pyqtSignal()
    failed = pyqtSignal(object)  # VelaturaError

    def __init__(
        self,
        places: AppDirs,
        sources: Callable[[], list],
        regions: Callable[[], list[RegionSource]],
        parent: QWidget | None = None,
    ) -> None:
        """sources: () → documents and layers of the editor, each with a name and a take(). regions: what says where a
        style goes."""
        super().__init__(parent)
        self._places, self._sources, self._regions, self._thread = places, sources, regions, Thread(QtLoop(self))
        self._selection = StyleSelection()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.list = QListWidget()
        self.list.setObjectName("gallery")
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setIconSize(QSize(THUMB, THUMB))
        self.list.setGridSize(QSize(THUMB + 22, THUMB + 30))
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setMinimumSize(3 * (THUMB + 22) + 28, 2 * (THUMB + 30) + 8)
        self.list.setToolTip(strings.GALLERY_TIP)
        self.list.itemSelectionChanged.connect(self._on_choice)
        layout.addWidget(self.list, 1)
        layout.addLayout(self._buttons())
        self._rows = QVBoxLayout()
        layout.addLayout(self._rows)

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._menu = QMenu(self)
        for text, name, do in (
            (strings.FROM_FILE, "from_file", self.choose_file),
            (strings.FROM_LAYER, "from_layer", None),
            (strings.PASTE, "paste", self.paste),
        ):
            button = QPushButton(text)
            button.setObjectName(name)
            button.setAutoDefault(False)
            if do is None:
                button.setMenu(self._menu)
                self._menu.aboutToShow.connect(self._list_sources)
            else:
                button.clicked.connect(lambda _=False, do=do: do())
            row.addWidget(button)
        return row

    # --- what is chosen --------------------------------------------------------------------------------
    def chosen(self) -> list[Style]:
        return self._selection.apply_to([item.data(A_STYLE) for item in self.list.selectedItems()])

    def fill(self, recent: list[Style], chosen: list[Style]) -> None:
        """Recent styles first, then the samples."""
        self._selection.load_shares(chosen)
        self.list.blockSignals(True)
        self.list.clear()
        for style in gallery_order(recent, chosen, samples(SAMPLES)):
            self._append(style, self.list.count())
        wanted = {style.path for style in chosen}
        for item in self._items():
            item.setSelected(item.data(A_STYLE).path in wanted)
        self.list.blockSignals(False)
        self._on_choice()

    def choose(self, style: Style) -> None:
        """Put a style in front and choose it alone."""
        for item in self._items():
            if item.data(A_STYLE).path == style.path:
                break
        else:
            item = self._append(style, 0)
        self.list.clearSelection()
        item.setSelected(True)
        self.list.scrollToItem(item)

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _append(self, style: Style, row: int) -> QListWidgetItem:
        blank = QPixmap(THUMB, THUMB)
        blank.fill(Qt.GlobalColor.transparent)
        item = QListWidgetItem(QIcon(blank), style.name)
        item.setData(A_STYLE, style)
        item.setToolTip(f"{style.name}\n{style.path}")
        self.list.insertItem(row, item)

        def show(image: QImage) -> None:
            if any(one is item for one in self._items()):
                item.setIcon(QIcon(_square(image)))

        self._thread.run(lambda: read_image(style.path, 3 * THUMB), show, self.failed.emit)
        return item

    # --- how much of each, and where -------------------------------------------------------------------
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
        away = QToolButton()
        away.setText("✕")
        away.setAutoRaise(True)
        away.setToolTip(strings.REMOVE_STYLE)
        away.clicked.connect(lambda: self._unchoose(style))
        row.addWidget(name)
        if len(styles) > 1:
            row.addWidget(self._share(style), 1)
        else:
            row.addStretch(1)
        row.addWidget(self._where(style, styles))
        row.addWidget(away)
        return widget

    def _share(self, style: Style) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setObjectName(f"share of {style.name}")
        slider.setRange(1, SHARES)
        slider.setValue(round(style.share * SHARES))
        slider.setToolTip(strings.SHARE)
        slider.valueChanged.connect(lambda value: self._set_share(style, value / SHARES))
        return slider

    def _where(self, style: Style, styles: list[Style]) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"where {style.name}")
        button.setFixedWidth(WHERE_WIDTH)
        said = region_label(style, styles)
        button.setText(button.fontMetrics().elidedText(said, Qt.TextElideMode.ElideRight, WHERE_WIDTH - 28))
        button.setToolTip(f"{strings.WHERE}: {said}")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.aboutToShow.connect(lambda: self._list_regions(menu, style))
        button.setMenu(menu)
        return button

    def _list_regions(self, menu: QMenu, style: Style) -> None:
        menu.clear()
        menu.addAction(strings.ELSEWHERE).triggered.connect(lambda: self._put(style, None))
        menu.addSeparator()
        for source in self._regions():
            menu.addAction(source.name).triggered.connect(
                lambda _=False, source=source: self._take_region(style, source)
            )

    def _take_region(self, style: Style, source: RegionSource) -> None:
        try:
            self._put(style, source.take())
        except VelaturaError as error:
            self.failed.emit(error)

    def _put(self, style: Style, region: Region | None) -> None:
        self._selection.set_region(style, region)
        self._on_choice()

    def forget_regions(self) -> None:
        self._selection.forget_regions()
        self._show_rows()

    def _set_share(self, style: Style, share: float) -> None:
        self._selection.set_share(style, share)
        self.changed.emit()

    def _unchoose(self, style: Style) -> None:
        for item in self._items():
            if item.data(A_STYLE).path == style.path:
                item.setSelected(False)

    # --- new ones --------------------------------------------------------------------------------------
    def choose_file(self) -> None:
        kinds = " ".join(f"*.{bytes(kind).decode()}" for kind in QImageReader.supportedImageFormats())
        path, _ = QFileDialog.getOpenFileName(self, strings.CHOOSE_STYLE, "", f"{strings.PICTURE_FILES} ({kinds})")
        if path:
            self.take_file(path)

    def take_file(self, path: str) -> None:
        """A file as the style; one that cannot be read is told and not chosen."""
        style = style_from_file(path)
        self._thread.run(lambda: read_image(path, THUMB) and style, self.choose, self.failed.emit)

    def take_image(self, image: QImage, name: str) -> None:
        """A picture without a file as the style."""
        self._thread.run(lambda: keep(image, name, self._places), self.choose, self.failed.emit)

    def paste(self) -> None:
        self.take_mime(QApplication.clipboard().mimeData(), strings.IN_CLIPBOARD)

    def take_mime(self, mime: object, name: str) -> None:
        """What a drop or the clipboard holds: a file, or a picture."""
        if mime.hasUrls() and mime.urls()[0].isLocalFile():
            self.take_file(mime.urls()[0].toLocalFile())
        elif mime.hasImage():
            self.take_image(QImage(mime.imageData()), name)
        else:
            self.failed.emit(VelaturaError(strings.NOTHING_TO_PASTE))

    def _list_sources(self) -> None:
        self._menu.clear()
        for source in self._sources():
            self._menu.addAction(source.name).triggered.connect(
                lambda _=False, source=source: self._take_source(source)
            )
        if self._menu.isEmpty():
            self._menu.addAction(strings.NO_SOURCES).setEnabled(False)

    def _take_source(self, source: object) -> None:
        try:
            self.take_image(source.take(), source.name)
        except VelaturaError as error:
            self.failed.emit(error)


def _square(image: QImage) -> QPixmap:
    """The middle of a picture, THUMB a side."""
    side = QSize(THUMB, THUMB)
    filled = image.scaled(
        side, Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
    )
    return QPixmap.fromImage(filled.copy((filled.width() - THUMB) // 2, (filled.height() - THUMB) // 2, THUMB, THUMB))
