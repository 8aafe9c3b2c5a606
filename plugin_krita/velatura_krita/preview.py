"""The preview area: the picture before and after, which can be zoomed, moved and compared."""

from __future__ import annotations

from typing import Any

from velatura import strings
from velatura.editor.preview_model import Layer, Mode, PreviewModel
from velatura.editor.viewport import Viewport
from velatura.editor.window_place import Box
from velatura.protocol.messages import Preview

from .qt import QColor, QEvent, QImage, QPainter, QPalette, QRect, QRectF, QSize, Qt, QWidget, pyqtSignal

NOTCH = 120  # angle of one notch of the wheel, as Qt counts it
ARROWS = {Qt.Key.Key_Left: "left", Qt.Key.Key_Right: "right", Qt.Key.Key_Up: "up", Qt.Key.Key_Down: "down"}
CURSORS = {
    "split": Qt.CursorShape.SplitHCursor,
    "hand": Qt.CursorShape.OpenHandCursor,
    "pan": Qt.CursorShape.ClosedHandCursor,
    "": Qt.CursorShape.ArrowCursor,
}
HANDLE = (7, 36)  # pixels, of the middle of the split line


class PreviewArea(QWidget):
    """Shows the preview. Boxes are in the content's pixels; images are of any size.

    view_changed: another part of the picture is visible, or another picture is shown; see `detail_wanted`.
    """

    view_changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = PreviewModel(lambda image: (image.width(), image.height()), self._redraw, self.view_changed.emit)
        self._reduced: tuple[Any, QImage] = (None, QImage())  # the image drawn last that had to be made smaller
        self.setMinimumSize(160, 72)  # with an error and its buttons, the window still fits 683 × 384
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setObjectName("preview")
        self.setAccessibleName(strings.PREVIEW_NAME)

    # --- pictures --------------------------------------------------------------------------------------
    @property
    def shown(self) -> QImage:
        """The small picture that is shown."""
        return self._model.shown or QImage()

    @property
    def has_preview(self) -> bool:
        return self._model.has_preview

    def side(self) -> int:
        """How many pixels the longer side of a picture should have."""
        return int(max(self.width(), self.height(), 400) * self.devicePixelRatioF())

    def set_content_size(self, width: int, height: int) -> None:
        """Sets the size of the content in its own pixels. Another one than before resets the zoom to fit."""
        self._model.set_content_size(width, height)

    def set_original(self, image: QImage) -> None:
        """Sets the original, and removes the last preview."""
        self._model.set_original(None if image.isNull() else image)

    def update_original(self, image: QImage) -> None:
        """Sets the original; the last preview stays."""
        self._model.update_original(None if image.isNull() else image)

    def set_preview(self, preview: Preview) -> None:
        data = bytes(preview.data)
        image = QImage(data, preview.width, preview.height, 3 * preview.width, QImage.Format.Format_RGB888)
        self.set_picture(image.copy())  # a copy that owns its bytes

    def set_picture(self, image: QImage) -> None:
        """Sets a finished draft as the preview."""
        self._model.set_preview(image)

    def remember(self) -> None:
        """Remembers what is shown, for `show_remembered`."""
        self._model.remember()

    def show_remembered(self) -> None:
        """Shows what was shown when `remember` was called: the original, or the preview of an earlier restyle."""
        self._model.show_remembered()

    # --- detail ----------------------------------------------------------------------------------------
    def detail_wanted(self) -> Box | None:
        """The visible part of the content, if one of the pictures has too few pixels at this zoom."""
        return self._model.detail_wanted()

    def original_detail_wanted(self) -> Box | None:
        """The same for the original alone, which may be shown at any time."""
        return self._model.original_detail_wanted()

    def preview_detail_wanted(self) -> Box | None:
        """The same for the preview alone; None if only the original is shown."""
        return self._model.preview_detail_wanted()

    def set_original_detail(self, box: Box, image: QImage) -> None:
        """Sets a part of the original with all pixels. It is dropped when another original is set."""
        self._model.set_original_detail(box, image)

    def set_preview_detail(self, box: Box, image: QImage) -> None:
        """Sets a part of the preview with all pixels. It is dropped when another preview is set."""
        self._model.set_preview_detail(box, image)

    # --- the view --------------------------------------------------------------------------------------
    @property
    def viewport(self) -> Viewport:
        """Zoom and position, to look at; change them with the methods below."""
        return self._model.viewport

    @property
    def mode(self) -> Mode:
        return self._model.mode

    def set_mode(self, mode: Mode) -> None:
        """Shows the picture before, the one after, or both with a line between them."""
        self._model.set_mode(mode)

    def fit(self) -> None:
        self._model.fit()

    def one_to_one(self) -> None:
        self._model.one_to_one()

    def zoom_steps(self, steps: float) -> None:
        """Zooms by so many notches of the wheel."""
        self._model.zoom_steps(steps)

    # --- drawing ---------------------------------------------------------------------------------------
    def sizeHint(self) -> QSize:
        return QSize(480, 420)

    def _redraw(self) -> None:
        self._update_cursor()
        self.update()

    def paintEvent(self, _: object) -> None:
        self._update_area()  # the window may have come to another screen
        palette, factor = self.palette(), self.devicePixelRatioF()
        painter = QPainter(self)
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Window).darker(140))
        painter.scale(1 / factor, 1 / factor)  # to device pixels
        for layer in self._model.layers():
            self._draw(painter, layer)
        self._draw_split(painter)
        if self.hasFocus():
            painter.setPen(palette.color(QPalette.ColorRole.Highlight))
            painter.drawRect(0, 0, self._model.viewport.area_width - 1, self._model.viewport.area_height - 1)

    def _draw(self, painter: QPainter, layer: Layer) -> None:
        image, x_scale, y_scale = layer.image, layer.x_scale, layer.y_scale
        if layer.smooth and x_scale < 0.5:  # Qt would skip pixels
            image = self._reduce(image, round(image.width() * x_scale), round(image.height() * y_scale))
            x_scale, y_scale = (
                layer.image.width() * x_scale / image.width(),
                layer.image.height() * y_scale / image.height(),
            )
        whole = QRectF(layer.left, layer.top, image.width() * x_scale, image.height() * y_scale)
        clip = QRect(*layer.clip)
        # One more pixel of the image on each side, which smoothing needs; not all of it, which may be too large for Qt.
        extra = max(x_scale, y_scale) + 1
        target = QRectF(clip).adjusted(-extra, -extra, extra, extra).intersected(whole)
        source = QRectF(
            (target.left() - layer.left) / x_scale,
            (target.top() - layer.top) / y_scale,
            target.width() / x_scale,
            target.height() / y_scale,
        )
        painter.save()
        painter.setClipRect(clip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, layer.smooth)
        painter.drawImage(target, image, source)
        painter.restore()

    def _reduce(self, image: QImage, width: int, height: int) -> QImage:
        """The image made smaller; the last one is kept."""
        key = (image.cacheKey(), width, height)
        if self._reduced[0] != key:
            size = QSize(max(1, width), max(1, height))
            smooth = Qt.TransformationMode.SmoothTransformation
            self._reduced = key, image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
        return self._reduced[1]

    def _draw_split(self, painter: QPainter) -> None:
        """A light line between two dark ones, which can be seen on every picture, with a handle."""
        x = self._model.split_at()
        if x is None:
            return
        factor, height = self.devicePixelRatioF(), self._model.viewport.area_height
        unit = max(1, round(factor))
        dark, light = QColor(0, 0, 0, 150), QColor(255, 255, 255, 230)
        painter.fillRect(x - 2 * unit, 0, 4 * unit, height, dark)
        painter.fillRect(x - unit, 0, 2 * unit, height, light)
        width, tall = round(HANDLE[0] * factor), round(HANDLE[1] * factor)
        top = (height - tall) // 2
        painter.fillRect(x - width // 2 - unit, top - unit, width + 2 * unit, tall + 2 * unit, dark)
        painter.fillRect(x - width // 2, top, width, tall, light)

    # --- events ----------------------------------------------------------------------------------------
    def _update_area(self) -> None:
        factor = self.devicePixelRatioF()
        self._model.set_area(round(self.width() * factor), round(self.height() * factor), factor)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._update_area()

    def wheelEvent(self, event: Any) -> None:
        self._model.zoom_steps(event.angleDelta().y() / NOTCH, *self._position(event))
        event.accept()

    def mousePressEvent(self, event: Any) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._model.press(*self._position(event))
            self._update_cursor()

    def mouseMoveEvent(self, event: Any) -> None:
        x, y = self._position(event)
        self._model.move(x, y)
        self._update_cursor(x)

    def mouseReleaseEvent(self, event: Any) -> None:
        self._model.release()
        self._update_cursor(self._position(event)[0])

    def mouseDoubleClickEvent(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._model.double_press(*self._position(event))

    def event(self, event: Any) -> bool:
        """Takes the keys of the preview before Krita's shortcuts do."""
        if event.type() == QEvent.Type.ShortcutOverride and _key(event) in (*ARROWS.values(), *"+-=_01bB"):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: Any) -> None:
        if not self._model.press_key(_key(event)):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: Any) -> None:
        if event.isAutoRepeat() or not self._model.release_key(_key(event)):
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: Any) -> None:
        super().focusOutEvent(event)
        self._model.release()
        self.update()

    def changeEvent(self, event: Any) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()

    def _position(self, event: Any) -> tuple[float, float]:
        """The position of the pointer in device pixels."""
        position = event.position() if hasattr(event, "position") else event.localPos()
        factor = self.devicePixelRatioF()
        return position.x() * factor, position.y() * factor

    def _update_cursor(self, x: float = -1.0) -> None:
        self.setCursor(CURSORS[self._model.cursor(x)])


def _key(event: Any) -> str:
    if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
        return ""
    return ARROWS.get(event.key()) or str(event.text())
