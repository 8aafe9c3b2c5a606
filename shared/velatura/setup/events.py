"""What a set-up reports while it runs: frozen dataclasses, made on the set-up's own thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from velatura.errors import VelaturaError


@dataclass(frozen=True)
class StepStarted:
    """what: for people, such as 'Installing PyTorch and the other packages'. number: of this step, from 1 to `of`."""

    what: str
    number: int
    of: int


@dataclass(frozen=True)
class Progress:
    """done: bytes that have been downloaded. total: about how many there will be, or None if that is not known."""

    done: int
    total: int | None


@dataclass(frozen=True)
class Log:
    """A line of the log, safe to show."""

    line: str


@dataclass(frozen=True)
class Finished:
    """version: of Velatura. size: of the environment, in bytes. seconds: the whole set-up took."""

    version: str
    size: int
    seconds: float


@dataclass(frozen=True)
class Failed:
    """error: says what happened and what to do. A SetUpStopped if the user has stopped it."""

    error: VelaturaError


Event = StepStarted | Progress | Log | Finished | Failed
OnEvent = Callable[[Event], object]
