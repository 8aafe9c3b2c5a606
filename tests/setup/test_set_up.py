"""Setting up, updating, repairing and removing the environment, from a local index."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

import velatura
from tests.setup.conftest import PYTHON, Machine
from tests.support.package_index import NEEDS, TinyIndex, velatura_wheel, wheel
from velatura.client.client import Client
from velatura.client.launch import Launcher, find_launcher, record_launcher, recorded_launcher
from velatura.errors import DaemonNotRunning, DiskTrouble, VelaturaError
from velatura.setup import plan, run, source
from velatura.setup.environment import BROKEN, MISSING, OUTDATED, READY, UNFINISHED
from velatura.setup.events import Event, Finished, Log, Progress, StepStarted
from velatura.setup.run import remove
from velatura_daemon.cli.commands import cli

pytestmark = pytest.mark.usefixtures("quick_venvs")


def test_a_set_up_makes_a_working_environment_records_its_command_and_leaves_a_private_log(machine: Machine):
    wheel = machine.wheel()
    assert machine.environment.state(wheel) == MISSING
    assert machine.set_up(wheel) == ""
    assert machine.modules_work()
    assert machine.environment.state(wheel) == READY
    launcher = recorded_launcher(machine.dirs)
    assert launcher == Launcher(machine.environment.command, "tiny-build")
    assert launcher.command[0] == str(machine.home / "velatura/data/environment/venv/bin/python")
    steps = [event for event in machine.events if isinstance(event, StepStarted)]
    assert [(step.number, step.of) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    finished = machine.events[-1]
    assert isinstance(finished, Finished)
    assert finished.version == "0.1.0"
    assert finished.size > 400_000
    assert stat.S_IMODE(machine.dirs.setup_log.stat().st_mode) == 0o600
    assert "Successfully installed torch-9.0" in machine.dirs.setup_log.read_text()
    assert any(isinstance(event, Log) and "Collecting torch" in event.line for event in machine.events)
    assert not machine.environment.downloads.exists()


def test_downloaded_bytes_are_reported(machine: Machine, index: TinyIndex):
    """The download stands still in its middle until half of it was reported."""
    index.held.add("torch")
    half = len(index.packages["torch"][1]) // 2

    def release(event: Event) -> None:
        if isinstance(event, Progress) and event.done >= half * 0.9:
            index.release.set()

    assert machine.set_up(machine.wheel(), on_event=release) == ""
    assert index.release.is_set()


def test_a_download_that_breaks_off_is_tried_again(machine: Machine, index: TinyIndex):
    index.cut["torch"] = 1
    assert machine.set_up(machine.wheel()) == ""
    assert index.downloads_of("torch") >= 2
    assert machine.modules_work()


def test_a_download_that_keeps_breaking_off_fails_and_the_next_set_up_goes_on(machine: Machine, index: TinyIndex):
    index.cut["torchvision"] = 99
    sentence = machine.set_up(machine.wheel())
    assert sentence == "The download was interrupted several times. Set up again to continue where it stopped."
    assert machine.environment.state(machine.wheel()) == UNFINISHED
    index.cut.clear()
    index.requests.clear()
    assert machine.set_up(machine.wheel()) == ""
    assert index.downloads_of("torch") == 0  # it was complete
    assert index.downloads_of("torchvision") == 1


def test_stopping_ends_pip_and_what_was_downloaded_is_kept(machine: Machine, index: TinyIndex):
    index.held.add("torchvision")
    cancel = threading.Event()

    def stop(event: Event) -> None:
        if index.reached.is_set():
            cancel.set()

    sentence = machine.set_up(machine.wheel(), cancel=cancel, on_event=stop)
    assert "was stopped" in sentence
    assert processes_in(machine.environment.folder) == []
    index.release.set()
    index.requests.clear()
    assert machine.set_up(machine.wheel()) == ""
    assert index.downloads_of("torch") == 0


def processes_in(folder: Path) -> list[list[str]]:
    """The processes whose command names this folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if any(str(folder) in part for part in command) and process.pid != os.getpid():
                found.append(command)
    return found


