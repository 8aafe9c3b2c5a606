"""Styles in the windows: the order of the gallery, shares, and how users write styles."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.app_dirs import app_dirs
from velatura.editor.styles import StyleSelection, arrange, gallery_order, moved, parse_style, renamed, save_style
from velatura.editor.ui_state import Style, UiState
from velatura.errors import NotAPicture, UsageError
from velatura.pixels import Picture, PixelFormat
from velatura.settings import StyleSettings


def style(name: str, share: float = 1.0) -> Style:
    return Style(f"/{name}", name, share)


names = st.lists(st.sampled_from("abcdef").map(style), max_size=5)


@given(names, names, names)
def test_a_gallery_shows_each_style_once_used_ones_in_their_order_and_new_ones_first(recent, chosen, bundled):
    shown = [one.path for one in gallery_order(UiState(recent=recent), chosen, bundled)]
    used = list(dict.fromkeys(one.path for one in recent))
    assert len(set(shown)) == len(shown)
    assert set(shown) == {one.path for one in (*recent, *chosen, *bundled)}
    new = set(shown) - set(used) - {one.path for one in bundled}
    assert set(shown[: len(new)]) == new
    assert shown[len(new) : len(new) + len(used)] == used


def test_the_gallery_stays_as_the_user_has_arranged_it():
    samples, state = [style("a"), style("b"), style("c")], UiState()
    shown = moved(gallery_order(state, [], samples), style("c"), -9)
    arrange(state, renamed(shown, style("b"), "  Blue   night "))
    assert [(one.path, one.name) for one in gallery_order(state, [], samples)] == [
        ("/c", "c"),
        ("/a", "a"),
        ("/b", "Blue night"),
    ]
    without_a = [one for one in gallery_order(state, [], samples) if one.path != "/a"]
    arrange(state, without_a, style("a"))
    state.record_use([style("d"), style("b")], StyleSettings())
    assert [one.path for one in gallery_order(state, [], samples)] == ["/d", "/c", "/b"]
    arrange(state, [*gallery_order(state, [], samples), style("a")])  # it was opened again
    assert [one.path for one in gallery_order(state, [], samples)] == ["/d", "/c", "/b", "/a"]


@given(names.filter(bool), st.integers(-9, 9))
def test_moving_a_style_keeps_all_others_in_their_order(shown, by):
    shown = list({one.path: one for one in shown}.values())
    after = moved(shown, shown[0], by)
    assert after.index(shown[0]) == max(0, min(by, len(shown) - 1))
    assert [one for one in after if one != shown[0]] == shown[1:]


def test_several_styles_have_shares_and_a_single_one_has_share_1():
    selection = StyleSelection()
    selection.load_shares([style("a", 0.3)])
    selection.set_share(style("b"), 0.6)
    assert [one.share for one in selection.apply_to([style("a"), style("b"), style("c")])] == [0.3, 0.6, 1.0]
    assert [one.share for one in selection.apply_to([style("a")])] == [1.0]


@given(st.floats(0.001, 1000))
def test_a_style_is_parsed_with_its_share_after_a_colon(share):
    assert parse_style(f"/a/painting.jpg:{share!r}") == (Path("/a/painting.jpg"), share)
    assert parse_style("/a/painting.jpg") == (Path("/a/painting.jpg"), 1.0)


def test_a_style_that_could_not_be_saved_leaves_no_file(tmp_path):
    dirs, picture = app_dirs({"VELATURA_HOME": str(tmp_path)}), Picture(2, 2, PixelFormat("RGB", "u8"), bytes(12))

    def fail_midway(path: Path) -> bool:
        path.write_bytes(b"part")
        raise OSError("no room")

    with pytest.raises(NotAPicture):
        save_style(picture, "A", dirs, fail_midway)
    assert list(dirs.styles.iterdir()) == []
    style = save_style(picture, "A", dirs, lambda path: path.write_bytes(b"whole"))
    assert Path(style.path).read_bytes() == b"whole"


@pytest.mark.parametrize("share", ["0", "-1", "nan", "inf", ""])
def test_an_invalid_share_is_refused(tmp_path, share):
    painting = tmp_path / "painting.jpg"
    painting.write_bytes(b"x")
    with pytest.raises(UsageError, match="a number over 0"):
        parse_style(f"{painting}:{share}")
