"""On a CUDA device: results are the CPU's, and the device's failures are survived. Skipped without one."""

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
from tests.support.objectives import last_objective

from velatura.app_dirs import app_dirs
from velatura.client.launch import Launcher
from velatura.errors import OutOfMemory, error_from
from velatura.pixels import Picture, PixelFormat
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.bench.end_to_end import picture as sample_picture
from velatura_daemon.bench.problem import PAINTING, SCENE
from velatura_daemon.bench.problem import source as sample
from velatura_daemon.build import build_id
from velatura_daemon.engine.evaluation import fallback
from velatura_daemon.engine.evaluation.fallback import evaluation_for
from velatura_daemon.engine.evaluation.plain import PlainEvaluation
from velatura_daemon.engine.evaluation.recorded import MAX_RECORDED_PIXELS, RecordedEvaluation
from velatura_daemon.engine.evaluation.tiled import TiledEvaluation
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.masks import resize_weight
from velatura_daemon.engine.pooling import AveragePool
from velatura_daemon.engine.precision import FLOAT32, PLAIN, fastest_on
from velatura_daemon.engine.stylise import Resources, stylise
from velatura_daemon.memory_plan import BASE_BYTES, SMALLEST_TILE, UNLIMITED, MemoryBudget, plan_memory
from velatura_daemon.models.store import WeightStore
from velatura_daemon.worker.estimates import Estimates
from velatura_daemon.worker.model_cache import ModelCache

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")

CPU, GPU = torch.device("cpu"), torch.device("cuda")
# Of losses (relative), and of the gradient's direction (1 − cosine). EXACT: float32, summed in another order. FAST:
# bfloat16, with conv1_1 in TF32.
EXACT, FAST = (1e-4, 1e-6), (0.02, 0.02)


