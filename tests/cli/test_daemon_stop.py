"""`velatura daemon stop` ends a daemon that does not answer, and no other process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

from tests.conftest import ENDLESS, picture
from tests.support.daemons import until
from velatura.app_dirs import app_dirs, make_private_folder
from velatura.client.locks import Lock, is_held
from velatura.errors import DaemonLost
from velatura.protocol import messages as p
from velatura_daemon import lock_holder


@pytest.fixture
def velatura(home):
    def call(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "velatura_daemon", *arguments],
            env={**os.environ, "VELATURA_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    return call


@pytest.fixture
def path(home):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    make_private_folder(dirs.state)
    return dirs.lock_file


def test_a_stopped_daemon_and_its_stopped_worker_are_ended_and_the_checkpoint_stays(daemon, velatura):
    daemon.options = ("--keep-seconds", "0")
    client = daemon.client()
    job = client.restyle(picture(seed=1), [(picture(seed=2), 1.0)], ENDLESS)
    until(client, p.ProgressSaved, job)
    report = client.status()
    pids = [report["pid"], report["worker"]["pid"]]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    done = velatura("daemon", "stop")
    assert done.returncode == 0, done.stderr
    assert f"pid {pids[0]}" in done.stdout
    assert "SIGTERM" in done.stdout
    assert not [pid for pid in pids if lock_holder.start_time(pid)]
    assert not is_held(daemon.dirs.lock_file)
    assert list(daemon.dirs.state.glob("checkpoints/*.record"))
    assert "No daemon is running" in velatura("daemon", "stop").stdout


def process_that_holds(path, *, patience: str = "") -> subprocess.Popen:
    """A process that holds the lock as a daemon does, with a child, and answers nobody. patience: code for SIGTERM."""
    code = textwrap.dedent(f"""
        import signal, subprocess, sys, time
        from pathlib import Path
        from velatura.client.locks import Lock
        from velatura_daemon import lock_holder
        {patience}
        lock = Lock(Path({str(path)!r}))
        assert lock.acquire()
        lock_holder.note(lock)
        child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.pause()"])
        print(child.pid, flush=True)
        time.sleep(100)
    """)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_a_hung_daemon_that_ignores_sigterm_is_killed_with_its_children(path, monkeypatch):
    monkeypatch.setattr(lock_holder, "TERM_PATIENCE", 0.2)
    with process_that_holds(path, patience="signal.signal(signal.SIGTERM, signal.SIG_IGN)") as hung:
        child = int(hung.stdout.readline())
        assert "killed" in lock_holder.end(path)
        assert hung.wait() == -signal.SIGKILL
        with contextlib.suppress(psutil.NoSuchProcess):
            assert psutil.Process(child).status() == psutil.STATUS_ZOMBIE
        assert not is_held(path)


def test_a_daemon_that_cannot_be_found_is_ended(path, velatura):
    with process_that_holds(path) as hung:
        hung.stdout.readline()
        done = velatura("daemon", "stop")
        assert done.returncode == 0, done.stderr
        assert f"pid {hung.pid}" in done.stdout
        assert hung.wait() == -signal.SIGTERM


@pytest.mark.parametrize("content", ["", "what", "{pid}", "{pid} 1", "1 {started}", "99999999 5", "-1 5", "0 5"])
def test_no_process_is_ended_that_is_not_certainly_the_daemon(path, content):
    lock = Lock(path)
    assert lock.acquire()
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as innocent:
        lock.write(content.format(pid=innocent.pid, started=lock_holder.start_time(innocent.pid)))
        with pytest.raises(DaemonLost, match="nothing was ended"):
            lock_holder.end(path)
        assert innocent.poll() is None
        innocent.kill()
    lock.close()


def test_another_users_process_is_not_ended(path):
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    lock = Lock(path)
    assert lock.acquire()
    with subprocess.Popen(["sleep", "100"], user=65534, cwd="/") as other:
        lock.write(f"{other.pid} {lock_holder.start_time(other.pid)}")
        with pytest.raises(DaemonLost, match="nothing was ended"):
            lock_holder.end(path)
        assert other.poll() is None
        other.kill()
    lock.close()


def test_a_recycled_id_is_another_process():
    me = lock_holder.Process(os.getpid(), lock_holder.start_time(os.getpid()))
    assert me.is_alive
    assert not lock_holder.Process(os.getpid(), str(int(me.started) + 1)).is_alive
    assert not lock_holder.Process(os.getpid(), "").is_alive
