"""Opens the manual in the web browser."""

from __future__ import annotations

from pathlib import Path

from gi.repository import Gio, GLib

from velatura import strings
from velatura.errors import VelaturaError

MANUAL = Path(__file__).parent / "Manual.html"


def open_manual() -> None:
    """Raises VelaturaError if no web browser is found."""
    try:
        Gio.AppInfo.launch_default_for_uri(MANUAL.as_uri(), None)
    except GLib.Error as error:
        raise VelaturaError(strings.NO_BROWSER.format(path=MANUAL)) from error
