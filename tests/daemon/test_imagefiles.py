"""Promises of picture files: what is read, what is refused and in which words, what is written and what it costs."""

from __future__ import annotations

import errno
import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from velatura.errors import (
    BadMask,
    BadPixels,
    DiskTrouble,
    FileExists,
    NotAPicture,
    NothingToRestyle,
    PictureTooLarge,
    PictureTooSmall,
    UsageError,
    VelaturaError,
)
from velatura.pixels import CHANNELS, MASK_FORMAT, Picture, PixelFormat
from velatura_daemon.imaging.files import (
    as_on_screen,
    check_output,
    read_description,
    read_mask,
    read_picture,
    seen_through,
    write_picture,
)
from velatura_daemon.imaging.files.decode import decode

DTYPES = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
SRGB = imagecodecs.cms_profile("srgb")
ADOBE = imagecodecs.cms_profile("adobergb")
GREY = imagecodecs.cms_profile("gray", gamma=2.2)


def noise(shape, sample="u8", seed=0):
    values = np.random.default_rng(seed).random(shape)
    top = {"u8": 255, "u16": 65535}.get(sample)
    return (values * top).round().astype(DTYPES[sample]) if top else values.astype(DTYPES[sample])


def gradient(height, width, channels, sample="u8"):
    """Smooth, so that JPEG and WebP keep it."""
    x, y = np.meshgrid(np.linspace(0.1, 0.9, width), np.linspace(0.2, 0.8, height))
    values = np.stack([x, y, (x + y) / 2, np.ones_like(x)][:channels], axis=2)
    top = {"u8": 255, "u16": 65535}.get(sample, 1)
    return (values * top).astype(DTYPES[sample])


def picture(pixels, channels=None, curve="srgb", profile=b""):
    height, width, count = pixels.shape
    names = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}
    sample = {np.dtype(d): s for s, d in DTYPES.items()}[pixels.dtype]
    return Picture(width, height, PixelFormat(channels or names[count], sample, curve, profile), pixels.tobytes())


def array(pic):
    dtype = DTYPES[pic.format.sample]
    return np.frombuffer(pic.data, dtype).reshape(pic.height, pic.width, CHANNELS[pic.format.channels])


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def save(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def read(path, **options):
    return read_picture(path, **options).picture


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def raw_png(width, height, depth, colour, rows, *extras):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", header), *extras, (b"IDAT", content), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def cmyk_profile():
    """The least that LittleCMS takes: 'mft1' from four inks to Lab; magenta is a red, two inks make black."""
    text = b"desc" + bytes(4) + struct.pack(">I", 2) + b"t\0" + bytes(78)
    curve = bytes(range(256))
    paper, cyan, magenta, black = (255, 128, 128), (150, 90, 80), (130, 200, 150), (0, 128, 128)
    grid = []
    for corner in range(16):  # cyan counts slowest
        grid += {0: paper, 8: cyan, 4: magenta}.get(corner, black)
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + curve * 4 + bytes(grid) + curve * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags, body = b"", b""
    for name, content in ((b"desc", text), (b"wtpt", white), (b"A2B0", lut)):
        content += bytes(-len(content) % 4)
        tags += name + struct.pack(">II", 128 + 4 + 36 + len(body), len(content))
        body += content
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\2\x40\0\0", b"prtrCMYKLab ", b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    profile = bytes(head) + struct.pack(">I", 3) + tags + body
    return struct.pack(">I", len(profile)) + profile[4:]


# --- depth and channels ----------------------------------------------------------------------------
KEPT = [(suffix, c, s) for suffix in (".png", ".tif") for c in (1, 2, 3, 4) for s in ("u8", "u16")]
KEPT += [(".tif", c, s) for c in (1, 2, 3, 4) for s in ("f16", "f32")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KEPT), st.integers(2, 20), st.integers(2, 20), st.booleans(), st.integers(0, 99))
def test_png_and_tiff_give_back_every_sample_and_profile(tmp_path, kind, width, height, with_profile, seed):
    suffix, channels, sample = kind
    profile = (GREY if channels <= 2 else ADOBE) if with_profile else b""
    curve = "linear" if sample.startswith("f") else "srgb"
    wanted = picture(noise((height, width, channels), sample, seed), curve=curve, profile=profile)
    path = tmp_path / f"round{suffix}"
    assert write_picture(path, wanted, description="a", force=True) == []
    got = read(path)
    assert (got.width, got.height, got.format) == (wanted.width, wanted.height, wanted.format)
    assert bytes(got.data) == bytes(wanted.data)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_keeps_channels_and_profile(tmp_path, channels):
    pixels, profile = gradient(16, 24, channels), GREY if channels == 1 else ADOBE
    assert write_picture(tmp_path / "a.jpg", picture(pixels, profile=profile), description="a") == []
    got = read(tmp_path / "a.jpg")
    assert (got.format.channels, got.format.profile) == ("GRAY" if channels == 1 else "RGB", profile)
    assert np.abs(array(got).astype(int) - pixels).max() <= 3


