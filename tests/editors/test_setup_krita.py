"""From the zip of a release to the first restyle in Krita, in a home that has never seen Velatura.

The tests go on from each other, as a user does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.editors.fresh_home import FreshHome, fresh_home
from tests.editors.krita_session import KritaSession, open_picture, restyle, run_in
from tests.editors.session import PATIENCE, start
from velatura import strings


@pytest.fixture(scope="module")
def home() -> Iterator[FreshHome]:
    with fresh_home() as home:
        yield home


@pytest.fixture(scope="module")
def krita(editor_root, home: FreshHome) -> Iterator[KritaSession]:
    """Krita, whose own importer has installed the zip."""
    resources, out = home.folder / ".local/share/krita", home.folder / "out.json"
    run_in(
        editor_root,
        home.folder,
        *("kritarunner", "-s", "importing", "-f", "import_zip", str(home.zip_for("krita")), str(resources), str(out)),
    )
    assert json.loads(out.read_text()).get("error") is None
    config = home.folder / ".config/kritarc"
    config.parent.mkdir(exist_ok=True)
    config.write_text("[python]\nenable_velatura_krita=true\n")
    session = KritaSession(editor_root, home.folder)
    home.prepare(session)
    try:
        yield start(session)
    finally:
        session.stop()


def shows(krita: KritaSession, text: str, what: str) -> list:
    """Waits until the set-up's window shows a text. Returns all that it shows."""
    krita.wait_for(f"{text!r} in setup_shows()[0] and setup_shows()[2]", PATIENCE, what)
    return krita.execute("setup_shows()")


def test_without_a_usable_python_the_window_says_what_to_install(krita, home, editor_root):
    """Debian's Python cannot make environments until a package is installed."""
    open_picture(krita)
    krita.execute("menu('Filter', 'Velatura', 'Restyle…')")
    if not editor_root.is_this_machine:
        text, _, buttons = shows(krita, "Velatura needs Python 3.10 or newer", "the error")
        assert "it lacks venv or ensurepip" in text
        assert "Run 'sudo apt install python3." in text and "-venv' in a terminal, then try again." in text
        assert buttons == [strings.TRY_AGAIN]
        krita.photograph("krita-setup-no-python")


def test_then_the_set_up_is_offered(krita, home, editor_root):
    home.install_python()
    if not editor_root.is_this_machine:
        krita.execute(f"press_in_setup({strings.TRY_AGAIN!r})")
    _, detail, buttons = shows(krita, strings.SET_UP_OFFER, "the offer")
    assert buttons == [strings.SET_UP]
    assert str(home.dirs.environment) in detail
    assert not home.dirs.environment.exists()
    assert krita.execute("window() is None")
    krita.photograph("krita-setup")


def test_without_network_the_window_says_so(krita):
    krita.execute(f"press_in_setup({strings.SET_UP!r})")
    text, _, buttons = shows(krita, "The package index cannot be reached.", "the error")
    assert "Check the internet connection" in text
    assert buttons == [strings.COPY_LOG, strings.TRY_AGAIN]
    krita.execute(f"press_in_setup({strings.COPY_LOG!r})")
    assert "--- install: Velatura" in krita.execute("QApplication.clipboard().text()")


def test_a_download_that_is_cut_off_is_said_and_goes_on_with_try_again(krita, home):
    """The second try takes the files that are complete from the first one."""
    home.go_online(True)
    home.index.cut["torch"] = 99
    krita.execute(f"press_in_setup({strings.TRY_AGAIN!r})")
    shows(krita, "The download was interrupted", "the error")
    home.index.cut.clear()
    home.index.held.add("torch")
    krita.execute(f"press_in_setup({strings.TRY_AGAIN!r})")
    krita.wait_for("'downloaded' in setup_shows()[1]", PATIENCE, "the progress")
    text, _, buttons = krita.execute("setup_shows()")
    assert text.startswith("Step 2 of 4: Installing PyTorch")
    assert buttons == [strings.CANCEL]
    krita.photograph("krita-setup-progress")
    home.index.release.set()
    krita.wait_for("window() is not None", PATIENCE, "the restyle window")
    assert krita.execute("setup() is None")
    assert home.dirs.environment_stamp.exists()


def test_the_first_draft_appears_without_another_click_and_then_a_layer(krita):
    krita.wait_for("panel().preview.has_preview and not panel().drafting.text()", PATIENCE, "the first draft")
    assert krita.execute("len(panel().gallery.chosen())") == 1
    krita.photograph("krita-setup-done")
    assert restyle(krita, style=None).endswith("50 %")


def test_what_was_set_up_is_removed_from_the_menu_and_offered_again(krita, home):
    krita.execute("window().close()\nmenu('Filter', 'Velatura', 'Set-up…')")
    _, _, buttons = shows(krita, "is set up, with PyTorch", "what is set up")
    assert buttons == [strings.REMOVE, strings.REPAIR]
    krita.execute(f"press_in_setup({strings.REMOVE!r})")
    shows(krita, "Remove the background program", "the question")
    krita.execute(f"press_in_setup({strings.REMOVE_NOW!r})")
    shows(krita, strings.REMOVED_SET_UP, "the removal")
    assert not home.dirs.environment.exists()
    krita.execute("setup().close()\nmenu('Filter', 'Velatura', 'Restyle…')")
    shows(krita, strings.SET_UP_OFFER, "the offer")
