"""How a Text travels: the English sentence stays where it is, and what it was made from is added.

A receiver that does not know of this shows the English sentence. One that does looks the message up in its own
catalogue. What is received is never a template itself: templates come from the catalogue.
"""

from __future__ import annotations

from typing import Any

from velatura.i18n.text import Text

MAX_DEPTH = 8  # of texts within texts; a list of 16 names in a sentence has 6


def text_to_wire(sentence: object) -> dict[str, Any] | None:
    """What a Text was made from; None for any other string."""
    if not isinstance(sentence, Text):
        return None
    values = {name: _sent(value) for name, value in sentence.values.items()}
    return {"message": sentence.message, "values": values, **({"many": sentence.many} if sentence.many else {})}


def text_from_wire(sentence: str, made_from: object, depth: int = MAX_DEPTH) -> str:
    """The Text again; the plain sentence if what it was made from is none."""
    if not isinstance(made_from, dict) or depth == 0:
        return sentence
    message, many, given = made_from.get("message"), made_from.get("many", ""), made_from.get("values")
    if not (isinstance(message, str) and isinstance(many, str) and isinstance(given, dict)):
        return sentence
    values = {name: _received(value, depth) for name, value in given.items() if isinstance(name, str)}
    return Text(sentence, message, many, values)


def _received(value: object, depth: int) -> str | int | float:
    if isinstance(value, dict):
        return text_from_wire(str(value.get("english", "")), value, depth - 1)
    return value if isinstance(value, (str, int, float)) else ""


def _sent(value: Any) -> Any:
    if isinstance(value, Text):
        return {"english": str(value), **(text_to_wire(value) or {})}
    return value if isinstance(value, (bool, int, float)) else str(value)