@pytest.mark.parametrize("channels", [3, 4])
def test_webp_keeps_channels_and_profile(tmp_path, channels):
    pixels = gradient(16, 24, channels)
    pixels[:8, :, 3:] = 100
    assert write_picture(tmp_path / "a.webp", picture(pixels, profile=ADOBE), description="a") == []
    got = read(tmp_path / "a.webp")
    assert (got.format.channels, got.format.profile) == ("RGB" if channels == 3 else "RGBA", ADOBE)
    assert np.abs(array(got).astype(int) - pixels).max() <= 8


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".ppm", ".tga"])
def test_other_formats_are_read_as_8_bits(tmp_path, suffix):
    pixels = np.repeat(noise((4, 6, 1)), 3, axis=2)
    got = read(save(tmp_path / f"a{suffix}", pixels))
    assert got.format.sample == "u8"
    assert (array(got)[..., :1] == pixels[..., :1]).all()


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert array(read(tmp_path / "a.gif"))[0, 0].tolist() == [255, 0, 0]


def test_a_palette_png_becomes_rgb_and_a_transparent_one_rgba(tmp_path):
    palette, transparent = (b"PLTE", b"\1\2\3\4\5\6"), (b"tRNS", b"\x80")
    (tmp_path / "a.png").write_bytes(raw_png(2, 2, 4, 3, [b"\x01"] * 2, palette))
    (tmp_path / "b.png").write_bytes(raw_png(2, 2, 4, 3, [b"\x01"] * 2, palette, transparent))
    assert array(read(tmp_path / "a.png"))[0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert array(read(tmp_path / "b.png"))[0].tolist() == [[1, 2, 3, 128], [4, 5, 6, 255]]


def test_a_transparent_colour_of_a_16_bit_png_becomes_alpha(tmp_path):
    row = struct.pack(">6H", 1, 2, 3, 4, 5, 6)
    (tmp_path / "a.png").write_bytes(raw_png(2, 2, 16, 2, [row] * 2, (b"tRNS", row[:6])))
    got = read(tmp_path / "a.png")
    assert (got.format.channels, got.format.sample) == ("RGBA", "u16")
    assert array(got)[0].tolist() == [[1, 2, 3, 0], [4, 5, 6, 65535]]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_one_bit_becomes_grey_of_8_bits(tmp_path, suffix):
    Image.fromarray(np.eye(3, dtype=bool)).save(tmp_path / f"a{suffix}")
    got = read(tmp_path / f"a{suffix}")
    assert (got.format.channels, got.format.sample) == ("GRAY", "u8")
    assert (array(got)[..., 0] == np.eye(3) * 255).all()


def test_a_tiff_of_planes_is_read_as_one_of_pixels(tmp_path):
    pixels = noise((5, 6, 3), "u16")
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(pixels, 2, 0), photometric="rgb", planarconfig="separate")
    assert (array(read(tmp_path / "a.tif")) == pixels).all()


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
def test_a_tiff_where_0_is_white_is_turned_round(tmp_path, sample):
    pixels = noise((5, 6), sample)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    top = {"u8": 255, "u16": 65535}.get(sample, np.float32(1))
    assert (array(read(tmp_path / "a.tif"))[..., 0] == top - pixels).all()


def test_double_and_32_bit_integer_tiffs_become_float(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((2, 2), 0.25))
    tifffile.imwrite(tmp_path / "b.tif", np.full((2, 2), 2**32 - 1, np.uint32))
    a, b = read(tmp_path / "a.tif"), read(tmp_path / "b.tif")
    assert (a.format.sample, a.format.curve, array(a)[0, 0, 0]) == ("f32", "linear", 0.25)
    assert (b.format.sample, b.format.curve, array(b)[0, 0, 0]) == ("f32", "srgb", 1)


