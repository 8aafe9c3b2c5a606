"""What the way through ssh costs a job: the same jobs sent to a daemon directly, and from another daemon through ssh on
this machine.

    python -m tests.bench.remote

Both run in turns, so that a busy machine slows both. Previews are shown at once, as editors do.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.conftest import picture
from tests.support.sshd import Box
from velatura.client.client import Client
from velatura.client.events import Finished
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

SIZE = (512, 384)
REPEATS = 15
IDLE_SECONDS = 20.0
JOBS = {
    "there and back (strength 0)": StyleSettings(strength=0),
    "3 steps with previews": StyleSettings(quality="draft", iterations=3),
}


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    box = Box(folder / "there")
    near = box.near(folder / "here")
    try:
        with near.client() as through:
            began = time.perf_counter()
            through.restyle_and_wait(picture(64, 64), [(picture(64, 64), 1.0)], StyleSettings(strength=0))
            print(f"first job, with logging in and starting the daemon there: {time.perf_counter() - began:.2f} s")
            with Client("tests", dirs=box.dirs, client_id="direct", start=False) as direct:
                for name, settings in JOBS.items():
                    compare(name, settings, {"direct": direct, "through ssh": through})
            idle(through.status()["pid"], box)
            reconnect(through, box)
    finally:
        near.stop()
        box.close()
        shutil.rmtree(folder, ignore_errors=True)


def compare(name: str, settings: StyleSettings, clients: dict[str, Client]) -> None:
    style = picture(256, 256, seed=7)
    seconds: dict[str, list[float]] = {way: [] for way in clients}
    for repeat in range(REPEATS + 1):
        for way, client in clients.items():
            content = picture(*SIZE, seed=hash((repeat, way)) % 100_000)  # no daemon has seen it
            taken = timed(lambda client=client, content=content: run(client, content, style, settings))  # type: ignore[misc]
            if repeat:  # the first one loads what the others find loaded
                seconds[way].append(taken)
    medians = {way: 1000 * statistics.median(values) for way, values in seconds.items()}
    direct, through = medians["direct"], medians["through ssh"]
    print(f"{name}: direct {direct:.0f} ms, through ssh {through:.0f} ms, {through - direct:+.0f} ms")


def run(client: Client, content: object, style: object, settings: StyleSettings) -> None:
    job = client.restyle(content, [(style, 1.0)], settings)  # type: ignore[arg-type, list-item]
    for event in client.events(job):
        if isinstance(event, Finished):
            return
        assert not isinstance(event, p.Failed), event


def timed(function: Callable[[], None]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def idle(pid: int, box: Box) -> None:
    """CPU time of the near daemon and of ssh, while a session is open and nobody works."""
    watched = [psutil.Process(one) for one in (pid, *box.ssh_pids())]
    before = [sum(process.cpu_times()[:2]) for process in watched]
    time.sleep(IDLE_SECONDS)
    used = [1000 * (sum(process.cpu_times()[:2]) - start) for process, start in zip(watched, before, strict=True)]
    print(f"idle for {IDLE_SECONDS:.0f} s: the daemon here took {used[0]:.0f} ms of CPU, ssh {sum(used[1:]):.0f} ms")


def reconnect(client: Client, box: Box) -> None:
    """A job after ssh has ended, the daemon over there still running."""
    for pid in box.ssh_pids():
        psutil.Process(pid).kill()
    style = picture(64, 64)
    taken = timed(lambda: run(client, picture(64, 64, seed=99), style, StyleSettings(strength=0)))
    print(f"a job that has to connect again: {taken:.2f} s")


if __name__ == "__main__":
    main()
