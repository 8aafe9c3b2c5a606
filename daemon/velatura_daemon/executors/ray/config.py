"""Which Ray cluster, which of its nodes, and what a worker takes of one, from the daemon's configuration. Without
Ray."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from velatura.errors import UsageError
from velatura_daemon.config import DaemonConfig


@dataclass(frozen=True)
class RayConfig:
    """address: in Ray's notation. resources: per worker, by Ray's names (GPU, CPU, memory, or a custom one); empty: a
    GPU if the cluster has any, else a core. labels: required of a node. min_workers: kept whether or not there is work.
    fallback: this machine works while the cluster is lost."""

    address: str
    resources: dict[str, float]
    labels: dict[str, str]
    min_workers: int
    max_workers: int
    fallback: bool = False

    @classmethod
    def of(cls, config: DaemonConfig) -> RayConfig:
        """Raises UsageError for options that make no sense."""
        if not config.address:
            raise UsageError(
                "--executor ray needs --address ray://HOST:10001, where HOST is the head of the Ray cluster."
            )
        host_and_port(config.address)
        if not 0 <= config.min_actors <= config.max_actors or config.max_actors < 1:
            raise UsageError(
                f"--min-actors {config.min_actors} and --max-actors {config.max_actors} do not fit together. "
                "Give --min-actors from 0 to --max-actors, and --max-actors from 1."
            )
        resources = {
            name: _amount(name, value) for name, value in _pairs("--actor-resources", "GPU=1", config.actor_resources)
        }
        return cls(
            config.address,
            resources,
            dict(_pairs("--node-labels", "gpu=h100", config.node_labels)),
            config.min_actors,
            config.max_actors,
            bool(config.fallback),
        )


def host_and_port(address: str) -> tuple[str, int] | None:
    """Where a cluster listens; None: Ray finds it on this machine. Raises UsageError."""
    if address == "auto":
        return None
    try:
        parts = urlsplit(address if "://" in address else f"gcs://{address}")
        if parts.scheme in ("ray", "gcs") and parts.hostname and parts.port and not parts.path:
            return parts.hostname, parts.port
    except ValueError:  # a port that is no number
        pass
    raise UsageError(
        "--address takes ray://HOST:10001; or, where this machine is a node of the cluster, HOST:6379 or auto. "
        f"{address[:80]!r} is none of these."
    )


def as_actor_options(resources: dict[str, float], labels: dict[str, str]) -> dict[str, Any]:
    """Arguments of `ray.remote(...).options`. An actor with GPUs takes no core unless `resources` says so."""
    custom = dict(resources)
    options: dict[str, Any] = {"num_cpus": custom.pop("CPU", 0), "num_gpus": custom.pop("GPU", 0)}
    if "memory" in custom:
        options["memory"] = int(custom.pop("memory"))
    if custom:
        options["resources"] = custom
    if labels:
        options["label_selector"] = labels
    return options


def in_words(resources: dict[str, float]) -> str:
    """'GPU 1, CPU 4'."""
    return ", ".join(f"{name} {amount:g}" for name, amount in resources.items()) or "nothing"


def _pairs(option: str, example: str, words: Iterable[str]) -> list[tuple[str, str]]:
    pairs = []
    for word in words:
        name, equals, value = word.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise UsageError(f"{option} takes NAME=VALUE, such as {example}; {word[:40]!r} is not that.")
        pairs.append((name.strip(), value.strip()))
    return pairs


def _amount(name: str, text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text) or not float(text):
        raise UsageError(f"--actor-resources {name}={text[:20]}: give a number above 0, such as {name}=1.")
    return float(text)
