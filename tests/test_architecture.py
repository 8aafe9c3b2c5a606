"""The module map names every package, so that newcomers find each."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [
    f"{name}.{init.parent.name}"
    for name, folder in (("velatura", "shared/velatura"), ("velatura_daemon", "daemon/velatura_daemon"))
    for init in sorted((ROOT / folder).glob("*/__init__.py"))
]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_module_map_names_every_package(package):
    assert f"| `{package}` |" in (ROOT / "docs" / "architecture.md").read_text()
