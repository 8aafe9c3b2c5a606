"""One log for the daemon and every process that it starts."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import QUICK, picture, wait_for_end
from velatura.app_dirs import AppDirs, app_dirs
from velatura.client.launch import START_MARKER, launch, startup_error
from velatura_daemon import logs

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)
LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ [\w-]+ \d+ velatura[\w.]*: ")


class Kept(logging.Handler):
    """The records that reach the root logger."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def run(script: str, **more: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, **more)  # type: ignore[call-overload]


def forwarded(process: subprocess.Popen[bytes], kept: Kept) -> list[logging.LogRecord]:
    """What is logged of a process's stderr, to its end."""
    assert process.stderr is not None
    logs._forward(process.stderr, f"worker {process.pid}")
    process.wait()
    return kept.records


def test_a_restyle_leaves_dated_lines_of_the_daemon_and_of_its_worker(daemon):
    with daemon.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        pid = client.status()["workers"][0]["pid"]
    first, *lines = daemon.places.log_file.read_text().splitlines()
    assert first.startswith(START_MARKER)
    for words in (f" worker {pid} velatura.worker: network ", r" daemon \d+ velatura.jobs: job .* done in "):
        assert [line for line in lines if LINE.match(line) and re.search(words, line)]


def test_a_record_of_another_process_keeps_its_level_time_logger_and_lines(kept):
    began = time.time()
    script = (
        "from velatura_daemon.logs import *; log_to_stderr(); "
        "logging.getLogger('velatura.engine').warning('two\\nlines of %s', 'it')"
    )
    (record,) = forwarded(run(script), kept)
    assert (record.levelname, record.name, record.getMessage()) == ("WARNING", "velatura.engine", "two\nlines of it")
    assert began - 1 < record.created < time.time() + 1


def test_a_crash_leaves_its_last_words(kept):
    script = (
        "import os; from velatura_daemon.logs import log_to_stderr; log_to_stderr(); os.write(2, b'boom\\n'); "
        "os.abort()"
    )
    process = run(script)
    messages = [record.getMessage() for record in forwarded(process, kept)]
    assert messages[0] == "boom"
    assert "Fatal Python error: Aborted" in messages
    assert {record.origin for record in kept.records} == {f"worker {process.pid}"}


def test_an_exception_is_logged_with_its_traceback(kept):
    script = (
        "from velatura_daemon.logs import *\nlog_to_stderr()\ntry: 1 / 0\nexcept Exception: "
        "logging.getLogger('velatura').exception('failed')"
    )
    (record,) = forwarded(run(script), kept)
    assert record.getMessage().startswith("failed\nTraceback") and "ZeroDivisionError" in record.getMessage()


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
claims = st.dictionaries(
    st.sampled_from(["name", "level", "created", "message", "args", "exc_info", "getMessage"]), values
)
claimed = st.builds(lambda claim: logs.RECORD + json.dumps(claim).encode() + b"\n", claims)
printed = st.lists(claimed | st.binary(max_size=200) | st.just(logs.RECORD + b"[" * 100_000 + b"\n"), max_size=6).map(
    b"".join
)


@given(printed)
def test_whatever_another_process_prints_can_be_logged(output):
    """Records that are none, of any fields: each is formatted, and the next is read."""
    handler = Kept()
    handler.setFormatter(logs._Formatter("daemon"))
    logging.getLogger().addHandler(handler)
    try:
        logs._forward(io.BytesIO(output + b"\nthe end\n"), "worker 1")
        assert all(handler.format(record) for record in handler.records)
        assert handler.records[-1].getMessage() == "the end"
    finally:
        logging.getLogger().removeHandler(handler)


def test_a_record_is_known_for_one_behind_half_a_line_and_however_long(kept):
    script = (
        "import os; from velatura_daemon.logs import *; log_to_stderr(); os.write(2, b'50% '); log = "
        "logging.getLogger('velatura');"
        "log.error('first'); log.error('€' * 1_000_000)"
    )
    printed, first, second = forwarded(run(script), kept)
    assert (printed.getMessage(), printed.name) == ("50%", logs.PRINTED)
    assert (first.levelname, first.getMessage()) == ("ERROR", "first")
    assert (second.levelname, second.getMessage()) == ("ERROR", "€" * logs.LONGEST_MESSAGE)


