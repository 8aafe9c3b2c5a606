"""The front's side of the farm: hands that cost nothing, and the driver process that has the connection. Never imports
Ray."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from velatura.client.launch import clean_environment
from velatura.errors import UsageError
from velatura_daemon.build import build_id
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.ray.config import WORKERS, RayConfig, host_and_port
from velatura_daemon.logs import forward
from velatura_daemon.worker.pipe import read_message, write_message

DRIVER = (sys.executable, "-m", "velatura_daemon.executors.ray.driver")
LEAVING_PATIENCE = 8.0  # seconds for a driver to end its actors; 'velatura daemon stop' waits a little longer
LOOK_AGAIN = 5.0  # seconds, where the driver has not said
LOOK = 2.0  # seconds for the head to take a connection, when it is looked whether it is back
ENDINGS = ("done", "failed", "stopped", "gone")


class RayProvider:
    """As many hands as there may be actors; the first finds out whether the cluster can be reached."""

    def __init__(self, options: DaemonConfig, wake: Callable[[], None], driver: tuple[str, ...] = DRIVER) -> None:
        """Raises UsageError where Ray is not installed, or an option cannot be meant."""
        self.terms = RayConfig.of(options)
        if importlib.util.find_spec("ray") is None:
            raise UsageError(
                "--executor ray needs Ray, which is not installed here. Install it beside Velatura: pip install "
                "'ray[client]'."
            )
        self._worker_options = {name: getattr(options, name) for name in WORKERS}
        self._driver_command = driver
        self.wake = wake
        self.lost = False
        self.connected = False
        self._lock = threading.RLock()
        self._driver: subprocess.Popen[bytes] | None = None
        self._looking: threading.Event | None = None  # set: to look no more whether the head is back
        self.executors = [RayWorker(number, self) for number in range(self.terms.most)]

    # --- for its hands -------------------------------------------------------------------------------------
    def tell(self, worker: int, do: str, about: dict[str, Any]) -> None:
        """To the driver, which is started if need be. Raises OSError where that cannot be."""
        with self._lock:
            if self._driver is None:
                self._start()
            self._write({**about, "hand": worker, "do": do})

    def tell_if_there(self, worker: int, do: str, about: dict[str, Any]) -> None:
        with self._lock:
            if self._driver is not None:
                self._write({**about, "hand": worker, "do": do})

    def leave_if_idle(self) -> None:
        """Where no actor is wanted any more, there is nothing to be connected for."""
        with self._lock:
            if self._driver is not None and not any(worker.is_wanted for worker in self.executors):
                driver, self._driver, self.connected = self._driver, None, False
                _let_go(driver)

    def end(self) -> None:
        """Nothing of it is left when this returns."""
        with self._lock:
            self._look_no_more()
            driver, self._driver, self.connected = self._driver, None, False
        if driver is None:
            return
        _let_go(driver)
        driver.wait()

    # --- the driver ------------------------------------------------------------------------------------------
    def _start(self) -> None:
        self._look_no_more()
        # Without what an editor has put there for its own Python; with what may be set for Ray, such as RAY_USE_TLS.
        pipe = subprocess.PIPE
        driver = subprocess.Popen(
            self._driver_command, stdin=pipe, stdout=pipe, stderr=pipe, env=clean_environment(os.environ)
        )
        assert driver.stderr is not None
        try:
            forward(driver.stderr, f"ray-driver {driver.pid}")
            threading.Thread(target=self._listen, args=(driver,), name="farm", daemon=True).start()
        except RuntimeError as error:  # a driver that nobody listens to would never be heard to have gone
            driver.kill()
            driver.wait()
            raise OSError(str(error)) from error
        self._driver = driver
        self._write({"terms": self.terms.to_wire(), "options": self._worker_options, "build": build_id()})
        self.executors[0].say("ready", state=f"connecting to {self.terms.address}", device="–", weights="–")

    def _write(self, message: dict[str, Any]) -> None:
        if self._driver is not None and self._driver.stdin is not None:
            with contextlib.suppress(OSError):  # it has died: the listening thread says so
                write_message(self._driver.stdin, message)

    def _listen(self, driver: subprocess.Popen[bytes]) -> None:
        """On a thread of its own: pass on what the driver says, until its end."""
        assert driver.stdout is not None
        with contextlib.suppress(OSError, ValueError):  # half a message: it died while speaking
            while (said := read_message(driver.stdout)) is not None:
                with self._lock:
                    if driver is self._driver:
                        self._take(said)
        driver.wait()
        with self._lock:
            if driver is self._driver:
                self._driver, self.connected = None, False
                for worker in self.executors:
                    worker.lose(
                        "the process that is connected to the farm ended", "The connection to the farm was lost."
                    )
                if self.lost:  # it was to find out whether the head is back
                    self._look_for_it(LOOK_AGAIN)
                self.wake()

    def _take(self, said: dict[str, Any]) -> None:
        number = said.pop("hand")
        if number >= 0:
            self.executors[number].take(said)
        elif said["say"] == "connected":
            self.lost, self.connected = False, True
            self.executors[0].say("here")  # jobs that wait may call for actors
            for worker in self.executors[: self.terms.least]:
                worker.call()
        elif said["say"] == "lost":
            self._driver, self.connected, self.lost = None, False, True
            for worker in self.executors:
                worker.lose("the farm was lost", said["sentence"])
            self._look_for_it(said["again"])
        self.wake()

    # --- a cluster that is lost --------------------------------------------------------------------------------
    def _look_for_it(self, every: float) -> None:
        self._looking = threading.Event()
        threading.Thread(target=self._look, args=(self._looking, every), name="farm", daemon=True).start()

    def _look(self, enough: threading.Event, every: float) -> None:
        """On a thread of its own: look now and then whether the head is back; then the next job goes there. every:
        seconds. A cluster that Ray finds by itself (auto) cannot be looked for without Ray: the next job after that
        time finds out. Where others stand in, they do until the connection is there."""
        while not enough.wait(every):
            where = host_and_port(self.terms.address)
            with contextlib.suppress(OSError):
                if where is not None:
                    socket.create_connection(where, timeout=LOOK).close()
                with self._lock:
                    if not enough.is_set():
                        self._look_no_more()
                        self._come_back()
                return

    def _come_back(self) -> None:
        if not self.terms.fallback:
            self.lost = False
            self.executors[0].say("here")
        elif self._driver is None:
            with contextlib.suppress(OSError):  # there is no process to be had: others go on
                self._start()

    def _look_no_more(self) -> None:
        if self._looking is not None:
            self._looking.set()
            self._looking = None


class RayWorker:
    """Work for an actor, of which there may be none yet. See `executor.Executor`."""

    device = "auto"
    pid = 0  # no process of this machine works for it

    def __init__(self, number: int, farm: RayProvider) -> None:
        self._number, self._farm = number, farm
        self._said: deque[dict[str, Any]] = deque()
        self._lives, self._node = False, ""
        self._job = ""  # in hand
        self._questions: set[str] = set()
        self.is_wanted = False  # an actor is, for it
        self._was_heard = False  # since then: it has not been idle from before
        self.info: dict[str, Any] = {
            "state": "not asked yet",
            "device": f"a machine of {farm.terms.address}",
            "weights": "–",
        }

    @property
    def available(self) -> bool:
        """Its actor lives. Of a farm that is not connected the first hand is, too: a job that it is given connects it,
        or is told why not."""
        return self._lives or (self._number == 0 and not self._farm.connected)

    @property
    def holds_device(self) -> bool:
        """An actor, or a place in the queue for one. The first hands, as many as are to be kept, never give theirs
        back."""
        return self.is_wanted and self._was_heard and self._number >= self._farm.terms.least

    def hear(self) -> dict[str, Any] | None:
        if not self._said:
            return None
        self._was_heard = True
        return self._said.popleft()

    def call(self) -> None:
        if not self.is_wanted:
            self._want()
            with contextlib.suppress(OSError):  # nobody waits for this one in particular
                self._farm.tell(self._number, "call", {})

    def _want(self) -> None:
        if not self.is_wanted:
            self.is_wanted, self._was_heard = True, False
            self.say("ready", state="called", device="–", weights="–")

    def work(self, job: dict[str, Any]) -> None:
        self._want()
        self._job = job["job"]
        self._farm.tell(self._number, "work", job)

    def estimate(self, question: dict[str, Any]) -> None:
        self._want()
        self._questions.add(question["ticket"])
        self._farm.tell(self._number, "estimate", question)

    def cancel(self, job: str) -> None:
        self._farm.tell_if_there(self._number, "cancel", {"job": job})

    pause = cancel  # what may be gone on with comes to this disk

    def settle(self, job: str) -> None:
        """What is kept of it there makes room by itself."""

    def leave(self) -> None:
        self.is_wanted = self._lives = False
        self.info = {}
        self._farm.tell_if_there(self._number, "leave", {})
        self._farm.leave_if_idle()

    def end_by_force(self) -> None:
        self._farm.tell_if_there(self._number, "end_by_force", {})

    def kill(self) -> None:
        self._farm.end()

    # --- the farm's ------------------------------------------------------------------------------------------
    def take(self, said: dict[str, Any]) -> None:
        """What the driver says of it."""
        say = said["say"]
        if say == "living":
            if self.is_wanted:
                self._lives, self._node = True, said["node"]
                self._say_ready()
                self.say("here")
        elif say == "away":  # Ray places it anew
            self._lives = False
            self.say("ready", state="called", device="–", weights="–")
        elif say == "ended":
            self.is_wanted = self._lives = False
        else:
            if say in ENDINGS and said.get("job", self._job) == self._job:
                self._job = ""
            if say == "estimate":
                self._questions.discard(said["ticket"])
            self._said.append(said)
            if say == "gone" and self._lives:  # the worker; its actor has another with the next job
                self._say_ready()

    def _say_ready(self) -> None:
        self.say("ready", state="ready", device=f"a worker at {self._node}", weights="–")

    def say(self, say: str, **more: Any) -> None:
        self._said.append({"say": say, **more})
        self._farm.wake()

    def lose(self, how: str, sentence: str) -> None:
        """There is no driver any more, and no actor."""
        self.is_wanted = self._lives = False
        for ticket in self._questions:
            self.say("estimate", ticket=ticket, seconds=-1.0, memory=0, tile=0, device="", sentence=sentence)
        self._questions.clear()
        if self._job:
            self._job = ""
            self.say("gone", how=how, sentence=sentence, blameless=True)


def _let_go(driver: subprocess.Popen[bytes]) -> None:
    """It ends by itself when its input does; or by force. Does not wait for it."""
    with contextlib.suppress(OSError):
        if driver.stdin is not None:
            driver.stdin.close()
    force = threading.Timer(LEAVING_PATIENCE, driver.kill)
    force.daemon = True
    force.start()
