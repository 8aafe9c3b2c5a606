"""A daemon whose lock file was deleted: the next client starts another one, and the first takes nothing from it."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path
from threading import Timer

import pytest

from tests.conftest import ENDLESS, picture, wait_for_end
from tests.support.daemons import status_when, until, until_failed
from tests.support.driven_server import DrivenServer
from velatura.app_dirs import app_dirs, make_private_folder
from velatura.client import locks
from velatura.client.connection_file import ConnectionInfo, find, publish, read_connection, withdraw
from velatura.client.locks import Lock, is_held
from velatura.protocol import messages as p
from velatura_daemon.config import DaemonConfig
from velatura_daemon.server.presence import Presence

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


def test_when_the_state_folder_was_deleted_the_older_daemon_ends_and_takes_nothing_from_the_newer(daemon):
    with daemon.client("first") as first:
        first.wait_until_ready()
        older = first.status()["pid"]
        daemon.dirs.state.rename(daemon.home / "gone")  # at once, as the daemon restores single files
        with daemon.client("second") as second:
            second.wait_until_ready()
            newer = second.status()["pid"]
            assert newer != older
            until_failed(first, "")  # with the farewell of the older daemon, which nothing holds back
            wait_for_end(older)
            assert is_held(daemon.dirs.lock_file)
            assert find(daemon.dirs).pid == newer
            with daemon.client("third", start=False) as third:
                assert third.status()["pid"] == newer


def test_a_deleted_lock_file_is_restored_by_the_daemon_that_had_it(daemon):
    daemon.options = ("--heartbeat", "1")
    with daemon.client("first") as first:
        first.wait_until_ready()
        pid = first.status()["pid"]
        daemon.dirs.lock_file.unlink()
        status_when(first, lambda report: is_held(daemon.dirs.lock_file))
        with daemon.client("second", start=False) as second:
            assert second.status()["pid"] == pid


def test_an_older_daemon_takes_no_new_restyles_and_ends_after_its_last(daemon):
    daemon.options = ("--heartbeat", "30")  # it is stopped for a while below
    with daemon.client("first") as first:
        job = first.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(first, p.Queued, job)
        older = first.status()["pid"]
        os.kill(older, signal.SIGSTOP)  # so that it does not restore the file
        daemon.dirs.lock_file.unlink()
        with daemon.client("second") as second:
            second.wait_until_ready()
            os.kill(older, signal.SIGCONT)
            refused = until_failed(first, first.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS))
            assert "is stopping" in refused.sentence
            first.cancel(job)
            wait_for_end(older)
            assert find(daemon.dirs).pid == second.status()["pid"]


def test_an_older_daemon_that_is_ended_by_a_signal_takes_nothing_from_the_newer(daemon):
    with daemon.client("first") as first:
        first.wait_until_ready()
        older = first.status()["pid"]
        os.kill(older, signal.SIGSTOP)  # so that it does not notice before the signal
        daemon.dirs.lock_file.unlink()
        with daemon.client("second") as second:
            second.wait_until_ready()
            newer = second.status()["pid"]
            os.kill(older, signal.SIGTERM)
            os.kill(older, signal.SIGCONT)
            wait_for_end(older)
            assert find(daemon.dirs).pid == newer
            assert all(Path(endpoint[6:]).exists() for endpoint in find(daemon.dirs).endpoints if "ipc" in endpoint)


def test_a_lock_is_current_until_its_file_is_deleted_or_replaced(tmp_path):
    lock = Lock(tmp_path / "lock")
    assert lock.is_current
    (tmp_path / "lock").unlink()
    assert not lock.is_current
    (tmp_path / "lock").write_bytes(b"")
    assert not lock.is_current
    lock.close()


def test_a_process_that_looks_for_a_daemon_does_not_keep_it_from_locking_its_new_file(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 60.0)
    lock = Lock(tmp_path / "lock")
    assert lock.acquire()
    (tmp_path / "lock").unlink()
    looking = Lock(tmp_path / "lock")  # as `is_held` does for an instant
    assert looking.acquire()
    Timer(0.1, looking.close).start()
    assert lock.renew()
    assert lock.is_current
    lock.close()


def test_a_daemon_whose_lock_is_restored_goes_on_even_if_the_disk_is_full(tmp_path, monkeypatch):
    dirs = app_dirs({"VELATURA_HOME": str(tmp_path)})
    make_private_folder(dirs.state)
    lock = Lock(dirs.lock_file)
    assert lock.acquire()
    presence = Presence(dirs, lock, b"k" * 32, "build")
    dirs.lock_file.unlink()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Lock, "write", full)
    assert presence.check()
    lock.close()


def test_what_another_daemon_has_is_left_alone_even_if_that_was_not_noticed_before(tmp_path):
    """Its state folder was deleted in the instant before this daemon ends."""
    server = DrivenServer(tmp_path, DaemonConfig())
    state = server._dirs.state
    state.rename(tmp_path / "gone")
    (state / "spool").mkdir(parents=True)
    others = state / "spool" / "new-1"
    others.write_bytes(b"an upload of the other daemon")
    try:
        server._close()
    finally:
        server.log.detach()
        server._held.close()
    assert others.exists()


def test_only_the_own_connection_file_is_withdrawn(tmp_path):
    dirs = app_dirs({"VELATURA_HOME": str(tmp_path)})
    publish(dirs, ConnectionInfo(("ipc:///s",), b"k" * 32, 1, "build"))
    withdraw(dirs, b"o" * 32)
    assert read_connection(dirs.connection_file) is not None
    withdraw(dirs, b"k" * 32)
    withdraw(dirs, b"k" * 32)
    assert read_connection(dirs.connection_file) is None


# --- what is said of a killed daemon's restyle --------------------------------------------------------
@pytest.mark.parametrize("seconds_between_checkpoints", ["3600", "0"])
def test_saved_progress_is_promised_exactly_if_there_is_some(daemon, seconds_between_checkpoints):
    daemon.options = ("--keep-seconds", seconds_between_checkpoints)
    with daemon.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(client, p.Queued, job)  # without checkpoints, it does not matter how far it gets
        if seconds_between_checkpoints == "0":
            assert 0 < until(client, p.ProgressSaved, job).done < 1
        pid = client.status()["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
        sentence = until_failed(client, job).sentence
        has_checkpoint = bool(list(daemon.dirs.state.glob("checkpoints/*.record")))
        assert ("progress was saved" in sentence) == has_checkpoint == (seconds_between_checkpoints == "0")
        assert "estyle again" in sentence
