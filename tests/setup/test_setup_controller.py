"""The controller of the set-up's window: what it shows, which buttons it has, and what they do."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.setup.conftest import Machine
from tests.support.package_index import TinyIndex
from tests.support.users import as_nobody, open_to_others
from velatura import strings
from velatura.app_dirs import app_dirs, make_private_folder
from velatura.client.launch import Launcher, record_launcher
from velatura.editor import setup_controller
from velatura.editor.setup_controller import SetupController, SetupView, is_set_up_needed
from velatura.setup import plan


class Loop:
    """The main thread: `run_until` runs what the other threads have passed to it."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def call_on_main_thread(self, callback: Callable[[], object]) -> None:
        self.calls.put(callback)

    def run_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.calls.get(timeout=120)()


@dataclass
class Window:
    views: list[SetupView] = field(default_factory=list)
    copied: str = ""

    def show(self, view: SetupView) -> None:
        self.views.append(view)

    def copy(self, text: str) -> None:
        self.copied = text


@dataclass
class Opened:
    """An open window on a machine. ready: how many times the daemon was to be started."""

    machine: Machine
    loop: Loop = field(default_factory=Loop)
    window: Window = field(default_factory=Window)
    ready: int = 0

    def __post_init__(self) -> None:
        self.controller = SetupController(self.loop, self.window, self.machine.dirs, self.on_ready)  # type: ignore[arg-type]

    def on_ready(self) -> None:
        self.ready += 1

    @property
    def view(self) -> SetupView:
        return self.window.views[-1]

    def wait(self) -> SetupView:
        """Wait until nothing runs any more."""
        self.loop.run_until(lambda: not self.view.busy)
        return self.view

    def press(self, button: str) -> SetupView:
        assert button in self.view.buttons
        self.controller.press(button)
        return self.wait()


