"""What can go wrong while setting up: each is a sentence with what to do, and the next set-up goes on from there."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import Daemon, free_port, wait_for_end
from tests.setup.conftest import Machine
from tests.support.package_index import RefusingProxy, TinyIndex
from tests.support.users import as_nobody, open_to_others
from velatura.app_dirs import make_private_folder
from velatura.client.connection_file import ConnectionInfo, publish
from velatura.client.locks import Lock, is_held
from velatura.errors import SetUpImpossible
from velatura.setup import daemon as setup_daemon
from velatura.setup.daemon import stop_daemon
from velatura.setup.environment import READY, UNFINISHED, Environment, Stamp
from velatura.setup.pip_errors import explain
from velatura.setup.run import remove
from velatura_daemon.build import build_id

TREE = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk or become another user")


def start_alone(machine: Machine, wheel: Path) -> subprocess.Popen[bytes]:
    """A set-up in a process of its own."""
    command = [sys.executable, "-m", "tests.support.set_up_alone", str(wheel)]
    return subprocess.Popen(command, cwd=TREE, env=machine.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_set_up_killed_in_the_middle_of_a_file_leaves_no_pip_and_the_next_one_goes_on(
    machine: Machine, index: TinyIndex
):
    index.held.add("torchvision")
    alone = start_alone(machine, machine.wheel())
    assert index.reached.wait(120)
    below = psutil.Process(alone.pid).children(recursive=True)
    assert below
    alone.send_signal(signal.SIGKILL)
    alone.communicate()
    for process in below:
        wait_for_end(process.pid)
    assert machine.environment.state(machine.wheel()) == UNFINISHED
    index.release.set()
    index.requests.clear()
    assert machine.set_up(machine.wheel()) == ""
    assert index.downloads_of("torch") == 0  # it was complete, and kept
    assert index.downloads_of("torchvision") == 1
    assert machine.modules_work()


def test_of_two_set_ups_at_once_the_second_says_so_and_changes_nothing(machine: Machine, index: TinyIndex):
    index.held.add("torch")
    alone = start_alone(machine, machine.wheel())
    assert index.reached.wait(120)
    assert "is already setting up Velatura" in machine.set_up(machine.wheel())
    index.release.set()
    _, errors = alone.communicate()
    assert alone.returncode == 0, errors
    assert machine.environment.state(machine.wheel()) == READY


@pytest.mark.usefixtures("quick_venvs")
def test_without_network_the_sentence_says_so(machine: Machine):
    machine.env["PIP_INDEX_URL"] = f"http://127.0.0.1:{free_port()}/simple"
    assert "The package index cannot be reached. Check the internet connection." in machine.set_up(machine.wheel())


@pytest.fixture
def proxy() -> Iterator[RefusingProxy]:
    one = RefusingProxy()
    yield one
    one.close()


@pytest.mark.usefixtures("quick_venvs")
def test_a_proxy_that_refuses_is_named(machine: Machine, proxy: RefusingProxy):
    machine.env |= {"PIP_INDEX_URL": "https://packages.invalid/simple", "HTTPS_PROXY": proxy.url}
    assert "The proxy refuses the connection" in machine.set_up(machine.wheel())


@pytest.mark.usefixtures("quick_venvs")
def test_an_index_without_pytorch_is_named(machine: Machine, index: TinyIndex):
    del index.packages["torch"]
    assert "The package index has no torch for this Python" in machine.set_up(machine.wheel())


def test_too_little_space_is_said_before_anything_is_downloaded(machine: Machine, index: TinyIndex):
    sentence = machine.set_up(machine.wheel(), space=10**18)
    assert "needs about 1000000000.0 GB" in sentence
    assert not machine.environment.folder.exists()
    assert index.requests == []


@pytest.fixture
def small_disk(machine: Machine) -> Iterator[Path]:
    """The data folder is a disk of its own, that is full in the middle of the download."""
    folder = machine.dirs.data
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@as_root
@pytest.mark.usefixtures("quick_venvs")
def test_a_full_disk_is_named_and_the_set_up_goes_on_once_there_is_space(
    machine: Machine, index: TinyIndex, small_disk: Path
):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 28_000_000)
    assert "Free some space" in machine.set_up(machine.wheel())
    ballast.unlink()
    assert machine.set_up(machine.wheel()) == ""


@as_root
def test_a_folder_that_cannot_be_written_is_named(machine: Machine):
    """Root may write anywhere, so another user sets up."""
    wheel = machine.wheel()
    open_to_others(wheel.parent)
    state = machine.dirs.state
    state.mkdir(parents=True)
    open_to_others(state)
    os.chown(state, 65534, 65534)
    sentence = as_nobody(lambda: machine.set_up(wheel)).decode()
    assert f"The folder {machine.environment.folder} cannot be created (Permission denied)" in sentence


def test_an_idle_daemon_of_this_environment_is_asked_to_end_and_a_busy_one_stops_the_removal(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    machine.pretend_set_up()
    make_private_folder(machine.dirs.state)
    lock = Lock(machine.dirs.lock_file)
    assert lock.acquire()
    publish(machine.dirs, ConnectionInfo(("tcp://127.0.0.1:1",), b"k" * 32, os.getpid(), "tiny-build"))
    monkeypatch.setattr(setup_daemon, "PATIENCE", 0.0)
    with pytest.raises(SetUpImpossible, match=r"Wait until its restyles are done or cancel them"):
        remove(machine.dirs)
    assert machine.environment.state(machine.wheel()) == READY
    publish(machine.dirs, ConnectionInfo(("tcp://127.0.0.1:1",), b"k" * 32, os.getpid(), "another"))
    assert remove(machine.dirs)  # that of another installation does not matter
    lock.close()


def test_a_python_without_ensurepip_is_a_sentence():
    printed = [
        "The virtual environment was not created successfully because ensurepip is not available.  On Debian/Ubuntu"
    ]
    assert "run 'sudo apt install python3-venv'" in explain(printed)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("OSError: [Errno 122] Disk quota exceeded", "disk is full"),
        ("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407'))", "proxy refuses"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "certificate"),
        ("ERROR: HTTP error 403 while getting https://x (403 Client Error: Forbidden", "refuses access"),
        (
            "NewConnectionError('<x>: Failed to establish a new connection: [Errno -2] Name or service not known",
            "reached",
        ),
        ("  Caused by: client error (Connect)\n  tcp connect error: Connection refused", "reached"),
        ("error: incomplete-download", "interrupted"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "interrupted"),
        ("PermissionError: [Errno 13] Permission denied: '/x'", "Give yourself write permission"),
        ("ERROR: No matching distribution found for torch>=2.11", "has no torch for this Python"),
        ("ERROR: something {new}", "could not be installed: ERROR: something {new}. See the log for details."),
        ("", "they printed nothing"),
    ],
)
def test_every_known_failure_of_pip_and_uv_is_a_sentence(line: str, part: str):
    assert part in explain(line.split("\n"))


def test_cancelling_before_the_start_changes_nothing(machine: Machine):
    cancel = threading.Event()
    cancel.set()
    assert "was stopped" in machine.set_up(machine.wheel(), cancel=cancel)
    assert not machine.environment.venv.exists()


@pytest.mark.parametrize("build", [build_id(), "", None], ids=["known", "update interrupted", "set-up interrupted"])
def test_a_real_idle_daemon_of_the_environment_ends_when_it_is_asked(daemon: Daemon, build: str | None):
    with daemon.client() as client:
        client.wait_until_ready()
    environment = Environment(daemon.dirs)
    environment.claim()
    stop_daemon(environment)
    assert is_held(daemon.dirs.lock_file)  # it cannot run from an environment that is not there yet
    environment.python.parent.mkdir(parents=True)
    environment.python.symlink_to(sys.executable)
    if build is not None:
        environment.stamp.write_text(json.dumps(dataclasses.asdict(Stamp("0.1.0", "", build, "3.12.0", "2.14"))))
        environment.stamp.chmod(0o600)
    stop_daemon(environment)
    assert not is_held(daemon.dirs.lock_file)
