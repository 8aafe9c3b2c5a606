"""The encoding of messages: what is packed is unpacked again, and anything else is refused with a clear message."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import BY_CODE, BadMessage, VersionMismatch
from velatura.protocol import auth, codec
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


def is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


@given(messages())
def test_fields_that_an_older_version_does_not_send_have_their_defaults(message):
    frames = codec.pack(message)
    header = msgpack.unpackb(frames[0])
    kept = [field.name for field in dataclasses.fields(message) if is_required(field) or field.name == "data"]
    header = {name: value for name, value in header.items() if name in [*kept, "type"]}
    received, _ = codec.unpack([msgpack.packb(header), *frames[1:]])
    assert received == type(message)(**{name: getattr(message, name) for name in kept})


def test_a_request_for_an_estimate_of_version_2_1_is_understood():
    header = {"type": "get_estimate", "ticket": "t", "width": 20, "height": 10, "settings": {}}
    message, _ = codec.unpack([msgpack.packb(header)])
    assert message == p.GetEstimate("t", 20, 10, {}, style_pixels=[], regions=0)


@given(messages(), st.data())
def test_a_missing_field_is_named(message, data):
    needed = [f.name for f in dataclasses.fields(message) if is_required(f) and f.name != "data"]
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


PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
TYPES = {str: "text", bytes: "bytes", int: "integer", float: "number", bool: "boolean", dict: "map", list: "list"}
NIL = type(None)


def described_type(annotation: Any) -> str:
    """A field's annotation as the page calls it."""
    options = [option for option in typing.get_args(annotation) if option is not NIL]
    if NIL in typing.get_args(annotation):
        return f"{described_type(options[0])} or nil"
    if annotation in (list[int], list[str]):
        return f"list of {TYPES[typing.get_args(annotation)[0]]}s"
    return TYPES[typing.get_origin(annotation) or annotation]


def described_default(field: dataclasses.Field) -> str:
    """A field's default as the page writes it."""
    if is_required(field):
        return "required"
    value = [] if field.default_factory is not dataclasses.MISSING else field.default
    return "nil" if value is None else f"`{json.dumps(value)}`"


def described_messages() -> dict[str, tuple[str, list[tuple[str, ...]]]]:
    """Of each message in the page's tables: who sends it, and its fields with type and default."""
    found: dict[str, tuple[str, list[tuple[str, ...]]]] = {}
    for row in re.findall(r"^\| (.*?) ?\|$", PAGE, flags=re.MULTILINE):
        cells = [cell.strip() for cell in row.split("|")]
        if message := re.fullmatch(r"\*\*`(\w+)`\*\*", cells[0]):
            fields: list[tuple[str, ...]] = []
            assert message[1] not in found
            found[message[1]] = (cells[1], fields)
        elif len(cells) == 6 and cells[2].startswith("`"):
            fields.append((cells[2].strip("`"), *cells[3:5]))
    return found


def test_the_page_describes_every_message_with_its_fields_types_and_defaults():
    described = {name: fields for name, (_, fields) in described_messages().items()}
    assert described == {
        name: [
            (field.name, described_type(typing.get_type_hints(cls)[field.name]), described_default(field))
            for field in dataclasses.fields(cls)
            if field.name != "data"
        ]
        for name, cls in p.MESSAGES.items()
    }


def test_the_page_says_who_sends_each_message():
    senders = {"client": "client → daemon:", "daemon": "daemon → client:", "both": "either side:"}
    senders |= {"receiver": "receiver → sender:", "sender": "sender → receiver:"}
    assert not [
        name
        for name, (sender, _) in described_messages().items()
        if not (p.MESSAGES[name].__doc__ or "").startswith(senders[sender])
    ]


def test_the_messages_with_a_binary_frame_are_those_of_the_page():
    (line,) = re.findall(r"in (`.*`) one binary frame follows it", PAGE)
    assert set(re.findall(r"`(\w+)`", line)) == {name for name, cls in p.MESSAGES.items() if cls.frames}


def test_the_proofs_of_the_page_are_right():
    values = (bytes(range(32)), b"\1" * 32, b"\2" * 32, "tcp://127.0.0.1:5555", (2, 4))
    key, *covered = values
    for role in ("daemon", "client"):
        assert f"| {role}'s proof | `{auth.proof(key, role, *covered).hex()}` |" in PAGE


def test_the_codes_of_the_page_are_those_of_errors():
    table = PAGE[PAGE.index("## Errors") : PAGE.index("## Limits")]
    codes = [
        code
        for row in re.findall(r"^\| (`[^|]*) \|", table, flags=re.MULTILINE)
        for code in re.findall(r"`(\w+)`", row)
    ]
    assert "bad_message" in codes
    assert not [code for code in codes if code not in BY_CODE]


def test_a_file_name_that_is_not_text_arrives_as_escapes():
    message, _ = codec.unpack(codec.pack(p.Failed("job", "disk", "caf\udce9 cannot be written.")))
    assert message == p.Failed("job", "disk", "caf\\udce9 cannot be written.")
