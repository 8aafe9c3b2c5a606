"""Controls the window that sets up, updates, repairs and removes the daemon.

The window shows a `SetupView` and passes on which of its buttons was pressed; everything else is decided here. The work
is done on threads of their own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.client.launch import find_launcher, last_lines
from velatura.client.locks import is_held
from velatura.client.sandbox import find_sandbox
from velatura.editor.background import OnDone, T, Thread
from velatura.editor.event_loop import Loop
from velatura.errors import SetUpStopped, UnsafeConnectionFile, VelaturaError
from velatura.foreign_text import visible_lines
from velatura.setup.environment import BROKEN, MISSING, OUTDATED, READY, UNFINISHED, Environment, size_of
from velatura.setup.events import Event, Failed, Finished, Progress, StepStarted
from velatura.setup.plan import UPDATE, Plan, available_wheel, make_plan
from velatura.setup.run import remove, set_up

LOG_LINES = 2000  # that are copied
OFFERS = {  # state → text, buttons
    MISSING: (strings.SET_UP_OFFER, strings.SET_UP),
    UNFINISHED: (strings.SET_UP_RESUME, strings.SET_UP, strings.REMOVE),
    OUTDATED: (strings.UPDATE_OFFER, strings.UPDATE, strings.NOT_NOW, strings.REMOVE),
    BROKEN: (strings.REPAIR_OFFER, strings.REPAIR, strings.REMOVE),
}


@dataclass(frozen=True)
class SetupView:
    """What the window shows.

    text: one or two sentences. detail: smaller, below it, or ''. fraction: of a progress bar, 0 to 1; None for a bar
    without a known end. busy: whether there is a progress bar. buttons: their labels, the default one first. is_error:
    whether the text says what went wrong.
    """

    text: str
    detail: str = ""
    fraction: float | None = None
    busy: bool = False
    buttons: tuple[str, ...] = ()
    is_error: bool = False


class Window(Protocol):
    """The editor's window of the set-up."""

    def show(self, view: SetupView) -> None: ...
    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""


def is_set_up_needed(dirs: AppDirs) -> bool:
    """Return whether the editor should open the set-up: no daemon runs and none can be started, or the plugin has
    brought a newer one than the environment's. Quick.

    A plugin without a wheel, installed with 'velatura install', cannot set up anything; in a sandbox that hides
    Velatura's folders nothing is known. Connecting then says what to do.
    """
    sandbox = find_sandbox(dirs=dirs)
    if available_wheel(dirs) is None or (sandbox is not None and not sandbox.sees_files):
        return False
    try:
        known = find_launcher(dirs)
    except UnsafeConnectionFile:
        return False  # connecting shows what is wrong with the file
    if known is None or not os.path.exists(known.command[0]):  # noqa: PTH110  Path.exists may raise PermissionError
        return not is_held(dirs.lock_file)
    environment = Environment(dirs)
    return known.command[0] == environment.command[0] and environment.state(available_wheel(dirs)) == OUTDATED


