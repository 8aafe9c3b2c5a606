"""What a result keeps of its photo's metadata, from every format to every other, read by other programs' readers."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import imagecodecs
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from tests.support.documents import psd
from tests.support.picture_files import gradient, picture, raw_png
from velatura_daemon.imaging.files import Metadata, read_description, read_metadata, write_picture

FORMATS = ("jpg", "png", "tif", "webp")
GPS, EXIF, MAKER_NOTE, SERIAL_NUMBER = 0x8825, 0x8769, 0x927C, 0xA431
DATE, ARTIST, RIGHTS = "2024:03:02 10:11:12", "Zoë Müller", "© 2024 Zoë"
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>
<rdf:li xml:lang="de">Hafen</rdf:li><rdf:li xml:lang="x-default">Harbour &amp; sea</rdf:li></rdf:Alt></dc:description>
<dc:creator><rdf:Seq><rdf:li>Zoë Müller</rdf:li><rdf:li>Ann</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li>© 2024 Zoë</rdf:li></rdf:Alt></dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>"""
IPTC = b"\x1c\x01\x5a\x00\x03\x1b%G" + b"".join(
    struct.pack(">BBBH", 0x1C, 2, number, len(text.encode())) + text.encode()
    for number, text in ((80, ARTIST), (116, RIGHTS), (120, "Harbour"))
)
RESOURCES = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC


def photo_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Maker", "Model 5", 6
    exif[0x013B], exif[0x8298] = "Zoe Muller", "(c) 2024 Zoe"  # for TIFF, Pillow writes nothing but ASCII
    exif[0x011A], exif[0x011B], exif[0x0128] = IFDRational(300), IFDRational(300), 2
    exif.get_ifd(EXIF).update(
        {
            0x829A: IFDRational(1, 250),
            0x9003: DATE,
            0x9204: IFDRational(-2, 3),
            0x8827: 400,
            0xA434: "50 mm",
            MAKER_NOTE: b"secret" * 9,
            SERIAL_NUMBER: "12345",
        }
    )
    exif.get_ifd(GPS).update({1: "N", 2: (IFDRational(47), IFDRational(22), IFDRational(0))})
    return exif


def photo(folder: Path, suffix: str) -> Path:
    """A photo as a camera writes it, with GPS, maker notes and a serial number. It lies on its side."""
    path = folder / f"photo.{suffix}"
    image, exif = Image.fromarray(gradient(16, 24, 3)), photo_exif()
    options: dict[str, Any] = {"dpi": (300, 300)} if suffix != "webp" else {}
    image.save(path, exif=exif.tobytes(), **options)
    return path


def restyled(source: Path, out: Path, description: str = "how it was made", **more: Any) -> Image.Image:
    """The metadata of `source` written to another file, and that opened by Pillow."""
    write_picture(out, picture(gradient(8, 8, 3)), description=description, metadata=read_metadata(source), **more)
    image = Image.open(out)
    image.load()
    return image


@pytest.mark.parametrize("source", ["heic", "avif", "jxl"])
def test_metadata_of_a_format_in_a_process_of_its_own_is_kept(tmp_path, source):
    if source == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    path = tmp_path / f"a.{source}"
    image, exif = Image.fromarray(gradient(16, 24, 3)), photo_exif().tobytes()
    if source == "jxl":
        out = io.BytesIO()
        image.save(out, "JPEG", exif=exif, xmp=XMP.encode())
        path.write_bytes(imagecodecs.jpegxl_encode_jpeg(out.getvalue()))
    else:
        image.save(path, exif=exif, xmp=XMP.encode())
    metadata = read_metadata(path)
    assert metadata == replace(read_metadata(photo(tmp_path, "jpg")), description="Harbour & sea")
    assert metadata.artist == "Zoe Muller"


def test_metadata_of_a_photoshop_document_is_kept(tmp_path):
    resolution = struct.pack(">IHHIHH", 300 << 16, 1, 1, 300 << 16, 1, 1)
    metadata = {
        1005: resolution,
        1028: IPTC,
        1058: photo_exif().tobytes().removeprefix(b"Exif\0\0"),
        1060: XMP.encode(),
    }
    (tmp_path / "a.psd").write_bytes(psd(gradient(8, 8, 3, "u16"), metadata=metadata))
    photos = read_metadata(photo(tmp_path, "jpg"))
    assert read_metadata(tmp_path / "a.psd") == replace(photos, description="Harbour & sea")
    (tmp_path / "b.psd").write_bytes(psd(gradient(8, 8, 3, "u16"), metadata={1028: IPTC}))
    assert read_metadata(tmp_path / "b.psd") == Metadata(None, "Harbour", ARTIST, RIGHTS)


