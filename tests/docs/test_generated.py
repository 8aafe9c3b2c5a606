"""What is made from the code is up to date."""

from __future__ import annotations

import importlib.util
import re
import sys
from types import ModuleType

import pytest

from tests.support.markdown import ROOT
from velatura.protocol.messages import VERSION
from velatura.settings import setting_specs


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_settings_is_up_to_date():
    page = script("settings_page")
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), "run make pages"


def test_the_page_of_the_settings_names_every_setting():
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert not [name for name in setting_specs() if f"`--{name.replace('_', '-')}`" not in text]


def test_the_manuals_inside_the_editors_are_up_to_date():
    manual = script("manual")
    for file, parts in manual.MANUALS.items():
        assert file.read_text(encoding="utf-8") == manual.manual(parts), "run make pages"


@pytest.mark.parametrize("editor", ["krita", "gimp"])
def test_a_manual_is_read_offline_and_its_links_lead_somewhere(editor: str):
    text = (ROOT / f"plugin_{editor}" / f"velatura_{editor}" / "Manual.html").read_text(encoding="utf-8")
    assert not re.findall(r"<(?:script|link|img|iframe|object)|url\(|@import|\ssrc=", text)
    targets = re.findall(r'href="#([^"]*)"', text)
    assert len(targets) > 5
    assert set(targets) <= set(re.findall(r'id="([^"]*)"', text))
    assert not re.findall(r'href="(?!#|https://)', text)


def test_each_editor_has_a_manual_of_its_own():
    krita, gimp = (ROOT / f"plugin_{name}" / f"velatura_{name}" / "Manual.html" for name in ("krita", "gimp"))
    assert "Filter ▸ Velatura" in krita.read_text(encoding="utf-8")
    assert "Filter ▸ Velatura" not in gimp.read_text(encoding="utf-8")


def test_the_page_of_the_protocol_names_its_version():
    major, minor = VERSION
    assert f"version {major}.{minor}." in (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
