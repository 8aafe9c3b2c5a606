"""Numbered frames and animated pictures, read and written without PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.film.copying import WHOLE, copied, pictures_of
from tests.film.films import difference, pan
from velatura.errors import FileExists, NotAPicture, PictureTooLarge, UsageError
from velatura_daemon.film.animation_file import write_apng
from velatura_daemon.film.plan import plan_of
from velatura_daemon.film.recipe import masks_for
from velatura_daemon.film.sinks import SinkOptions, default_output, sink_for
from velatura_daemon.film.sources import open_source
from velatura_daemon.film.timing import range_from
from velatura_daemon.imaging.files import read_picture, to_display_rgb
from velatura_daemon.imaging.files.raster import Raster, from_picture, to_picture

DURATIONS = [40, 40, 200, 70, 500]
NUMBERS = (1, 2, 3, 4, 5, 6)


def save_animation(path: Path, *, alpha: bool = False, loop: int = 0) -> Path:
    frames = pan(2, len(DURATIONS), 4)
    if alpha:
        frames = [np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)]) for frame in frames]
        for frame in frames:
            frame[:20, :20, 3] = 0
    images = [Image.fromarray(frame) for frame in frames]
    options = {"lossless": True} if path.suffix == ".webp" else {}
    images[0].save(path, save_all=True, append_images=images[1:], duration=DURATIONS, loop=loop, disposal=2, **options)
    return path


def shown(path: Path) -> tuple[list[np.ndarray], list[int]]:
    """The frames as a viewer shows them, RGBA, and for how many milliseconds."""
    with Image.open(path) as image:
        frames, durations = [], []
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            durations.append(round(image.info["duration"]))
            frames.append(np.asarray(image.convert("RGBA")))
        return frames, durations


def numbered(folder: Path, numbers=NUMBERS, name: str = "frame_{:04}.png") -> Path:
    folder.mkdir()
    for number, frame in zip(numbers, pan(3, len(numbers)), strict=True):
        if name.endswith(".tif"):
            tifffile.imwrite(folder / name.format(number), frame.astype(np.uint16) * 257 + 3)
        else:
            Image.fromarray(frame).save(folder / name.format(number))
    return folder


# --- animations ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_the_timing_of_an_animation_is_kept(suffix, tmp_path):
    path = save_animation(tmp_path / f"a{suffix}")
    copy, _ = copied(path, tmp_path / f"copy{suffix}")
    assert shown(copy)[1] == DURATIONS


@pytest.mark.parametrize(("suffix", "most"), [(".gif", 12), (".png", 0), (".webp", 8)])
@pytest.mark.parametrize("alpha", [False, True])
def test_the_frames_of_an_animation_are_kept(suffix, most, alpha, tmp_path):
    path = save_animation(tmp_path / f"a{suffix}", alpha=alpha)
    copy, _ = copied(path, tmp_path / f"copy{suffix}")
    for one, other in zip(shown(path)[0], shown(copy)[0], strict=True):
        assert np.array_equal(one[..., 3] > 127, other[..., 3] > 127)
        visible = one[..., 3] > 127
        assert difference(one[visible], other[visible]) <= most


@pytest.mark.parametrize("loop", [0, 3])
@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_an_animation_loops_as_often_as_before(suffix, loop, tmp_path):
    path = save_animation(tmp_path / f"a{suffix}", loop=loop)
    copy, _ = copied(path, tmp_path / f"copy{suffix}")
    with Image.open(path) as one, Image.open(copy) as other:
        assert other.info["loop"] == one.info["loop"]


def test_a_single_picture_is_refused_with_the_command_for_it(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"single picture.*velatura restyle.*frame_####.png"):
        open_source(tmp_path / "a.png", None)


def test_of_a_truncated_animation_what_there_is_is_read_and_told(tmp_path):
    path = save_animation(tmp_path / "a.gif")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    plan = plan_of(source := open_source(path, None), WHOLE)
    assert 0 < len(plan) < len(DURATIONS)
    assert "a.gif is truncated" in plan.facts.notes[0]
    assert len(pictures_of(source, plan)) == len(plan)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_of_an_animation_of_very_many_frames_the_first_are_read_and_told(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr("velatura_daemon.imaging.files.limits.MAX_PAGES", 3)
    source = open_source(save_animation(tmp_path / f"a{suffix}"), None)
    plan = plan_of(source, WHOLE)
    assert len(plan) == len(pictures_of(source, plan)) == 3
    assert f"a{suffix} has 5 frames, of which the first 3 are restyled" in plan.facts.notes[0]
    assert not plan_of(source, range_from(None, "3")).facts.notes
    assert plan_of(source, range_from("2", None)).facts.notes


def test_a_damaged_animation_is_refused(tmp_path):
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    with pytest.raises(NotAPicture):
        open_source(tmp_path / "a.gif", None)


def test_a_range_of_an_animation_may_be_given_in_times(tmp_path):
    path = save_animation(tmp_path / "a.webp")
    copy, _ = copied(path, tmp_path / "copy.webp", "0.08", "0.3s")
    assert shown(copy)[1] == DURATIONS[2:4]


def test_a_picture_that_an_apng_shows_to_old_viewers_alone_is_no_frame(tmp_path):
    frames = [Image.fromarray(frame) for frame in pan(2, 4)]
    path = tmp_path / "a.png"
    Image.new("RGB", frames[0].size, "red").save(
        path, save_all=True, append_images=frames, default_image=True, duration=DURATIONS[:4]
    )
    copy, _ = copied(path, tmp_path / "copy.webp")
    pictures, durations = shown(copy)
    assert durations == DURATIONS[:4]
    assert difference(pictures[0][..., :3], np.asarray(frames[0])) < 8


@pytest.mark.parametrize(("suffix", "most"), [(".gif", 12), (".png", 0), (".webp", 8)])
def test_frames_of_different_formats_become_one_animation(suffix, most, tmp_path):
    """Many programs leave out the transparency of a frame that has none, and the colours of a grey one."""
    folder = numbered(tmp_path / "shots")
    colours = [np.array(Image.open(folder / f"frame_{number:04}.png")) for number in NUMBERS]
    clear = np.dstack([colours[2], np.full(colours[2].shape[:2], 255, np.uint8)])
    clear[:20, :20, 3] = 0
    Image.fromarray(clear).save(folder / "frame_0003.png")
    colours[3][:] = colours[3].mean(axis=2, keepdims=True)
    Image.fromarray(colours[3][..., 0]).save(folder / "frame_0004.png")
    (folder / "frame_0005.png").unlink()
    tifffile.imwrite(folder / "frame_0005.tif", colours[4].astype(np.uint16) * 257)
    copy, _ = copied(folder, tmp_path / f"copy{suffix}")
    pictures, _ = shown(copy)
    assert len(pictures) == len(NUMBERS)
    for number, (picture, colour) in enumerate(zip(pictures, colours, strict=True), 1):
        opaque = picture[..., 3] > 127
        assert opaque[:20, :20].any() == (number != 3) and opaque[20:].all()
        assert difference(picture[opaque][..., :3], colour[opaque]) <= most


def test_the_colours_of_frames_in_floating_point_are_converted_once(tmp_path):
    """An APNG has whole numbers, in sRGB."""
    light = np.array(pan(2, 1)[0], np.float32) / 255
    picture = to_picture(Raster(light, "linear", imagecodecs.cms_profile("adobergb")))
    with (tmp_path / "a.png").open("wb") as file:
        write_apng(file, iter([(picture, 40)]), 1, 0, "")
    as_shown = from_picture(to_display_rgb(read_picture(tmp_path / "a.png").picture)).pixels
    assert difference(as_shown, from_picture(to_display_rgb(picture)).pixels) <= 1


@pytest.mark.parametrize("output", ["film.mp4", "a.png", "a.webp", "a.gif", "frames.#.png", "frames.#.tif"])
def test_light_above_white_is_clipped_with_a_note_except_in_files_that_have_it(output, tmp_path):
    """It is not compressed: each frame would be adapted to its own brightest pixel, and flicker."""
    folder = tmp_path / "shots"
    folder.mkdir()
    for number in NUMBERS:
        light = np.full((48, 64, 3), 0.25, np.float32)
        light[:24] = number  # only the first one has nothing above white
        tifffile.imwrite(folder / f"{number}.tif", light, photometric="rgb")
    copy, notes = copied(folder, tmp_path / output)
    assert any("above white were clipped" in note for note in notes) == (output != "frames.#.tif")
    assert not any("above white" in note for note in copied(folder, tmp_path / f"first {output}", None, "1")[1])
    if output == "a.png":
        pictures, _ = shown(copy)
        assert all(picture[30, 30].tolist() == pictures[0][30, 30].tolist() for picture in pictures)


def test_large_frames_become_an_animation_if_they_are_scaled_down(tmp_path):
    source = open_source(numbered(tmp_path / "shots"), None)
    plan = plan_of(source, WHOLE)
    plan.facts.size = 20_000, 100
    sink = sink_for(tmp_path / "a.webp", source, Path("oil.png"))
    with pytest.raises(PictureTooLarge, match=r"up to 16383 pixels per side.* --size"):
        sink.check(source, plan, SinkOptions())
    sink.check(source, plan, SinkOptions(size=16_000))


# --- numbered frames -----------------------------------------------------------------------------------------------
def test_missing_frames_are_named_and_nothing_is_started(tmp_path):
    folder = numbered(tmp_path / "shots", (1, 2, 4, 8, 9))
    with pytest.raises(UsageError, match=r"4 frames are missing in .*shots: 3, 5–7\. Nothing was started"):
        open_source(folder, None)


@pytest.mark.parametrize(
    ("other", "given", "expected"),
    [
        ("frame_0002.jpg", ".", r"frame_0002\.jpg and frame_0002\.png"),
        ("frame_02.png", ".", r"frame_0002\.png and frame_02\.png"),
        ("frame_02.png", "frame_#.png", r"frame_0002\.png and frame_02\.png"),
    ],
)
def test_two_frames_with_one_number_are_named_and_nothing_is_started(other, given, expected, tmp_path):
    folder = numbered(tmp_path / "shots")
    Image.open(folder / "frame_0002.png").save(folder / other)
    with pytest.raises(UsageError, match=rf"{expected} have the same number\. Nothing was started"):
        open_source(folder / given, None)


def test_pictures_whose_names_differ_in_more_than_their_numbers_are_no_duplicates(tmp_path):
    folder = numbered(tmp_path / "shots", (1, 2))
    for name in ("take_0001.png", "frame_0001_b.png", "poster.png", "poster.jpg"):
        Image.new("RGB", (64, 48)).save(folder / name)
    assert len(open_source(folder, None).files) == 6
    assert len(open_source(folder / "frame_#.png", None).files) == 2


def test_a_mask_among_the_frames_is_no_frame(tmp_path):
    folder = numbered(tmp_path / "shots")
    mask = folder / "mask.png"
    Image.new("L", (64, 48), 255).save(mask)
    source = open_source(folder, None, [tmp_path / "shots" / ".." / "shots" / "mask.png"])
    assert mask not in source.files and len(source.files) == len(NUMBERS)
    assert "1 file used as painting or mask" in source.facts.notes[0]


def test_a_folder_among_the_frames_is_mentioned_without_an_option_that_film_does_not_have(tmp_path):
    folder = numbered(tmp_path / "shots")
    (folder / "old").mkdir()
    assert open_source(folder, None).facts.notes == ("Ignored: 1 folder.",)
    (tmp_path / "empty" / "old").mkdir(parents=True)
    for read in (lambda folder: open_source(folder, None), lambda folder: masks_for(folder, 1, lambda: 0, WHOLE)):
        with pytest.raises(UsageError, match=r"no pictures in .*Ignored: 1 folder\.$"):
            read(tmp_path / "empty")


def test_a_missing_frame_of_a_pattern_is_named(tmp_path):
    folder = numbered(tmp_path / "shots", (1, 2, 4))
    with pytest.raises(UsageError, match="Frame 3 is missing"):
        open_source(folder / "frame_####.png", None)


def test_a_pattern_takes_longer_numbers_and_no_other_names(tmp_path):
    folder = numbered(tmp_path / "shots", (9998, 9999, 10000))
    Image.new("RGB", (8, 8)).save(folder / "poster.png")
    source = open_source(folder / "frame_####.png", None)
    assert [file.name for file in source.files] == ["frame_9998.png", "frame_9999.png", "frame_10000.png"]


def test_a_pattern_without_files_is_told(tmp_path):
    with pytest.raises(UsageError, match="No file matches"):
        open_source(tmp_path / "frame_####.png", None)


def test_frames_of_different_sizes_are_refused_by_name(tmp_path):
    folder = numbered(tmp_path / "shots")
    Image.new("RGB", (10, 10)).save(folder / "frame_0004.png")
    source = open_source(folder, None)
    with pytest.raises(UsageError, match=r"frame_0004.png is 10 × 10 pixels, but frame_0001.png is 64 × 48"):
        plan_of(source, WHOLE)


def test_numbered_frames_keep_their_names_and_depth(tmp_path):
    folder = numbered(tmp_path / "shots", name="frame_{:04}.tif")
    copy, _ = copied(folder, tmp_path / "out")
    assert [file.name for file in sorted(copy.iterdir())] == [f"frame_{number:04}.tif" for number in NUMBERS]
    for name in ("frame_0001.tif", "frame_0006.tif"):
        assert np.array_equal(tifffile.imread(copy / name), tifffile.imread(folder / name))


def test_frames_may_be_written_by_a_pattern(tmp_path):
    folder = numbered(tmp_path / "shots")
    copied(folder, tmp_path / "out" / "shot##.png")
    assert [file.name for file in sorted((tmp_path / "out").iterdir())] == [f"shot{n:02}.png" for n in NUMBERS]


def test_an_existing_frame_is_not_overwritten(tmp_path):
    folder = numbered(tmp_path / "shots")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "frame_0003.png").write_bytes(b"mine")
    with pytest.raises(FileExists, match=r"frame_0003.png already exists"):
        copied(folder, tmp_path / "out")


def test_results_are_not_written_among_the_frames(tmp_path):
    folder = numbered(tmp_path / "shots")
    with pytest.raises(UsageError, match="among the frames"):
        copied(folder, folder)


def test_numbered_frames_get_the_rate_that_was_given(tmp_path):
    source = open_source(numbered(tmp_path / "shots"), Fraction(12))
    assert plan_of(source, WHOLE).timing.rate == 12


@pytest.mark.parametrize(("name", "output"), [("shots", "shots-in-oil"), ("a.gif", "a-in-oil.gif")])
def test_the_default_output_is_of_the_same_kind(name, output, tmp_path):
    path = numbered(tmp_path / name) if name == "shots" else save_animation(tmp_path / name)
    assert default_output(open_source(path, None), Path("oil.png")) == tmp_path / output


def test_a_name_that_cannot_be_written_is_refused(tmp_path):
    source = open_source(numbered(tmp_path / "shots"), None)
    with pytest.raises(UsageError, match=r"cannot write film.avi as a film"):
        sink_for(tmp_path / "film.avi", source, Path("oil.png")).check(source, None, SinkOptions())


def test_a_later_frame_can_be_read_first(tmp_path):
    source = open_source(save_animation(tmp_path / "a.webp"), None)
    plan = plan_of(source, WHOLE)
    late = from_picture(pictures_of(source, plan, 3)[0]).pixels
    assert np.array_equal(late, from_picture(pictures_of(source, plan)[3]).pixels)


@pytest.mark.parametrize(("name", "painting"), [("shots.v2", "oil"), ("shots", "oil.large")])
def test_a_dot_in_a_name_does_not_make_the_default_folder_a_file(name, painting, tmp_path):
    source = open_source(numbered(tmp_path / name), None)
    assert sink_for(None, source, Path(f"{painting}.png")).output == tmp_path / f"{name}-in-{painting}"


def test_a_number_sign_in_an_animations_name_is_no_pattern(tmp_path):
    source = open_source(save_animation(tmp_path / "take#2.gif"), None)
    assert sink_for(None, source, Path("oil.png")).output == tmp_path / "take#2-in-oil.gif"


def test_a_missing_frame_is_found_if_its_number_is_not_the_names_last(tmp_path):
    folder = numbered(tmp_path / "shots", (1, 2, 4), "frame_{:04}_v2.png")
    with pytest.raises(UsageError, match="Frame 3 is missing"):
        open_source(folder / "frame_####_v2.png", None)


def test_frames_are_never_written_over_the_films_own(tmp_path):
    folder = numbered(tmp_path / "shots")
    with pytest.raises(UsageError, match="among the frames"):
        copied(folder, folder / "frame_####.png", options=SinkOptions(force=True))


def test_a_pattern_with_several_numbers_is_refused(tmp_path):
    source = open_source(numbered(tmp_path / "shots"), None)
    with pytest.raises(UsageError, match="several numbers"):
        sink_for(tmp_path / "shot#_####.png", source, Path("oil.png"))


def test_nothing_is_left_of_numbered_frames_that_could_not_be_written(tmp_path):
    source = open_source(numbered(tmp_path / "shots"), None)
    plan = plan_of(source, WHOLE)
    output = tmp_path / "out"
    output.mkdir()
    (output / "mine.txt").touch()

    def stop(number: int) -> None:
        if number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sink_for(output, source, Path("p.png")).write(source, plan, pictures_of(source, plan), SinkOptions(), stop)
    assert [file.name for file in output.iterdir()] == ["mine.txt"]


def test_the_frames_of_a_gif_keep_their_pace_although_it_counts_in_hundredths(tmp_path):
    source = open_source(numbered(tmp_path / "shots"), Fraction(24))
    plan = plan_of(source, WHOLE)
    output = tmp_path / "copy.gif"
    sink_for(output, source, Path("p.png")).write(
        source, plan, pictures_of(source, plan), SinkOptions(), lambda _: None
    )
    assert shown(output)[1] == [40, 40, 40, 50, 40, 40]


@pytest.mark.parametrize(("rate", "is_slower"), [(50, False), (60, True), (240, True)])
def test_a_gif_of_more_frames_than_browsers_show_in_a_second_is_told(rate, is_slower, tmp_path):
    source = open_source(numbered(tmp_path / "shots"), Fraction(rate))
    plan = plan_of(source, WHOLE)
    for suffix in (".gif", ".webp"):
        sink = sink_for(tmp_path / f"copy{suffix}", source, Path("p.png"))
        notes = sink.write(source, plan, pictures_of(source, plan), SinkOptions(), lambda _: None)
        told = any("shorter than 1/50 second for 1/10 second" in note for note in notes)
        assert told == (is_slower and suffix == ".gif")


@pytest.mark.parametrize(("name", "depth"), [("frame_{:04}.png", 1), ("frame_{:04}.tif", 2)])
def test_deeper_frames_need_more_room(name, depth, tmp_path):
    source = open_source(numbered(tmp_path / "shots", name=name), None)
    plan = plan_of(source, WHOLE)
    assert sink_for(None, source, Path("p.png")).size_estimate(source, plan, 100) == pytest.approx(6 * 260 * depth)


def test_an_animation_that_became_shorter_ends_early(tmp_path):
    source = open_source(path := save_animation(tmp_path / "a.gif"), None)
    plan = plan_of(source, WHOLE)
    frames = [Image.fromarray(frame) for frame in pan(2, 3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert len(pictures_of(source, plan)) == 3
