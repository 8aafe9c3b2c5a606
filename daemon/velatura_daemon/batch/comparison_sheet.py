"""The sheet of `velatura compare`: blocks of rows and columns with headings, and small versions of photos and styles.

Each result is read, scaled to its cell and pasted before the next one is read.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.errors import VelaturaError
from velatura.i18n import lazy_text
from velatura.pixels import Picture, PixelFormat
from velatura_daemon.batch.comparison import PHOTO, STYLE, Axis, Comparison
from velatura_daemon.batch.frames import COMPARISON_SHEET, Frame
from velatura_daemon.batch.manifest import Manifest
from velatura_daemon.imaging.contact_sheet import thumbnail
from velatura_daemon.imaging.lettering import lettering

if TYPE_CHECKING:
    from PIL import Image

SIDES = (
    320,
    256,
    192,
    144,
    112,
)  # pixels, longest side of a cell: the largest with which the sheet is within the limit
MAX_SHEET_PIXELS = 24e6
SHAPE = 1.5  # of the sheet, width by height, as far as the number of blocks allows
GAP, MARGIN = 8, 24  # pixels
LINE = 24  # pixels, height of a line of text
FONT_SIZE = 15  # pixels
PICTURE_SIDE = 112  # pixels, of the photos and styles in headings
INK, PAPER, EMPTY = "#222222", "white", "#e6e6e6"


@dataclass(frozen=True)
class Thumbnails:
    """Small versions of photos and styles, 8-bit RGB; a file that cannot be read has none."""

    photos: Sequence[Picture | None]
    styles: Sequence[Picture | None]

    def of(self, axis: str, index: int) -> Picture | None:
        return (self.photos if axis == PHOTO else self.styles)[index]


@dataclass(frozen=True)
class _Geometry:
    """Sizes in pixels. cell: of a result. row_head: width of the headings of rows, 0 without. column_head: height of
    the headings of columns. title: height of the block's own."""

    cell: tuple[int, int]
    columns: int
    rows: int
    row_head: int
    column_head: int
    title: int

    @property
    def block(self) -> tuple[int, int]:
        width = self.row_head + self.columns * (self.cell[0] + GAP)
        return width, self.title + self.column_head + self.rows * (self.cell[1] + GAP)


def write_comparison_sheet(
    comparison: Comparison, thumbnails: Thumbnails, done: Collection[Frame], manifest: Manifest, *, force: bool
) -> tuple[Path | None, str]:
    """Write the sheet into the manifest's folder. done: the frames that have a result; the others stay empty. Returns
    its path, or None and the reason."""
    from velatura_daemon.imaging.files import write_picture

    path = manifest.folder / COMPARISON_SHEET
    if not (manifest.may_write(path) or force):
        return None, lazy_text(
            "No sheet was written: {path} already exists with content that is not from this command.", path=str(path)
        )
    sheet = comparison_sheet(comparison, thumbnails, done)
    write_picture(path, sheet, description="Comparison", force=True)  # not translated: metadata
    manifest.note(path)
    return path, ""


def comparison_sheet(comparison: Comparison, thumbnails: Thumbnails, done: Collection[Frame]) -> Picture:
    """Draw the sheet. Returns 8-bit RGB."""
    from PIL import Image

    layout = comparison.layout()
    positions = list(layout.positions())
    geometry, across = _geometry(comparison, thumbnails, len(positions))
    width, height = _sheet_size(geometry, len(positions), across)
    sheet = Image.new("RGB", (width, height), PAPER)
    for number, position in enumerate(positions):
        left = MARGIN + number % across * (geometry.block[0] + MARGIN)
        top = MARGIN + number // across * (geometry.block[1] + MARGIN)
        _Block(sheet, left, top, geometry, comparison, thumbnails).draw(position, done)
    return Picture(width, height, PixelFormat("RGB", "u8"), sheet.tobytes())


def _geometry(comparison: Comparison, thumbnails: Thumbnails, blocks: int) -> tuple[_Geometry, int]:
    """Return the geometry with the largest cells within the limit, and how many blocks stand side by side."""
    layout, fixed = comparison.layout(), _fixed_pictures(comparison)
    shapes = [(picture.width, picture.height) for picture in thumbnails.photos if picture] or [(1, 1)]
    widest, tallest = (max(shape[i] / max(shape) for shape in shapes) for i in (0, 1))
    geometry, across = None, 1
    for side in SIDES:
        row_head = 0 if layout.rows is None else PICTURE_SIDE + GAP
        if layout.rows and layout.rows.name not in (PHOTO, STYLE):
            row_head = PICTURE_SIDE + 2 * GAP  # for the words alone
        geometry = _Geometry(
            cell=(max(1, round(side * widest)), max(LINE, round(side * tallest))),
            columns=layout.columns.length if layout.columns else 1,
            rows=layout.rows.length if layout.rows else 1,
            row_head=row_head,
            column_head=0 if not layout.columns else LINE + _height(thumbnails, [layout.columns.name], side),
            title=LINE * (blocks > 1 or bool(fixed)) + _height(thumbnails, fixed, PICTURE_SIDE),
        )
        across = _blocks_across(geometry, blocks)
        if math.prod(_sheet_size(geometry, blocks, across)) <= MAX_SHEET_PIXELS:
            break
    assert geometry is not None
    return geometry, across


def _blocks_across(geometry: _Geometry, blocks: int) -> int:
    """How many blocks side by side bring the sheet nearest to SHAPE."""

    def distance(across: int) -> float:
        width, height = _sheet_size(geometry, blocks, across)
        return abs(math.log(width / height / SHAPE))

    return min(range(1, blocks + 1), key=distance)


