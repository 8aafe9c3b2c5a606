"""Reads and writes style images with Qt. All functions may run on a thread."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.editor import styles
from velatura.editor.ui_state import Style
from velatura.errors import NotAPicture
from velatura.pixels import LARGEST_STYLE_SIDE, Picture, PixelFormat

from .qt import QBuffer, QByteArray, QColorSpace, QImage, QImageReader, QSize, Qt

FORMAT = PixelFormat("RGBA", "u8", "srgb")
SAMPLES = Path(__file__).parent / "carried" / "samples"
LAYERED = ("kra", "ora")  # a zip each, with a picture of the merged layers in it
MERGED = "mergedimage.png"  # its name, in both formats
MAX_MERGED = 1 << 30  # bytes, unpacked


@dataclass(frozen=True)
class StyleSource:
    """A document or layer that can be used as a style. take: returns its image; raises VelaturaError."""

    name: str
    take: Callable[[], QImage] = field(repr=False)


def read_image(path: str, side: int) -> QImage:
    """Reads an image file, rotated upright, in sRGB, at most `side` pixels a side. Raises NotAPicture."""
    reader, data = QImageReader(path), QBuffer()
    if Path(path).suffix.lower().lstrip(".") in LAYERED:
        data.setData(QByteArray(_merged_image(path)))
        reader = QImageReader(data)
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


def _merged_image(path: str) -> bytes:
    """The picture of all layers in a layered file. Raises NotAPicture."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(MERGED).file_size > MAX_MERGED:
                raise ValueError("the picture in it is too large")
            return archive.read(MERGED)
    except KeyError:
        why = "it contains no picture of its merged layers; save it again"
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        why = str(error)
    raise NotAPicture(strings.NOT_READABLE.format(name=Path(path).name, why=why))


def read_picture(path: str) -> Picture:
    """Reads a style file as the daemon expects it, with its hash computed. Raises NotAPicture."""
    picture = as_picture(read_image(path, LARGEST_STYLE_SIDE))
    _ = picture.ref  # computes the hash
    return picture


def as_picture(image: QImage) -> Picture:
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    pixels = image.constBits()
    pixels.setsize(image.sizeInBytes())
    return Picture(image.width(), image.height(), FORMAT, bytes(pixels))  # 4 bytes per pixel, so rows have no padding


def save_style(image: QImage, name: str, dirs: AppDirs) -> Style:
    """Saves an image without a file, e.g. a pasted one, as a style file. Raises DiskTrouble, NotAPicture."""
    if max(image.width(), image.height()) > LARGEST_STYLE_SIDE:
        image = image.scaled(
            QSize(LARGEST_STYLE_SIDE, LARGEST_STYLE_SIDE),
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    return styles.save_style(as_picture(image), name, dirs, lambda path: image.save(str(path), "PNG"))
