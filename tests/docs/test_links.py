"""Links, anchors and pictures of the pages lead somewhere."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.markdown import PAGE_NAMES, ROOT, Piece, anchors, links

ELSEWHERE = ("https://", "mailto:")


def problem(link: Piece) -> str:
    """Why a link leads nowhere, or ''."""
    if link.text.startswith(ELSEWHERE):
        return ""
    name, _, anchor = unquote(link.text).partition("#")
    target = (link.page.parent / name).resolve() if name else link.page
    if ":" in name or not target.exists():
        return f"{link}: there is no such file"
    if ROOT not in target.parents:
        return f"{link}: leads out of the project"
    if anchor and (target.suffix != ".md" or anchor not in anchors(target)):
        return f"{link}: there is no such section"
    return ""


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_every_link_and_picture_of_a_page_exists(name: str):
    assert not list(filter(None, map(problem, links(ROOT / name))))


def test_the_index_names_every_page():
    index = ROOT / "docs" / "index.md"
    named = {link.text for link in links(index) if not link.text.startswith(ELSEWHERE)}
    pages = {page.name for page in index.parent.glob("*.md")} - {"index.md"}
    assert pages <= named


def test_every_picture_is_shown_on_a_page():
    shown = {(link.page.parent / link.text).resolve() for name in PAGE_NAMES for link in links(ROOT / name)}
    pictures = [path for ending in ("jpg", "png") for path in (ROOT / "docs").rglob(f"*.{ending}")]
    assert pictures
    assert not [str(path.relative_to(ROOT)) for path in pictures if path not in shown]


@pytest.mark.parametrize(
    "line",
    ["[a](nowhere.md)", "[a](index.md#nowhere)", "![a](nowhere.png)", "[a](http://example.org)", "[a](/etc/passwd)"],
)
def test_a_wrong_link_is_found(line: str, tmp_path: Path):
    page = ROOT / "docs" / "b.md"
    (tmp_path / "b.md").write_text(f"# Title\n\n{line}\n", encoding="utf-8")
    found = [Piece(page, link.line, link.kind, link.text) for link in links(tmp_path / "b.md")]
    assert all(map(problem, found))
    assert found
