"""Anything that claims to be huge is refused before memory is allocated: picture files, headers, frames, settings."""

from __future__ import annotations

import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest

from tests.support import bombs
from tests.support.reading_cost import costs
from velatura.errors import BadMessage, BadSetting, PictureTooLarge, VelaturaError
from velatura.pixels import PictureRef, PixelFormat
from velatura.protocol import codec, transfer, zmtp
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.jobs.validation import job_from

MAX_MEGABYTES = 20.0  # per file: a profile of 4 MB, twice, and the memory of the decoder


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return the report of reading each file with a limit of one megapixel."""
    folder = tmp_path_factory.mktemp("bombs")
    paths = bombs.write_all(folder)
    by_file = costs(list(paths.values()), max_megapixels=1)
    return {name: by_file.get(path.name) for name, path in paths.items()}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize("name", bombs.BOMBS)
def test_a_decompression_bomb_is_refused_or_read_at_its_declared_size(measured, name):
    if name not in measured:
        pytest.skip("this Pillow cannot write that format")
    report = measured[name]
    assert report is not None, "its reader died"
    assert report["outcome"] in ("16 × 16", "picture_too_large", "not_a_picture")
    assert report["megabytes"] < MAX_MEGABYTES


@contextmanager
def little_memory(limit: int = 1 << 20):
    """Assert that the code within allocates less than `limit` bytes at its peak."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def restyle_message(content, settings=None, mask=None):
    style = [{"picture": PictureRef(b"h" * 32, 16, 16, PixelFormat()).to_wire(), "share": 1.0}]
    return p.Restyle("job", "layer", content, style, mask, settings or {})


def picture(width, height):
    return {"blob": b"h" * 32, "width": width, "height": height, "channels": "RGBA", "sample": "f32", "curve": "srgb"}


@pytest.mark.parametrize("side", [1 << 20, (1 << 20) + 1, 2**31, 2**53, 2**63, 2**64 - 1])
def test_a_huge_picture_is_refused_with_a_short_message(side):
    with little_memory(), pytest.raises((PictureTooLarge, BadMessage)) as refused:
        job_from(restyle_message(picture(side, side)), b"", "client", "fuzz", 256.0)
    assert len(refused.value.sentence) < 500


@pytest.mark.parametrize("side", [0, -1, -(2**63), 1.5, True, "16", None, [16]])
def test_an_invalid_size_is_refused(side):
    with pytest.raises(VelaturaError):
        job_from(restyle_message(picture(side, 16)), b"", "client", "fuzz", 256.0)


@pytest.mark.parametrize(
    "value",
    [
        2**64 - 1,
        -(2**63),
        pytest.param(10**5000, id="5000 digits"),
        pytest.param(-(10**5000), id="-5000 digits"),
        float("inf"),
        float("nan"),
        1e308,
    ],
)
@pytest.mark.parametrize("name", ["strength", "iterations", "seed", "style_depth", "quality", "seamless"])
def test_a_number_outside_a_settings_range_is_refused_with_a_short_message(name, value):
    with little_memory(), pytest.raises(BadSetting) as refused:
        StyleSettings.from_wire({name: value})
    assert len(refused.value.sentence) < 300


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [10, 1000, 20000])
def test_a_nested_setting_is_refused(depth):
    with pytest.raises(BadSetting, match="a list"):
        StyleSettings.from_wire({"strength": nested(depth)})


@pytest.mark.parametrize("field", ["channels", "sample", "curve"])
def test_a_nested_pixel_format_is_refused(field):
    with pytest.raises(BadMessage):
        PictureRef.from_wire({**picture(16, 16), field: nested(1000)})


def test_a_nested_message_type_is_refused():
    with pytest.raises(BadMessage):
        codec.unpack([b"\x81\xa4type" + b"\x91" * 1000 + b"\x90"])


def test_a_header_full_of_settings_takes_little_memory():
    header = msgpack.packb({"type": "restyle", **{str(n): n for n in range(8000)}})
    with little_memory(4 << 20), pytest.raises(BadMessage):
        codec.unpack([header])


@pytest.mark.parametrize("size", [p.MAX_FRAME + 1, 2**32, 2**63, 2**64 - 1])
def test_a_huge_zmtp_frame_is_refused_before_memory_is_allocated(size):
    parser = zmtp.FrameParser()
    stream = zmtp.GREETING + zmtp.ready(b"x") + b"\x02" + size.to_bytes(8, "big")
    with little_memory(), pytest.raises(BadMessage, match=str(size)):
        for byte in stream:
            parser.get_buffer()[0] = byte
            parser.buffer_updated(1)


def test_a_blob_takes_memory_only_for_the_bytes_received():
    received = bytearray()
    parser = transfer.Download(b"h" * 32, received.extend, None, 1 << 40)
    with little_memory():
        parser.add(p.Put(b"h" * 32, 1 << 40, 0, parser.ticket, bytes(1000)))
    assert len(received) == 1000
