"""Which Ray cluster and which of its nodes are used, and what a worker takes of a node. Does not import Ray."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from velatura.errors import UsageError
from velatura.i18n import Text, lazy_text
from velatura_daemon.config import DaemonConfig


@dataclass(frozen=True)
class RayConfig:
    """The options of the daemon that concern Ray, checked.

    address: in Ray's notation. resources: per worker, by Ray's names (GPU, CPU, memory, or a custom one); empty: a GPU
    if the cluster has any, else a core. labels: a node must have them. min_workers: kept whether or not there is work.
    fallback: this machine works while the cluster is lost.
    """

    address: str
    resources: dict[str, float]
    labels: dict[str, str]
    min_workers: int
    max_workers: int
    fallback: bool = False

    @classmethod
    def of(cls, config: DaemonConfig) -> RayConfig:
        """Check the options. Raises UsageError if one is missing or wrong."""
        if not config.address:
            raise UsageError(
                lazy_text("--executor ray needs --address ray://HOST:10001, where HOST is the head of the Ray cluster.")
            )
        host_and_port(config.address)
        if not 0 <= config.min_actors <= config.max_actors or config.max_actors < 1:
            raise UsageError(
                lazy_text(
                    "--min-actors {least} and --max-actors {most} do not fit together. Give --min-actors from 0 to "
                    "--max-actors, and --max-actors from 1.",
                    least=str(config.min_actors),
                    most=str(config.max_actors),
                )
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
    """Return where a cluster's head listens; None for 'auto', with which Ray finds it on this machine.

    Raises UsageError if the address is none of ray://HOST:PORT, HOST:PORT and auto.
    """
    if address == "auto":
        return None
    try:
        parts = urlsplit(address if "://" in address else f"gcs://{address}")
        if parts.scheme in ("ray", "gcs") and parts.hostname and parts.port and not parts.path:
            return parts.hostname, parts.port
    except ValueError:  # a port that is not a number
        pass
    raise UsageError(
        lazy_text(
            "--address takes ray://HOST:10001; or, if this machine is a node of the cluster, HOST:6379 or auto. "
            "{given} is none of these.",
            given=repr(address[:80]),
        )
    )


def as_actor_options(resources: dict[str, float], labels: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of `ray.remote(...).options`. An actor takes no core unless `resources` has CPU."""
    custom = dict(resources)
    options: dict[str, Any] = {"num_cpus": custom.pop("CPU", 0), "num_gpus": custom.pop("GPU", 0)}
    if "memory" in custom:
        options["memory"] = int(custom.pop("memory"))
    if custom:
        options["resources"] = custom
    if labels:
        options["label_selector"] = labels
    return options


def device_at(device: str, node: str) -> Text:
    """A device of the cluster. node: its machine's address."""
    return lazy_text("{device} at {node}", device=device, node=node)


def format_resources(resources: dict[str, float]) -> str:
    """Return resources as text, such as 'GPU 1, CPU 4'."""
    return ", ".join(f"{name} {amount:g}" for name, amount in resources.items()) or "nothing"


def _pairs(option: str, example: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise UsageError(
                lazy_text(
                    "{option} takes NAME=VALUE, such as {example}; {given} has another form.",
                    option=option,
                    example=example,
                    given=repr(text[:40]),
                )
            )
        pairs.append((name.strip(), value.strip()))
    return pairs


def _amount(name: str, text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text) or not float(text):
        given = f"{name}={text[:20]}"
        raise UsageError(
            lazy_text("--actor-resources {given}: give a number above 0, such as {name}=1.", given=given, name=name)
        )
    return float(text)
