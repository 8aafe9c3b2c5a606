"""Authenticated clients that send anything in any order, at a real server. An input is a list of steps in msgpack; see
`session_play`."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack

from tests.fuzz.mutate import treewise
from tests.fuzz.session_clients import (
    GREY,
    HONEST,
    LARGE,
    LARGE_STYLE,
    LARGE_TOO,
    OTHER,
    SMALL,
    STYLE,
    restyle,
    template_home,
)
from tests.fuzz.session_play import Play
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

MAX_BYTES = 8192

HOSTILE_TEXTS = ["a\x1b]0;title\x07", "a\x1b[2J", "\x9b31m", "a\u202eb", "two\nlines", "[/bold]", "\ud800", "\u2028"]
EDGE_NUMBERS = [-(2**63), -1, 0, 1, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**64 - 1]
HOW_PUT = ["right", "other bytes", "of another picture", {"offset": 1}, {"size": 1}, {"data": b""}, {"ticket": 0}]
WORK = ["finish", "checkpoint", "preview", "notice", "die", "fail", "out_of_memory"]


def _header(message: p.Message) -> dict[str, Any]:
    fields = msgpack.unpackb(codec.pack(message)[0])
    return {**fields, "data": b"x"} if isinstance(message, p.Put) else fields


def _send(number: int, message: p.Message, times: int = 1) -> list[Any]:
    return [number, "send", _header(message), times]


SETTINGS = StyleSettings().to_wire()
REGION = {"picture": STYLE.ref.to_wire(), "share": 2.0, "region": GREY.ref.to_wire()}
REQUESTS: list[p.Message] = [
    p.GetStatus(),
    p.GetHistory(),
    p.GetHistory(7),
    p.ListSaved(),
    p.ListSaved(True),
    p.GetEstimate("ticket", 640, 480, SETTINGS),
    p.Get(OTHER.ref.blob, 0, 1 << 20, 1),
    p.Put(SMALL.ref.blob, 144, 0, 1, b"x"),
    p.Ping(),
    p.Cancel("a"),
    p.PreviewShown("a"),
    p.Received("a"),
    p.StepReceived("a"),
    p.Received("finished"),
    p.Resume("stopped", HONEST),
    p.Resume("a", how="as_it_is"),
    p.Drop("a"),
    p.Drop("finished", HONEST),
    p.Forget(),
    p.Shutdown(True),
    p.Bye("so long"),
    p.Hello(list(p.VERSION), b"n" * 32, "client", "program\nlevel"),
    p.Pong(),
    p.Failed("a", "internal", "sentence"),
]
RESTYLES = [
    restyle("a"),
    restyle("b", content=OTHER, title="title\x1b[2J", note="note"),
    restyle("c", "other layer", LARGE),
    restyle("d", "third layer", LARGE_TOO, LARGE_STYLE),
    restyle("a\nforged line", "\u202elayer", adjust=True),
]
MASKED = p.Restyle("m", "masked", SMALL.ref.to_wire(), [REGION], GREY.ref.to_wire(), SETTINGS)

ENTERED = [0, "enter"]
PUT = [0, "put", "right"]
PUTS = [PUT, PUT, PUT]


def seeds() -> Iterator[bytes]:
    for message in REQUESTS:
        yield msgpack.packb([ENTERED, _send(0, message)])
        yield msgpack.packb([ENTERED, _send(0, message, 20), [0, "read"]])
    for request in [*RESTYLES, MASKED]:
        yield msgpack.packb([ENTERED, _send(0, request), *PUTS, [0, "worker", "preview"], [0, "worker", "finish"]])
    for how in HOW_PUT:
        yield msgpack.packb([ENTERED, _send(0, RESTYLES[0]), [0, "put", how], *PUTS, [0, "worker", "finish"]])
    for work in WORK:
        yield msgpack.packb([ENTERED, _send(0, RESTYLES[0]), *PUTS, [0, "worker", "checkpoint"], [0, "worker", work]])
    work = [ENTERED, _send(0, RESTYLES[0]), *PUTS, [0, "worker", "checkpoint"]]
    for end in ([0, "close"], _send(0, p.Bye()), [0, "wait", 6], [0, "wait", 30], _send(0, p.Cancel("a")), ENTERED):
        yield msgpack.packb([*work, end, [0, "enter"], _send(0, p.ListSaved()), _send(0, p.Resume("a")), [0, "read"]])
    yield msgpack.packb(
        [*work, [0, "worker", "finish"], [0, "wait", 6], _send(0, p.GetStatus()), _send(0, RESTYLES[1])]
    )
    # Two pictures that the spool has no room for, and nothing of this client's own to drop for them.
    yield msgpack.packb([ENTERED, _send(0, RESTYLES[2]), *PUTS, _send(0, RESTYLES[3]), *PUTS, [0, "read"]])
    for count in (2, 5):  # sessions anew on one connection
        yield msgpack.packb([ENTERED] * count + [_send(0, p.GetStatus()), [0, "close"]])
    yield msgpack.packb([[n, "enter"] for n in range(4)] + [_send(n, RESTYLES[n]) for n in range(4)] + [[1, "close"]])
    yield msgpack.packb([[0, "open"], [0, "part", 2], [1, "enter"], [1, "part", 5000], [1, "close"]])
    for request in (p.GetHistory(), p.ListSaved(True), p.GetStatus(), RESTYLES[0]):
        yield msgpack.packb([ENTERED, _send(0, request, 300), [1, "enter"]])
    yield msgpack.packb([ENTERED, _send(0, p.GetStatus(), 300), _send(0, p.GetHistory(), 300)])


def mutate(data: bytes, source: random.Random) -> bytes:
    """Add, repeat, move or drop steps; or change a value within one; or put a text into it that a terminal obeys."""
    try:
        steps = msgpack.unpackb(data, strict_map_key=False)
    except Exception:
        steps = None
    if not isinstance(steps, list) or not steps or source.random() < 0.35:
        return treewise(data, source, MAX_BYTES)
    for _ in range(source.randint(1, 3)):
        steps = _with_change(steps, source)
    try:
        packed: bytes = msgpack.packb(steps, unicode_errors="surrogatepass")
    except Exception:
        return data
    return packed if len(packed) <= MAX_BYTES else data


def _with_change(steps: list[Any], source: random.Random) -> list[Any]:
    at = source.randrange(len(steps) + 1)
    match source.randrange(8):
        case 0 | 1:
            return [*steps[:at], _any_step(source), *steps[at:]]
        case 2 if len(steps) > 1:
            return [*steps[:at], *steps[at + 1 :]]
        case 3:
            other = source.randrange(len(steps) + 1)
            return [*steps[:at], *steps[min(at, other) : max(at, other)], *steps[at:]]
        case 4:
            return [_on_another_connection(step, source) for step in steps]
        case 5:
            return [_many_times(step, source) if n == at else step for n, step in enumerate(steps)]
        case 6:
            return [_with_value(step, int, EDGE_NUMBERS, source) for step in steps]
        case _:
            return [_with_value(step, str, HOSTILE_TEXTS, source) for step in steps]


def _any_step(source: random.Random) -> list[Any]:
    number = source.randrange(4)
    match source.randrange(10):
        case 0:
            return [number, source.choice(("open", "close", "read"))]
        case 1 | 2:
            return [number, "enter"]
        case 3:
            return [number, "put", source.choice(HOW_PUT)]
        case 4:
            return [number, "worker", source.choice(WORK)]
        case 5:
            return [number, "wait", source.choice((2, 6, 30))]
        case 6 if source.random() < 0.3:
            return [number, "part", source.choice((1, 70, 5000))]
        case 7:
            return _send(number, source.choice([*RESTYLES, MASKED]))
        case _:
            return _send(number, source.choice(REQUESTS))


def _on_another_connection(step: Any, source: random.Random) -> Any:
    return [source.randrange(2), *step[1:]] if isinstance(step, list) and step else step


def _many_times(step: Any, source: random.Random) -> Any:
    return [*step[:3], source.choice((2, 20, 300))] if isinstance(step, list) and len(step) > 2 else step


def _with_value(step: Any, kind: type, values: list[Any], source: random.Random) -> Any:
    """A step whose header has another value in one field of this type."""
    if not (isinstance(step, list) and len(step) > 2 and isinstance(step[2], dict)) or source.random() < 0.5:
        return step
    names = [name for name, value in step[2].items() if type(value) is kind and name != "type"]
    return [*step[:2], {**step[2], source.choice(names): source.choice(values)}, *step[3:]] if names else step


@functools.cache
def _template() -> Path:
    return template_home()


def run_one(data: bytes) -> None:
    """After any messages of clients that know the key, read or not: no internal error, whole lines in the log, bounded
    memory, other clients' saved work, honest clients served; sessions and jobs end with their connections."""
    try:
        steps = msgpack.unpackb(data, strict_map_key=False)
    except Exception:
        return
    Play(_template(), steps if isinstance(steps, list) else []).run()
