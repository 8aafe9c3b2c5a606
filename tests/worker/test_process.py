"""A worker's process, without a daemon."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import pytest

from velatura_daemon.jobs.commands import Begin, Cancel, WorkerOptions
from velatura_daemon.worker.pipe import COMMANDS, write_message

CANCEL = COMMANDS.pack(Cancel("t"))


def test_a_worker_starts_without_torchvision_and_without_torchs_compiler():
    """Either takes as long to import as torch itself, and 160 MB."""
    loaded = "import sys, velatura_daemon.worker.process; print({'torchvision', 'torch._dynamo'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("last", [b"", CANCEL[:9], b"\x81\xa4type\xa7Unknown"])
def test_a_worker_ends_with_its_daemon_whatever_it_was_sent_last(home, last):
    options = WorkerOptions("cpu", 1, 0, 1, 64, 1.0, 5.0)
    with subprocess.Popen(
        [sys.executable, "-m", "velatura_daemon.worker.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "VELATURA_HOME": str(home)},
    ) as process:
        try:
            assert process.stdin is not None
            write_message(process.stdin, COMMANDS, Begin(options))
            if last:
                process.stdin.write(struct.pack("<I", len(CANCEL)) + last)
            process.stdin.close()
            process.wait(timeout=300)
        finally:
            process.kill()
