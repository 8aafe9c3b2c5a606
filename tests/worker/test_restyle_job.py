"""A job from its spool files to its result: what changes, what stays to the bit, what is refused."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import pytest
import torch
from PIL import Image

from velatura.errors import BadMask, BadPixels, NothingToRestyle, WrongHash
from velatura.pixels import CHANNELS, Picture, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.stylise import stylise
from velatura_daemon.imaging.colour_io import DTYPES, WHOLE
from velatura_daemon.jobs.commands import WorkerOptions
from velatura_daemon.jobs.events import (
    CheckpointSaved,
    Estimated,
    JobDone,
    JobNotice,
    JobPreview,
    JobProgress,
    JobStopped,
    WorkerEvent,
)
from velatura_daemon.jobs.spec import JobSpec, OutputPaths, PictureFile, StartingImage, StyleInput
from velatura_daemon.memory_plan import UNLIMITED
from velatura_daemon.models.store import Weights
from velatura_daemon.worker import checkpoint_writer
from velatura_daemon.worker.estimates import Estimates
from velatura_daemon.worker.layer import Layer
from velatura_daemon.worker.model_cache import LoadedModel
from velatura_daemon.worker.restyle_job import JobResources, restyle

CPU = torch.device("cpu")
HEIGHT, WIDTH = 24, 40


class Recorder:
    """An event sink that remembers events."""

    def __init__(self, cancelled: Any = ()) -> None:
        self.options = WorkerOptions("cpu", 0, 0, 256, preview_side=20, preview_seconds=0.0, keep_seconds=0.0)
        self.cancelled = cancelled
        self.events: list[WorkerEvent] = []

    def emit(self, event: WorkerEvent) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class CancelledAtCheck:
    """Every job is cancelled, from the n-th check on."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __contains__(self, ticket: str) -> bool:
        self.left -= 1
        return self.left <= 0


class Jobs:
    """Pictures to files, jobs to results."""

    def __init__(self, folder, network) -> None:
        self.folder = folder
        self.network = network
        self.cache = TargetCache(1 << 28)
        self.estimates = Estimates(folder / "pace.json")

    def restyle(self, spec: JobSpec, sink: Recorder | None = None) -> JobDone | JobStopped:
        model = LoadedModel(self.network, "test weights", Weights("test", "test weights"), 0, CPU)
        return restyle(spec, JobResources(model, self.cache, UNLIMITED, self.estimates), sink or Recorder())

    def on_disk(self, picture: Picture) -> PictureFile:
        ref, profile = picture.ref, picture.format.profile
        path = self.folder / ref.blob.hex()[:16]
        path.write_bytes(picture.data)
        if profile:
            (self.folder / "profile").write_bytes(profile)
        return PictureFile(ref, path, self.folder / "profile" if profile else None)

    def spec(self, content, mask=None, styles=None, start=None, region=None, **settings) -> JobSpec:
        """region: of the first style."""
        styles = [noise(16, 16, "RGB", seed=9)] if styles is None else styles
        inputs = [StyleInput(self.on_disk(style), 1.0) for style in styles]
        if region is not None:
            inputs[0] = replace(inputs[0], region=self.on_disk(region))
        return JobSpec(
            "j",
            "layer",
            self.on_disk(content),
            tuple(inputs),
            self.on_disk(mask) if mask else None,
            StyleSettings(**{"iterations": 2, **settings}),
            start=start,
            outputs=OutputPaths(self.folder / "result", self.folder / "last", self.folder / "kept.npy"),
        )

    def result(self, done: JobDone) -> Picture:
        ref = done.picture
        return Picture(ref.width, ref.height, ref.format, (self.folder / "result").read_bytes())

    def run(self, content, *args, sink: Recorder | None = None, **more) -> tuple[JobDone, Picture]:
        """What `restyle` returns, and the result picture."""
        done = self.restyle(self.spec(content, *args, **more), sink)
        assert isinstance(done, JobDone)
        return done, self.result(done)


@pytest.fixture
def jobs(tmp_path, network):
    return Jobs(tmp_path, network)


def noise(height=HEIGHT, width=WIDTH, channels="RGB", sample="u8", seed=0, **more):
    values = np.random.default_rng(seed).random((height, width, CHANNELS[channels])) * WHOLE.get(sample, 1)
    return of(values.astype(DTYPES[sample]), channels, sample, **more)