@pytest.fixture
def opened(machine: Machine, quick_venvs: None, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """A window whose plugin carries a tiny wheel."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in machine.env.items():
        monkeypatch.setenv(name, value)
    carry(machine, monkeypatch)
    monkeypatch.setattr(plan, "free_space", lambda _: 10**12)
    return Opened(machine)


def carry(machine: Machine, monkeypatch: pytest.MonkeyPatch, **about: str) -> None:
    """Let the plugin carry this wheel."""
    wheel = machine.wheel(**about)
    monkeypatch.setattr(plan, "available_wheel", lambda _: wheel)
    monkeypatch.setattr(setup_controller, "available_wheel", lambda _: wheel)


def test_a_new_machine_is_offered_a_set_up_with_size_folder_and_python(opened: Opened):
    opened.controller.look()
    assert opened.view == SetupView(strings.LOOKING, busy=True)
    view = opened.wait()
    assert view.text == strings.SET_UP_OFFER
    assert view.buttons == (strings.SET_UP,)
    assert "about 5.9 GB of disk space" in view.detail
    assert str(opened.machine.environment.folder) in view.detail
    assert not opened.machine.environment.folder.exists()


def test_a_set_up_shows_its_steps_and_ends_by_starting_the_daemon(opened: Opened):
    opened.controller.look()
    opened.wait()
    opened.controller.press(strings.SET_UP)
    opened.loop.run_until(lambda: opened.ready == 1)
    texts = [view.text for view in opened.window.views]
    assert any(text.startswith("Step 2 of 4: Installing PyTorch") for text in texts)
    assert opened.view.text == "Velatura 0.1.0 is set up."
    assert all(view.buttons == (strings.CANCEL,) for view in opened.window.views if view.text.startswith("Step"))
    opened.controller.look()
    view = opened.wait()
    assert view.text.startswith("Velatura 0.1.0 is set up, with PyTorch 9.0")
    assert view.buttons == (strings.REPAIR, strings.REMOVE)
    assert opened.press(strings.REMOVE).buttons == (strings.KEEP, strings.REMOVE_NOW)
    assert opened.press(strings.KEEP) == view
    opened.press(strings.REMOVE)
    assert opened.press(strings.REMOVE_NOW).text == strings.REMOVED_SET_UP
    assert not opened.machine.environment.folder.exists()


def test_a_failure_has_its_sentence_the_log_and_another_try(opened: Opened, index: TinyIndex):
    index.cut["torchvision"] = 99
    opened.controller.look()
    opened.wait()
    opened.controller.press(strings.SET_UP)
    view = opened.wait()
    assert view.text.startswith("The download was interrupted several times.")
    assert view.buttons == (strings.TRY_AGAIN, strings.COPY_LOG)
    assert view.is_error
    opened.controller.press(strings.COPY_LOG)
    assert "attempt 3 of 3" in opened.window.copied
    index.cut.clear()
    opened.controller.press(strings.TRY_AGAIN)
    opened.loop.run_until(lambda: opened.ready == 1)
    assert index.downloads_of("torch") == 1  # kept from the first try


def test_cancelling_stops_and_offers_another_try(opened: Opened, index: TinyIndex):
    index.held.add("torch")
    opened.controller.look()
    opened.wait()
    opened.controller.press(strings.SET_UP)
    opened.loop.run_until(index.reached.is_set)
    opened.controller.press(strings.CANCEL)
    assert opened.view.text == strings.STOPPING_SET_UP
    view = opened.wait()
    assert "was stopped" in view.text
    assert view.buttons == (strings.TRY_AGAIN,)
    assert opened.ready == 0
    opened.controller.look()
    assert opened.wait().buttons == (strings.SET_UP, strings.REMOVE)  # what was downloaded may be large
    opened.press(strings.REMOVE)
    opened.press(strings.REMOVE_NOW)
    assert not opened.machine.environment.folder.exists()


def test_a_closed_window_is_shown_nothing_more(opened: Opened, index: TinyIndex):
    index.held.add("torch")
    opened.controller.look()
    opened.wait()
    opened.controller.press(strings.SET_UP)
    opened.loop.run_until(index.reached.is_set)
    opened.controller.close()
    shown = len(opened.window.views)
    opened.loop.run_until(lambda: not opened.controller._is_running)
    assert len(opened.window.views) == shown
    assert opened.ready == 0


def test_a_newer_plugin_offers_an_update(opened: Opened, monkeypatch: pytest.MonkeyPatch):
    opened.machine.set_up(opened.machine.wheel())
    assert not is_set_up_needed(opened.machine.dirs)
    carry(opened.machine, monkeypatch, version="0.2.0", build="newer")
    assert is_set_up_needed(opened.machine.dirs)
    opened.controller.look()
    view = opened.wait()
    assert "0.2.0" in view.text
    assert view.buttons == (strings.UPDATE, strings.NOT_NOW, strings.REMOVE)
    opened.controller.press(strings.NOT_NOW)
    assert opened.ready == 1
    opened.controller.press(strings.UPDATE)
    opened.loop.run_until(lambda: opened.ready == 2)
    assert not is_set_up_needed(opened.machine.dirs)


def test_without_any_python_the_window_says_what_to_install(opened: Opened, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("velatura.setup.find_python.candidates", lambda *_: iter([]))
    opened.controller.look()
    view = opened.wait()
    assert "Velatura needs Python 3.10 or newer" in view.text
    assert view.buttons == (strings.TRY_AGAIN,)  # there is no log


def test_looking_again_does_not_disturb_a_running_set_up(opened: Opened, index: TinyIndex):
    """A second window of the editor is opened."""
    index.held.add("torch")
    opened.controller.look()
    opened.wait()
    opened.controller.press(strings.SET_UP)
    opened.loop.run_until(index.reached.is_set)
    shown = len(opened.window.views)
    opened.controller.look()
    assert len(opened.window.views) == shown
    opened.controller.press(strings.CANCEL)
    opened.wait()


def test_a_plugin_without_a_wheel_offers_no_set_up(home):
    assert not is_set_up_needed(app_dirs({"VELATURA_HOME": str(home)}))


def test_a_set_up_is_needed_only_if_no_daemon_can_be_started(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    carry(machine, monkeypatch)
    dirs = machine.dirs
    assert is_set_up_needed(dirs)
    record_launcher(dirs, Launcher(("/bin/sh", "-m", "velatura_daemon"), "b"))
    assert not is_set_up_needed(dirs)
    record_launcher(dirs, Launcher(("/gone", "-m", "velatura_daemon"), "b"))
    assert is_set_up_needed(dirs)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can act as another user")
def test_a_state_folder_of_another_user_is_no_reason_for_a_set_up(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    """As after 'sudo velatura': connecting says what is wrong."""
    carry(machine, monkeypatch)
    make_private_folder(machine.dirs.state)
    open_to_others(machine.dirs.state.parent)
    assert as_nobody(lambda: is_set_up_needed(machine.dirs)) == b"False"


def test_the_controller_needs_nothing_but_the_standard_library():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import velatura.editor.setup_controller"
    shared = str(setup_controller.__file__).rpartition("/velatura/")[0]
    subprocess.run([sys.executable, "-I", "-S", "-c", code, shared], check=True)
