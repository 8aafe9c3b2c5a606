"""Styles as pictures: read from files on a thread, kept as files where they came from none."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pastiche import words
from pastiche.errors import NotAPicture
from pastiche.paths import Places, make_private_folder
from pastiche.pixels import LARGEST_STYLE_SIDE, Picture, PixelFormat
from pastiche.remembered import Style

from .qt import QColorSpace, QImage, QImageReader, QSize, Qt

FORMAT = PixelFormat("RGBA", "u8", "srgb")
SAMPLES = Path(__file__).parent / "carried" / "samples"
MOST_KEPT = 60  # files of styles that came from no file


def read_image(path: str, side: int) -> QImage:
    """The picture in this file, upright, sRGB, at most `side` pixels a side. Raises NotAPicture. Touches no widget."""
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > side:
        reader.setScaledSize(size.scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        raise NotAPicture(words.NOT_READABLE.format(name=Path(path).name, why=reader.errorString()))
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


def keep(image: QImage, name: str, places: Places) -> Style:
    """Write an image that came from no file into a folder of ours. Raises DiskTrouble, NotAPicture."""
    folder = make_private_folder(places.styles)
    if max(image.width(), image.height()) > LARGEST_STYLE_SIDE:
        image = image.scaled(QSize(LARGEST_STYLE_SIDE, LARGEST_STYLE_SIDE), Qt.AspectRatioMode.KeepAspectRatio,
                             Qt.TransformationMode.SmoothTransformation)  # fmt: skip
    picture = as_picture(image)
    path = folder / f"{hashlib.sha256(picture.data).hexdigest()[:24]}.png"
    if not path.exists() and not image.save(str(path), "PNG"):
        raise NotAPicture(words.NOT_READABLE.format(name=name, why=f"it could not be kept in {folder}"))
    path.touch()
    for old in sorted(folder.glob("*.png"), key=lambda p: p.stat().st_mtime)[:-MOST_KEPT]:
        old.unlink(missing_ok=True)
    return Style(str(path), name)


def samples() -> list[Style]:
    """The paintings that the plugin brings along."""
    return [Style(str(path), words.style_name(path.stem)) for path in sorted(SAMPLES.glob("*.png"))]
