"""The language of the command line, chosen before anything with texts is loaded; and the help page's lines about the
commands, by which a terminal is tried."""

from __future__ import annotations

import gettext
import sys

from velatura.i18n import current_language, lazy_text, use_language
from velatura.i18n.catalogue import catalogue
from velatura.i18n.language import ENGLISH

# In the order of the help page.
COMMANDS = {
    "restyle": lazy_text("Restyle PHOTO with one or more paintings."),
    "batch": lazy_text("Restyle many pictures, several at a time."),
    "film": lazy_text("Restyle a film without flicker."),
    "compare": lazy_text("Restyle photos in several styles and settings, on one sheet."),
    "explain": lazy_text("Show what each layer of the network sees."),
    "demo": lazy_text("Restyle sample scenes with sample paintings."),
    "presets": lazy_text("List, show and share presets: named settings."),
    "results": lazy_text("Manage results that were not delivered."),
    "history": lazy_text("List recent restyles, and reuse their settings."),
    "forget": lazy_text("Delete all your pictures."),
    "install": lazy_text("Install the plugin for an editor, or remove it."),
    "setup": lazy_text("Set up the daemon for the editors."),
    "daemon": lazy_text("Control the background process."),
    "weights": lazy_text("Choose the weights of the network."),
    "doctor": lazy_text("Check the installation and report problems."),
    "bench": lazy_text("Measure this machine."),
}


def choose_language() -> None:
    """Use the language of the environment, or English if the terminal does not have its letters. click's own texts
    follow."""
    if current_language() != ENGLISH and not (_can_print(sys.stdout.encoding) and _can_print(sys.stderr.encoding)):
        use_language(ENGLISH)
    # click looks its texts up with these functions, which it takes when it is imported. Python's read the environment
    # in a way of their own, for example LANGUAGE in the C locale too.
    gettext.gettext, gettext.ngettext = catalogue().gettext, catalogue().ngettext


def _can_print(encoding: str) -> bool:
    try:
        "".join(text.translated() for text in COMMANDS.values()).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
