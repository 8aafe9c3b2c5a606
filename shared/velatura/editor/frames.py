"""Which frames of an animation are restyled, and which earlier ones each of them follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from velatura.settings import StyleSettings

THIS, ALL, RANGE = "this", "all", "range"  # the choices of the window

# How many frames back the frames lie that a frame is sent with. Ruder, Dosovitskiy and Brox (2016, section 4.3) take 1,
# 10, 20 and 40 for long-term consistency in films. These are nearer, since all frames up to the farthest are in memory.
# The first frame is followed too: it is a still, and says how sharp results are (docs/film.md, 'Long shots'). The
# protocol allows four frames.
FOLLOWED = (1, 2, 4)


@dataclass(frozen=True)
class FrameChoice:
    """What the window chooses of an animation.

    first, last: of a range, both included, as the editor counts frames. steadiness: the setting of that name, which
    only animations have.
    """

    which: str = THIS
    first: int = 0
    last: int = 0
    steadiness: float = StyleSettings().steadiness


def chosen_frames(times: Sequence[int], choice: FrameChoice) -> list[int]:
    """The keyframes that are shown in the chosen part, in their order; none for THIS, which needs no animation.

    times: of all keyframes, ascending. A keyframe is shown until the next one, so that of a held frame the part before
    the range is restyled with it.
    """
    if choice.which == ALL:
        return list(times)
    if choice.which != RANGE:
        return []
    first, last = sorted((choice.first, choice.last))
    ends = [*times[1:], None]
    return [time for time, end in zip(times, ends, strict=True) if time <= last and (end is None or end > first)]


def followed(done: Sequence[int]) -> list[int]:
    """The frames among those that are done which the next one follows: the nearest first, and the very first one."""
    return [*(done[-back] for back in FOLLOWED if back < len(done)), *done[:1]]
