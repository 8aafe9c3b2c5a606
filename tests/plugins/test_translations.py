"""Installed plugins bring their translations along."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import velatura
from tests.support.catalogues import write_catalogue
from velatura.build import build_of
from velatura.i18n import catalogue
from velatura_daemon.plugins import bundle, gimp, krita

COMMENT = "Restyle the layer or the selection in the style of another image"
IN_PLUGIN = "carried/lib/velatura/locale/de/LC_MESSAGES/velatura.mo"


@pytest.fixture
def locale(tmp_path, monkeypatch):
    """The folder of catalogues of an installation that has none yet."""
    package = tmp_path / "velatura-with-catalogues"
    shutil.copytree(Path(velatura.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "locale"))
    monkeypatch.setattr(velatura, "__file__", str(package / "__init__.py"))
    for module in (catalogue, krita):
        monkeypatch.setattr(module, "LOCALE", package / "locale")
    return package / "locale"


@pytest.mark.parametrize("plugin", [krita, gimp])
def test_a_plugin_carries_the_compiled_catalogues_alone(plugin, locale, user_home):
    file = write_catalogue(locale, "de", {COMMENT: "Eine Ebene umgestalten"})
    file.with_suffix(".po").write_text("# for translators")
    (locale / "velatura.pot").write_text("# for translators")
    home = (krita.krita_homes() if plugin is krita else gimp.gimp_homes())[0]
    plugin.install(home)
    assert (home.plugin / IN_PLUGIN).read_bytes() == file.read_bytes()
    assert not [*home.plugin.rglob("*.po"), *home.plugin.rglob("*.pot")]


@pytest.mark.parametrize("plugin", [krita, gimp])
def test_a_plugin_for_an_editor_s_importer_carries_them_too(plugin, locale, user_home, tmp_path):
    write_catalogue(locale, "de", {COMMENT: "Eine Ebene umgestalten"})
    assert (plugin.write_tree(tmp_path / "tree") / IN_PLUGIN).is_file()


def test_a_changed_translation_makes_an_installed_plugin_another_version(locale, user_home):
    write_catalogue(locale, "de", {COMMENT: "Eine Ebene umgestalten"})
    before = bundle.plugin_build(krita.SOURCES, krita.NAME)
    write_catalogue(locale, "de", {COMMENT: "Eine Ebene umwandeln"})
    assert bundle.plugin_build(krita.SOURCES, krita.NAME) != before


def test_a_changed_translation_replaces_no_daemon(locale):
    before = build_of(locale.parent)
    write_catalogue(locale, "de", {COMMENT: "Eine Ebene umgestalten"})
    assert build_of(locale.parent) == before


# --- Krita's list of plugins -----------------------------------------------------------------------
def test_krita_s_list_of_plugins_has_the_description_in_every_language(locale, user_home):
    write_catalogue(locale, "de", {COMMENT: "Eine Ebene umgestalten"})
    write_catalogue(locale, "pt_BR", {COMMENT: "Reestilizar uma camada"})
    home = krita.krita_homes()[0]
    krita.install(home)
    lines = home.desktop.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "[Desktop Entry]" and f"Comment={COMMENT}" in lines
    assert lines[-2:] == ["Comment[de]=Eine Ebene umgestalten", "Comment[pt_BR]=Reestilizar uma camada"]


def test_a_language_without_that_text_is_left_out_of_it(locale, user_home):
    write_catalogue(locale, "de", {"Cancel": "Abbrechen"})
    assert b"[de]" not in krita.desktop_file()


def test_a_damaged_catalogue_is_left_out_of_it(locale, user_home):
    write_catalogue(locale, "de", {COMMENT: "x"}).write_bytes(b"damaged")
    assert b"[de]" not in krita.desktop_file()


def test_a_description_stays_one_line(locale, user_home):
    write_catalogue(locale, "de", {COMMENT: "Eine Ebene\n\\umgestalten\nExec=calc"})
    assert krita.desktop_file().splitlines()[-1] == b"Comment[de]=Eine Ebene \\\\umgestalten Exec=calc"


def test_without_catalogues_it_is_the_file_in_the_sources(locale, user_home):
    assert krita.desktop_file() == (bundle.plugin_sources(krita.SOURCES) / "velatura_krita.desktop").read_bytes()


def test_the_english_description_is_a_text_that_is_translated():
    plugin = bundle.plugin_sources(krita.SOURCES)
    assert f"Comment={COMMENT}\n" in (plugin / "velatura_krita.desktop").read_text(encoding="utf-8")
    assert f'_("{COMMENT}")' in (plugin / "velatura_krita/extension.py").read_text(encoding="utf-8")
