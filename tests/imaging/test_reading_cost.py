"""The peak memory of reading picture files, each measured in a process of its own."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.support.bombs import png, tiff
from tests.support.documents import psd as deep_psd
from tests.support.picture_files import chunk, raw_png
from tests.support.reading_cost import costs
from velatura_daemon.imaging.files.limits import READING_BYTES

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux's /proc"
)

SIDE = 1000  # pixels; large enough that the memory for pixels exceeds the decoders' own
PIXELS = SIDE * SIDE
OWN_MEGABYTES = 8  # of decoders: code that is loaded, buffers of files, bands of rows


def pixels(channels, dtype=np.uint8):
    blocks = np.random.default_rng(1).integers(0, 255, (SIDE // 10, SIDE // 10, channels))
    values = blocks.repeat(10, 0).repeat(10, 1)
    return (values * (257 if dtype == np.uint16 else 1)).astype(dtype)


def by_pillow(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def by_tifffile(values, photometric="rgb", **options):
    out = io.BytesIO()
    tifffile.imwrite(out, values, photometric=photometric, **options)
    return out.getvalue()


def image(channels=3):
    return Image.fromarray(pixels(channels))


def psd():
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 4, SIDE, SIDE, 8, 3) + bytes(14)
    return header + np.moveaxis(pixels(4), 2, 0).tobytes()


def with_chunk(data, name, content):
    return data[:33] + chunk(name, content) + data[33:]


def openraster(png_data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "image/openraster")
        archive.writestr("mergedimage.png", png_data)
    return out.getvalue()


DEFLATE = {"compression": "adobe_deflate"}
FILES = {
    "1 bit.png": lambda: by_pillow(image().convert("1"), "PNG"),
    "palette.png": lambda: by_pillow(image().quantize(64), "PNG"),
    "8 bits.png": lambda: imagecodecs.png_encode(pixels(4)),
    "16 bits.png": lambda: imagecodecs.png_encode(pixels(4, np.uint16)),
    "one strip.tif": lambda: by_tifffile(pixels(3), rowsperstrip=SIDE, **DEFLATE),
    "strips.tif": lambda: by_tifffile(pixels(3), **DEFLATE),
    "tiles of 16 bits.tif": lambda: by_tifffile(
        pixels(4, np.uint16), tile=(256, 256), compression="lzw", predictor=True, extrasamples=["unassalpha"]
    ),
    "premultiplied.tif": lambda: by_tifffile(pixels(4, np.uint16), extrasamples=["assocalpha"], **DEFLATE),
    "half float.tif": lambda: by_tifffile((pixels(3) / 255).astype(np.float16), **DEFLATE),
    "float.tif": lambda: by_tifffile((pixels(4) / 255).astype(np.float32), extrasamples=["unassalpha"]),
    "double.tif": lambda: by_tifffile(pixels(3) / 255),
    "32 bits.tif": lambda: by_tifffile(pixels(1, np.uint32)[..., 0], "minisblack"),
    "white is 0.tif": lambda: by_tifffile(pixels(1, np.uint16)[..., 0], "miniswhite"),
    "9 extra samples.tif": lambda: by_tifffile(
        np.concatenate([pixels(3), np.zeros((SIDE, SIDE, 9), np.uint8)], axis=2), extrasamples=[0] * 9, **DEFLATE
    ),
    "extra planes.tif": lambda: by_tifffile(
        np.ascontiguousarray(np.moveaxis(pixels(9, np.uint16), 2, 0)), planarconfig="separate", **DEFLATE
    ),
    "cmyk.tif": lambda: by_tifffile(pixels(4), "separated", **DEFLATE),
    "fax.tif": lambda: by_pillow(image().convert("1"), "TIFF", compression="group4"),
    "jpeg strips.tif": lambda: by_pillow(image(), "TIFF", compression="jpeg"),
    "lab.tif": lambda: by_pillow(image().convert("LAB"), "TIFF"),
    "baseline.jpg": lambda: by_pillow(image(), "JPEG"),
    "progressive.jpg": lambda: by_pillow(image(), "JPEG", progressive=True, subsampling=0),
    "cmyk.jpg": lambda: by_pillow(image(4).convert("CMYK"), "JPEG"),
    "colour.webp": lambda: by_pillow(image(), "WEBP"),
    "alpha.webp": lambda: by_pillow(image(4), "WEBP"),
    "palette.gif": lambda: by_pillow(image(), "GIF"),
    "colour.bmp": lambda: by_pillow(image(), "BMP"),
    "colour.tga": lambda: by_pillow(image(), "TGA"),
    "colour.ppm": lambda: by_pillow(image(), "PPM"),
    "alpha.jp2": lambda: by_pillow(image(4), "JPEG2000"),
    "layers.psd": psd,
    "16 bits.psd": lambda: deep_psd(pixels(4, np.uint16), layers=-1, runs=True),
    "lab of 16 bits.tif": lambda: by_tifffile(pixels(3, np.uint16), "cielab", **DEFLATE),
    "pq.png": lambda: with_chunk(imagecodecs.png_encode(pixels(3, np.uint16)), b"cICP", b"\x09\x10\0\1"),
    "without an end.jpg": lambda: by_pillow(image(), "JPEG")[:-2],
    "document.ora": lambda: openraster(imagecodecs.png_encode(pixels(4))),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def measured(folder):
    for name, make in FILES.items():
        (folder / name).write_bytes(make())
    return costs([folder / name for name in FILES])


@pytest.mark.parametrize("name", FILES)
def test_reading_takes_a_bounded_number_of_bytes_per_pixel_beside_the_result(measured, name):
    report = measured[name]
    assert report["outcome"] == f"{SIDE} × {SIDE}", report["sentence"]
    assert report["megabytes"] * (1 << 20) - report["nbytes"] < READING_BYTES * PIXELS + OWN_MEGABYTES * (1 << 20)


def test_a_large_style_is_reduced_without_a_copy_of_all_of_its_pixels(tmp_path):
    """12 KB; its 100 megapixels took 1.1 GB."""
    path = tmp_path / "a.png"
    path.write_bytes(raw_png(10_000, 10_000, 1, 0, [bytes(1251 * 10_000)]))
    report = costs([path], at_most=4096)["a.png"]
    assert report["outcome"] == "4096 × 4096", report["sentence"]
    assert report["megabytes"] < 160  # 95 of the file's pixels, one byte each, and 16 of the result


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(by_pillow(Image.new("RGB", (6000, 6000)), "JPEG"))
    report = costs([path], at_most=300)["a.jpg"]
    assert report["outcome"] == "300 × 300", report["sentence"]
    assert report["megabytes"] < 30  # its 36 megapixels would take 100 MB


def test_a_small_file_of_many_samples_in_one_strip_is_refused(tmp_path):
    """7 KB took 0.5 to 4.9 GB, depending on the kind of samples."""
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(8, zlib.compress(bytes(2000 * 2000 * 64), 9), 2000, 2000, t277=64))
    report = costs([path])["a.tif"]
    assert report["outcome"] == "not_a_picture"
    assert "64 channels of 8 bits" in report["sentence"]
    assert report["megabytes"] < OWN_MEGABYTES


def test_a_file_of_more_megapixels_than_allowed_is_refused_from_its_header_also_if_it_is_scaled_down(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(10_000, 10_000, b"x"))
    report = costs([path], at_most=200, max_megapixels=10)["a.png"]
    assert report["outcome"] == "picture_too_large"
    assert "100.0 megapixels" in report["sentence"] and "up to 64" in report["sentence"]
    assert report["megabytes"] < OWN_MEGABYTES