def test_a_tiff_with_the_high_byte_first_reads_the_same(tmp_path):
    pixels = noise((5, 6, 3), "f32")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", byteorder=">")
    assert (array(read(tmp_path / "a.tif")) == pixels).all()


def test_of_a_tiff_with_pages_the_first_is_read(tmp_path):
    pages = noise((3, 5, 6))
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    assert (array(read(tmp_path / "a.tif"))[..., 0] == pages[0]).all()


def test_a_tiff_of_twelve_bits_spans_the_whole_range(tmp_path):
    pixels = np.array([[0, 4095], [2048, 1]], np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, bitspersample=12, compression="none")
    assert array(read(tmp_path / "a.tif"))[..., 0].tolist() == [[0, 65535], [32776, 16]]


def test_premultiplied_alpha_of_a_tiff_is_divided_out(tmp_path):
    pixels = np.array([[[50, 100, 0, 128], [7, 0, 0, 0]]] * 2, np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["assocalpha"])
    assert array(read(tmp_path / "a.tif"))[0].tolist() == [[100, 199, 0, 128], [0, 0, 0, 0]]


def test_extra_samples_that_are_no_alpha_are_left_out(tmp_path):
    pixels = noise((4, 5, 5))
    extra = ["unspecified"] * 2
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", planarconfig="contig", extrasamples=extra)
    got = read(tmp_path / "a.tif")
    assert got.format.channels == "RGB"
    assert (array(got) == pixels[..., :3]).all()


@pytest.mark.parametrize("mode", ["P", "LAB", "YCbCr"])
def test_palette_lab_and_ycbcr_tiffs_become_rgb(tmp_path, mode):
    red = Image.new("RGB", (4, 4), (200, 30, 40))
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(red, srgb, lab, outputMode="LAB")
    else:
        image = red.convert(mode)
    image.save(tmp_path / "a.tif")
    got = read(tmp_path / "a.tif")
    assert got.format.channels == "RGB"
    assert np.abs(array(got)[1, 1].astype(int) - [200, 30, 40]).max() <= (60 if mode == "P" else 3)


# --- CMYK ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_without_a_profile_becomes_plain_rgb(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(path, quality=100)
    got = read(path)
    assert got.format == PixelFormat("RGB", "u8")
    assert np.abs(array(got)[0, 0].astype(int) - [0, 255, 255]).max() <= 2


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_goes_through_its_profile(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.new("CMYK", (8, 8), (0, 255, 0, 0)).save(path, quality=100, icc_profile=cmyk_profile())
    red, green, _ = array(read(path))[0, 0].tolist()
    assert (red, green) != (255, 0)  # what it would be without
    assert red > 150 > green
    assert read(path).format.profile == b""


def test_a_broken_cmyk_profile_counts_as_none(tmp_path):
    broken = cmyk_profile()[:128] + bytes(400)
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.tif", icc_profile=broken)
    assert array(read(tmp_path / "a.tif"))[0, 0].tolist() == [0, 255, 255]


def test_cmyk_of_16_bits_stays_16_bits(tmp_path):
    inks = noise((4, 5, 4), "u16")
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated")
    got = read(tmp_path / "a.tif")
    light = 1 - inks / 65535
    assert got.format.sample == "u16"
    assert np.abs(array(got) - light[..., :3] * light[..., 3:] * 65535).max() < 1


# --- orientation and profiles ----------------------------------------------------------------------
def upright(pixels, orientation):
    """By Pillow, which has its own tests."""
    image = Image.fromarray(pixels)
    how = Image.Transpose
    turns = [
        None,
        how.FLIP_LEFT_RIGHT,
        how.ROTATE_180,
        how.FLIP_TOP_BOTTOM,
        how.TRANSPOSE,
        how.ROTATE_270,
        how.TRANSVERSE,
        how.ROTATE_90,
    ]
    assignment = turns[orientation - 1]
    return np.asarray(image if assignment is None else image.transpose(assignment))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", "palette.tif"])
def test_a_picture_stands_upright_and_says_its_upright_size(tmp_path, suffix, orientation):
    pixels = noise((4, 6, 3))
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    elif suffix == "palette.tif":
        pixels = np.where(pixels[..., :1] > 127, np.uint8([250, 0, 0]), np.uint8([0, 0, 250]))
        Image.fromarray(pixels).quantize(2).save(path, tiffinfo={274: orientation})
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(path, pixels, exif=exif, **({"lossless": True} if suffix == ".webp" else {}))
    loaded = read_picture(path)
    wanted = upright(pixels, orientation)
    assert (array(loaded.picture) == wanted).all()
    assert (loaded.original_height, loaded.original_width) == wanted.shape[:2]


def test_a_jpeg_stands_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "a.jpg", gradient(8, 16, 3), exif=exif)
    got = read(tmp_path / "a.jpg")
    assert (got.width, got.height) == (8, 16)


