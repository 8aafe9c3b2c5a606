"""Draws a Mermaid sequence diagram as SVG. GitHub draws Mermaid itself; its own script would load from elsewhere."""

from __future__ import annotations

import re
from html import escape

PARTICIPANT = re.compile(r"\s*participant (\w+) as (.+)")
MESSAGE = re.compile(r"\s*(\w+)(--?)>>(\w+): (.+)")
COLUMN, ROW, LETTER = 170, 34, 6.2  # pixels; LETTER is the mean width of one, at 12 px
NAME_HEIGHT = 44


def svg(mermaid: str) -> str:
    """Participants and messages (`A->>B: text`, dashed with `-->>`), nothing else. Raises ValueError otherwise."""
    names: dict[str, str] = {}
    messages: list[tuple[str, str, str, str]] = []
    for line in filter(None, mermaid.strip().split("\n")[1:]):
        if found := PARTICIPANT.fullmatch(line):
            names[found[1]] = found[2]
        elif found := MESSAGE.fullmatch(line):
            messages.append((found[1], found[2], found[3], found[4]))
        else:
            raise ValueError(f"not part of a sequence diagram that can be drawn: {line}")
    middle = {key: COLUMN * (index + 0.5) for index, key in enumerate(names)}
    width, height = COLUMN * len(names), NAME_HEIGHT + ROW * (len(messages) + 1)
    parts = [_participant(middle[key], name, height) for key, name in names.items()]
    for row, (sender, dash, receiver, text) in enumerate(messages, 1):
        parts.append(_message(middle[sender], middle[receiver], NAME_HEIGHT + ROW * row, dash == "--", text, width))
    return (
        f'<div class="diagram"><svg viewBox="0 0 {width} {height}" role="img" xmlns="http://www.w3.org/2000/svg">'
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="currentColor"/></marker></defs>' + "".join(parts) + "</svg></div>"
    )


def _participant(x: float, name: str, height: int) -> str:
    words = name.split(" or ")  # a long name takes two lines
    lines = [words[0], "or " + words[1]] if len(words) > 1 else words
    tops = [17, 32] if len(lines) > 1 else [25]
    text = "".join(
        f'<text x="{x}" y="{top}" class="name">{escape(line)}</text>' for top, line in zip(tops, lines, strict=True)
    )
    return (
        f'<rect x="{x - COLUMN / 2 + 8}" y="2" width="{COLUMN - 16}" height="{NAME_HEIGHT - 6}" rx="5"/>{text}'
        f'<line x1="{x}" y1="{NAME_HEIGHT - 4}" x2="{x}" y2="{height}" class="life"/>'
    )


def _message(start: float, end: float, y: int, dashed: bool, text: str, width: int) -> str:
    half = len(text) * LETTER / 2
    x = min(max((start + end) / 2, half + 4), width - half - 4)
    kind = "reply" if dashed else "call"
    return (
        f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}" class="{kind}" marker-end="url(#arrow)"/>'
        f'<text x="{x}" y="{y - 6}">{escape(text)}</text>'
    )
