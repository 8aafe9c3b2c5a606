"""The figures of `explain` on one sheet."""

from __future__ import annotations

import types

from velatura.figures.explain import figures
from velatura.figures.layout import hang
from velatura.pixels import Picture, PixelFormat


def test_every_figure_has_a_place_of_its_own_and_equal_labels_stand_in_line():
    every = figures()
    picture = Picture(8, 6, PixelFormat("RGBA", "u8"), bytes(8 * 6 * 4))
    done = types.SimpleNamespace(picture=picture, result=types.SimpleNamespace(left=0, top=0))
    sheet = hang(every, [done] * len(every), 8, 6)
    boxes = [(one.left, one.top) for one in sheet.hung]
    assert all(0 <= x <= sheet.width - 8 and 0 <= y <= sheet.height - 6 for x, y in boxes)
    assert all(abs(x - u) >= 8 or abs(y - v) >= 6 for i, (x, y) in enumerate(boxes) for u, v in boxes[:i])
    assert list(sheet.groups) == ["Content", "Style", "Table"]
    for one, (_, top) in zip(every, boxes, strict=True):
        assert {
            t for other, (_, t) in zip(every, boxes, strict=True) if (other.group, other.row) == (one.group, one.row)
        } == {top}
