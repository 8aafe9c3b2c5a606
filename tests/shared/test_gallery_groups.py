"""The gallery: which group shows a style, what users arrange, and the search."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.editor.gallery_groups import (
    FAVOURITES,
    FOLDER,
    RECENT,
    SAMPLES,
    add_folder,
    gallery_groups,
    is_favourite,
    matches,
    move,
    remove,
    remove_folder,
    rename,
    set_favourite,
)
from velatura.editor.style_folders import FolderListing
from velatura.editor.ui_state import Style, UiState
from velatura.settings import StyleSettings


def style(name: str) -> Style:
    return Style(f"/{name}", name)


styles = st.lists(st.sampled_from("abcdefgh").map(style), max_size=5, unique_by=lambda one: one.path)
PAINTINGS = [style("one"), style("two"), style("three")]


def groups(state, new=(), samples=(), listings=None):
    return gallery_groups(state, list(new), list(samples), listings or {}, lambda path: True)


def names(found):
    return {group.kind: [one.name for one in group.styles] for group in found}


@given(styles, styles, styles, styles, styles)
def test_every_style_is_shown_once_in_the_first_group_that_has_it(favourites, recent, new, samples, in_folder):
    state = UiState(recent=recent, favourites=favourites, folders=["/f"])
    found = groups(state, new, samples, {"/f": FolderListing(tuple(in_folder))})
    shown = [one for group in found for one in group.styles]
    assert len(shown) == len({one.path for one in shown})
    assert {one.path for one in shown} == {one.path for one in (*favourites, *recent, *new, *samples, *in_folder)}
    by_kind = names(found)
    assert by_kind.get(FAVOURITES, []) == [one.name for one in favourites]
    assert [name for name in by_kind.get(RECENT, []) if style(name) in recent] == [
        one.name for one in recent if one not in favourites
    ]


@given(styles, st.integers(-9, 9))
def test_moving_a_style_keeps_all_others_of_its_group_in_their_order(shown, by):
    for kind in (FAVOURITES, RECENT, SAMPLES):
        state = UiState(recent=shown if kind == RECENT else [], favourites=shown if kind == FAVOURITES else [])
        samples = shown if kind == SAMPLES else []
        for group in groups(state, samples=samples):
            move(state, group, shown[0], by)
            after = list(groups(state, samples=samples)[0].styles)
            assert after.index(shown[0]) == max(0, min(by, len(shown) - 1))
            assert [one for one in after if one != shown[0]] == shown[1:]


def test_a_style_that_was_just_opened_comes_first_among_the_recent_ones():
    assert names(groups(UiState(recent=[style("old")]), new=[style("new")]))[RECENT] == ["new", "old"]


def test_a_favourite_is_shown_above_all_and_goes_back_where_it_was():
    state = UiState()
    set_favourite(state, PAINTINGS[1], True)
    assert is_favourite(state, PAINTINGS[1])
    assert names(groups(state, samples=PAINTINGS)) == {FAVOURITES: ["two"], SAMPLES: ["one", "three"]}
    set_favourite(state, PAINTINGS[1], False)
    assert names(groups(state, samples=PAINTINGS)) == {SAMPLES: ["one", "two", "three"]}


def test_a_favourite_whose_drive_is_not_connected_is_kept_but_not_shown():
    state = UiState(favourites=[style("away"), style("here"), style("there")])
    shown = gallery_groups(state, [], [], {}, lambda path: path != "/away")
    move(state, shown[0], style("there"), -1)
    assert names(shown)[FAVOURITES] == ["here", "there"]
    assert [one.name for one in state.favourites] == ["there", "here", "away"]


def test_a_removed_painting_stays_away_until_it_is_used_again():
    state = UiState(recent=[style("own")])
    remove(state, PAINTINGS[0])
    remove(state, style("own"))
    assert names(groups(state, samples=PAINTINGS)) == {SAMPLES: ["two", "three"]}
    state.record_use([PAINTINGS[0]], StyleSettings())
    assert names(groups(state, samples=PAINTINGS)) == {RECENT: ["one"], SAMPLES: ["two", "three"]}


def test_a_removed_picture_of_a_folder_stays_away():
    state, listing = UiState(folders=["/f"]), FolderListing((style("f/a"), style("f/b")))
    remove(state, style("f/a"))
    assert names(groups(state, listings={"/f": listing})) == {FOLDER: ["f/b"]}


def test_a_style_keeps_the_name_that_the_user_gave_it_in_every_group():
    state = UiState(recent=[style("a")])
    rename(state, style("a"), "  Blue   night ")
    rename(state, style("a"), " ")
    assert names(groups(state)) == {RECENT: ["Blue night"]}
    set_favourite(state, style("a"), True)
    assert names(groups(state)) == {FAVOURITES: ["Blue night"]}


def test_a_folder_is_a_group_with_its_name_and_can_be_removed(tmp_path):
    state, folder = UiState(), str(tmp_path / "Monet")
    add_folder(state, folder)
    add_folder(state, folder)
    (group,) = groups(state, listings={folder: FolderListing((), "This folder does not exist.")})
    assert (group.title, group.folder, group.note) == ("Monet", folder, "This folder does not exist.")
    remove_folder(state, folder)
    assert groups(state) == []


def test_a_folder_whose_name_is_no_text_has_a_title_that_can_be_shown(tmp_path):
    state = UiState()
    add_folder(state, str(tmp_path / "Caf\udce9"))  # as Python reads a name in Latin-1
    (group,) = groups(state)
    assert "Caf" in group.title
    group.title.encode()  # raises for half of a surrogate pair


@pytest.mark.parametrize("search", ["", "nuit", "NUIT étoi", "etoilee la", "  la nuit "])
def test_a_search_finds_words_whatever_their_capitals_accents_and_order(search):
    assert matches("La Nuit étoilée", search)


@given(st.text(max_size=20), st.text(min_size=1, max_size=5))
def test_a_name_with_another_word_is_not_found(name, word):
    assert matches(f"{name} {word}", word)
    assert not matches("abc", f"{word}☂")