def test_broken_exif_costs_no_picture(tmp_path):
    save(tmp_path / "a.jpg", gradient(8, 16, 3), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read(tmp_path / "a.jpg").width == 16


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_profile_of_another_colour_space_is_dropped(tmp_path, suffix):
    grey = save(tmp_path / f"grey{suffix}", noise((4, 4)), icc_profile=SRGB)
    colour = save(tmp_path / f"colour{suffix}", noise((4, 4, 3)), icc_profile=GREY)
    assert read(grey).format.profile == b""
    assert read(colour).format.profile == b""


def test_floats_are_linear_and_integers_srgb(tmp_path):
    for sample in DTYPES:
        tifffile.imwrite(tmp_path / f"{sample}.tif", noise((4, 4), sample))
    curves = {sample: read(tmp_path / f"{sample}.tif").format.curve for sample in DTYPES}
    assert curves == {"u8": "srgb", "u16": "srgb", "f16": "linear", "f32": "linear"}


# --- scaling ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(("longest", "size"), [(8, (8, 4)), (40, (40, 20)), (2, (2, 2))])
def test_the_longest_side_becomes_what_was_asked(tmp_path, longest, size):
    loaded = read_picture(save(tmp_path / "a.png", noise((10, 20, 3))), longest_side=longest)
    assert (loaded.picture.width, loaded.picture.height) == size
    assert (loaded.original_width, loaded.original_height) == (20, 10)


def test_scaling_16_bits_makes_levels_between_those_of_8_bits(tmp_path):
    pixels = np.linspace(0, 65535, 64).astype(np.uint16)[None, :, None].repeat(8, axis=0)
    write_picture(tmp_path / "a.png", picture(pixels), description="")
    got = array(read(tmp_path / "a.png", longest_side=1000))
    assert len(np.unique(got)) > 512


def test_the_invisible_does_not_bleed_into_the_visible(tmp_path):
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[:, :8] = [10, 200, 30, 255]
    pixels[:, 8:] = [255, 0, 255, 0]
    got = array(read(save(tmp_path / "a.png", pixels), longest_side=9)).astype(int)
    visible = got[got[..., 3] > 0]
    assert np.abs(visible[:, :3] - [10, 200, 30]).max() <= 1


def test_a_constant_float_stays_what_it_is_when_scaled(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((9, 7), 3.5, np.float32))
    assert np.abs(array(read(tmp_path / "a.tif", longest_side=20)) - 3.5).max() < 1e-5


@pytest.mark.parametrize("longest", [0, 1, -5, 1 << 30])
def test_an_impossible_longest_side_is_refused(tmp_path, longest):
    with pytest.raises(UsageError, match="not possible"):
        read_picture(save(tmp_path / "a.png", noise((4, 4))), longest_side=longest)


# --- bad inputs ------------------------------------------------------------------------------------
def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(UsageError, match=r"There is no file .*nothing\.png"):
        read_picture(tmp_path / "nothing.png")


def test_a_folder_is_said_to_be_a_folder(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        read_picture(tmp_path)


def test_a_file_that_may_not_be_read_is_said_to_be_so(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", noise((4, 4)))
    monkeypatch.setattr(Path, "open", lambda *_, **__: (_ for _ in ()).throw(PermissionError(errno.EACCES, "no")))
    with pytest.raises(UsageError, match="may not be read"):
        read_picture(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 100, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_what_is_no_picture_is_refused_by_name(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(NotAPicture, match=r"^a\.jpg"):
        read_picture(tmp_path / "a.jpg")


def encoded(suffix):
    pixels, out = noise((60, 50, 3)), io.BytesIO()
    if suffix == ".png16":
        return imagecodecs.png_encode(noise((60, 50, 3), "u16"))
    if suffix in (".tif", ".lzw"):
        compression = {".lzw": "lzw"}.get(suffix)
        tifffile.imwrite(out, pixels, photometric="rgb", compression=compression, rowsperstrip=10)
    else:
        Image.fromarray(pixels).save(out, {".jpg": "JPEG"}.get(suffix, suffix[1:]))
    return out.getvalue()


@pytest.mark.parametrize("part", [0.95, 0.5, 0.3])
@pytest.mark.parametrize("suffix", [".png", ".png16", ".tif", ".lzw", ".jpg", ".webp", ".bmp", ".gif"])
def test_a_truncated_file_is_said_to_be_truncated(tmp_path, suffix, part):
    data = encoded(suffix)
    (tmp_path / "a").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(NotAPicture, match=r"ends early: it is truncated\. Copy or download it again"):
        read_picture(tmp_path / "a")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([".png", ".png16", ".tif", ".lzw", ".jpg", ".webp", ".gif"]), st.data())
def test_damage_is_a_sentence_never_a_traceback(tmp_path, suffix, data):
    damaged = bytearray(encoded(suffix))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged) - 1, 400)))] = data.draw(st.integers(0, 255))
    (tmp_path / "a").write_bytes(damaged)
    try:
        got = read(tmp_path / "a", max_megapixels=1)
    except VelaturaError as error:
        assert error.sentence.startswith("a")
    else:
        assert got.width * got.height <= 1e6


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_a_side_of_one_pixel_is_too_small(tmp_path, suffix, shape):
    with pytest.raises(PictureTooSmall, match=f"{shape[1]} × {shape[0]}"):
        read_picture(save(tmp_path / f"a{suffix}", noise(shape)))


