"""Which language the user wants, as the environment says it, and which of ours that is."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

ENGLISH = "en"  # the language of the code: it has no catalogue
VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # POSIX: the first one that is set counts
# Scripts and regions that can read a catalogue of another region. Traditional Chinese is not among them.
_SAME_SCRIPT = {"zh_hans": "zh_CN", "zh_sg": "zh_CN", "zh_my": "zh_CN", "zh": "zh_CN", "pt": "pt_BR", "pt_pt": "pt_BR"}


def language_of_environment(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The languages that the environment asks for, the best one first, such as ('pt_BR', 'es'); empty for English.

    As gettext reads it: LC_ALL, LC_MESSAGES or LANG gives the locale; LANGUAGE, a list with colons, is preferred to it,
    except in the C locale. Programs on Windows, and those of macOS that are not started in a terminal, have none of
    these variables: there the language of the user interface counts.
    """
    chosen = next((environment[name] for name in VARIABLES if environment.get(name)), "")
    if not chosen and sys.platform == "win32":
        chosen = _language_of_windows()
    if not chosen and sys.platform == "darwin":
        return tuple(_languages_of_macos())
    if _bare(chosen) in ("", "C", "POSIX"):
        return ()
    listed = [name for name in environment.get("LANGUAGE", "").split(":") if name]
    return tuple(_bare(name) for name in (*listed, chosen))


def best_match(wanted: Sequence[str], available: Collection[str]) -> str:
    """The first wanted language that there is a catalogue of, or ENGLISH.

    wanted: names such as de_AT.UTF-8, pt-BR or zh_Hans_CN. A region without a catalogue of its own gets that of its
    language.
    """
    for name in wanted:
        parts = _bare(name).replace("-", "_").lower().split("_")
        if parts[0] in (ENGLISH, "c", "posix"):
            return ENGLISH
        for length in range(len(parts), 0, -1):
            candidate = "_".join(parts[:length])
            if length == 1 and parts[0] == "zh" and len(parts) > 1:
                break  # such as zh_TW
            candidate = _SAME_SCRIPT.get(candidate, candidate)
            found = next((code for code in available if code.lower() == candidate.lower()), "")
            if found:
                return found
    return ENGLISH


def _bare(name: str) -> str:
    """Without encoding and variant: de_AT.UTF-8@euro becomes de_AT."""
    return name.split(".")[0].split("@")[0]


def _language_of_windows() -> str:
    import ctypes
    import locale

    number = ctypes.windll.kernel32.GetUserDefaultUILanguage()  # type: ignore[attr-defined, unused-ignore]
    return locale.windows_locale.get(number, "")


def _languages_of_macos(home: Path | None = None) -> list[str]:
    """The languages of the system settings, the best one first. home: the user's home folder."""
    import plistlib

    settings = (home or Path.home()) / "Library/Preferences/.GlobalPreferences.plist"
    try:
        languages = plistlib.loads(settings.read_bytes())["AppleLanguages"]
    except Exception:  # not there, damaged, or of another kind: it is another program's file
        return []
    return [name for name in languages if isinstance(name, str)] if isinstance(languages, list) else []