def test_an_update_replaces_velatura_alone_and_needs_no_network(machine: Machine, index: TinyIndex):
    machine.set_up(machine.wheel())
    index.close()
    new = machine.wheel(build="newer", version="0.2.0")
    assert machine.environment.state(new) == OUTDATED
    assert machine.set_up(new) == ""
    steps = [(event.number, event.of) for event in machine.events if isinstance(event, StepStarted)]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert machine.environment.state(new) == READY
    assert recorded_launcher(machine.dirs) == Launcher(machine.environment.command, "newer")
    (about,) = machine.environment.venv.glob("lib/python*/site-packages/velatura-*.dist-info")
    assert "0.2.0" in about.name


def test_the_same_version_from_another_wheel_is_an_update_too(machine: Machine):
    machine.set_up(machine.wheel())
    assert machine.set_up(machine.wheel(build="other")) == ""
    stamp = machine.environment.read_stamp()
    assert stamp is not None
    assert stamp.build == "other"


def test_a_failed_update_leaves_the_installed_version_as_it_was(machine: Machine, index: TinyIndex):
    machine.set_up(machine.wheel())
    new = velatura_wheel(machine.home / "new", "0.2.0", needs=("torch>=99",))
    assert "has no torch for this Python" in machine.set_up(new)
    assert machine.environment.state(machine.wheel()) == READY
    assert machine.modules_work()


class Killed(BaseException):
    pass


def test_an_interrupted_update_leaves_no_build_recorded_that_may_be_wrong(machine: Machine):
    machine.set_up(machine.wheel())
    command = (*machine.environment.command, "--threads", "1")
    record_launcher(machine.dirs, Launcher(command, "tiny-build"))
    new = machine.wheel(build="newer")

    def kill(event: Event) -> None:
        if isinstance(event, StepStarted) and event.number == event.of:  # the wheel is installed
            raise Killed

    with pytest.raises(Killed):
        machine.set_up(new, on_event=kill)
    assert find_launcher(machine.dirs) == Launcher(command, "")
    stamp = machine.environment.read_stamp()
    assert stamp is not None and stamp.build == ""
    assert [machine.environment.state(one) for one in (machine.wheel(), new)] == [OUTDATED, OUTDATED]
    assert machine.modules_work()
    assert machine.set_up(new) == ""
    assert machine.environment.state(new) == READY
    assert find_launcher(machine.dirs) == Launcher(command, "newer")


def test_an_update_keeps_the_options_of_the_daemon(machine: Machine):
    machine.set_up(machine.wheel())
    command = (*machine.environment.command, "--threads", "1")
    record_launcher(machine.dirs, Launcher(command, "tiny-build"))
    machine.set_up(machine.wheel(build="other"))
    assert recorded_launcher(machine.dirs) == Launcher(command, "other")


def test_a_repair_makes_everything_again(machine: Machine):
    machine.set_up(machine.wheel())
    for file in machine.environment.venv.glob("lib/python*/site-packages/torch/*.py"):
        file.unlink()
    assert machine.set_up(machine.wheel(), repair=True) == ""
    assert machine.modules_work()


def test_an_environment_whose_python_is_gone_is_made_again(machine: Machine):
    machine.set_up(machine.wheel())
    for python in (machine.environment.venv / "bin").glob("python*"):
        python.unlink()
    assert machine.environment.state(machine.wheel()) == BROKEN
    assert machine.set_up(machine.wheel()) == ""
    assert machine.modules_work()


def test_packages_that_cannot_be_imported_are_no_set_up(machine: Machine):
    wheel = velatura_wheel(machine.home / "plugin", code="raise ImportError('libcudart.so is missing')")
    sentence = machine.set_up(wheel)
    assert "The installed packages do not work: ImportError: libcudart.so is missing." in sentence
    assert machine.environment.state(wheel) == UNFINISHED


def test_a_repair_needs_no_plugin(machine: Machine):
    wheel = machine.wheel()
    machine.set_up(wheel)
    wheel.unlink()
    kept = machine.environment.wheel
    assert kept is not None
    assert machine.set_up(kept, repair=True) == ""


