"""docs/formats.md: each row of its table, read and written."""

from __future__ import annotations

import importlib.util
import io
import zipfile
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.support.documents import psd
from tests.support.picture_files import ADOBE, array, chunk, gradient, picture, read
from velatura.errors import UsageError
from velatura_daemon.imaging.files import read_description, read_picture, write_picture
from velatura_daemon.imaging.files.pillow import suffixes
from velatura_daemon.imaging.files.write import FORMATS

DOCS = Path(__file__).parents[2] / "docs" / "formats.md"
LINES = [line for line in DOCS.read_text(encoding="utf-8").split("\n## ")[0].splitlines() if line.startswith("| ")]
COLUMNS, *ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES]
TABLE = {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in ROWS}
CLOSE = 0.03  # of lossy formats, of the range
BY_PILLOW = {"JPEG 2000": "JPEG2000", "WebP": "WEBP"}
LIBRARIES = {"HEIC": "pillow_heif", "EXR": "OpenEXR"}
SIDE = 32


def made(name, path, pixels, *, profile=b"", orientation=1, frames=1):
    """Write a file of a format. pixels: (H, W, C)."""
    image = Image.fromarray(pixels) if pixels.dtype == np.uint8 else None
    options = {"icc_profile": profile} if profile else {}
    if orientation > 1:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = orientation
    if name in ("PNG", "KRA", "OpenRaster"):
        data = imagecodecs.png_encode(pixels)
        if frames > 1 or orientation > 1:
            return by_pillow(image, path, "PNG", frames, options)
        if profile:
            data = data[:33] + chunk(b"iCCP", b"a\0\0" + zlib.compress(profile)) + data[33:]
        return path.write_bytes(data if name == "PNG" else document(name, data))
    if name == "TIFF":
        extra = {"extrasamples": ["unassalpha"]} if pixels.shape[2] == 4 else {}
        with tifffile.TiffWriter(path) as writer:
            for _ in range(frames):
                tags = [(274, 3, 1, orientation, True)]
                writer.write(
                    pixels, photometric="rgb", iccprofile=profile or None, extratags=tags, metadata=None, **extra
                )
        return None
    if name == "PSD":
        return path.write_bytes(psd(pixels, layers=-1 if pixels.shape[2] == 4 else 0, profile=profile))
    if name == "AVIF" and image is None:
        return path.write_bytes(imagecodecs.avif_encode(pixels >> 4, level=100, bitspersample=12))
    if name == "JPEG XL":
        return path.write_bytes(imagecodecs.jpegxl_encode(pixels, lossless=True))
    if name == "HEIC":
        return heic(path, pixels, profile, frames)
    if name == "EXR":
        return exr(path, pixels, frames)
    if name == "QOI":
        return path.write_bytes(imagecodecs.qoi_encode(pixels))
    return by_pillow(image, path, BY_PILLOW.get(name, name), frames, options)


def by_pillow(image, path, kind, frames, options):
    if frames > 1:
        others = [Image.fromarray(255 - np.asarray(image)) for _ in range(frames - 1)]
        options = {**options, "save_all": True, "append_images": others}
    if kind in ("JPEG", "WEBP", "AVIF"):
        options["quality"] = 95
    image.save(path, kind, **options)


