"""Writes the manuals inside the editors from the pages in docs/; `make pages` runs this, and a test checks them.

They are committed, because `velatura install` copies them from a source checkout as well. They have no pictures: those
of the pages are half a megabyte per editor, and the editor shows the same windows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)


@dataclass(frozen=True)
class Part:
    """A page of a manual. skip: its sections that are left out, with what is in them. only: the only one that is in."""

    page: str
    skip: tuple[str, ...] = ()
    only: str = ""


SETTINGS = Part("settings.md", skip=("For the paper's figures", "For masks", "Which settings have no effect"))
CONTROLS = Part(
    "controls.md",
    skip=("Parts of a painting", "Sixteen bits", "What you see is what you get", "How the pictures were made"),
)
PRESETS = Part("presets.md", skip=("On the command line", "Files"))
TECHNICAL = ("From a terminal", "Measurements", "Development")
MANUALS = {
    ROOT / "plugin_krita" / "velatura_krita" / "Manual.html": (
        Part("krita.md", skip=TECHNICAL),
        Part("film.md", only="Krita", skip=("How it is made, and why", "What Krita cannot do")),
        SETTINGS,
        CONTROLS,
        PRESETS,
    ),
    ROOT / "plugin_gimp" / "velatura_gimp" / "Manual.html": (
        Part("gimp.md", skip=TECHNICAL),
        Part("film.md", only="GIMP"),
        SETTINGS,
        CONTROLS,
        PRESETS,
    ),
}
TITLES = {"film.md": "Animations"}

STYLE = """\
:root { color-scheme: light dark; --line: #ccc; --quiet: #f3f3f3; --link: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --line: #444; --quiet: #262626; --link: #8ab4f8; }
  body { background: #1b1b1b; color: #e6e6e6; }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46em; margin: 0 auto; padding: 1em; }
h1, h2, h3, h4 { line-height: 1.25; margin: 1.6em 0 0.5em; }
h2 { border-bottom: 1px solid var(--line); }
a { color: var(--link); }
nav { background: var(--quiet); padding: 0.2em 1em; border-radius: 6px; }
nav ul { columns: 16em; padding-left: 1.2em; }
pre, code { font-family: monospace; background: var(--quiet); border-radius: 4px; }
code { padding: 0 0.2em; }
pre { padding: 0.6em; overflow-x: auto; }
pre code { padding: 0; }
.table { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: 0.3em 0.5em; text-align: left; vertical-align: top; }
"""
PAGE = """\
<!DOCTYPE html>
<!-- Made by `make pages` from the pages in docs/; changes made by hand are lost. -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}</body>
</html>
"""


def manual(parts: tuple[Part, ...]) -> str:
    shown = [tokens_of(part) for part in parts]
    anchors = {str(token.attrGet("id")) for tokens in shown for token in tokens if token.type == "heading_open"}
    for tokens in shown:
        for token in tokens:
            _resolve_links(token, anchors)
    title, rest = _split_title(shown[0])
    body = f"<h1>{escape(title)}</h1>\n{_contents([rest, *shown[1:]])}{_html(rest)}"
    return PAGE.format(title=escape(title), style=STYLE, body=body + "".join(map(_html, shown[1:])))


def tokens_of(part: Part) -> list[Token]:
    """What the manual shows of a page. Headings get the ids that links name, with the page's name before them."""
    stem = part.page.removesuffix(".md")
    tokens = MARKDOWN.parse(COMMENT.sub("", (ROOT / "docs" / part.page).read_text(encoding="utf-8")))
    kept: list[Token] = []
    unused = {*part.skip, *filter(None, [part.only])}
    left_out = 0  # the level of the heading whose section is left out; 0: none is
    for token, content in zip(tokens, [*tokens[1:], None], strict=True):
        token.meta["page"] = stem
        if token.type == "heading_open" and content is not None:
            title, level = _text(content), int(token.tag[1])
            token.attrSet("id", f"{stem}-{_slug(title)}" if level > 1 else stem)
            if not left_out or level <= left_out:
                is_other = bool(part.only) and level <= 2 and title != part.only
                left_out = 2 if is_other else level if title in part.skip else 0
            if title == part.only:
                content.children = [Token("text", "", 0, content=TITLES[part.page])]
            unused.discard(title)
        if not left_out:
            kept.append(token)
    if unused:
        raise SystemExit(f"docs/{part.page} has no section {', '.join(unused)}: mend .ci/manual.py")
    return _without_pictures(kept)


def _without_pictures(tokens: list[Token]) -> list[Token]:
    """Leave out pictures, and the lines in italics after them, which describe them."""
    kept: list[Token] = []
    index = 0
    after_picture = False
    while index < len(tokens):
        token = tokens[index]
        if token.type == "paragraph_open":
            kinds = [part.type for part in tokens[index + 1].children or [] if part.type != "softbreak"]
            is_caption = kinds[:1] == ["em_open"] and kinds[-1:] == ["em_close"] and kinds.count("em_open") == 1
            if kinds == ["image"] or (after_picture and is_caption):
                after_picture = True
                index += 3
                continue
            after_picture = False
        kept.append(token)
        index += 1
    return kept


def _resolve_links(token: Token, anchors: set[str]) -> None:
    """Links within the manual stay, links to other pages become plain text, and those to web sites stay."""
    kept: list[Token] = []
    ends: list[bool] = []  # whether the end of each open link is kept
    for part in token.children or []:
        if part.type == "link_open":
            href = str(part.attrGet("href"))
            if not href.startswith("https://"):
                page, _, section = href.partition("#")
                stem = page.removesuffix(".md") or token.meta["page"]
                href = f"{stem}-{section}" if section else stem
                ends.append(href in anchors)
                part.attrSet("href", f"#{href}")
            else:
                ends.append(True)
            if not ends[-1]:
                continue
        elif part.type == "link_close" and not ends.pop():
            continue
        kept.append(part)
    token.children = kept or token.children


def _split_title(tokens: list[Token]) -> tuple[str, list[Token]]:
    return _text(tokens[1]), tokens[3:]


def _contents(parts: list[list[Token]]) -> str:
    items = [
        f'<li><a href="#{token.attrGet("id")}">{escape(_text(tokens[index + 1]))}</a></li>\n'
        for tokens in parts
        for index, token in enumerate(tokens)
        if token.type == "heading_open" and _is_listed(token, tokens)
    ]
    return f"<nav>\n<ul>\n{''.join(items)}</ul>\n</nav>\n"


def _is_listed(heading: Token, tokens: list[Token]) -> bool:
    """The sections of the editor's page, and the other pages as wholes."""
    depths = [token.tag for token in tokens if token.type == "heading_open"]
    return heading.tag == min(depths)


def _html(tokens: list[Token]) -> str:
    """Headings of the other pages go one level down, below the manual's title."""
    is_page = any(token.type == "heading_open" and token.tag == "h1" for token in tokens)
    for token in tokens:
        if is_page and token.type.startswith("heading"):
            token.tag = f"h{int(token.tag[1]) + 1}"
    html: str = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
    return html.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")


def _text(inline: Token) -> str:
    return "".join(part.content for part in inline.children or [])


def _slug(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


if __name__ == "__main__":
    for file, parts in MANUALS.items():
        file.write_text(manual(parts), encoding="utf-8")
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1000:.0f} kB")
