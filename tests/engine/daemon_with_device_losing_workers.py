"""The daemon with `device_losing_worker.py` as its workers, for `test_gpu.py`. Takes velatura's own arguments."""

from __future__ import annotations

import subprocess
import types
from pathlib import Path

from velatura_daemon.cli.main import main
from velatura_daemon.executors import local


def start(command, **kwargs):
    assert command[1:] == ["-m", "velatura_daemon.worker.process"]
    return subprocess.Popen([command[0], str(Path(__file__).with_name("device_losing_worker.py"))], **kwargs)


local.subprocess = types.SimpleNamespace(Popen=start, PIPE=subprocess.PIPE)
main()