def test_a_header_that_says_no_pixels_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(raw_png(0, 0, 8, 0, []))
    with pytest.raises(PictureTooSmall):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_pixels_are_counted_and_placed(tmp_path, bad):
    pixels = np.zeros((4, 5, 3), np.float32)
    pixels[2, 3, 1] = pixels[3, 0] = bad
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    with pytest.raises(BadPixels, match=r"a\.tif: 2 pixels are .* first at x 3, y 2"):
        read_picture(tmp_path / "a.tif")


def bomb(suffix):
    """A header of 30,000 × 30,000 pixels with next to nothing behind it."""
    if suffix == ".png":
        return raw_png(30000, 30000, 8, 2, [b""])
    if suffix == ".bmp":
        return b"BM" + struct.pack("<IIIIiiHHIIIIII", 99, 0, 54, 40, 30000, 30000, 1, 24, 0, 0, 0, 0, 0, 0)
    data = bytearray(encoded(".tif"))
    for old, tag in ((50, 256), (60, 257)):
        entry = struct.pack("<HHII", tag, 4, 1, old)
        assert entry in data
        data = data.replace(entry, struct.pack("<HHII", tag, 4, 1, 30000))
    return data


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_a_bomb_is_refused_from_its_header_without_a_warning(tmp_path, suffix, capfd):
    (tmp_path / "a").write_bytes(bomb(suffix))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureTooLarge, match=r"900\.0 megapixels .* up to 256 are allowed"):
            read_picture(tmp_path / "a", max_megapixels=256)
    assert capfd.readouterr() == ("", "")


def test_the_limit_holds_for_the_scaled_size_too(tmp_path):
    with pytest.raises(PictureTooLarge, match="Scaled"):
        read_picture(save(tmp_path / "a.png", noise((4, 4))), longest_side=5000, max_megapixels=1)


@pytest.mark.parametrize("dtype", [np.int16, np.uint64])
def test_samples_that_no_painter_has_are_named(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), dtype))
    with pytest.raises(NotAPicture, match=np.dtype(dtype).name):
        read_picture(tmp_path / "a.tif")


def test_a_tiff_that_begins_with_a_thumbnail_is_not_mistaken_for_the_picture(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise((4, 4)), subfiletype=1)
    with pytest.raises(NotAPicture, match="thumbnail"):
        read_picture(tmp_path / "a.tif")


# --- masks -----------------------------------------------------------------------------------------
@pytest.fixture
def loaded(tmp_path):
    return read_picture(save(tmp_path / "picture.png", noise((10, 20, 3))))


def test_a_mask_is_its_luma(tmp_path, loaded):
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:5] = 255
    pixels[5] = [255, 0, 0]
    mask = read_mask(save(tmp_path / "m.png", pixels), loaded)
    assert mask.format == MASK_FORMAT
    assert array(mask)[[0, 5, 9], 0, 0].tolist() == [255, 76, 0]


