"""Faults caused by real means: stopped and killed processes, limits on memory and files, full disks, removed files."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import ENDLESS, QUICK, Daemon, picture, wait_for_end
from tests.support.daemons import limited, status_when, stopped, until, until_failed
from velatura.client.events import Finished, SavedItems
from velatura.client.launch import Launcher
from velatura.errors import DaemonCannotStart, DaemonLost
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.build import build_id

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)
BIG = picture(200, 150, seed=3)  # 90 kB
SMALL = 20_000  # bytes that a file may have on a disk that counts as full; no log reaches that


# --- the worker ------------------------------------------------------------------------------------
def test_a_worker_that_hangs_is_ended_and_another_resumes_from_its_checkpoint(daemon):
    daemon.options = ("--hang-seconds", "5", "--keep-seconds", "0")
    with daemon.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=250))
        until(client, p.Progress, job)
        status_when(client, lambda report: list(daemon.dirs.state.glob("checkpoints/*.record")))
        with stopped(client.status()["worker"]["pid"]):
            assert "stopped responding" in until(client, p.Notice, job).sentence
        assert until(client, Finished, job).result.started_from == "last"


def test_an_idle_worker_that_is_stopped_or_killed_is_replaced_before_the_next_restyle(daemon):
    daemon.options = ("--hang-seconds", "3")
    with daemon.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        for sent in (signal.SIGSTOP, signal.SIGKILL):
            worker = client.status()["worker"]["pid"]
            os.kill(worker, sent)
            status_when(client, lambda report: report["worker"]["pid"] == 0)
            wait_for_end(worker)
            job = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
            notices = [event.sentence for event in client.events(job) if isinstance(event, p.Notice)]
            assert not [sentence for sentence in notices if "died" in sentence]


def test_a_worker_without_memory_reports_it_and_the_next_restyle_runs(daemon):
    with daemon.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        worker = client.status()["worker"]["pid"]
        # With some 30 MB left, oneDNN sometimes crashes in a backward pass: that is another cause of a worker's death.
        # The worker may give memory back after this reading, so the picture is one whose decoding alone takes 140 MB.
        with limited(worker, resource.RLIMIT_AS, psutil.Process(worker).memory_info().vms + (2 << 20)):
            failed = until_failed(client, client.restyle(picture(3000, 3000, seed=2), [(STYLE, 1.0)], QUICK))
            assert failed.code == "out_of_memory"
            assert "smaller" in failed.sentence
        done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        assert done.picture
        assert client.status()["worker"]["pid"] == worker


# --- the disk --------------------------------------------------------------------------------------
def test_a_disk_that_fills_during_an_upload_fails_only_that_job(daemon):
    with daemon.client() as client:
        client.wait_until_ready()
        with limited(client.status()["pid"], resource.RLIMIT_FSIZE, SMALL):
            failed = until_failed(client, client.restyle(BIG, [(STYLE, 1.0)], QUICK))
            assert failed.code == "disk"
            assert "is full" in failed.sentence
        assert client.restyle_and_wait(BIG, [(STYLE, 1.0)], StyleSettings(strength=0)).picture.data == BIG.data


def test_a_disk_that_takes_no_result_fails_that_job_and_its_checkpoint_stays(daemon):
    daemon.options = ("--keep-seconds", "0")
    with daemon.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        worker = client.status()["worker"]["pid"]
        job = client.restyle(BIG, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=30))
        until(client, p.Progress, job)
        with daemon.client("watching") as watching:
            status_when(watching, lambda report: list(daemon.dirs.state.glob("checkpoints/*.record")))
        with limited(worker, resource.RLIMIT_FSIZE, SMALL):
            failed = until_failed(client, job)
        assert failed.code == "disk"
        client.request_saved()
        (item,) = until(client, SavedItems).items
        client.resume(item, how="as_it_is")
        assert until(client, Finished, job).picture.width == 200


def test_a_disk_that_takes_no_checkpoint_costs_a_notice(daemon):
    daemon.options = ("--keep-seconds", "0")
    with daemon.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        worker = client.status()["worker"]["pid"]
        with limited(
            worker, resource.RLIMIT_FSIZE, SMALL
        ):  # the checkpoint has 4 bytes per value, and is the larger file
            job = client.restyle(picture(60, 40, seed=5), [(STYLE, 1.0)], QUICK)
            events = list(client.events(job))
        assert any(isinstance(event, p.Notice) and "cannot be saved" in event.sentence for event in events)
        assert isinstance(events[-1], Finished)


def test_a_disk_that_takes_no_record_of_a_result_loses_no_result(daemon):
    with daemon.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        with limited(
            client.status()["pid"], resource.RLIMIT_FSIZE, 0
        ):  # not one byte more for the server: record, history, log
            assert (
                client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], StyleSettings(strength=0)).picture.data == CONTENT.data
            )
        assert client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK).picture


needs_mounts = pytest.mark.skipif(
    sys.platform != "linux"
    or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0,
    reason="only root may mount a disk of its own",
)


def on_a_disk(daemon: Daemon, mount: str, where: str = "") -> Launcher:
    """Starts the daemon in a mount namespace in which its home, or a folder in it, is a disk of its own."""
    folder = daemon.home / where
    folder.mkdir(parents=True, exist_ok=True)
    run = f"exec {sys.executable} -m velatura_daemon daemon run --threads 1 {' '.join(daemon.options)}"
    script = f"mount -t tmpfs {mount} tmpfs {folder} && export VELATURA_HOME={daemon.home} && {run}"
    return Launcher(("/usr/bin/env", "unshare", "--mount", "--propagation", "private", "sh", "-c", script), build_id())


@needs_mounts
def test_on_a_full_disk_restyles_are_refused_with_advice_until_there_is_space(daemon):
    launcher = on_a_disk(daemon, "-o size=70m", "state/spool")
    with daemon.client() as client:
        client._connection._launcher = launcher
        done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], StyleSettings(strength=0))
        assert done.picture.data == CONTENT.data
        inside = Path(f"/proc/{client.status()['pid']}/root") / str(daemon.dirs.spool).lstrip("/")
        filler = inside / ("f" * 64)  # as large as the disk allows
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(1 << 20))
        failed = until_failed(client, client.restyle(picture(seed=8), [(STYLE, 1.0)], QUICK))
        assert failed.code == "disk"
        assert "Free some space" in failed.sentence
        filler.unlink()
        assert client.restyle_and_wait(picture(seed=8), [(STYLE, 1.0)], QUICK).picture


@needs_mounts
def test_a_read_only_disk_is_reported_at_the_start(daemon):
    (daemon.home / "state").mkdir(parents=True)
    with daemon.client() as client, pytest.raises(DaemonCannotStart, match="cannot be created"):
        client._connection._launcher = on_a_disk(daemon, "-o ro,size=1m", "state/spool")
        client.wait_until_ready()


@pytest.mark.parametrize("name", ["spool", "results", "checkpoints"])
def test_a_file_in_the_place_of_a_folder_is_reported_at_the_start(daemon, name):
    daemon.dirs.state.mkdir(parents=True)
    (daemon.dirs.state / name).write_text("not a folder")
    with daemon.client() as client, pytest.raises(DaemonCannotStart, match=name):
        client.wait_until_ready()


def test_damaged_caches_are_rebuilt(daemon):
    daemon.dirs.cache.mkdir(parents=True)
    (daemon.dirs.cache / "pace.json").write_text("{half a fi")
    (daemon.dirs.spool).mkdir(parents=True)
    (daemon.dirs.spool / ("a" * 64)).write_bytes(b"nobody's")
    with daemon.client() as client:
        assert client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK).picture
    assert not (daemon.dirs.spool / ("a" * 64)).exists()


# --- the connection file -----------------------------------------------------------------------------------
@pytest.mark.parametrize("lost", [("file",), ("socket",), ("file", "socket")])
def test_a_deleted_connection_file_and_a_deleted_socket_are_restored(daemon, lost):
    daemon.options = ("--no-tcp",)
    with daemon.client() as client:
        client.wait_until_ready()
        pid = client.status()["pid"]
    if "file" in lost:
        daemon.dirs.connection_file.unlink()
    if "socket" in lost:
        shutil.rmtree(daemon.dirs.runtime)
    with daemon.client() as client:
        client.wait_until_ready()
        assert client.status()["pid"] == pid


def test_running_out_of_descriptors_refuses_clients_only_briefly(daemon):
    with daemon.client("first") as first:
        first.wait_until_ready()
        pid = first.status()["pid"]
        with limited(pid, resource.RLIMIT_NOFILE, psutil.Process(pid).num_fds() + 1):
            second = daemon.client("second", start=False)
            for _ in range(20):
                second.drain()
                first.status()  # a connected client is served
        second.close()
        with daemon.client("third", start=False) as third:
            third.wait_until_ready()


# --- clients and suspend ----------------------------------------------------------------------------
def test_a_client_that_was_suspended_for_long_gets_an_error_and_can_continue(daemon):
    daemon.options = ("--heartbeat", "1", "--park-seconds", "3", "--keep-seconds", "0")
    with daemon.client("editor") as slow, daemon.client("watching") as watching:
        job = slow.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(slow, p.ProgressSaved, job)
        status_when(watching, lambda report: report["stopped_midway"] == 1)  # it has sent nothing meanwhile
        with pytest.raises(DaemonLost, match="progress was saved"):
            until(slow, Finished, job)
        slow.request_saved()
        slow.resume(until(slow, SavedItems).items[0], how="as_it_is")
        assert until(slow, Finished, job).result.started_from == "last"


def test_after_the_machine_was_suspended_all_jobs_continue(daemon):
    daemon.options = ("--heartbeat", "2", "--park-seconds", "5", "--hang-seconds", "8")
    with daemon.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=150))
        until(client, p.Progress, job)
        report = client.status()
        with stopped(report["pid"], report["worker"]["pid"]):
            time.sleep(9)  # the suspend itself: longer than every timeout above
        done = until(client, Finished, job)
        assert done.result.started_from == "content"  # neither parked nor started again
        assert client.status()["worker"]["pid"] == report["worker"]["pid"]


def test_a_client_that_reads_nothing_costs_the_server_no_memory(daemon):
    with daemon.client("stuck") as stuck, daemon.client("watching") as watching:
        job = stuck.restyle(picture(200, 200, seed=9), [(STYLE, 1.0)], ENDLESS)
        until(stuck, p.Preview, job)
        server = psutil.Process(watching.status()["pid"])
        before = server.memory_info().rss
        for n in range(8):  # other jobs run meanwhile; the stopped client reads neither previews nor progress
            watching.restyle_and_wait(picture(seed=20 + n), [(STYLE, 1.0)], StyleSettings(strength=0))
        assert server.memory_info().rss - before < 16 << 20
