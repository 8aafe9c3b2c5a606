"""The protocol: what is packed comes out, and what is not of it is refused with a sentence."""

from __future__ import annotations

import dataclasses
import typing

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import BadMessage, VersionMismatch
from velatura.protocol import messages as p

text = st.text(max_size=40)
plain = st.one_of(st.none(), st.booleans(), st.integers(-(2**50), 2**50), text, st.binary(max_size=40))
BY_KIND = {
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
    for field, kind in typing.get_type_hints(cls).items():
        if field in ("type", "frames"):
            continue
        options = (
            [k for k in typing.get_args(kind) if k is not type(None)] if type(None) in typing.get_args(kind) else [kind]
        )
        base = typing.get_origin(options[0]) or options[0]
        values[field] = draw(BY_KIND[bytes if field == "data" else base])
    return cls(**values)


@given(messages(), st.binary(min_size=16, max_size=16))
def test_what_is_packed_comes_out_again(message, session):
    unpacked, token = p.unpack(p.pack(message, session))
    assert unpacked == message
    assert token == session


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_garbage_is_refused_with_a_sentence(frames):
    with pytest.raises(BadMessage):
        p.unpack(frames)


@given(messages(), st.dictionaries(text.filter(lambda t: t.startswith("x")), plain, max_size=3))
def test_unknown_fields_are_ignored(message, extra):
    frames = p.pack(message)
    header = {**msgpack.unpackb(frames[0]), **extra}
    assert p.unpack([msgpack.packb(header), *frames[1:]])[0] == message


@given(messages())
def test_a_missing_frame_or_one_too_many_is_refused(message):
    frames = p.pack(message)
    for wrong in (frames[:-1], [*frames, b"more"]):
        with pytest.raises(BadMessage):
            p.unpack(wrong)


def test_swapped_frames_are_refused():
    header, data = p.pack(p.Put(b"h" * 32, 4, 0, 1, b"data"))
    with pytest.raises(BadMessage):
        p.unpack([data, header])


@given(messages(), st.data())
def test_a_missing_field_is_named(message, data):
    needed = [f.name for f in dataclasses.fields(message) if f.default is dataclasses.MISSING and f.name != "data"]
    if not needed:
        return
    frames = p.pack(message)
    header = msgpack.unpackb(frames[0])
    gone = data.draw(st.sampled_from(needed))
    del header[gone]
    with pytest.raises(BadMessage, match=gone):
        p.unpack([msgpack.packb(header), *frames[1:]])


def test_a_field_of_the_wrong_kind_is_named():
    header = {"type": "get", "blob": "text", "until": 3}
    with pytest.raises(BadMessage, match="blob"):
        p.unpack([msgpack.packb(header)])


def test_a_header_over_the_limit_is_refused_before_it_is_read():
    with pytest.raises(BadMessage, match="limit"):
        p.unpack([b"\x00" * (p.HEADER_LIMIT + 1)])


def test_deep_nesting_is_refused():
    with pytest.raises(BadMessage):
        p.unpack([b"\x91" * 5000 + b"\x90"])


@pytest.mark.parametrize(("theirs", "side"), [([p.VERSION[0] + 1, 0], "plugin"), ([p.VERSION[0] - 1, 9], "daemon")])
def test_an_unknown_major_version_says_which_side_to_update(theirs, side):
    with pytest.raises(VersionMismatch, match=f"Update the {side}"):
        p.check_version(theirs, "daemon")


def test_another_minor_version_is_welcome():
    p.check_version([p.VERSION[0], p.VERSION[1] + 99], "daemon")


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
