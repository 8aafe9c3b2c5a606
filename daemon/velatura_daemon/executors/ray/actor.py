"""The actor on a node of the cluster: a worker process as on the daemon's machine, and a folder for its files.

The actor itself does not import torch: a job can only crash the worker. Ray makes an actor of `WorkerActor`
(`cluster.py`) and calls its methods from several threads at a time, with plain values and packed messages.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from velatura.app_dirs import app_dirs, make_private_folder
from velatura.client.locks import Lock, is_held
from velatura.errors import VelaturaError, WrongHash
from velatura.i18n import lazy_text
from velatura_daemon.build import build_id
from velatura_daemon.config import default_memory
from velatura_daemon.executors.local import LocalExecutor
from velatura_daemon.executors.ray.coalescing_queue import CoalescingQueue
from velatura_daemon.executors.ray.job_files import on_arrival
from velatura_daemon.executors.ray.messages import ACTOR_COMMANDS, FROM_ACTOR, ActorEvent, RemoteFile, Terminate
from velatura_daemon.jobs.commands import Cancel, Estimate, WorkerOptions
from velatura_daemon.jobs.events import CheckpointSaved, JobDone, JobFailed, JobStopped, WorkerEvent
from velatura_daemon.jobs.spec import JobSpec, OutputPaths
from velatura_daemon.logs import log_to_stderr
from velatura_daemon.storage.atomic import file_hash
from velatura_daemon.storage.blobs import BlobStore, disk_trouble

log = logging.getLogger("velatura.farm")

PIECE = 16 << 20  # bytes of a file that are transferred at a time
QUOTA = 4 << 30  # bytes of the node's disk; the files of a larger job are stored nevertheless if the disk has space
MAX_CHECKPOINTS = 2  # the newest, and the one before, which the driver may be fetching


class WorkerActor:
    """One worker. The driver calls `begin` first, to learn which incarnation answers and on which node."""

    def __init__(self, options: WorkerOptions, build: str, resources: dict[str, float]) -> None:
        """build: the daemon's. resources: of the node, reserved for this actor, by Ray's names."""
        self._incarnation = uuid.uuid4().hex
        self._build = build
        self._lock = threading.Condition()
        self._events = CoalescingQueue()
        self._checkpoints: deque[bytes] = deque()
        self._ray = _ray()
        self._node = self._ray.util.get_node_ip_address()
        if self._ray.get_gpu_ids():
            # Ray sets it to one thread per requested core; the worker of a GPU decodes pictures with all cores.
            os.environ.pop("OMP_NUM_THREADS", None)
        self._folder, self._folder_lock = _make_folder()
        self._blobs = BlobStore(self._folder / "blobs", QUOTA)
        self._pinned: list[bytes] = []
        memory = options.memory_megabytes or int(default_memory() * self._share(resources)) >> 20
        config = replace(options, memory_megabytes=memory).to_config()
        log_to_stderr("actor")  # Ray saves it on the node
        self._worker = LocalExecutor(config, self._wake, options.device)
        self._worker.start()  # loading torch takes seconds, so it starts before a user waits

    def begin(self) -> dict[str, str]:
        """Return which incarnation answers, on which node, and what prevents it from working.

        incarnation: differs after each start. node: its address. node_id: Ray's id. problem: a sentence, or empty.
        """
        problem, own = "", build_id()
        if own != self._build:
            problem = lazy_text(
                "The node {node} has another build of Velatura ({found}) than this daemon ({build}). Install the same "
                "version on all machines of the cluster.",
                node=self._node,
                found=own,
                build=self._build,
            )
        return {
            "incarnation": self._incarnation,
            "node": self._node,
            "node_id": self._ray.get_runtime_context().get_node_id(),
            "problem": problem,
        }

    def missing_files(self, names: list[bytes]) -> list[bytes]:
        """Return the files of a job that this node lacks. It keeps the others until the next call."""
        with self._lock:
            self._blobs.unpin(self._pinned)
            self._pinned = names
            self._blobs.pin(names)
            return [name for name in names if name not in self._blobs]

    def run(self, packed: bytes, files: dict[bytes, list[Any]]) -> None:
        """Start a job.

        packed: `Run`, with a spec from `job_files.for_transfer`. files: the missing ones by their hashes, each as
        pieces (reference, bytes) in Ray's object store.
        """
        spec: JobSpec = ACTOR_COMMANDS.unpack(packed).spec
        try:
            for name, pieces in files.items():
                self._fetch(name, pieces)
            with self._lock:
                self._worker.run(on_arrival(spec, lambda name: self._blobs.blob(name).path, self._folder))
        except Exception as error:  # nobody waits for the answer to this call: Ray's errors have to be reported too
            if not isinstance(error, (VelaturaError, OSError)):
                log.exception("a job could not be started")
            failure = _failure(error, self._folder)
            sentence = lazy_text("On the node {node}: {problem}", node=self._node, problem=failure.sentence)
            with self._lock:
                self._events.add(ActorEvent(JobFailed(spec.ticket, failure.code, sentence)))
                self._lock.notify_all()

    def handle(self, packed: bytes) -> None:
        """Handle a packed Estimate, Cancel or Terminate."""
        command = ACTOR_COMMANDS.unpack(packed)
        with self._lock:
            if isinstance(command, Estimate):
                self._worker.estimate(command.request)
            elif isinstance(command, Cancel):
                self._worker.cancel(command.ticket)
            elif isinstance(command, Terminate):
                self._worker.terminate()

    def poll(self, incarnation: str, patience: float, checkpoints: bool) -> list[bytes] | None:
        """Return the events since the last call as packed ActorEvents, or None if this is another incarnation.

        patience: seconds to wait for an event. checkpoints: whether to include checkpoints.
        """
        if incarnation != self._incarnation:
            return None
        with self._lock:
            self._lock.wait_for(lambda: self._events.has_any(checkpoints=checkpoints), patience)
            events = self._events.take(checkpoints=checkpoints)
        return [FROM_ACTOR.pack(self._with_first_pieces(event)) for event in events]

    def piece(self, name: bytes, offset: int) -> bytes:
        """Return the piece of a file at an offset. Raises UnknownBlob if the file was deleted."""
        with self._lock:
            path = self._blobs.blob(name).path
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(PIECE)

    def end(self) -> None:
        """End the worker and delete the folder. When this returns, only the actor itself is left."""
        with self._lock:
            self._worker.close()
            self._folder_lock.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- private ------------------------------------------------------------------------------------------
    def _wake(self) -> None:
        """Queue the worker's events. Called on the thread that reads them."""
        with self._lock:
            while (event := self._worker.poll()) is not None:
                try:
                    self._events.add(self._with_files(event))
                except (VelaturaError, OSError) as error:
                    if isinstance(event, (JobDone, JobStopped)):
                        failure = _failure(error, self._folder)
                        self._events.add(ActorEvent(JobFailed(event.ticket, failure.code, failure.sentence)))
                    # else a checkpoint is lost, and the job continues
            self._lock.notify_all()

    def _with_files(self, event: WorkerEvent) -> ActorEvent:
        """Make blobs of the files that the worker wrote for this event, and announce them with it."""
        written: dict[str, tuple[Path, bytes]] = {}
        if isinstance(event, (JobDone, JobStopped, JobFailed, CheckpointSaved)):
            outputs = OutputPaths.in_folder(self._folder, event.ticket)
            if isinstance(event, CheckpointSaved):
                written["checkpoint"] = (outputs.checkpoint, file_hash(outputs.checkpoint))
            else:
                outputs.checkpoint.unlink(missing_ok=True)
            if isinstance(event, JobDone):
                written["result"] = (outputs.result, event.picture.blob)
            if isinstance(event, (JobDone, JobStopped)) and event.last_image is not None:
                written["last_image"] = (outputs.last_image, event.last_image.blob)
        files = []
        for output, (path, name) in written.items():
            self._blobs.adopt(name, path)
            files.append(RemoteFile(output, name, self._blobs.blob(name).size))
            if output == "checkpoint":
                self._remember_checkpoint(name)
        return ActorEvent(event, tuple(files))

    def _remember_checkpoint(self, name: bytes) -> None:
        self._checkpoints.append(name)
        if len(self._checkpoints) > MAX_CHECKPOINTS:
            self._blobs.discard([self._checkpoints.popleft()])

    def _with_first_pieces(self, message: ActorEvent) -> ActorEvent:
        """Add the first piece of each file, so that small files need no call of their own.

        A file that was deleted to free disk space gets no piece; its download fails.
        """
        files = []
        for file in message.files:
            with contextlib.suppress(VelaturaError, OSError):
                file = replace(file, data=self.piece(file.blob, 0))
            files.append(file)
        return replace(message, files=tuple(files))

    def _fetch(self, name: bytes, pieces: list[Any]) -> None:
        """Copy a file from Ray's object store to this disk. Raises WrongHash, DiskTrouble, TooBusy."""
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
                raise WrongHash(
                    lazy_text("A picture of this restyle was damaged on its way to the cluster. Restyle again.")
                )
        except BaseException:
            with self._lock:
                self._blobs.abandon(upload)
            raise
        with self._lock:
            self._blobs.finish(name, upload)

    def _share(self, resources: dict[str, float]) -> float:
        """Return this actor's share of the node's memory, 0 to 1: the largest of its shares of the other resources."""
        own = self._ray.get_runtime_context().get_node_id()
        key = "Resources"  # not translated: Ray's
        has: dict[str, float] = next((node[key] for node in self._ray.nodes() if node["NodeID"] == own), {})
        shares = (min(1.0, amount / has[name]) for name, amount in resources.items() if has.get(name))
        return max(shares, default=1.0)


