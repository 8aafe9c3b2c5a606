"""PNG files: depth, channels, palettes, transparency, and metadata."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image

from tests.support.picture_files import array, chunk, gradient, noise, picture, raw_png, read, save
from velatura_daemon.imaging.files import write_picture
from velatura_daemon.imaging.files.decode import decode


def test_a_palette_png_becomes_rgb_and_a_transparent_one_rgba(tmp_path):
    palette, transparent = (b"PLTE", b"\1\2\3\4\5\6"), (b"tRNS", b"\x80")
    (tmp_path / "a.png").write_bytes(raw_png(2, 2, 4, 3, [b"\x01"] * 2, palette))
    (tmp_path / "b.png").write_bytes(raw_png(2, 2, 4, 3, [b"\x01"] * 2, palette, transparent))
    assert array(read(tmp_path / "a.png"))[0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert array(read(tmp_path / "b.png"))[0].tolist() == [[1, 2, 3, 128], [4, 5, 6, 255]]


def test_a_transparent_colour_of_a_16_bit_png_becomes_alpha(tmp_path):
    row = struct.pack(">6H", 1, 2, 3, 4, 5, 6)
    (tmp_path / "a.png").write_bytes(raw_png(2, 2, 16, 2, [row] * 2, (b"tRNS", row[:6])))
    result = read(tmp_path / "a.png")
    assert (result.format.channels, result.format.sample) == ("RGBA", "u16")
    assert array(result)[0].tolist() == [[1, 2, 3, 0], [4, 5, 6, 65535]]


def test_a_png_names_the_program_that_wrote_it(tmp_path):
    write_picture(tmp_path / "a.png", picture(gradient(8, 8, 3)), description="sea")
    assert Image.open(tmp_path / "a.png").text == {"Description": "sea", "Software": "Velatura"}


def test_pixels_of_an_8_bit_png_are_not_copied(tmp_path):
    path = save(tmp_path / "a.png", noise((4, 6, 3)))
    assert decode(path, lambda *_: None).pixels.flags.c_contiguous
    assert isinstance(read(path).data, memoryview)


# Where the seven passes of an interlaced PNG start, and their steps: (row, column, rows, columns).
PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def interlaced_png(pixels):
    """pixels: (H, W), u8."""
    passes = [pixels[top::down, left::right] for top, left, down, right in PASSES]
    raw = b"".join(b"\0" + row.tobytes() for part in passes for row in part if row.size)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 1)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def test_an_interlaced_png_prints_nothing(tmp_path, capfd):
    """libpng's wrapper reports a warning for each, which went to the terminal."""
    pixels = np.arange(30, dtype=np.uint8).reshape(5, 6)
    (tmp_path / "a.png").write_bytes(interlaced_png(pixels))
    assert (array(read(tmp_path / "a.png"))[..., 0] == pixels).all()
    assert capfd.readouterr() == ("", "")
