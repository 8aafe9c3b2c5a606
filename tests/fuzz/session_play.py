"""Plays a list of steps against a real server: hostile connections that know the key, beside an honest client.

A step is [connection, verb, argument, times]. Verbs:

open, close, enter      connect; hang up; hello and proof, without an error
send                    argument: a header, which gets the connection's session if it names none; sent `times` times
put                     argument: how to answer the oldest `get` of the server, right or wrong
read                    read what has arrived; replies that no step reads are left unread
part                    argument: kilobytes of a message that is never finished
wait                    argument: seconds
worker                  argument: what the worker does with its job
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import msgpack

from tests.fuzz.session_clients import (
    CONFIG,
    GREY,
    HONEST,
    OTHER,
    PICTURES,
    QUIET_ROUNDS,
    STEP_ROUNDS,
    BrokenPromise,
    Client,
    check_inputs,
    free_workers,
    honest_restyle,
    worker_does,
)
from tests.support.driven_server import DrivenServer, Script, held_bytes
from velatura.protocol import messages as p
from velatura.protocol import zmtp

CONNECTIONS = 4
MAX_STEPS = 60
MAX_TIMES = 400
MAX_WAIT = 60  # seconds
MAX_PART = 8 << 10  # kilobytes
CLOSED_ROUNDS = (
    200  # until a closed connection has gone: the server serves what it has sent before, 16 messages a round
)
PIECE = 128 << 10  # bytes of it that are sent at a time
# The server holds sent and received messages that wait, sessions, jobs and lists. With what is allowed for each of
# CONNECTIONS connections it stays below this; without bounds it holds ten times as much.
MAX_HELD = 24 << 20  # bytes
MAX_LEFT = 1 << 20  # bytes, after all hostile connections were closed


# --- the play ------------------------------------------------------------------------------------------
class Play:
    """One list of steps at a fresh server. checks: the invariants, all of which hold at the end, too."""

    def __init__(self, template: Path, steps: list[Any]) -> None:
        self._steps = [step for step in steps if isinstance(step, list) and step][:MAX_STEPS]
        self._home = Path(tempfile.mkdtemp(prefix="vel-fuzz-", dir=template.parent))
        shutil.copytree(template, self._home, dirs_exist_ok=True)
        self.server = DrivenServer(self._home, CONFIG)
        self._clients: dict[int, Client] = {}
        self._may_go = False  # whether somebody has asked to delete or take up what the honest client has kept

    def run(self) -> None:
        """Raises BrokenPromise."""
        try:
            self.server.play(self._script())
        finally:
            for client in self._clients.values():
                client.peer.close()
            shutil.rmtree(self._home, ignore_errors=True)
        self._check_log()

    def _script(self) -> Script:
        self._fresh = held_bytes(self.server)
        self._honest = Client(self.server, HONEST)
        yield
        yield from self._honest.enter(self.server)
        for step in self._steps:
            number, verb, argument, times = [*step, None, None, None, None][:4]
            yield from self._step(self._slot(number), verb, argument, times if _is_count(times) else 1)
            self._check_memory(MAX_HELD)
            self._check_log()
            if self.server._stopping:
                return
        yield from self._check_the_honest_client()
        for client in self._clients.values():
            client.peer.close()
        yield from self._check_what_is_left()
        self._honest.peer.close()
        yield

    @staticmethod
    def _slot(number: object) -> int:
        return number % CONNECTIONS if type(number) is int else 0

    def _step(self, number: int, verb: object, argument: Any, times: int) -> Script:
        if verb == "wait":
            yield from self._wait(min(argument, MAX_WAIT) if type(argument) is int and argument > 0 else 1)
            return
        if verb == "worker":
            check_inputs(self.server.workers.executors[0])
            worker_does(self.server.workers.executors[0], argument)
            yield
            return
        client = self._clients.get(number)
        if client is None or not client.peer.is_open or verb == "open":
            client = self._open(number)
            yield
        if verb == "enter":
            client.read()
            yield from client.enter(self.server)
        elif verb == "close":
            self._clients.pop(number).peer.close()
            yield
        elif verb == "read":
            yield from self._read(client)
        elif verb == "part":
            yield from self._part(client, argument)
        elif verb == "put":
            yield from self._put(client, argument)
        elif verb == "send":
            yield from self._send(client, argument, times)

    def _open(self, number: int) -> Client:
        if number in self._clients:
            self._clients.pop(number).peer.close()
        self._clients[number] = Client(self.server, f"client {number}")
        return self._clients[number]

    def _wait(self, seconds: int) -> Script:
        for _ in range(0, seconds, 2):
            self._honest.send(p.Ping())
            self.server.clock.advance(2.0)
            yield
            yield
            self._honest.read()

    def _read(self, client: Client) -> Script:
        for _ in range(STEP_ROUNDS):
            yield
            if not client.read():
                return

    def _part(self, client: Client, kilobytes: object) -> Script:
        left = min(kilobytes, MAX_PART) << 10 if type(kilobytes) is int and kilobytes > 0 else 1024
        client.peer.flush()
        while left > 0:
            frame = min(left, p.CHUNK)
            left -= frame
            client.peer.send_bytes(zmtp.frame_header(zmtp.MORE, frame))
            for _ in range(STEP_ROUNDS):
                frame -= client.peer.send_bytes(bytes(min(frame, PIECE)))
                yield
                if frame == 0:
                    break
            else:
                return  # the server does not read it

    def _put(self, client: Client, how: object) -> Script:
        client.read()
        if not client.gets:
            return
        get = client.gets.pop(0)
        data = bytes(PICTURES[get.blob].data) if get.blob in PICTURES else b"x" * 64
        put = {"blob": get.blob, "size": len(data), "offset": 0, "ticket": get.ticket, "data": data}
        if isinstance(how, dict):
            put.update({name: value for name, value in how.items() if name in put})
        if how == "other bytes":
            put["data"] = bytes(len(data))
        elif how == "of another picture":
            put |= {"blob": OTHER.ref.blob}
        header = {name: value for name, value in put.items() if name != "data"}
        body = put["data"] if isinstance(put["data"], bytes) else b""
        yield from self._send_frames(client, [{"type": "put", **header}], body, 1)

    def _send(self, client: Client, header: object, times: int) -> Script:
        if not isinstance(header, dict):
            header = {}
        header = dict(header)
        if header.get("type") == "hello":
            client.nonce = header.get("nonce") if isinstance(header.get("nonce"), bytes) else b""
        if header.get("type") == "proof" and "proof" not in header:
            client.read()
            client.prove(self.server.key)
            yield
            return
        self._may_go = self._may_go or _may_delete(header)
        body = header.pop("data", b"") if header.get("type") == "put" else b""
        yield from self._send_frames(client, [header], body if isinstance(body, bytes) else b"", times)

    def _send_frames(self, client: Client, headers: list[Any], body: bytes, times: int) -> Script:
        for header in headers:
            header.setdefault("session", client.session)
            with contextlib.suppress(Exception):  # what msgpack cannot pack is not sent
                frames = [msgpack.packb(header), *([body] if header.get("type") == "put" else [])]
                for _ in range(times):
                    client.peer.send(frames)
        for _ in range(min(times // 8 + 2, STEP_ROUNDS)):
            client.peer.flush()
            yield

    # --- the invariants ----------------------------------------------------------------------------------
    def _check_memory(self, limit: int) -> None:
        held = held_bytes(self.server, without=(self.server.log, self.server.clock, self.server.workers)) - self._fresh
        if held > limit:
            raise BrokenPromise(f"the server holds {held >> 10} KB")

    def _check_log(self) -> None:
        log = self.server.log
        if log.problems:
            raise BrokenPromise(f"an error in the log: {log.problems[0][-600:]}")
        for line in log.lines:
            if not is_plain(line):
                raise BrokenPromise(f"the log has a line with control characters: {line[:200]!r}")
        log.lines.clear()

    def _check_the_honest_client(self) -> Script:
        """Its requests are answered, and what it has kept is still there."""
        self._honest.read()
        self._honest.send(p.GetStatus())
        self._honest.send(p.ListSaved())
        messages: list[p.Message] = []
        for _ in range(STEP_ROUNDS):
            yield
            messages += self._honest.read()
            if any(isinstance(message, p.SavedList) for message in messages):
                break
        status = next((message.report for message in messages if isinstance(message, p.Status)), None)
        saved = next((message for message in messages if isinstance(message, p.SavedList)), None)
        if status is None or saved is None:
            raise BrokenPromise("an honest client gets no answer")
        if status["sessions"] > 1 + len(self._clients):
            raise BrokenPromise(f"{status['sessions']} sessions of {1 + len(self._clients)} connections")
        kept = {item["job"] for item in msgpack.unpackb(saved.data)}
        if not self._may_go and not {"finished", "stopped"} <= kept:
            raise BrokenPromise(f"of what the honest client had kept only {sorted(kept)} is left")

    def _check_what_is_left(self) -> Script:
        """Sessions and jobs have ended with their connections; the honest client gets a result."""
        status: dict[str, Any] = {}
        for _ in range(CLOSED_ROUNDS):
            self._honest.send(p.GetStatus())
            yield
            free_workers(self.server)
            for message in self._honest.read():
                status = message.report if isinstance(message, p.Status) else status
            if status and status["sessions"] == 1 and not status["jobs"]:
                break
        else:
            raise BrokenPromise(f"after all connections were closed there are left: {status}")
        for _ in range(QUIET_ROUNDS):
            yield
            free_workers(self.server)
        self._check_memory(MAX_LEFT)
        for worker in self.server.workers.executors:
            if worker.spec is not None:
                raise BrokenPromise("a worker still has the job of a closed connection")
        yield from honest_restyle(self.server, self._honest, "afterwards", GREY)
        worker = next(worker for worker in self.server.workers.executors if worker.spec is not None)
        check_inputs(worker)
        worker.finish()
        for _ in range(QUIET_ROUNDS):
            yield
            if any(isinstance(message, p.Result) for message in self._honest.read()):
                return
        raise BrokenPromise("an honest client gets no result")


def _is_count(times: object) -> bool:
    return type(times) is int and 0 < times <= MAX_TIMES


def _may_delete(header: dict[Any, Any]) -> bool:
    """Whether it asks for what only the user may ask for: all sessions are this user's."""
    return header.get("type") in ("forget", "drop", "resume", "received") or HONEST in (
        header.get("client_id"),
        header.get("client"),
    )


def is_plain(text: str) -> bool:
    """Whether a text has no control characters, neither of terminals nor of writing direction."""
    return not any(
        unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")
        or "\u202a" <= one <= "\u202e"
        or "\u2066" <= one <= "\u2069"
        for one in text
    )
