"""Work handed to another daemon: an order becomes a restyle there, what it says is said here. See `executor.Executor`.

What leaves this daemon: the pictures of an order, masks and regions among them, its settings, and a hash in the place
of the layer's name. No title, no note of a program's, no name or path of a style. What comes back is not believed: it
must be a picture of what was sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import mmap
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura.app_dirs import AppDirs
from velatura.client.client import Client, Connected, Event, Finished
from velatura.client.client_id import client_id_for
from velatura.errors import BadMessage, DaemonLost, DiskTrouble, NotTrusted, TooBusy, UsageError, VelaturaError
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.remote_connection import RemoteConnection
from velatura_daemon.storage.atomic import write_file

log = logging.getLogger("velatura.upstream")

BEAT = 2.0  # seconds between signs of life
MOST_HANDS = 8  # connections to the other daemon
LOST = 30.0  # seconds between looks whether it is back, while others do the work
AGAIN = 2.0  # seconds before a job is handed on again that was refused while others of ours are at work there
IDLE = 60.0  # seconds without anything to do before it says goodbye there
SLEEP = 3600.0  # seconds of sleep where there is nothing to wait for
ENDING_PATIENCE = 3.0  # seconds for the thread to end
LONGEST_LABEL = 200  # characters
# a note has the other daemon keep it if it is stopped; the history is the painter's own daemon's
KEPT = "restyled for another daemon"


@dataclass
class _Handed:
    """The order that is being worked on there, and as which job. begun: it was connected since. again_at: by
    time.monotonic(), when it is handed on again, since the other side is full of ours; 0: it is there."""

    order: dict[str, Any]
    asked: p.Restyle
    begun: bool = False
    again_at: float = 0.0
    keeps_at: float = 0.0
    notified_waiting: bool = False
    preview: p.Preview | None = None


class RemoteDaemon:
    """A hand for each job that the daemon there would work on at once: one, until it has said how many those are. While
    none is connected the first one's job finds out for all; where others stand in, the first hand does without a
    job."""

    def __init__(self, options: DaemonConfig, places: AppDirs, wake: Callable[[], None]) -> None:
        """Raises UsageError if the connection file is this daemon's own; DiskTrouble, UnsafeConnectionFile."""
        self._file = Path(options.upstream)
        if self._file.resolve() == places.connection_file.resolve():
            raise UsageError(
                f"--upstream {options.upstream} is this daemon's own connection file. Give another daemon's, or leave "
                "it out."
            )
        self._options, self._places, self._wake = options, places, wake
        self._client_id = client_id_for(places, "daemon")
        self._growing = threading.Lock()
        self.lost = False
        self.has_stand_in = bool(options.fallback)
        self.executors = [self._another()]

    def _another(self) -> RemoteExecutor:
        link = RemoteConnection(self._file, self._client_id)
        return RemoteExecutor(link, self._places, self._options.keep_seconds, self._wake, self)

    @property
    def is_reached(self) -> bool:
        return not self.lost and any(hand.is_connected for hand in self.executors)

    def lose(self) -> None:
        """On a hand's thread: it has not found the way there. The others may not have noticed yet, or not lost theirs:
        those who are connected ask. Until one has an answer others do the work, if there are others."""
        self.lost = self.has_stand_in or not any(hand.is_connected for hand in self.executors)
        for hand in self.executors:
            hand.look()

    def find(self) -> None:
        """On a hand's thread: the other daemon is there."""
        self.lost = False
        self.executors[0].say_here()

    def welcomed(self, limits: dict[str, Any]) -> None:
        """On a hand's thread: what the other daemon takes of us."""
        jobs = limits.get("jobs")
        jobs = max(1, min(jobs, MOST_HANDS)) if isinstance(jobs, int) else 1
        with self._growing:
            while len(self.executors) < jobs:
                self.executors.append(self._another())
            for index, hand in enumerate(self.executors):
                hand.is_taken = index < jobs
        self.find()

    def has_others_at_work(self, hand: RemoteExecutor) -> bool:
        return any(other.is_at_work for other in self.executors if other is not hand)


