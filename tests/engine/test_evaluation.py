"""The ways to evaluate an image give the same losses and gradient. Graphs are tested with one that runs on a CPU."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from tests.support.objectives import last_objective

from velatura.settings import StyleSettings
from velatura_daemon.engine.evaluation.fallback import FallbackEvaluation, evaluation_for, smaller_tile_side
from velatura_daemon.engine.evaluation.plain import PlainEvaluation
from velatura_daemon.engine.evaluation.recorded import RecordedEvaluation
from velatura_daemon.engine.evaluation.tiled import TiledEvaluation
from velatura_daemon.engine.losses.objective import Losses
from velatura_daemon.engine.optim.optimise import optimise


class FakeGraph:
    """Behaves as a CUDA graph: the work reads the memory it read first, and its results are written where they were
    written first."""

    def record(self, work):
        self.work, self.replays = work, 0
        self.output = work()
        return self.output

    def replay(self):
        self.replays += 1
        for first, new in zip(tensors(self.output), tensors(self.work()), strict=True):
            first.copy_(new)


def tensors(result):
    losses, gradient = result
    return losses.total, losses.content, losses.style, gradient


def loss(image):
    return Losses((image**2).sum(), image.sum(), (image**3).sum())


def recorded_of(function, image):
    return RecordedEvaluation(PlainEvaluation(function), image, FakeGraph())


# --- plain ----------------------------------------------------------------------------------------------
def test_an_image_is_not_changed_by_being_evaluated():
    image = torch.rand(3, 4, 5)
    before = image.clone()
    PlainEvaluation(loss)(image)
    assert torch.equal(image, before)
    assert not image.requires_grad


# --- recorded -------------------------------------------------------------------------------------------
def test_a_replay_gives_what_a_plain_evaluation_gives():
    images = torch.rand(3, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    plain, recorded = PlainEvaluation(loss), recorded_of(loss, images[0])
    for image in images:
        for ours, theirs in zip(tensors(recorded(image)), tensors(plain(image)), strict=True):
            assert torch.equal(ours, theirs)


def test_an_evaluation_is_recorded_once_and_never_reads_the_image_itself():
    image, graph, addresses = torch.rand(3, 4, 5), FakeGraph(), []

    def evaluate(x):
        addresses.append(x.data_ptr())
        return Losses(x.sum(), x.sum(), x.sum()), x * 2

    recorded = RecordedEvaluation(evaluate, image, graph)
    for _ in range(3):
        recorded(image)
    assert graph.replays == 3
    assert len(set(addresses)) == 1
    assert image.data_ptr() not in addresses


@pytest.mark.parametrize("method", ["lbfgs", "adam", "gradient"])
def test_every_optimiser_gets_as_far_with_replays(method):
    """L-BFGS keeps the last gradient to compare the next one with: it must not be the memory that the next replay
    writes to."""
    start = torch.rand(3, 8, 9, generator=torch.Generator().manual_seed(0))
    ends = []
    for make in (lambda image: PlainEvaluation(loss), lambda image: recorded_of(loss, image)):
        image = start.clone()
        for _ in optimise(image, make(image), torch.ones(8, 9), 12, method):
            pass
        ends.append(image)
    assert torch.equal(*ends)
    assert not torch.allclose(ends[0], start, atol=0.01)


def test_losses_are_not_overwritten_by_the_next_replay():
    evaluate = recorded_of(loss, torch.ones(3, 2, 2))
    first, _ = evaluate(torch.ones(3, 2, 2))
    evaluate(2 * torch.ones(3, 2, 2))
    assert float(first.total) == 12


# --- fallback -------------------------------------------------------------------------------------------
@pytest.fixture
def objective(network, source):
    return last_objective(network, source(32, 48), [source(32, 32, 1)], StyleSettings())


def test_on_a_cpu_an_image_is_evaluated_plainly_unless_tiles_are_asked_for(objective):
    image = torch.rand(3, *objective.canvas.size)
    assert isinstance(evaluation_for(objective, image).evaluation, PlainEvaluation)
    assert isinstance(evaluation_for(objective, image, 16).evaluation, TiledEvaluation)


@pytest.mark.parametrize("tile_side", [0, 16])
def test_an_evaluation_is_freed_with_its_last_reference(objective, tile_side):
    """And with it the memory of what it recorded: a large image's feature maps."""
    image = torch.rand(3, *objective.canvas.size)
    evaluate = evaluation_for(objective, image, tile_side)
    evaluate(image)
    gone = weakref.ref(evaluate)
    gc.disable()
    try:
        del evaluate
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [RuntimeError("something else"), ValueError("something else")], ids=repr)
def test_other_errors_than_missing_memory_are_raised(objective, error):
    def broken(image):
        raise error

    evaluate = FallbackEvaluation(objective, broken)
    with pytest.raises(type(error), match="something else"):
        evaluate(torch.rand(3, 512, 512))
    assert evaluate.warnings == []


def test_tiles_of_the_smallest_side_are_not_halved():
    assert smaller_tile_side(0, 255) == 0
    assert smaller_tile_side(0, 256) == 128
    assert smaller_tile_side(128, 256) == 0
