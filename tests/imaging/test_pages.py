"""Animations and files of several pages: which of them is read, and what the user is told."""

from __future__ import annotations

import pytest
import tifffile
from PIL import Image

from tests.support.picture_files import array, chunk, noise, save
from velatura.errors import NotAPicture, PictureTooLarge, UsageError
from velatura_daemon.imaging.files import read_picture

COLOURS = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
ANIMATIONS = ("a.gif", "a.png", "a.webp")
DOCUMENTS = ("a.tif", "palette.tif")


def several(path):
    """Write a file of a red, a green and a blue picture."""
    first, *others = [Image.new("RGB", (8, 6), colour) for colour in COLOURS]
    if path.name == "palette.tif":  # which Pillow decodes
        first, *others = [image.quantize(2) for image in (first, *others)]
    first.save(path, save_all=True, append_images=others, **({"lossless": True} if path.suffix == ".webp" else {}))
    return path


@pytest.mark.parametrize("name", [*ANIMATIONS, *DOCUMENTS])
def test_the_first_picture_is_read_with_a_note_of_how_many_there_are(tmp_path, name):
    loaded = read_picture(several(tmp_path / name), use="was restyled")
    assert array(loaded.picture)[0, 0, :3].tolist() == [250, 0, 0]
    noun = "frames" if name in ANIMATIONS else "pages"
    assert loaded.notes == (f"{name} has 3 {noun}; the first was restyled.",)


def test_a_png_with_frames_that_no_reader_shows_has_a_single_one(tmp_path):
    data = save(tmp_path / "a.png", noise((6, 8, 3))).read_bytes()
    (tmp_path / "a.png").write_bytes(data[:-12] + 2 * chunk(b"fcTL", bytes(26)) + data[-12:])
    assert read_picture(tmp_path / "a.png").notes == ()


@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize("name", [*ANIMATIONS, *DOCUMENTS])
def test_a_page_is_read_on_request_without_a_note(tmp_path, name, page):
    loaded = read_picture(several(tmp_path / name), page=page)
    assert array(loaded.picture)[5, 7, :3].tolist() == list(COLOURS[page - 1])
    assert loaded.notes == ()


@pytest.mark.parametrize("page", [-1, 0, 4, 10**9])
@pytest.mark.parametrize("name", [*ANIMATIONS, *DOCUMENTS])
def test_a_page_that_is_not_there_is_refused_with_the_range(tmp_path, name, page):
    with pytest.raises(UsageError, match=rf"^{name}: It has 3 \w+, so there is no \w+ {page}\. Give 1 to 3\."):
        read_picture(several(tmp_path / name), page=page)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".webp", ".tif", ".bmp"])
def test_a_file_with_a_single_picture_has_no_second_page(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", noise((6, 8, 3)))
    assert read_picture(path, page=1).notes == ()
    with pytest.raises(UsageError, match="It has a single"):
        read_picture(path, page=2)


def test_a_picture_before_the_animation_counts_as_its_first_frame(tmp_path):
    first, *others = [Image.new("RGB", (8, 6), colour) for colour in COLOURS]
    first.save(tmp_path / "a.png", save_all=True, append_images=others, default_image=True)
    assert read_picture(tmp_path / "a.png").notes == ("a.png has 3 frames; the first was read.",)
    assert array(read_picture(tmp_path / "a.png", page=3).picture)[0, 0, :3].tolist() == [0, 0, 250]


def test_every_frame_of_an_animation_has_its_colour_space(tmp_path):
    data = several(tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[:33] + chunk(b"gAMA", (100_000).to_bytes(4, "big")) + data[33:])
    profiles = {read_picture(tmp_path / "a.png", page=page).picture.format.profile for page in (1, 2, 3)}
    assert len(profiles) == 1 and profiles != {b""}


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
def test_pages_of_a_tiff_have_their_own_sizes_and_depths(tmp_path, sample):
    pixels = noise((7, 9, 3), sample)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(noise((4, 5)), photometric="minisblack")
        writer.write(pixels, photometric="rgb")
    loaded = read_picture(tmp_path / "a.tif", page=2)
    assert (loaded.original_width, loaded.original_height, loaded.picture.format.sample) == (9, 7, sample)
    assert (array(loaded.picture) == pixels).all()


def test_thumbnails_in_a_tiff_are_not_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(noise((8, 8)), photometric="minisblack")
        writer.write(noise((4, 4)), photometric="minisblack", subfiletype=1)
    assert read_picture(tmp_path / "a.tif").notes == ()


def test_directories_of_a_tiff_that_form_a_circle_end(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for _ in range(2):
            writer.write(noise((4, 5)), photometric="minisblack")
    with tifffile.TiffFile(path) as tiff:
        first, second = (page.offset for page in tiff.pages)
    data = bytearray(path.read_bytes())
    end = second + 2 + 12 * int.from_bytes(data[second : second + 2], "little")
    data[end : end + 4] = first.to_bytes(4, "little")
    path.write_bytes(data)
    assert read_picture(path).notes == ("a.tif has 2 pages; the first was read.",)


@pytest.mark.parametrize("name", [*ANIMATIONS, *DOCUMENTS])
def test_limits_hold_for_every_page(tmp_path, name):
    with pytest.raises(PictureTooLarge):
        read_picture(several(tmp_path / name), page=2, max_megapixels=40e-6)


def test_a_large_second_page_is_refused_from_its_header(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(noise((4, 5)), photometric="minisblack")
        writer.write(noise((40, 50)), photometric="minisblack")
    with pytest.raises(PictureTooLarge):
        read_picture(tmp_path / "a.tif", page=2, max_megapixels=0.001)


def test_a_frame_of_a_gif_that_is_larger_than_the_first_is_refused(tmp_path):
    data = several(tmp_path / "a.gif").read_bytes()
    size = (8).to_bytes(2, "little") + (6).to_bytes(2, "little")
    start = data.index(b"," + bytes(4) + size, data.index(b"," + bytes(4) + size) + 1) + 5
    (tmp_path / "b.gif").write_bytes(data[:start] + b"\x00\x40\x00\x40" + data[start + 4 :])
    with pytest.raises(NotAPicture, match="larger than the first"):
        read_picture(tmp_path / "b.gif", page=2)


def test_a_frame_far_into_a_large_animation_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("velatura_daemon.imaging.files.pillow.MAX_COMPOSED_MEGAPIXELS", 1e-5)
    with pytest.raises(NotAPicture, match="all frames before it"):
        read_picture(several(tmp_path / "a.gif"), page=3)
