"""What documents and files of strangers say in JSON: a layer's recipe, a document's recipes, a preset. The first byte
of an input says which."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from tests.fuzz.mutate import bytewise, jsonwise
from velatura.editor import recipe, recipe_book
from velatura.editor.recipe import Recipe
from velatura.editor.recipe_book import Entry, Print
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError
from velatura.presets import preset as presets
from velatura.presets.preset import Preset
from velatura.presets.store import file_stem
from velatura.presets.thumbnail import is_thumbnail, plain_thumbnail
from velatura.settings import StyleSettings

MAX_BYTES = 16384

RECIPE, BOOK, PRESET = b"R", b"B", b"P"
MADE = Recipe(
    "Sky, restyled",
    StyleSettings(strength=30),
    (Style("/nowhere/starry.jpg", "Starry", 2.0), Style("relative.png", "", 1.0)),
    ("mask", ""),
    "{uuid}",
    "Sky",
    (640, 480),
    (10, -5, 300, 200),
    True,
)


def seeds() -> Iterator[bytes]:
    yield RECIPE + recipe.encode(MADE)
    yield RECIPE + recipe.encode(Recipe.of("", StyleSettings(), ()))
    entries = [Entry("7", MADE, (Print(0, 0, 16, 7), Print(5, -5, 8, 2**32 - 1))), Entry("8", MADE)]
    yield BOOK + recipe_book.encode_book(entries)
    yield BOOK + b"[]"
    yield PRESET + presets.dump(Preset("Soft", StyleSettings(strength=30), plain_thumbnail("Soft"), {}))
    yield PRESET + presets.dump(Preset("New", StyleSettings(), b"", {"future": [1, {"x": None}]}))
    yield PRESET + b'{"velatura_preset": 1, "name": "n", "settings": {"seed": ' + b"9" * 5000 + b"}}"
    for kind in (RECIPE, BOOK, PRESET):
        yield kind + b"[" * 3000
        yield kind + b'{"a":' * 3000


def mutate(data: bytes, source: random.Random) -> bytes:
    if source.random() < 0.2:
        return data[:1] + bytewise(data[1:], source, MAX_BYTES - 1)
    return data[:1] + jsonwise(data[1:], source, MAX_BYTES - 1)


def run_one(data: bytes) -> None:
    """A recipe, preset or nothing, within the limits of its texts and lists; what was read can be stored and is the
    same when it is read again; a refusal is a sentence."""
    kind, content = data[:1], data[1:]
    if kind == BOOK:
        entries = recipe_book.decode_book(content)
        assert len(entries) <= recipe_book.MAX_ENTRIES
        again = recipe_book.decode_book(recipe_book.encode_book(entries))
        assert again == entries[: len(again)]
        for entry in entries:
            _check_recipe(entry.recipe)
    elif kind == PRESET:
        _check_preset(content)
    else:
        made = recipe.decode(content)
        if made is not None:
            _check_recipe(made)


def _check_recipe(made: Recipe) -> None:
    assert len(made.styles) <= recipe.MAX_STYLES
    assert all(len(style.path) <= recipe.MAX_PATH and len(style.name) <= recipe.MAX_NAME for style in made.styles)
    assert all(0 < style.share < 1e6 for style in made.styles)
    assert StyleSettings.from_wire(made.settings.to_wire()) == made.settings
    stored = json.dumps(recipe.to_fields(made))
    assert recipe.from_fields(json.loads(stored)) == made
    usable, sentences = recipe.usable_styles(made)
    assert len(usable) <= len(made.styles)
    assert all(sentence.encode() for sentence in sentences)


def _check_preset(content: bytes) -> None:
    try:
        made = presets.parse(content, "file.velatura")
    except VelaturaError as error:
        assert len(error.sentence) < 1000, f"a sentence of {len(error.sentence)} characters"
        return
    assert 0 < len(made.name) <= presets.MAX_NAME
    assert made.name.isprintable()
    assert not made.thumbnail or is_thumbnail(made.thumbnail)
    assert len(file_stem(made.name).encode()) < 250
    assert isinstance(made.warning, str)
    stored = presets.dump(made)
    assert presets.dump(presets.parse(stored, "again")) == stored
