"""Reads the Markdown pages: their text, links, headings and code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
# Not docs/reliability/fuzz.md, which a program writes.
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
SITE_ONLY = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """Something in a page. kind: the language of a block of code, 'span', 'link' or 'picture'. line: from 1."""

    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}, line {self.line}: {self.text.strip()}"


def tokens(page: Path) -> list[Token]:
    """The page's parts, without comments, which keep their lines."""
    text = SITE_ONLY.sub(lambda comment: "\n" * comment[0].count("\n"), page.read_text(encoding="utf-8"))
    return MarkdownIt("commonmark").enable("table").parse(text)


def code_blocks(page: Path) -> Iterator[Piece]:
    for token in tokens(page):
        if token.type in ("fence", "code_block") and token.map is not None:
            first = token.map[0] + (2 if token.type == "fence" else 1)
            yield Piece(page, first, token.info.strip(), token.content)


def code_spans(page: Path) -> Iterator[Piece]:
    """Code within sentences and tables."""
    for line, part in _inline(page):
        if part.type == "code_inline":
            yield Piece(page, line, "span", part.content)


def links(page: Path) -> Iterator[Piece]:
    """The targets of links and pictures."""
    for line, part in _inline(page):
        if part.type == "link_open":
            yield Piece(page, line, "link", str(part.attrGet("href")))
        if part.type == "image":
            yield Piece(page, line, "picture", str(part.attrGet("src")))


def anchors(page: Path) -> set[str]:
    """What links to sections of this page can name, as GitHub makes it of the headings."""
    found: list[str] = []
    parts = tokens(page)
    for token, content in pairwise(parts):
        if token.type == "heading_open":
            text = "".join(part.content for part in content.children or [])
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.append(slug if slug not in found else f"{slug}-{found.count(slug)}")
    return set(found)


def prose(page: Path) -> Iterator[list[tuple[int, str]]]:
    """The paragraphs that are outside tables, also those in lists: their lines, with line numbers from 1."""
    source = page.read_text(encoding="utf-8").split("\n")
    for token in tokens(page):
        if token.type == "paragraph_open" and token.map is not None:
            yield [(number + 1, source[number]) for number in range(*token.map)]


def _inline(page: Path) -> Iterator[tuple[int, Token]]:
    for token in tokens(page):
        line = token.map[0] + 1 if token.map is not None else 0
        for part in token.children or []:
            yield line, part
            if part.type == "softbreak":
                line += 1
