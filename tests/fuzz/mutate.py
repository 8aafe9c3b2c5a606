"""Make inputs from other inputs: flipped, cut and repeated bytes; msgpack and JSON trees with moved branches or odd
values."""

from __future__ import annotations

import copy
import json
import random
import struct
from typing import Any

import msgpack

EDGE_VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    2,
    -1,
    16,
    255,
    256,
    65535,
    65536,
    1 << 20,
    (1 << 20) + 1,
    2**31 - 1,
    2**31,
    2**53 - 1,
    2**53,
    2**63 - 1,
    2**63,
    2**64 - 1,
    -(2**31),
    -(2**53),
    -(2**63),
    0.0,
    -0.0,
    0.5,
    1e-320,
    1e300,
    -1e300,
    float("inf"),
    float("-inf"),
    float("nan"),
    "",
    "x",
    "x" * 257,
    "auto",
    "../../etc/passwd",
    "\0",
    "é\u202e",
    b"",
    b"x",
    bytes(31),
    bytes(32),
    bytes(33),
    [],
    {},
    [[]],
    {"": {}},
    {1: 2},
    {None: None},
]
MAX_DEPTH = 1020  # just below msgpack's own limit


def bytewise(data: bytes, source: random.Random, max_bytes: int) -> bytes:
    """Apply one to four small changes to the bytes."""
    changed = bytearray(data or b"\0")
    for _ in range(source.randint(1, 4)):
        place = source.randrange(len(changed)) if changed else 0
        match source.randrange(7):
            case 0:
                if changed:
                    changed[place] ^= 1 << source.randrange(8)
            case 1:
                if changed:
                    changed[place] = source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))
            case 2:
                del changed[place : place + source.randint(1, 16)]
            case 3:
                changed[place:place] = source.randbytes(source.randint(1, 16))
            case 4:
                changed[place:place] = changed[place : place + source.randint(1, 64)]
            case 5:  # a number of two, four or eight bytes, in either byte order
                kind = source.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
                number = source.choice((0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 62)) % (
                    1 << 8 * struct.calcsize(kind)
                )
                changed[place : place + struct.calcsize(kind)] = struct.pack(kind, number)
            case 6:
                del changed[place:]
    return bytes(changed[:max_bytes])


def treewise(data: bytes, source: random.Random, max_bytes: int) -> bytes:
    """Change one to three places in a msgpack value; if the data is not msgpack, change its bytes."""
    try:
        tree = msgpack.unpackb(data, raw=False, strict_map_key=False)
    except Exception:
        return bytewise(data, source, max_bytes)
    try:
        for _ in range(source.randint(1, 3)):
            tree = _changed(tree, source)
        packed = bytes(msgpack.packb(tree, use_bin_type=True))
    except Exception:  # nested too deeply to copy or pack, or a surrogate character
        return bytewise(data, source, max_bytes)
    return packed if len(packed) <= max_bytes else bytewise(data, source, max_bytes)


def jsonwise(data: bytes, source: random.Random, max_bytes: int) -> bytes:
    """Change one to three places in a JSON value; if the data is not JSON, change its bytes."""
    try:
        tree = json.loads(data)
        for _ in range(source.randint(1, 3)):
            tree = _changed(tree, source)
        packed = json.dumps(tree, default=str, skipkeys=True).encode()
    except (ValueError, RecursionError):
        return bytewise(data, source, max_bytes)
    return packed if len(packed) <= max_bytes else bytewise(data, source, max_bytes)


def _changed(tree: Any, source: random.Random) -> Any:
    places = list(_places(tree))
    if not places:
        return _value(source, [])
    holder, key = source.choice(places)
    match source.randrange(6):
        case 0:
            del holder[key]
        case 1:  # a branch from elsewhere
            other, name = source.choice(places)
            if other is not holder or name != key:
                holder[key] = copy.deepcopy(other[name])
        case 2 if isinstance(holder, dict):
            holder[source.choice(("", "x", 1, None, str(key)[:-1], str(key) + "s"))] = _value(source, places)
        case 2 | 3 if isinstance(holder, list):
            holder.extend([holder[key]] * source.choice((1, 2, 20)))
        case _:
            holder[key] = _value(source, places)
    return tree


def _value(source: random.Random, places: list[Any]) -> Any:
    if source.random() < 0.03:
        deep: Any = source.choice((0, "x", [], {}))
        for _ in range(source.choice((10, 500, MAX_DEPTH - 8))):
            deep = [deep]
        return deep
    return copy.deepcopy(source.choice(EDGE_VALUES))


def _places(tree: Any) -> Any:
    """Yield (holder, key) for every value in the tree; not recursive, because trees may be deep."""
    left = [tree]
    while left:
        holder = left.pop()
        if not isinstance(holder, (dict, list)):
            continue
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            yield holder, key
            left.append(holder[key])