def of(samples, channels, sample, **more):
    return Picture(samples.shape[1], samples.shape[0], PixelFormat(channels, sample, **more), samples.tobytes())


def samples_of(picture):
    shape = (picture.height, picture.width, CHANNELS[picture.format.channels])
    return np.frombuffer(picture.data, DTYPES[picture.format.sample]).reshape(shape)


def with_alpha(picture, alpha):
    samples = samples_of(picture).copy()
    samples[..., -1] = alpha
    return of(samples, picture.format.channels, picture.format.sample)


def mask_of(values):
    return of(np.asarray(values, np.uint8)[..., None], "GRAY", "u8", curve="linear")


def left_half(height=HEIGHT, width=WIDTH):
    values = np.zeros((height, width))
    values[:, : width // 2] = 255
    return values


def feathered(height=HEIGHT, width=WIDTH):
    return np.tile(np.linspace(0, 255, width).round(), (height, 1))


# --- what comes back ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("channels", "sample"),
    [("RGB", "u8"), ("RGBA", "u16"), ("BGRA", "u8"), ("GRAY", "u16"), ("GRAYA", "f16"), ("RGB", "f32")],
)
def test_the_result_has_the_contents_size_and_format(jobs, channels, sample):
    content = noise(channels=channels, sample=sample)
    ending, result = jobs.run(content)
    assert (result.width, result.height, result.format) == (WIDTH, HEIGHT, content.format)
    assert bytes(result.data) != content.data
    assert (ending.left, ending.top) == (0, 0)


def test_the_results_name_is_the_hash_of_its_file(jobs):
    ending, result = jobs.run(noise())
    assert ending.picture.blob == hashlib.sha256(result.data).digest()


def test_the_ending_tells_weights_device_losses_and_start(jobs):
    ending, _ = jobs.run(noise())
    assert (ending.weights, ending.device, ending.started_from) == ("test weights", "cpu", "content")
    assert ending.content_loss > 0
    assert ending.style_loss > 0


def test_result_and_last_picture_are_private_files(jobs):
    jobs.run(noise())
    assert {(jobs.folder / name).stat().st_mode & 0o777 for name in ("result", "last")} == {0o600}


def test_a_profile_is_kept_and_the_result_is_in_it(jobs):
    profile = imagecodecs.cms_profile("adobergb")
    content = noise(profile=profile)
    ending, _ = jobs.run(content)
    assert ending.picture.profile == hashlib.sha256(profile).digest()


def test_a_grey_layer_gets_a_grey_result_of_a_coloured_style(jobs):
    content = noise(channels="GRAY")
    _, result = jobs.run(content)
    assert result.format.channels == "GRAY"
    assert bytes(result.data) != content.data


