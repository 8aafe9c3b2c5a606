"""What there is to do for a film: its frames, when they are shown, and its shots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from velatura.errors import UsageError
from velatura.i18n import lazy_text
from velatura_daemon.film.sources import Facts, ScannedFrame, Source
from velatura_daemon.film.timing import FrameRange, Timing

VERSION = 4  # of `to_json`, and of how cuts are found
# Without steadiness every frame stands alone, so a film is divided into runs of this many frames that are restyled at
# the same time: enough that each reads the film from a key frame only now and then.
RUN_LENGTH = 24


@dataclass(frozen=True)
class Plan:
    """shots: the first frame of each, from 0. names: of the frames' files, if they have any."""

    timing: Timing
    shots: Sequence[int]
    facts: Facts
    names: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.timing)

    @property
    def shot_ranges(self) -> list[range]:
        """The frames of each shot."""
        return [range(first, end) for first, end in zip(self.shots, [*self.shots[1:], len(self.timing)], strict=True)]

    def to_json(self) -> dict[str, Any]:
        facts, timing = self.facts, self.timing
        return {
            "version": VERSION,
            "unit": str(timing.unit),
            "starts": list(timing.starts),
            "end": timing.end,
            "shots": list(self.shots),
            "names": list(self.names),
            "size": list(facts.size),
            "depth": facts.depth,
            "has_alpha": facts.has_alpha,
            "is_mixed": facts.is_mixed,
            "seekable": facts.seekable,
            "skipped": facts.skipped,
            "offset": str(facts.offset),
            "notes": [str(note) for note in facts.notes],
        }

    @classmethod
    def from_json(cls, value: Any) -> Plan | None:
        """None for what another version has written, or a damaged file."""
        try:
            if value["version"] != VERSION:
                return None
            unit = Fraction(value["unit"])
            facts = Facts(
                unit,
                (int(value["size"][0]), int(value["size"][1])),
                int(value["depth"]),
                bool(value["has_alpha"]),
                bool(value["is_mixed"]),
                bool(value["seekable"]),
                int(value["skipped"]),
                Fraction(value["offset"]),
                tuple(map(str, value["notes"])),
            )
            timing = Timing(unit, tuple(map(int, value["starts"])), int(value["end"]))
            shots, names = tuple(map(int, value["shots"])), tuple(map(str, value["names"]))
        except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError):
            return None
        increasing = all(a < b for a, b in zip(shots, (*shots[1:], len(timing)), strict=True))
        return cls(timing, shots, facts, names) if shots[:1] == (0,) and increasing else None


def plan_of(source: Source, part: FrameRange, scanned: Callable[[int], None] = lambda _: None) -> Plan:
    """Read all frames of the range once. scanned: is called with the number of frames so far. Raises UsageError if
    there are none, and what the source raises."""
    from velatura_daemon.film.dissolves import Dissolves
    from velatura_daemon.film.scenes import cuts

    starts: list[int] = []
    names: list[str] = []
    last = 1

    def noted(frames: Iterator[ScannedFrame]) -> Iterator[Any]:
        nonlocal last
        for frame in frames:
            starts.append(frame.start)
            names.append(frame.name)
            last = frame.ticks
            scanned(len(starts))
            yield frame.small

    dissolves = Dissolves()
    found = {number for number, is_cut in cuts(dissolves.watched(noted(source.scan(part)))) if is_cut}
    shots = sorted(found | {number for number in dissolves.shots() if number < len(starts)})
    if not starts:
        raise UsageError(lazy_text("{name} has no frame in this range. Check --from and --to.", name=source.path.name))
    facts = replace(source.facts)
    if not facts.seekable:
        starts, last = list(range(len(starts))), 1
    timing = Timing(facts.unit, tuple(starts), starts[-1] + max(1, last))
    return Plan(timing, tuple(shots), facts, tuple(names) if any(names) else ())


def without_shots(plan: Plan) -> Plan:
    """The plan for frames that stand alone: runs of frames instead of shots."""
    return replace(plan, shots=tuple(range(0, len(plan), RUN_LENGTH)))


def frames_before(source: Source, plan: Plan) -> int:
    """How many frames come before the range. If a film was not read from its start, they are counted now, and the plan
    has the number."""
    from velatura_daemon.film.video import VideoFile

    if plan.facts.skipped < 0 and isinstance(source, VideoFile):
        plan.facts.skipped = source.count_before(plan.timing.starts[0])
    return plan.facts.skipped
