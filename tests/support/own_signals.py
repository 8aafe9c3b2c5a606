"""Commands that send themselves a signal at a chosen moment: when they import a module, open a file or start a
process. Nothing else would hit a moment of a few milliseconds every time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# Put into the folder of PYTHONPATH. A daemon is started without PYTHONPATH, so the hook stays in the command.
SITE_CUSTOMIZE = """
import os, sys
_moments = os.environ["TEST_MOMENTS"].split("|")
_number = int(os.environ["TEST_SIGNAL"])

def _hook(event, arguments):
    if _moments and event in ("import", "open", "subprocess.Popen") and _moments[0] in f"{event} {arguments[0]}":
        del _moments[0]
        os.kill(os.getpid(), _number)

sys.addaudithook(_hook)
"""


def run_with_signals(
    folder: Path, home: Path, number: int, moments: Sequence[str], *arguments: object, code: str = SITE_CUSTOMIZE
) -> subprocess.CompletedProcess[str]:
    """Run `velatura …`, which gets the signal at each of the moments, one after the other.

    folder: for the hook. moments: parts of 'import NAME', 'open PATH' or 'subprocess.Popen PROGRAM'.
    """
    (folder / "sitecustomize.py").write_text(code)
    env = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "VELATURA_HOME": str(home),
        "TEST_MOMENTS": "|".join(moments),
        "TEST_SIGNAL": str(int(number)),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "velatura_daemon", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=400, check=False)
