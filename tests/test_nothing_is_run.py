"""What comes over the wire or out of a file is data: nothing in the product can run it. Read off the code itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("shared/velatura", "daemon", "plugin_krita", "plugin_gimp")

FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "yaml",
    "code",
    "codeop",
}
FORBIDDEN_BUILTINS = {"eval", "exec", "compile", "__import__", "execfile"}
FORBIDDEN_CALLS = {
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "pty.spawn",
    "runpy.run_path",
    "runpy.run_module",
    "pandas.read_pickle",
    "np.fromregex",
}


def dotted(node: ast.expr) -> str:
    """'os.system' of such a call; empty for what is no plain name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def constant(call: ast.Call, name: str) -> object:
    """A keyword's value where it is written out; ... where it is computed; None where it is not there."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value.value if isinstance(keyword.value, ast.Constant) else ...
    return None


def offences(tree: ast.AST) -> Iterator[str]:
    """What in this code could run what it is given."""
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        for module in modules:
            if module.partition(".")[0] in FORBIDDEN_MODULES:
                yield f"line {node.lineno}: {module}"
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        if name in FORBIDDEN_BUILTINS or name in FORBIDDEN_CALLS:
            yield f"line {node.lineno}: {name}()"
        if constant(node, "shell") not in (None, False):
            yield f"line {node.lineno}: {name or 'a call'} with a shell"
        if name.endswith("torch.load") and constant(node, "weights_only") is not True:
            yield f"line {node.lineno}: torch.load without weights_only"
        if constant(node, "allow_pickle") not in (None, False):
            yield f"line {node.lineno}: {name} with pickles"


def sources() -> list[Path]:
    return sorted(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py"))


def test_no_module_can_run_code_from_its_input():
    assert len(sources()) > 100  # the folders are where they are thought to be
    found = [
        f"{path.relative_to(ROOT)}, {offence}"
        for path in sources()
        for offence in offences(ast.parse(path.read_bytes()))
    ]
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from yaml import load",
        "eval(said)",
        "exec(said)",
        "__import__(said)",
        "import os; os.system(said)",
        "import subprocess; subprocess.run(said, shell=True)",
        "import subprocess; subprocess.run(said, shell=asked)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_the_scan_finds_each_forbidden_call(code):
    assert list(offences(ast.parse(code)))