def test_a_mask_with_transparency_is_its_alpha(tmp_path, loaded):
    pixels = np.zeros((10, 20, 4), np.uint8)
    pixels[:5, :, 3] = 200
    assert array(read_mask(save(tmp_path / "m.png", pixels), loaded))[[0, 9], 0, 0].tolist() == [200, 0]


def test_a_mask_with_opaque_alpha_is_its_luma(tmp_path, loaded):
    pixels = np.full((10, 20, 4), 255, np.uint8)
    pixels[:5, :, :3] = 0
    assert array(read_mask(save(tmp_path / "m.png", pixels), loaded))[[0, 9], 0, 0].tolist() == [0, 255]


def test_a_mask_of_16_bits_is_rounded_to_8(tmp_path, loaded):
    write_picture(tmp_path / "m.png", picture(np.full((10, 20, 1), 32896, np.uint16)), description="")
    assert array(read_mask(tmp_path / "m.png", loaded))[0, 0, 0] == 128


def test_a_mask_follows_the_scaling_of_its_picture(tmp_path):
    scaled = read_picture(save(tmp_path / "a.png", noise((10, 20, 3))), longest_side=8)
    mask = read_mask(save(tmp_path / "m.png", np.full((10, 20), 255, np.uint8)), scaled)
    assert (mask.width, mask.height) == (8, 4)
    assert (array(mask) == 255).all()


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path, loaded):
    with pytest.raises(BadMask, match="10 × 20 pixels and the picture 20 × 10"):
        read_mask(save(tmp_path / "m.png", noise((20, 10))), loaded)


