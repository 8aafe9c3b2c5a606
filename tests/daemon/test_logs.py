"""One log for the daemon and all processes that it starts."""

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
from tests.support.hostile_names import IN_FILE_NAMES, READABLE, obeyed_in
from velatura.app_dirs import AppDirs, app_dirs
from velatura.client.launch import START_MARKER, launch, startup_error
from velatura.errors import DiskTrouble
from velatura.foreign_text import OBEYED
from velatura_daemon import logs

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)
LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ [\w-]+ \d+ velatura[\w.]*: ")


class RecordCollector(logging.Handler):
    """Collects the records that reach the root logger."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def collected() -> Iterator[RecordCollector]:
    handler = RecordCollector()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def run(script: str, **more: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, **more)  # type: ignore[call-overload]


def forwarded(process: subprocess.Popen[bytes], collected: RecordCollector) -> list[logging.LogRecord]:
    """Return what is logged from a process's stderr until it ends."""
    assert process.stderr is not None
    logs._forward(process.stderr, f"worker {process.pid}")
    process.wait()
    return collected.records


def test_a_restyle_logs_dated_lines_of_the_daemon_and_of_its_worker(daemon):
    with daemon.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        pid = client.status()["workers"][0]["pid"]
    first, *lines = daemon.dirs.log_file.read_text().splitlines()
    assert first.startswith(START_MARKER)
    for text in (f" worker {pid} velatura.worker: network ", r" daemon \d+ velatura.jobs: job .* done in "):
        assert [line for line in lines if LINE.match(line) and re.search(text, line)]


def test_a_record_of_another_process_keeps_its_level_time_logger_and_line_breaks(collected):
    started_at = time.time()
    script = (
        "from velatura_daemon.logs import *; log_to_stderr(); "
        "logging.getLogger('velatura.engine').warning('two\\nlines of %s', 'it')"
    )
    (record,) = forwarded(run(script), collected)
    assert (record.levelname, record.name, record.getMessage()) == ("WARNING", "velatura.engine", "two\nlines of it")
    assert started_at - 1 < record.created < time.time() + 1


def test_the_output_of_a_crash_is_logged(collected):
    script = (
        "import os; from velatura_daemon.logs import log_to_stderr; log_to_stderr(); os.write(2, b'boom\\n'); "
        "os.abort()"
    )
    process = run(script)
    messages = [record.getMessage() for record in forwarded(process, collected)]
    assert messages[0] == "boom"
    assert "Fatal Python error: Aborted" in messages
    assert {record.origin for record in collected.records} == {f"worker {process.pid}"}


def test_an_exception_is_logged_with_its_traceback(collected):
    script = (
        "from velatura_daemon.logs import *\nlog_to_stderr()\ntry: 1 / 0\nexcept Exception: "
        "logging.getLogger('velatura').exception('failed')"
    )
    (record,) = forwarded(run(script), collected)
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
def test_any_output_of_another_process_can_be_logged(output):
    """Malformed records with any fields are formatted as one line each, and the lines after them are read."""
    handler = RecordCollector()
    handler.setFormatter(logs._Formatter("daemon"))
    logging.getLogger().addHandler(handler)
    try:
        logs._forward(io.BytesIO(output + b"\nthe end\n"), "worker 1")
        lines = [handler.format(record) for record in handler.records]
        assert all(lines) and not [line for line in lines if OBEYED.search(line)]
        assert handler.records[-1].getMessage() == "the end"
    finally:
        logging.getLogger().removeHandler(handler)


