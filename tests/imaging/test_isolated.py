"""HEIC, AVIF, JPEG XL and EXR: depth, alpha, orientation and colour, and what a fault in their decoders costs."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.jpegxl import SIDES, USUAL, WITH_PROFILE, gamma_space, jpeg_xl, space
from tests.support.picture_files import ADOBE, array, gradient, noise
from tests.support.texts import made_from
from velatura.errors import NotAPicture, PictureTooLarge, UsageError
from velatura_daemon.imaging.files import isolated, read_picture
from velatura_daemon.imaging.files.codec_process import with_jpeg_xl_colours
from velatura_daemon.imaging.files.colour_codes import Primaries
from velatura_daemon.imaging.files.jpegxl_header import CONTAINER, Header, header_of, metadata_of
from velatura_daemon.imaging.files.limits import MAX_PROFILE_BYTES
from velatura_daemon.imaging.files.raster import Raster, profile_space

needs_heif = pytest.mark.skipif(importlib.util.find_spec("pillow_heif") is None, reason="needs the extra 'formats'")
needs_exr = pytest.mark.skipif(importlib.util.find_spec("OpenEXR") is None, reason="needs the extra 'formats'")


def heic(path, pixels, **options):
    import pillow_heif

    mode = {1: "L", 3: "RGB", 4: "RGBA"}[pixels.shape[2]] + (";16" if pixels.dtype == np.uint16 else "")
    pillow_heif.encode(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes(), path, quality=-1, **options)
    return path


def exr(path, channels, **header):
    import OpenEXR

    kind = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File({**kind, **header}, dict(channels)).write(str(path))
    return path


def write(path, data):
    path.write_bytes(data)
    return path


def difference(path, pixels):
    """The largest difference of a file's samples, 0 to 1, from these."""
    result = array(read_picture(path).picture)
    assert result.dtype == pixels.dtype
    top = np.iinfo(pixels.dtype).max
    return np.abs(result.astype(int) - pixels.astype(int)).max() / top


@needs_heif
@pytest.mark.parametrize("channels", [3, 4])
def test_a_heic_is_read_with_its_alpha(tmp_path, channels):
    pixels = gradient(32, 48, channels)
    assert difference(heic(tmp_path / "a.heic", pixels, chroma=444), pixels) < 0.02  # of the colour transform


@needs_heif
def test_a_heic_of_10_bits_becomes_16_bits(tmp_path, monkeypatch):
    import pillow_heif

    monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", False)
    pixels = gradient(32, 48, 3, "u16")
    assert difference(heic(tmp_path / "a.heic", pixels, chroma=444), pixels) < 0.02


@needs_heif
def test_a_heic_keeps_its_profile(tmp_path):
    image = Image.fromarray(gradient(32, 48, 3))
    import pillow_heif

    pillow_heif.from_pillow(image).save(tmp_path / "a.heic", icc_profile=ADOBE)
    assert read_picture(tmp_path / "a.heic").picture.format.profile == ADOBE


@needs_heif
def test_the_pictures_in_a_heic_are_pages(tmp_path):
    import pillow_heif

    file = pillow_heif.from_pillow(Image.new("RGB", (32, 24), (250, 0, 0)))
    file.add_from_pillow(Image.new("RGB", (40, 24), (0, 0, 250)))
    file.save(tmp_path / "a.heic", quality=-1)
    assert read_picture(tmp_path / "a.heic").notes == ("a.heic has 2 pictures; the first was read.",)
    assert read_picture(tmp_path / "a.heic", page=2).picture.width == 40
    with pytest.raises(UsageError, match="Give 1 to 2"):
        read_picture(tmp_path / "a.heic", page=3)


@pytest.mark.parametrize("channels", [3, 4])
def test_an_avif_is_read_with_its_alpha(tmp_path, channels):
    pixels = noise((32, 48, channels))
    data = imagecodecs.avif_encode(pixels, level=100)
    assert difference(write(tmp_path / "a.avif", data), pixels) == 0


