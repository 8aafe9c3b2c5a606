"""What is recorded and replayed gives what is computed anew: the plumbing of graphs, with a graph that runs on a
CPU."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from velatura_daemon.engine.losses.objective import Losses
from velatura_daemon.engine.optim.optimise import optimise
from velatura_daemon.engine.tiling.evaluation import Evaluation, Recorded


class Rehearsal:
    """A graph as CUDA's is: the work sees the memory it saw first, and its results land where they landed first."""

    def record(self, work):
        self.work, self.replays = work, 0
        self.output = work()
        return self.output

    def replay(self):
        self.replays += 1
        for kept, new in zip(self.output, self.work(), strict=True):
            kept.copy_(new)


def objective(image):
    return Losses((image**2).sum(), image.sum(), (image**3).sum())


def test_a_replay_gives_what_computing_anew_gives():
    images = torch.rand(3, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    plain = Evaluation(objective, images[0])
    recorded = Evaluation(objective, images[0])
    recorded.compute = Recorded(recorded.eagerly, images[0], Rehearsal())
    for image in images:
        (expected, slope), (losses, same_slope) = plain(image), recorded(image)
        assert torch.equal(same_slope, slope)
        assert torch.equal(losses.total, expected.total)


def test_it_is_recorded_once_and_never_sees_the_image_itself():
    image, graph, seen = torch.rand(3, 4, 5), Rehearsal(), []
    recorded = Recorded(lambda x: (seen.append(x.data_ptr()), x * 2)[1:], image, graph)
    for _ in range(3):
        recorded(image)
    assert graph.replays == 3
    assert len(set(seen)) == 1
    assert image.data_ptr() not in seen


@pytest.mark.parametrize("method", ["lbfgs", "adam", "gradient"])
def test_every_way_of_moving_gets_as_far_with_what_is_replayed(method):
    """L-BFGS keeps the last slope to compare the next with: it may not be the memory that the next one is written
    to."""
    start = torch.rand(3, 8, 9, generator=torch.Generator().manual_seed(0))
    ends = []
    for recorded in (False, True):
        image = start.clone()
        evaluation = Evaluation(objective, image)
        if recorded:
            evaluation.compute = Recorded(evaluation.eagerly, image, Rehearsal())
        for _ in optimise(image, evaluation, torch.ones(8, 9), 12, method):
            pass
        ends.append(image)
    assert torch.equal(*ends)
    assert not torch.allclose(ends[0], start, atol=0.01)


def test_an_evaluation_goes_when_nobody_holds_it():
    """And with it what it was recorded in: a large picture's feature maps."""
    evaluation = Evaluation(objective, torch.ones(3, 2, 2))
    evaluation(torch.ones(3, 2, 2))
    gone = weakref.ref(evaluation)
    gc.disable()
    try:
        del evaluation
        assert gone() is None
    finally:
        gc.enable()


def test_losses_that_are_kept_are_not_overwritten_by_the_next_evaluation():
    evaluation = Evaluation(objective, torch.ones(3, 2, 2))
    evaluation.compute = Recorded(evaluation.eagerly, torch.ones(3, 2, 2), Rehearsal())
    first, _ = evaluation(torch.ones(3, 2, 2))
    evaluation(2 * torch.ones(3, 2, 2))
    assert float(first.total) == 12


def test_an_image_is_not_changed_by_being_evaluated():
    image = torch.rand(3, 4, 5)
    before = image.clone()
    Evaluation(objective, image)(image)
    assert torch.equal(image, before)
    assert not image.requires_grad
