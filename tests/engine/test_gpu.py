"""What holds on a CUDA device: it gives what the CPU gives, and its faults are survived. Skipped where there is
none."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.conftest import Daemon, picture
from tests.support.networks import small_network

from velatura.app_dirs import places
from velatura.client.launch import Launcher
from velatura.errors import OutOfMemory, error_from
from velatura.pixels import Picture, PixelFormat
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.bench.end_to_end import picture as sample_picture
from velatura_daemon.bench.problem import PAINTING, SCENE
from velatura_daemon.bench.problem import source as sample
from velatura_daemon.build import build_id
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.network import AveragePool
from velatura_daemon.engine.precision import FLOAT32, PLAIN, fastest_on
from velatura_daemon.engine.pyramid import scales_for
from velatura_daemon.engine.regions import resized, resized_weight
from velatura_daemon.engine.style_regions import style_regions_of
from velatura_daemon.engine.stylise import stylise
from velatura_daemon.engine.targets import canvas_at, objective_at
from velatura_daemon.engine.tiling.evaluation import RECORDED, Evaluation, Recorded
from velatura_daemon.engine.tiling.tiles import Tiled
from velatura_daemon.memory_plan import BASE_BYTES, SMALLEST_TILE, UNLIMITED, MemoryBudget, plan_memory
from velatura_daemon.models.store import WeightStore
from velatura_daemon.worker.estimates import Estimates
from velatura_daemon.worker.model_cache import ModelCache

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")

CPU, GPU = torch.device("cpu"), torch.device("cuda")
# Of losses, and of the slope's direction as 1 − cosine. Float32 is added up in another order. Else: bfloat16, and
# conv1_1 in TF32.
EXACT, FAST = (1e-4, 1e-6), (0.02, 0.02)


@pytest.fixture
def exact_float32(monkeypatch):
    """Convolutions of float32 in float32, where cuDNN would take TF32."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def on(device, network, precision):
    made = copy.deepcopy(network).to(device).use_precision(precision)
    made.set_pooling(StyleSettings().pooling)
    return made


def objective(network, side, settings=None, tile=0):
    """Of the sample scene, side × side, in the sample painting."""
    settings, device = settings or StyleSettings(), network.mean.device
    content, style = sample(SCENE, side, device), sample(PAINTING, side, device)
    scale = scales_for(side, side, settings)[-1]
    canvas = canvas_at(content, scale)
    return objective_at(
        network, content, style_regions_of(content, [style]), canvas, scale, settings, TargetCache(0), tile
    )


def in_float64(source):
    return replace(source, image=source.image.double(), weight=source.weight.double(), visible=source.visible.double())


def noise(side, device):
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(1)).to(device)


def assert_close(found, expected, tolerance):
    """Two pairs of losses and slope."""
    (losses, slope), (wanted, wanted_slope) = found, expected
    for ours, theirs in ((losses.total, wanted.total), (losses.content, wanted.content), (losses.style, wanted.style)):
        assert float(ours) == pytest.approx(float(theirs), rel=tolerance[0])
    apart = 1 - float(F.cosine_similarity(slope.flatten().double().cpu(), wanted_slope.flatten().double().cpu(), dim=0))
    assert apart < tolerance[1]
    assert float(slope.norm()) == pytest.approx(float(wanted_slope.norm()), rel=2 * tolerance[1] ** 0.5)


# --- the same picture -----------------------------------------------------------------------------------
def test_in_float32_losses_and_slope_are_the_cpus(vgg19, exact_float32):
    pairs = []
    for device in (GPU, CPU):
        image = noise(160, device)
        pairs.append(Evaluation(objective(on(device, vgg19, PLAIN), 160), image)(image))
    assert_close(*pairs, EXACT)


def test_in_the_devices_fastest_arithmetic_they_are_the_cpus_within_two_percent(vgg19):
    pairs = []
    for device, precision in ((GPU, fastest_on(GPU)), (CPU, PLAIN)):
        image = sample(PAINTING, 160, device).image
        pairs.append(Evaluation(objective(on(device, vgg19, precision), 160), image)(image))
    assert_close(*pairs, FAST)


