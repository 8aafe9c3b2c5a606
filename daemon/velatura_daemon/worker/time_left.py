"""How long a running job still takes."""

from __future__ import annotations

from collections.abc import Sequence

from velatura_daemon.engine.stylise import Progress
from velatura_daemon.worker.estimates import ScaleCost

# Both are shares of the job's expected time. When a scale begins, what is known from before, at first the estimate,
# counts as much as PRIOR of measurements: after a few evaluations of the largest scale its own pace decides. What was
# measured HALF_LIFE ago counts half, so that a machine that becomes busy or free is soon noticed (docs/performance.md,
# 'Time left').
PRIOR = 0.02
HALF_LIFE = 0.1


class TimeLeft:
    """The expected time of what is left, corrected by how long recent work has taken.

    costs: of the job's scales. Scales that converge early need no correction: what they leave out counts neither as
    done nor as left.
    """

    def __init__(self, costs: Sequence[ScaleCost]) -> None:
        self._costs = costs
        whole = sum(cost.seconds for cost in costs)
        self._prior, self._half_life = PRIOR * whole, HALF_LIFE * whole
        self._expected = self._taken = self._prior  # seconds of recent work
        self._new_work = 0.0  # expected seconds of the work since the last measurement
        self._measured_at = 0.0
        self._scale_begins = True
        self.done = 0.0  # expected seconds of all work so far

    def count(self, progress: Progress) -> None:
        """An evaluation was made."""
        cost = self._costs[progress.level]
        work = cost.each + (cost.start if progress.step == 0 else 0.0)
        self._new_work += work
        self.done += work
        self._scale_begins |= progress.step == 0

    def seconds(self, progress: Progress, now: float) -> float:
        """After an evaluation that was counted and that the device has finished. Returns -1 if it is not known."""
        if self._expected <= 0:
            return -1.0
        if self._scale_begins:  # not measured: its targets may be cached, and a first one may load libraries
            self._scale_begins = False
            kept, work, taken = min(1.0, self._prior / self._expected), 0.0, 0.0
        else:
            work, taken = self._new_work, now - self._measured_at
            kept = 0.5 ** (work / self._half_life)
        self._expected, self._taken = self._expected * kept + work, self._taken * kept + taken
        self._measured_at, self._new_work = now, 0.0
        here = max(0, progress.expected - progress.step - 1) * self._costs[progress.level].each
        left = here + sum(cost.seconds for cost in self._costs[progress.level + 1 :])
        return left * self._taken / self._expected
