"""Only one module prints and only one formats the log, so that no text of others gets around them. Read off the code
itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("shared/velatura", "daemon", "plugin_krita", "plugin_gimp")
CONSOLE = "daemon/velatura_daemon/terminal/console.py"
LOGS = "daemon/velatura_daemon/logs.py"
SETUP = "shared/velatura/setup/__main__.py"  # prints before click and rich are installed
PIPE = "daemon/velatura_daemon/bench/measure.py"  # prints JSON for the process that started it

PRINTING = {
    "print",
    *(f"click.{name}" for name in ("echo", "secho", "style", "prompt", "progressbar", "echo_via_pager")),
    *(f"rich.{name}" for name in ("print", "print_json", "inspect", "console", "table", "text", "prompt", "markup")),
    "rich.progress.Progress",
    "rich.progress.TextColumn",
    "rich.progress.track",
    *(f"sys.{stream}.{name}" for stream in ("stdout", "stderr") for name in ("write", "writelines", "buffer")),
    *(f"traceback.print_{name}" for name in ("exc", "exception", "tb", "stack", "last")),
}
FORMATTING = {f"logging.{name}" for name in ("Formatter", "StreamHandler", "FileHandler", "basicConfig", "handlers")}


def dotted(node: ast.expr) -> str:
    """'sys.stdout.write' of such an expression; '' for what is no plain name."""
    if isinstance(node, ast.Name):
        return node.id
    before = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{before}.{node.attr}" if isinstance(node, ast.Attribute) and before else ""


def names_used(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and the full name of everything imported, and of every name with dots; 'print' if it is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.lineno, dotted(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.lineno, node.func.id


def uses_of(forbidden: set[str], tree: ast.AST) -> list[str]:
    return [
        f"line {line}: {name}"
        for line, name in names_used(tree)
        if any(name == each or name.startswith(f"{each}.") for each in forbidden)
    ]


def questions_with_names(tree: ast.AST) -> list[str]:
    """Questions to the user whose text is not written out: click prints them as they are."""
    questions = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and dotted(node.func) == "click.confirm"]
    return [f"line {node.lineno}: click.confirm" for node in questions if not isinstance(node.args[0], ast.Constant)]


def product_files() -> list[Path]:
    return sorted(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py"))


def offences(path: Path) -> list[str]:
    name, tree = str(path.relative_to(ROOT)), ast.parse(path.read_bytes())
    forbidden = (PRINTING if name not in (CONSOLE, SETUP, PIPE) else set()) | (FORMATTING if name != LOGS else set())
    return [f"{name}, {each}" for each in (*uses_of(forbidden, tree), *questions_with_names(tree))]


def test_one_module_prints_and_one_formats_the_log():
    assert len(product_files()) > 100  # the folders are where they are thought to be
    assert not [offence for path in product_files() for offence in offences(path)]


@pytest.mark.parametrize(
    "code",
    [
        "print(name)",
        "click.echo(name)",
        "from click import secho",
        "from rich.console import Console",
        "from rich import print",
        "from rich.progress import Progress",
        "import rich.table",
        "sys.stdout.write(name)",
        "traceback.print_exc()",
        "logging.Formatter()",
        "import logging.handlers",
    ],
)
def test_the_scan_finds_each_way_around(code):
    assert uses_of(PRINTING | FORMATTING, ast.parse(code))


def test_the_scan_finds_a_question_with_a_name_in_it():
    assert questions_with_names(ast.parse("click.confirm(f'Delete {name}?')"))
    assert not questions_with_names(ast.parse("click.confirm('Delete all?', abort=True)"))
