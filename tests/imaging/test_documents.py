"""Documents of painting programs: Photoshop's with 16 and 32 bits, Krita's and OpenRaster."""

from __future__ import annotations

import io
import zipfile

import imagecodecs
import numpy as np
import pytest

from tests.support.documents import CMYK, GREY, LAB, RGB, psd
from tests.support.picture_files import ADOBE, array, noise, raw_png, read
from velatura.errors import NotAPicture, PictureTooLarge, UsageError
from velatura_daemon.imaging.files import read_picture


def write(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("runs", [False, True])
@pytest.mark.parametrize(("mode", "channels", "layers"), [(GREY, 1, 0), (GREY, 2, -1), (RGB, 3, 2), (RGB, 4, -2)])
def test_a_16_bit_psd_keeps_every_sample(tmp_path, mode, channels, layers, runs):
    pixels = noise((6, 7, channels), "u16")
    pixels[:3] = 500
    result = read(write(tmp_path / "a.psd", psd(pixels, mode, layers, runs)))
    assert (array(result) == pixels).all()
    assert result.format.curve == "srgb"


def test_a_channel_of_a_psd_that_is_not_transparency_is_left_out(tmp_path):
    pixels = noise((6, 7, 5), "u16")
    assert (array(read(write(tmp_path / "a.psd", psd(pixels, layers=2)))) == pixels[..., :3]).all()


def test_a_16_bit_psd_keeps_its_profile(tmp_path):
    path = write(tmp_path / "a.psd", psd(noise((6, 7, 3), "u16"), profile=ADOBE))
    assert read(path).format.profile == ADOBE


def test_a_32_bit_psd_is_linear_light(tmp_path):
    pixels = noise((6, 7, 3), "f32") * 2
    result = read(write(tmp_path / "a.psd", psd(pixels)))
    assert (result.format.sample, result.format.curve) == ("f32", "linear")
    assert (array(result) == pixels).all()


def test_cmyk_and_lab_psds_become_rgb(tmp_path):
    inks = np.full((4, 4, 4), (65535, 0, 0, 65535), np.uint16)  # 65535 is no ink: magenta and yellow
    assert array(read(write(tmp_path / "a.psd", psd(inks, CMYK))))[0, 0].tolist() == [65535, 0, 0]
    white = np.full((4, 4, 3), (65535, 32768, 32768), np.uint16)
    assert array(read(write(tmp_path / "b.psd", psd(white, LAB))))[0, 0].min() > 65500


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (psd(noise((4, 4, 3), "u16"), compression=2), "compressed with ZIP"),
        (psd(noise((4, 4, 3), "u16"), mode=7), "16-bit multichannel Photoshop document"),
        (psd(noise((4, 4, 2), "u16")), "2 channels"),
        (psd(noise((4, 4, 3), "u16"))[:-10], "is truncated"),
        (psd(noise((4, 4, 3), "u16"), runs=True)[:50], "is truncated"),
        (psd(noise((4, 4, 3), "u16"))[:24], "is truncated"),
    ],
)
def test_a_psd_that_cannot_be_read_is_named(tmp_path, data, sentence):
    with pytest.raises(NotAPicture, match=rf"^a\.psd: .*{sentence}"):
        read_picture(write(tmp_path / "a.psd", data))


def document(entries, mime="application/x-krita"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", mime)
        for name, content in entries.items():
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


@pytest.mark.parametrize(("suffix", "mime"), [(".kra", "application/x-krita"), (".ora", "image/openraster")])
@pytest.mark.parametrize("sample", ["u8", "u16"])
def test_the_merged_picture_of_a_document_is_read(tmp_path, suffix, mime, sample):
    pixels = noise((6, 7, 4), sample)
    data = document({"mergedimage.png": imagecodecs.png_encode(pixels)}, mime)
    assert (array(read(write(tmp_path / f"a{suffix}", data))) == pixels).all()


def test_a_document_without_a_merged_picture_is_named(tmp_path):
    with pytest.raises(NotAPicture, match="The Krita document has no merged picture"):
        read_picture(write(tmp_path / "a.kra", document({"a": b"b"})))


def test_a_damaged_document_is_named(tmp_path):
    data = document({"mergedimage.png": imagecodecs.png_encode(noise((6, 7, 4)))})
    with pytest.raises(NotAPicture, match="damaged or truncated"):
        read_picture(write(tmp_path / "a.kra", data[:-30]))


def test_a_large_merged_picture_is_refused_from_its_header(tmp_path):
    data = document({"mergedimage.png": raw_png(30_000, 30_000, 8, 2, [bytes(10_000_000)])})
    with pytest.raises(PictureTooLarge, match=r"900\.0 megapixels"):
        read_picture(write(tmp_path / "a.kra", data))


def test_a_document_of_very_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("velatura_daemon.imaging.files.archive.MAX_ENTRIES", 3)
    with pytest.raises(NotAPicture, match="more than 3 files inside"):
        read_picture(write(tmp_path / "a.kra", document(dict.fromkeys("abcd", b"x"))))


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (b"%PDF-1.7", "a PDF document"),
        (b"gimp xcf v011\0", "a GIMP picture"),
        (b"II*\0\x10\0\0\0CR\2\0", r"camera's raw file \(CR2\)"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", r"camera's raw file \(CR3\)"),
        (b"FUJIFILMCCD-RAW 0201", r"camera's raw file \(RAF\)"),
        (b'<?xml version="1.0"?>\n<!-- a -->\n<svg xmlns="">', "an SVG drawing"),
        (b"<svg>", "an SVG drawing"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "a video"),
        (b"#?RADIANCE\n", "a Radiance HDR picture"),
        (b"\0\0\1\0\1\0\x10\x10", "an icon"),
        (b"PK\3\4\x14\0", "a ZIP archive"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript file"),
    ],
)
def test_a_known_kind_of_file_is_named_with_a_way_out(tmp_path, start, sentence):
    with pytest.raises(NotAPicture, match=rf"^a\.jpg: This is {sentence}|^a\.jpg: This is a {sentence}"):
        read_picture(write(tmp_path / "a.jpg", start + bytes(100)))


def test_a_document_has_one_page(tmp_path):
    data = document({"mergedimage.png": imagecodecs.png_encode(noise((6, 7, 4)))})
    with pytest.raises(UsageError, match="a single"):
        read_picture(write(tmp_path / "a.kra", data), page=2)
