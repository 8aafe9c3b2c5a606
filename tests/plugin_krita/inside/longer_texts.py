"""Shows the plugin's docker and windows with all texts longer than in English, and prints what is cut off, as JSON.

argv: the Qt; the folder that contains `tests`; how many times as long they are.
"""

import gettext
import importlib
import json
import sys

QT, TREE, FACTOR = sys.argv[1:]
WORD = 20  # letters
LETTER = 6.5  # pixels, the mean width in a sentence: Noto Sans at 10 points and 96 dpi
DOCKER_WIDTH = 220  # pixels
SCREEN = (1366, 768)  # pixels, of a small laptop
QtCore, QtGui, QtWidgets, QtTest = (
    importlib.import_module(f"{QT}.{part}") for part in ("QtCore", "QtGui", "QtWidgets", "QtTest")
)
app = QtWidgets.QApplication([])
sentence, font = (
    "Choose a style, or drop an image here.",
    app.font(),
)  # in letters of that width, whatever fonts there are
wide = QtGui.QFontMetrics(font).horizontalAdvance(sentence) / len(sentence)
font.setPixelSize(int(QtGui.QFontInfo(font).pixelSize() * LETTER / wide))  # not wider than that
app.setFont(font)
sys.path.insert(0, TREE)
from tests.support import krita_stub  # noqa: E402

from velatura.i18n import catalogue  # noqa: E402


class Longer(gettext.NullTranslations):
    """Every text with more letters."""

    def gettext(self, message):
        more = round((float(FACTOR) - 1) * len(message))
        if len(message) < WORD:  # a label, which may be one word
            return message + "n" * more
        return f"{message} {message[:more].replace('{', '(').replace('}', ')')}"

    def pgettext(self, context, message):
        return self.gettext(message)

    def ngettext(self, one, many, count):
        return self.gettext(one if count == 1 else many)


catalogue._InUse.language, catalogue._InUse.catalogue = "en", Longer()
krita_stub.install(QT)
sys.modules["velatura_krita.language"] = None  # keep these texts
import velatura_krita  # noqa: E402, F401
from velatura_krita.panel import Panel  # noqa: E402
from velatura_krita.results_window import ResultsWindow  # noqa: E402
from velatura_krita.window import SIZE, Window  # noqa: E402

from velatura.app_dirs import app_dirs  # noqa: E402
from velatura.editor.ui_state import Style  # noqa: E402
from velatura.errors import DaemonNotRunning  # noqa: E402

TEXTS = (QtWidgets.QAbstractButton, QtWidgets.QLabel)


def panel(narrow):
    made = Panel(app_dirs(), list, list, lambda path: QtGui.QImage(), narrow=narrow)
    made.gallery.choose_all([Style("/a.png", "A"), Style("/b.png", "B", 0.5)])
    made.show_estimate(Longer().gettext("About 2 minutes on this computer, 1.9 GB of memory."))
    made.show_saved_notice(Longer().gettext("A result of an earlier restyle can be recovered."))
    made.show_grey_note(Longer().gettext("This image is greyscale, so the result will be grey."))
    made.show_error(
        DaemonNotRunning(Longer().gettext("The daemon is not running.")), report=True, command=True, document=True
    )
    return made


def cut_off(top):
    """The texts in a window that are not fully visible."""
    QtTest.QTest.qWait(100)
    found = []
    for kind in TEXTS:
        for widget in top.findChildren(kind):
            if not widget.isVisible() or not widget.text():
                continue
            left = widget.mapTo(top, QtCore.QPoint(0, 0)).x()
            needed = min(widget.minimumSizeHint().width(), widget.fontMetrics().horizontalAdvance(widget.text()))
            if left < 0 or left + widget.width() > top.width() or widget.width() < needed:
                found.append([type(widget).__name__, widget.objectName(), widget.text(), left, widget.width(), needed])
    return found


docker = QtWidgets.QWidget()
QtWidgets.QVBoxLayout(docker).setContentsMargins(0, 0, 0, 0)
docker.layout().addWidget(panel(narrow=True))
docker.resize(DOCKER_WIDTH, 900)
docker.show()
window = Window(panel(narrow=False))
window.resize(*SIZE)
window.show()
results = ResultsWindow()
results.resize(SCREEN[0] // 2, 500)
results.show()
QtTest.QTest.qWait(100)
print(
    json.dumps(
        {
            "docker": cut_off(docker),
            "docker's width": docker.width(),
            "window": cut_off(window),
            "window's size": [window.width(), window.height()],
            "results": cut_off(results),
        }
    )
)