class RemoteExecutor:
    """Everything below `# the thread's` happens on a thread of its own; between the two go deques and a byte that
    wakes."""

    device = "auto"
    holds_device = False  # it says goodbye there by itself
    pid = 0

    def __init__(
        self,
        link: RemoteConnection,
        places: AppDirs,
        keep_seconds: float,
        wake: Callable[[], None],
        maker: RemoteDaemon,
    ) -> None:
        """keep_seconds: between two notes that there is something to go on with."""
        self._link = link
        self._client = _Handing("daemon", where=places, link=self._link)
        self._client.hold()
        self._wake = wake
        self._maker = maker
        self.is_taken = True  # the other daemon takes as many of us
        self._keep_seconds = keep_seconds
        # by time.monotonic(): when it is looked whether the other daemon is back; 0: a job finds out
        self._look_at = 0.0
        self._unsettled: dict[str, Finished] = {}  # the last result, by its order
        self.info: dict[str, Any] = self._info("not asked yet")
        self._orders: deque[tuple[str, Any]] = deque()
        self._said: deque[dict[str, Any]] = deque()
        self._nudge_in, self._nudge_out = socket.socketpair()
        for end in (self._nudge_in, self._nudge_out):
            end.setblocking(False)
        self._thread: threading.Thread | None = None
        self._handed: _Handed | None = None
        self._questions: dict[str, str] = {}  # tickets of ours, by those there
        self._busy_at = time.monotonic()
        self._next_beat = 0.0
        self._state, self._there = "", {"device": "", "weights": ""}

    @property
    def is_at_work(self) -> bool:
        """Whether it has a job there, or on its way. From any thread."""
        handed = self._handed
        return handed is not None and not handed.again_at

    @property
    def is_connected(self) -> bool:
        """From any thread."""
        return self._link.ready

    @property
    def available(self) -> bool:
        """Giving the first a job is the way to find out."""
        return self.is_taken and (self._maker.is_reached or self is self._maker.executors[0])

    def say_here(self) -> None:
        """From any thread."""
        self._say("here")

    def look(self) -> None:
        """From any thread: another hand, or this one, has lost the way there."""
        self._order("look", None)

    # --- the front's -------------------------------------------------------------------------------------
    def hear(self) -> dict[str, Any] | None:
        return self._said.popleft() if self._said else None

    def call(self) -> None:
        """How many are available, the other daemon says."""

    def work(self, job: dict[str, Any]) -> None:
        self._order("work", job)

    def estimate(self, question: dict[str, Any]) -> None:
        self._order("estimate", question)

    def cancel(self, job: str) -> None:
        self._order("cancel", job)

    def pause(self, job: str) -> None:
        self._order("pause", job)

    def settle(self, job: str) -> None:
        self._order("settle", job)

    def leave(self) -> None:
        self._order("leave", None)

    def end_by_force(self) -> None:
        self._order("end_by_force", None)

    def kill(self) -> None:
        if self._thread is not None:
            self._order("end", None)
            self._thread.join(ENDING_PATIENCE)

    def _order(self, what: str, about: Any) -> None:
        self._orders.append((what, about))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="upstream", daemon=True)
            self._thread.start()
        with contextlib.suppress(OSError):  # full: it is awake already
            self._nudge_in.send(b"!")

    # --- the thread's ------------------------------------------------------------------------------------
    def _run(self) -> None:
        while True:
            try:
                while self._orders:
                    what, about = self._orders.popleft()
                    if what == "end":
                        self._part()
                        return
                    self._do(what, about)
                for event in self._client.drain(BEAT / 2):
                    self._take(event)
                self._show_life()
            except Exception as error:  # a fault of ours: this job is lost, the daemon is not
                log.exception("work for the upstream daemon stumbled")
                self._client._fail_all(
                    VelaturaError(f"Velatura stumbled over this job ({type(error).__name__}). See its log.")
                )
            idle = self._handed is None and not self._questions and not self._link.ready
            if not self._client.has_more:
                self._link.wait_or(self._nudge_out.fileno(), SLEEP if idle and not self._look_at else BEAT / 2)
            with contextlib.suppress(BlockingIOError):
                while self._nudge_out.recv(4096):
                    pass

    def _do(self, what: str, about: Any) -> None:
        try:
            getattr(self, f"_do_{what}")(about)
        except Exception as error:
            if what != "work" or self._handed is not None:
                raise
            log.exception("an order could not be handed on")
            self._fail(
                about["job"], VelaturaError(f"Velatura stumbled over this job ({type(error).__name__}). See its log.")
            )

    def _part(self) -> None:
        """With a goodbye, or, where something is in work there, without: then it is kept there, to be gone on with."""
        if self._handed is not None:
            self._client.hang_up()
        else:
            self._client.close()

    def _say(self, say: str, **more: Any) -> None:
        self._said.append({"say": say, **more})
        self._wake()

    def _info(self, state: str) -> dict[str, Any]:
        device, weights = (getattr(self, "_there", {}).get(name, "") for name in ("device", "weights"))
        return {"state": state, "device": f"{device or 'a device'} of another daemon", "weights": weights or "–"}

    def _tell_state(self, state: str) -> None:
        self._state = state
        self._say("ready", **self._info(state))

    def _show_life(self) -> None:
        """While something is worked on there, and the other side was heard of."""
        now = time.monotonic()
        if 0 < self._look_at <= now:
            self._look_at, self._busy_at = now + LOST if self._maker.lost else 0.0, now
            if self._maker.lost:
                self._client.ask_status()
                self._link.patience = 0.0  # one try
        if self._handed is None and not self._questions:
            if self._link.ready and now - self._busy_at > IDLE:
                self._client.close()
                self._tell_state("idle")
            return
        self._busy_at = now
        if self._handed is not None and self._link.is_waiting and not self._handed.notified_waiting:
            self._handed.notified_waiting = True
            self._say(
                "notice",
                job=self._handed.order["job"],
                sentence=f"The daemon of {self._link.endpoint}, which does the work, "
                "does not answer yet; it is tried for some seconds.",
            )
        if self._handed is not None and 0 < self._handed.again_at <= now:
            self._hand_on(self._handed.order)
        if now >= self._next_beat and (not self._link.ready or now - self._link.heard < 3 * BEAT):
            self._next_beat = now + BEAT
            if self._state == "at work":
                self._say("alive")
            else:  # in a queue, or on the way: that may take longer than any step
                self._tell_state(self._state)

    # --- orders ------------------------------------------------------------------------------------------
    def _do_work(self, order: dict[str, Any]) -> None:
        if order["as_it_is"]:
            self._fail(
                order["job"],
                VelaturaError(
                    "The picture as far as it got lies with the other daemon, which does the work. "
                    "Let it go on to its end, or start this daemon without --upstream."
                ),
            )
            return
        self._hand_on(order)

    def _hand_on(self, order: dict[str, Any]) -> None:
        pictures = [order["content"], *order["styles"], *(style["region"] for style in order["styles"]), order["mask"]]
        try:
            blobs = {name: data for item in pictures if item for name, data in _mapped(item).items()}
        except OSError as error:
            self._fail(
                order["job"],
                DiskTrouble(f"A picture of this restyle cannot be read ({error.strerror}). Restyle again."),
            )
            return
        asked = p.Restyle(
            job=uuid.uuid4().hex,
            layer=hashlib.sha256(order["layer"].encode()).hexdigest(),
            content=order["content"]["picture"],
            styles=[
                {"picture": style["picture"], "share": style["share"], "region": _picture_of(style["region"])}
                for style in order["styles"]
            ],
            mask=_picture_of(order["mask"]),
            settings=order["settings"],
            adjust=order["adjust"],
            weights=order["weights"],
            device=order["device"],
            note=KEPT if order["remember"] else "",
            remember=False,
        )
        told = self._handed is not None and self._handed.notified_waiting
        self._handed = _Handed(order, asked, begun=self._link.ready, notified_waiting=told)
        self._client.expected = asked
        self._tell_state("sending" if self._link.ready else "connecting")
        self._client.hand_on(asked, blobs)

    def _do_estimate(self, question: dict[str, Any]) -> None:
        settings = StyleSettings.from_wire(question["settings"])
        ticket = self._client.ask_estimate(
            question["width"], question["height"], settings, weights=question["weights"], device=question["device"]
        )
        self._questions[ticket] = question["ticket"]

    def _do_cancel(self, job: str) -> None:
        if self._handed is not None and self._handed.order["job"] == job:
            if self._handed.again_at:
                self._end("stopped")
            elif self._link.ready:
                self._client.cancel(self._handed.asked.job)
            else:  # it was never there
                self._end("stopped")
                self._client._fail_all(VelaturaError("It was cancelled."))

    def _do_pause(self, job: str) -> None:
        """Without a word: the other side keeps what it has of it."""
        if self._handed is not None and self._handed.order["job"] == job:
            self._end("stopped")
            self._client._fail_all(VelaturaError("It was paused."))

    def _do_settle(self, job: str) -> None:
        done = self._unsettled.pop(job, None)
        if done is not None:
            self._client.received(done)

    def _do_leave(self, _: None) -> None:
        self._part()

    def _do_look(self, _: None) -> None:
        """At once where it is connected: then the way may be lost for another hand alone. The first goes on looking,
        whatever becomes of that."""
        if self._maker.has_stand_in and self is self._maker.executors[0]:
            self._look_at = time.monotonic() + LOST
        if self._link.ready:
            self._client.ask_status()

    def _do_end_by_force(self, _: None) -> None:
        if self._handed is None:  # it is nobody's, and the front thinks that it is ours
            self._say("gone", how="the connection was lost")
        self._client._fail_all(self._link.lost("gives no sign of work"))

    # --- what is said there --------------------------------------------------------------------------------
    def _take(self, event: Event) -> None:
        handed = self._handed
        if isinstance(event, Connected):
            self._client.ask_status()
            self._maker.welcomed(event.welcome.limits)
            if handed is not None:
                handed.begun = True
                self._tell_state("sending")
        elif isinstance(event, p.Status):
            if self._maker.lost:
                self._maker.find()
            worker = event.report.get("worker")
            if isinstance(worker, dict):
                self._there = {name: _label(worker.get(name)) for name in ("device", "weights")}
            self._tell_state(self._state or "connected")
        elif isinstance(event, p.Estimate) and event.ticket in self._questions:
            self._say("estimate", **{**vars(event), "ticket": self._questions.pop(event.ticket)})
        elif isinstance(event, p.Failed):
            self._take_failure(event)
        elif handed is not None and getattr(event, "job", getattr(event, "ticket", "")) == handed.asked.job:
            self._take_news(handed, event)

    def _take_news(self, handed: _Handed, event: Event) -> None:
        job = handed.order["job"]
        if isinstance(event, p.Accepted):
            self._tell_state("waiting there")
        elif isinstance(event, p.Queued):
            self._tell_state("at work" if event.place == 0 else f"waiting there, {event.place} before it")
        elif isinstance(event, (p.Estimate, p.Progress, p.Notice)):
            self._say(event.type, **{**vars(event), "job" if not isinstance(event, p.Estimate) else "ticket": job})
            if isinstance(event, p.Progress) and time.monotonic() >= handed.keeps_at:
                self._keep(handed, event)
        elif isinstance(event, p.Preview):
            if memoryview(event.data).nbytes == event.width * event.height * 3:
                handed.preview = event
                self._say("preview", **{**vars(event), "job": job, "data": bytes(event.data)})
        elif isinstance(event, p.Cancelled):
            self._end("stopped")
        elif isinstance(event, Finished):
            self._finish(handed, event)

    def _keep(self, handed: _Handed, progress: p.Progress) -> None:
        """The picture in work lies there; here it is remembered that it does, in case this daemon dies."""
        handed.keeps_at = time.monotonic() + self._keep_seconds
        self._say(
            "kept",
            job=handed.order["job"],
            done=progress.done,
            step=0,
            elsewhere=True,
            thumbnail=_thumbnail_of_preview(handed.preview),
            style_thumbnails=[_thumbnail(style) for style in handed.order["styles"]],
        )

    def _finish(self, handed: _Handed, done: Finished) -> None:
        """The result lies on this disk before the front is told; the other side may forget it when the front has
        (`settle`)."""
        try:
            digest = write_file(done.picture.data, Path(handed.order["result_path"]))
        except OSError as error:
            self._fail(
                handed.order["job"],
                DiskTrouble(
                    f"The result cannot be written here ({error.strerror}). Make room on the disk; restyle again."
                ),
            )
            return
        if digest != PictureRef.from_wire(done.result.picture).blob:
            self._fail(handed.order["job"], BadMessage("The result was damaged on its way. Restyle again."))
            return
        self._unsettled = {handed.order["job"]: done}
        result = done.result
        self._there = {"device": _label(result.device), "weights": _label(result.weights)}
        self._tell_state("connected")
        self._end(
            "done",
            picture=result.picture,
            left=result.left,
            top=result.top,
            weights=_label(result.weights),
            device=f"{_label(result.device)} of another daemon",
            seconds=result.seconds,
            content_loss=result.content_loss,
            style_loss=result.style_loss,
            started_from=_label(result.started_from),
            notes=[str(note) for note in result.notes],
            thumbnail=_thumbnail_of_preview(handed.preview),
            style_thumbnails=[_thumbnail(style) for style in handed.order["styles"]],
        )

    def _take_failure(self, failed: p.Failed) -> None:
        """Of our job; or of the way there, and then of everything."""
        lost = not self._link.ready
        if lost or not failed.job:
            for question in self._questions.values():
                self._say(
                    "estimate", ticket=question, seconds=-1.0, memory=0, tile=0, device="", sentence=failed.sentence
                )
            self._questions.clear()
        handed = self._handed
        if lost:
            self._state = ""
            if failed.code == DaemonLost.code:
                self._maker.lose()
            elif (
                failed.code != VelaturaError.code
            ):  # it is there, and does not take us; what is left is our own hanging up
                self._maker.find()
        if handed is None or failed.job not in (handed.asked.job, *([""] if lost else [])):
            return
        if lost and handed.begun and failed.code != NotTrusted.code:
            self._handed = None
            log.warning("lost: %s", failed.sentence)
            self._say("gone", how="the connection was lost", sentence=failed.sentence)
        elif failed.code == TooBusy.code and not lost and self._maker.has_others_at_work(self):
            self._wait_for_others(handed)
        else:
            self._end("failed", code=failed.code, sentence=failed.sentence, detail="")

    def _wait_for_others(self, handed: _Handed) -> None:
        """The other daemon takes fewer of ours at once than it said, or their pictures are more than it holds for us:
        not the painter's fault."""
        handed.again_at = time.monotonic() + AGAIN
        self._tell_state("waiting to be taken there")
        if not handed.notified_waiting:
            handed.notified_waiting = True
            self._say(
                "notice",
                job=handed.order["job"],
                sentence=f"The daemon of {self._link.endpoint}, which does the work, takes no more at once; "
                "this restyle waits until others are done.",
            )

    def _fail(self, job: str, error: VelaturaError) -> None:
        self._handed = None
        self._say("failed", job=job, code=error.code, sentence=error.sentence, detail="")

    def _end(self, say: str, **ending: Any) -> None:
        assert self._handed is not None
        job, self._handed = self._handed.order["job"], None
        self._say(say, job=job, **ending)


