"""What 'Copy report' copies: versions, what went wrong, the log's last lines. No pictures, no key, no home folder's
name."""

from __future__ import annotations

import platform
from pathlib import Path

from velatura import __version__
from velatura.app_dirs import AppDirs
from velatura.client.launch import last_lines, recorded
from velatura.client.transport import transport_name
from velatura.errors import VelaturaError

LOG_LINES = 40


def report(places: AppDirs, program: str, error: VelaturaError | None, history: list[str]) -> str:
    """A text for a bug report. program: the editor and its version. history: what the window said, in order."""
    lines = [
        f"Velatura {__version__} in {program}",
        f"Python {platform.python_version()}, {platform.platform()}, {transport_name()}",
    ]
    try:
        launcher = recorded(places)
        lines.append(f"daemon command: {' '.join(launcher.command) if launcher else 'none recorded'}")
    except VelaturaError as trouble:
        lines.append(f"daemon command: {trouble.sentence}")
    if error is not None:
        lines += ["", f"error {error.code}: {error.sentence}", error.details]
    lines += ["", "the window said:", *history[-LOG_LINES:]]
    lines += ["", f"{places.log_file.name}:", *(last_lines(places.log_file, LOG_LINES) or ["(nothing)"])]
    return "\n".join(lines).replace(str(Path.home()), "~") + "\n"
