"""People at a terminal have pictures and files, no layers and selections: no sentence that can reach them says so. Read
off the code itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from velatura_daemon.cli.commands import COMMANDS, cli

ROOT = Path(__file__).parents[1]
# Whose sentences the command line shows; velatura.editor and velatura.strings are the editors' windows.
FOLDERS = ("daemon/velatura_daemon", "shared/velatura/client", "shared/velatura/protocol", "shared/velatura/presets")
FILES = tuple(f"shared/velatura/{name}.py" for name in ("app_dirs", "errors", "pixels", "settings", "atomic"))

WORDS = re.compile(r"\b(layers?|selections?|select(s|ed|ing)?)\b", re.IGNORECASE)
# A network has layers too, and so do the files of painting programs. {layer} is the name of a value.
NETWORK = re.compile(
    r"\{\w+\}"
    r"|(content|style|network|first|sixteen) layers?|contains no layer of VGG19|layers? (of the network|from conv)"
    r"|\d to \d layers|--content-layer|--style-depth layers|Export a single layer|select (count|number|max|\{)",
    re.IGNORECASE,
)


def sentences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings of three words and more that are no docstrings, with {} for what is filled in."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in within | docstrings:
            text = node.value
        if len(text.split()) >= 3:
            yield node.lineno, text


def says_it(text: str) -> bool:
    return bool(WORDS.search(NETWORK.sub("", " ".join(text.split()))))


def scanned_files() -> list[Path]:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return sorted([*files, *(ROOT / name for name in FILES)])


def test_no_sentence_of_the_command_line_says_layer_or_select():
    assert len(scanned_files()) > 100  # the folders are where they are thought to be
    assert not [
        f"{path.relative_to(ROOT)}, line {line}: {text}"
        for path in scanned_files()
        for line, text in sentences(ast.parse(path.read_bytes()))
        if says_it(text)
    ]


def help_pages(command: click.Command, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """The help pages of a command and of the commands in it, by name."""
    context = click.Context(command, parent=parent, info_name=command.name)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from help_pages(inner, context)


def test_no_help_page_says_layer_or_select():
    pages = dict(help_pages(cli))
    assert len(pages) > len(COMMANDS)
    assert not [f"{name}: {page}" for name, page in pages.items() if says_it(page)]


@pytest.mark.parametrize(
    "code", ['f"The layer has {n} pixels."', '"Select a smaller area."', '"An empty selection, too."']
)
def test_the_scan_finds_such_a_sentence(code):
    assert [text for _, text in sentences(ast.parse(f"told = {code}")) if says_it(text)]
