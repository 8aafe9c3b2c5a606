"""Ray, as the driver needs it: a connection that is had within a stated time or not at all, pictures once each, and its
errors as sentences."""

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

from velatura_daemon.executors.ray.actor import PIECE, WorkerActor
from velatura_daemon.executors.ray.config import RayConfig, as_actor_options, host_and_port
from velatura_daemon.jobs.commands import WorkerOptions

log = logging.getLogger("velatura.farm")

PATIENCE = 10.0  # seconds for the head to take a connection
# seconds for one to come up at an address where nobody listens; a job is put back three times, and has four of these
COMING = 4.0
REACHING = 3.0  # seconds for one that has taken us once
RAYS_PATIENCE = 45.0  # seconds for Ray to make one of it: the head starts a process for us, and gives that 30
STORED = 2 << 30  # bytes of pictures that are kept in Ray's object store, which puts on its disk what it cannot hold
NAMESPACE = "velatura"
BETWEEN = 1.0  # seconds between attempts
CONCURRENT = 8  # methods of an actor that run at a time: one listens, others must get through


class ClusterLost(Exception):
    """It cannot be reached, or not be worked with. sentence: for a painter. lasts: it will be so until somebody does
    something there."""

    def __init__(self, sentence: str, *, lasts: bool = False) -> None:
        super().__init__(sentence)
        self.sentence, self.lasts = sentence, lasts


class Cluster:
    """Connected. All methods may be called from any thread."""

    def __init__(self, config: RayConfig, on_timeout: Callable[[ClusterLost], None]) -> None:
        """on_timeout: told from another thread, where Ray does not come back from its own attempts. Raises
        ClusterLost."""
        self.config = config
        _knock(config)
        # Said before Ray is loaded. A hiccup of the network may last so long; a head that is back after it is another.
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
        self._pictures = Pictures(ray)

    def _connect(self, on_timeout: Callable[[ClusterLost], None]) -> None:
        """The process that the head starts for us sometimes does not come up, on a busy machine above all: another
        does. Raises what Ray does."""
        nodes_only = (
            ""
            if self.config.address.startswith("ray://")
            else " From a machine that is no node of it, --address is ray://HOST:10001."
        )
        silent = ClusterLost(
            f"Ray at {self.config.address} takes connections but did not answer within {RAYS_PATIENCE:.0f} s. If it "
            "wants TLS or a "
            f"token, this daemon needs them in its environment too (docs/farm.md).{nodes_only}",
            lasts=True,
        )
        for last in (False, False, True):
            watch = threading.Timer(RAYS_PATIENCE, on_timeout, [silent])
            watch.daemon = True
            watch.start()
            try:
                self.ray.init(self.config.address, namespace=NAMESPACE, log_to_driver=False)
                return
            except ConnectionAbortedError as error:
                if last:
                    raise
                log.warning("the head could not start a process for us; once more: %s", _short(error))
                time.sleep(BETWEEN)
            finally:
                watch.cancel()

    def actor(self, name: str, options: WorkerOptions, build: str) -> Any:
        """Ask for one; Ray places it when it can, and anew when its node goes. A job is not tried again by Ray
        (max_task_retries): it would start from the beginning, while the scheduler resumes it from its checkpoint."""
        return (
            self.ray.remote(WorkerActor)
            .options(
                name=name,
                max_restarts=-1,
                max_task_retries=0,
                max_concurrency=CONCURRENT,
                **as_actor_options(self.resources, self.config.labels),
            )
            .remote(options, build, self.resources)
        )

    def put(self, name: bytes, path: Path, on_piece: Callable[[], None]) -> list[tuple[Any, int]]:
        """A picture, where Ray's store has it already or has it from now on. on_piece: called after each piece. Raises
        OSError."""
        return self._pictures.put(name, path, on_piece)

    def node_lives(self, node_id: str) -> bool:
        return any(node["NodeID"] == node_id and node["Alive"] for node in self.ray.nodes())

    def has_matching_node(self) -> bool:
        """Whether any node is of the kind that is asked for, were it free."""
        wanted = self.resources.items()
        return any(
            node["Alive"]
            and all(node["Resources"].get(name, 0) >= amount for name, amount in wanted)
            and all(
                node.get("Labels", {}).get(name) == value
                for name, value in self.config.labels.items()
                if value[:1].isalnum() and "(" not in value
            )
            for node in self.ray.nodes()
        )

    def is_gone(self, error: BaseException) -> bool:
        """Whether an error means that nobody of the cluster can be reached; Ray's own are of one actor or one task."""
        return not isinstance(error, self.ray.exceptions.RayError) and (
            isinstance(error, ConnectionError) or type(error).__module__.startswith("grpc")
        )

    def answers(self) -> bool:
        """Whether anybody takes connections at the head: Ray itself would wait for ten minutes where a cable was
        pulled."""
        if (where := host_and_port(self.config.address)) is None:
            return True
        try:
            socket.create_connection(where, timeout=REACHING).close()
        except OSError:
            return False
        return True

    def lost(self, error: BaseException) -> ClusterLost:
        return ClusterLost(
            f"The Ray cluster at {self.config.address} was lost ({_short(error)}). {_advice(self.config)}"
        )

    def end(self, actor: Any) -> None:
        """For good."""
        with contextlib.suppress(Exception):  # it, or its node, has gone
            self.ray.kill(actor, no_restart=True)

    def restart(self, actor: Any) -> None:
        """It hangs: Ray is to end it and start it again."""
        with contextlib.suppress(Exception):
            self.ray.kill(actor, no_restart=False)

    def leave(self) -> None:
        with contextlib.suppress(Exception):
            self.ray.shutdown()


