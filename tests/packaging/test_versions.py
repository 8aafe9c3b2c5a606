"""The version is written in one place, and everything that names a version names that one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

from velatura import __version__
from velatura_daemon.cli.commands import cli
from velatura_daemon.plugins import bundle, gimp, krita

TREE = Path(__file__).parents[2]
RELEASE = re.compile(r"^## (\S+) – (\d{4}-\d{2}-\d{2}|not released)$", flags=re.MULTILINE)


def changelog() -> str:
    return (TREE / "CHANGELOG.md").read_text(encoding="utf-8")


def cited(field: str) -> str:
    (line,) = re.findall(rf"^{field}: (.+)$", (TREE / "CITATION.cff").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return line


def test_the_changelogs_newest_release_is_this_version():
    version, date = RELEASE.findall(changelog())[0]
    assert (version, date) == (__version__, cited("date-released"))


def test_the_citation_names_this_version():
    assert cited("version") == __version__


def test_the_package_has_this_version():
    assert ProjectMetadata(str(TREE), PluginManager()).version == __version__


def test_the_command_prints_this_version():
    assert CliRunner().invoke(cli, ["--version"]).output.split()[-1] == __version__


@pytest.mark.parametrize("plugin", [krita, gimp])
def test_a_plugin_carries_code_of_this_version_and_names_no_other(plugin, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "SAMPLE_SIDE", 64)
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "home"))
    tree = tmp_path / "plugin"
    tree.mkdir()
    plugin.write_tree(tree)
    (carried,) = tree.rglob("carried/lib/velatura/__init__.py")
    assert f'__version__ = "{__version__}"' in carried.read_text(encoding="utf-8")
    descriptions = [*tree.rglob("*.desktop"), *tree.rglob("*.action"), *tree.rglob("velatura_gimp.py")]
    assert descriptions
    assert not [path.name for path in descriptions if re.search(r"\b\d+\.\d+\.\d+\b", path.read_text(encoding="utf-8"))]


def test_the_changelog_keeps_to_its_form():
    """Unreleased comes first, then the releases; changes are sorted by kind (keepachangelog.com)."""
    sections = re.split(r"^## ", changelog(), flags=re.MULTILINE)[1:]
    assert sections[0].splitlines()[0] == "Unreleased"
    assert [f"## {section.splitlines()[0]}" for section in sections[1:]] == [
        match.group() for match in RELEASE.finditer(changelog())
    ]
    kinds = set(re.findall(r"^### (.+)$", changelog(), flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
