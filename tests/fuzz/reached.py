"""Which lines of the product the inputs of a target reach. `python -m tests.fuzz.reached NAME FOLDER` runs the inputs
in the folder and prints the lines of each module as JSON.

Only lines inside functions count: all others run when a module is imported.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import pkgutil
import random
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.fuzz.targets import INSTRUMENTED, load

SECONDS = 60.0  # for the inputs of a target: traced lines run ten times slower; inputs in random order

Lines = dict[str, set[int]]  # by file


def main(arguments: list[str]) -> None:
    name, folder = arguments[1], Path(arguments[2])
    logging.disable(logging.CRITICAL)
    inputs = [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []
    random.Random(0).shuffle(inputs)
    print(json.dumps(shares(name, inputs)))


def shares(name: str, inputs: Iterable[bytes]) -> dict[str, list[int]]:
    """Lines reached and all lines, of each of the product's modules that guide the target."""
    target = load(name)
    modules = {
        module: path
        for prefix in INSTRUMENTED[name]
        for module, path in _modules(prefix)
        if prefix.startswith("velatura")
    }
    every = {path: _lines_of(Path(path)) for path in modules.values()}
    reached: Lines = {path: set() for path in every}
    until = time.monotonic() + SECONDS
    with _traced(reached):
        for data in inputs:
            with contextlib.suppress(Exception):
                target.run_one(data)
            if time.monotonic() > until:
                break
    return {
        module: [len(reached[path] & every[path]), len(every[path])] for module, path in modules.items() if every[path]
    }


def _modules(prefix: str) -> Iterator[tuple[str, str]]:
    """The modules with this prefix, with their files."""
    found = importlib.util.find_spec(prefix)
    if found is None or found.origin is None:
        return
    yield prefix, found.origin
    for one in pkgutil.walk_packages(found.submodule_search_locations or [], f"{prefix}."):
        with contextlib.suppress(ImportError):  # of an optional library
            inner = importlib.util.find_spec(one.name)
            if inner is not None and inner.origin is not None and inner.origin.endswith(".py"):
                yield one.name, inner.origin


def _lines_of(path: Path) -> set[int]:
    """The lines of code inside functions."""
    lines: set[int] = set()
    left = [compile(path.read_text(encoding="utf-8"), str(path), "exec")]
    while left:
        code = left.pop()
        left += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
        if code.co_flags & 1 and code.co_name != "<module>":  # optimised locals: a function
            lines |= {line for _, _, line in code.co_lines() if line is not None and line != code.co_firstlineno}
    return lines


@contextlib.contextmanager
def _traced(reached: Lines) -> Iterator[None]:
    def on_call(frame: types.FrameType, _: str, __: object) -> Callable[..., object] | None:
        seen = reached.get(frame.f_code.co_filename)
        if seen is None:
            return None

        def on_line(inner: types.FrameType, event: str, _: object) -> Callable[..., object]:
            if event == "line":
                seen.add(inner.f_lineno)
            return on_line

        return on_line

    sys.settrace(on_call)
    try:
        yield
    finally:
        sys.settrace(None)


if __name__ == "__main__":
    main(sys.argv)
