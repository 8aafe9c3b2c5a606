"""What a newer GIMP has left out when it copied the plug-in from an older one is copied on the first start."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

UPGRADE = runpy.run_path(str(Path(__file__).parents[2] / "plugin_gimp/velatura_gimp/upgrade.py"))
complete_copy = UPGRADE["complete_copy"]
CATALOGUE = Path("carried/lib/velatura/locale/de/LC_MESSAGES/velatura.mo")


@pytest.fixture
def older(tmp_path):
    """The plug-in in the folder of an older GIMP."""
    plugin = tmp_path / "3.0/plug-ins/velatura_gimp"
    for file in (UPGRADE["BUILD"], UPGRADE["DEEPEST"], CATALOGUE):
        (plugin / file).parent.mkdir(parents=True, exist_ok=True)
        (plugin / file).write_text(file.name)
    return plugin


@pytest.fixture
def newer(older, tmp_path):
    """The same one in the folder of a newer GIMP."""
    plugin = tmp_path / "3.2/plug-ins/velatura_gimp"
    shutil.copytree(older, plugin)
    return plugin


@pytest.mark.parametrize("lost", [UPGRADE["DEEPEST"].parent, CATALOGUE.parent])
def test_folders_that_were_too_deep_are_copied(newer, lost):
    shutil.rmtree(newer / lost)
    assert complete_copy(newer)
    assert (newer / UPGRADE["DEEPEST"]).is_file() and (newer / CATALOGUE).is_file()


def test_a_complete_copy_is_left_alone(newer):
    assert not complete_copy(newer)


def test_another_build_of_the_plug_in_is_not_mixed_in(newer, older):
    shutil.rmtree(newer / CATALOGUE.parent)
    (older / UPGRADE["BUILD"]).write_text("another")
    assert not complete_copy(newer)


def test_a_plug_in_without_catalogues_is_complete(newer):
    shutil.rmtree(newer / UPGRADE["LOCALE"])
    assert not complete_copy(newer)
