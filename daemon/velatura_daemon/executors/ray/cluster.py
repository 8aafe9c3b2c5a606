"""The driver's connection to Ray: connects within a limited time, stores each picture once, and turns Ray's errors into
sentences for users."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from velatura.i18n import Text, lazy_text, sentences
from velatura_daemon.executors.ray.actor import PIECE, WorkerActor
from velatura_daemon.executors.ray.config import RayConfig, as_actor_options, host_and_port
from velatura_daemon.jobs.commands import WorkerOptions

log = logging.getLogger("velatura.farm")

CONNECT_SECONDS = 10.0  # for the head to accept a connection
# For a head to start at an address where nothing listens yet. A job is put back three times, and so waits four times.
START_SECONDS = 4.0
PROBE_SECONDS = 3.0  # for a head to accept a connection that accepted one before
# For Ray to set up its client: the head starts a process for it, which may take 30 s.
INIT_SECONDS = 45.0
# Bytes of pictures in Ray's object store, which moves to its disk what does not fit into memory.
MAX_STORED = 2 << 30
NAMESPACE = "velatura"
ALIVE, RESOURCES, LABELS = "Alive", "Resources", "Labels"  # not translated: keys of what Ray says of a node
RETRY_SECONDS = 1.0  # between attempts
MAX_CONCURRENCY = 8  # methods of an actor that run at a time: one waits for events, and others have to run meanwhile


class ClusterLost(Exception):
    """The cluster cannot be reached, or cannot be used.

    sentence: for the user. permanent: the problem lasts until somebody fixes it.
    """

    def __init__(self, sentence: str, *, permanent: bool = False) -> None:
        super().__init__(sentence)
        self.sentence, self.permanent = sentence, permanent


class Cluster:
    """The connection to a cluster. All methods may be called from any thread."""

    def __init__(self, config: RayConfig, on_timeout: Callable[[ClusterLost], None]) -> None:
        """Connect. Raises ClusterLost.

        on_timeout: called from another thread if Ray's own attempts to connect do not return in time.
        """
        self.config = config
        _check_reachable(config)
        # Ray reads these when it is imported. The grace period, in seconds, is how long an interruption of the network
        # may last; a head that answers later is a new one.
        os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_CLIENT_RECONNECT_GRACE_PERIOD="5")
        import ray

        self.ray: Any = ray
        try:
            self._connect(on_timeout)
            self.resources = config.resources or (
                {"GPU": 1.0} if self.ray.cluster_resources().get("GPU", 0) >= 1 else {"CPU": 1.0}
            )
        except Exception as error:
            raise _not_connected(config, error) from error
        self._pictures = StoredPictures(ray)

    def _connect(self, on_timeout: Callable[[ClusterLost], None]) -> None:
        """Set up Ray's client, in up to three attempts: the process that the head starts for it sometimes fails to
        start, mostly on a busy machine. Raises Ray's errors."""
        nodes_only = (
            ""
            if self.config.address.startswith("ray://")
            else lazy_text("On a machine that is not a node of the cluster, use --address ray://HOST:10001.")
        )
        no_answer = lazy_text(
            "Ray at {address} accepts connections but did not answer within {seconds:.0f} s. If it requires TLS or a "
            "token, this daemon needs them in its environment too (docs/farm.md).",
            address=self.config.address,
            seconds=INIT_SECONDS,
        )
        silent = ClusterLost(sentences(no_answer, nodes_only), permanent=True)
        for last in (False, False, True):
            watch = threading.Timer(INIT_SECONDS, on_timeout, [silent])
            watch.daemon = True
            watch.start()
            try:
                self.ray.init(self.config.address, namespace=NAMESPACE, log_to_driver=False)
                return
            except ConnectionAbortedError as error:
                if last:
                    raise
                log.warning("the head could not start a process for Ray's client; trying again: %s", _short(error))
                time.sleep(RETRY_SECONDS)
            finally:
                watch.cancel()

    def actor(self, name: str, options: WorkerOptions, build: str) -> Any:
        """Request an actor. Ray places it when a node is free, and places it again if its node is lost.

        Ray must not repeat a job (max_task_retries): it would start from the beginning, while the scheduler resumes it
        from its checkpoint.
        """
        return (
            self.ray.remote(WorkerActor)
            .options(
                name=name,
                max_restarts=-1,
                max_task_retries=0,
                max_concurrency=MAX_CONCURRENCY,
                **as_actor_options(self.resources, self.config.labels),
            )
            .remote(options, build, self.resources)
        )

    def put(self, name: bytes, path: Path, on_piece: Callable[[], None]) -> list[tuple[Any, int]]:
        """Store a picture in Ray's object store unless it is there. See `StoredPictures.put`."""
        return self._pictures.put(name, path, on_piece)

    def node_lives(self, node_id: str) -> bool:
        return any(node["NodeID"] == node_id and node[ALIVE] for node in self.ray.nodes())

    def has_matching_node(self) -> bool:
        """Whether any node has the resources and labels that are required, busy or not."""
        required = self.resources.items()
        return any(
            node[ALIVE]
            and all(node[RESOURCES].get(name, 0) >= amount for name, amount in required)
            and all(
                node.get(LABELS, {}).get(name) == value
                for name, value in self.config.labels.items()
                if value[:1].isalnum() and "(" not in value
            )
            for node in self.ray.nodes()
        )

    def is_connection_error(self, error: BaseException) -> bool:
        """Whether an error means that the cluster cannot be reached. Ray's own errors concern one actor or one task."""
        return not isinstance(error, self.ray.exceptions.RayError) and (
            isinstance(error, ConnectionError) or type(error).__module__.startswith("grpc")
        )

    def head_answers(self) -> bool:
        """Whether the head accepts connections. After a pulled cable Ray itself would wait for ten minutes."""
        if (address := host_and_port(self.config.address)) is None:
            return True
        try:
            socket.create_connection(address, timeout=PROBE_SECONDS).close()
        except OSError:
            return False
        return True

    def lost(self, error: BaseException) -> ClusterLost:
        lost = lazy_text(
            "The Ray cluster at {address} was lost ({problem}).", address=self.config.address, problem=_short(error)
        )
        return ClusterLost(sentences(lost, _advice(self.config)))

    def end(self, actor: Any) -> None:
        """End an actor; Ray does not restart it."""
        with contextlib.suppress(Exception):  # the actor or its node is lost already
            self.ray.kill(actor, no_restart=True)

    def restart(self, actor: Any) -> None:
        """End an actor that hangs; Ray starts it again."""
        with contextlib.suppress(Exception):
            self.ray.kill(actor, no_restart=False)

    def disconnect(self) -> None:
        with contextlib.suppress(Exception):
            self.ray.shutdown()