def test_an_empty_mask_leaves_nothing_to_restyle(tmp_path, loaded):
    with pytest.raises(NothingToRestyle, match="all black"):
        read_mask(save(tmp_path / "m.png", np.zeros((10, 20), np.uint8)), loaded)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_a_mask_hides_is_transparent_and_colours_and_depth_stay(channels, dtype):
    whole = 1 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = (np.random.default_rng(0).random((2, 4, channels)) * whole).astype(dtype)
    if channels in (2, 4):
        pixels[..., -1] = [whole, whole, whole // 2, whole]
    mask = Picture(4, 2, MASK_FORMAT, bytes([255, 0, 255, 51] * 2))
    seen = array(seen_through(picture(pixels), mask))
    colours = channels - (channels in (2, 4))
    assert (seen.dtype, seen.shape[2]) == (dtype, colours + 1)
    assert (seen[..., :-1] == pixels[..., :colours]).all()
    before = pixels[..., -1] if channels in (2, 4) else np.full((2, 4), whole)
    np.testing.assert_allclose(seen[..., -1], before * np.array([1, 0, 1, 0.2]), atol=0 if dtype is np.float32 else 1)


# --- writing ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["A sea, in the hand of Hokusai", "Ein Meer – 海 – naïf\nin two lines", ""])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
def test_the_description_comes_back(tmp_path, name, text):
    write_picture(tmp_path / name, picture(gradient(8, 8, 3)), description=text)
    assert read_description(tmp_path / name) == text
    Image.open(tmp_path / name).load()  # and another reader takes the file


def test_a_png_says_what_made_it(tmp_path):
    write_picture(tmp_path / "a.png", picture(gradient(8, 8, 3)), description="sea")
    assert Image.open(tmp_path / "a.png").text == {"Description": "sea", "Software": "Velatura"}


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
def test_a_description_too_long_for_exif_is_left_out_with_a_note(tmp_path, name):
    assert "too long" in write_picture(tmp_path / name, picture(gradient(8, 8, 3)), description="x" * 70000)[0]


@pytest.mark.parametrize(("name", "kept"), [("a.png", "u16"), ("a.jpg", "u8"), ("a.webp", "u8")])
@pytest.mark.parametrize("sample", ["f16", "f32"])
def test_floats_are_rounded_with_a_note_and_take_the_srgb_curve(tmp_path, name, kept, sample):
    light = np.full((8, 8, 3), 0.2140, DTYPES[sample])  # mid grey as light: code 0.5
    notes = write_picture(tmp_path / name, picture(light, curve="linear"), description="")
    got = read(tmp_path / name)
    assert len(notes) == 1
    assert "rounded" in notes[0]
    assert "clipped" not in notes[0]
    assert got.format.sample == kept
    assert abs(array(got)[4, 4, 1] / np.iinfo(DTYPES[kept]).max - 0.5) < 0.006


def test_light_beyond_white_is_clipped_with_a_note(tmp_path):
    bright = picture(np.full((4, 4, 3), 2.5, np.float32), curve="linear")
    assert "clipped" in write_picture(tmp_path / "a.png", bright, description="")[0]
    assert (array(read(tmp_path / "a.png")) == 65535).all()


def test_light_beyond_white_stays_in_a_tiff(tmp_path):
    bright = picture(np.full((4, 4, 3), 2.5, np.float32), curve="linear")
    assert write_picture(tmp_path / "a.tif", bright, description="") == []
    assert (array(read(tmp_path / "a.tif")) == 2.5).all()


def test_floats_on_the_srgb_curve_become_light_in_a_tiff(tmp_path):
    write_picture(tmp_path / "a.tif", picture(np.full((4, 4, 3), 0.5, np.float32)), description="")
    got = read(tmp_path / "a.tif")
    assert got.format.curve == "linear"
    assert np.allclose(array(got), 0.21404, atol=1e-5)


def test_linear_integers_take_the_srgb_curve_but_their_alpha_does_not(tmp_path):
    pixels = np.full((4, 4, 4), 14025, np.uint16)
    write_picture(tmp_path / "a.tif", picture(pixels, curve="linear"), description="")
    got = array(read(tmp_path / "a.tif"))[0, 0]
    assert abs(int(got[0]) - 32768) < 30
    assert got[3] == 14025


def test_with_a_profile_the_numbers_stay_as_they_are(tmp_path):
    pixels = np.full((4, 4, 3), 0.25, np.float32)
    write_picture(tmp_path / "a.png", picture(pixels, curve="linear", profile=ADOBE), description="")
    got = read(tmp_path / "a.png")
    assert got.format.profile == ADOBE
    assert (array(got) == 16384).all()


def test_16_bits_are_rounded_to_8_for_jpeg_with_a_note(tmp_path):
    notes = write_picture(tmp_path / "a.jpg", picture(gradient(8, 8, 3, "u16")), description="")
    assert notes == ["JPEG has no 16-bit samples: they were rounded to 8-bit. Write .tif or .png to keep them."]


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_blended_over_white_for_jpeg_with_a_note(tmp_path, channels):
    pixels = np.zeros((16, 16, channels), np.uint8)
    pixels[:8, :, -1] = 255
    notes = write_picture(tmp_path / "a.jpg", picture(pixels), description="")
    got = array(read(tmp_path / "a.jpg"))
    assert "over white" in notes[0]
    assert got.shape[2] == channels - 1
    assert (got[2, 2] < 3).all()
    assert (got[13, 13] > 252).all()


def test_opaque_alpha_is_no_loss_to_a_jpeg(tmp_path):
    assert write_picture(tmp_path / "a.jpg", picture(gradient(8, 8, 4)), description="") == []


def test_grey_with_a_profile_becomes_srgb_in_webp(tmp_path):
    pixels = np.full((8, 8, 2), 255, np.uint8)
    pixels[..., 0] = 100
    write_picture(tmp_path / "a.webp", picture(pixels, profile=GREY), description="")
    got = read(tmp_path / "a.webp")
    assert got.format.profile == b""
    assert np.abs(array(got)[4, 4, :3].astype(int) - 100).max() < 6


def test_a_broken_grey_profile_costs_no_webp(tmp_path):
    broken = picture(gradient(8, 8, 1), profile=GREY[:128] + bytes(100))
    write_picture(tmp_path / "a.webp", broken, description="")
    assert read(tmp_path / "a.webp").format.channels == "RGB"


def test_bgra_is_written_as_rgba(tmp_path):
    pixels = noise((4, 5, 4))
    write_picture(tmp_path / "a.png", picture(pixels, "BGRA"), description="")
    assert (array(read(tmp_path / "a.png")) == pixels[..., [2, 1, 0, 3]]).all()


# --- where it is written ---------------------------------------------------------------------------
PIXELS = picture(gradient(8, 8, 3))


def test_a_file_that_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "a.png").write_bytes(b"mine")
    with pytest.raises(FileExists, match="--force"):
        write_picture(tmp_path / "a.png", PIXELS, description="")
    assert (tmp_path / "a.png").read_bytes() == b"mine"


