"""The way to another machine, step by step, for `velatura doctor` and `velatura daemon start`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from velatura.app_dirs import AppDirs
from velatura.client.client import Client
from velatura.errors import VelaturaError
from velatura.i18n import lazy_text
from velatura.settings import StyleSettings
from velatura_daemon.executors.remote.connection import RemoteConnection
from velatura_daemon.executors.remote.tunnel import SshTunnel, no_gpu_sentence
from velatura_daemon.remote_target import parse_target


@dataclass(frozen=True)
class Step:
    """ok: whether it worked. what: what was tried, or why it failed and what to do. hint: what to know besides."""

    ok: bool
    what: str
    hint: str = ""


def walk(text: str, ssh: str, dirs: AppDirs) -> Iterator[Step]:
    """Try each step with the machine that --remote names, and stop at the first that fails. It starts the daemon over
    there, and its worker. Raises UsageError if the text names no machine."""
    target = parse_target(text)
    machine = str(target)
    tunnel = SshTunnel(ssh, target, dirs, f"doctor-{os.getpid()}")
    connection = RemoteConnection(tunnel, "doctor")
    connection.patience = 0.0  # one try
    began = time.monotonic()
    try:
        with Client("doctor", dirs=dirs, connection=connection) as client:
            try:
                client.wait_until_ready()
            finally:
                if (info := tunnel.info) is not None:
                    yield Step(
                        True,
                        lazy_text(
                            "{machine}: ssh logs in; Velatura {version} is at {path}",
                            machine=machine,
                            version=info.version,
                            path=info.program,
                        ),
                    )
                    pid = str(info.connection.pid)
                    yield Step(
                        True, lazy_text("{machine}: its daemon is running (pid {pid})", machine=machine, pid=pid)
                    )
            seconds = time.monotonic() - began
            yield Step(
                True,
                lazy_text(
                    "{machine}: the daemon answers through ssh and knows its key ({seconds:.1f} s in all)",
                    machine=machine,
                    seconds=seconds,
                ),
            )
            estimate = client.estimate(512, 384, StyleSettings(quality="draft"))
            without_gpu = estimate.device.startswith("cpu")
            yield Step(
                estimate.seconds >= 0,
                # Translators: {estimate} is a whole sentence, such as "About 20 seconds and 1.2 GB on NVIDIA …."
                lazy_text(
                    "{machine}: a draft of 512 × 384 pixels: {estimate}", machine=machine, estimate=estimate.sentence
                ),
                no_gpu_sentence(target) if without_gpu else "",
            )
    except VelaturaError as error:
        # Translators: the name of a machine, and a whole sentence.
        yield Step(False, lazy_text("{machine}: {problem}", machine=machine, problem=error.sentence))
    finally:
        tunnel.close()
