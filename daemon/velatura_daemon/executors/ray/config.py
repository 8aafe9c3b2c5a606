"""On what terms a cluster is worked with, from the daemon's options: where it is, what a worker takes of a node, which
nodes. Without Ray."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from velatura.errors import UsageError
from velatura_daemon.config import DaemonConfig

WORKERS = (
    "device",
    "threads",
    "memory_megabytes",
    "cache_megabytes",
    "preview_side",
    "preview_seconds",
    "keep_seconds",
)


@dataclass(frozen=True)
class RayConfig:
    """address: as Ray takes it. resources: of a node, by Ray's names (GPU, CPU, memory, or an own one); none: a GPU
    where the cluster has any, or else a core. labels: of the nodes that may be taken. least, most: how many workers.
    fallback: this machine stands in while the cluster is lost."""

    address: str
    resources: dict[str, float]
    labels: dict[str, str]
    least: int
    most: int
    fallback: bool = False

    @classmethod
    def of(cls, options: DaemonConfig) -> RayConfig:
        """Raises UsageError for what cannot be meant."""
        if not options.address:
            raise UsageError(
                "--executor ray needs --address ray://HOST:10001, where HOST is the head of the Ray cluster."
            )
        host_and_port(options.address)
        if not 0 <= options.min_actors <= options.max_actors or options.max_actors < 1:
            raise UsageError(
                f"There are to be at least {options.min_actors} and at most {options.max_actors} actors. "
                "Give --min-actors from 0 to --max-actors, and --max-actors from 1."
            )
        resources = {
            name: _amount(name, said) for name, said in _pairs("--actor-resources", "GPU=1", options.actor_resources)
        }
        return cls(
            options.address,
            resources,
            dict(_pairs("--node-labels", "gpu=h100", options.node_labels)),
            options.min_actors,
            options.max_actors,
            bool(options.fallback),
        )

    def to_wire(self) -> dict[str, Any]:
        return vars(self).copy()


def host_and_port(address: str) -> tuple[str, int] | None:
    """Where a cluster listens; None: that is for Ray to find on this machine. Raises UsageError."""
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
    """As `ray.remote(...).options` takes them. One that takes GPUs needs no core of its own, unless that is said."""
    asked = dict(resources)
    told: dict[str, Any] = {"num_cpus": asked.pop("CPU", 0), "num_gpus": asked.pop("GPU", 0)}
    if "memory" in asked:
        told["memory"] = int(asked.pop("memory"))
    if asked:
        told["resources"] = asked
    if labels:
        told["label_selector"] = labels
    return told


def in_words(resources: dict[str, float]) -> str:
    """'GPU 1, CPU 4'."""
    return ", ".join(f"{name} {amount:g}" for name, amount in resources.items()) or "nothing"


def _pairs(option: str, example: str, said: Iterable[str]) -> list[tuple[str, str]]:
    pairs = []
    for word in said:
        name, equals, value = word.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise UsageError(f"{option} takes NAME=VALUE, such as {example}; {word[:40]!r} is not that.")
        pairs.append((name.strip(), value.strip()))
    return pairs


def _amount(name: str, said: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", said) or not float(said):
        raise UsageError(f"--actor-resources {name}={said[:20]}: give a number above 0, such as {name}=1.")
    return float(said)
