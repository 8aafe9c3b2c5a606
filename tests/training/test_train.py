"""Training learns, goes on where it was cut off, and what it exports is what it trained."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from training.export import calibration_pictures, export, folded, ready
from training.pupil import Pupil
from training.train import Plan, train
from velatura.errors import BadWeights
from velatura_daemon.engine.network import LAYERS, Network
from velatura_daemon.weights.load import load_ours

SMALL = Plan(width=1 / 16, minutes=0.05, styles=14, each=4, side=40, batch=16)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A checkpoint of a few seconds."""
    checkpoint = tmp_path_factory.mktemp("training") / "small.pt"
    report = train(SMALL, checkpoint, torch.device("cpu"), 2, lambda line: None)
    return checkpoint, report


@pytest.fixture(scope="module")
def network(trained):
    return ready(folded(SMALL, trained[0]))


def test_training_says_what_it_did(trained):
    checkpoint, report = trained
    assert report.crops == report.steps * SMALL.batch > 0
    written = json.loads(checkpoint.with_suffix(".json").read_text())
    assert written["report"]["steps"] == report.steps
    assert Plan(**written["plan"]) == SMALL


def test_training_goes_on_from_its_checkpoint(trained, tmp_path):
    checkpoint = tmp_path / "again.pt"
    checkpoint.write_bytes(trained[0].read_bytes())
    said = []
    report = train(replace(SMALL, minutes=0.08), checkpoint, torch.device("cpu"), 2, said.append)
    assert f"going on from step {trained[1].steps}" in " ".join(said)
    assert report.steps > trained[1].steps
    assert report.seconds >= trained[1].seconds


def test_a_plan_that_is_done_does_nothing_more(trained):
    report = train(SMALL, trained[0], torch.device("cpu"), 2, lambda line: None)
    assert report.steps == trained[1].steps


def test_every_step_lowers_the_loss_on_a_batch_it_sees_again():
    torch.manual_seed(0)
    pupil = Pupil(styles=4, width=1 / 16)
    x, label = torch.rand(16, 3, 32, 32), torch.arange(16) % 4
    x = x * (label.view(-1, 1, 1, 1) + 1) / 4
    optimiser = torch.optim.AdamW(pupil.parameters(), lr=2e-3)

    def loss():
        return torch.stack([F.cross_entropy(o, label) for o in pupil(x).values()]).mean()

    before = float(loss().detach())
    for _ in range(15):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    assert float(loss().detach()) < 0.7 * before


def test_folding_the_batch_norms_changes_nothing_that_is_seen():
    torch.manual_seed(1)
    pupil = Pupil(styles=4, width=1 / 16)
    for _ in range(3):
        pupil(torch.rand(8, 3, 32, 32))  # the norms learn their means
    pupil.eval()
    network = Network(pupil.folded())
    network.set_pooling("average")
    picture = torch.rand(3, 32, 32)
    seen = network(picture, ("conv3_1",))["conv3_1"].flatten(1)
    statistics = torch.cat([seen.mean(1), (seen.var(1) + 1e-5).sqrt()])
    torch.testing.assert_close(
        pupil.judges["conv3_1"](statistics), pupil(picture[None])["conv3_1"][0], rtol=1e-3, atol=1e-4
    )


def test_layers_that_were_not_trained_are_drawn_and_calibrated(tmp_path):
    plan = replace(SMALL, depth="conv3_1", minutes=0.02)
    train(plan, tmp_path / "shallow.pt", torch.device("cpu"), 2, lambda line: None)
    weights = folded(plan, tmp_path / "shallow.pt")
    assert "conv3_1.weight" in weights
    assert "conv3_2.weight" not in weights
    network = ready(weights)
    assert network.convolution("conv5_1").out_channels == 32
    seen = [network(picture, LAYERS) for picture in calibration_pictures()]
    for name in LAYERS:
        mean = torch.stack([f[name].mean() for f in seen]).mean()
        assert 0.3 < float(mean) < 2, name


def test_what_is_exported_is_what_is_loaded(network, tmp_path):
    path = tmp_path / "ours.safetensors"
    export(network, path, {"title": "test"})
    assert {t.dtype for t in load_file(path).values()} == {torch.float16}
    loaded = load_ours(path, "ours")
    assert loaded.sees_colour_poorly
    loaded.set_pooling("average")
    picture = calibration_pictures()[0]
    for name in LAYERS:
        ours, theirs = network(picture, (name,))[name], loaded(picture, (name,))[name]
        assert float((theirs - ours).norm()) < 0.02 * float(ours.norm()), name


def test_a_number_too_large_for_the_file_is_refused(network, tmp_path):
    network.convolution("conv1_1").weight[0, 0, 0, 0] = 1e6
    try:
        with pytest.raises(ValueError, match=r"conv1_1\.weight"):
            export(network, tmp_path / "large.safetensors", {})
    finally:
        network.convolution("conv1_1").weight[0, 0, 0, 0] = 0


def test_a_damaged_file_of_ours_says_what_to_do(tmp_path):
    (tmp_path / "ours.safetensors").write_bytes(b"nothing of use")
    with pytest.raises(BadWeights, match="Install Velatura again"):
        load_ours(tmp_path / "ours.safetensors", "ours")
