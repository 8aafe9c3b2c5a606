"""The error report that 'Copy report' puts on the clipboard.

It contains versions, the error and the last lines of the log, but no pictures, no key and no name of the home folder.
"""

from __future__ import annotations

import platform
from pathlib import Path

from velatura import __version__
from velatura.app_dirs import AppDirs
from velatura.client.launch import find_launcher, last_lines
from velatura.client.transport import transport_name
from velatura.errors import VelaturaError
from velatura.foreign_text import visible

LOG_LINES = 40


def report(dirs: AppDirs, program: str, error: VelaturaError | None, history: list[str]) -> str:
    """Return the text of an error report. program: the editor and its version. history: the window's messages."""
    lines = [
        f"Velatura {__version__} in {program}",
        f"Python {platform.python_version()}, {platform.platform()}, {transport_name()}",
    ]
    try:  # not translated: for developers
        launcher = find_launcher(dirs)
        lines.append(f"daemon command: {' '.join(launcher.command) if launcher else 'none recorded'}")
    except VelaturaError as launcher_error:
        lines.append(f"daemon command: {launcher_error.sentence}")
    if error is not None:
        lines += ["", f"error {error.code}: {visible(error.sentence)}", error.details]
    lines += ["", "messages of the window:", *map(visible, history[-LOG_LINES:])]  # not translated
    lines += ["", f"{dirs.log_file.name}:", *(map(visible, last_lines(dirs.log_file, LOG_LINES) or ["(empty)"]))]
    return "\n".join(lines).replace(str(Path.home()), "~") + "\n"
