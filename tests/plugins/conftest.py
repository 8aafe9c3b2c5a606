"""A temporary home folder, and small sample styles that are quick to draw."""

from __future__ import annotations

import pytest

from velatura_daemon.plugins import bundle


@pytest.fixture(autouse=True)
def quick_samples(monkeypatch):
    monkeypatch.setattr(bundle, "SAMPLE_SIDE", 64)


@pytest.fixture
def user_home(tmp_path, monkeypatch):
    """A home folder in which no editor has been started yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "velatura"))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "GIMP3_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
