"""Sets up a pretended daemon from the window and from a docker, with the given Qt and a stub of Krita's interface.

argv: the Qt; the folder that contains `tests`. Prints what was seen as JSON.
"""

import importlib
import json
import sys
import threading
import time
import traceback
from pathlib import Path

QT, TREE = sys.argv[1:]
QtCore, QtWidgets, QtTest = (importlib.import_module(f"{QT}.{part}") for part in ("QtCore", "QtWidgets", "QtTest"))
app = QtWidgets.QApplication([])
errors: list[str] = []


def record(*error):
    """Called for exceptions in slots and event handlers, and for one that ends this script."""
    errors.append("".join(traceback.format_exception(*error)))
    traceback.print_exception(*error)


sys.excepthook = record

sys.path.insert(0, TREE)
from tests.support import krita_stub  # noqa: E402

krita = krita_stub.install(QT)
import velatura_krita  # noqa: E402, F401
from velatura_krita import controller as controllers  # noqa: E402

from velatura import strings  # noqa: E402
from velatura.app_dirs import app_dirs  # noqa: E402
from velatura.editor import setup_controller, window_messages  # noqa: E402
from velatura.errors import DaemonNotRunning, SetUpImpossible  # noqa: E402
from velatura.setup.events import Failed, Finished, Progress, StepStarted  # noqa: E402
from velatura.setup.find_python import Python  # noqa: E402
from velatura.setup.plan import Plan  # noqa: E402
from velatura.setup.source import CUDA  # noqa: E402
from velatura.setup.wheel import Wheel  # noqa: E402

is_set_up, is_online, go_on = False, False, threading.Event()


def pretend(plan, on_event, cancel):
    """A set-up that fails without network, and otherwise waits in the middle of the download for `go_on`."""
    global is_set_up
    plan.dirs.setup_log.parent.mkdir(parents=True, exist_ok=True)
    plan.dirs.setup_log.touch()
    on_event(StepStarted("Installing PyTorch", 2, 4))
    on_event(Progress(1_000_000_000, 3_100_000_000))
    if not is_online:
        on_event(Failed(SetUpImpossible("The package index cannot be reached.")))
        return
    go_on.wait(60)
    is_set_up = True
    on_event(Finished("0.1.0", 5_900_000_000, 60.0))


plan = Plan(
    "install", app_dirs(), Python(Path("/usr/bin/python3"), (3, 13, 1)), Wheel(Path("w"), "0.1.0", ()), CUDA, 0, 0
)
setup_controller.make_plan = lambda dirs, **_: plan
setup_controller.set_up = pretend
controllers.is_set_up_needed = window_messages.is_set_up_needed = lambda _: not is_set_up

(extension,) = krita.extensions
extension.createActions(krita.window)
controller = extension.controller
krita.window.qwindow().show()
document = krita.open(64, 48)
document.add("Photo", "teal")
seen: dict = {}


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        QtTest.QTest.qWait(20)
    assert condition()


def buttons(panel):
    return [button.text() for button in panel.buttons]


def click(panel, text):
    (button,) = [button for button in panel.buttons if button.text() == text]
    assert button.isVisible()
    QtTest.QTest.mouseClick(button, QtCore.Qt.MouseButton.LeftButton)


(factory,) = krita.dockers
docker = factory.kind()
docker.resize(220, 400)
docker.show()
in_docker = docker.widget()
krita.window.actions["velatura_restyle"].trigger()
wait_for(lambda: controller.setup.is_shown and buttons(in_docker))
window = controller.setup._window
panel = window.panel
seen["offer"] = [panel.text.text(), panel.detail.text(), buttons(panel), in_docker.text.text()]
seen["docker width"] = in_docker.minimumSizeHint().width()
seen["window size"] = [window.minimumSizeHint().width(), window.minimumSizeHint().height()]
seen["default"] = [button.text() for button in panel.buttons if button.isDefault()]
click(in_docker, strings.SET_UP)
wait_for(lambda: strings.TRY_AGAIN in buttons(panel))
seen["failed"] = [panel.text.text(), buttons(panel), "color" in panel.text.styleSheet()]
is_online = True
QtTest.QTest.keyClick(panel.buttons[-1], QtCore.Qt.Key.Key_Return)
wait_for(lambda: panel.detail.text())
seen["running"] = [panel.text.text(), panel.detail.text(), buttons(panel), panel.bar.value(), panel.bar.isVisible()]
window.close()
krita.window.actions["velatura_results"].trigger()
wait_for(lambda: controller.setup.is_shown)
seen["after closing and opening"] = panel.text.text()
seen["without a name"] = [
    widget.objectName()
    for kind in (QtWidgets.QProgressBar, QtWidgets.QAbstractButton)
    for widget in window.findChildren(kind)
    if not (widget.accessibleName() or widget.toolTip())
]
go_on.set()
wait_for(lambda: controller._restyle_window is not None and controller._restyle_window.isVisible())
seen["afterwards"] = [window.isVisible(), docker.widget() in controller.window._panels]
is_set_up = False
controller.show_error(DaemonNotRunning("No daemon is running."))
seen["removed meanwhile"] = [controller.setup.is_shown, controller._restyle_window.isVisible()]
krita.notifier().applicationClosing.emit()
seen["errors"] = errors
print(json.dumps(seen))