class _Handing(Client):
    """A client that fetches no result but one of what it has sent. expected: that."""

    expected: p.Restyle | None = None

    def _start_fetching(self, result: p.Result) -> None:
        asked, ref = self.expected, PictureRef.from_wire(result.picture)
        content = PictureRef.from_wire(asked.content) if asked is not None else None
        if (
            asked is None
            or content is None
            or result.job != asked.job
            or result.mask not in (None, asked.mask)
            or (ref.format, ref.profile) != (content.format, content.profile)
            or not (0 <= result.left <= content.width - ref.width and 0 <= result.top <= content.height - ref.height)
        ):
            raise BadMessage(
                "The daemon that does the work sent a result which is not of the picture that it was given. Do not "
                "trust it."
            )
        super()._start_fetching(result)


def _picture_of(item: dict[str, Any] | None) -> dict[str, Any] | None:
    return item["picture"] if item else None


def _mapped(item: dict[str, Any]) -> dict[bytes, memoryview]:
    """The blobs of a picture in an order. Raises OSError."""
    ref = PictureRef.from_wire(item["picture"])
    with Path(item["path"]).open("rb") as file:
        blobs = {ref.blob: memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))}
    if ref.profile:
        blobs[ref.profile] = memoryview(Path(item["profile_path"]).read_bytes())
    return blobs