def test_a_faulty_call_of_a_library_is_logged_and_fails_nothing(kept):
    script = (
        "from velatura_daemon.logs import *; log_to_stderr(); log = logging.getLogger('lib'); log.warning('%d', "
        "'x'); log.warning('after')"
    )
    process = run(script)
    messages = [record.getMessage() for record in forwarded(process, kept)]
    assert process.returncode == 0
    assert messages[-1] == "after"
    assert [message for message in messages if "Logging error" in message]


def test_a_library_of_a_worker_is_logged_from_warnings_up(kept):
    script = (
        "import logging, warnings; from velatura_daemon.logs import log_to_stderr; log_to_stderr(); log = "
        "logging.getLogger('tifffile'); "
        "log.info('chatter'); log.warning('odd tag'); warnings.warn('old')"
    )
    messages = [record.getMessage() for record in forwarded(run(script), kept)]
    assert messages[0] == "odd tag"
    assert "UserWarning: old" in messages[1] and len(messages) == 2


def test_what_a_daemon_prints_lands_in_its_log_also_after_a_rotation(tmp_path):
    log = tmp_path / "daemon.log"
    script = (
        "import logging, os, sys; from pathlib import Path; from velatura_daemon.logs import open_log; "
        "open_log(Path(sys.argv[1]));"
        "[logging.getLogger('velatura').info('x' * 1000) for _ in range(1500)]; os.write(2, b'last words\\n')"
    )
    with log.open("ab") as stderr:
        subprocess.run([sys.executable, "-c", script, log], stderr=stderr, check=True)
    assert log.with_name("daemon.log.1").exists()
    assert log.read_text().splitlines()[-1] == "last words"


# --- a daemon's start --------------------------------------------------------------------------------------
@pytest.fixture
def where(home: Path) -> AppDirs:
    return app_dirs({"VELATURA_HOME": str(home)})


def said(where: AppDirs, words: str) -> None:
    launch(where, [sys.executable, "-c", f"print({words!r})"]).wait()


def test_what_each_start_has_said_is_kept_with_its_time(where):
    for words in ("first", "second"):
        said(where, words)
    lines = where.log_file.read_text().splitlines()
    assert lines[1::2] == ["first", "second"]
    assert all(re.match(re.escape(START_MARKER) + r" \d{4}-\d\d-\d\d \d\d:\d\d:\d\d: ", line) for line in lines[::2])


def test_why_a_daemon_did_not_come_up_is_what_this_start_has_said(where):
    assert startup_error(where) == ""
    said(where, "no room\n\n")
    assert startup_error(where) == "no room"
    said(
        where,
        "velatura: --devices takes cpu.\nsomething of a library's\n2026-01-01 00:00:00,000 INFO daemon 1 velatura: a "
        "record",
    )
    assert startup_error(where) == "velatura: --devices takes cpu."
    launch(where, [sys.executable, "-c", ""]).wait()
    assert startup_error(where) == ""


# --- velatura daemon logs ------------------------------------------------------------------------------------
def logs_command(where: AppDirs, *words: str) -> subprocess.Popen[str]:
    env = {**os.environ, "VELATURA_HOME": str(where.state.parent)}
    return subprocess.Popen(
        [sys.executable, "-m", "velatura_daemon", "daemon", "logs", *words], env=env, stdout=subprocess.PIPE, text=True
    )


def write(where: AppDirs, *lines: str) -> None:
    where.state.mkdir(parents=True, exist_ok=True)
    with where.log_file.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_the_last_lines_are_shown_across_a_rotation(where):
    write(where, "one", "two")
    where.log_file.rename(where.log_file.with_name("daemon.log.1"))
    write(where, "three")
    assert logs_command(where, "-n", "2").communicate()[0].splitlines() == ["two", "three"]
    assert logs_command(where, "-n", "0").communicate()[0] == ""
    assert logs_command(where).communicate()[0].splitlines() == ["one", "two", "three"]


def test_without_a_log_it_says_so(where):
    assert "There is no log yet" in logs_command(where).communicate()[0]


def test_following_shows_lines_as_they_come_also_after_a_rotation(where):
    write(where, "one")
    following = logs_command(where, "-f")
    try:
        assert following.stdout is not None
        assert following.stdout.readline() == "one\n"
        write(where, "two")
        assert following.stdout.readline() == "two\n"
        where.log_file.rename(where.log_file.with_name("daemon.log.1"))
        write(where, "three")
        assert following.stdout.readline() == "three\n"
    finally:
        following.send_signal(signal.SIGINT)
        wait_for_end(following.pid)
