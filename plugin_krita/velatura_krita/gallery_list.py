"""The list of the gallery: thumbnails of styles in groups with headings. It knows nothing of where styles come from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from velatura import strings
from velatura.editor.gallery_groups import FOLDER, Group, matches
from velatura.editor.thumbnails import Thumbnails
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError
from velatura.i18n import translated

from .desktop import in_device_pixels, plain_label, plain_tip, sharp, style_quiet
from .qt import (
    QAbstractItemView,
    QHBoxLayout,
    QIcon,
    QImage,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPainter,
    QPalette,
    QPixmap,
    QSize,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
    QTimer,
    QToolButton,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from .qt_loop import QtLoop
from .styles import read_image

SIDE, COMPACT_SIDE = 84, 56  # pixels, of a thumbnail
NAME_HEIGHT = 30  # pixels, for the name and the space around an item
STYLE_ROLE = Qt.ItemDataRole.UserRole
GROUP_ROLE = Qt.ItemDataRole.UserRole + 1  # of a heading
SETTLE = 20  # ms after scrolling until the visible thumbnails are read
SCREENFUL_AHEAD = 1  # screenfuls below the visible part whose thumbnails are read too


class GalleryList(QListWidget):
    """Shows groups of styles, of which several can be chosen."""

    failed = pyqtSignal(object)  # VelaturaError
    unreadable = pyqtSignal(object)  # Style, in a folder
    folder_removed = pyqtSignal(str)

    def __init__(self, loop: QtLoop, compact: bool, parent: QWidget | None = None) -> None:
        """compact: for a place that may be only 200 pixels wide."""
        super().__init__(parent)
        self._side = COMPACT_SIDE if compact else SIDE
        self._tile = QSize(self._side + (4 if compact else 22), self._side + NAME_HEIGHT)
        self._by_path: dict[str, QListWidgetItem] = {}
        self._search = ""
        self._thumbnails: Thumbnails[QImage] = Thumbnails(loop, self._read, self._on_read, self._on_failed)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.timeout.connect(self._read_visible)
        self.setObjectName("gallery")
        self.setItemDelegate(Tile(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setIconSize(QSize(self._side, self._side))
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # so that headings keep their width
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        columns = 1 if compact else 3
        self.setMinimumSize(columns * self._tile.width() + 28, 2 * self._tile.height() + 24)
        self.setToolTip(strings.GALLERY_TIP)
        self.setAccessibleName(strings.GALLERY_NAME)
        self.verticalScrollBar().valueChanged.connect(lambda _: self._settled.start(SETTLE))

    # --- what is shown ---------------------------------------------------------------------------------
    def show_groups(self, groups: Sequence[Group], chosen: Collection[str]) -> None:
        """Shows exactly these groups, with some styles chosen, by their paths. Emits nothing."""
        scrolled = self.verticalScrollBar().value()
        current = self.currentItem().data(STYLE_ROLE) if self.currentItem() else None
        self.blockSignals(True)
        self.clear()
        self._by_path = {}
        blank = QIcon(self._pixmap(None))
        for group in groups:
            self._add_heading(group)
            for style in group.styles:
                self._add_style(style, group, blank)
        if current is not None and current.path in self._by_path:
            self.setCurrentItem(self._by_path[current.path])
        self.select(chosen)
        self.blockSignals(True)
        self._apply_search()
        self.blockSignals(False)
        self.doItemsLayout()
        self.verticalScrollBar().setValue(scrolled)
        self._settled.start(SETTLE)

    def select(self, paths: Collection[str]) -> None:
        """Chooses exactly these styles. Emits nothing."""
        self.blockSignals(True)
        for path, item in self._by_path.items():
            item.setSelected(path in paths)
        self.blockSignals(False)

    def show_style(self, path: str) -> None:
        """Scrolls to a style."""
        if path in self._by_path:
            self.scrollToItem(self._by_path[path])

    def deselect(self, path: str) -> None:
        if path in self._by_path:
            self._by_path[path].setSelected(False)

    def items(self) -> list[QListWidgetItem]:
        """The items of styles, without headings."""
        return list(self._by_path.values())

    def chosen(self) -> list[Style]:
        return [item.data(STYLE_ROLE) for item in self.selectedItems() if item.data(STYLE_ROLE)]

    def search(self, text: str) -> int:
        """Shows only styles with these words in their names; chosen ones stay chosen. Returns how many are shown."""
        self._search = text
        found = self._apply_search()
        self.verticalScrollBar().setValue(0)
        self._settled.start(SETTLE)
        return found

    def _apply_search(self) -> int:
        count, heading, in_group = 0, None, 0
        for item in [self.item(row) for row in range(self.count())] + [None]:
            style = item.data(STYLE_ROLE) if item is not None else None
            if style is not None:
                found = matches(strings.shown_style(style.name), self._search)
                if item.isHidden() == found:
                    item.setHidden(not found)
                in_group += found
                continue
            if heading is not None:
                heading.setHidden(bool(self._search) and not in_group)
                self.itemWidget(heading).setVisible(not heading.isHidden())
            count, heading, in_group = count + in_group, item, 0
        return count

    def _add_style(self, style: Style, group: Group, blank: QIcon) -> None:
        """blank: shown until the thumbnail has been read."""
        thumbnail = self._thumbnails.cached(style.path)
        name = strings.shown_style(style.name)
        item = QListWidgetItem(QIcon(self._pixmap(thumbnail)) if thumbnail else blank, name)
        item.setData(STYLE_ROLE, style)
        item.setData(GROUP_ROLE, group.kind)
        item.setSizeHint(self._tile)
        item.setToolTip(plain_tip(f"{name}\n{style.path}"))
        self.addItem(item)
        self._by_path[style.path] = item

    def _add_heading(self, group: Group) -> None:
        item = QListWidgetItem()
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, group.title)
        heading = Heading(group)
        heading.removed.connect(lambda: self.folder_removed.emit(group.folder))
        item.setSizeHint(QSize(self._row_width(), heading.sizeHint().height()))
        self.addItem(item)
        self.setItemWidget(item, heading)

    def _row_width(self) -> int:
        return int(max(self.viewport().width() - 4, self._tile.width()))

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        for row in range(self.count()):
            item = self.item(row)
            if item.data(STYLE_ROLE) is None:
                item.setSizeHint(QSize(self._row_width(), item.sizeHint().height()))
        self._settled.start(SETTLE)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._settled.start(SETTLE)

    # --- thumbnails ------------------------------------------------------------------------------------
    def _read_visible(self) -> None:
        """Reads the thumbnails that are visible, and some below."""
        if not self.isVisible():
            return
        visible = self.viewport().rect()
        visible.setBottom(visible.bottom() + SCREENFUL_AHEAD * visible.height())
        shown = [item for item in self.items() if not item.isHidden() and visible.intersects(self.visualItemRect(item))]
        self._thumbnails.want([item.data(STYLE_ROLE).path for item in shown])

    def _read(self, path: str) -> QImage:
        """On a thread."""
        return read_image(path, 3 * self._side)

    def _on_read(self, path: str, image: QImage) -> None:
        if path in self._by_path:
            self._by_path[path].setIcon(QIcon(self._pixmap(image)))

    def _on_failed(self, path: str, error: VelaturaError) -> None:
        item = self._by_path.get(path)
        if item is None:
            return
        if item.data(GROUP_ROLE) == FOLDER:  # anything may lie in a folder
            self.unreadable.emit(item.data(STYLE_ROLE))
        else:
            self.failed.emit(error)

    def _pixmap(self, image: QImage | None) -> QPixmap:
        """The middle of an image as a square, or an empty one."""
        side = in_device_pixels(self, QSize(self._side, self._side)).width()
        if image is None:
            blank = QPixmap(side, side)
            blank.fill(Qt.GlobalColor.transparent)
            return sharp(blank, self)
        filled = image.scaled(
            QSize(side, side), Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
        )
        left, top = (filled.width() - side) // 2, (filled.height() - side) // 2
        return sharp(QPixmap.fromImage(filled.copy(left, top, side, side)), self)

    # --- the keyboard ----------------------------------------------------------------------------------
    def keyPressEvent(self, event: Any) -> None:
        """Enter chooses the style that has the focus alone, the space bar adds or removes it."""
        item, enter = self.currentItem(), (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if item is None or item.data(STYLE_ROLE) is None or event.key() not in (*enter, Qt.Key.Key_Space):
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Space:
            item.setSelected(not item.isSelected())
        else:
            self.select({item.data(STYLE_ROLE).path})
            self.itemSelectionChanged.emit()


class Tile(QStyledItemDelegate):
    """Draws a style on the highlight's colour if it is chosen: most themes only tint its name and its thumbnail."""

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        option = QStyleOptionViewItem(option)
        if option.state & QStyle.StateFlag.State_Selected:
            option.state &= ~QStyle.StateFlag.State_Selected
            roles = QPalette.ColorRole
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(option.palette.color(roles.Highlight))
            painter.drawRoundedRect(option.rect.adjusted(1, 0, -1, -4), 4, 4)
            painter.restore()
            option.palette.setColor(roles.Text, option.palette.color(roles.HighlightedText))
        super().paint(painter, option, index)


