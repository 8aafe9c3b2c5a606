"""Menus and buttons in the pages about the editors are called as in the windows."""

from __future__ import annotations

import re

import pytest
from babel.messages.pofile import read_po

from tests.support.markdown import ROOT

# The editors' own menus and commands, and signs.
EDITORS_OWN = {
    *("filter", "filters", "tools", "scripts", "import python plugin from file", "switch application language"),
    *("configure krita", "keyboard shortcuts", "dockers", "edit", "preferences", "folders", "plug-ins", "interface"),
    *("language", "save settings", "load saved settings", "repeat", "velatura", "1:1", "+", "−"),
}
SIGNS = " .…:★_&"


def plain(label: str) -> str:
    return label.strip(SIGNS).replace("_", "").replace("&", "").lower()


@pytest.mark.parametrize("name", ["krita.md", "gimp.md", "getting-started.md"])
def test_every_label_in_bold_is_one_of_the_windows(name: str):
    with (ROOT / "shared" / "velatura" / "locale" / "velatura.pot").open("rb") as file:
        texts = [message.id for message in read_po(file)]
    known = {plain(text) for text in texts if isinstance(text, str)} | EDITORS_OWN
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    labels = [label for bold in re.findall(r"\*\*([^*\n]+)\*\*", page) for label in bold.split(" ▸ ")]
    assert len(labels) > 10
    assert not [label for label in labels if plain(label) not in known]
