"""The picture in work: previews as they come; held down, the picture as it was."""

from __future__ import annotations

from velatura import strings
from velatura.protocol.messages import Preview

from .qt import QColor, QImage, QPainter, QRect, QSize, Qt, QWidget


class PreviewArea(QWidget):
    """Shows an image, fitted, never distorted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before = QImage()
        self._after = QImage()
        self._held = False
        self.setMinimumSize(360, 300)
        self.setObjectName("preview")

    @property
    def shown(self) -> QImage:
        return self._before if self._held or self._after.isNull() else self._after

    @property
    def has_preview(self) -> bool:
        return not self._after.isNull()

    def set_before(self, image: QImage) -> None:
        """The picture as it is; takes the last result away."""
        self._before, self._after = image, QImage()
        self.setToolTip("")
        self.update()

    def set_preview(self, preview: Preview) -> None:
        data = bytes(preview.data)
        image = QImage(data, preview.width, preview.height, 3 * preview.width, QImage.Format.Format_RGB888)
        self._after = image.copy()  # its own bytes
        self.setToolTip(strings.BEFORE_AFTER)
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
        # The result's box may differ a little from what was read (its sides fit the network's grid).
        size = image.size().scaled(self.size() - QSize(16, 16), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(
            (self.width() - size.width()) // 2, (self.height() - size.height()) // 2, size.width(), size.height()
        )
        smooth = image
        if size.width() < image.width() // 2:
            smooth = image.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
        painter.drawImage(place, smooth)

    def mousePressEvent(self, _: object) -> None:
        self._hold(True)

    def mouseReleaseEvent(self, _: object) -> None:
        self._hold(False)

    def _hold(self, held: bool) -> None:
        self._held = held
        self.update()