def _failure(error: Exception, folder: Path) -> VelaturaError:
    """The error to report for any exception. folder: where files are written."""
    if isinstance(error, VelaturaError):
        return error
    if isinstance(error, OSError):
        return disk_trouble(error, folder)
    kind = type(error).__name__
    return VelaturaError(lazy_text("An internal error stopped this job ({kind}). See the daemon's log.", kind=kind))


def _ray() -> Any:
    """Import Ray lazily: tests without Ray import this module."""
    import ray

    return ray


def _make_folder() -> tuple[Path, Lock]:
    """Make this actor's folder and lock it.

    Deletes the folders of actors that could not clean up because their node was lost or their process was killed.
    Raises DiskTrouble.
    """
    parent = make_private_folder(app_dirs().state / "farm")
    _sweep(parent)
    folder = make_private_folder(parent / uuid.uuid4().hex)
    lock = Lock(folder / "held")
    lock.acquire()
    return folder, lock


def _sweep(parent: Path, age: float = 60.0, now: Callable[[], float] = time.time) -> None:
    """Delete folders that no process has locked. age: seconds; a younger folder may not have its lock yet."""
    for folder in parent.iterdir():
        with contextlib.suppress(OSError):
            if not is_held(folder / "held") and now() - folder.stat().st_mtime > age:
                shutil.rmtree(folder, ignore_errors=True)