def document(name, data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", {"KRA": "application/x-krita", "OpenRaster": "image/openraster"}[name])
        archive.writestr("mergedimage.png", data)
    return out.getvalue()


def heic(path, pixels, profile, frames):
    import pillow_heif

    mode = {3: "RGB", 4: "RGBA"}[pixels.shape[2]] + (";16" if pixels.dtype == np.uint16 else "")
    file = pillow_heif.from_bytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    for _ in range(frames - 1):
        file.add_from_heif(file[0])
    file[0].info["icc_profile"] = profile
    file.save(path, quality=-1, chroma=444)


def exr(path, pixels, frames):
    import OpenEXR

    opaque = pixels.shape[2] == 3
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    channels = {"RGB" if opaque else "RGBA": np.ascontiguousarray(pixels)}
    parts = [OpenEXR.Part({**header, "name": f"part {n}"}, dict(channels)) for n in range(frames)]
    OpenEXR.File(parts).write(str(path))


def needs(name):
    library = LIBRARIES.get(name)
    if library and importlib.util.find_spec(library) is None:
        pytest.skip("needs the extra 'formats'")


def first_suffix(name):
    return TABLE[name]["extensions"].split()[0]


def samples(cell):
    return [] if cell == "no" else cell.split(", ")


@pytest.mark.parametrize(("name", "sample"), [(name, s) for name in TABLE for s in samples(TABLE[name]["read as"])])
def test_a_format_is_read_at_its_depths(tmp_path, name, sample):
    needs(name)
    pixels = gradient(SIDE, SIDE, 3, sample)
    path = tmp_path / f"a{first_suffix(name)}"
    made(name, path, pixels)
    result = read(path)
    assert result.format.sample == sample
    top = {"u8": 255, "u16": 65535}.get(sample, 1)
    tolerance = 0.5 if name == "GIF" else CLOSE  # whose palette Pillow chooses
    assert np.abs(array(result).astype(float) - pixels.astype(float)).max() / top < tolerance


@pytest.mark.parametrize("name", TABLE)
def test_a_format_has_alpha_or_not(tmp_path, name):
    needs(name)
    if TABLE[name]["alpha"] == "no":
        return
    sample = samples(TABLE[name]["read as"])[-1]
    pixels = gradient(SIDE, SIDE, 4, sample)
    pixels[: SIDE // 2, :, 3] = 0
    path = tmp_path / f"a{first_suffix(name)}"
    made(name, path, pixels)
    result = read(path)
    assert result.format.has_alpha
    alpha = array(result)[..., 3].astype(float)
    assert alpha[0].max() < 0.02 * alpha[-1].min()


@pytest.mark.parametrize("name", TABLE)
def test_a_format_keeps_its_profile_or_not(tmp_path, name):
    needs(name)
    if TABLE[name]["profile"] == "yes":
        sample = "u16" if name == "PSD" else "u8"
        path = tmp_path / f"a{first_suffix(name)}"
        made(name, path, gradient(SIDE, SIDE, 3, sample), profile=ADOBE)
        assert read(path).format.profile == ADOBE


@pytest.mark.parametrize("name", ["PNG", "TIFF", "JPEG", "WebP", "AVIF"])
def test_a_format_is_turned_upright(tmp_path, name):
    assert TABLE[name]["metadata"] == "orientation"
    path = tmp_path / f"a{first_suffix(name)}"
    made(name, path, gradient(SIDE, 2 * SIDE, 3), orientation=6)
    assert (read(path).width, read(path).height) == (SIDE, 2 * SIDE)


@pytest.mark.parametrize("name", TABLE)
def test_a_format_has_several_pictures_or_not(tmp_path, name):
    needs(name)
    noun, path = TABLE[name]["several pictures"], tmp_path / f"a{first_suffix(name)}"
    sample = "u16" if name == "PSD" else samples(TABLE[name]["read as"])[0]
    if noun == "no":
        made(name, path, gradient(SIDE, SIDE, 3, sample))
        with pytest.raises(UsageError, match="a single"):
            read_picture(path, page=2)
        return
    made(name, path, gradient(SIDE, SIDE, 3, sample), frames=2)
    assert read_picture(path).notes == (f"{path.name} has 2 {noun}; the first was read.",)
    assert read_picture(path, page=2).picture.width == SIDE


@pytest.mark.parametrize("name", TABLE)
def test_a_format_is_written_at_its_depths_or_refused(tmp_path, name):
    path = tmp_path / f"a{first_suffix(name)}"
    written = samples(TABLE[name]["written"])
    for sample in written:
        curve = "linear" if sample.startswith("f") else "srgb"
        pixels = picture(gradient(SIDE, SIDE, 3, sample), curve=curve)
        assert write_picture(path, pixels, description="sea", force=True) == []
        assert read(path).format.sample == sample
        assert read_description(path) == "sea"
    if not written:
        with pytest.raises(UsageError, match="cannot write"):
            write_picture(path, picture(gradient(SIDE, SIDE, 3)), description="")


def test_the_table_has_all_extensions_that_are_read_or_written():
    listed = {suffix for row in TABLE.values() for suffix in row["extensions"].split()}
    assert listed <= suffixes()
    assert set(FORMATS) == {
        suffix
        for row in TABLE.values()
        for suffix in row["extensions"].split()
        if row["written"] != "no" and suffix != ".apng"
    }
