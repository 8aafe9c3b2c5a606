"""docs/api.md, from which the API reference is made, names what there is, and all of it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from velatura.protocol import messages
from velatura_daemon import api

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
DIRECTIVE = re.compile(r"^\.\. (module|automodule|autoclass|autofunction):: ([\w.]+)")
MEMBERS = re.compile(r"^ +:members: (.+)")


def described() -> Iterator[str]:
    """The full names of what the page describes."""
    module = owner = ""
    for line in PAGE.read_text().split("\n"):
        if directive := DIRECTIVE.match(line):
            kind, name = directive.groups()
            if kind in ("module", "automodule"):
                module = owner = name
            else:
                owner = name if "." in name else f"{module}.{name}"
            yield owner
        elif members := MEMBERS.match(line):
            yield from (f"{owner}.{name}" for name in members[1].split(", "))


def found(name: str) -> Any:
    """What a full name means. Raises AttributeError."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            value = getattr(value, part)
        return value
    raise AttributeError(name)


@pytest.mark.parametrize("name", sorted(set(described())))
def test_what_the_reference_describes_exists_and_has_a_docstring(name):
    assert found(name).__doc__


def test_the_reference_describes_everything_that_the_api_exports():
    assert {getattr(api, name) for name in api.__all__} <= {
        found(name) for name in described() if name.startswith("velatura_daemon.api.") and name.count(".") == 2
    }


def test_the_reference_describes_every_message():
    assert set(messages.MESSAGES.values()) <= {found(name) for name in described() if ".messages." in name}
