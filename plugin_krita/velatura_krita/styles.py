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
from velatura.i18n import lazy_text
from velatura.pixels import LARGEST_STYLE_SIDE, Picture, PixelFormat

from .qt import QBuffer, QByteArray, QColorSpace, QImage, QImageReader, QSize, Qt

FORMAT = PixelFormat("RGBA", "u8", "srgb")
SAMPLES = Path(__file__).parent / "carried" / "samples"
LAYERED = ("kra", "ora")  # a zip each, with a picture of the merged layers in it
MERGED = "mergedimage.png"  # its name, in both formats
MAX_MERGED = 256 << 20  # bytes, unpacked


@dataclass(frozen=True)
class StyleSource:
    """A document or layer that can be used as a style. take: returns its image; raises VelaturaError."""

    name: str
    take: Callable[[], QImage] = field(repr=False)


def readable_endings() -> list[str]:
    """The endings of the files that `read_image` can read, in lower case."""
    names = [bytes(name).decode().lower() for name in QImageReader.supportedImageFormats()]
    return [name for name in dict.fromkeys([*names, *LAYERED]) if not styles.is_vector_format(name)]


def read_image(path: str, side: int) -> QImage:
    """Reads an image file, rotated upright, in sRGB, at most `side` pixels a side. Raises NotAPicture."""
    reader, data = QImageReader(path), QBuffer()
    if Path(path).suffix.lower().lstrip(".") in LAYERED:
        data.setData(QByteArray(_merged_image(path)))
        reader = QImageReader(data)
    # Before its size, for which Qt reads all of an SVG. Without a format, Qt goes by the ending.
    styles.check_format(Path(path).name, bytes(reader.format()).decode() or Path(path).suffix)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid():
        styles.check_size(Path(path).name, size.width(), size.height())
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
        why: str = lazy_text("it contains no picture of its merged layers; save it again")
    except Exception as error:  # zipfile passes on whatever its decompressors raise
        why = str(error) or type(error).__name__
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


def as_image(picture: Picture) -> QImage:
    """A picture in FORMAT, as an image that owns its pixels."""
    width, height = picture.width, picture.height
    return QImage(bytes(picture.data), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def save_style(image: QImage, name: str, dirs: AppDirs) -> Style:
    """Saves an image without a file, e.g. a pasted one, as a style file. Raises DiskTrouble, NotAPicture."""
    if max(image.width(), image.height()) > LARGEST_STYLE_SIDE:
        image = image.scaled(
            QSize(LARGEST_STYLE_SIDE, LARGEST_STYLE_SIDE),
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    return styles.save_style(as_picture(image), name, dirs, lambda path: image.save(str(path), "PNG"))