def test_an_error_with_hostile_names_is_one_line_that_says_where_it_happened(tmp_path):
    script = (
        "import logging, sys; from pathlib import Path; from velatura_daemon.logs import open_log\n"
        "open_log(Path(sys.argv[1])); log = logging.getLogger('velatura')\n"
        "try: raise ValueError(sys.argv[2])\n"
        "except ValueError: log.exception('job %s', sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "daemon.log", IN_FILE_NAMES], check=True)
    log = (tmp_path / "daemon.log").read_bytes()
    assert obeyed_in(log) == ""
    [line] = log.decode().splitlines()
    assert LINE.match(line) and "line 3" in line and READABLE in line


def test_records_are_recognised_after_an_incomplete_line_and_at_any_length(collected):
    script = (
        "import os; from velatura_daemon.logs import *; log_to_stderr(); os.write(2, b'50% '); log = "
        "logging.getLogger('velatura');"
        "log.error('first'); log.error('€' * 1_000_000)"
    )
    printed, first, second = forwarded(run(script), collected)
    assert (printed.getMessage(), printed.name) == ("50%", logs.PRINTED)
    assert (first.levelname, first.getMessage()) == ("ERROR", "first")
    assert (second.levelname, second.getMessage()) == ("ERROR", "€" * logs.MAX_MESSAGE_CHARACTERS)


def test_a_librarys_faulty_logging_call_is_logged_and_breaks_nothing(collected):
    script = (
        "from velatura_daemon.logs import *; log_to_stderr(); log = logging.getLogger('lib'); log.warning('%d', "
        "'x'); log.warning('after')"
    )
    process = run(script)
    messages = [record.getMessage() for record in forwarded(process, collected)]
    assert process.returncode == 0
    assert messages[-1] == "after"
    assert [message for message in messages if "Logging error" in message]


def test_libraries_in_a_worker_are_logged_from_level_warning(collected):
    script = (
        "import logging, warnings; from velatura_daemon.logs import log_to_stderr; log_to_stderr(); log = "
        "logging.getLogger('tifffile'); "
        "log.info('chatter'); log.warning('odd tag'); warnings.warn('old')"
    )
    messages = [record.getMessage() for record in forwarded(run(script), collected)]
    assert messages[0] == "odd tag"
    assert "UserWarning: old" in messages[1] and len(messages) == 2


def test_output_of_the_daemon_is_in_its_log_also_after_a_rotation(tmp_path):
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


# --- starting a daemon --------------------------------------------------------------------------------------
@pytest.fixture
def dirs(home: Path) -> AppDirs:
    return app_dirs({"VELATURA_HOME": str(home)})


def start_that_prints(dirs: AppDirs, text: str) -> None:
    """Start a process in place of a daemon that prints this text."""
    launch(dirs, [sys.executable, "-c", f"print({text!r})"]).wait()


def test_the_output_of_each_start_is_logged_with_its_time(dirs):
    for text in ("first", "second"):
        start_that_prints(dirs, text)
    lines = dirs.log_file.read_text().splitlines()
    assert lines[1::2] == ["first", "second"]
    assert all(re.match(re.escape(START_MARKER) + r" \d{4}-\d\d-\d\d \d\d:\d\d:\d\d: ", line) for line in lines[::2])


def test_the_reason_for_a_failed_start_is_its_own_output(dirs):
    assert startup_error(dirs) == ""
    start_that_prints(dirs, "no room\n\n")
    assert startup_error(dirs) == "no room"
    start_that_prints(
        dirs,
        "velatura: --devices takes cpu.\nsomething of a library's\n2026-01-01 00:00:00,000 INFO daemon 1 velatura: a "
        "record",
    )
    assert startup_error(dirs) == "velatura: --devices takes cpu."
    start_that_prints(dirs, "velatura: no folder a\u2028\x85velatura: forged")
    assert startup_error(dirs) == "velatura: no folder a\u2028\x85velatura: forged"
    launch(dirs, [sys.executable, "-c", ""]).wait()
    assert startup_error(dirs) == ""


def test_a_log_that_cannot_be_written_is_named_and_not_the_command(dirs):
    dirs.log_file.mkdir(parents=True)
    with pytest.raises(DiskTrouble, match=r"daemon\.log cannot be written \(Is a directory\)"):
        launch(dirs, [sys.executable, "-c", ""])


# --- velatura daemon logs ------------------------------------------------------------------------------------
def logs_command(dirs: AppDirs, *text: str) -> subprocess.Popen[str]:
    env = {**os.environ, "VELATURA_HOME": str(dirs.state.parent)}
    return subprocess.Popen(
        [sys.executable, "-m", "velatura_daemon", "daemon", "logs", *text], env=env, stdout=subprocess.PIPE, text=True
    )


def write(dirs: AppDirs, *lines: str) -> None:
    dirs.state.mkdir(parents=True, exist_ok=True)
    with dirs.log_file.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_the_last_lines_include_those_before_a_rotation(dirs):
    write(dirs, "one", "two")
    dirs.log_file.rename(dirs.log_file.with_name("daemon.log.1"))
    write(dirs, "three")
    assert logs_command(dirs, "-n", "2").communicate()[0].splitlines() == ["two", "three"]
    assert logs_command(dirs, "-n", "0").communicate()[0] == ""
    assert logs_command(dirs).communicate()[0].splitlines() == ["one", "two", "three"]


def test_a_missing_log_is_reported(dirs):
    assert "There is no log yet" in logs_command(dirs).communicate()[0]


def test_following_prints_new_lines_also_after_a_rotation(dirs):
    write(dirs, "one")
    following = logs_command(dirs, "-f")
    try:
        assert following.stdout is not None
        assert following.stdout.readline() == "one\n"
        write(dirs, "two")
        assert following.stdout.readline() == "two\n"
        dirs.log_file.rename(dirs.log_file.with_name("daemon.log.1"))
        write(dirs, "three")
        assert following.stdout.readline() == "three\n"
    finally:
        following.send_signal(signal.SIGINT)
        wait_for_end(following.pid)
