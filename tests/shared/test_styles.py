"""What a gallery shows, how styles share, and how people write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.app_dirs import places
from velatura.editor.styles import StyleSelection, in_order, keep, parse
from velatura.editor.ui_state import Style
from velatura.errors import NotAPicture, UsageError
from velatura.pixels import Picture, PixelFormat


def style(name: str, share: float = 1.0) -> Style:
    return Style(f"/{name}", name, share)


names = st.lists(st.sampled_from("abcdef").map(style), max_size=5)


@given(names, names, names)
def test_a_gallery_shows_each_style_once_the_recent_ones_first(recent, chosen, brought):
    shown = [one.path for one in in_order(recent, chosen, brought)]
    assert len(set(shown)) == len(shown)
    assert set(shown) == {one.path for one in (*recent, *chosen, *brought)}
    assert shown[: len({one.path for one in recent})] == list(dict.fromkeys(one.path for one in recent))


def test_several_styles_share_and_one_alone_counts_whole():
    portions = StyleSelection()
    portions.take_over([style("a", 0.3)])
    portions.set(style("b"), 0.6)
    assert [one.share for one in portions.of([style("a"), style("b"), style("c")])] == [0.3, 0.6, 1.0]
    assert [one.share for one in portions.of([style("a")])] == [1.0]


@given(st.floats(0.001, 1000))
def test_a_style_is_written_with_its_share_behind_a_colon(share):
    assert parse(f"/a/painting.jpg:{share!r}") == (Path("/a/painting.jpg"), share)
    assert parse("/a/painting.jpg") == (Path("/a/painting.jpg"), 1.0)


def test_a_style_that_could_not_be_kept_whole_is_not_kept_at_all(tmp_path):
    where, picture = places({"VELATURA_HOME": str(tmp_path)}), Picture(2, 2, PixelFormat("RGB", "u8"), bytes(12))

    def half(path: Path) -> bool:
        path.write_bytes(b"half")
        raise OSError("no room")

    with pytest.raises(NotAPicture):
        keep(picture, "A", where, half)
    assert list(where.styles.iterdir()) == []
    style = keep(picture, "A", where, lambda path: path.write_bytes(b"whole"))
    assert Path(style.path).read_bytes() == b"whole"


@pytest.mark.parametrize("share", ["0", "-1", "nan", "inf", ""])
def test_a_share_that_is_none_is_told(tmp_path, share):
    painting = tmp_path / "painting.jpg"
    painting.write_bytes(b"x")
    with pytest.raises(UsageError, match="a number over 0"):
        parse(f"{painting}:{share}")
