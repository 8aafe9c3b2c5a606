"""Two nodes of a real Ray cluster on this machine, each with a home of its own, that a test can kill and restart."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from ray.cluster_utils import Cluster

from tests.conftest import free_port
from velatura.client.locks import is_held

STORE = 100 << 20  # bytes of Ray's object store, per node

# Ray writes a cluster's address into its default temporary folder, whatever folder the cluster has, and expects it to
# exist: /tmp/ray, which only an earlier run of Ray creates. Ray's niceness is 15 by default, with which a test beside a
# busy process would wait for minutes.
RAY_TMPDIR = Path(tempfile.mkdtemp(prefix="vel-"))
(RAY_TMPDIR / "ray").mkdir()
atexit.register(shutil.rmtree, RAY_TMPDIR, ignore_errors=True)
os.environ.update({"RAY_TMPDIR": str(RAY_TMPDIR), "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"})


class Machines:
    """Two nodes, with one core and so one worker each. first: the head, which works too. second: the other."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vel-"))
        self.port = free_port()
        self._cluster: Cluster | None = None
        self._second: Any = None
        self.start()

    @property
    def address(self) -> str:
        return f"ray://127.0.0.1:{self.port}"

    @property
    def own_address(self) -> str:
        """The address for a machine that is a node itself."""
        assert self._cluster is not None
        return str(self._cluster.address)

    def start(self) -> None:
        """The head and the second node."""
        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={**self._node("first"), "ray_client_server_port": self.port, "include_dashboard": False},
        )
        self.start_second()

    def start_second(self) -> None:
        assert self._cluster is not None
        self._second = self._cluster.add_node(**self._node("second"))

    def kill_second(self) -> None:
        """End its raylet by SIGKILL; the processes that it started end by themselves."""
        assert self._cluster is not None
        self._cluster.remove_node(self._second, allow_graceful=False)

    def kill_head(self) -> None:
        """End the first node by SIGKILL, and the second, which is useless without it."""
        assert self._cluster is not None
        self.kill_second()
        self._cluster.remove_node(self._cluster.head_node, allow_graceful=False)

    def stop(self) -> None:
        if self._cluster is not None:
            self._cluster.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    def actors_at(self, which: str) -> list[Path]:
        """The folders of the actors that live on a node."""
        return [folder for folder in self.folders_at(which) if is_held(folder / "held")]

    def folders_at(self, which: str) -> list[Path]:
        """The folders of actors that live, and of those that were killed before they could clean up."""
        folder = self.folder / which / "state" / "farm"
        return list(folder.iterdir()) if folder.is_dir() else []

    def workers_at(self, which: str) -> list[psutil.Process]:
        """Worker processes of a node."""
        return [process for process in psutil.process_iter() if self._is_worker(process, which)]

    def busy_worker(self) -> psutil.Process:
        """The worker process that computes."""
        workers = [*self.workers_at("first"), *self.workers_at("second")]
        before = [sum(process.cpu_times()[:2]) for process in workers]
        while True:
            time.sleep(0.2)
            spent = [sum(process.cpu_times()[:2]) - earlier for process, earlier in zip(workers, before, strict=True)]
            if max(spent) > 0.2:
                return workers[spent.index(max(spent))]

    def _is_worker(self, process: psutil.Process, which: str) -> bool:
        try:
            return (
                process.environ().get("VELATURA_HOME") == str(self.folder / which)
                and "velatura_daemon.worker.process" in process.cmdline()
            )
        except psutil.Error:
            return False

    def _node(self, which: str) -> dict[str, Any]:
        return {
            "num_cpus": 1,
            "object_store_memory": STORE,
            "temp_dir": str(self.folder / "ray"),
            "labels": {"name": which},
            "env_vars": {"VELATURA_HOME": str(self.folder / which)},
        }
