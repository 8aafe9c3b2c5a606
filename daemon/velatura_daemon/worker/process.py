"""The process that owns the device. It holds the network and warm targets, and nothing that cannot be lost."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

import torch

from velatura.app_dirs import places
from velatura.errors import OutOfMemory, VelaturaError
from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.malloc import give_memory_back
from velatura_daemon.engine.tiling.evaluation import is_out_of_memory
from velatura_daemon.logs import log_to_stderr
from velatura_daemon.memory_plan import MemoryBudget
from velatura_daemon.models.store import WeightStore
from velatura_daemon.storage.blobs import disk_trouble
from velatura_daemon.worker.devices import choose_device, device_label, give_device_memory_back, memory_in_use, room_on
from velatura_daemon.worker.estimates import Estimates
from velatura_daemon.worker.model_cache import LoadedModel, ModelCache
from velatura_daemon.worker.pipe import DEVICE_LOST, read_message, write_message
from velatura_daemon.worker.restyle_job import Cancelled, restyle

log = logging.getLogger("velatura.worker")

NICENESS = 5  # the editor comes first
BEAT = 1.0  # seconds between signs of life


class Worker:
    """Takes jobs one at a time; a cancel reaches it between two evaluations."""

    def __init__(self, out: IO[bytes], options: dict[str, Any]) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._working = threading.Event()
        self.options = options
        self.cancelled: set[str] = set()
        self.networks = ModelCache(WeightStore(places()))
        self.cache = TargetCache(int(options["cache_megabytes"]) << 20)
        self.estimates = Estimates(places().cache / "pace.json")
        self.last: LoadedModel | None = None

    def say(self, say: str, **more: Any) -> None:
        """Tell the front."""
        with self._lock:
            write_message(self._out, {"say": say, **more})

    def network_for(self, job: dict[str, Any]) -> LoadedModel:
        """The network a job asks for, kept warm from earlier jobs where it is the same."""
        asked = job["device"]
        device = choose_device(self.options["device"] if asked == "auto" else asked)
        self.last = self.networks.get(job["weights"], device)
        return self.last

    def room_on(self, device: torch.device) -> MemoryBudget:
        return room_on(device, int(self.options["memory_megabytes"]) << 20)

    def estimate(self, question: dict[str, Any]) -> None:
        """Say how long it would take, or why that cannot be said."""
        try:
            settings = StyleSettings.from_wire(question["settings"])
            warm = self.network_for(question)
            room = self.room_on(warm.device)
            said = self.estimates.expect(question["width"], question["height"], settings, warm, room).to_wire()
        except Exception as error:
            _leave_where_the_device_is_lost(error)
            said = {"seconds": -1.0, "memory": 0, "tile": 0, "device": "", "sentence": _told(error).sentence}
        self.say("estimate", ticket=question["ticket"], **said)

    def show_life(self) -> None:
        """On a thread of its own: while there is work, say that this process lives. An idle one is silent."""
        while True:
            self._working.wait()
            self.say("alive")
            time.sleep(BEAT)

    def work(self, job: dict[str, Any]) -> None:
        """Do one job, from its pictures to its result file, and say how it ended."""
        self._working.set()
        try:
            warm = self.network_for(job)
            self.say("ready", **self.report(warm))
            say, ending = "done", restyle(job, warm, self.cache, self, self.room_on(warm.device), self.estimates)
        except Cancelled as stop:
            say, ending = "stopped", stop.ending
        except Exception as error:
            _leave_where_the_device_is_lost(error)
            failure = _told(error)
            detail = "" if isinstance(error, VelaturaError) else traceback.format_exc()
            say, ending = "failed", {"code": failure.code, "sentence": failure.sentence, "detail": detail}
        if self.last is not None:
            self.say("ready", **self.report(self.last))
        self._working.clear()
        self.cancelled.discard(job["job"])
        self.say(say, job=job["job"], **ending)
        give_memory_back()
        if self.last is not None:
            give_device_memory_back(self.last.device)

    def report(self, warm: LoadedModel) -> dict[str, Any]:
        """What is warm, for status."""
        return {
            "device": device_label(warm.device),
            "weights": warm.label,
            "targets": len(self.cache),
            "target_bytes": self.cache.bytes,
            "target_hits": self.cache.hits,
            "target_misses": self.cache.misses,
            "memory_bytes": memory_in_use(warm.device),
        }


def _leave_where_the_device_is_lost(error: Exception) -> None:
    """After a driver's reset, or with the card gone, a process never gets its device back: the front has another worker
    try."""
    if "CUDA error" in str(error) and not is_out_of_memory(error):
        traceback.print_exc()
        os._exit(DEVICE_LOST)


def _told(error: Exception) -> VelaturaError:
    """What a painter is told of an exception."""
    if isinstance(error, VelaturaError):
        return error
    if is_out_of_memory(error):
        return OutOfMemory(
            "There is not enough memory for a picture of this size. Select a part of it, or make it smaller."
        )
    if isinstance(error, OSError):
        return disk_trouble(error, Path(error.filename or places().spool))
    return VelaturaError(
        f"The restyle failed inside Velatura ({type(error).__name__}: {str(error)[:200]}). "
        "The daemon goes on; its log has the details."
    )


def main() -> None:
    """Read orders from stdin, a thread for the reading and the main one for the work; end with the input."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not land among the messages
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    log_to_stderr()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    orders: queue.Queue[dict[str, Any]] = queue.Queue()
    first = read_message(sys.stdin.buffer)
    if first is None:
        return
    worker = Worker(out, first["options"])
    if worker.options["threads"]:
        torch.set_num_threads(worker.options["threads"])
    log.info("torch %s, %d GPU(s), %d thread(s)", torch.__version__, torch.cuda.device_count(), torch.get_num_threads())

    def listen() -> None:
        while (order := read_message(sys.stdin.buffer)) is not None:
            if order["do"] == "cancel":
                worker.cancelled.add(order["job"])
            else:
                orders.put(order)
        os._exit(0)  # the front has closed our input, or died: whatever is being computed is nobody's now

    worker.say("gpus", count=torch.cuda.device_count())
    threading.Thread(target=listen, daemon=True).start()
    threading.Thread(target=worker.show_life, daemon=True).start()
    while True:
        order = orders.get()
        if order["do"] == "estimate":
            worker.estimate(order)
        elif order["do"] == "share":
            worker.options["memory_megabytes"] = order["memory_megabytes"]
        else:
            worker.work(order)


if __name__ == "__main__":
    main()
