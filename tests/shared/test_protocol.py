"""The encoding of messages: what is packed is unpacked again, and anything else is refused with a clear message."""

from __future__ import annotations

import dataclasses
import typing

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import BadMessage, VersionMismatch
from velatura.protocol import codec
from velatura.protocol import messages as p

text = st.text(max_size=40)
plain = st.one_of(st.none(), st.booleans(), st.integers(-(2**50), 2**50), text, st.binary(max_size=40))
BY_TYPE = {
    str: text,
    bytes: st.binary(max_size=64),
    bool: st.booleans(),
    int: st.integers(-(2**52), 2**52),
    float: st.floats(allow_nan=False),
    list: st.lists(plain, max_size=4),
    dict: st.dictionaries(text, plain, max_size=4),
}


@st.composite
def messages(draw):
    cls = draw(st.sampled_from(sorted(p.MESSAGES.values(), key=lambda c: c.type)))
    values = {}
    for field, hint in typing.get_type_hints(cls).items():
        if field in ("type", "frames"):
            continue
        options = (
            [k for k in typing.get_args(hint) if k is not type(None)] if type(None) in typing.get_args(hint) else [hint]
        )
        base = typing.get_origin(options[0]) or options[0]
        values[field] = draw(BY_TYPE[bytes if field == "data" else base])
    return cls(**values)


@given(messages(), st.binary(min_size=16, max_size=16))
def test_a_packed_message_is_unpacked_unchanged(message, session):
    unpacked, token = codec.unpack(codec.pack(message, session))
    assert unpacked == message
    assert token == session


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_garbage_is_refused(frames):
    with pytest.raises(BadMessage):
        codec.unpack(frames)


@given(messages(), st.dictionaries(text.filter(lambda t: t.startswith("x")), plain, max_size=3))
def test_unknown_fields_are_ignored(message, extra):
    frames = codec.pack(message)
    header = {**msgpack.unpackb(frames[0]), **extra}
    assert codec.unpack([msgpack.packb(header), *frames[1:]])[0] == message


@given(messages())
def test_a_missing_or_additional_frame_is_refused(message):
    frames = codec.pack(message)
    for wrong in (frames[:-1], [*frames, b"more"]):
        with pytest.raises(BadMessage):
            codec.unpack(wrong)


def test_swapped_frames_are_refused():
    header, data = codec.pack(p.Put(b"h" * 32, 4, 0, 1, b"data"))
    with pytest.raises(BadMessage):
        codec.unpack([data, header])


@given(messages(), st.data())
def test_a_missing_field_is_named(message, data):
    needed = [f.name for f in dataclasses.fields(message) if f.default is dataclasses.MISSING and f.name != "data"]
    if not needed:
        return
    frames = codec.pack(message)
    header = msgpack.unpackb(frames[0])
    removed = data.draw(st.sampled_from(needed))
    del header[removed]
    with pytest.raises(BadMessage, match=removed):
        codec.unpack([msgpack.packb(header), *frames[1:]])


def test_a_field_of_the_wrong_type_is_named():
    header = {"type": "get", "blob": "text", "until": 3}
    with pytest.raises(BadMessage, match="blob"):
        codec.unpack([msgpack.packb(header)])


def test_a_header_over_the_limit_is_refused_before_it_is_decoded():
    with pytest.raises(BadMessage, match="limit"):
        codec.unpack([b"\x00" * (p.HEADER_LIMIT + 1)])


def test_deep_nesting_is_refused():
    with pytest.raises(BadMessage):
        codec.unpack([b"\x91" * 5000 + b"\x90"])


@pytest.mark.parametrize(("version", "side"), [([p.VERSION[0] + 1, 0], "plugin"), ([p.VERSION[0] - 1, 9], "daemon")])
def test_an_unknown_major_version_says_which_side_to_update(version, side):
    with pytest.raises(VersionMismatch, match=f"Update the {side}"):
        codec.check_version(version, "daemon")


def test_another_minor_version_is_accepted():
    codec.check_version([p.VERSION[0], p.VERSION[1] + 99], "daemon")


def test_every_message_is_described_in_the_document():
    from pathlib import Path

    document = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    missing = [
        f"{name}.{field.name}"
        for name, cls in p.MESSAGES.items()
        for field in dataclasses.fields(cls)
        if field.name != "data" and f"`{field.name}`" not in document
    ]
    missing += [name for name in p.MESSAGES if f"`{name}`" not in document]
    assert not missing