def test_with_force_it_is_replaced(tmp_path):
    (tmp_path / "a.png").write_bytes(b"mine")
    write_picture(tmp_path / "a.png", PIXELS, description="", force=True)
    assert bytes(read(tmp_path / "a.png").data) == PIXELS.data
    assert names_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize("has_hard_links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch, has_hard_links):
    really_sync, really_link = os.fsync, os.link

    def another_program_writes(descriptor):
        really_sync(descriptor)
        (tmp_path / "a.png").write_bytes(b"theirs")

    def no_links(source, target):
        if not has_hard_links:
            raise OSError(errno.EPERM, "no links here")
        really_link(source, target)

    monkeypatch.setattr(os, "fsync", another_program_writes)
    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(FileExists, match="appeared meanwhile"):
        write_picture(tmp_path / "a.png", PIXELS, description="")
    assert (tmp_path / "a.png").read_bytes() == b"theirs"
    assert names_in(tmp_path) == ["a.png"]


def test_a_disk_without_hard_links_is_written_to_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))
    write_picture(tmp_path / "a.png", PIXELS, description="")
    assert bytes(read(tmp_path / "a.png").data) == PIXELS.data
    assert names_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no right to write"), (errno.EIO, "could not")]
)
def test_a_disk_that_refuses_leaves_no_half_file_and_says_why(tmp_path, monkeypatch, number, words):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(DiskTrouble, match=words):
        write_picture(tmp_path / "a.png", PIXELS, description="")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["a.xcf", "a", "a.gif"])
def test_an_unknown_ending_is_refused_with_the_known_ones(tmp_path, name):
    with pytest.raises(UsageError, match=r"\.png, \.tif, \.tiff, \.jpg, \.jpeg, \.webp"):
        check_output(tmp_path / name)


def test_a_missing_folder_is_said_before_the_work(tmp_path):
    with pytest.raises(UsageError, match="There is no folder"):
        check_output(tmp_path / "nowhere" / "a.png")


def test_a_folder_is_no_output(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_output(tmp_path / "a.png", force=True)


def test_a_folder_without_the_right_to_write_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DiskTrouble, match="no right to write"):
        check_output(tmp_path / "a.png")


def test_a_dangling_link_counts_as_a_file(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "nothing")
    with pytest.raises(FileExists):
        check_output(tmp_path / "a.png")


def test_a_side_too_long_for_the_format_is_said_before_the_work(tmp_path):
    with pytest.raises(PictureTooLarge, match="16383"):
        check_output(tmp_path / "a.webp", size=(20000, 10))
    check_output(tmp_path / "a.tif", size=(20000, 10))


def test_an_output_that_can_be_written_is_not_touched_by_the_check(tmp_path):
    check_output(tmp_path / "A.PNG")
    assert names_in(tmp_path) == []


def test_importing_loads_no_decoder_and_no_torch():
    heavy = {"PIL", "tifffile", "imagecodecs", "torch"}
    code = f"import sys, velatura_daemon.imaging.files; print({heavy} & {{*sys.modules}})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


def test_pixels_of_an_8_bit_png_are_not_copied(tmp_path):
    path = save(tmp_path / "a.png", noise((4, 6, 3)))
    assert decode(path, lambda *_: None).pixels.flags.c_contiguous
    assert isinstance(read(path).data, memoryview)


@pytest.mark.parametrize(
    ("fmt", "samples", "seen"),
    [
        (PixelFormat("GRAY", "u16"), np.array([0x8000], "<u2"), (128, 128, 128)),
        (PixelFormat("RGBA", "u8"), np.array([10, 20, 30, 0], "u1"), (255, 255, 255)),
        (PixelFormat("RGB", "f32", "linear"), np.array([0, 0.5, 2], "<f4"), (0, 188, 255)),
        (PixelFormat("BGRA", "u8"), np.array([10, 20, 30, 255], "u1"), (30, 20, 10)),
    ],
)
def test_on_a_screen_every_picture_is_rgb_over_white(fmt, samples, seen):
    shown = as_on_screen(Picture(2, 2, fmt, np.tile(samples, 4).tobytes()))
    assert shown.format == PixelFormat("RGB", "u8")
    assert tuple(bytes(shown.data)[:3]) == seen


def test_on_a_screen_a_profile_is_gone_through():
    wide = PixelFormat("RGB", "u8", profile=ADOBE)
    shown = as_on_screen(Picture(2, 2, wide, bytes([100, 200, 100] * 4)))
    red, green, _ = bytes(shown.data)[:3]
    assert shown.format.profile == b""
    assert red < 60 < 200 <= green  # Adobe RGB's green is more than sRGB has
