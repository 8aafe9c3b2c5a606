"""Krita's own language, which the plugin speaks too."""

from __future__ import annotations

import os
from pathlib import Path

from velatura.i18n import language_of_environment, use_language

from .qt import QByteArray, QLocale, QSettings, QStandardPaths

OVERRIDES, KRITA = "klanguageoverridesrc", "krita"  # where Krita stores which language was chosen in it (krita/main.cc)


def use_language_of_krita() -> str:
    """Use the language that Krita shows its menus in, if there is a catalogue of it. Returns its code.

    As Krita itself decides: the language chosen in its settings, or else the system's. Only then the environment, of
    which Krita sets LANG.
    """
    return use_language([*chosen_languages(), *languages_of_system()] or list(language_of_environment(os.environ)))


def chosen_languages() -> list[str]:
    """The languages chosen in Krita's settings, the best one first; empty if there are none."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    settings = QSettings(str(Path(folder) / OVERRIDES), QSettings.Format.IniFormat)
    chosen = settings.value(f"Language/{KRITA}")
    if isinstance(chosen, QByteArray):  # as Krita stores it: @ByteArray(de:en_US)
        chosen = bytes(chosen).decode("utf-8", "replace")
    text = chosen if isinstance(chosen, str) else ""
    return [name for name in text.split(":") if name]


def languages_of_system() -> list[str]:
    """The languages of the system's user interface, the best one first; Qt knows them on every system."""
    return [str(name) for name in QLocale.system().uiLanguages()]
