"""Krita on a virtual screen, told what to do through the driver plugin."""

from __future__ import annotations

import shutil

from tests.editors.session import HERE, EditorSession


class KritaSession(EditorSession):
    argv = ("krita", "--nosplash")
    ready = "Krita.instance().activeWindow() is not None"

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "QT_LOGGING_RULES": "*.debug=false"}

    def install_driver(self) -> None:
        super().install_driver()
        pykrita = self.home / ".local/share/krita/pykrita"
        pykrita.mkdir(parents=True, exist_ok=True)
        shutil.copytree(HERE / "krita_driver", pykrita / "krita_driver", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(HERE / "answering.py", pykrita / "krita_driver")
        shutil.copy(HERE / "krita_driver.desktop", pykrita)
        config = self.home / ".config"
        config.mkdir(exist_ok=True)
        before = (config / "kritarc").read_text() if (config / "kritarc").exists() else "[python]\n"
        (config / "kritarc").write_text(
            "OnStartup=0\nSplashScreen=false\n\n[theme]\nTheme=Krita dark\n\n"
            + before.replace("[python]", "[python]\nenable_krita_driver=true")
        )
