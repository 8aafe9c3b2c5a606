"""From options to those who work."""

from __future__ import annotations

from collections.abc import Callable

from pastiche.errors import UsageError
from pastiche.paths import Places
from pastiche_daemon.clock import Clock
from pastiche_daemon.crew import Crew
from pastiche_daemon.executors.executor import Maker
from pastiche_daemon.executors.local import Local
from pastiche_daemon.options import Options

KINDS = ("local", "upstream", "ray")


def crew_for(options: Options, places: Places, wake: Callable[[], None], clock: Clock) -> Crew:
    """wake: called from any thread when one of them has something to say. Raises UsageError for what cannot be meant."""
    if options.kind not in KINDS:
        raise UsageError(f"--executor takes {', '.join(KINDS)}; {options.kind[:40]!r} is none.")
    if options.fallback not in ("", "local"):
        raise UsageError(f"--fallback takes local; {options.fallback[:40]!r} is nothing that could do the work.")
    if options.kind == "local":
        return Crew(Local(options, wake), None, clock)
    spare = Local(options, wake) if options.fallback else None
    return Crew(_elsewhere(options, places, wake), spare, clock)


def _elsewhere(options: Options, places: Places, wake: Callable[[], None]) -> Maker:
    if options.kind == "upstream":
        from pastiche_daemon.executors.upstream import Upstream

        return Upstream(options, places, wake)
    from pastiche_daemon.executors.farm.hands import Farm

    return Farm(options, wake)
