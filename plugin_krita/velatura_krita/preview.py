"""The preview area: shows the original, then the latest preview; while the mouse button is held down, the original."""

from __future__ import annotations

from velatura import strings
from velatura.protocol.messages import Preview

from .desktop import in_device_pixels
from .qt import QColor, QImage, QPainter, QRect, QSize, Qt, QWidget


class PreviewArea(QWidget):
    """Shows an image, scaled to fit with its aspect ratio kept."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._original = QImage()
        self._preview = QImage()
        self._remembered = QImage()
        self._showing_original = False
        self.setMinimumSize(160, 120)
        self.setObjectName("preview")
        self.setAccessibleName(strings.PREVIEW_NAME)

    @property
    def shown(self) -> QImage:
        return self._original if self._showing_original or self._preview.isNull() else self._preview

    @property
    def has_preview(self) -> bool:
        return not self._preview.isNull()

    def set_original(self, image: QImage) -> None:
        """Sets the original, and removes the last preview."""
        self._original, self._preview, self._remembered = image, QImage(), QImage()
        self.setToolTip("")
        self.update()

    def set_preview(self, preview: Preview) -> None:
        data = bytes(preview.data)
        image = QImage(data, preview.width, preview.height, 3 * preview.width, QImage.Format.Format_RGB888)
        self._preview = image.copy()  # a copy that owns its bytes
        self.setToolTip(strings.PREVIEW_TIP)
        self.update()

    def remember(self) -> None:
        """Remembers what is shown, for `show_remembered`."""
        self._remembered = self._preview

    def show_remembered(self) -> None:
        """Shows what was shown when `remember` was called: the original, or the preview of an earlier restyle."""
        self._preview = self._remembered
        self.setToolTip("" if self._preview.isNull() else strings.PREVIEW_TIP)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(480, 420)

    def paintEvent(self, _: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(30, 30, 30))
        image = self.shown
        if image.isNull():
            return
        # The result may be a few pixels smaller than the original: its sides are multiples of the network's grid.
        size = image.size().scaled(self.size() - QSize(16, 16), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        smooth, device_size = image, in_device_pixels(self, size)
        if device_size.width() < image.width() // 2:
            smooth = image.scaled(
                device_size, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
        painter.drawImage(QRect(left, top, size.width(), size.height()), smooth)

    def mousePressEvent(self, _: object) -> None:
        self._compare(True)

    def mouseReleaseEvent(self, _: object) -> None:
        self._compare(False)

    def _compare(self, original: bool) -> None:
        self._showing_original = original
        self.update()
