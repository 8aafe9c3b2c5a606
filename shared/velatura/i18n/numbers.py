"""`str.format` with numbers as the language in use writes them."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from velatura.i18n.catalogue import catalogue

_SIGNS = str.maketrans({".": "\0", ",": "\1"})


def format_in_english(template: str, values: Mapping[str, Any], positional: Sequence[Any] = ()) -> str:
    return template.format(*positional, **values)


def format_in_language(
    template: str, values: Mapping[str, Any], positional: Sequence[Any] = (), shown: Callable[[Any], Any] = lambda v: v
) -> str:
    """shown: what is put in for a value, for example its translation."""
    return _Formatter(shown).vformat(template, positional, values)


def number(value: float, spec: str = "") -> str:
    """A number as the language in use writes it. spec: of `format`, such as .1f"""
    return format_in_language(f"{{:{spec}}}", {}, (value,))


class _Formatter(string.Formatter):
    def __init__(self, shown: Callable[[Any], Any]) -> None:
        self._shown = shown

    def format_field(self, value: Any, format_spec: str) -> str:
        formatted: str = format(self._shown(value), format_spec)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return formatted
        point, group = _separators()
        return formatted.translate(_SIGNS).replace("\0", point).replace("\1", group)


def _separators() -> tuple[str, str]:
    # Translators: the decimal separator.
    point = catalogue().pgettext("number", ".")
    # Translators: what separates the thousands of a large number.
    group = catalogue().pgettext("number", ",")
    return point, group