class Pictures:
    """In Ray's object store, once each, by their hashes: those that were used longest ago go first."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._lock = threading.Lock()
        self._pieces: OrderedDict[bytes, list[tuple[Any, int]]] = OrderedDict()

    def put(self, name: bytes, path: Path, on_piece: Callable[[], None]) -> list[tuple[Any, int]]:
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
            while sum(length for one in self._pieces.values() for _, length in one) > STORED and len(self._pieces) > 1:
                self._pieces.popitem(last=False)
        return pieces


def _advice(config: RayConfig) -> str:
    if config.fallback:
        return "Start its head (docs/farm.md)."
    return (
        "Start its head (docs/farm.md), or start this daemon with --fallback local to have the work done here "
        "meanwhile."
    )


def _knock(config: RayConfig) -> None:
    """Whether anybody is there at all: Ray's own attempts take long, and tell it badly. A head that is just being
    started is waited for a little, where nobody else would do the work. Raises ClusterLost."""
    address, where = config.address, host_and_port(config.address)
    if where is None:
        return
    until = time.monotonic() + (0.0 if config.fallback else COMING)
    while True:
        try:
            socket.create_connection(where, timeout=PATIENCE).close()
            return
        except TimeoutError:
            raise ClusterLost(
                f"The Ray cluster at {address} did not answer within {PATIENCE:.0f} s. {_advice(config)}"
            ) from None
        except socket.gaierror as error:
            raise ClusterLost(
                f"The host of the Ray cluster at {address} is not known ({error.strerror}). Compare --address.",
                lasts=True,
            ) from None
        except OSError as error:
            if time.monotonic() >= until:
                raise ClusterLost(
                    f"The Ray cluster at {address} cannot be reached ({error.strerror}). {_advice(config)}"
                ) from None
        time.sleep(BETWEEN)


def _not_connected(config: RayConfig, error: Exception) -> ClusterLost:
    """What Ray says where it does not take us."""
    address = config.address
    if address == "auto" and isinstance(error, ConnectionError):
        return ClusterLost(
            "This machine is no node of a running Ray cluster, which is where --address auto looks. Start Ray on it "
            "(docs/farm.md), or "
            "say where the head is: --address ray://HOST:10001.",
            lasts=True,
        )
    if "ersion mismatch" in str(error) or "RAY_IGNORE_VERSION_MISMATCH" in str(error):
        return ClusterLost(
            f"The Ray cluster at {address} is of another version ({_short(error)}). Ray and Python's minor version "
            "have to be the same "
            "on all machines of the cluster and on this one.",
            lasts=True,
        )
    return ClusterLost(
        f"The Ray cluster at {address} did not take the connection ({_short(error)}). {_advice(config)}", lasts=True
    )


def _short(error: BaseException) -> str:
    """The first words of what Ray writes pages of."""
    said = str(error).strip()
    words = " ".join(
        (said.splitlines()[-1] if "Traceback" in said else said).split()
    )  # of a traceback, what it came to
    return f"{type(error).__name__}: {words[:240]}" if words else type(error).__name__