@pytest.mark.parametrize("style_distance", ["gram", "moments"])
def test_what_is_recorded_and_replayed_is_what_is_computed_anew(vgg19, style_distance):
    image = noise(160, GPU)
    evaluation = Evaluation(
        objective(on(GPU, vgg19, fastest_on(GPU)), 160, StyleSettings(style_distance=style_distance)), image
    )
    assert isinstance(evaluation.compute, Recorded)
    for seed in range(3):
        other = torch.rand(image.shape, generator=torch.Generator().manual_seed(seed)).to(GPU)
        losses, slope = evaluation(other)
        total, _, _, expected = evaluation.eagerly(other)
        assert float(losses.total) == pytest.approx(float(total), rel=1e-3)
        assert float(F.cosine_similarity(slope.flatten(), expected.flatten(), dim=0)) > 0.9999


def test_what_no_graph_can_hold_is_computed_as_it_comes(vgg19):
    """Eigenvectors ask the device for numbers. Nothing of a recording that failed is left to trip over."""
    image = noise(96, GPU)
    evaluation = Evaluation(
        objective(on(GPU, vgg19, fastest_on(GPU)), 96, StyleSettings(style_distance="wasserstein")), image
    )
    assert not isinstance(evaluation.compute, Recorded)
    losses, slope = evaluation(image)
    assert losses.total.isfinite()
    assert slope.isfinite().all()


def test_in_tiles_it_is_the_whole(vgg19, exact_float32):
    network, image = on(GPU, vgg19, FLOAT32), noise(512, GPU)
    whole = Evaluation(objective(network, 512), image)(image)
    assert_close(Tiled(objective(network, 512, tile=256), 256).evaluate(image), whole, EXACT)


def test_a_picture_in_the_machines_memory_becomes_what_it_becomes_on_the_device():
    network = small_network().to(GPU).double()
    settings = StyleSettings(iterations=8, quality="draft", optimiser="adam")
    rooms = {"device": MemoryBudget(BASE_BYTES), "host": MemoryBudget(BASE_BYTES, host_bytes=64 << 30)}
    assert [plan_memory(256, 256, room, network.element).on_host for room in rooms.values()] == [False, True]
    pictures = {}
    for where, room in rooms.items():
        content, style = (in_float64(sample(name, 256, GPU)) for name in (SCENE, PAINTING))
        *_, last = stylise(content, [style], settings, network, room=room)
        pictures[where] = last.image
        assert last.losses.total.isfinite()
    assert not pictures["host"].is_cuda
    torch.testing.assert_close(pictures["host"], pictures["device"].cpu(), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("room", "on_cpu"),
    [
        (UNLIMITED, UNLIMITED),
        (MemoryBudget(BASE_BYTES), MemoryBudget(BASE_BYTES)),
        (MemoryBudget(BASE_BYTES, host_bytes=64 << 30), UNLIMITED),
    ],
    ids=["whole", "tiles", "host"],
)
def test_the_loss_falls_as_it_does_on_the_cpu(room, on_cpu):
    """Recorded or not, in tiles or not: L-BFGS, with as many pairs, gets as far."""
    ended = {}
    for device in (CPU, GPU):
        network = on(device, small_network(), FLOAT32)
        *_, last = stylise(
            sample(SCENE, 160, device),
            [sample(PAINTING, 128, device)],
            StyleSettings(quality="draft", iterations=40),
            network,
            room=room if device == GPU else on_cpu,
        )
        ended[device] = float(last.losses.total)
    assert ended[GPU] == pytest.approx(ended[CPU], rel=0.1)


def test_poolings_are_torchs_to_the_bit():
    x = torch.rand(1, 64, 40, 26, generator=torch.Generator().manual_seed(0)).to(
        GPU, torch.bfloat16, memory_format=torch.channels_last
    )
    found, slopes = [], []
    for pool in (lambda x: F.avg_pool2d(x, 2), AveragePool(2, 2)):
        given = x.detach().requires_grad_(True)
        found.append(pool(given))
        slopes += torch.autograd.grad(found[-1].square().sum(), given)
    assert torch.equal(*found)
    assert torch.equal(*slopes)


