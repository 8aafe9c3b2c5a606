"""English sentences that can be translated later, by another process too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import index
from typing import Any, SupportsIndex

from velatura.i18n.catalogue import catalogue
from velatura.i18n.numbers import format_in_english, format_in_language


class Text(str):
    """An English text that remembers the message and the values that it was made from. As a `str` it is English.

    message: as in the catalogue, with names in {braces}. many: the plural, if it has one; the value `count` selects
    the form. values: what the names stand for: text, which may be a Text, or numbers.
    """

    message: str
    many: str
    values: Mapping[str, Any]

    def __new__(cls, english: str, message: str, many: str, values: Mapping[str, Any]) -> Text:
        """english: the filled-in text. `lazy_text` and `lazy_plural` make it from the rest."""
        made = super().__new__(cls, english)
        made.message, made.many, made.values = message, many, values
        return made

    def __reduce_ex__(self, _: SupportsIndex) -> tuple[Any, ...]:
        return Text, (str(self), self.message, self.many, dict(self.values))

    def format(self, *_: Any, **values: Any) -> Text:
        """Fill in the names in braces."""
        return _filled(self.message, self.many, {**self.values, **values})

    def changed(self, change: Callable[[str], str]) -> Text:
        """The text after a change of every string that it was made from, and of the English text itself."""
        values = {name: _changed(value, change) for name, value in self.values.items()}
        return Text(change(str(self)), self.message, self.many, values)

    def translated(self) -> str:
        """The text in the user's language; in English if there is no translation, or if it does not fit the values."""
        if not self.message:
            return str(self)  # of an empty message, gettext returns the catalogue's header
        try:
            if self.many:
                template = catalogue().ngettext(self.message, self.many, index(self.values["count"]))
            else:
                template = catalogue().gettext(self.message)
            # gettext returns the very message that is not in the catalogue. It is no template then, since it may have
            # come over the wire. A translation with the same words counts: numbers, and texts within it, may differ.
            if template is self.message or template is self.many:
                return str(self)
            return format_in_language(template, self.values, (), translated) if self.values else template
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return str(self)


def lazy_text(message: str, /, **values: Any) -> Text:
    """An English text that can be translated later. values: of the names in braces; without any, braces stay."""
    return _filled(message, "", values)


def lazy_plural(one: str, many: str, count: int, **values: Any) -> Text:
    """`lazy_text` with a plural; {count} is the count."""
    return _filled(one, many, {"count": count, **values})


def limited(sentence: str, most: int) -> str:
    """The sentence, cut to this number of characters; one that is cut can no longer be translated."""
    return sentence if len(sentence) <= most else str(sentence)[:most]


def sentences(*parts: str) -> str:
    """Whole sentences one after another; empty ones are left out."""
    joined, *rest = [part for part in parts if part] or [""]
    for part in rest:
        # Translators: two whole sentences. Change only what is between them.
        joined = lazy_text("{first} {second}", first=joined, second=part)
    return joined


def lazy_list(items: Sequence[str]) -> str:
    """Items with commas between them. Halves are joined, not one item after the other, so that a list of hundreds is
    nested only a few levels deep."""
    if len(items) <= 1:
        return items[0] if items else ""
    half = len(items) // 2
    # Translators: two neighbours in a list. Change only what is between them.
    return lazy_text("{first}, {second}", first=lazy_list(items[:half]), second=lazy_list(items[half:]))


def translated(shown: Any) -> Any:
    """A Text in the user's language; anything else as it is."""
    return shown.translated() if isinstance(shown, Text) else shown


def _filled(message: str, many: str, values: Mapping[str, Any]) -> Text:
    template = many if many and values["count"] != 1 else message
    return Text(format_in_english(template, values) if values else template, message, many, values)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Text):
        return value.changed(change)
    return value if isinstance(value, (int, float)) else change(str(value))  # such as a path
