"""Names as a stranger could write them: with what a terminal obeys, what reverses text, markup, and a forged record."""

from __future__ import annotations

from velatura.foreign_text import OBEYED

READABLE = "é ë́ 👩‍👩‍👧 🏴󠁧󠁢󠁷󠁬󠁳󠁿 שלום مرحبا می‌خواهم 漢　字"  # composed and decomposed, joined, from right to left, wide
IN_FILE_NAMES = (
    "Sky [old] [bold]:smile: \x1b]0;owned\x07\x1b[2J\x9b31m\x85\x7f\u202e\u2066\u200f\u2028\r\n"
    f"2026-01-01 00:00:00,000 ERROR daemon 1 velatura: forged\n {READABLE}"
)
IN_TEXTS = f"[/old] \0 {IN_FILE_NAMES}"


def obeyed_in(printed: bytes) -> str:
    """The characters of an output, other than the ends of its lines, that a terminal or a log obeys."""
    return "".join(OBEYED.findall(printed.decode("utf-8", "strict"))).replace("\n", "")
