"""The keys of GIMP's menu entries and of the labels in its dialogs, in every language."""

from __future__ import annotations

import ast
import gettext
import re
import runpy
from pathlib import Path

import pytest

from velatura.i18n import LOCALE, available_languages
from velatura.i18n.language import ENGLISH

PLUGIN = Path(__file__).parents[2] / "plugin_gimp/velatura_gimp"
with_mnemonic = runpy.run_path(str(PLUGIN / "mnemonics.py"))["with_mnemonic"]  # its package needs GIMP
MARKED = re.compile(r"(?<!_)_(\w)")


def menu_labels() -> list[str]:
    """The labels of GIMP's menu in the code; its module cannot be imported without GIMP."""
    for node in ast.walk(ast.parse((PLUGIN / "velatura_gimp.py").read_bytes())):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMMANDS":
            calls = [one for one in ast.walk(node) if isinstance(one, ast.Call) and ast.unparse(one.func) == "_"]
            return [ast.literal_eval(call.args[0]) for call in calls]
    return []


def keys_of(labels: list[str]) -> list[str]:
    """The key of each label; '' if it has none, or more than one."""
    found = [MARKED.findall(label.replace("__", "")) for label in labels]
    return [keys[0].casefold() if len(keys) == 1 else "" for keys in found]


@pytest.mark.parametrize("language", [ENGLISH, *available_languages()])
def test_every_entry_of_gimp_s_menu_has_a_key_of_its_own(language):
    translation = gettext.translation("velatura", LOCALE, [language], fallback=True)
    labels = [translation.gettext(label) for label in menu_labels()]
    keys = keys_of(labels)
    assert len(labels) == 7
    assert all(keys) and len(set(keys)) == len(keys), dict(zip(labels, keys, strict=True))


def test_a_missing_and_a_doubled_key_are_found():
    assert keys_of(["_Hilfe", "Einrichten", "_Neu _stilisieren", "描き直す(_Y)", "A__B_c"]) == ["h", "", "", "y", "c"]


# --- labels whose key is chosen by the plug-in --------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "taken", "wanted", "marked"),
    [
        ("Cancel", "", "", "_Cancel"),
        ("Strength", "s", "", "S_trength"),
        ("Start over", "", "e", "Start ov_er"),
        ("Neu beginnen", "e", "e", "_Neu beginnen"),
        ("Качество", "", "", "_Качество"),
        ("強さ", "", "", "強さ(_A)"),
        ("強さ", "a", "", "強さ(_B)"),
        ("描き直す", "", "e", "描き直す(_E)"),
        ("1:1", "", "", "1:1(_A)"),
        ("snake_case", "s", "", "s_nake__case"),
        ("ab", "ab", "", "ab"),
    ],
)
def test_a_label_gets_a_free_key_that_can_be_pressed(text, taken, wanted, marked):
    assert with_mnemonic(text, taken, wanted)[0] == marked


def test_keys_of_many_labels_differ():
    keys: list[str] = []
    for text in ("強さ", "筆の大きさ", "Stärke", "Sättigung", "画質"):
        keys.append(with_mnemonic(text, keys)[1])
    assert len(set(keys)) == len(keys)
