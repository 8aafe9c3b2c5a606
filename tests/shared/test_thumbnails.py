"""Thumbnails: visible ones first, on few threads, each file once."""

from __future__ import annotations

import os
import queue
import threading

import pytest

from velatura.editor import thumbnails
from velatura.editor.thumbnails import Thumbnails
from velatura.errors import NotAPicture


class MainThread:
    """An event loop that runs what threads have called when the test says so."""

    def __init__(self) -> None:
        self._calls: queue.Queue = queue.Queue()

    def call_on_main_thread(self, callback) -> None:
        self._calls.put(callback)

    def run_next(self) -> None:
        self._calls.get(timeout=30)()


class Gate:
    """Reads files one by one, each when the test lets it."""

    def __init__(self) -> None:
        self.begun: queue.Queue = queue.Queue()
        self._open: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def _event(self, path: str) -> threading.Event:
        with self._lock:
            return self._open.setdefault(path, threading.Event())

    def read(self, path: str) -> str:
        self.begun.put(path)
        assert self._event(path).wait(30)
        if "broken" in path:
            raise NotAPicture("It is broken.")
        return f"thumbnail of {path}"

    def let(self, path: str) -> None:
        self._event(path).set()


@pytest.fixture
def loop():
    return MainThread()


def make(loop, read, threads=1):
    done: list[str] = []
    return Thumbnails(loop, read, lambda path, _: done.append(path), lambda path, _: done.append(path), threads), done


def test_what_has_become_visible_is_read_before_what_was_wanted_earlier(loop):
    gate = Gate()
    thumbs, done = make(loop, gate.read)
    thumbs.want(["a", "b", "c"])
    assert gate.begun.get(timeout=30) == "a"
    thumbs.want(["z", "b"])
    for path in "abz":
        gate.let(path)
    for _ in range(3):
        loop.run_next()
    assert done == ["a", "z", "b"]


def test_no_more_threads_read_than_allowed(loop):
    gate = Gate()
    thumbs, _ = make(loop, gate.read, threads=2)
    thumbs.want(list("abcd"))
    assert {gate.begun.get(timeout=30), gate.begun.get(timeout=30)} == {"a", "b"}
    thumbs.want(list("cd"))
    assert gate.begun.empty()
    for path in "abcd":
        gate.let(path)
    for _ in range(4):
        loop.run_next()


def test_a_file_is_read_again_only_when_it_has_changed(loop, tmp_path):
    file, read = tmp_path / "a.png", []
    file.write_bytes(b"one")
    thumbs, done = make(loop, lambda path: read.append(path) or file.read_bytes())
    for content, times in ((b"one", 1), (b"other", 2)):
        file.write_bytes(content)
        os.utime(file, ns=(times * 10**9, times * 10**9))  # a file system's clock may be coarse
        thumbs.want([str(file)])
        loop.run_next()
        thumbs.want([str(file)])
        thumbs.want([str(tmp_path / f"mark {times}")])
        while len([path for path in done if "mark" in path]) < times:
            loop.run_next()
        assert thumbs.cached(str(file)) == content
        assert read.count(str(file)) == times


def test_a_file_that_has_gone_keeps_its_thumbnail(loop, tmp_path):
    gate, path = Gate(), tmp_path / "a.png"
    path.write_bytes(b"a")
    found, done = make(loop, gate.read)
    gate.let(str(path))
    found.want([str(path)])
    loop.run_next()
    path.unlink()
    gate.let("b")
    found.want([str(path), "b"])
    loop.run_next()
    assert done == [str(path), "b"]
    assert found.cached(str(path)) == f"thumbnail of {path}"


def test_a_broken_file_is_reported_once(loop):
    gate = Gate()
    thumbs, done = make(loop, gate.read)
    for path in ("broken", "mark"):
        gate.let(path)
    thumbs.want(["broken"])
    loop.run_next()
    thumbs.want(["broken", "mark"])
    loop.run_next()
    assert done == ["broken", "mark"]


def test_only_the_most_recent_thumbnails_stay_in_memory(loop, monkeypatch):
    monkeypatch.setattr(thumbnails, "MAX_CACHED", 2)
    thumbs, _ = make(loop, str.upper)
    for path in "abc":
        thumbs.want([path])
        loop.run_next()
    assert [thumbs.cached(path) for path in "abc"] == [None, "B", "C"]
