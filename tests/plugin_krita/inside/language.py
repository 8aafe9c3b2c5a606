"""Imports the plugin as Krita does, and prints as JSON in which language it is.

argv: the Qt; the folder that contains `tests`; a folder with catalogues.
"""

import importlib
import json
import sys
from pathlib import Path

QT, TREE, LOCALE = sys.argv[1:]
app = importlib.import_module(f"{QT}.QtWidgets").QApplication([])
sys.path.insert(0, TREE)
from tests.support import krita_stub  # noqa: E402

from velatura.i18n import catalogue  # noqa: E402

catalogue.LOCALE = Path(LOCALE)
krita = krita_stub.install(QT)
import velatura_krita  # noqa: E402, F401

(extension,) = krita.extensions
extension.createActions(krita.window)
restyle = krita.window.actions["velatura_restyle"]
print(
    json.dumps(
        {
            "language": catalogue.current_language(),
            "text": restyle.text(),
            "tip": restyle.toolTip(),
            "whatsThis": restyle.whatsThis(),
            "docker": krita.dockers[0].kind().windowTitle(),
        }
    )
)
