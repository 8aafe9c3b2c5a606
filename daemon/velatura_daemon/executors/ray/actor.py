"""What runs on a node of the cluster: a worker process as at home, a folder of pictures, and somebody to talk for both.

It has no torch itself: what a job can bring down is the worker. Ray makes an actor of `WorkerActor` (`driver.py`) and
calls its methods from several threads at a time; they take and give plain values, and messages packed as `wire.py` has
them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from velatura.app_dirs import make_private_folder, places
from velatura.client.locks import Lock, is_held
from velatura.errors import VelaturaError, WrongHash
from velatura_daemon.build import build_id
from velatura_daemon.config import DaemonConfig, sensible_memory
from velatura_daemon.executors.local import LocalExecutor
from velatura_daemon.executors.ray.coalescing_queue import CoalescingQueue
from velatura_daemon.executors.ray.job_files import at_work
from velatura_daemon.logs import log_to_stderr
from velatura_daemon.storage.atomic import file_hash
from velatura_daemon.storage.blobs import BlobStore, disk_trouble

PIECE = 16 << 20  # bytes of a picture that travel at a time
QUOTA = (
    4 << 30
)  # bytes of the node's disk; the pictures of a job that is larger are taken nevertheless, where there is room
KEPT = 2  # pictures in work that lie here: the newest, and the one before, which may be being fetched


class WorkerActor:
    """One worker. `begin` says who and where it is; then orders, and `hear` for what is said."""

    def __init__(self, options: dict[str, Any], build: str, asked: dict[str, float]) -> None:
        """options: of a worker. build: the daemon's. asked: what of the node is ours."""
        self._who = uuid.uuid4().hex
        self._build = build
        self._lock = threading.Condition()
        self._outbox = CoalescingQueue()
        self._kept: deque[bytes] = deque()
        self._ray = _ray()
        self._node = self._ray.util.get_node_ip_address()
        if self._ray.get_gpu_ids():
            os.environ.pop(
                "OMP_NUM_THREADS", None
            )  # Ray's, one a core that was asked for: a GPU's worker reads and writes pictures with them all
        self._folder, self._held = _own_folder()
        self._blobs = BlobStore(self._folder / "blobs", QUOTA)
        self._pinned: list[bytes] = []
        options = {
            **options,
            "memory_megabytes": options["memory_megabytes"] or int(sensible_memory() * self._share(asked)) >> 20,
        }
        log_to_stderr("actor")  # Ray keeps it on the node
        self._worker = LocalExecutor(DaemonConfig(**options), self._wake, options["device"])
        self._worker.start()  # torch takes its seconds to load: now, not when a painter waits

    def begin(self) -> dict[str, str]:
        """Who this is (another after each start), on which node, and what hinders it, '' for nothing."""
        trouble, own = "", build_id()
        if own != self._build:
            trouble = (
                f"The node {self._node} has another build of Velatura ({own}) than this daemon ({self._build}). "
                "Install the same version on all machines of the farm."
            )
        return {
            "who": self._who,
            "node": self._node,
            "node_id": self._ray.get_runtime_context().get_node_id(),
            "trouble": trouble,
        }

    def lacking(self, names: list[bytes]) -> list[bytes]:
        """Which pictures of a job are not here. Those that are will stay, until the next one is asked about."""
        with self._lock:
            self._blobs.unpin(self._pinned)
            self._pinned = names
            self._blobs.pin(names)
            return [name for name in names if name not in self._blobs]

    def work(self, packed: bytes, pictures: dict[bytes, list[Any]]) -> None:
        """Begin a job. packed: `orders.for_abroad`. pictures: those that were lacking, in pieces that Ray holds."""
        order = msgpack.unpackb(packed)
        try:
            for name, pieces in pictures.items():
                self._fetch(name, pieces)
            with self._lock:
                order = at_work(order, lambda name: self._blobs.blob(name).path, self._folder)
                self._worker.work(order)
        except (VelaturaError, OSError) as error:
            told = error if isinstance(error, VelaturaError) else disk_trouble(error, self._folder)
            self._add(
                {
                    "say": "failed",
                    "job": order["job"],
                    "code": told.code,
                    "sentence": f"On the node {self._node}: {told.sentence}",
                    "detail": "",
                }
            )

    def estimate(self, question: dict[str, Any]) -> None:
        with self._lock:
            self._worker.estimate(question)

    def cancel(self, job: str) -> None:
        with self._lock:
            self._worker.cancel(job)

    def end_by_force(self) -> None:
        """It hangs: its worker ends, and is heard to have gone."""
        with self._lock:
            self._worker.end_by_force()

    def hear(self, who: str, patience: float, kept: bool) -> list[bytes] | None:
        """What was said since, or, for so many seconds, a wait for it. kept: pictures in work too. None: another is
        here than `who`."""
        if who != self._who:
            return None
        with self._lock:
            self._lock.wait_for(lambda: self._outbox.has_any(kept=kept), patience)
            said = self._outbox.take(kept=kept)
        return [msgpack.packb(self._with_first_pieces(message)) for message in said]

    def piece(self, name: bytes, offset: int) -> bytes:
        """Of a picture that was said to lie here. Raises UnknownBlob where it does so no more."""
        with self._lock:
            path = self._blobs.blob(name).path
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(PIECE)

    def end(self) -> None:
        """Nothing of it is left when this returns, but itself."""
        with self._lock:
            self._worker.kill()
            self._held.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- inside ------------------------------------------------------------------------------------------
    def _wake(self) -> None:
        """On the thread that listens to the worker: take in what it has said."""
        with self._lock:
            while (said := self._worker.hear()) is not None:
                try:
                    self._outbox.add(self._with_files(said))
                except (VelaturaError, OSError) as error:
                    if said["say"] == "kept":
                        continue  # it costs the safety, not the work
                    told = error if isinstance(error, VelaturaError) else disk_trouble(error, self._folder)
                    self._outbox.add(
                        {
                            "say": "failed",
                            "job": said["job"],
                            "code": told.code,
                            "sentence": told.sentence,
                            "detail": "",
                        }
                    )
            self._lock.notify_all()

    def _add(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._outbox.add(message)
            self._lock.notify_all()

    def _with_files(self, said: dict[str, Any]) -> dict[str, Any]:
        """What a worker has left on this disk becomes ours, by its hash, and is said: which path of the order it is
        for, and how long."""
        left: dict[str, tuple[Path, bytes]] = {}
        if said["say"] == "done":
            left["result_path"] = (self._folder / f"result-{said['job']}", said["picture"]["blob"])
        if said["say"] in ("done", "stopped") and said.get("last"):
            left["last_path"] = (self._folder / f"last-{said['job']}", said["last"]["blob"])
        if said["say"] == "kept":
            path = self._folder / f"keep-{said['job']}"
            left["keep_path"] = (path, file_hash(path))
        elif "job" in said and said["say"] in ("done", "stopped", "failed"):
            (self._folder / f"keep-{said['job']}").unlink(missing_ok=True)
        if not left:
            return said
        files = {}
        for which, (path, name) in left.items():
            self._blobs.adopt(name, path)
            files[which] = {"blob": name, "size": self._blobs.blob(name).size}
            if which == "keep_path":
                self._remember_kept(name)
        return {**said, "files": files}

    def _remember_kept(self, name: bytes) -> None:
        self._kept.append(name)
        if len(self._kept) > KEPT:
            self._blobs.discard([self._kept.popleft()])

    def _with_first_pieces(self, message: dict[str, Any]) -> dict[str, Any]:
        """A small picture is all in its first piece: no need to ask for it."""
        if "files" not in message:
            return message
        files = {}
        for which, file in message["files"].items():
            with contextlib.suppress(VelaturaError, OSError):  # it had to make room: asked for, that is found out
                files[which] = {**file, "data": self.piece(file["blob"], 0)}
        return {**message, "files": {**message["files"], **files}}

    def _fetch(self, name: bytes, pieces: list[Any]) -> None:
        """From Ray to this disk. Raises WrongHash, DiskTrouble, TooBusy."""
        size = sum(length for _, length in pieces)
        with self._lock:
            upload = self._blobs.begin(size)
        digest = hashlib.sha256()
        try:
            for ref, _ in pieces:
                data = self._ray.get(ref)
                digest.update(data)
                upload.write(memoryview(data))
            if digest.digest() != name:
                raise WrongHash("A picture of this restyle was damaged on its way to the farm. Restyle again.")
        except BaseException:
            with self._lock:
                self._blobs.abandon(upload)
            raise
        with self._lock:
            self._blobs.finish(name, upload)

    def _share(self, asked: dict[str, float]) -> float:
        """Of the node, what is ours: of its memory, that much may be ours too."""
        own = self._ray.get_runtime_context().get_node_id()
        has: dict[str, float] = next((node["Resources"] for node in self._ray.nodes() if node["NodeID"] == own), {})
        return max((min(1.0, amount / has[name]) for name, amount in asked.items() if has.get(name)), default=1.0)


def _ray() -> Any:
    """Here, not above: this module is looked into by tests that have no Ray."""
    import ray

    return ray


def _own_folder() -> tuple[Path, Lock]:
    """A folder of ours, and the lock that says so. What actors have left that could not clear up (a node that was lost,
    a process that was killed) goes. Raises DiskTrouble."""
    farm = make_private_folder(places().state / "farm")
    _sweep(farm)
    folder = make_private_folder(farm / uuid.uuid4().hex)
    lock = Lock(folder / "held")
    lock.take()
    return folder, lock


def _sweep(farm: Path, age: float = 60.0, now: Callable[[], float] = time.time) -> None:
    """age: seconds; one that is younger may not have its lock yet."""
    for folder in farm.iterdir():
        with contextlib.suppress(OSError):
            if not is_held(folder / "held") and now() - folder.stat().st_mtime > age:
                shutil.rmtree(folder, ignore_errors=True)
