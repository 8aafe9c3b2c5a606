"""Opens the plugin's window without Krita, with the given Qt: checks settings, buttons, progress and errors."""

import importlib
import json
import sys

QT = sys.argv[1]
importlib.import_module(f"{QT}.QtCore")
QtWidgets = importlib.import_module(f"{QT}.QtWidgets")
app = QtWidgets.QApplication([])

from velatura_krita.panel import Panel  # noqa: E402
from velatura_krita.qt_loop import QtLoop  # noqa: E402
from velatura_krita.window import Window  # noqa: E402

from velatura.app_dirs import app_dirs  # noqa: E402
from velatura.editor.ui_state import UiState  # noqa: E402
from velatura.errors import DaemonNotRunning  # noqa: E402
from velatura.protocol.messages import Preview, Progress  # noqa: E402
from velatura.settings import StyleSettings  # noqa: E402

started = []
panel = Panel(app_dirs(), list, list, None)
window = Window(panel)
panel.restore(UiState(StyleSettings(strength=73, quality="best", stroke_size=0.5, seed=9)))
panel.start_requested.connect(lambda: started.append(1))
window.show()
app.processEvents()
panel.start.click()
panel.show_preview(Preview("j", 0, 4, 3, bytes(36)))
panel.show_progress(Progress("j", 0, 3, 64, 48, 1, 10, 0.0, 0.0, 0.5, 12.0))
panel.preview.grab()
panel.show_error(DaemonNotRunning("No daemon is running."), command=True)
app.processEvents()
error_shown = panel.copy_command.isVisible() and "No daemon" in panel.message.text()
loop, ticks = QtLoop(), []
timer = loop.timer(lambda: ticks.append(1))
timer.start(1)
loop.call_on_main_thread(lambda: ticks.append(1))
while len(ticks) < 3:
    app.processEvents()
print(
    json.dumps(
        {
            "settings": panel.settings().to_wire(),
            "started": len(started),
            "error shown": error_shown,
            "size": [window.width(), window.height()],
        }
    )
)
