"""Makes the executor providers that a configuration asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from velatura.app_dirs import AppDirs
from velatura.errors import UsageError
from velatura.i18n import lazy_text
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.base import ExecutorProvider
from velatura_daemon.executors.local import LocalProvider, device_names

KINDS = ("local", "remote", "upstream", "ray")
# Numbers that make no sense at 0; none of the options may be below it.
ABOVE_ZERO = ("heartbeat", "park_seconds", "hang_seconds", "spool_megabytes")
RAY_OPTIONS = ("address", "min_actors", "max_actors", "actor_resources", "node_labels")


def providers_for(
    config: DaemonConfig, dirs: AppDirs, wake: Callable[[], None]
) -> tuple[ExecutorProvider, ExecutorProvider | None]:
    """The provider, and its fallback while it is lost.

    wake: called from any thread when an executor has an event. Raises UsageError for options that are wrong or
    contradict each other.
    """
    check(config, dirs)
    if config.executor_kind == "local":
        return LocalProvider(config, wake), None
    fallback = LocalProvider(config, wake) if config.fallback else None
    if config.executor_kind in ("remote", "upstream"):
        from velatura_daemon.executors.remote.provider import RemoteProvider

        return RemoteProvider(config, dirs, wake), fallback
    from velatura_daemon.executors.ray.workers import RayProvider

    return RayProvider(config, wake), fallback


def check(config: DaemonConfig, dirs: AppDirs) -> None:
    """Check the options before a daemon is started with them. Raises UsageError."""
    _check_numbers(config)
    _check_contradictions(config)
    device_names(config)
    if config.executor_kind == "ray":
        from velatura_daemon.executors.ray.workers import checked

        checked(config)
    elif config.executor_kind != "local":
        from velatura_daemon.executors.remote.provider import routes_for

        routes_for(config, dirs)


def _check_numbers(config: DaemonConfig) -> None:
    for name, value in vars(config).items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        option, given = f"--{name.replace('_', '-')}", str(value)
        if not (math.isfinite(value) and value >= 0):
            raise UsageError(
                lazy_text("{option} takes a number that is not below 0, not {given}.", option=option, given=given)
            )
        if value == 0 and name in ABOVE_ZERO:
            raise UsageError(lazy_text("{option} takes a number above 0, not {given}.", option=option, given=given))


def _check_contradictions(config: DaemonConfig) -> None:
    """Contradictions are refused: otherwise work would silently run on another machine than the user thinks."""
    if config.executor_kind not in KINDS:
        raise UsageError(
            lazy_text(
                "--executor is one of {kinds}, not {given}.",
                kinds=", ".join(KINDS),
                given=repr(config.executor_kind[:40]),
            )
        )
    if config.fallback not in ("", "local"):
        raise UsageError(lazy_text("--fallback can only be 'local', not {given}.", given=repr(config.fallback[:40])))
    places = {  # not translated: options
        "remote": config.remote,
        "upstream": config.upstream,
        "executor ray": config.executor == "ray",
    }
    given = [f"--{name}" for name, value in places.items() if value]
    if len(given) > 1:
        raise UsageError(lazy_text("{options} contradict each other. Leave one of them out.", options=_listed(given)))
    if config.executor_kind == "remote" and not config.remote:
        raise UsageError(lazy_text("--executor remote needs --remote me@box, the machine that does the work."))
    if config.ssh != DaemonConfig.ssh and not config.remote:
        raise UsageError(lazy_text("--ssh only applies to --remote. Add --remote me@box, or leave it out."))
    if config.executor_kind == "upstream" and not config.upstream:
        raise UsageError(
            lazy_text("--executor upstream needs --upstream FILE, the connection file of the other daemon.")
        )
    changed = [name for name in RAY_OPTIONS if getattr(config, name) != getattr(DaemonConfig, name)]
    if changed and config.executor_kind != "ray":
        options = _listed([f"--{name.replace('_', '-')}" for name in changed])
        raise UsageError(
            lazy_text("{options} only applies to a Ray cluster. Add --executor ray, or leave it out.", options=options)
        )


def _listed(options: Sequence[str]) -> str:
    listed, *rest = options
    for option in rest:
        # Translators: names in a list such as "a and b and c". Change only what is between them.
        listed = lazy_text("{first} and {second}", first=listed, second=option)
    return listed
