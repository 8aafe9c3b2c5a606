"""The language of programs that macOS starts: they have no variables of the environment for it."""

from __future__ import annotations

import plistlib

import pytest

from velatura.i18n import language
from velatura.i18n.language import language_of_environment


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """The file with the system's settings of a user of macOS, who has made none yet."""
    monkeypatch.setattr(language.sys, "platform", "darwin")
    monkeypatch.setattr(language.Path, "home", lambda: tmp_path)
    file = tmp_path / "Library/Preferences/.GlobalPreferences.plist"
    file.parent.mkdir(parents=True)
    return file


def test_the_languages_of_the_system_count(settings):
    settings.write_bytes(plistlib.dumps({"AppleLanguages": ["pt-PT", "de-DE"]}, fmt=plistlib.FMT_BINARY))
    assert language_of_environment({}) == ("pt-PT", "de-DE")


def test_variables_of_a_terminal_come_before_them(settings):
    settings.write_bytes(plistlib.dumps({"AppleLanguages": ["de-DE"]}))
    assert language_of_environment({"LANG": "fr_FR.UTF-8"}) == ("fr_FR",)


@pytest.mark.parametrize("content", [b"", b"no settings", plistlib.dumps({}), plistlib.dumps({"AppleLanguages": 7})])
def test_damaged_settings_mean_english(settings, content):
    settings.write_bytes(content)
    assert language_of_environment({}) == ()


def test_missing_settings_mean_english(settings):
    assert language_of_environment({}) == ()