def test_for_a_grey_layer_the_style_is_seen_in_grey(jobs):
    content, style = noise(channels="GRAY"), noise(16, 16, sample="f32", seed=1)
    grey = (samples_of(style) @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    of_colour, of_grey = (jobs.run(content, styles=[s])[1] for s in (style, of(grey, "GRAY", "f32")))
    difference = samples_of(of_colour).astype(int) - samples_of(of_grey)
    assert abs(difference).max() <= 1


def test_a_style_in_grey_or_of_another_depth_will_do(jobs):
    _, result = jobs.run(noise(), styles=[noise(9, 30, "GRAYA", "u16"), noise(16, 16, "BGRA", "f32", curve="linear")])
    assert (result.width, result.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("composite", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_strength_0_gives_the_content_back_to_the_bit(jobs, composite, masked):
    content = noise(channels="RGBA", sample="u16")
    _, result = jobs.run(content, mask_of(left_half()) if masked else None, strength=0, composite=composite)
    assert bytes(result.data) == content.data


@pytest.mark.parametrize("curve", ["srgb", "linear"])
def test_what_floats_have_beyond_0_and_1_is_set_aside_and_added_again(jobs, curve):
    values = noise(sample="f32").data
    inside = np.frombuffer(values, np.float32).reshape(HEIGHT, WIDTH, 3)
    bright = inside.copy()
    bright[3, 5] = (3.0, 1.25, -0.5)
    clipped = of(bright.clip(0, 1), "RGB", "f32", curve=curve)
    plain = samples_of(jobs.run(clipped)[1])
    found = samples_of(jobs.run(of(bright, "RGB", "f32", curve=curve))[1])
    # Two float32 results through the sRGB curve: some 1e-6 of rounding, more on one processor than on another. What is
    # set aside is 0.25 and more.
    np.testing.assert_allclose(found - plain, bright - bright.clip(0, 1), rtol=0, atol=1e-4)


def test_a_style_with_a_region_goes_there_and_not_elsewhere(jobs):
    """Where no style goes, the picture stays what it was but for what the network makes of the content."""
    content = noise(64, 96)
    region = of(
        np.repeat(np.linspace(255, 0, 96)[None, :, None] > 128, 64, 0).astype(np.uint8) * 255,
        "GRAY",
        "u8",
        curve="linear",
    )
    _, result = jobs.run(content, region=region, iterations=6)
    moved = np.abs(samples_of(result) - samples_of(content).astype(float)).mean((0, 2))
    assert moved[:32].mean() > 2 * moved[64:].mean()


def test_the_estimate_is_told_before_the_first_step(jobs):
    sink = Recorder()
    jobs.run(noise(), sink=sink)
    assert isinstance(sink.events[0], Estimated)
    assert sink.events[0].seconds > 0


def test_strength_0_does_not_touch_floats_beyond_0_and_1(jobs):
    content = of(np.linspace(-2, 5, HEIGHT * WIDTH * 3, dtype=np.float32).reshape(HEIGHT, WIDTH, 3), "RGB", "f32")
    _, result = jobs.run(content, strength=0)
    assert bytes(result.data) == content.data


def test_in_paper_strength_0_is_no_reason_not_to_work(jobs):
    content = noise()
    _, result = jobs.run(content, strength=0, quality="paper")
    assert bytes(result.data) != content.data


# --- selections -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("channels", "sample"), [("RGB", "u8"), ("RGBA", "u16"), ("BGRA", "u8"), ("RGBA", "f32"), ("GRAYA", "f16")]
)
@pytest.mark.parametrize("keep", ["off", "luminance"])
def test_outside_the_selection_nothing_changes(jobs, channels, sample, keep):
    content = noise(channels=channels, sample=sample)
    _, result = jobs.run(content, mask_of(left_half()), composite=True, keep_colours=keep)
    before, after = samples_of(content), samples_of(result)
    assert after[:, WIDTH // 2 :].tobytes() == before[:, WIDTH // 2 :].tobytes()
    assert after[:, : WIDTH // 2].tobytes() != before[:, : WIDTH // 2].tobytes()


def test_outside_the_selection_nothing_changes_even_beyond_0_and_1(jobs):
    content = of(np.random.default_rng(0).uniform(-1, 3, (HEIGHT, WIDTH, 3)).astype(np.float32), "RGB", "f32")
    _, result = jobs.run(content, mask_of(left_half()), composite=True)
    assert samples_of(result)[:, WIDTH // 2 :].tobytes() == samples_of(content)[:, WIDTH // 2 :].tobytes()


def test_alpha_is_the_contents_own_everywhere(jobs):
    content = noise(channels="RGBA", sample="u16")
    _, result = jobs.run(content, mask_of(feathered()), composite=True)
    assert samples_of(result)[..., 3].tobytes() == samples_of(content)[..., 3].tobytes()


def test_without_composite_the_selections_box_comes_back(jobs):
    content, selection = noise(16, 240), np.zeros((16, 240))
    selection[4:9, 200:220] = 255
    ending, result = jobs.run(content, mask_of(selection))
    assert (ending.left, ending.top) == (240 - result.width, 0)
    assert ending.left <= 200 - 64
    assert (result.width % 16, result.height) == (0, 16)


def test_with_composite_the_whole_picture_comes_back(jobs):
    content, selection = noise(16, 240), np.zeros((16, 240))
    selection[4:9, 200:220] = 255
    ending, result = jobs.run(content, mask_of(selection), composite=True)
    assert (ending.left, ending.top, result.width, result.height) == (0, 0, 240, 16)
    changed = (samples_of(result) != samples_of(content)).any(axis=2)
    assert changed.any()
    assert not changed[selection == 0].any()


def test_a_feathered_selection_blends_by_its_value(jobs):
    content, mask = noise(), feathered()
    _, unblended = jobs.run(content, mask_of(mask))
    _, blended = jobs.run(content, mask_of(mask), composite=True)
    share = (mask / 255)[..., None]
    expected = samples_of(content) * (1 - share) + samples_of(unblended) * share
    np.testing.assert_allclose(samples_of(blended), expected, rtol=0, atol=1.01)  # of 255: both were rounded


@pytest.mark.parametrize("composite", [True, False])
def test_where_no_region_is_nothing_changes_and_soft_edges_blend(jobs, composite):
    content = noise(sample="u16")
    values = np.concatenate([np.linspace(255, 1, WIDTH // 2).round(), np.zeros(WIDTH // 2)])
    region = mask_of(np.tile(values, (HEIGHT, 1)))
    _, result = jobs.run(content, region=region, composite=composite, strength=90)
    change = np.abs(samples_of(result).astype(float) - samples_of(content)).mean((0, 2))
    assert (change[WIDTH // 2 :] == 0).all()
    assert change[: WIDTH // 8].mean() > 3 * change[3 * WIDTH // 8 : WIDTH // 2].mean() > 0


def test_with_everything_selected_composite_is_the_same_picture(jobs):
    content, mask = noise(), mask_of(np.full((HEIGHT, WIDTH), 255))
    assert bytes(jobs.run(content, mask, composite=True)[1].data) == bytes(jobs.run(content)[1].data)


def test_the_colours_that_a_seamless_layer_keeps_have_no_jump_either(jobs):
    across = np.linspace(0, 255, 64).astype(np.uint8)
    samples = np.stack([across, np.full(64, 128, np.uint8), across[::-1]], axis=1)[None].repeat(32, axis=0)
    _, result = jobs.run(of(samples, "RGB", "u8"), seamless=True, keep_colours="luminance")
    redness = samples_of(result).astype(float) @ [1, 0, -1]
    assert np.abs(redness[:, 0] - redness[:, -1]).mean() < 25  # of 510


@pytest.mark.parametrize("sample", ["u16", "f16", "f32"])
def test_a_mask_may_be_of_any_depth(jobs, sample):
    values = (left_half() / 255 * WHOLE.get(sample, 1)).astype(DTYPES[sample])[..., None]
    content = noise()
    _, result = jobs.run(content, of(values, "GRAY", sample, curve="linear"), composite=True)
    assert bytes(result.data) == bytes(jobs.run(content, mask_of(left_half()), composite=True)[1].data)


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH - 1), (WIDTH, HEIGHT)])
def test_a_mask_of_another_size_is_refused(jobs, size):
    with pytest.raises(BadMask, match=f"{size[1]} × {size[0]} pixels and the picture {WIDTH} × {HEIGHT}"):
        jobs.run(noise(), mask_of(np.full(size, 255)))


def test_an_empty_selection_has_nothing_to_restyle(jobs):
    with pytest.raises(NothingToRestyle, match="selection is empty"):
        jobs.run(noise(), mask_of(np.zeros((HEIGHT, WIDTH))))


# --- transparency ---------------------------------------------------------------------------------------
def test_a_fully_transparent_layer_has_nothing_to_restyle(jobs):
    with pytest.raises(NothingToRestyle, match="no visible pixel"):
        jobs.run(with_alpha(noise(channels="RGBA"), 0))


def test_a_selection_of_transparent_pixels_has_nothing_to_restyle(jobs):
    alpha = 255 - left_half()
    with pytest.raises(NothingToRestyle, match="layer, where it is selected"):
        jobs.run(with_alpha(noise(channels="RGBA"), alpha), mask_of(left_half()))


def test_a_fully_transparent_style_is_refused(jobs):
    with pytest.raises(NothingToRestyle, match="style picture is fully transparent"):
        jobs.run(noise(), styles=[with_alpha(noise(channels="RGBA"), 0)])


@pytest.mark.parametrize("composite", [False, True])
@pytest.mark.parametrize("keep", ["off", "luminance", "palette"])
def test_the_bytes_of_hidden_pixels_stay(jobs, composite, keep):
    content = with_alpha(noise(channels="RGBA", sample="u16"), left_half() * 257)
    _, result = jobs.run(content, composite=composite, keep_colours=keep)
    hidden = left_half() == 0
    assert samples_of(result)[hidden].tobytes() == samples_of(content)[hidden].tobytes()
    assert samples_of(result)[~hidden].tobytes() != samples_of(content)[~hidden].tobytes()


def test_what_hidden_pixels_hold_does_not_show_in_the_others(jobs):
    alpha = left_half()
    one = with_alpha(noise(channels="RGBA"), alpha)
    samples = samples_of(one).copy()
    samples[alpha == 0, :3] = 255
    other = of(samples, "RGBA", "u8")
    results = [samples_of(jobs.run(content)[1])[alpha > 0] for content in (one, other)]
    assert results[0].tobytes() == results[1].tobytes()


def test_pixels_that_are_not_numbers_are_refused(jobs):
    samples = samples_of(noise(sample="f32")).copy()
    samples[3, 5, 1] = np.nan
    with pytest.raises(BadPixels, match="column 5, row 3"):
        jobs.run(of(samples, "RGB", "f32"))


# --- warm targets ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("change", [{"curve": "linear"}, {"channels": "BGRA"}], ids=str)
def test_the_same_bytes_in_another_format_are_another_picture_to_the_cache(jobs, change):
    content, style = noise(channels="RGBA"), with_alpha(noise(16, 16, "RGBA", seed=1), 255)
    jobs.run(content, styles=[style])
    content, style = (replace(p, format=replace(p.format, **change)) for p in (content, style))
    warm = jobs.run(content, styles=[style])[1]
    jobs.cache.clear()
    assert bytes(jobs.run(content, styles=[style])[1].data) == bytes(warm.data)


def test_the_same_pixels_in_another_profile_are_another_picture_to_the_cache(jobs):
    style = noise(16, 16, seed=1)
    adobe = replace(style, format=replace(style.format, profile=imagecodecs.cms_profile("adobergb")))
    jobs.run(noise(), styles=[style])
    warm = jobs.run(noise(), styles=[adobe])[1]
    jobs.cache.clear()
    assert bytes(jobs.run(noise(), styles=[adobe])[1].data) == bytes(warm.data)


def test_a_second_run_takes_its_targets_from_the_cache_and_ends_the_same(jobs):
    first = jobs.run(noise())[1]
    misses = jobs.cache.misses
    assert bytes(jobs.run(noise())[1].data) == bytes(first.data)
    assert jobs.cache.misses == misses


# --- on the way -----------------------------------------------------------------------------------------
def test_progress_and_previews_are_told(jobs):
    sink = Recorder()
    jobs.run(noise(), sink=sink, iterations=5)
    last, previews = sink.of(JobProgress)[-1], sink.of(JobPreview)
    assert last.done == pytest.approx(1)
    assert (last.step, last.steps, last.width) == (5, 5, WIDTH)
    assert previews
    assert all((p.width, p.height, len(p.data)) == (20, 12, 20 * 12 * 3) for p in previews)


def test_a_cancelled_job_leaves_its_last_picture(jobs):
    stopped = jobs.restyle(jobs.spec(noise()), Recorder({"j"}))
    data = (jobs.folder / "last").read_bytes()
    assert isinstance(stopped, JobStopped)
    assert stopped.last_image.blob == hashlib.sha256(data).digest()
    assert np.isfinite(np.load(jobs.folder / "last")).all()
    assert not (jobs.folder / "result").exists()


def test_a_cancelled_job_keeps_the_best_picture_that_was_seen(jobs):
    spec = jobs.spec(noise(), iterations=30)
    layer = Layer(spec, CPU)
    style = Layer(replace(spec, content=spec.styles[0].picture), CPU).source
    steps = stylise(layer.source, [style], spec.settings, jobs.network)
    progress = [next(steps) for _ in range(6)][-1]
    steps.close()  # the picture is now the best of those that were judged
    assert isinstance(jobs.restyle(spec, Recorder(CancelledAtCheck(6))), JobStopped)
    assert np.array_equal(np.load(jobs.folder / "last"), progress.image.numpy())


def test_other_jobs_being_cancelled_is_no_reason_to_stop(jobs):
    assert isinstance(jobs.restyle(jobs.spec(noise()), Recorder({"another"})), JobDone)


def test_the_last_picture_is_kept_unrounded_for_a_later_start(jobs):
    ending, result = jobs.run(noise())
    data = (jobs.folder / "last").read_bytes()
    assert ending.last_image.blob == hashlib.sha256(data).digest()
    image = np.load(jobs.folder / "last").transpose(1, 2, 0)
    np.testing.assert_allclose(samples_of(result), image.clip(0, 1) * 255, rtol=0, atol=0.51)


def test_a_job_goes_on_from_the_last_picture(jobs):
    path = jobs.folder / "earlier.npy"
    np.save(path, np.full((3, HEIGHT, WIDTH), 0.25, np.float32))
    spec = jobs.spec(noise(), start=StartingImage(path, 0), iterations=1)
    ending = jobs.restyle(replace(spec, settings=replace(spec.settings, start="last")))
    result = jobs.result(ending)
    assert ending.started_from == "last"
    assert abs(float(samples_of(result).mean()) / 255 - 0.25) < 0.1


@pytest.mark.parametrize(("start", "told"), [("content", "content"), ("noise", "noise"), ("last", "content")])
def test_without_a_last_picture_the_job_tells_where_it_started(jobs, start, told):
    spec = jobs.spec(noise())
    assert jobs.restyle(replace(spec, settings=replace(spec.settings, start=start))).started_from == told


# --- what a crash leaves ---------------------------------------------------------------------------
def stood(jobs, value: float = 0.25, step: int = 0, check: bool = True) -> StartingImage:
    path = jobs.folder / "stood.npy"
    np.save(path, np.full((3, HEIGHT, WIDTH), value, np.float32))
    return StartingImage(path, step, verify_inputs=check)


def test_the_picture_in_work_is_left_again_and_again(jobs, monkeypatch):
    monkeypatch.setattr(checkpoint_writer, "TIME_SHARE", float("inf"))
    sink = Recorder()
    jobs.run(noise(), sink=sink, iterations=3)
    kept = sink.of(CheckpointSaved)
    assert len(kept) >= 3
    assert [k.done for k in kept] == sorted(k.done for k in kept)
    assert np.load(jobs.folder / "kept.npy").shape == (3, HEIGHT, WIDTH)
    assert Image.open(io.BytesIO(kept[0].thumbnail)).size == (WIDTH, HEIGHT)
    assert len(kept[0].style_thumbnails) == 1


def test_a_restyle_that_was_stopped_makes_the_steps_that_are_left(jobs):
    sink = Recorder()
    ending, _ = jobs.run(noise(), start=stood(jobs, step=7), sink=sink, iterations=10)
    assert ending.started_from == "last"
    assert {progress.steps for progress in sink.of(JobProgress)} == {3}


def test_as_it_is_gives_the_picture_as_far_as_it_got(jobs):
    ending = jobs.restyle(replace(jobs.spec(noise(), start=stood(jobs, 0.25)), finish_now=True))
    assert ending.started_from == "last"
    assert set((jobs.folder / "result").read_bytes()) == {64}


def test_as_it_is_without_a_picture_is_an_error(jobs):
    with pytest.raises(NothingToRestyle, match="Restyle again"):
        jobs.restyle(replace(jobs.spec(noise()), finish_now=True))


def test_a_picture_damaged_by_a_crash_is_told_not_worked_on(jobs):
    spec = jobs.spec(noise(), start=stood(jobs))
    path = spec.content.file
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    with pytest.raises(WrongHash, match="damaged"):
        jobs.restyle(spec)


@pytest.mark.parametrize("damage", [b"", b"no array", b"\x93NUMPY\x01\x00v\x00"])
def test_a_damaged_last_picture_is_passed_over(jobs, damage):
    start = stood(jobs, check=False)
    start.path.write_bytes(damage)
    assert jobs.run(noise(), start=start)[0].started_from == "content"


def test_a_disk_that_takes_no_picture_in_work_costs_a_sentence_not_the_restyle(jobs, monkeypatch):
    monkeypatch.setattr(checkpoint_writer, "TIME_SHARE", float("inf"))
    sink = Recorder()
    spec = jobs.spec(noise(), iterations=4)
    spec = replace(spec, outputs=replace(spec.files, checkpoint=jobs.folder / "no folder" / "kept.npy"))
    assert isinstance(jobs.restyle(spec, sink), JobDone)
    assert len(sink.of(JobNotice)) == 1