class Heading(QWidget):
    """The title of a group, what is to be known of it, and for a folder a button that removes it."""

    removed = pyqtSignal()

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.setObjectName(f"heading {group.title}")
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 2, 2)
        column.setSpacing(0)
        row = QHBoxLayout()
        title = plain_label()
        font = title.font()
        font.setBold(True)
        title.setFont(font)
        title.setText(translated(group.title))
        title.setMinimumWidth(1)  # a long name is cut off instead of widening the list
        row.addWidget(title, 1)
        self.setToolTip(plain_tip(group.folder or translated(group.title)))
        if group.folder:
            remove = QToolButton()
            remove.setObjectName(f"remove folder {group.title}")  # not translated: a name for tests
            remove.setText("✕" if not group.note or group.styles else strings.REMOVE_FOLDER)
            remove.setAutoRaise(True)
            remove.setToolTip(strings.REMOVE_FOLDER_TIP)
            remove.setAccessibleName(strings.REMOVE_FOLDER_NAMED.format(folder=group.title))
            remove.clicked.connect(lambda _=False: self.removed.emit())
            row.addWidget(remove)
        column.addLayout(row)
        if group.note:
            self.note = plain_label()
            self.note.setText(translated(group.note))
            self.note.setMinimumWidth(1)
            style_quiet(self.note)
            column.addWidget(self.note)