def _sheet_size(geometry: _Geometry, blocks: int, across: int) -> tuple[int, int]:
    width, height = geometry.block
    return MARGIN + across * (width + MARGIN), MARGIN + math.ceil(blocks / across) * (height + MARGIN)


def _height(thumbnails: Thumbnails, axes: Sequence[str], width: int) -> int:
    """Return the height of the highest picture of these axes in a heading of this width, 0 if they have none."""
    pictures = [
        picture
        for axis in axes
        if axis in (PHOTO, STYLE)
        for picture in (thumbnails.photos if axis == PHOTO else thumbnails.styles)
        if picture
    ]
    side = min(width, PICTURE_SIDE)
    return max((round(picture.height * side / max(picture.width, picture.height)) for picture in pictures), default=0)


def _has_pictures(axis: Axis | None) -> bool:
    return axis is not None and axis.name in (PHOTO, STYLE)


def _fixed_pictures(comparison: Comparison) -> list[str]:
    """Of photo and style, those that are the same in a whole block: they are shown above it."""
    layout = comparison.layout()
    varied = {axis.name for axis in (layout.columns, layout.rows) if axis}
    return [name for name in (PHOTO, STYLE) if name not in varied]


class _Block:
    """Draws one block of a sheet."""

    def __init__(
        self,
        sheet: Image.Image,
        left: int,
        top: int,
        geometry: _Geometry,
        comparison: Comparison,
        thumbnails: Thumbnails,
    ) -> None:
        from PIL import ImageDraw

        self._sheet, self._left, self._top, self._geometry = sheet, left, top, geometry
        self._comparison, self._thumbnails = comparison, thumbnails
        self._drawing = ImageDraw.Draw(sheet)

    def draw(self, position: Mapping[str, int], done: Collection[Frame]) -> None:
        """position: the block's, by axis."""
        geometry, layout = self._geometry, self._comparison.layout()
        self._draw_title(position)
        (width, height), left = geometry.cell, self._left + geometry.row_head
        top = self._top + geometry.title
        for column in range(geometry.columns if layout.columns else 0):
            assert layout.columns is not None
            self._draw_head(layout.columns, column, left + column * (width + GAP), top, width, geometry.column_head)
        top += geometry.column_head
        for row in range(geometry.rows):
            above = top + row * (height + GAP)
            if layout.rows:
                self._draw_head(layout.rows, row, self._left, above, geometry.row_head - GAP, height)
            for column in range(geometry.columns):
                here = {**position}
                here |= {layout.rows.name: row} if layout.rows else {}
                here |= {layout.columns.name: column} if layout.columns else {}
                box = (left + column * (width + GAP), above, width, height)
                self._draw_cell(self._comparison.frame_at(here), done, *box)

    def _draw_title(self, position: Mapping[str, int]) -> None:
        comparison, left, top = self._comparison, self._left, self._top
        pictures = _fixed_pictures(comparison)
        names = [comparison.label(name, position.get(name, 0)) for name in pictures]
        names += [comparison.label(name, index) for name, index in position.items() if name not in pictures]
        self._write(_side_by_side(names), left, top, self._geometry.block[0])
        for name in pictures:
            picture = self._thumbnails.of(name, position.get(name, 0))
            if picture is not None:
                image = _scaled(picture, PICTURE_SIDE, PICTURE_SIDE)
                if left + image.width <= self._left + self._geometry.block[0]:
                    self._sheet.paste(image, (left, top + LINE))
                    left += image.width + GAP

    def _draw_head(self, axis: Axis, index: int, left: int, top: int, width: int, height: int) -> None:
        """A picture and its name below it, or words alone, at the bottom of a column's heading or the middle of a
        row's."""
        picture = self._thumbnails.of(axis.name, index) if _has_pictures(axis) else None
        image = _scaled(picture, min(width, PICTURE_SIDE), min(height - LINE, PICTURE_SIDE)) if picture else None
        is_column = height == self._geometry.column_head and width == self._geometry.cell[0]
        taken = LINE + (image.height if image else 0)
        start = top + (height - taken if is_column else (height - taken) // 2)
        if image:
            self._sheet.paste(image, (left, start))
        self._write(self._comparison.label(axis.name, index), left, start + taken - LINE, width)

    def _draw_cell(self, frame: Frame, done: Collection[Frame], left: int, top: int, width: int, height: int) -> None:
        from velatura_daemon.imaging.files import read_picture

        image = None
        if frame in done:
            try:
                loaded = read_picture(frame.output, at_most=2 * max(width, height))
                image = _scaled(loaded.picture, width, height)
            except VelaturaError:
                pass  # it was deleted or changed meanwhile
        if image is None:
            self._drawing.rectangle((left, top, left + width - 1, top + height - 1), fill=EMPTY)
        else:
            self._sheet.paste(image, (left + (width - image.width) // 2, top + (height - image.height) // 2))

    def _write(self, text: str, left: int, top: int, width: int) -> None:
        """Write one line of text, shortened in its middle to the width."""
        text, font = lettering(text, FONT_SIZE)
        shown, kept = text, len(text)
        while kept > 2 and self._drawing.textlength(shown, font=font) > width:
            kept -= 1
            shown = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        self._drawing.text((left, top + LINE - 7), shown, fill=INK, font=font, anchor="ls")


def _side_by_side(labels: Sequence[str]) -> str:
    joined, *rest = labels or [""]
    for label in rest:
        # Translators: two labels on a sheet of pictures. Change only what is between them.
        joined = lazy_text("{first} · {second}", first=joined, second=label)
    return joined


def _scaled(picture: Picture, width: int, height: int) -> Image.Image:
    from PIL import Image

    small = thumbnail(picture, max(1, width), max(1, height))
    return Image.frombytes("RGB", (small.width, small.height), bytes(small.data))
