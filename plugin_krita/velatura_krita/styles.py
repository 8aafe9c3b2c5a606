"""Styles as pictures, read and written by Qt; for threads."""

from __future__ import annotations

from pathlib import Path

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor import styles
from velatura.editor.ui_state import Style
from velatura.errors import NotAPicture
from velatura.pixels import LARGEST_STYLE_SIDE, Picture, PixelFormat

from .qt import QColorSpace, QImage, QImageReader, QSize, Qt

FORMAT = PixelFormat("RGBA", "u8", "srgb")
SAMPLES = Path(__file__).parent / "carried" / "samples"


def read_image(path: str, side: int) -> QImage:
    """The picture in this file, upright, sRGB, at most `side` pixels a side. Raises NotAPicture. Touches no widget."""
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > side:
        reader.setScaledSize(size.scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        raise NotAPicture(strings.NOT_READABLE.format(name=Path(path).name, why=reader.errorString()))
    if image.colorSpace().isValid():
        image.convertToColorSpace(QColorSpace(QColorSpace.NamedColorSpace.SRgb))
    return image


def read_picture(path: str) -> Picture:
    """A style, as the daemon takes it; its hash is known. Raises NotAPicture."""
    picture = as_picture(read_image(path, LARGEST_STYLE_SIDE))
    _ = picture.ref
    return picture


def as_picture(image: QImage) -> Picture:
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    pixels = image.constBits()
    pixels.setsize(image.sizeInBytes())
    return Picture(image.width(), image.height(), FORMAT, bytes(pixels))  # 4 bytes a pixel: rows have no padding


def keep(image: QImage, name: str, places: AppDirs) -> Style:
    """An image that came from no file, as a file of ours. Raises DiskTrouble, NotAPicture."""
    if max(image.width(), image.height()) > LARGEST_STYLE_SIDE:
        image = image.scaled(
            QSize(LARGEST_STYLE_SIDE, LARGEST_STYLE_SIDE),
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    return styles.save_style(as_picture(image), name, places, lambda path: image.save(str(path), "PNG"))
