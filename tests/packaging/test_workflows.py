"""The workflows for a code host name commands, folders and versions of Python that exist. They are not run here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
WORKFLOWS = sorted((TREE / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_command_of_a_workflow_exists(path):
    commands = re.findall(r"run: (.+)", path.read_text())
    assert commands
    targets = re.findall(r"^([a-z-]+):", (TREE / "Makefile").read_text(), flags=re.MULTILINE)
    for command in commands:
        for target in re.findall(r"\bmake ([a-z-]+)", command):
            assert target in targets, command
        for name in re.findall(r"\S*(?:tests/\w+|\.ci/\w+)", command):
            assert (TREE / name).exists(), command


def test_ci_runs_what_a_change_has_to_pass_with_every_supported_python():
    text = (TREE / ".github/workflows/ci.yml").read_text()
    assert ".ci/run" in text
    matrix = re.search(r"python: \[(.+)\]", text)
    assert matrix is not None
    oldest, *_, newest = (version.strip(' "') for version in matrix[1].split(","))
    assert f'requires-python = ">={oldest}"' in (TREE / "pyproject.toml").read_text()
    assert newest == "3.14"
