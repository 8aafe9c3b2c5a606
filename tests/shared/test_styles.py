"""Styles in the windows: shares, saved styles, and how users write styles."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.app_dirs import app_dirs
from velatura.editor import ui_state
from velatura.editor.styles import (
    MAX_SAVED,
    RefusedStyle,
    StyleSelection,
    check_format,
    check_path,
    check_size,
    parse_style,
    save_style,
)
from velatura.editor.ui_state import Style, UiState
from velatura.errors import NotAPicture, UsageError
from velatura.pixels import Picture, PixelFormat


@pytest.fixture
def dirs(tmp_path):
    return app_dirs({"VELATURA_HOME": str(tmp_path)})


def style(name: str, share: float = 1.0) -> Style:
    return Style(f"/{name}", name, share)


def test_several_styles_have_shares_and_a_single_one_has_share_1():
    selection = StyleSelection()
    selection.load([style("a", 0.3)])
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


def saved(dirs, number: int) -> Style:
    picture = Picture(1, 1, PixelFormat("RGB", "u8"), number.to_bytes(3, "big"))
    kept = save_style(picture, str(number), dirs, lambda path: path.write_bytes(b"x"))
    os.utime(kept.path, (number, number))
    return kept


def test_the_oldest_saved_styles_are_deleted_but_none_that_a_window_of_either_editor_shows(dirs):
    favourite, recent, chosen, old = (saved(dirs, number) for number in range(4))
    ui_state.save(dirs, "krita", UiState(favourites=[favourite], styles=[chosen]))
    ui_state.save(dirs, "gimp", UiState(recent=[recent]))
    for number in range(4, MAX_SAVED + 4):
        saved(dirs, number)
    assert [Path(style.path).exists() for style in (favourite, recent, chosen, old)] == [True, True, True, False]
    assert len(list(dirs.styles.iterdir())) == MAX_SAVED + 3


def test_a_style_that_the_other_editor_deletes_meanwhile_is_no_error(dirs, monkeypatch):
    saved(dirs, 1)
    (dirs.styles / "deleted.png").symlink_to("gone")  # it is listed, but has no status
    assert Path(saved(dirs, 2).path).read_bytes() == b"x"


@pytest.mark.parametrize("kind", ["svg", "SVGZ", "image/svg+xml"])
def test_a_drawing_is_refused_since_it_can_lead_to_other_files(kind):
    with pytest.raises(RefusedStyle, match="Export it as a PNG"):
        check_format("a.png", kind)
    check_format("a.svg", "png")


def test_a_style_with_too_many_pixels_is_refused_by_its_header():
    check_size("a.png", 20_000, 10_000)
    with pytest.raises(RefusedStyle, match=r"has 201 megapixels; a style may have up to 200\."):
        check_size("a.png", 20_000, 10_001)


@pytest.mark.parametrize("share", ["0", "-1", "nan", "inf", ""])
def test_an_invalid_share_is_refused(tmp_path, share):
    painting = tmp_path / "painting.jpg"
    painting.write_bytes(b"x")
    with pytest.raises(UsageError, match="a number over 0"):
        parse_style(f"{painting}:{share}")


def test_a_file_whose_name_is_no_text_is_refused_with_a_name_that_can_be_shown():
    check_path("/paintings/Café.png")
    with pytest.raises(RefusedStyle, match="its name is not valid text") as refused:
        check_path("/paintings/Caf\udce9.png")  # as Python reads a name in Latin-1
    refused.value.sentence.encode()