@pytest.mark.parametrize("bits", [10, 12])
def test_a_deep_avif_becomes_16_bits(tmp_path, bits):
    pixels = (gradient(32, 48, 3, "u16") >> (16 - bits)).astype(np.uint16)
    data = imagecodecs.avif_encode(pixels, level=100, bitspersample=bits)
    full = (pixels.astype(float) * 65535 / (2**bits - 1)).astype(np.uint16)
    assert difference(write(tmp_path / "a.avif", data), full) <= 1 / 65535


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_an_avif_is_turned_upright_and_keeps_its_profile(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(gradient(24, 48, 3))
    image.save(tmp_path / "a.avif", exif=exif, icc_profile=ADOBE, quality=100)
    loaded = read_picture(tmp_path / "a.avif")
    expected = (24, 48) if orientation >= 5 else (48, 24)
    assert (loaded.original_width, loaded.original_height) == expected
    assert loaded.picture.format.profile == ADOBE


def test_a_profile_beyond_the_limit_is_left_out_and_the_pixels_stay(tmp_path):
    pixels = gradient(48, 64, 3, "u8")
    profile = bytes(36) + b"acsp" + bytes(MAX_PROFILE_BYTES)
    for name, more in (("p.tif", {"compression": "jpeg"}), ("p.avif", {"quality": 95})):
        Image.fromarray(pixels).save(tmp_path / name, icc_profile=profile, **more)
        picture = read_picture(tmp_path / name).picture
        assert picture.format.profile == b""
        assert np.abs(array(picture).astype(int) - pixels).max() < 30  # lossy; a profile's bytes would be black


def test_the_frames_of_an_avif_are_pages(tmp_path):
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.avif", save_all=True, append_images=frames[1:])
    assert read_picture(tmp_path / "a.avif").notes == ("a.avif has 2 frames; the first was read.",)
    assert array(read_picture(tmp_path / "a.avif", page=2).picture)[0, 0, 2] > 200


@pytest.mark.parametrize("sample", ["u8", "u16"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_lossless_jpeg_xl_keeps_every_sample(tmp_path, channels, sample):
    pixels = noise((32, 48, channels), sample)
    data = imagecodecs.jpegxl_encode(pixels[..., 0] if channels == 1 else pixels, lossless=True)
    assert difference(write(tmp_path / "a.jxl", data), pixels) == 0


@pytest.mark.parametrize(("white", "primaries", "transfer"), [(1, 11, 13), (1, 9, 1), (10, 1, 13), (1, 1, 8)])
def test_the_colour_space_of_a_jpeg_xl_becomes_a_profile_and_its_samples_stay(tmp_path, white, primaries, transfer):
    pixels = noise((SIDES, SIDES, 3))
    loaded = read_picture(write(tmp_path / "a.jxl", jpeg_xl(pixels, space(white, primaries, transfer))))
    assert (array(loaded.picture) == pixels).all()
    assert profile_space(loaded.picture.format.profile) == "RGB"
    assert loaded.notes == ()


def test_a_jpeg_xl_in_srgb_gets_no_profile(tmp_path):
    loaded = read_picture(write(tmp_path / "a.jxl", jpeg_xl(noise((SIDES, SIDES, 3)), space(1, 1, 13))))
    assert (loaded.picture.format.profile, loaded.notes) == (b"", ())


def test_the_places_and_the_gamma_of_a_jpeg_xl_are_used(tmp_path):
    corners = [(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)]  # Adobe RGB's
    header = header_of(jpeg_xl(noise((SIDES, SIDES, 3)), gamma_space(1 / 2.2, corners)))
    assert header.primaries is not None
    assert [header.primaries.red, header.primaries.green, header.primaries.blue] == corners
    assert header.gamma == pytest.approx(1e7 / 2.2, abs=1)
    loaded = read_picture(write(tmp_path / "a.jxl", jpeg_xl(noise((SIDES, SIDES, 3)), gamma_space(1 / 2.2, corners))))
    assert profile_space(loaded.picture.format.profile) == "RGB"


@pytest.mark.parametrize("transfer", [8, 13, 16])
def test_impossible_places_of_a_jpeg_xl_are_read_as_srgb_with_a_note(transfer):
    pixels = noise((4, 4, 3), "f32")
    one_place = Primaries(*[(0.3, 0.3)] * 4)
    raster = with_jpeg_xl_colours(Raster(pixels), Header(4, 4, primaries=one_place, transfer=transfer))
    assert (raster.pixels == pixels).all()
    assert "read as sRGB" in raster.notes[0]


@needs_exr
@pytest.mark.parametrize("place", [(0.3, 0.3), (0.3, 0.0)])
def test_impossible_places_of_an_exr_count_as_missing(tmp_path, place):
    pixels = noise((4, 4, 3), "f32")
    planes = {name: pixels[..., index].copy() for index, name in enumerate("RGB")}
    path = exr(tmp_path / "a.exr", planes, chromaticities=place * 4)
    assert (array(read_picture(path).picture) == pixels).all()


def test_hdr_of_a_jpeg_xl_becomes_srgb_with_a_note(tmp_path):
    white = np.full((SIDES, SIDES, 3), 255, np.uint8)
    loaded = read_picture(write(tmp_path / "a.jxl", jpeg_xl(white, space(1, 9, 16))))
    assert array(loaded.picture).dtype == np.uint16
    assert loaded.notes == ("a.jxl: HDR: values above white were compressed.",)


def test_of_an_animated_jpeg_xl_the_first_frame_is_read_with_a_note(tmp_path):
    data = jpeg_xl(noise((SIDES, SIDES, 3)), USUAL, animation=True)
    assert header_of(data).is_animation
    assert (header_of(data).width, header_of(data).height) == (SIDES, SIDES)


def test_a_jpeg_xl_with_a_profile_is_read_as_srgb_with_a_note():
    assert header_of(jpeg_xl(noise((SIDES, SIDES, 3)), WITH_PROFILE)).has_profile
    raster = with_jpeg_xl_colours(Raster(noise((4, 4, 3))), Header(4, 4, has_profile=True))
    assert raster.notes == ("Its ICC profile cannot be read, so its colours were read as sRGB.",)


@given(st.binary(max_size=80), st.sampled_from([b"", CONTAINER, CONTAINER + b"\0\0\0\0jxlc"]))
def test_any_header_of_a_jpeg_xl_is_read_or_refused(content, start):
    data = start + b"\xff\x0a" + content
    metadata_of(data)
    with contextlib.suppress(NotAPicture):
        assert min(header_of(data).width, header_of(data).height) > 0


@pytest.mark.parametrize("size", [(8, 8), (16, 9), (300, 200), (200, 200), (257, 1000), (4000, 3)])
@pytest.mark.parametrize("container", [False, True])
def test_the_size_of_a_jpeg_xl_is_read_from_its_header(size, container):
    width, height = size
    data = imagecodecs.jpegxl_encode(np.zeros((height, width), np.uint8), usecontainer=container)
    header = header_of(data)
    assert (header.width, header.height) == size


@needs_exr
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("channels", ["Y", "YA", "RGB", "RGBA"])
def test_an_exr_keeps_its_samples_as_linear_light(tmp_path, channels, dtype):
    planes = {name: noise((24, 32), "f32", seed).astype(dtype) * 3 for seed, name in enumerate(channels)}
    if "A" in planes:
        planes["A"] = np.ones((24, 32), dtype)
    loaded = read_picture(exr(tmp_path / "a.exr", planes)).picture
    assert (loaded.format.sample, loaded.format.curve) == ("f16" if dtype == np.float16 else "f32", "linear")
    assert (array(loaded) == np.stack([planes[name] for name in channels], axis=2)).all()


@needs_exr
def test_premultiplied_alpha_of_an_exr_is_divided_out(tmp_path):
    planes = {name: np.full((4, 4), value, np.float32) for name, value in zip("RGBA", (0.25, 0.5, 0, 0.5), strict=True)}
    assert array(read_picture(exr(tmp_path / "a.exr", planes)).picture)[0, 0].tolist() == [0.5, 1, 0, 0.5]


@needs_exr
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_light_in_nearly_transparent_pixels_of_an_exr_stays_finite(tmp_path, dtype):
    values = zip("RGBA", (60, 0.5, 0, np.finfo(dtype).tiny), strict=True)
    planes = {name: np.full((4, 4), value, dtype) for name, value in values}
    result = array(read_picture(exr(tmp_path / "a.exr", planes)).picture)
    assert (result[0, 0, 0], result[0, 0, 2]) == (np.finfo(dtype).max, 0)


@needs_exr
def test_an_exr_without_colours_is_named(tmp_path):
    path = exr(tmp_path / "a.exr", {"Z": np.zeros((4, 4), np.float32)})
    with pytest.raises(NotAPicture, match="the channels Z"):
        read_picture(path)


@needs_exr
def test_light_above_white_of_an_exr_is_compressed_with_a_note(tmp_path):
    planes = {name: np.full((4, 4), 5, np.float32) for name in "RGB"}
    loaded = read_picture(exr(tmp_path / "a.exr", planes), compress_highlights=True)
    assert array(loaded.picture).max() == 1
    assert loaded.notes == ("a.exr: HDR: values above white were compressed.",)


@pytest.mark.parametrize("kind", ["HEIC", "EXR"])
def test_without_the_extra_the_format_and_the_way_out_are_named(tmp_path, monkeypatch, kind):
    start = {"HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "EXR": b"v/1\x01\2\0\0\0"}[kind]
    monkeypatch.setattr(isolated.importlib.util, "find_spec", lambda name: None)
    article = "an" if kind == "EXR" else "a"
    with pytest.raises(NotAPicture, match=rf'This is {article} {kind} picture.*pip install "velatura\[formats\]"'):
        read_picture(write(tmp_path / "a", start))


def big(kind):
    pixels = np.zeros((300, 400, 3), np.uint8)
    return imagecodecs.avif_encode(pixels) if kind == "avif" else imagecodecs.jpegxl_encode(pixels)


@pytest.mark.parametrize("kind", ["avif", "jxl"])
def test_a_large_one_is_refused_from_its_header(tmp_path, kind):
    with pytest.raises(PictureTooLarge, match=r"400 × 300"):
        read_picture(write(tmp_path / f"a.{kind}", big(kind)), max_megapixels=0.1)


@pytest.mark.parametrize("part", [0.9, 0.5, 0.1])
@pytest.mark.parametrize("kind", ["avif", "jxl"])
def test_a_truncated_one_costs_a_sentence(tmp_path, kind, part):
    pixels = noise((60, 50, 3))
    data = imagecodecs.avif_encode(pixels) if kind == "avif" else imagecodecs.jpegxl_encode(pixels)
    with pytest.raises(NotAPicture, match=rf"^a\.{kind}: "):
        read_picture(write(tmp_path / f"a.{kind}", data[: int(len(data) * part)]))


OPENED = '{"width": 4, "height": 4, "pages": {"count": 1, "noun": "pages"}}'
FIVE_CHANNELS = '{"shape": [4, 4, 5], "dtype": "|u1", "curve": "srgb", "profile": 0, "notes": []}'


@pytest.mark.parametrize(
    "script",
    [
        "import os; os.abort()",
        "print('nonsense')",
        "print('{}')",
        "pass",
        f"print('{OPENED}\\n{FIVE_CHANNELS}' + 80 * 'a')",
    ],
)
def test_a_codec_that_crashes_or_answers_nonsense_costs_a_sentence(tmp_path, monkeypatch, script):
    real = subprocess.Popen
    monkeypatch.setattr(
        isolated.subprocess, "Popen", lambda command, **options: real([sys.executable, "-c", script], **options)
    )
    with pytest.raises(NotAPicture, match=r"^a\.jxl"):
        read_picture(write(tmp_path / "a.jxl", b"\xff\x0a" + bytes(20)))


def test_a_codec_that_has_ended_before_it_is_asked_costs_a_sentence(tmp_path, monkeypatch):
    real = subprocess.Popen

    def ended(command, **options):
        process = real([sys.executable, "-c", "pass"], **options)
        process.wait()
        return process

    monkeypatch.setattr(isolated.subprocess, "Popen", ended)
    with pytest.raises(NotAPicture, match=r"^a\.jxl.* decoder stopped"):
        read_picture(write(tmp_path / "a.jxl", b"\xff\x0a" + bytes(20)))


def test_the_codec_gets_no_secrets_and_says_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    seen = {}
    real = subprocess.Popen
    monkeypatch.setattr(
        isolated.subprocess, "Popen", lambda command, **options: seen.update(options) or real(command, **options)
    )
    read_picture(write(tmp_path / "a.jxl", imagecodecs.jpegxl_encode(noise((8, 8, 3)))))
    assert "SECRET_TOKEN" in os.environ and "SECRET_TOKEN" not in seen["env"]
    assert capfd.readouterr() == ("", "")


def test_the_codec_runs_no_code_from_the_current_folder(tmp_path, monkeypatch):
    for name in ("numpy.py", "PIL.py", "imagecodecs.py", "json.py"):
        write(tmp_path / name, b"import os; open('run', 'w'); os._exit(1)")
    write(tmp_path / "a.jxl", imagecodecs.jpegxl_encode(noise((8, 8, 3))))
    monkeypatch.chdir(tmp_path)
    assert read_picture(Path("a.jxl")).picture.width == 8
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory so")
def test_a_codec_that_takes_far_too_much_memory_costs_a_sentence(tmp_path, monkeypatch):
    script = (
        "import json, sys; from velatura_daemon.imaging.files import codec_process as c; "
        "c.OPENERS['JPEG XL'] = lambda path, page: bytearray(3 << 30); c.main()"
    )
    real = subprocess.Popen
    monkeypatch.setattr(
        isolated.subprocess, "Popen", lambda command, **options: real([sys.executable, "-c", script], **options)
    )
    with pytest.raises(NotAPicture, match="far more memory"):
        read_picture(write(tmp_path / "a.jxl", b"\xff\x0a" + bytes(20)))


def test_what_the_codec_says_of_a_file_can_be_translated(tmp_path):
    with pytest.raises(NotAPicture) as raised:
        read_picture(write(tmp_path / "a.jxl", b"\xff\x0a"))
    assert made_from(raised.value.sentence)[3] == {
        "file": "a.jxl",
        "problem": ("The file is truncated. Copy or download it again.",) * 2 + ("", {}),
    }


def test_what_the_codec_notes_of_a_picture_can_be_translated(tmp_path):
    whole = write(tmp_path / "whole.bmp", b"")
    Image.fromarray(noise((50, 60, 3))).save(whole)
    path = write(tmp_path / "a.bmp", whole.read_bytes()[:2000])
    (note,) = read_picture(path, salvage=True).notes
    message = "The file is truncated: the missing part is black or grey."
    assert made_from(note)[3] == {"file": "a.bmp", "problem": (message, message, "", {})}
