"""Reads and writes style images: with GdkPixbuf, which may run on a thread, or else with GIMP's own loaders."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from gi.repository import GdkPixbuf, Gio, GLib

from velatura import strings
from velatura.app_dirs import AppDirs, app_dirs
from velatura.editor import styles
from velatura.editor.file_paths import is_file
from velatura.editor.ui_state import Style
from velatura.errors import NotAPicture
from velatura.pixels import LARGEST_STYLE_SIDE, Picture, PixelFormat

from .canvas_styles import load_picture, picture_of, source_of

CHECK_SIDE = 16  # pixels, of the checkerboard behind transparent pixels
DARK, LIGHT = 0x666666, 0x999999  # the same colours as GIMP's
SAMPLES = Path(__file__).parent / "carried" / "samples"


def read_pixbuf(path: str, side: int) -> Any:
    """Reads an image file, rotated upright, at most `side` pixels a side. May run on a thread. Raises NotAPicture."""
    try:
        kind, width, height = GdkPixbuf.Pixbuf.get_file_info(path)
        if kind is not None:
            styles.check_format(Path(path).name, kind.get_name())
            styles.check_size(Path(path).name, width, height)
        if kind is not None and max(width, height) > side:
            pixbuf = GdkPixbuf.Pixbuf.new_from_file_at_scale(path, side, side, True)
        else:
            pixbuf = GdkPixbuf.Pixbuf.new_from_file(path)
    except GLib.Error as error:
        raise NotAPicture(strings.NOT_READABLE.format(name=Path(path).name, why=error.message)) from error
    return pixbuf.apply_embedded_orientation() or pixbuf


def readable_endings() -> list[str]:
    """The endings of the files that `read_pixbuf` can read, in lower case."""
    kinds = [kind for kind in GdkPixbuf.Pixbuf.get_formats() if not styles.is_vector_format(kind.get_name())]
    return [ending.lower() for kind in kinds for ending in kind.get_extensions()]


def read_picture(path: str) -> Picture:
    """Reads a style file as the daemon expects it, with its hash computed. May run on a thread. Raises NotAPicture."""
    picture = as_picture(read_pixbuf(path, LARGEST_STYLE_SIDE))
    _ = picture.ref  # computes the hash
    return picture


def read_any_picture(path: str) -> Picture:
    """Reads any file that GIMP can open. Only for the main thread. Raises NotAPicture."""
    try:
        return read_picture(path)
    except styles.RefusedStyle:
        raise
    except NotAPicture:
        picture = load_picture(Gio.File.new_for_path(path)) if is_file(path) else None
        if picture is None:
            raise
        return picture


def as_picture(pixbuf: Any) -> Picture:
    """The pixels of a pixbuf without the padding of its rows; with its colour profile, if that is for RGB."""
    profile = base64.b64decode(pixbuf.get_option("icc-profile") or "")
    channels = pixbuf.get_n_channels()
    fmt = PixelFormat("RGBA" if channels == 4 else "RGB", "u8", "srgb", profile if profile[16:20] == b"RGB " else b"")
    width, height, stride = pixbuf.get_width(), pixbuf.get_height(), pixbuf.get_rowstride()
    data, row = pixbuf.get_pixels(), width * channels
    return Picture(width, height, fmt, b"".join(data[y * stride : y * stride + row] for y in range(height)))


def as_pixbuf(width: int, height: int, channels: int, data: Any) -> Any:
    """A pixbuf of 8-bit RGB or RGBA pixels without padding."""
    pixels = GLib.Bytes.new(bytes(data))
    return GdkPixbuf.Pixbuf.new_from_bytes(
        pixels, GdkPixbuf.Colorspace.RGB, channels == 4, 8, width, height, width * channels
    )


def over_checkerboard(picture: Picture) -> Any:
    """A pixbuf of an RGBA picture over a checkerboard."""
    width, height = picture.width, picture.height
    pixbuf = as_pixbuf(width, height, 4, picture.data)
    return pixbuf.composite_color_simple(width, height, GdkPixbuf.InterpType.NEAREST, 255, CHECK_SIDE, DARK, LIGHT)


def save_style(picture: Picture, name: str, dirs: AppDirs) -> Style:
    """Saves a picture without a file, e.g. a pasted one, as a style file. Raises DiskTrouble, NotAPicture."""

    def write(path: Path) -> bool:
        try:
            pixbuf = as_pixbuf(picture.width, picture.height, picture.format.bytes_per_pixel, picture.data)
            return bool(pixbuf.savev(str(path), "png", [], []))
        except GLib.Error:
            return False

    return styles.save_style(picture, name, dirs, write)


def save_drawable(drawable: Any) -> Style:
    """Saves a drawable as a style file."""
    source = source_of(drawable.get_image(), drawable, drawable.get_name())
    return save_style(picture_of(source), source.name, app_dirs())


def style_of_file(path: str, dirs: AppDirs) -> Style:
    """A file as a style; if only GIMP can open it, it is saved as a PNG first. Raises NotAPicture."""
    styles.check_path(path)
    try:
        read_pixbuf(path, 64)
        return styles.style_from_file(path)
    except styles.RefusedStyle:
        raise
    except NotAPicture:
        return save_style(read_any_picture(path), styles.style_from_file(path).name, dirs)
