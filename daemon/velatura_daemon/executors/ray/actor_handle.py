"""One hand's place in the cluster, on the driver's side: an actor that Ray places, the orders that go there, what is
said back."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
import uuid
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgpack

from velatura.errors import DiskTrouble
from velatura_daemon.executors.ray.cluster import Cluster, ClusterLost
from velatura_daemon.executors.ray.download import Damaged, receive
from velatura_daemon.executors.ray.job_files import for_abroad
from velatura_daemon.storage.blobs import disk_trouble

log = logging.getLogger("velatura.farm")

BEAT = 2.0  # seconds between signs of life while something is on its way, or waited for
LISTEN = 20.0  # seconds that a question for news waits at the actor
# seconds without news after which it is asked whether it is there: where a cable was pulled nobody says that the
# connection is over
SILENT = 5.0
FORCE = 5.0  # seconds for an actor to end its worker; then it is ended itself
# seconds for Ray to say what became of an actor that is silent: a process that has died it starts anew at once
GRACE = 3.0
UNKNOWN = 60.0  # seconds until the painter is told that nothing of the kind that is asked for is there
SHARE = 0.05  # of the time, at most, that pictures in work may take on their way: they are large
RUN = uuid.uuid4().hex[:6]


class DriverCallbacks(Protocol):
    """The driver, as this module sees it."""

    cluster: Cluster | None
    connected: threading.Event
    options: dict[str, Any]
    build: str

    def say(self, worker: int, say: str, **more: Any) -> None: ...

    def lose(self, lost: ClusterLost) -> None: ...

    def nobody_can_work(self, trouble: str) -> None: ...

    def somebody_is_free(self) -> bool: ...


@dataclass
class Assignment:
    """A job. handed: the actor has it. ended: its end was said; nothing more is. files: what it is made of, of this
    machine."""

    order: dict[str, Any]
    handed: bool = False
    ended: bool = False
    files: dict[bytes, Path] = field(default_factory=dict)
    safe: bool = False


class ActorHandle:
    """`call`, `work` and the like come from the driver's main thread and do not wait. `_listen` runs on a thread of its
    own as long as an actor is wanted, `_hand_on` on another."""

    def __init__(self, number: int, office: DriverCallbacks) -> None:
        self._number, self._office = number, office
        self._lock = threading.Lock()
        # another each time that an actor is wanted: who listens for an earlier one ends
        self._wanted: object | None = None
        self._actor: Any = None
        self._is_fresh = False  # it has never answered
        self._who, self._node, self._node_id = "", "", ""
        self._made = 0
        self._living = threading.Event()
        self._to_do: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._turn: Assignment | None = None
        self._questions: set[str] = set()
        self._keeps_at = 0.0
        threading.Thread(target=self._hand_on, name=f"orders {number}", daemon=True).start()

    @property
    def is_living(self) -> bool:
        return self._living.is_set()

    @property
    def is_idle(self) -> bool:
        assignment = self._turn
        return assignment is None or assignment.ended

    # --- orders ------------------------------------------------------------------------------------------
    def call(self, _: dict[str, Any]) -> None:
        """Have an actor."""
        with self._lock:
            if self._wanted is not None:
                return
            self._wanted = wanted = object()
        threading.Thread(target=self._listen, args=(wanted,), name=f"news {self._number}", daemon=True).start()

    def work(self, order: dict[str, Any]) -> None:
        self._turn = Assignment(order)
        self.call({})
        self._to_do.put(("work", self._turn))

    def estimate(self, question: dict[str, Any]) -> None:
        self._questions.add(question["ticket"])
        self.call({})
        self._to_do.put(("estimate", question))

    def cancel(self, order: dict[str, Any]) -> None:
        assignment = self._turn
        if assignment is None or assignment.order["job"] != order["job"]:
            return
        with self._lock:
            handed = assignment.handed
        if handed:
            self._tell("cancel", order["job"])
        else:  # it was never there
            self._end(assignment, "stopped", job=order["job"])

    def end_by_force(self, _: dict[str, Any]) -> None:
        """Its worker; if that does not help, the actor."""
        assignment = self._turn
        if assignment is None:
            self._say("gone", how="it gave no sign of life")
            return
        if assignment.handed:
            self._tell("end_by_force")
        timer = threading.Timer(FORCE if assignment.handed else 0.0, self._force, [assignment])
        timer.daemon = True
        timer.start()

    def _force(self, assignment: Assignment) -> None:
        if self._end(
            assignment,
            "gone",
            how=f"the machine {self._node} gave no sign of life" if self._node else "the farm gave no sign of life",
        ):
            self._living.clear()
            self._say("away")
            if (actor := self._actor) is not None and self._office.cluster is not None:
                self._office.cluster.start_anew(actor)

    def leave(self, _: dict[str, Any]) -> None:
        """Give the node's device back."""
        threading.Thread(target=self.end, args=(GRACE,), daemon=True).start()

    def end(self, patience: float) -> None:
        """The actor clears up, and goes."""
        with self._lock:
            self._wanted, answers = None, self._who != ""
            self._living.clear()
            actor, self._actor = self._actor, None
        if actor is None or self._office.cluster is None:
            return
        try:
            if answers:
                actor.end.remote().future().result(patience)
        except Exception as error:
            log.debug("an actor did not clear up: %r", error)  # whoever comes to its node next does
        self._office.cluster.end(actor)

    def _tell(self, method: str, *about: Any) -> None:
        try:
            if (actor := self._actor) is not None:
                getattr(actor, method).remote(*about)
        except Exception as error:  # the listening thread finds out what it is
            log.debug("an actor could not be told to %s: %r", method, error)

    # --- what is said --------------------------------------------------------------------------------------
    def _say(self, say: str, **more: Any) -> None:
        self._office.say(self._number, say, **more)

    def _end(self, assignment: Assignment, say: str, **more: Any) -> bool:
        """A job's last word. False: that was said already."""
        with self._lock:
            if assignment.ended:
                return False
            assignment.ended = True
        self._say(say, **more)
        return True

    def _cannot_say(self, sentence: str) -> None:
        """How long anything would take."""
        for ticket in list(self._questions):
            self._questions.discard(ticket)
            self._say("estimate", ticket=ticket, seconds=-1.0, memory=0, tile=0, device="", sentence=sentence)

    # --- the thread that hands on ----------------------------------------------------------------------------
    def _hand_on(self) -> None:
        while True:
            what, about = self._to_do.get()
            try:
                if not self._wait_for_actor(about if what == "work" else None):
                    continue
                if what == "estimate":
                    self._actor.estimate.remote(about)
                else:
                    self._hand_over(about)
            except OSError as error:
                if self._is_connection(error):
                    continue
                told = disk_trouble(error, Path(error.filename or "."))
                self._end(about, "failed", job=about.order["job"], code=told.code, sentence=told.sentence, detail="")
            except Exception as error:
                if not self._is_connection(error):  # the actor's: its own thread hears of it
                    log.exception("an order could not be handed on")

    def _is_connection(self, error: Exception) -> bool:
        cluster = self._office.cluster
        if cluster is not None and cluster.is_gone(error):
            self._office.lose(cluster.lost(error))
            return True
        return cluster is not None and isinstance(error, cluster.ray.exceptions.RayError)

    def _wait_for_actor(self, assignment: Assignment | None) -> bool:
        """Until there is one. False: nobody waits for it any more. Ray places actors in no order: where another has
        come first, and has nothing to do, the job goes back to whoever deals them."""
        began, told = time.monotonic(), False
        while not self._living.wait(BEAT):
            if self._wanted is None or (assignment is not None and assignment.ended):
                return False
            if assignment is not None and self._office.somebody_is_free():
                self._end(assignment, "stopped", job=assignment.order["job"])
                return False
            self._say("ready", state=self._state(), **self._no_device())
            if assignment is not None and not told and time.monotonic() - began > UNKNOWN:
                told = True
                self._say("notice", job=assignment.order["job"], sentence=self._why_it_waits())
        return assignment is None or not assignment.ended

    def _state(self) -> str:
        return "waiting for a machine of the farm" if self._office.connected.is_set() else "connecting to the farm"

    def _no_device(self) -> dict[str, Any]:
        return {"device": "–", "weights": "–"}

    def _why_it_waits(self) -> str:
        from velatura_daemon.executors.ray.config import in_words

        cluster = self._office.cluster
        if cluster is None:
            return "The farm does not answer yet."
        asked = in_words(cluster.resources) + "".join(
            f", {name}={value}" for name, value in cluster.terms.labels.items()
        )
        try:
            if cluster.has_room_for_one():
                return (
                    f"All machines of the farm at {cluster.terms.address} are taken; this restyle begins when one "
                    f"has {asked} free."
                )
        except Exception as error:
            self._is_connection(error)
        return (
            f"The farm at {cluster.terms.address} has no machine with {asked}. The restyle begins when one comes; "
            "--actor-resources and --node-labels say what is asked for."
        )

    def _hand_over(self, assignment: Assignment) -> None:
        """Its pictures, those that are not there; then the order."""
        cluster, actor = self._office.cluster, self._actor
        if cluster is None or actor is None:
            return
        order, assignment.files = for_abroad(assignment.order)
        lacking = actor.lacking.remote(list(assignment.files)).future().result()
        pictures = {
            name: cluster.put(
                name, assignment.files[name], lambda: self._say("ready", state="sending", **self._no_device())
            )
            for name in lacking
        }
        with self._lock:
            if assignment.ended:
                return
            assignment.handed = True
        actor.work.remote(msgpack.packb(order), pictures)

    # --- the thread that listens -----------------------------------------------------------------------------
    def _listen(self, wanted: object) -> None:
        self._office.connected.wait()
        cluster = self._office.cluster
        assert cluster is not None
        while self._wanted is wanted:
            try:
                if self._find_actor(cluster, wanted):
                    self._hear(wanted)
            except Exception as error:
                if self._wanted is not wanted:
                    return
                if cluster.is_gone(error):
                    self._office.lose(cluster.lost(error))
                    return
                if not isinstance(error, (cluster.ray.exceptions.RayError, _Silent, _Another)):
                    log.exception("an actor was not understood")
                self._outlive(cluster, error)

    def _find_actor(self, cluster: Cluster, wanted: object) -> bool:
        """Have one, and wait until Ray has placed it. False: not yet, or nobody wants it any more."""
        with self._lock:
            if self._wanted is not wanted:
                return False
            if self._actor is None:
                self._made += 1
                name = f"velatura-{RUN}-{self._number}-{self._made}"  # names are the cluster's: others have daemons too
                self._actor, self._is_fresh, self._who = (
                    cluster.actor(name, self._office.options, self._office.build),
                    True,
                    "",
                )
            actor = self._actor
        answer = actor.begin.remote().future()
        said = None
        while said is None:
            try:
                said = answer.result(BEAT)
            except NotYet:
                if self._wanted is not wanted:
                    return False
            except cluster.ray.exceptions.ActorUnavailableError:
                time.sleep(BEAT / 4)  # Ray is placing it anew
                return False
            except cluster.ray.exceptions.RayError as error:
                self._has_died(actor, error)
                return False
        self._is_fresh = False
        self._who, self._node, self._node_id = said["who"], said["node"], said["node_id"]
        if said["trouble"]:
            self._is_unfit(said["trouble"])
            return False
        self._living.set()
        self._say("living", node=self._node)
        return True

    def _has_died(self, actor: Any, error: Exception) -> None:
        """For good. One that had never lived could not be made there: Velatura is missing, or the disk is full."""
        with self._lock:
            if self._actor is not actor:
                return  # we have ended it
            if not self._is_fresh:
                self._actor = None  # somebody has ended it: another, then
                return
        self._is_unfit(
            f"A worker could not be started on the farm ({' '.join(str(error).split())[-300:]}). "
            "Its nodes need Velatura in the Python that runs Ray; see docs/farm.md."
        )

    def _is_unfit(self, trouble: str) -> None:
        """This actor will not do. Whoever wants one calls again, and gets another, perhaps elsewhere."""
        log.error("%s", trouble)
        self.end(GRACE)
        self._office.nobody_can_work(trouble)
        if self._turn is not None:
            self._end(self._turn, "gone", how="it could not be started", sentence=trouble, blameless=True)
        self._cannot_say(trouble)
        self._say("ended")

    def _hear(self, wanted: object) -> None:
        """What is said there, until it is another that is there, or an error."""
        while self._wanted is wanted and (actor := self._actor) is not None:
            packed = self._answer(
                actor, actor.hear.remote(self._who, LISTEN, time.monotonic() >= self._keeps_at).future()
            )
            if packed is None:
                raise _Another
            for one in packed:
                self._take(msgpack.unpackb(one))

    def _answer(self, actor: Any, asked: Any) -> Any:
        """Wait for it; for what is slow, pictures above all, as long as the actor answers a short question meanwhile.
        Raises _Silent, and Ray's."""
        while True:
            try:
                return asked.result(SILENT)
            except NotYet:
                pass
            if (cluster := self._office.cluster) is not None and not cluster.answers():
                self._office.lose(cluster.lost(TimeoutError("its head takes no connections any more")))
            try:
                actor.begin.remote().future().result(GRACE)
            except NotYet:
                raise _Silent from None

    def _take(self, said: dict[str, Any]) -> None:
        say, assignment = said.pop("say"), self._turn
        if say == "gone":
            if assignment is None or not self._end(assignment, say, **said):
                self._say(say, **said)
        elif say == "estimate" and said["ticket"] in self._questions:
            self._questions.discard(said["ticket"])
            self._say(say, **said)
        elif say == "ready":
            self._say(say, **{**said, "device": f"{said['device']} at {self._node}"})
        elif "job" not in said and say != "estimate":
            self._say(say, **said)
        elif assignment is None or assignment.ended or assignment.order["job"] != said.get("job", said.get("ticket")):
            return  # of a turn that is over
        elif say in ("done", "stopped", "failed"):
            self._take_end(assignment, say, said)
        elif say != "kept":
            self._say(say, **said)
        else:
            self._take_kept(assignment, said)

    def _take_end(self, assignment: Assignment, say: str, said: dict[str, Any]) -> None:
        """With its pictures on this disk, where the order says."""
        if say == "done":
            said["device"] = f"{said['device']} at {self._node}"
        try:
            self._receive(assignment, said)
        except (OSError, Damaged) as error:
            if self._is_connection(error):
                return
            said.pop("last", None)
            if say == "done":
                told = (
                    DiskTrouble("The result was damaged on its way from the farm. Restyle again.")
                    if isinstance(error, Damaged)
                    else (disk_trouble(error, Path(assignment.order["result_path"])))
                )
                say, said = (
                    "failed",
                    {"job": assignment.order["job"], "code": told.code, "sentence": told.sentence, "detail": ""},
                )
        self._end(assignment, say, **said)

    def _take_kept(self, assignment: Assignment, said: dict[str, Any]) -> None:
        """The picture in work, as far as it got: another goes on from it, if this one goes."""
        began = time.monotonic()
        try:
            if not assignment.safe:
                _sync(assignment.files.values())  # it is worth nothing after a crash without what it is made of
                assignment.safe = True
            self._receive(assignment, said)
        except (OSError, Damaged) as error:
            log.warning("what is done so far of a job is not kept: %s", error)
        else:
            self._say("kept", **said)
        now = time.monotonic()
        self._keeps_at = now + (now - began) / SHARE

    def _receive(self, assignment: Assignment, said: dict[str, Any]) -> None:
        """Raises OSError, Damaged, and Ray's."""
        actor = self._actor

        def fetch(name: bytes, offset: int) -> Any:
            return self._answer(actor, actor.piece.remote(name, offset).future())

        for which, file in said.pop("files", {}).items():
            receive(file, Path(assignment.order[which]), fetch, lambda: self._say("alive"))

    # --- an actor's end ----------------------------------------------------------------------------------------
    def _outlive(self, cluster: Cluster, error: Exception) -> None:
        """It answers no more, or another answers in its place. Its machine has gone (then no job is to blame), or only
        its process."""
        if was_here := self._living.is_set():
            self._living.clear()
            self._say("away")
            log.warning("an actor at %s is away: %r", self._node, error)
        assignment = self._turn
        if assignment is None or assignment.ended:
            return
        if not assignment.handed:
            if was_here:  # it was about to be: back to whoever deals them
                self._end(assignment, "stopped", job=assignment.order["job"])
            return
        if not isinstance(error, _Silent) and self._is_back(cluster):
            self._end(assignment, "gone", how=f"its process at {self._node} was ended, perhaps for want of memory")
        else:
            self._tell("cancel", assignment.order["job"])  # if it is only cut off, it is to be free when it is back
            self._end(
                assignment,
                "gone",
                how=f"the machine {self._node} has gone",
                blameless=True,
                sentence=f"The machine {self._node} of the farm has gone.",
            )

    def _is_back(self, cluster: Cluster) -> bool:
        """Whether, soon, another process answers from the node that lives."""
        actor, until = self._actor, time.monotonic() + GRACE
        while actor is not None and time.monotonic() < until and cluster.node_lives(self._node_id):
            try:
                return bool(
                    actor.begin.remote().future().result(max(0.0, until - time.monotonic()))["node_id"] == self._node_id
                )
            except cluster.ray.exceptions.ActorUnavailableError:
                time.sleep(BEAT / 10)
            except (NotYet, cluster.ray.exceptions.RayError):
                return False
        return False


class _Silent(Exception):
    """The actor does not answer, and nobody says why."""


class _Another(Exception):
    """The actor that answers is not the one that was asked: Ray has started it anew."""


def _sync(paths: Any) -> None:
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