class SetupController:
    """Does one thing at a time: another window may be opened meanwhile, and shows the same."""

    def __init__(self, loop: Loop, window: Window, dirs: AppDirs, on_ready: Callable[[], object]) -> None:
        """on_ready: called when a set-up is complete, or put off, to start the daemon."""
        self._loop, self._window, self._dirs, self._on_ready = loop, window, dirs, on_ready
        self._environment = Environment(dirs)
        self._threads = Thread(loop)
        self._cancel = threading.Event()
        self._is_open, self._is_running = True, False
        self._retry: Callable[[], None] = self.look
        self._step = ""

    # --- commands --------------------------------------------------------------------------------------
    def look(self) -> None:
        """Find out what there is to do, and offer it; unless something is being done."""
        if not self._is_running:
            self._run(strings.LOOKING, self._look, self._offer)

    def press(self, button: str) -> None:
        """Do what a button says: one of those that the last view had."""
        if button == strings.CANCEL:
            self._cancel.set()
            self._show(SetupView(strings.STOPPING_SET_UP, busy=True))
        elif button == strings.COPY_LOG:
            self._window.copy(visible_lines(last_lines(self._dirs.setup_log, LOG_LINES)))
        elif button == strings.NOT_NOW:
            self._on_ready()
        elif self._is_running:
            return
        elif button == strings.TRY_AGAIN:
            self._retry()
        elif button == strings.KEEP:
            self.look()
        elif button == strings.REMOVE:
            self._run(strings.LOOKING, self._ask, self._offer)
        elif button == strings.REMOVE_NOW:
            self._run(strings.REMOVING, lambda: remove(self._dirs), self._removed)
        else:
            self._set_up(repair=button == strings.REPAIR)

    def _run(self, what: str, work: Callable[[], T], on_done: OnDone[T]) -> None:
        """Run what takes seconds at most on a thread. what: is shown meanwhile."""
        self._is_running = True
        self._retry = partial(self._run, what, work, on_done)
        self._show(SetupView(what, busy=True))
        self._threads.run(work, on_done, self._fail)

    def close(self) -> None:
        """The editor or its window closes: stop what runs. What was downloaded is kept."""
        self._is_open = False
        self._cancel.set()

    # --- looking -----------------------------------------------------------------------------------------
    def _look(self) -> SetupView:
        """On a thread: the disk may be slow, and each Python that is found is started."""
        state = self._environment.state(available_wheel(self._dirs))
        stamp = self._environment.read_stamp()
        if state == READY and stamp is not None:
            folder = self._environment.folder
            size = strings.data_size(size_of(folder))
            text = strings.SET_UP_READY.format(version=stamp.version, torch=stamp.torch, size=size, folder=folder)
            return SetupView(text, buttons=(strings.REPAIR, strings.REMOVE))
        plan = make_plan(self._dirs)
        text, *buttons = OFFERS[state]
        return SetupView(text.format(version=plan.wheel.version), describe(plan), buttons=tuple(buttons))

    def _ask(self) -> SetupView:
        """Whether it is to be removed."""
        folder = self._environment.folder
        text = strings.REMOVE_QUESTION.format(size=strings.data_size(size_of(folder)), folder=folder)
        return SetupView(text, buttons=(strings.KEEP, strings.REMOVE_NOW))

    def _offer(self, view: SetupView) -> None:
        self._is_running = False
        self._show(view)

    # --- setting up --------------------------------------------------------------------------------------
    def _set_up(self, *, repair: bool) -> None:
        self._cancel = threading.Event()
        self._is_running = True
        self._retry = partial(self._set_up, repair=repair)
        self._step = strings.LOOKING
        self._show(SetupView(self._step, busy=True, buttons=(strings.CANCEL,)))
        cancel = self._cancel

        def work() -> None:
            set_up(make_plan(self._dirs, repair=repair), self._send, cancel)

        self._threads.run(work, lambda _: None, self._fail)

    def _send(self, event: Event) -> None:
        """Called on the thread of the set-up."""
        if isinstance(event, (StepStarted, Progress, Finished, Failed)):
            self._loop.call_on_main_thread(partial(self._on_event, event))

    def _on_event(self, event: StepStarted | Progress | Finished | Failed) -> None:
        if isinstance(event, Failed):
            self._fail(event.error)
        elif isinstance(event, Finished):
            self._is_running = False
            self._show(SetupView(strings.SET_UP_DONE.format(version=event.version)))
            if self._is_open:
                self._on_ready()
        elif self._cancel.is_set():
            return  # it is stopping
        elif isinstance(event, StepStarted):
            self._step = strings.SET_UP_STEP.format(number=event.number, of=event.of, what=event.what)
            self._show(SetupView(self._step, busy=True, buttons=(strings.CANCEL,)))
        elif event.done:
            text = strings.DOWNLOADED_OF if event.total else strings.DOWNLOADED
            detail = text.format(done=strings.data_size(event.done), total=strings.data_size(event.total or 0))
            fraction = min(1.0, event.done / event.total) if event.total else None
            self._show(SetupView(self._step, detail, fraction, busy=True, buttons=(strings.CANCEL,)))

    def _removed(self, _: bool) -> None:
        self._is_running = False
        self._show(SetupView(strings.REMOVED_SET_UP, buttons=(strings.SET_UP,)))

    def _fail(self, error: VelaturaError) -> None:
        self._is_running = False
        if isinstance(error, SetUpStopped):
            self._show(SetupView(error.local_sentence, buttons=(strings.TRY_AGAIN,)))
        else:
            log = (strings.COPY_LOG,) if self._dirs.setup_log.exists() else ()
            self._show(SetupView(error.local_sentence, buttons=(strings.TRY_AGAIN, *log), is_error=True))

    def _show(self, view: SetupView) -> None:
        if self._is_open:
            self._window.show(view)


def describe(plan: Plan) -> str:
    """Return what a set-up downloads, where it goes and what makes it; '' for an update, which is small."""
    if plan.action == UPDATE:
        return ""
    source = plan.source
    text = strings.SET_UP_PLAN_DOWNLOAD if source.download else strings.SET_UP_PLAN
    return text.format(
        build=source.build,
        download=strings.data_size(source.download),
        size=strings.data_size(source.size),
        folder=plan.dirs.environment,
        python=plan.python,
    )
