"""The layout of the figures of the paper on one sheet."""

from __future__ import annotations

import types

from velatura.figures.explain import figures
from velatura.figures.layout import lay_out
from velatura.pixels import Picture, PixelFormat


def test_figures_do_not_overlap_and_equal_row_labels_are_in_one_row():
    all_figures = figures()
    picture = Picture(8, 6, PixelFormat("RGBA", "u8"), bytes(8 * 6 * 4))
    done = types.SimpleNamespace(picture=picture, result=types.SimpleNamespace(left=0, top=0))
    sheet = lay_out(all_figures, [done] * len(all_figures), 8, 6)
    boxes = [(figure.left, figure.top) for figure in sheet.figures]
    assert all(0 <= x <= sheet.width - 8 and 0 <= y <= sheet.height - 6 for x, y in boxes)
    assert all(abs(x - u) >= 8 or abs(y - v) >= 6 for i, (x, y) in enumerate(boxes) for u, v in boxes[:i])
    assert list(sheet.groups) == ["Content", "Style", "Table"]
    tops: dict[tuple[str, str], set[int]] = {}
    for figure, (_, top) in zip(all_figures, boxes, strict=True):
        tops.setdefault((figure.group, figure.row), set()).add(top)
    assert all(len(values) == 1 for values in tops.values())
