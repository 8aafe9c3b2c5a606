"""Texts that only a window or a terminal shows: in the user's language from the start."""

from __future__ import annotations

from typing import Any

from velatura.i18n.catalogue import catalogue
from velatura.i18n.numbers import format_in_language
from velatura.i18n.text import translated


class WindowText(str):
    """A text in the user's language, whose `format` writes numbers as the language does, and translates a Text.

    english: what it is a translation of, which is used if the translation does not fit the values.
    """

    english: str

    def __new__(cls, shown: str, english: str) -> WindowText:
        made = super().__new__(cls, shown)
        made.english = english
        return made

    def format(self, *positional: Any, **values: Any) -> str:
        try:
            return format_in_language(self, values, positional, translated)
        except (ValueError, LookupError, AttributeError, TypeError):
            return format_in_language(self.english, values, positional, translated)


def _(message: str) -> WindowText:
    """The message in the user's language."""
    return WindowText(catalogue().gettext(message) if message else "", message)


def pgettext(context: str, message: str) -> WindowText:
    """The message in the user's language. context: tells it from a message with the same English words."""
    return WindowText(catalogue().pgettext(context, message), message)


def ngettext(one: str, many: str, count: int) -> WindowText:
    """The form that the user's language has for this count, with {count} filled in; fill in other names with
    `format`."""
    number = format_in_language("{}", {}, (count,))
    english = one if count == 1 else many
    forms = (catalogue().ngettext(one, many, count), english)
    return WindowText(*(form.replace("{count}", number) for form in forms))
