"""How a result was made: what is stored comes back, and what a stranger's document contains does no harm."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura import strings
from velatura.editor import file_paths
from velatura.editor import recipe as recipe_module
from velatura.editor.recipe import MAX_PATH, MAX_RECIPE, Recipe, decode, encode, name_after, to_fields, usable_styles
from velatura.editor.recipe_book import (
    MAX_BOOK,
    MAX_ENTRIES,
    Entry,
    decode_book,
    encode_book,
    find,
    find_copied,
    prints_of,
    with_entry,
)
from velatura.editor.style_regions import Canvas, Place, Region
from velatura.editor.ui_state import Style
from velatura.settings import StyleSettings

texts = st.text(max_size=40)
numbers = st.integers(-(1 << 24), 1 << 24)
recipes = st.builds(
    Recipe,
    name=texts,
    settings=st.builds(StyleSettings, strength=st.floats(0, 100), quality=st.sampled_from(["draft", "good", "best"])),
    styles=st.lists(st.builds(Style, texts, texts, st.floats(0.01, 1)), max_size=4).map(tuple),
    source=texts,
    source_name=texts,
    canvas=st.tuples(numbers, numbers),
    box=st.tuples(numbers, numbers, numbers, numbers),
    has_selection=st.booleans(),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
SETTINGS = StyleSettings(strength=70, fine=130)
RECIPE = Recipe("Waves 70 %", SETTINGS, (Style("/waves.png", "Waves"),), ("",), "source", "Sky", (9, 8), (1, 2, 3, 4))


# --- storing -----------------------------------------------------------------------------------------
@given(recipes)
def test_what_is_stored_comes_back(recipe):
    read = decode(encode(recipe))
    assert read is not None
    assert read == Recipe(**{**vars(recipe), "regions": ("",) * len(recipe.styles)})


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_anything_else_in_a_document_is_no_recipe(data):
    assert decode(data) is None
    assert isinstance(decode_book(data), list)


@given(st.sampled_from(sorted(to_fields(RECIPE))), json_values)
def test_a_field_of_another_kind_never_raises(name, value):
    fields = {**to_fields(RECIPE), name: value}
    read = decode(json.dumps(fields).encode())
    assert read is None or decode(encode(read)) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"canvas": [' + b"9" * 50_000 + b", 1]}",
        b'{"name": "' + b"a" * MAX_RECIPE + b'"}',
        b"\xff\xfe",
        b"NaN",
    ],
    ids=["deep", "digits", "long", "bytes", "NaN"],
)
def test_hostile_data_is_no_recipe(data):
    assert decode(data) is None


def test_unknown_settings_of_a_newer_version_are_left_at_their_defaults():
    fields = to_fields(RECIPE)
    fields["settings"] |= {"glitter": 3, "quality": "splendid"}
    read = decode(json.dumps(fields).encode())
    assert read is not None
    assert read.settings == SETTINGS


def test_only_the_name_of_a_region_is_stored():
    region = Region("Sky", Canvas("a picture", 2, 2), b"\0\1\2\3")
    recipe = Recipe.of("Waves", SETTINGS, [Style("/waves.png", "Waves", 1.0, region)])
    assert recipe.styles[0].region is None
    read = decode(encode(recipe))
    assert read is not None
    assert read.regions == ("Sky",)


def test_a_stored_recipe_is_ascii():
    assert encode(Recipe.of("Wellen · 波 50 %", SETTINGS, [Style("/home/ä/波.png", "波")])).isascii()


def test_a_recipe_names_its_source_and_the_place_on_the_canvas():
    made = RECIPE.made_from("id", "Sky", Place(Canvas("a picture", 30, 20), 1, 2, 3, 4), has_selection=True)
    assert (made.source, made.source_name, made.canvas, made.box) == ("id", "Sky", (30, 20), (1, 2, 3, 4))
    assert made.has_selection


def test_a_recipe_takes_few_bytes():
    styles = [Style(f"/home/painter/pictures/{n}.png", f"Style {n}", 0.5) for n in range(4)]
    assert len(encode(Recipe.of("Four styles", SETTINGS, styles))) < 2048


# --- styles ------------------------------------------------------------------------------------------
def test_styles_whose_files_exist_can_be_used_and_the_others_are_named(tmp_path):
    here, gone = tmp_path / "here.png", tmp_path / "gone.png"
    here.write_bytes(b"")
    recipe = Recipe.of("Two", SETTINGS, [Style(str(here), "Here", 0.3), Style(str(gone), "Gone")])
    styles, sentences = usable_styles(recipe)
    assert styles == [Style(str(here), "Here", 0.3)]
    assert sentences == [strings.EDIT_STYLE_MISSING.format(names="“Gone”")]


def test_a_recipe_with_regions_says_that_they_have_to_be_chosen_again(tmp_path):
    here = tmp_path / "here.png"
    here.write_bytes(b"")
    recipe = Recipe("One", SETTINGS, (Style(str(here), "Here"),), ("Sky",))
    assert usable_styles(recipe)[1] == [strings.EDIT_REGIONS_MISSING]


ELSEWHERE = [
    "//server/share/a.png",
    r"\\server\share\a.png",
    r"/\server\share\a.png",
    r"\/server/share/a.png",
    r"\\?\UNC\server\share\a.png",
    "//?/UNC/server/share/a.png",
    r"\??\UNC\server\share\a.png",
    r"\\.\pipe\a.png",
    "/net/server/share/a.png",
    "/net/../net/server/a.png",
    "/home/../net/server/a.png",
    "/Network/Servers/server/a.png",
    "/a\ud800.png",
]


@pytest.mark.parametrize("path", ["", "relative.png", "/no\0file", "x" * MAX_PATH, *ELSEWHERE])
def test_a_path_that_is_not_of_this_machine_is_never_looked_for(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "relative.png").write_bytes(b"")
    monkeypatch.setattr(recipe_module, "is_file", lambda path: pytest.fail(f"looked for {path!r}"))
    assert usable_styles(Recipe.of("One", SETTINGS, [Style(path, "One")]))[0] == []


@pytest.mark.parametrize("name", ["NUL", "con.png", "COM1 .png", "lpt9:a"])
def test_on_windows_a_device_is_never_looked_for(name, monkeypatch):
    path = f"/pictures/{name}"
    assert file_paths.is_local(path)
    monkeypatch.setattr(file_paths, "ON_WINDOWS", True)
    assert not file_paths.is_local(path)
    assert file_paths.is_local("/pictures/console.png")


@pytest.mark.parametrize("field", ["name", "source", "source_name"])
def test_a_text_that_is_no_unicode_is_no_recipe(field):
    assert decode(json.dumps({**to_fields(RECIPE), field: "half \ud800"}).encode()) is None


def test_a_style_whose_file_name_is_no_text_is_not_stored_and_costs_no_recipe():
    styles = [Style("/a\udcff.png", "A\udcff"), Style("/b.png", "B\udcff")]
    stored = decode(encode(Recipe.of("Waves \udcff", SETTINGS, styles)))
    assert stored is not None
    assert (stored.name, stored.styles) == ("Waves ?", (Style("/b.png", "B?"),))


# --- names -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("present", "after"),
    [
        ("Waves 50 %", "Waves 90 %"),
        ("Waves 50 % #1", "Waves 90 %"),
        ("My sky", "My sky"),
        ("Waves 50 % for the sky", "Waves 50 % for the sky"),
    ],
)
def test_a_name_that_the_painter_chose_is_kept(present, after):
    assert name_after(present, "Waves 50 %", "Waves 90 %") == after


def test_a_name_that_was_too_long_to_be_stored_is_replaced_too():
    full, new = f"{'Waves + ' * 40} 50 %", f"{'Waves + ' * 40} 90 %"
    stored = decode(encode(replace(RECIPE, name=full)))
    assert name_after(full, stored.name, new) == new
    assert name_after(f"{full} #1", stored.name, new) == new
    assert name_after("Sky", stored.name, new) == "Sky"


# --- the book of a document --------------------------------------------------------------------------
def entry(layer, recipe=RECIPE, prints=()):
    return Entry(layer, recipe, tuple(prints))


@given(st.lists(st.builds(entry, texts, recipes), max_size=5))
def test_a_book_comes_back(book):
    read = decode_book(encode_book(book))
    assert [(one.layer, one.recipe.name) for one in read] == [(one.layer, one.recipe.name) for one in book]


def test_a_book_keeps_the_newest_entries_and_stays_small():
    book: list[Entry] = []
    for number in range(MAX_ENTRIES + 50):
        book = with_entry(book, entry(f"layer {number}"))
    assert len(book) == MAX_ENTRIES
    assert book[0].layer == f"layer {MAX_ENTRIES + 49}"
    assert len(encode_book(book)) <= MAX_BOOK
    styles = tuple(Style("/" + "p" * (MAX_PATH - 1), "Style") for _ in range(30))
    large = [entry(str(n), Recipe.of("Large", SETTINGS, styles)) for n in range(MAX_ENTRIES)]
    encoded = encode_book(large)
    assert len(encoded) <= MAX_BOOK
    assert [one.layer for one in decode_book(encoded)] == [str(n) for n in range(len(decode_book(encoded)))]
    assert decode_book(encoded)


def test_a_new_entry_of_a_layer_replaces_the_older_one():
    newer = Recipe.of("Newer", SETTINGS, [])
    book = with_entry([entry("a"), entry("b")], entry("b", newer))
    assert [one.layer for one in book] == ["b", "a"]
    found = find(book, "b")
    assert found is not None
    assert found.recipe == newer


def test_an_invalid_entry_costs_only_itself():
    values = json.loads(encode_book([entry("a"), entry("b")]))
    values.insert(1, {"layer": "x", "recipe": 3, "prints": []})
    values.insert(0, {**values[0], "layer": "half \ud800"})
    assert [one.layer for one in decode_book(json.dumps(values).encode())] == ["a", "b"]


WIDTH, HEIGHT = 40, 30


def reader(pixels, dx=0, dy=0):
    """Reads a picture that was moved by (dx, dy) from its origin; 0 outside."""

    def read(x, y, length):
        row = bytearray(length)
        for i in range(length):
            if 0 <= x - dx + i < WIDTH and 0 <= y - dy < HEIGHT:
                row[i] = pixels[(y - dy) * WIDTH + x - dx + i]
        return bytes(row)

    return read


pictures = st.randoms(use_true_random=False).map(lambda random: random.randbytes(WIDTH * HEIGHT))


@given(pictures, st.integers(0, 11))
def test_a_copy_is_recognised_also_if_up_to_a_third_was_painted_over(pixels, painted):
    prints = prints_of(reader(pixels), 0, 0, WIDTH, HEIGHT)
    changed = bytes(painted * WIDTH) + pixels[painted * WIDTH :]
    assert find_copied([entry("original", prints=prints)], "copy", reader(changed)) is not None


@given(pictures, pictures)
def test_another_picture_is_no_copy(pixels, others):
    if pixels == others:
        return
    prints = prints_of(reader(pixels), 0, 0, WIDTH, HEIGHT)
    assert find_copied([entry("original", prints=prints)], "other", reader(others)) is None


def test_the_source_is_no_copy_of_its_result_even_with_the_same_pixels():
    pixels = bytes(range(200)) * 6
    prints = prints_of(reader(pixels), 0, 0, WIDTH, HEIGHT)
    assert find_copied([entry("original", prints=prints)], RECIPE.source, reader(pixels)) is None
