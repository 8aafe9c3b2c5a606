"""Finds texts in the code that people may read and that extraction does not see."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).parents[2]
SOURCES = ("shared/velatura", "daemon/velatura_daemon", "plugin_krita/velatura_krita", "plugin_gimp/velatura_gimp")
TRANSLATED = {"_", "lazy_text", "lazy_plural", "ngettext", "pgettext"}
# Calls whose texts no user reads: logs, errors that a mistake in the code raises, and what is for other programs.
UNREAD = {
    *("debug", "info", "warning", "error", "exception", "critical"),
    *("ValueError", "TypeError", "RuntimeError", "AssertionError", "NotImplementedError", "KeyError", "LookupError"),
    *("getattr", "hasattr", "compile", "Literal", "cast", "TypeVar", "NewType", "getLogger", "require_version"),
}
# At the end of a line, with the reason: its texts are not for people, or names. At the end of the first line of a
# statement, such as a table, a class or a function: all texts in it.
MARK = "# not translated"
WORDS = re.compile(r"[^\W\d_]{2,}[.,:;?!…]?(?: [^\W\d_])|^[A-Z][a-z]{2,}[.:…?!]?$")  # two words, or a capitalised one


@dataclass(frozen=True)
class Literal:
    """A text in the code. path: of the module, from the tree. line: of the text."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text!r}"


def untranslated(folders: tuple[str, ...] = SOURCES) -> list[Literal]:
    """All texts in these folders that look as if people read them, but are not marked for translation."""
    files = sorted(file for folder in folders for file in (TREE / folder).rglob("*.py"))
    return [literal for file in files for literal in _of_file(file)]


def _of_file(file: Path) -> Iterator[Literal]:
    source = file.read_text(encoding="utf-8")
    exempt = [MARK in line for line in source.split("\n")]
    for node, text in _texts(ast.parse(source), exempt):
        lines = range(node.lineno - 1, (node.end_lineno or node.lineno))
        if WORDS.search(text) and not any(exempt[line] for line in lines):
            yield Literal(str(file.relative_to(TREE)), node.lineno, text)


def _texts(node: ast.AST, exempt: list[bool]) -> Iterator[tuple[ast.expr, str]]:
    """The strings below a node that are neither translated nor unread; of an f-string what is between its values."""
    if isinstance(node, ast.Call) and _name_of(node.func) in TRANSLATED | UNREAD:
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.stmt) and exempt[node.lineno - 1]:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node, node.value
        return
    if isinstance(node, ast.JoinedStr):
        yield node, "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from _texts(part.value, exempt)
        return
    for field, child in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for item in child if isinstance(child, list) else [child]:
            if isinstance(item, ast.AST):
                yield from _texts(item, exempt)


def _name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


if __name__ == "__main__":
    import sys

    for literal in untranslated(tuple(sys.argv[1:]) or SOURCES):
        print(literal)
