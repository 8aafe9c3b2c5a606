"""Both editors in other languages: the plugins speak them too, and their windows have room for them."""

from __future__ import annotations

import gettext
import re
import shutil
from pathlib import Path

import pytest

from tests.editors.gimp_session import GimpConsole, GimpOnScreen
from tests.editors.gimp_user import GimpUser
from tests.editors.krita_session import KritaSession, open_picture
from tests.editors.session import PATIENCE, start
from tests.editors.user_home import new_home, velatura
from velatura.i18n import LOCALE, available_languages

LOCALES = {"de": "de_DE.UTF-8", "ja": "ja_JP.UTF-8", "fr": "fr_FR.UTF-8"}
SCREEN = "1366x768x24"  # a small laptop
RESTYLE, RESTYLE_IN_GIMP, TITLE = "Restyle…", "Rest_yle…", "Restyle with Velatura"

one_language = pytest.mark.parametrize("language", ["de"])  # what is the same for all of them
languages = pytest.mark.parametrize(
    "language",
    [
        pytest.param(code, marks=pytest.mark.skipif(code not in available_languages(), reason="has no catalogue yet"))
        for code in LOCALES
    ],
)
PLACE_IN_GIMP = (
    "w = window().dialog\nm = Gdk.Display.get_default().get_monitor(0).get_workarea()\n"
    "r = w.get_window().get_frame_extents()\n[r.x, r.y, r.width, r.height, m.width, m.height]"
)
TO_THE_END = (
    "a = widget('more').get_ancestor(Gtk.ScrolledWindow).get_vadjustment()\na.set_value(a.get_upper())\n"
    "widget('setting pooling').get_mapped() and a.get_value() >= a.get_upper() - a.get_page_size()"
)
LABEL_IN_GIMP = "Gimp.get_pdb().lookup_procedure('plug-in-velatura-restyle').get_menu_label()"


def in_language(language: str, message: str) -> str:
    """The text that the plugins' catalogue has for it."""
    return gettext.translation("velatura", LOCALE, [language]).gettext(message)


def key_of(label: str) -> str:
    """The key of a menu entry."""
    found = re.search(r"_(\w)", label)
    assert found is not None, label
    return found[1].lower()


@pytest.fixture(scope="module")
def own_home():
    """A home whose windows have no place to remember."""
    home = new_home()
    velatura(home, "daemon", "start")
    yield home
    velatura(home, "daemon", "stop")
    shutil.rmtree(home, ignore_errors=True)


def forget_places(home: Path) -> None:
    for file in (home / "velatura/config").glob("window-*.json"):
        file.unlink()


@languages
def test_krita_s_window_is_opened_by_its_name_in_the_language_of_the_system(editor_root, own_home, language):
    forget_places(own_home)
    session = KritaSession(editor_root, own_home, screen=SCREEN, variables={"LANG": LOCALES[language]})
    try:
        start(session)
        open_picture(session, "large.png")
        session.execute("K.activeWindow().qwindow().showMaximized()")
        session.execute(f"menu('filter', 'Velatura', {in_language(language, RESTYLE)!r})")
        session.wait_for("window() is not None", PATIENCE, "the window")
        assert session.execute("window().windowTitle()") == in_language(language, TITLE)
        session.execute("pick(gallery()[0])")
        session.wait_for("panel().estimate.text() != ''", PATIENCE, "the estimate")
        session.photograph(f"language-krita-{language}")
        assert session.execute("QApplication.primaryScreen().availableGeometry().contains(window().frameGeometry())")
        session.execute("click('more')\nQApplication.processEvents()")
        session.photograph(f"language-krita-{language}-more")
    finally:
        session.stop()


@one_language
def test_the_language_chosen_in_krita_comes_before_that_of_the_system(editor_root, own_home, language):
    session = KritaSession(editor_root, own_home, screen=SCREEN, variables={"LANG": "es_ES.UTF-8"})
    chosen = own_home / ".config/klanguageoverridesrc"
    try:
        session.install_driver()
        chosen.write_text(f"[Language]\nkrita=@ByteArray({language}:en_US)\n")
        session.start()
        open_picture(session)
        session.execute(f"menu('filter', 'Velatura', {in_language(language, RESTYLE)!r})")
        session.wait_for("window() is not None", PATIENCE, "the window")
    finally:
        session.stop()
        chosen.unlink(missing_ok=True)


@languages
def test_gimp_s_dialog_is_opened_by_the_key_of_its_name_in_the_language_of_the_system(editor_root, own_home, language):
    forget_places(own_home)
    session = GimpOnScreen(editor_root, own_home, screen=SCREEN, variables={"LANG": LOCALES[language]})
    label = in_language(language, RESTYLE_IN_GIMP)
    own = gettext.translation("gimp30", editor_root.root / "usr/share/locale", [language])
    try:
        start(session)
        assert session.execute(LABEL_IN_GIMP) == label
        user = GimpUser(session, filters_key=key_of(own.pgettext("filters-action", "Filte_rs")))
        user.open_picture("large.png")
        user.menu(key_of(label))
        session.wait_for("is_open()", PATIENCE, "the dialog", session.dialog)
        assert user.dialog("window().dialog.get_title()") == in_language(language, TITLE)
        user.wait("window().estimate.get_text() != ''", "the estimate")
        session.photograph(f"language-gimp-{language}")
        x, y, width, height, screen_width, screen_height = user.dialog(PLACE_IN_GIMP)
        assert x >= 0 and y >= 0 and x + width <= screen_width and y + height <= screen_height
        user.dialog("widget('more').set_expanded(True)")
        user.wait(TO_THE_END, "the rest of the settings")
        session.photograph(f"language-gimp-{language}-more")
    finally:
        session.stop()


@one_language
def test_the_language_chosen_in_gimp_comes_before_that_of_the_system(editor_root, own_home, language):
    session = GimpConsole(editor_root, own_home, variables={"LANG": "es_ES.UTF-8"})
    try:
        session.install_driver()
        with (own_home / ".config/GIMP/3.0/gimprc").open("a") as gimprc:
            gimprc.write(f'(language "{language}")\n')
        session.start()
        assert session.execute(LABEL_IN_GIMP) == in_language(language, RESTYLE_IN_GIMP)
    finally:
        session.stop()


@one_language
def test_gimp_s_menu_changes_with_the_language_of_the_system(editor_root, own_home, language):
    """GIMP remembers what its plug-ins have told it, and asks them again."""
    labels = []
    for number, locale in enumerate(("en_US.UTF-8", LOCALES[language])):
        session = GimpConsole(editor_root, own_home, variables={"LANG": locale})
        try:
            if number == 0:
                session.install_driver()
            session.start()
            labels.append(session.execute(LABEL_IN_GIMP))
        finally:
            session.stop()
    assert labels == [RESTYLE_IN_GIMP, in_language(language, RESTYLE_IN_GIMP)]