@pytest.fixture
def exact_float32(monkeypatch):
    """Convolutions in float32, for which cuDNN would use TF32."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def on(device, network, precision):
    made = copy.deepcopy(network).to(device).use_precision(precision)
    made.set_pooling(StyleSettings().pooling)
    return made


def objective(network, side, settings=None, tile_side=0):
    """Of the sample scene, side × side, in the sample painting."""
    content, style = sample(SCENE, side, network.device), sample(PAINTING, side, network.device)
    return last_objective(network, content, [style], settings or StyleSettings(), tile_side)


def in_float64(source):
    return replace(source, image=source.image.double(), weight=source.weight.double(), visible=source.visible.double())


def noise(side, device):
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(1)).to(device)


def assert_close(found, expected, tolerance):
    """Two pairs of losses and gradient."""
    (losses, gradient), (expected_losses, expected_gradient) = found, expected
    for name in ("total", "content", "style"):
        assert float(getattr(losses, name)) == pytest.approx(float(getattr(expected_losses, name)), rel=tolerance[0])
    apart = 1 - float(
        F.cosine_similarity(gradient.flatten().double().cpu(), expected_gradient.flatten().double().cpu(), dim=0)
    )
    assert apart < tolerance[1]
    assert float(gradient.norm()) == pytest.approx(float(expected_gradient.norm()), rel=2 * tolerance[1] ** 0.5)


# --- the same picture -----------------------------------------------------------------------------------
def test_in_float32_losses_and_gradient_are_the_cpus(vgg19, exact_float32):
    pairs = []
    for device in (GPU, CPU):
        image = noise(160, device)
        pairs.append(evaluation_for(objective(on(device, vgg19, PLAIN), 160), image)(image))
    assert_close(*pairs, EXACT)


def test_in_the_fastest_precision_they_are_the_cpus_within_two_percent(vgg19):
    pairs = []
    for device, precision in ((GPU, fastest_on(GPU)), (CPU, PLAIN)):
        image = sample(PAINTING, 160, device).image
        pairs.append(evaluation_for(objective(on(device, vgg19, precision), 160), image)(image))
    assert_close(*pairs, FAST)


@pytest.mark.parametrize("style_distance", ["gram", "moments"])
def test_a_replay_gives_what_a_plain_evaluation_gives(vgg19, style_distance):
    image = noise(160, GPU)
    evaluate = evaluation_for(
        objective(on(GPU, vgg19, fastest_on(GPU)), 160, StyleSettings(style_distance=style_distance)), image
    )
    assert isinstance(evaluate.evaluation, RecordedEvaluation)
    for seed in range(3):
        other = torch.rand(image.shape, generator=torch.Generator().manual_seed(seed)).to(GPU)
        losses, gradient = evaluate(other)
        expected_losses, expected = PlainEvaluation(evaluate.objective)(other)
        assert float(losses.total) == pytest.approx(float(expected_losses.total), rel=1e-3)
        assert float(F.cosine_similarity(gradient.flatten(), expected.flatten(), dim=0)) > 0.9999


def test_an_objective_that_cannot_be_recorded_is_evaluated_plainly(vgg19):
    """Eigenvectors are found by iteration, which waits for the device."""
    image = noise(96, GPU)
    evaluate = evaluation_for(
        objective(on(GPU, vgg19, fastest_on(GPU)), 96, StyleSettings(style_distance="wasserstein")), image
    )
    assert isinstance(evaluate.evaluation, PlainEvaluation)
    losses, gradient = evaluate(image)
    assert losses.total.isfinite()
    assert gradient.isfinite().all()


def test_in_tiles_they_are_those_of_the_whole_image(vgg19, exact_float32):
    network, image = on(GPU, vgg19, FLOAT32), noise(512, GPU)
    whole = evaluation_for(objective(network, 512), image)(image)
    assert_close(TiledEvaluation(objective(network, 512, tile_side=256), 256)(image), whole, EXACT)


def test_an_image_in_host_memory_becomes_what_it_becomes_on_the_device():
    network = small_network().to(GPU).double()
    settings = StyleSettings(iterations=8, quality="draft", optimiser="adam")
    rooms = {"device": MemoryBudget(BASE_BYTES), "host": MemoryBudget(BASE_BYTES, host_bytes=64 << 30)}
    assert [plan_memory(256, 256, room, network.bytes_per_value).on_host for room in rooms.values()] == [False, True]
    pictures = {}
    for where, room in rooms.items():
        content, style = (in_float64(sample(name, 256, GPU)) for name in (SCENE, PAINTING))
        *_, last = stylise(content, [style], settings, network, resources=Resources(budget=room))
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
    """Recorded or not, in tiles or not: L-BFGS with as many pairs gets as far."""
    ended = {}
    for device in (CPU, GPU):
        network = on(device, small_network(), FLOAT32)
        *_, last = stylise(
            sample(SCENE, 160, device),
            [sample(PAINTING, 128, device)],
            StyleSettings(quality="draft", iterations=40),
            network,
            resources=Resources(budget=room if device == GPU else on_cpu),
        )
        ended[device] = float(last.losses.total)
    assert ended[GPU] == pytest.approx(ended[CPU], rel=0.1)


def test_average_pooling_is_exactly_torchs():
    x = torch.rand(1, 64, 40, 26, generator=torch.Generator().manual_seed(0)).to(
        GPU, torch.bfloat16, memory_format=torch.channels_last
    )
    found, gradients = [], []
    for pool in (lambda x: F.avg_pool2d(x, 2), AveragePool(2, 2)):
        given = x.detach().requires_grad_(True)
        found.append(pool(given))
        gradients += torch.autograd.grad(found[-1].square().sum(), given)
    assert torch.equal(*found)
    assert torch.equal(*gradients)


@pytest.mark.parametrize("shape", [(64, 9000), (4500, 80), (8192, 8192)])
def test_large_reductions_are_those_of_the_cpu(shape):
    large = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))
    height, width = (max(2, side * 96 // max(shape)) for side in shape)
    torch.testing.assert_close(
        resize(large.to(GPU), height, width).cpu(), resize(large, height, width), rtol=1e-4, atol=1e-5
    )
    found = resize_weight(large[0].to(GPU), height, width).cpu()
    torch.testing.assert_close(found, resize_weight(large[0], height, width), rtol=1e-4, atol=1e-5)


def test_masks_regions_and_seamless_images_work(vgg19):
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
    """Another program that takes all of the device's memory except for so many bytes, until `drop`."""

    PROGRAM = """
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
            [sys.executable, "-c", self.PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "ready\n"

    def fill(self, but: int) -> None:
        torch.cuda.empty_cache()  # so that it includes what this process has cached
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


@pytest.mark.parametrize("max_pixels", [0, MAX_RECORDED_PIXELS], ids=["plain", "recorded"])
def test_out_of_memory_an_evaluation_continues_in_tiles_with_the_same_gradient(vgg19, ballast, monkeypatch, max_pixels):
    monkeypatch.setattr(fallback, "MAX_RECORDED_PIXELS", max_pixels)
    network = on(GPU, vgg19, fastest_on(GPU))
    content, image = objective(network, 1024), noise(1024, GPU)
    expected = evaluation_for(content, image)(image)
    ballast.fill(900 << 20)
    scarce = evaluation_for(content, image)
    found = scarce(image)
    assert scarce.tile_side
    assert f"tiles of {scarce.tile_side}" in scarce.warnings[-1]
    assert_close(found, expected, (2e-3, 2e-3))


GOOD, DRAFT = StyleSettings(quality="good", iterations=240), StyleSettings(quality="draft", iterations=20)


@pytest.fixture(scope="module")
def scene():
    """2048 × 2048, drawn small and enlarged, since drawing takes time."""
    small = np.frombuffer(sample_picture(SCENE, 256, 256).data, np.uint8).reshape(256, 256, 3)
    return Picture(2048, 2048, PixelFormat("RGB", "u8"), small.repeat(8, 0).repeat(8, 1).tobytes())


@pytest.fixture(scope="module")
def painting():
    return sample_picture(PAINTING, 256, 256)


def ending(client, job):
    """The last event, and the sentences of the notices before it. Raises the error of a failure."""
    sentences = []
    for event in client.events(job):
        if isinstance(event, p.Notice):
            sentences.append(event.sentence)
        if isinstance(event, p.Failed):
            raise error_from(event.code, event.sentence)
        last = event
    return last, sentences


def test_a_job_that_runs_out_of_memory_continues_in_tiles_with_a_notice(daemon, ballast, scene, painting):
    with daemon.client() as client:
        client.restyle_and_wait(scene, [(painting, 1.0)], GOOD)  # loads everything, and fits in one piece
        job, taken, sentences = client.restyle(scene, [(painting, 1.0)], GOOD, layer="another"), False, []
        for event in client.events(job):
            if not taken and isinstance(event, p.Progress):
                ballast.fill(3 << 30)
                taken = True
            if isinstance(event, p.Notice):
                sentences.append(event.sentence)
            assert not isinstance(event, p.Failed), event
        assert any("tiles of" in sentence for sentence in sentences)


def test_without_any_memory_a_job_fails_and_the_next_one_runs(daemon, ballast, scene, painting):
    with daemon.client() as client:
        client.restyle_and_wait(scene, [(painting, 1.0)], DRAFT)
        pid = client.status()["worker"]["pid"]
        ballast.fill(64 << 20)
        with pytest.raises(OutOfMemory, match="not enough memory"):
            client.restyle_and_wait(scene, [(painting, 1.0)], DRAFT, layer="another")
        ballast.drop()
        assert client.restyle_and_wait(scene, [(painting, 1.0)], DRAFT, layer="third").picture
        assert client.status()["worker"]["pid"] == pid


def test_between_jobs_memory_is_free_for_other_programs(daemon, scene, painting):
    with daemon.client() as client:
        client.restyle_and_wait(picture(seed=1), [(painting, 1.0)], DRAFT)
        client.status()
        before, _ = torch.cuda.mem_get_info(GPU)
        client.restyle_and_wait(scene, [(painting, 1.0)], DRAFT)
        client.restyle_and_wait(picture(seed=2), [(painting, 1.0)], DRAFT)
        client.status()
        after, _ = torch.cuda.mem_get_info(GPU)
    assert before - after < 1 << 30  # cached targets stay


# --- the daemon -----------------------------------------------------------------------------------------
def test_a_restyle_on_the_gpu_resembles_the_cpus(daemon):
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


def test_a_workers_first_job_on_a_gpu_does_not_change_estimates(home):
    """It takes longer because it loads libraries."""
    warm = ModelCache(WeightStore(app_dirs({"VELATURA_HOME": str(home)}))).get("auto", GPU)
    estimates = Estimates(home / "pace.json")
    seconds = []
    for _ in range(3):
        expected = estimates.expect(512, 512, DRAFT, warm, UNLIMITED)
        seconds.append(expected.seconds)
        estimates.learn(warm, expected.seconds, 3 * expected.seconds)
    assert 0 < seconds[0] == seconds[1] < seconds[2]


class WithDeviceLosingWorkers(Daemon):
    @property
    def launcher(self):
        script = Path(__file__).with_name("daemon_with_device_losing_workers.py")
        return Launcher(
            ("/usr/bin/env", f"VELATURA_HOME={self.home}", sys.executable, str(script), "daemon", "run"), build_id()
        )


def test_a_lost_device_ends_the_worker_and_another_does_the_job(home, scene, painting):
    daemon = WithDeviceLosingWorkers(home)
    try:
        with daemon.client() as client:
            last, sentences = ending(client, client.restyle(scene, [(painting, 1.0)], DRAFT))
            assert last.picture
            assert [s for s in sentences if "device was lost" in s], sentences
            assert len([s for s in sentences if "worker died" in s]) == 1
            assert client.restyle_and_wait(picture(seed=3), [(painting, 1.0)], DRAFT).picture
        assert "device-side assert" in daemon.dirs.log_file.read_text()
    finally:
        daemon.stop()


def test_a_crowded_device_gets_the_smallest_tiles(ballast):
    ballast.fill(1 << 30)
    free, _ = torch.cuda.mem_get_info(GPU)
    assert plan_memory(4096, 4096, MemoryBudget(free, host_bytes=64 << 30), element=2).side == SMALLEST_TILE
    assert plan_memory(4096, 4096, UNLIMITED, element=2).side == 0
