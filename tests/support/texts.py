"""Texts to send somewhere, and whether they arrive as they were."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as some

from velatura.i18n import Text, lazy_plural, lazy_text

words = some.text(max_size=20)
NOTHING_TO_FILL_IN = lazy_text("Restyle again.")
PROBLEM = lazy_text("The disk under {folder} is full.", folder="/here")
SENTENCE = lazy_plural(
    "{file}: {count} pixel: {problem}", "{file}: {count} pixels: {problem}", 3, file="a.png", problem=PROBLEM
)


def texts() -> some.SearchStrategy[Text]:
    """Texts with a plural or without, with words, numbers and other texts as values."""
    plain = some.just(NOTHING_TO_FILL_IN) | some.builds(lambda name: lazy_text("There is no {name}.", name=name), words)
    plural = some.builds(lambda count: lazy_plural("{count} file", "{count} files", count), some.integers(0, 99))
    number = some.builds(lambda gb: lazy_text("About {gb:.1f} GB", gb=gb), some.floats(0, 100))
    return some.recursive(
        plain | plural | number,
        lambda inner: some.builds(lambda file, text: lazy_text("{file}: {text}", file=file, text=text), words, inner),
        max_leaves=3,
    )


def made_from(value: Any) -> Any:
    """What a text was made from, with the texts in it; anything else as it is. Equal strings may differ in this."""
    if not isinstance(value, Text):
        return value
    return str(value), value.message, value.many, {name: made_from(inner) for name, inner in value.values.items()}