def _label(said: object) -> str:
    return "".join(c for c in str(said or "")[:LONGEST_LABEL] if c.isprintable())


def _thumbnail_of_preview(preview: p.Preview | None) -> bytes:
    if preview is None:
        return b""
    return _jpeg("RGB", (preview.width, preview.height), preview.data)


def _thumbnail(item: dict[str, Any]) -> bytes:
    """Of a style, where its samples are bytes; else none: the front has no arithmetic for the others."""
    ref = PictureRef.from_wire(item["picture"])
    modes = {"GRAY": ("L", "L"), "RGB": ("RGB", "RGB"), "RGBA": ("RGBA", "RGBA"), "BGRA": ("RGBA", "BGRA")}
    if ref.format.sample != "u8" or ref.format.channels not in modes:
        return b""
    mode, raw = modes[ref.format.channels]
    try:
        return _jpeg(mode, (ref.width, ref.height), _mapped(item)[ref.blob], raw)
    except OSError:
        return b""


def _jpeg(mode: str, size: tuple[int, int], data: Any, raw: str = "") -> bytes:
    import io

    from PIL import Image

    image = Image.frombuffer(mode, size, data, "raw", raw or mode, 0, 1)
    image.thumbnail((128, 128))
    packed = io.BytesIO()
    image.convert("RGB").save(packed, "JPEG", quality=82)
    return packed.getvalue()
