"""Styles as pictures: by GdkPixbuf, which threads may use, and by GIMP's own loaders where that cannot."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from gi.repository import GdkPixbuf, Gio, GLib

from velatura import strings
from velatura.app_dirs import AppDirs, app_dirs
from velatura.editor import styles
from velatura.editor.ui_state import Style
from velatura.errors import NotAPicture
from velatura.pixels import LARGEST_STYLE_SIDE, Picture, PixelFormat

from . import canvas

CHECKS, DARK, LIGHT = 16, 0x666666, 0x999999  # pixels a side; as GIMP shows what is transparent
SAMPLES = Path(__file__).parent / "carried" / "samples"


def read_pixbuf(path: str, side: int) -> Any:
    """The picture in this file, upright, at most `side` pixels a side. Raises NotAPicture. For threads."""
    try:
        kind, width, height = GdkPixbuf.Pixbuf.get_file_info(path)
        if kind is not None and max(width, height) > side:
            pixbuf = GdkPixbuf.Pixbuf.new_from_file_at_scale(path, side, side, True)
        else:
            pixbuf = GdkPixbuf.Pixbuf.new_from_file(path)
    except GLib.Error as error:
        raise NotAPicture(strings.NOT_READABLE.format(name=Path(path).name, why=error.message)) from error
    return pixbuf.apply_embedded_orientation() or pixbuf


def read_picture(path: str) -> Picture:
    """A style, as the daemon takes it; its hash is known. Raises NotAPicture. For threads."""
    picture = as_picture(read_pixbuf(path, LARGEST_STYLE_SIDE))
    _ = picture.ref
    return picture


def read_any(path: str) -> Picture:
    """The same, for whatever GIMP can open; for the main thread only."""
    try:
        return read_picture(path)
    except NotAPicture:
        picture = canvas.load_picture(Gio.File.new_for_path(path)) if Path(path).is_file() else None
        if picture is None:
            raise
        return picture


def as_picture(pixbuf: Any) -> Picture:
    """A pixbuf's own bytes, without its rows' padding; the daemon converts by its profile, where that is one for
    RGB."""
    profile = base64.b64decode(pixbuf.get_option("icc-profile") or "")
    channels = pixbuf.get_n_channels()
    fmt = PixelFormat("RGBA" if channels == 4 else "RGB", "u8", "srgb", profile if profile[16:20] == b"RGB " else b"")
    width, height, stride = pixbuf.get_width(), pixbuf.get_height(), pixbuf.get_rowstride()
    data, row = pixbuf.get_pixels(), width * channels
    return Picture(width, height, fmt, b"".join(data[y * stride : y * stride + row] for y in range(height)))


def as_pixbuf(width: int, height: int, channels: int, data: Any) -> Any:
    """8-bit RGB or RGBA without padding, as GTK shows it."""
    pixels = GLib.Bytes.new(bytes(data))
    return GdkPixbuf.Pixbuf.new_from_bytes(
        pixels, GdkPixbuf.Colorspace.RGB, channels == 4, 8, width, height, width * channels
    )


def over_checks(picture: Picture) -> Any:
    """A pixbuf of an RGBA picture, with a chequered ground where it is transparent."""
    width, height = picture.width, picture.height
    pixbuf = as_pixbuf(width, height, 4, picture.data)
    return pixbuf.composite_color_simple(width, height, GdkPixbuf.InterpType.NEAREST, 255, CHECKS, DARK, LIGHT)


def keep(picture: Picture, name: str, where: AppDirs) -> Style:
    """A picture that came from no file, as a file of ours. Raises DiskTrouble, NotAPicture."""

    def write(path: Path) -> bool:
        try:
            pixbuf = as_pixbuf(picture.width, picture.height, picture.format.bytes_per_pixel, picture.data)
            return bool(pixbuf.savev(str(path), "png", [], []))
        except GLib.Error:
            return False

    return styles.save_style(picture, name, where, write)


def keep_drawable(drawable: Any) -> Style:
    """A drawable that a script gave as the style."""
    source = canvas.source_of(drawable.get_image(), drawable, drawable.get_name())
    return keep(canvas.picture_of(source), source.name, app_dirs())


def take_file(path: str, where: AppDirs) -> Style:
    """A file as a style; one that only GIMP can open is kept as a picture that everybody can. Raises NotAPicture."""
    try:
        read_pixbuf(path, 64)
        return styles.style_from_file(path)
    except NotAPicture:
        return keep(read_any(path), styles.style_from_file(path).name, where)
