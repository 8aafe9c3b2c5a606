"""The daemon, but its workers are `spoilt_worker.py`: for `test_gpu.py`. Arguments as velatura's own."""

from __future__ import annotations

import subprocess
import types
from pathlib import Path

from velatura_daemon.cli.main import main
from velatura_daemon.executors import pixel_terms


def start(command, **more):
    assert command[1:] == ["-m", "velatura_daemon.worker.process"]
    return subprocess.Popen([command[0], str(Path(__file__).with_name("spoilt_worker.py"))], **more)


pixel_terms.subprocess = types.SimpleNamespace(Popen=start, PIPE=subprocess.PIPE)
main()
