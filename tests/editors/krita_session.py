"""Runs Krita on a virtual screen, and sends it code through the driver plugin."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.editors.editor_root import EditorRoot
from tests.editors.session import CLONE, HERE, PATIENCE, EditorSession

PLUGIN_PATH = [str(CLONE / "shared"), str(CLONE / "plugin_krita"), str(HERE / "inside")]


class KritaSession(EditorSession):
    argv = ("krita", "--nosplash")
    ready = "Krita.instance().activeWindow() is not None"

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "QT_LOGGING_RULES": "*.debug=false"}

    def install_driver(self) -> None:
        super().install_driver()
        pykrita = self.home / ".local/share/krita/pykrita"
        pykrita.mkdir(parents=True, exist_ok=True)
        no_caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(HERE / "krita_driver", pykrita / "krita_driver", ignore=no_caches, dirs_exist_ok=True)
        for module in ("code_server.py", "gaps.py"):
            shutil.copy(HERE / module, pykrita / "krita_driver")
        shutil.copy(HERE / "krita_driver.desktop", pykrita)
        config = self.home / ".config"
        config.mkdir(exist_ok=True)
        before = (config / "kritarc").read_text() if (config / "kritarc").exists() else "[python]\n"
        if "enable_krita_driver" in before:  # the home is shared by all test modules
            return
        (config / "kritarc").write_text(
            "OnStartup=0\nSplashScreen=false\n\n[theme]\nTheme=Krita dark\n\n"
            + before.replace("[python]", "[python]\nenable_krita_driver=true")
        )


def run_in(editor_root: EditorRoot, home: Path, *argv: str, **variables: str) -> str:
    """Runs a program without a screen, with the plugin's code. Returns its output. variables: of its environment."""
    session = KritaSession(editor_root, home, variables=variables)
    (home / "run").mkdir(mode=0o700, exist_ok=True)
    env = {**session.environment(), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": ":".join(PLUGIN_PATH)}
    command = editor_root.command(argv, env, shared=[home, CLONE])
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def open_picture(krita: KritaSession, name: str = "harbour.png", space: tuple[str, str, str] | None = None) -> None:
    """Opens a picture as the only document, and closes the plugin's window."""
    krita.execute("window() and window().close()\nclose_all()")
    krita.execute(f"open_picture({str(krita.home / name)!r}, {space!r})")
    krita.wait_for("doc() is not None and doc().activeNode() is not None", PATIENCE, "the document's view")


def restyle(krita: KritaSession, layer: str | None = None, **settings: Any) -> str:
    """Restyles through the menu and the window, and waits for the new layer. Returns its name.

    layer: is activated first. settings: as for `set_up` in the driver.
    """
    arguments = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    krita.execute(f"set_up({arguments})")
    before = krita.execute("layers()")
    if layer is None:
        krita.execute("click('start')")
    else:  # in one step, since shortly after an undo Krita may activate another layer
        krita.wait_for(f"activate({layer!r}) and (click('start') or True)", PATIENCE, f"layer {layer} to be active")
    krita.wait_for("not busy()", PATIENCE, "the restyle")
    krita.wait_for("doc().tryBarrierLock() and (doc().unlock() or True)", PATIENCE, "Krita to be idle")
    after = krita.execute("layers()")
    new = [name for name in after if name not in before]
    assert len(new) == 1, krita.execute("message()")
    return str(new[0])


def activate(krita, name):
    """Activates a layer, and waits until it stays active."""
    krita.wait_for("doc().waitForDone() or True", PATIENCE, "Krita to be idle")
    # Krita itself activates a new layer up to 200 ms after it was added, and then our plugin the other one again.
    for _ in range(3):
        krita.execute("QTest.qWait(120)")
        krita.wait_for(f"activate({name!r})", PATIENCE, f"layer {name} to stay active")


def differing(krita, before, after, size=(256, 192), bytes_per_pixel=4):
    """For each pixel of the canvas, whether two pictures of it differ."""
    step = bytes_per_pixel
    assert len(before) == len(after) == size[0] * size[1] * step
    return [before[i : i + step] != after[i : i + step] for i in range(0, len(before), step)]


def seen(krita):
    return bytes.fromhex(krita.execute("seen().hex()"))


def choose_region(krita, style, name):
    krita.execute(
        f"menu_of = widget('region of {style}').menu()\nmenu_of.aboutToShow.emit()\n_found = [a for a in menu_of.actions() if a.text() == {name!r}]\n_found[0].trigger()"
    )
    krita.wait_for(f"any(s.name == {style!r} and s.region for s in panel().gallery.chosen())", PATIENCE, "the region")