@pytest.mark.parametrize("shape", [(64, 9000), (4500, 80), (8192, 8192)])
def test_the_largest_pictures_are_made_small_as_on_the_cpu(shape):
    large = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))
    height, width = (max(2, side * 96 // max(shape)) for side in shape)
    torch.testing.assert_close(
        resized(large.to(GPU), height, width).cpu(), resized(large, height, width), rtol=1e-4, atol=1e-5
    )
    found = resized_weight(large[0].to(GPU), height, width).cpu()
    torch.testing.assert_close(found, resized_weight(large[0], height, width), rtol=1e-4, atol=1e-5)


def test_masks_regions_and_seamless_pictures_work(vgg19):
    network = on(GPU, vgg19, fastest_on(GPU))
    content, style = sample(SCENE, 160, GPU), sample(PAINTING, 128, GPU)
    half = torch.zeros(160, 160, device=GPU)
    half[:, :80] = 1
    regional = replace(style, region=half, region_key="half")
    for styles, settings in (
        ([regional], StyleSettings(quality="draft", iterations=4)),
        ([style], StyleSettings(quality="draft", iterations=4, seamless=True)),
        ([style], StyleSettings(quality="best", iterations=4, keep_colours="luminance")),
        ([style], StyleSettings(quality="draft", iterations=4, keep_colours="palette")),
    ):
        *_, last = stylise(content, styles, settings, network)
        assert last.image.isfinite().all()
        if styles == [regional]:
            assert torch.equal(last.image[:, :, 80:], content.image[:, :, 80:])


# --- memory ---------------------------------------------------------------------------------------------
class Ballast:
    """Another program that takes all of the device's memory but so many bytes when it is told how many, until
    `drop`."""

    SAYS = """
import sys, torch
torch.zeros(1, device="cuda")
print("ready", flush=True)
but = int(sys.stdin.readline())
free, _ = torch.cuda.mem_get_info()
held = torch.empty(max(0, free - but), dtype=torch.uint8, device="cuda")
print("full", flush=True)
sys.stdin.read()
"""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.SAYS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "ready\n"

    def fill(self, but: int) -> None:
        torch.cuda.empty_cache()  # this process's share
        print(but, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "full\n"

    def drop(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def ballast():
    one = Ballast()
    yield one
    one.drop()


@pytest.mark.parametrize("recorded", [0, RECORDED], ids=["as it comes", "recorded"])
def test_without_memory_an_evaluation_goes_on_in_tiles_with_the_same_slope(vgg19, ballast, monkeypatch, recorded):
    monkeypatch.setattr("velatura_daemon.engine.tiling.evaluation.RECORDED", recorded)
    network = on(GPU, vgg19, fastest_on(GPU))
    content, image = objective(network, 1024), noise(1024, GPU)
    expected = Evaluation(content, image)(image)
    expected = (expected[0], expected[1].clone())
    ballast.fill(900 << 20)
    scarce = Evaluation(content, image)
    found = scarce(image)
    assert scarce.side
    assert f"tiles of {scarce.side}" in scarce.warnings[-1]
    assert_close(found, expected, (2e-3, 2e-3))


GOOD, DRAFT = StyleSettings(quality="good", iterations=240), StyleSettings(quality="draft", iterations=20)


@pytest.fixture(scope="module")
def scene():
    """2048 × 2048, drawn small and made larger: drawing takes time."""
    small = np.frombuffer(sample_picture(SCENE, 256, 256).data, np.uint8).reshape(256, 256, 3)
    return Picture(2048, 2048, PixelFormat("RGB", "u8"), small.repeat(8, 0).repeat(8, 1).tobytes())


@pytest.fixture(scope="module")
def painting():
    return sample_picture(PAINTING, 256, 256)


def ending(client, job):
    """What came last, and the sentences before. A failure is raised."""
    sentences = []
    for event in client.events(job):
        if isinstance(event, p.Notice):
            sentences.append(event.sentence)
        if isinstance(event, p.Failed):
            raise error_from(event.code, event.sentence)
        last = event
    return last, sentences


def test_memory_that_is_taken_during_a_job_makes_it_go_on_in_tiles_and_say_so(daemon, ballast, scene, painting):
    with daemon.client() as client:
        client.restyle_and_wait(scene, [(painting, 1.0)], GOOD)  # all is loaded; and whole, it fits
        job, taken, sentences = client.restyle(scene, [(painting, 1.0)], GOOD, layer="another"), False, []
        for event in client.events(job):
            if not taken and isinstance(event, p.Progress):
                ballast.fill(3 << 30)
                taken = True
            if isinstance(event, p.Notice):
                sentences.append(event.sentence)
            assert not isinstance(event, p.Failed), event
        assert any("tiles of" in sentence for sentence in sentences)


def test_without_memory_for_anything_a_job_is_told_so_and_the_next_one_runs(daemon, ballast, scene, painting):
    with daemon.client() as client:
        client.restyle_and_wait(scene, [(painting, 1.0)], DRAFT)
        pid = client.status()["worker"]["pid"]
        ballast.fill(64 << 20)
        with pytest.raises(OutOfMemory, match="not enough memory"):
            client.restyle_and_wait(scene, [(painting, 1.0)], DRAFT, layer="another")
        ballast.drop()
        assert client.restyle_and_wait(scene, [(painting, 1.0)], DRAFT, layer="third").picture
        assert client.status()["worker"]["pid"] == pid


def test_between_jobs_the_memory_is_the_other_programs(daemon, scene, painting):
    with daemon.client() as client:
        client.restyle_and_wait(picture(seed=1), [(painting, 1.0)], DRAFT)
        client.status()
        before, _ = torch.cuda.mem_get_info(GPU)
        client.restyle_and_wait(scene, [(painting, 1.0)], DRAFT)
        client.restyle_and_wait(picture(seed=2), [(painting, 1.0)], DRAFT)
        client.status()
        after, _ = torch.cuda.mem_get_info(GPU)
    assert before - after < 1 << 30  # warm targets stay


# --- the daemon -----------------------------------------------------------------------------------------
def test_a_restyle_on_the_gpu_is_the_cpus(daemon):
    content, style = sample_picture(SCENE, 160, 120), sample_picture(PAINTING, 128, 128)
    settings = StyleSettings(quality="draft", iterations=20)
    results = {}
    with daemon.client() as client:
        for device in ("cuda", "cpu"):
            done = client.restyle_and_wait(content, [(style, 1.0)], settings, device=device, layer=device)
            results[device] = np.frombuffer(done.picture.data, np.uint8).astype(float)
            assert client.status()["worker"]["device"].startswith(device)
            assert done.result.device == device
    plain = np.frombuffer(content.data, np.uint8).astype(float)
    assert np.abs(results["cuda"] - results["cpu"]).mean() < 3
    assert np.abs(results["cuda"] - plain).mean() > 10


def test_a_workers_first_job_on_a_gpu_teaches_nothing_of_the_next(home):
    """It is long for the libraries that it loads."""
    warm = ModelCache(WeightStore(places({"VELATURA_HOME": str(home)}))).get("auto", GPU)
    estimates = Estimates(home / "pace.json")
    seconds = []
    for _ in range(3):
        expected = estimates.expect(512, 512, DRAFT, warm, UNLIMITED)
        seconds.append(expected.seconds)
        estimates.learn(warm, expected, 3 * expected.seconds)
    assert 0 < seconds[0] == seconds[1] < seconds[2]


class WithSpoiltWorkers(Daemon):
    @property
    def launcher(self):
        script = Path(__file__).with_name("daemon_with_spoilt_workers.py")
        return Launcher(
            ("/usr/bin/env", f"VELATURA_HOME={self.home}", sys.executable, str(script), "daemon", "run"), build_id()
        )


def test_a_spoilt_device_ends_the_worker_and_the_job_is_done_by_another(home, scene, painting):
    daemon = WithSpoiltWorkers(home)
    try:
        with daemon.client() as client:
            last, sentences = ending(client, client.restyle(scene, [(painting, 1.0)], DRAFT))
            assert last.picture
            assert [s for s in sentences if "device was lost" in s], sentences
            assert len([s for s in sentences if "worker died" in s]) == 1
            assert client.restyle_and_wait(picture(seed=3), [(painting, 1.0)], DRAFT).picture
        assert "device-side assert" in daemon.places.log_file.read_text()
    finally:
        daemon.stop()


def test_the_smallest_tiles_are_what_a_crowded_device_gets(ballast):
    ballast.fill(1 << 30)
    free, _ = torch.cuda.mem_get_info(GPU)
    assert plan_memory(4096, 4096, MemoryBudget(free, host_bytes=64 << 30), element=2).side == SMALLEST_TILE
    assert plan_memory(4096, 4096, UNLIMITED, element=2).side == 0