class StoredPictures:
    """The pictures in Ray's object store, once each, by their hashes. Above MAX_STORED the least recently used are
    dropped."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._lock = threading.Lock()
        self._pieces: OrderedDict[bytes, list[tuple[Any, int]]] = OrderedDict()

    def put(self, name: bytes, path: Path, on_piece: Callable[[], None]) -> list[tuple[Any, int]]:
        """Store a file unless it is there.

        name: its hash. on_piece: called after each piece. Returns the pieces as (reference, bytes). Raises OSError.
        """
        with self._lock:
            if name in self._pieces:
                self._pieces.move_to_end(name)
                return self._pieces[name]
        pieces = []
        with path.open("rb") as file:
            while data := file.read(PIECE):
                pieces.append((self._ray.put(data), len(data)))
                on_piece()
        with self._lock:
            self._pieces[name] = pieces
            while (
                sum(length for stored in self._pieces.values() for _, length in stored) > MAX_STORED
                and len(self._pieces) > 1
            ):
                self._pieces.popitem(last=False)
        return pieces


def _advice(config: RayConfig) -> Text:
    if config.fallback:
        return lazy_text("Start its head (docs/farm.md).")
    return lazy_text(
        "Start its head (docs/farm.md), or start this daemon with --fallback local, so that this machine does the "
        "work meanwhile."
    )


def _check_reachable(config: RayConfig) -> None:
    """Check that something listens at the head's address: Ray's own attempts take long, and its errors are unclear.

    Without a fallback this waits up to START_SECONDS for a head that is just starting. Raises ClusterLost.
    """
    address, target = config.address, host_and_port(config.address)
    if target is None:
        return
    until = time.monotonic() + (0.0 if config.fallback else START_SECONDS)
    while True:
        try:
            socket.create_connection(target, timeout=CONNECT_SECONDS).close()
            return
        except TimeoutError:
            silent = lazy_text(
                "The Ray cluster at {address} did not answer within {seconds:.0f} s.",
                address=address,
                seconds=CONNECT_SECONDS,
            )
            raise ClusterLost(sentences(silent, _advice(config))) from None
        except socket.gaierror as error:
            raise ClusterLost(
                lazy_text(
                    "The host of the Ray cluster at {address} is unknown ({problem}). Check --address.",
                    address=address,
                    problem=str(error.strerror),
                ),
                permanent=True,
            ) from None
        except OSError as error:
            if time.monotonic() >= until:
                unreachable = lazy_text(
                    "The Ray cluster at {address} cannot be reached ({problem}).",
                    address=address,
                    problem=str(error.strerror),
                )
                raise ClusterLost(sentences(unreachable, _advice(config))) from None
        time.sleep(RETRY_SECONDS)


def _not_connected(config: RayConfig, error: Exception) -> ClusterLost:
    """Return the error with which to report that Ray refused the connection."""
    address = config.address
    if address == "auto" and isinstance(error, ConnectionError):
        return ClusterLost(
            lazy_text(
                "--address auto needs this machine to be a node of a running Ray cluster, and it is not one. Start Ray "
                "on it (docs/farm.md), or give the head's address: --address ray://HOST:10001."
            ),
            permanent=True,
        )
    mismatch = "ersion mismatch"  # not translated: Ray's
    if mismatch in str(error) or "RAY_IGNORE_VERSION_MISMATCH" in str(error):
        return ClusterLost(
            lazy_text(
                "The Ray cluster at {address} has another version ({problem}). The versions of Ray, and Python's minor "
                "versions, have to be the same on this machine and on all machines of the cluster.",
                address=address,
                problem=_short(error),
            ),
            permanent=True,
        )
    refused = lazy_text(
        "The Ray cluster at {address} refused the connection ({problem}).", address=address, problem=_short(error)
    )
    return ClusterLost(sentences(refused, _advice(config)), permanent=True)


def _short(error: BaseException) -> str:
    """Shorten a message of Ray's, which may have pages: of a traceback, only the last line."""
    message = str(error).strip()
    if "Traceback" in message:  # not translated: Python's
        message = message.splitlines()[-1]
    text = " ".join(message.split())
    return f"{type(error).__name__}: {text[:240]}" if text else type(error).__name__