def test_settings_of_pip_that_lead_elsewhere_do_not_count(machine: Machine):
    machine.env |= {"PIP_TARGET": str(machine.home / "elsewhere"), "PIP_USER": "1", "PYTHONPATH": "/nowhere"}
    assert machine.set_up(machine.wheel()) == ""
    assert not (machine.home / "elsewhere").exists()


def test_a_plan_that_another_set_up_has_carried_out_meanwhile_does_nothing(machine: Machine, index: TinyIndex):
    made = plan.make_plan(machine.dirs, wheel=machine.wheel(), env=machine.env)
    machine.set_up(machine.wheel())
    index.requests.clear()
    assert run.set_up(made, lambda _: None, None, machine.env)
    assert index.requests == []


def test_an_index_that_only_the_environments_pip_can_tell_of_is_used(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    """The Python of the plan may have no pip, as Debian's without python3-pip."""
    monkeypatch.setattr(plan, "has_own_index", lambda *_: False)
    monkeypatch.setattr(plan, "choose_source", lambda *_: source.CPU)
    assert machine.set_up(machine.wheel()) == ""
    steps = [event.what for event in machine.events if isinstance(event, StepStarted)]
    assert steps[1] == "Installing PyTorch from your own package index and the other packages"


# --- PyTorch's own index, through uv ---------------------------------------------------------------------
@pytest.fixture
def for_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without a GPU whose user has no package index of his own."""
    for module in (plan, run):
        monkeypatch.setattr(module, "has_own_index", lambda *_: False)
    monkeypatch.setattr(plan, "choose_source", lambda *_: source.CPU)
    monkeypatch.setattr(run, "free_space", lambda _: 10**12)


UV = """#!/bin/sh
echo "$@" > "$HOME/uv-arguments"
{end}
"""


@pytest.mark.usefixtures("for_the_cpu")
def test_uv_installs_the_build_for_the_cpu(machine: Machine, index: TinyIndex):
    install = 'exec "$5" -m pip install --progress-bar off "$8" "$9"'  # as uv would, from its own index
    index.packages["uv"] = ("9.0", wheel("uv", "9.0", {}, scripts=UV.format(end=install)))
    assert machine.set_up(machine.wheel()) == ""
    arguments = (machine.home / "uv-arguments").read_text().split()
    python = str(machine.environment.python)
    assert arguments == ["pip", "install", "--python", python, "--torch-backend", "cpu", *NEEDS]
    assert index.downloads_of("torch") == 1


@pytest.mark.usefixtures("for_the_cpu")
@pytest.mark.parametrize("uv", ["missing", "failing"])
def test_without_a_way_to_pytorchs_index_pip_does_it(machine: Machine, index: TinyIndex, uv: str):
    if uv == "failing":
        end = "echo error: error sending request; exit 2"
        index.packages["uv"] = ("9.0", wheel("uv", "9.0", {}, scripts=UV.format(end=end)))
    assert machine.set_up(machine.wheel()) == ""
    assert "going on with pip" in machine.dirs.setup_log.read_text()
    assert machine.modules_work()


# --- removing ---------------------------------------------------------------------------------------
def test_removing_deletes_what_the_set_up_has_made(machine: Machine):
    machine.pretend_set_up()
    assert remove(machine.dirs)
    assert not machine.dirs.data.exists()
    assert not machine.dirs.launch_file.exists()
    assert not remove(machine.dirs)


def test_removing_follows_no_link_and_leaves_what_others_put_there(machine: Machine):
    machine.pretend_set_up()
    precious = machine.home / "precious"
    precious.mkdir()
    (precious / "file").touch()
    environment = machine.environment
    (environment.venv / "link").symlink_to(precious)
    environment.downloads.symlink_to(precious)
    (environment.folder / "notes.txt").touch()
    assert remove(machine.dirs)
    assert (precious / "file").exists()
    assert [path.name for path in environment.folder.iterdir()] == ["notes.txt"]


def test_removing_keeps_the_record_of_another_installation(machine: Machine):
    machine.pretend_set_up()
    other = Launcher(("/opt/velatura/python", "-m", "velatura_daemon", "daemon", "run"), "b")
    record_launcher(machine.dirs, other)
    remove(machine.dirs)
    assert recorded_launcher(machine.dirs) == other


def test_a_folder_of_somebody_else_is_neither_used_nor_removed(machine: Machine):
    folder = machine.environment.folder
    folder.mkdir(parents=True)
    (folder / "precious").touch()
    assert "has files that are not Velatura's" in machine.set_up(machine.wheel())
    with pytest.raises(DiskTrouble, match="was not made by Velatura's set-up"):
        remove(machine.dirs)
    assert [path.name for path in folder.iterdir()] == ["precious"]


def test_an_environment_on_another_disk_through_a_link_works_and_the_link_stays(machine: Machine):
    disk = machine.home / "disk"
    disk.mkdir()
    machine.dirs.data.mkdir(parents=True)
    machine.environment.folder.symlink_to(disk)
    assert machine.set_up(machine.wheel()) == ""
    assert remove(machine.dirs)
    assert list(disk.iterdir()) == []
    assert machine.environment.folder.is_symlink()


# --- how clients find it --------------------------------------------------------------------------------
def test_clients_start_the_daemon_of_the_environment_if_the_record_is_lost_or_leads_nowhere(machine: Machine):
    machine.pretend_set_up()
    expected = Launcher(machine.environment.command, "tiny-build")
    machine.dirs.launch_file.unlink()
    assert find_launcher(machine.dirs) == expected
    record_launcher(machine.dirs, Launcher(("/gone/python", "-m", "velatura_daemon"), "b"))
    assert find_launcher(machine.dirs) == expected


def test_a_recorded_command_that_exists_counts_before_the_environment(machine: Machine):
    machine.pretend_set_up()
    other = Launcher((sys.executable, "-m", "velatura_daemon"), "b")
    record_launcher(machine.dirs, other)
    assert find_launcher(machine.dirs) == other


def test_no_client_starts_the_daemon_while_its_environment_changes(machine: Machine):
    machine.pretend_set_up()
    with run.only_one(machine.dirs), pytest.raises(DaemonNotRunning, match=r"being set up\. Wait"):
        Client("tests", dirs=machine.dirs).wait_until_ready()


# --- in a terminal ----------------------------------------------------------------------------------------
def test_the_command_line_sets_up_shows_and_removes(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in machine.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(plan, "free_space", lambda _: 10**12)

    def velatura(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["setup", *arguments])
        error = done.exception.sentence if isinstance(done.exception, VelaturaError) else ""
        return done.exit_code, done.output + error

    assert velatura("--status") == (1, "Velatura is not set up.\n")
    code, output = velatura("--wheel", str(machine.wheel()))
    assert code == 0, output
    assert "4/4 Checking the installation" in output
    assert velatura("--status")[1].startswith("Velatura 0.1.0 is set up, with PyTorch 9.0 and Python 3.")
    assert "Removed" in velatura("--remove")[1]
    assert "nothing to remove" in velatura("--remove")[1]
    assert "cannot be combined" in velatura("--remove", "--repair")[1]
    assert "comes without a wheel" in velatura()[1]


def test_an_unpacked_plugin_sets_up_in_a_python_without_packages(machine: Machine):
    lib = machine.home / "plugin" / "carried" / "lib"
    shutil.copytree(Path(velatura.__file__).parent, lib / "velatura", ignore=shutil.ignore_patterns("__pycache__"))
    velatura_wheel(lib.parent / "wheel")
    command = [PYTHON.path, "-S", "-m", "velatura.setup", "--status"]
    done = subprocess.run(command, cwd=lib, env=machine.env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "Velatura is not set up.\n"), done.stderr
    assert available_wheel_in(lib, machine) == lib.parent / "wheel/velatura-0.1.0-py3-none-any.whl"


def available_wheel_in(lib: Path, machine: Machine) -> Path:
    code = (
        "from velatura.app_dirs import app_dirs; from velatura.setup.plan import *; print(available_wheel(app_dirs()))"
    )
    command = [PYTHON.path, "-S", "-c", code]
    return Path(subprocess.run(command, cwd=lib, env=machine.env, capture_output=True, text=True).stdout.strip())
