"""Reading and writing films: what goes in comes out, but for the restyle."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.film.copying import WHOLE, copied, pictures_of
from tests.film.films import HEIGHT, WIDTH, difference, frames_of, pan, sound_of, write_film, write_sound
from velatura.errors import FileExists, NotAPicture, NotInstalled, UsageError
from velatura_daemon.film import extra
from velatura_daemon.film.plan import Plan, plan_of
from velatura_daemon.film.sinks import SinkOptions, sink_for
from velatura_daemon.film.sources import open_source
from velatura_daemon.film.timing import range_from
from velatura_daemon.film.video import Decoder
from velatura_daemon.imaging.files.raster import from_picture

ADTS = 7  # bytes of a header before each packet of AAC in a .ts file
MOST = 4.0  # mean difference, of 255, after encoding twice with 4:2:0


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_film(tmp_path / "film.mp4", pan(1, 10), sound="aac")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_copy_has_the_same_frames_at_the_same_times(film, suffix):
    copy, _ = copied(film, film.with_name(f"copy{suffix}"))
    (before, times), (after, copied_times) = frames_of(film), frames_of(copy)
    assert len(after) == len(before) == 10
    # The whole of it may begin later: Matroska allows no time before 0, where an AAC encoder's first packet is.
    shift = copied_times[0] - times[0]
    assert [float(time - shift) for time in copied_times] == pytest.approx([float(time) for time in times], abs=0.001)
    assert max(difference(a, b) for a, b in zip(before, after, strict=True)) < MOST


def test_the_sound_is_copied_as_it_is(film):
    copy, _ = copied(film, film.with_name("copy.mp4"))
    assert sound_of(copy) == sound_of(film)


def test_sound_can_be_left_out(film):
    copy, _ = copied(film, film.with_name("copy.mp4"), options=SinkOptions(sound=False))
    with av.open(str(copy)) as container:
        assert not container.streams.audio


def test_sound_that_a_file_cannot_have_is_told_before_the_work(film):
    source = open_source(film, None)
    with pytest.raises(UsageError, match=r"cannot contain the sound of film.mp4 \(aac\).*--no-sound"):
        sink_for(film.with_name("copy.webm"), source, Path("p.png")).check(source, None, SinkOptions())


def test_the_frame_rate_is_kept(tmp_path):
    film = write_film(tmp_path / "film.mp4", pan(1, 6), rate=Fraction(24000, 1001))
    copy, _ = copied(film, tmp_path / "copy.mp4")
    with av.open(str(copy)) as container:
        assert container.streams.video[0].average_rate == Fraction(24000, 1001)


def test_a_variable_frame_rate_is_kept(tmp_path):
    starts = [0, 40, 80, 200, 210, 500]
    film = write_film(tmp_path / "film.mkv", pan(1, 6), starts=starts, unit=Fraction(1, 1000))
    copy, _ = copied(film, tmp_path / "copy.mp4")
    assert [round(float(time) * 1000) for time in frames_of(copy)[1]] == starts


# Standard definition, and high definition with the full range.
@pytest.mark.parametrize("tags", [(6, 6, 5, 1), (1, 1, 1, 1), (1, 1, 1, 2), (9, 14, 9, 1)])
def test_colour_tags_are_kept_and_colours_too(tags, tmp_path):
    film = write_film(tmp_path / "film.mp4", pan(3, 3), tags=tags)
    copy, _ = copied(film, tmp_path / "copy.mp4")
    with av.open(str(copy)) as container:
        context = container.streams.video[0].codec_context
        found = context.color_primaries, context.color_trc, context.colorspace, context.color_range
    assert found == tags
    with av.open(str(film)) as one, av.open(str(copy)) as other:
        planes = [np.asarray(next(container.decode(video=0)).to_ndarray()) for container in (one, other)]
    assert difference(*planes) < MOST


def test_the_colours_of_frames_are_those_that_were_encoded(tmp_path):
    flat = [np.full((48, 64, 3), (200, 40, 90), np.uint8)] * 2
    source = open_source(write_film(tmp_path / "film.mp4", flat), None)
    pixels = from_picture(pictures_of(source, plan_of(source, WHOLE))[0]).pixels
    assert difference(pixels, flat[0]) < 2.5


def test_a_turned_film_is_upright_in_the_copy(tmp_path):
    frames = pan(1, 3)
    frames = [frame.copy() for frame in frames]
    for frame in frames:
        frame[:24, :32] = 255  # the upper left quarter
    film = write_film(tmp_path / "film.mp4", frames, rotation=90)
    copy, notes = copied(film, tmp_path / "copy.mp4")
    shown = frames_of(copy)[0][0]
    assert shown.shape[:2] == (WIDTH, HEIGHT)
    assert shown[WIDTH // 2 + 8 :, : HEIGHT // 2 - 8].min() > 200  # turned counter-clockwise: lower left
    assert any("rotated by 90 degrees" in note for note in notes)


def test_odd_sizes_are_padded_by_a_pixel_and_told(tmp_path):
    film = write_film(tmp_path / "film.mkv", pan(1, 3, width=63, height=47), codec="ffv1", tags=None)
    copy, notes = copied(film, tmp_path / "copy.mp4")
    shown = frames_of(copy)[0][0]
    assert shown.shape[:2] == (48, 64)
    assert any("63 × 47 became 64 × 48" in note for note in notes)


def test_a_webm_keeps_an_odd_size(tmp_path):
    film = write_film(tmp_path / "film.mkv", pan(1, 3, width=63, height=47), codec="ffv1", tags=None)
    copy, notes = copied(film, tmp_path / "copy.webm")
    assert frames_of(copy)[0][0].shape[:2] == (47, 63)
    assert not notes


def test_ten_bits_become_eight_and_are_told(tmp_path):
    deep = [frame.astype(np.uint16) * 257 for frame in pan(1, 3)]
    film = write_film(tmp_path / "film.mkv", deep, codec="ffv1", pix_fmt="yuv420p10le")
    copy, notes = copied(film, tmp_path / "copy.mp4")
    assert "film.mkv has 10 bits per sample. The result has 8." in notes
    assert difference(frames_of(copy)[0][0], frames_of(film)[0][0]) < 2 * MOST  # vivid colours, encoded twice


def test_hdr_becomes_a_standard_film_and_is_told(tmp_path):
    # Diffuse white of 203 candela per square metre is at 58 % of PQ's range (ITU-R BT.2408).
    white = [np.full((48, 64, 3), round(0.58 * 65535), np.uint16)] * 2
    film = write_film(tmp_path / "film.mkv", white, codec="ffv1", pix_fmt="yuv420p10le", tags=(9, 16, 9, 1))
    copy, notes = copied(film, tmp_path / "copy.mp4")
    assert any("HDR film (PQ, 10 bits)" in note for note in notes)
    with av.open(str(copy)) as container:
        assert container.streams.video[0].codec_context.color_trc == 1
    assert 190 < frames_of(copy)[0][0].mean() < 250


def with_transparency(frames: list[np.ndarray]) -> list[np.ndarray]:
    """The upper left quarter is fully transparent, and black below."""
    clear = [np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)]) for frame in frames]
    for frame in clear:
        frame[: HEIGHT // 2, : WIDTH // 2] = 0
    return clear


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("f.mkv", "ffv1", "yuva420p"), ("f.mkv", "ffv1", "bgra"), ("f.mov", "qtrle", "argb"), ("f.mov", "png", "rgba")],
)
def test_transparency_of_a_film_becomes_white_in_films_and_is_kept_otherwise(name, codec, pix_fmt, tmp_path):
    frames = with_transparency(pan(1, 3))
    tags = (1, 1, 1, 1) if pix_fmt == "yuva420p" else None
    film = write_film(tmp_path / name, frames, codec=codec, pix_fmt=pix_fmt, tags=tags)
    shown = frames_of(copied(film, tmp_path / "copy.mp4")[0])[0][1]
    assert shown[:20, :28].min() > 240
    assert difference(shown[28:], frames[1][28:, :, :3]) < 2 * MOST
    copied(film, tmp_path / "frames")
    with Image.open(copied(film, tmp_path / "copy.webp")[0]) as animation:
        animation.seek(1)
        animation.load()
        pictures = [animation.convert("RGBA"), Image.open(tmp_path / "frames" / "frame_0002.png")]
    for picture in map(np.asarray, pictures):
        assert picture[:20, :28, 3].max() == 0
        assert picture[28:, :, 3].min() == 255


def test_transparency_is_turned_with_the_film(tmp_path):
    frames = with_transparency(pan(1, 2))
    film = write_film(tmp_path / "film.mov", frames, codec="png", pix_fmt="rgba", tags=None, rotation=90)
    source = open_source(film, None)
    pixels = from_picture(pictures_of(source, plan_of(source, WHOLE))[0]).pixels
    assert pixels.shape == (WIDTH, HEIGHT, 4)
    assert pixels[WIDTH // 2 :, : HEIGHT // 2, 3].max() == 0  # turned counter-clockwise: lower left


@pytest.mark.parametrize("alpha", [0, 255])
def test_a_film_that_is_equally_transparent_everywhere_is_opaque(alpha, tmp_path):
    """Screen recorders leave the fourth sample unused."""
    frames = [np.dstack([frame, np.full(frame.shape[:2], alpha, np.uint8)]) for frame in pan(1, 3)]
    source = open_source(write_film(tmp_path / "f.mov", frames, codec="png", pix_fmt="rgba", tags=None), None)
    plan = plan_of(source, WHOLE)
    pixels = from_picture(pictures_of(source, plan)[2]).pixels
    assert not plan.facts.has_alpha
    assert np.array_equal(pixels, frames[2][..., :3])


def test_transparency_that_cannot_be_read_is_told(tmp_path):
    frames = with_transparency(pan(1, 2))
    film = write_film(tmp_path / "film.webm", frames, codec="libvpx-vp9", pix_fmt="yuva420p")
    _, notes = copied(film, tmp_path / "copy.mp4")
    assert any("transparency of film.webm cannot be read" in note for note in notes)


def test_a_film_without_pictures_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"sound.m4a has sound, but no video"):
        open_source(write_sound(tmp_path / "sound.m4a"), None)


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".tga", ".bmp"])
def test_a_photo_is_refused_with_the_command_for_it(suffix, tmp_path):
    Image.fromarray(pan(1, 1)[0]).save(path := tmp_path / f"photo{suffix}")
    with pytest.raises(UsageError, match=rf"single picture.*velatura restyle.*frame_####{suffix}"):
        open_source(path, None)


def test_a_file_that_is_no_film_is_refused(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"no film" * 100)
    with pytest.raises(NotAPicture, match=r"film.mp4 cannot be read as a film"):
        open_source(tmp_path / "film.mp4", None)


def test_of_a_truncated_film_what_there_is_is_read_and_told(tmp_path):
    noise = np.random.default_rng(1)
    frames = [noise.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(30)]
    film = write_film(tmp_path / "film.mkv", frames, codec="ffv1", tags=None)
    whole = film.read_bytes()
    film.write_bytes(whole[: len(whole) // 2])
    source = open_source(film, None)
    plan = plan_of(source, WHOLE)
    assert 10 < len(plan) < 20
    assert any("film.mkv is truncated" in note or "is damaged" in note for note in plan.facts.notes)
    assert len(pictures_of(source, plan)) == len(plan)


def test_a_film_whose_first_frame_is_damaged_can_be_written(tmp_path):
    film = write_film(tmp_path / "film.mkv", pan(1, 9), gop=3)
    with av.open(str(film)) as container:
        first = next(bytes(packet) for packet in container.demux(video=0))
    film.write_bytes(film.read_bytes().replace(first, b"\xff" * len(first)))
    copy, notes = copied(film, tmp_path / "copy.mkv")
    assert any("film.mkv is damaged" in note for note in notes)
    assert 0 < len(frames_of(copy)[0]) < 9


def test_reading_may_begin_at_any_frame(film):
    source = open_source(film, None)
    plan = plan_of(source, WHOLE)
    assert [picture.ref for picture in pictures_of(source, plan, 7)] == [
        picture.ref for picture in pictures_of(source, plan)[7:]
    ]


@pytest.mark.parametrize(
    ("first", "last", "frames"),
    [("3", "5", [2, 3, 4]), ("0.25s", None, [3, 4, 5, 6, 7, 8, 9]), (None, "0:00.3", [0, 1, 2])],
)
def test_a_range_is_given_in_frames_or_times(film, first, last, frames):
    copy, _ = copied(film, film.with_name("copy.mp4"), first, last)
    before, after = frames_of(film)[0], frames_of(copy)[0]
    assert len(after) == len(frames)
    assert all(difference(before[number], one) < MOST for number, one in zip(frames, after, strict=True))
    assert frames_of(copy)[1][0] == 0


def test_the_sound_of_a_range_is_that_of_its_frames(film):
    copy, _ = copied(film, film.with_name("copy.mkv"), "6", None)
    packets = sound_of(film)
    part = sound_of(copy)
    assert part == packets[-len(part) :]
    assert len(part) == pytest.approx(len(packets) / 2, abs=2)


def write_interleaved(path: Path, frames: int, seconds: float) -> Path:
    """A film of ten frames a second, with sound of another length."""
    picture, sound = path.with_name("picture.mkv"), path.with_name("sound.mkv")
    write_film(picture, pan(1, frames))
    write_film(sound, pan(1, round(10 * seconds)), sound="aac")
    with av.open(str(picture)) as one, av.open(str(sound)) as other, av.open(str(path), "w") as film:
        parts = (one.streams.video[0], film.add_stream_from_template(one.streams.video[0]))
        others = (other.streams.audio[0], film.add_stream_from_template(other.streams.audio[0]))
        for container, (stream, copy) in ((one, parts), (other, others)):
            for packet in container.demux(stream):
                if packet.size:
                    packet.stream = copy
                    film.mux(packet)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_that_lasts_longer_than_the_frames_is_copied_unless_a_range_ends_before(suffix, tmp_path):
    film = write_interleaved(tmp_path / f"film{suffix}", 10, 2.0)
    copy, _ = copied(film, tmp_path / f"copy{suffix}")
    assert sound_of(copy) == sound_of(film)
    part, _ = copied(film, tmp_path / f"part{suffix}", None, "5")
    assert len(sound_of(part)) == pytest.approx(len(sound_of(film)) / 4, abs=2)


def test_a_range_without_frames_is_refused(film):
    source = open_source(film, None)
    with pytest.raises(UsageError, match="no frame in this range"):
        plan_of(source, range_from("90", None))


def test_a_plan_that_was_saved_is_the_same(film):
    plan = plan_of(open_source(film, None), WHOLE)
    again = Plan.from_json(plan.to_json())
    assert again is not None
    assert again.to_json() == plan.to_json()


@pytest.mark.parametrize("damage", [{}, {"version": 1}, {"version": 0}, None])
def test_a_damaged_plan_is_ignored(damage):
    assert Plan.from_json(damage) is None


def test_an_existing_film_is_not_overwritten(film):
    (film.with_name("copy.mp4")).write_bytes(b"mine")
    with pytest.raises(FileExists):
        copied(film, film.with_name("copy.mp4"))


@pytest.mark.parametrize("suffix", [".mp4", ".webp"])
def test_a_file_that_appears_while_a_film_is_written_is_not_overwritten(suffix, film):
    source = open_source(film, None)
    plan = plan_of(source, WHOLE)
    output = film.with_name(f"copy{suffix}")
    with pytest.raises(FileExists, match="already exists"):
        sink_for(output, source, Path("p.png")).write(
            source, plan, pictures_of(source, plan), SinkOptions(), lambda _: output.write_bytes(b"mine") and None
        )
    assert output.read_bytes() == b"mine"
    assert sorted(path.name for path in film.parent.iterdir()) == sorted([film.name, output.name])


def test_a_film_is_never_written_over_itself(film):
    with pytest.raises(UsageError, match="the film itself"):
        copied(film, film, options=SinkOptions(force=True))


def test_nothing_is_left_of_a_film_that_could_not_be_written(film):
    source = open_source(film, None)
    plan = plan_of(source, WHOLE)
    sink = sink_for(film.with_name("copy.mp4"), source, Path("p.png"))
    before = sorted(film.parent.iterdir())

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sink.write(source, plan, pictures_of(source, plan), SinkOptions(), stop)
    assert sorted(film.parent.iterdir()) == before


def test_without_pyav_a_film_says_what_to_install(film, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(NotInstalled, match=r"pip install 'velatura\[film\]'"):
        extra.pyav()


def test_numbered_frames_become_a_film(tmp_path):
    from PIL import Image

    frames = pan(1, 4, width=63)
    (tmp_path / "shots").mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / "shots" / f"{number:03}.png")
    copy, _ = copied(tmp_path / "shots", tmp_path / "film.mp4")
    shown, times = frames_of(copy)
    assert times == [Fraction(number, 24) for number in range(4)]
    luma = np.array([0.299, 0.587, 0.114])  # colours have a quarter of the samples
    assert difference(shown[2][:, :63] @ luma, frames[2] @ luma) < MOST


@pytest.mark.parametrize("output", ["film.gif", "film.webp", "film.png", "frames"])
def test_a_film_becomes_an_animation_or_frames(film, output):
    from PIL import Image

    copy, _ = copied(film, film.with_name(output))
    if output == "frames":
        assert [file.name for file in sorted(copy.iterdir())] == [f"frame_{number:04}.png" for number in range(1, 11)]
        return
    with Image.open(copy) as image:
        assert image.n_frames == 10
        image.seek(4)
        image.load()
        assert image.info["duration"] == 100
        assert difference(np.asarray(image.convert("RGB")), frames_of(film)[0][4]) < 12  # a GIF has 255 colours


def test_a_films_pixels_may_be_no_squares(tmp_path):
    film = write_film(tmp_path / "film.mp4", pan(1, 3), aspect=Fraction(16, 11))
    copy, _ = copied(film, tmp_path / "copy.mp4")
    with av.open(str(copy)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


def test_a_films_metadata_is_kept_unless_stripped(film):
    with_title = film.with_name("titled.mp4")
    with av.open(str(film)) as one, av.open(str(with_title), "w") as other:
        other.metadata["title"] = "A walk"
        stream = other.add_stream_from_template(one.streams.video[0])
        for packet in one.demux(video=0):
            if packet.size:
                packet.stream = stream
                other.mux(packet)
    for strip, title in ((False, "A walk"), (True, None)):
        copy, _ = copied(with_title, film.with_name(f"copy{strip}.mp4"), options=SinkOptions(strip_metadata=strip))
        with av.open(str(copy)) as container:
            assert container.metadata.get("title") == title


def joined(folder: Path, *sizes: tuple[int, int], frames: int = 10, sound: str = "") -> Path:
    """Recordings that were joined: time stamps begin anew."""
    film = folder / "joined.ts"
    parts = [
        write_film(
            folder / f"{number}.ts", pan(number + 1, frames, width=width, height=height), rate=10, gop=5, sound=sound
        )
        for number, (width, height) in enumerate(sizes)
    ]
    film.write_bytes(b"".join(part.read_bytes() for part in parts))
    return film


def test_a_film_whose_size_changes_is_refused_before_the_work(tmp_path):
    film = joined(tmp_path, (64, 48), (32, 48))
    with pytest.raises(UsageError, match=r"joined.ts is 64 × 48 pixels, and from frame \d+ on 32 × 48"):
        plan_of(open_source(film, None), WHOLE)


def test_a_range_is_found_in_a_file_in_which_seeking_fails(tmp_path):
    film = write_film(tmp_path / "short.ts", pan(1, 10))
    source = open_source(film, None)
    plan = plan_of(source, range_from("0.5s", None))
    first = from_picture(pictures_of(source, plan)[0]).pixels
    assert len(plan) == 5
    assert np.argmin([difference(first, frame) for frame in frames_of(film)[0]]) == 5


def test_a_range_in_times_is_refused_if_some_frames_have_no_time(film, monkeypatch):
    decoded = Decoder.frames

    def frames(decoder):
        for number, frame in enumerate(decoded(decoder)):
            frame.pts = None if number == 9 else frame.pts
            yield frame

    monkeypatch.setattr(Decoder, "frames", frames)
    with pytest.raises(UsageError, match=r"times in film.mp4 are not in order.* --from"):
        plan_of(open_source(film, None), range_from("0.3s", None))


def test_sound_in_short_pieces_is_copied(tmp_path):
    """As of a recorder that leaves silence out."""
    film = write_film(tmp_path / "sound.mkv", pan(1, 5), rate=Fraction(1, 15), sound="aac")
    pieces = tmp_path / "pieces.mkv"
    with av.open(str(film)) as one, av.open(str(pieces), "w") as other:
        streams = {stream.index: other.add_stream_from_template(stream) for stream in one.streams}
        for packet in one.demux():
            if packet.size and (packet.stream.type == "video" or packet.pts * packet.time_base % 14 < 0.2):
                packet.stream = streams[packet.stream.index]
                other.mux(packet)
    copy, notes = copied(pieces, tmp_path / "copy.mkv")
    assert sound_of(copy) == sound_of(pieces)
    assert not notes


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_a_damaged_film_can_be_written_and_does_not_last_longer(codec, tmp_path):
    """Its sound may not be readable, or begin at any time."""
    film = write_film(tmp_path / "whole.ts", pan(1, 40, width=160, height=96), codec=codec, rate=25, sound="aac")
    whole = film.read_bytes()
    for seed in range(12):
        noise = np.random.default_rng(seed)
        data = bytearray(whole)
        for at in noise.integers(1500, len(whole) - 1500, 8):
            data[at : at + 40] = noise.bytes(40)
        damaged = tmp_path / f"{seed}.ts"
        damaged.write_bytes(data)
        copy, notes = copied(damaged, tmp_path / f"{seed}.mkv")
        with av.open(str(copy)) as container:
            assert container.duration / 1e6 == pytest.approx(1.6, abs=0.4), seed
        if len(sound_of(copy)) < len(sound_of(film)) - 8:
            assert any(f"{damaged.name} is damaged" in note or "truncated" in note for note in notes), seed


@pytest.mark.parametrize("first", [None, "3", "14"])
def test_sound_whose_times_begin_anew_goes_on(first, tmp_path):
    film = joined(tmp_path, (64, 48), (64, 48), sound="aac")
    copy, _ = copied(film, tmp_path / "copy.mkv", first)
    whole, part = [packet[ADTS:] for packet in sound_of(film)], sound_of(copy)
    assert part == whole[-len(part) :]
    frames, times = frames_of(copy)
    with av.open(str(copy)) as container:
        ends = [
            float((packet.pts + packet.duration) * packet.time_base)
            for packet in container.demux(audio=0)
            if packet.size
        ]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(float(times[-1]) + 0.1, abs=0.2)
    assert len(part) == pytest.approx(len(whole) * len(frames) / 20, abs=3)


def test_if_times_begin_anew_frames_are_counted(tmp_path):
    source = open_source(joined(tmp_path, (64, 48), (64, 48)), None)
    plan = plan_of(source, range_from("3", None))
    assert len(plan) == len(pictures_of(source, plan)) >= 16


def test_a_last_frame_that_is_shown_long_does_not_make_a_film_truncated(tmp_path):
    film = write_film(tmp_path / "film.mkv", pan(1, 4), starts=[0, 1, 2, 30], unit=Fraction(1, 10))
    add = write_film(tmp_path / "slides.mp4", pan(1, 3), rate=Fraction(1, 5))
    for path in (film, add):
        assert plan_of(open_source(path, None), WHOLE).facts.notes == ()


def test_a_number_sign_in_a_films_name_is_no_pattern(film):
    path = film.rename(film.with_name("take#2.mp4"))
    sink = sink_for(None, open_source(path, None), Path("oil.png"))
    assert sink.output == path.with_name("take#2-in-oil.mp4")


@pytest.mark.parametrize("place", ["1" * 5000, f"{'1' * 5000}:00", f"0.{'1' * 5000}s", "48e3", "-1", "1:2:3:4"])
def test_a_place_that_no_film_has_is_refused(place):
    with pytest.raises(UsageError, match="neither a frame nor a time"):
        range_from(place, None)


@pytest.mark.parametrize("rate", ["1e99999999", "1e-99999999", "1" * 5000, "0", "-24", "nan", "1/0"])
def test_a_rate_that_no_film_has_is_refused_at_once(rate):
    from velatura_daemon.cli.film import _rate_from

    with pytest.raises(UsageError, match="not a number of frames per second"):
        _rate_from(rate)


def test_a_rate_with_many_digits_can_be_written(tmp_path):
    from velatura_daemon.cli.film import _rate_from

    folder = tmp_path / "shots"
    folder.mkdir()
    for number, frame in enumerate(pan(1, 3)):
        Image.fromarray(frame).save(folder / f"{number:04}.png")
    source = open_source(folder, _rate_from("23.976023976023978"))
    plan = plan_of(source, WHOLE)
    output = tmp_path / "film.mp4"
    sink_for(output, source, Path("p.png")).write(
        source, plan, pictures_of(source, plan), SinkOptions(), lambda _: None
    )
    assert frames_of(output)[1][2] == pytest.approx(2 * 1001 / 24000, abs=1e-4)
