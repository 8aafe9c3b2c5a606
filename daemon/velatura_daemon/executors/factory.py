"""Makes the executor providers that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable

from velatura.app_dirs import AppDirs
from velatura.errors import UsageError
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.base import ExecutorProvider
from velatura_daemon.executors.local import LocalProvider

KINDS = ("local", "remote", "upstream", "ray")
RAY_OPTIONS = ("address", "min_actors", "max_actors", "actor_resources", "node_labels")


def providers_for(
    config: DaemonConfig, dirs: AppDirs, wake: Callable[[], None]
) -> tuple[ExecutorProvider, ExecutorProvider | None]:
    """The provider, and its fallback while it is lost.

    wake: called from any thread when an executor has an event. Raises UsageError for options that contradict each
    other.
    """
    _check(config)
    if config.executor_kind == "local":
        return LocalProvider(config, wake), None
    fallback = LocalProvider(config, wake) if config.fallback else None
    if config.executor_kind in ("remote", "upstream"):
        from velatura_daemon.executors.remote.provider import RemoteProvider

        return RemoteProvider(config, dirs, wake), fallback
    from velatura_daemon.executors.ray.workers import RayProvider

    return RayProvider(config, wake), fallback


def _check(config: DaemonConfig) -> None:
    """Contradictions are refused: otherwise work would silently run on another machine than the user thinks."""
    if config.executor_kind not in KINDS:
        raise UsageError(f"--executor is one of {', '.join(KINDS)}, not {config.executor_kind[:40]!r}.")
    if config.fallback not in ("", "local"):
        raise UsageError(f"--fallback can only be 'local', not {config.fallback[:40]!r}.")
    places = {"remote": config.remote, "upstream": config.upstream, "executor ray": config.executor == "ray"}
    given = [f"--{name}" for name, value in places.items() if value]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} contradict each other. Leave one of them out.")
    if config.executor_kind == "remote" and not config.remote:
        raise UsageError("--executor remote needs --remote me@box, the machine that does the work.")
    if config.ssh != DaemonConfig.ssh and not config.remote:
        raise UsageError("--ssh only applies to --remote. Add --remote me@box, or leave it out.")
    if config.executor_kind == "upstream" and not config.upstream:
        raise UsageError("--executor upstream needs --upstream FILE, the connection file of the other daemon.")
    changed = [name for name in RAY_OPTIONS if getattr(config, name) != getattr(DaemonConfig, name)]
    if changed and config.executor_kind != "ray":
        options = " and ".join(f"--{name.replace('_', '-')}" for name in changed)
        raise UsageError(f"{options} only applies to a Ray cluster. Add --executor ray, or leave it out.")