@pytest.mark.parametrize("out", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_camera_dates_rights_and_resolution_stay_from_every_format_to_every_other(tmp_path, source, out):
    image = restyled(photo(tmp_path, source), tmp_path / f"out.{out}")
    exif = image.getexif()
    first, exposure = dict(exif), exif.get_ifd(EXIF)
    assert (first[0x010F], first[0x0110]) == ("Maker", "Model 5")
    assert (first[0x013B], first[0x8298]) == ("Zoe Muller", "(c) 2024 Zoe")
    assert (float(first[0x011A]), first[0x0128]) == (300, 2)
    assert (exposure[0x9003], exposure[0x8827], exposure[0xA434]) == (DATE, 400, "50 mm")
    assert exposure[0x829A] == IFDRational(1, 250)
    assert exposure[0x9204] == IFDRational(-2, 3)
    if out != "webp":
        assert tuple(round(float(value), 2) for value in image.info["dpi"]) == (300, 300)
    assert read_description(tmp_path / f"out.{out}") == "how it was made"


@pytest.mark.parametrize("out", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_the_place_serial_numbers_and_makers_notes_do_not_stay_and_the_result_is_upright(tmp_path, source, out):
    exif = restyled(photo(tmp_path, source), tmp_path / f"out.{out}").getexif()
    assert exif.get(0x0112, 1) == 1
    assert GPS not in exif
    assert not {MAKER_NOTE, SERIAL_NUMBER} & set(exif.get_ifd(EXIF))
    assert b"secret" not in (tmp_path / f"out.{out}").read_bytes()


@pytest.mark.parametrize("suffix", FORMATS)
def test_without_metadata_a_file_has_only_pixels_and_profile(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write_picture(path, picture(gradient(8, 8, 3)), description="how it was made", metadata=None)
    image = Image.open(path)
    image.load()
    expected = {"jpg": {"jfif", "jfif_version", "jfif_unit", "jfif_density"}, "tif": {"compression", "resolution"}}
    assert set(image.info) - {"loop", "background", "timestamp", "duration"} <= expected.get(suffix, set())
    assert read_metadata(path) == Metadata()
    assert b"Velatura" not in path.read_bytes()
    assert b"how it was made" not in path.read_bytes()


def test_a_result_that_is_restyled_again_keeps_the_metadata(tmp_path):
    source = photo(tmp_path, "jpg")
    for number, suffix in enumerate((*FORMATS, "jpg")):
        out = tmp_path / f"{number}.{suffix}"
        restyled(source, out).close()
        source = out
    assert read_metadata(source) == read_metadata(photo(tmp_path, "jpg"))


@pytest.mark.parametrize("out", FORMATS)
def test_the_photos_description_stays_beside_that_of_the_result(tmp_path, out):
    exif = Image.Exif()
    exif[0x010E] = "Boats <at> dusk & dawn"
    Image.fromarray(gradient(16, 24, 3)).save(tmp_path / "photo.jpg", exif=exif.tobytes())
    image = restyled(tmp_path / "photo.jpg", tmp_path / f"out.{out}", "made by Velatura")
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or image.tag_v2[700]
    (item,) = ElementTree.fromstring(packet).iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li")
    assert item.text == "Boats <at> dusk & dawn"
    assert read_description(tmp_path / f"out.{out}") == "made by Velatura"
    assert read_metadata(tmp_path / f"out.{out}").description == "Boats <at> dusk & dawn"


def test_xmp_is_read_where_exif_has_nothing(tmp_path):
    Image.fromarray(gradient(16, 24, 3)).save(tmp_path / "a.webp", xmp=XMP.encode())
    header = b"http://ns.adobe.com/xap/1.0/\0" + XMP.encode()
    segment = b"\xff\xe1" + struct.pack(">H", len(header) + 2) + header
    Image.fromarray(gradient(16, 24, 3)).save(tmp_path / "a.jpg", extra=segment)
    tifffile.imwrite(tmp_path / "a.tif", gradient(16, 24, 3), extratags=[(700, "B", len(XMP.encode()), XMP.encode())])
    packed = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP.encode())
    (tmp_path / "a.png").write_bytes(raw_png(1, 1, 8, 0, [b"\7"], (b"iTXt", packed)))
    for suffix in FORMATS:
        found = read_metadata(tmp_path / f"a.{suffix}")
        assert (found.description, found.artist, found.copyright) == ("Harbour & sea", f"{ARTIST}; Ann", RIGHTS)


def test_iptc_is_read_where_exif_has_nothing(tmp_path):
    segment = b"\xff\xed" + struct.pack(">H", len(RESOURCES) + 2) + RESOURCES
    Image.fromarray(gradient(16, 24, 3)).save(tmp_path / "a.jpg", extra=segment)
    tifffile.imwrite(tmp_path / "a.tif", gradient(16, 24, 3), extratags=[(33723, "B", len(IPTC), IPTC)])
    for suffix in ("jpg", "tif"):
        found = read_metadata(tmp_path / f"a.{suffix}")
        assert (found.description, found.artist, found.copyright) == ("Harbour", ARTIST, RIGHTS)


def test_texts_of_a_png_are_read(tmp_path):
    texts = (
        (b"tEXt", b"Author\0Ann"),
        (b"tEXt", b"Copyright\0\xa9 Ann"),
        (b"iTXt", b"Description\0\0\0\0\0\xe6\xb5\xb7"),
    )
    (tmp_path / "a.png").write_bytes(raw_png(1, 1, 8, 0, [b"\7"], *texts))
    assert read_metadata(tmp_path / "a.png") == Metadata(None, "海", "Ann", "© Ann")


@pytest.mark.parametrize(("unit", "expected"), [(1, (300.0, 150.0)), (0, None)])
def test_pixels_per_metre_of_a_png_become_whole_dpi_and_mere_proportions_none(tmp_path, unit, expected):
    sizes = struct.pack(">IIB", 11811, 5906, unit)
    (tmp_path / "a.png").write_bytes(raw_png(1, 1, 8, 0, [b"\7"], (b"pHYs", sizes)))
    assert read_metadata(tmp_path / "a.png").dpi == expected


def test_the_two_resolutions_of_a_picture_on_its_side_are_swapped(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(gradient(16, 24, 3)).save(tmp_path / "a.jpg", exif=exif.tobytes(), dpi=(100, 200))
    assert read_metadata(tmp_path / "a.jpg").dpi == (200, 100)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_tiffs_of_every_kind_keep_their_metadata(tmp_path, order, big):
    text, more = "Zoë".encode(), {"resolution": (200, 100), "resolutionunit": "centimeter", "metadata": None}
    extras = [(315, "s", len(text), text)]
    tifffile.imwrite(
        tmp_path / "a.tif", gradient(16, 24, 3), byteorder=order, bigtiff=big, extratags=extras, software="x", **more
    )
    assert read_metadata(tmp_path / "a.tif") == Metadata(dpi=(508, 254), artist="Zoë")


def test_the_exposure_is_written_to_a_bigtiff_too(tmp_path, monkeypatch):
    really_write = tifffile.imwrite
    monkeypatch.setattr(tifffile, "imwrite", lambda *args, **more: really_write(*args, bigtiff=True, **more))
    restyled(photo(tmp_path, "jpg"), tmp_path / "out.tif").close()
    assert read_metadata(tmp_path / "out.tif") == read_metadata(tmp_path / "photo.jpg")
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert tiff.is_bigtiff
        assert tiff.pages.first.tags[EXIF].value["DateTimeOriginal"] == DATE


# --- damaged and hostile metadata ----------------------------------------------------------------------
def test_long_texts_are_cut_and_fit_into_every_format(tmp_path):
    exif = Image.Exif()
    exif[0x013B], exif[0x8298], exif[0x010E] = b"&" * 9000, "é".encode() * 9000, b"&" * 9000
    Image.fromarray(gradient(16, 24, 3)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    kept = read_metadata(tmp_path / "a.jpg")
    assert (kept.artist, kept.copyright, kept.description) == ("&" * 4000, "é" * 2000, "&" * 4000)
    for suffix in FORMATS:
        restyled(tmp_path / "a.jpg", tmp_path / f"out.{suffix}").close()
        assert read_metadata(tmp_path / f"out.{suffix}") == kept


def test_a_description_too_long_for_a_jpeg_beside_the_metadata_is_left_out_with_a_note(tmp_path):
    notes = write_picture(
        tmp_path / "a.jpg", picture(gradient(8, 8, 3)), description="x" * 64_000, metadata=Metadata(artist="A" * 4000)
    )
    assert "too long" in notes[0]
    assert read_metadata(tmp_path / "a.jpg").artist == "A" * 4000
    assert read_description(tmp_path / "a.jpg") == ""


HOSTILE_XMP = {
    "entities": '<!DOCTYPE a [<!ENTITY b "bbbbbbbb">]>' + XMP,
    "deep": "<a>" * 100_000 + "</a>" * 100_000,
    "unfinished": XMP[:-40],
    "null": XMP.replace("Zoë", "Z\0"),
    "long": XMP + " " * (2 << 20),
}


@pytest.mark.parametrize("kind", HOSTILE_XMP)
def test_hostile_xmp_is_left_out_and_the_rest_stays(tmp_path, kind):
    path = tmp_path / "a.webp"
    Image.fromarray(gradient(16, 24, 3)).save(path, exif=photo_exif().tobytes(), xmp=HOSTILE_XMP[kind].encode())
    found = read_metadata(path)
    assert (found.description, found.artist) == ("", "Zoe Muller")


def test_a_damaged_text_of_a_png_costs_only_that_text(tmp_path):
    texts = ((b"iTXt", b"Author\0\1\0\0\0no zlib"), (b"tEXt", b"Copyright\0Ann"))
    (tmp_path / "a.png").write_bytes(raw_png(1, 1, 8, 0, [b"\7"], *texts))
    assert read_metadata(tmp_path / "a.png") == Metadata(copyright="Ann")


def test_a_packed_text_of_a_png_that_grows_without_end_is_cut_and_unpacked_once(tmp_path, monkeypatch):
    bomb, unpacked = zlib.compress(b"a" * (20 << 20)), []
    texts = [(b"iTXt", keyword + b"\0\1\0\0\0" + bomb) for keyword in (b"Author", b"Other", b"Author")]
    (tmp_path / "a.png").write_bytes(raw_png(1, 1, 8, 0, [b"\7"], *texts))
    really_open = zlib.decompressobj

    class Unpacker:
        def decompress(self, data, most):
            unpacked.append(len(text := really_open().decompress(data, most)))
            return text

    monkeypatch.setattr(zlib, "decompressobj", Unpacker)
    assert read_metadata(tmp_path / "a.png").artist == "a" * 4000
    assert unpacked == [1 << 20]


def test_control_characters_do_not_stay(tmp_path):
    exif = Image.Exif()
    exif[0x013B] = b"A\x1b[31mB\x07\x9b"
    Image.fromarray(gradient(16, 24, 3)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    assert read_metadata(tmp_path / "a.jpg").artist == "A[31mB"


@pytest.mark.parametrize("per_inch", [0, 1e9, -72])
def test_a_senseless_resolution_is_left_out(tmp_path, per_inch):
    tifffile.imwrite(tmp_path / "a.tif", gradient(16, 24, 3), extratags=[(282, "i", 2, (int(per_inch), 1))])
    assert read_metadata(tmp_path / "a.tif").dpi is None


@pytest.mark.parametrize("suffix", FORMATS)
@given(data=st.data())
def test_damaged_files_never_raise_and_what_is_read_can_be_written(tmp_path_factory, suffix, data):
    folder = tmp_path_factory.getbasetemp() / f"damaged-{suffix}"
    folder.mkdir(exist_ok=True)
    content = bytearray(photo(folder, suffix).read_bytes())
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "damaged"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    found = read_metadata(path)
    for out in FORMATS:
        write_picture(folder / f"out.{out}", picture(gradient(4, 4, 3)), description="", metadata=found, force=True)
        again = read_metadata(folder / f"out.{out}")
        assert replace(again, dpi=None) == replace(found, dpi=None)
        assert again.dpi == (found.dpi and pytest.approx(found.dpi, abs=0.51))  # a JPEG has whole numbers


@given(junk=st.binary(max_size=200))
def test_junk_as_exif_never_raises(tmp_path_factory, junk):
    path = tmp_path_factory.getbasetemp() / "junk.png"
    path.write_bytes(
        raw_png(1, 1, 8, 0, [b"\7"], (b"eXIf", b"II*\0\x08\0\0\0" + junk), (b"iTXt", junk), (b"pHYs", junk))
    )
    read_metadata(path)


def test_a_directory_that_leads_to_itself_ends(tmp_path):
    loop = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, EXIF, 4, 1, 8) + bytes(4)
    (tmp_path / "a.png").write_bytes(raw_png(1, 1, 8, 0, [b"\7"], (b"eXIf", loop)))
    assert read_metadata(tmp_path / "a.png") == Metadata()


def test_other_formats_and_missing_files_have_none(tmp_path):
    Image.fromarray(gradient(16, 24, 3)).save(tmp_path / "a.bmp")
    assert read_metadata(tmp_path / "a.bmp") == read_metadata(tmp_path / "nothere.png") == Metadata()
