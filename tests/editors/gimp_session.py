"""Runs GIMP with or without a screen; a driver plug-in and the plug-in's dialog both take code through a socket."""

from __future__ import annotations

import shutil

from tests.editors.session import HERE, ON_A_SCREEN, WITHOUT_A_SCREEN, DriverSocket, EditorSession

# Without this, GIMP first shows a new user windows over the image.
GIMPRC = """
(config-version "3.0.4")
(show-welcome-dialog no)
(check-updates no)
(color-profile-policy keep)
(theme-color-scheme dark)
"""

QUICK = "quality='draft', iterations=3"  # settings of a restyle that only takes a moment


class GimpSession(EditorSession):
    ready = "True"

    @property
    def dialog(self) -> DriverSocket:
        """Runs code inside the plug-in's process while its dialog is open."""
        return DriverSocket(self.home / "dialog")

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            "VELATURA_DIALOG": str(self.dialog.path),
            "PYTHONPATH": str(self.home / "into-the-dialog"),
        }

    def install_driver(self) -> None:
        super().install_driver()
        config = self.home / ".config/GIMP/3.0"
        config.mkdir(parents=True, exist_ok=True)
        (config / "gimprc").write_text(GIMPRC)
        plugin, inside = config / "plug-ins/gimp_driver", self.home / "into-the-dialog"
        for folder in (plugin, inside):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE / "code_server.py", folder)
        shutil.copy(HERE / "gimp_driver/gimp_driver.py", plugin)
        shutil.copy(HERE / "gimp_driver/gimp_steps.py", plugin)
        (plugin / "gimp_driver.py").chmod(0o755)
        shutil.copy(HERE / "gaps.py", inside)
        shutil.copy(HERE / "gimp_driver/dialog_steps.py", inside)
        shutil.copy(HERE / "gimp_driver/sitecustomize.py", inside)


class GimpOnScreen(GimpSession):
    argv = ("gimp", "--no-splash", "--new-instance")
    script = ON_A_SCREEN


class GimpConsole(GimpSession):
    argv = ("gimp-console", "--no-splash", "--new-instance")
    script = WITHOUT_A_SCREEN
