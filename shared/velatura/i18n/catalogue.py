"""The catalogue of the language in use."""

from __future__ import annotations

import gettext
import os
from collections.abc import Sequence
from pathlib import Path

from velatura.i18n.language import ENGLISH, best_match, language_of_environment

DOMAIN = "velatura"
LOCALE = Path(__file__).parents[1] / "locale"


class _InUse:
    """language: its code, '' before the first text is translated. catalogue: its messages."""

    language = ""
    catalogue = gettext.NullTranslations()


def available_languages() -> list[str]:
    """The codes of all languages with a catalogue, such as de and pt_BR; English, which needs none, is not among
    them."""
    return sorted(file.parents[1].name for file in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))


def use_language(wanted: str | Sequence[str]) -> str:
    """Use the first of these languages that there is a catalogue of, otherwise English. Returns its code.

    Call it before modules with texts are imported: those that `_` returns stay as they are.
    """
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    _InUse.language = best_match(wanted, available_languages())
    try:
        _InUse.catalogue = gettext.translation(DOMAIN, LOCALE, [_InUse.language])
    except Exception:  # English, or a damaged file, for which gettext raises many kinds: English is better than nothing
        _InUse.catalogue = gettext.NullTranslations()
    return _InUse.language


def current_language() -> str:
    """The code of the language in use; before the first call of `use_language`, that of the environment."""
    if not _InUse.language:
        use_language(language_of_environment(os.environ) or ENGLISH)
    return _InUse.language


def catalogue() -> gettext.NullTranslations:
    """The messages of the language in use."""
    current_language()
    return _InUse.catalogue
