"""From the zip of a release to the first restyle in GIMP, in a home that has never seen Velatura.

The tests go on from each other, as a user does.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.fresh_home import FreshHome, fresh_home
from tests.editors.gimp_session import GimpOnScreen
from tests.editors.gimp_user import RESTYLE_KEY, SETUP_KEY, GimpUser
from tests.editors.session import PATIENCE, start
from velatura import strings


@pytest.fixture(scope="module")
def home() -> Iterator[FreshHome]:
    with fresh_home() as home:
        yield home


@pytest.fixture(scope="module")
def user(editor_root, home: FreshHome) -> Iterator[GimpUser]:
    """A user who has unpacked the zip into GIMP's folder of plug-ins."""
    plugins = home.folder / ".config/GIMP/3.0/plug-ins"
    plugins.mkdir(parents=True)
    with zipfile.ZipFile(home.zip_for("gimp")) as archive:
        for entry in archive.infolist():  # GIMP only starts what is executable, and `extract` keeps no permissions
            Path(archive.extract(entry, plugins)).chmod(entry.external_attr >> 16 & 0o777)
    session = GimpOnScreen(editor_root, home.folder)
    home.prepare(session)
    home.install_python()
    user = GimpUser(session)
    try:
        start(session)
        user.open_picture()
        yield user
    finally:
        session.stop()


def shows(user: GimpUser, text: str, what: str) -> list:
    """Waits until the set-up's dialog shows a text. Returns all that it shows."""
    user.wait(f"{text!r} in setup_shows()[0] and setup_shows()[2]", what)
    return user.dialog("setup_shows()")


def closed(user: GimpUser) -> bool:
    """Whether the plug-in shows no set-up any more; its process may have ended."""
    try:
        return user.dialog("setup() is None")
    except (OSError, AssertionError):
        return True


def test_the_first_command_offers_the_set_up(user, home):
    user.menu(RESTYLE_KEY)
    _, detail, buttons = shows(user, strings.SET_UP_OFFER, "the offer")
    assert buttons == [strings.SET_UP]
    assert str(home.dirs.environment) in detail
    user.gimp.photograph("gimp-setup")


def test_without_network_the_dialog_says_so(user):
    user.dialog(f"press_in_setup({strings.SET_UP!r})")
    text, _, buttons = shows(user, "The package index cannot be reached.", "the error")
    assert "Check the internet connection" in text
    assert buttons == [strings.COPY_LOG, strings.TRY_AGAIN]
    user.gimp.photograph("gimp-setup-offline")


def test_with_network_it_is_set_up_and_the_first_draft_appears(user, home):
    home.go_online(True)
    home.index.held.add("torch")
    user.dialog(f"press_in_setup({strings.TRY_AGAIN!r})")
    user.wait("'downloaded' in setup_shows()[1]", "the progress")
    text, _, buttons = user.dialog("setup_shows()")
    assert text.startswith("Step 2 of 4: Installing PyTorch")
    assert buttons == [strings.CANCEL]
    user.gimp.photograph("gimp-setup-progress")
    home.index.release.set()
    user.wait("is_open() and window().preview.has_preview and not window().drafting.get_text()", "the first draft")
    assert len(user.dialog("chosen()")) == 1
    user.gimp.photograph("gimp-setup-done")


def test_then_a_layer_is_made(user):
    user.dialog("change('quality', 'draft')\nchange('iterations', 12)")
    user.restyle()
    user.close()
    assert len(user.execute("[layer.get_name() for layer in image().get_layers()]")) == 2


def test_what_was_set_up_is_removed_from_the_menu_and_offered_again(user, home):
    user.menu(SETUP_KEY)
    _, _, buttons = shows(user, "is set up, with PyTorch", "what is set up")
    assert buttons == [strings.REMOVE, strings.REPAIR]
    user.dialog(f"press_in_setup({strings.REMOVE!r})")
    shows(user, "Remove the background program", "the question")
    user.dialog(f"press_in_setup({strings.REMOVE_NOW!r})")
    shows(user, strings.REMOVED_SET_UP, "the removal")
    assert not home.dirs.environment.exists()
    user.dialog("close_setup()")
    user.gimp.wait_until(lambda: closed(user), PATIENCE, "the dialog to close")
    user.menu(RESTYLE_KEY)
    shows(user, strings.SET_UP_OFFER, "the offer")
    user.dialog("close_setup()")
    user.gimp.wait_until(lambda: closed(user), PATIENCE, "the dialog to close")
