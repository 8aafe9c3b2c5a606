"""From options to those who work."""

from __future__ import annotations

from collections.abc import Callable

from velatura.app_dirs import AppDirs
from velatura.errors import UsageError
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.base import ExecutorProvider
from velatura_daemon.executors.local import LocalProvider

KINDS = ("local", "upstream", "ray")
OF_A_CLUSTER = ("address", "min_actors", "max_actors", "actor_resources", "node_labels")


def providers_for(
    options: DaemonConfig, places: AppDirs, wake: Callable[[], None]
) -> tuple[ExecutorProvider, ExecutorProvider | None]:
    """Who does the work, and who stands in while they cannot be reached. wake: called from any thread when one of them
    has something to say. Raises UsageError for what cannot be meant."""
    if options.kind not in KINDS:
        raise UsageError(f"--executor takes {', '.join(KINDS)}; {options.kind[:40]!r} is none.")
    if options.fallback not in ("", "local"):
        raise UsageError(f"--fallback takes local; {options.fallback[:40]!r} is nothing that could do the work.")
    _refuse_two_minds(options)
    if options.kind == "local":
        return LocalProvider(options, wake), None
    spare = LocalProvider(options, wake) if options.fallback else None
    return _elsewhere(options, places, wake), spare


def _refuse_two_minds(options: DaemonConfig) -> None:
    """Raises UsageError where what is said of others could not be followed: silently, a painter's own machine would do
    the work, or another's."""
    if options.upstream and options.executor == "ray":
        raise UsageError("--upstream and --executor ray name two who are to do the work. Leave one of them out.")
    if options.kind == "upstream" and not options.upstream:
        raise UsageError(
            "--executor upstream needs --upstream FILE: the connection file of the daemon that is to do the work."
        )
    told = [
        f"--{name.replace('_', '-')}" for name in OF_A_CLUSTER if getattr(options, name) != getattr(DaemonConfig, name)
    ]
    if told and options.kind != "ray":
        raise UsageError(
            f"{' and '.join(told)} would be of a Ray cluster, and none is to do the work. Say --executor ray too, or "
            "leave it out."
        )


def _elsewhere(options: DaemonConfig, places: AppDirs, wake: Callable[[], None]) -> ExecutorProvider:
    if options.kind == "upstream":
        from velatura_daemon.executors.remote import RemoteDaemon

        return RemoteDaemon(options, places, wake)
    from velatura_daemon.executors.ray.workers import RayProvider

    return RayProvider(options, wake)
