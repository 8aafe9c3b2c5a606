"""The plugin speaks the language that Krita shows its menus in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.catalogues import write_catalogue

HERE = Path(__file__).parent
TREE = HERE.parents[1]
PLUGIN = TREE / "plugin_krita"
TIP = "Restyle the layer or the selection in the style of another image"


@pytest.fixture
def start(run, qt, tmp_path, monkeypatch):
    """Starts the plugin in a system of some language. Returns what it shows."""
    locale = tmp_path / "locale"
    write_catalogue(locale, "de", {"Restyle…": "Umgestalten…", TIP: "Die Ebene umgestalten"})
    write_catalogue(locale, "pt_BR", {"Restyle…": "Reestilizar…"})
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)

    def start(system: str, chosen: str = "", **variables: str) -> dict[str, str]:
        """system: LANG. chosen: the value that Krita's settings have for its language."""
        monkeypatch.setenv("LANG", system)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        if chosen:
            (tmp_path / ".config").mkdir()
            (tmp_path / ".config/klanguageoverridesrc").write_text(f"[Language]\nkrita={chosen}\n")
        shown: dict[str, str] = json.loads(
            run(str(HERE / "inside/language.py"), qt, str(TREE), str(locale)).splitlines()[-1]
        )
        return shown

    return start


def test_menus_and_tooltips_are_in_the_language_of_the_system(start):
    shown = start("de_AT.UTF-8")
    assert (shown["text"], shown["tip"], shown["whatsThis"]) == ("Umgestalten…", *2 * ["Die Ebene umgestalten"])


def test_the_language_chosen_in_krita_comes_before_that_of_the_system(start):
    assert start("de_DE.UTF-8", "@ByteArray(pt_BR:en_US)")["text"] == "Reestilizar…"


def test_english_chosen_in_krita_comes_before_another_language_of_the_system(start):
    assert start("de_DE.UTF-8", "en_US")["text"] == "Restyle…"


def test_the_list_of_preferred_languages_counts(start):
    assert start("fr_FR.UTF-8", LANGUAGE="ja:pt_BR:de")["text"] == "Reestilizar…"


def test_a_language_without_a_catalogue_leaves_the_plugin_in_english(start):
    shown = start("ja_JP.UTF-8")
    assert (shown["language"], shown["text"], shown["tip"]) == ("en", "Restyle…", TIP)


def test_the_name_of_the_docker_is_the_same_in_every_language(start):
    assert start("de_DE.UTF-8")["docker"] == "Velatura"


def test_the_list_of_shortcuts_has_the_texts_of_the_menu():
    """Krita reads them from the .action file, and shows them until the plugin has made its actions."""
    actions = ElementTree.parse(PLUGIN / "velatura_krita.action").findall(".//Action")
    in_file = {
        action.get("name"): (action.findtext("text"), action.findtext("toolTip"), action.findtext("whatsThis"))
        for action in actions
    }
    code = (PLUGIN / "velatura_krita/extension.py").read_text(encoding="utf-8")
    found = re.findall(r'"(velatura_\w+)": Command\(\s*_\("([^"]*)"\),\s*_\("([^"]*)"\)', code)
    assert in_file == {name: (text, tip, tip) for name, text, tip in found}
