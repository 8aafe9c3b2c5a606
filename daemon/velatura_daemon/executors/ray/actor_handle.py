"""The driver's handle on one actor: sends it commands, listens for its events, and notices when it dies.

Ray places the actor, and restarts it elsewhere if its node goes.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from velatura.errors import DiskTrouble
from velatura_daemon.executors.ray.cluster import Cluster, ClusterLost
from velatura_daemon.executors.ray.config import in_words
from velatura_daemon.executors.ray.download import Damaged, receive
from velatura_daemon.executors.ray.job_files import for_transfer
from velatura_daemon.executors.ray.messages import (
    ACTOR_COMMANDS,
    FROM_ACTOR,
    ActorAlive,
    ActorAway,
    ActorCommand,
    ActorEnded,
    ActorEvent,
    DriverEvent,
    Release,
    RemoteFile,
    Terminate,
)
from velatura_daemon.jobs.commands import Cancel, Estimate, Run, WorkerOptions
from velatura_daemon.jobs.events import (
    CheckpointSaved,
    Estimated,
    Heartbeat,
    JobDone,
    JobFailed,
    JobNotice,
    JobStopped,
    Ready,
    WorkerEvent,
    WorkerGone,
    WorkerInfo,
)
from velatura_daemon.jobs.spec import JobSpec
from velatura_daemon.storage.atomic import sync_files
from velatura_daemon.storage.blobs import disk_trouble

log = logging.getLogger("velatura.farm")

HEARTBEAT = 2.0  # seconds, while something is on its way or waited for
LISTEN_SECONDS = 20.0  # that a request for events waits at the actor
# Without an answer for so long the head and the actor are probed: after a pulled cable nobody reports that the
# connection is gone.
SILENT_SECONDS = 5.0
FORCE_SECONDS = 5.0  # for an actor to end its worker; then the actor itself is ended
# For Ray to say what became of a silent actor: a process that died is restarted at once.
GRACE_SECONDS = 3.0
EXPLAIN_SECONDS = 60.0  # until the user reads why no machine was found yet
TRANSFER_SHARE = 0.05  # of the time, at most, that checkpoints may take to travel: they are large
RUN_ID = uuid.uuid4().hex[:6]


class ActorOwner(Protocol):
    """The driver, as this module sees it."""

    cluster: Cluster | None
    connected: threading.Event
    options: WorkerOptions
    build: str

    def emit(self, worker: int, event: DriverEvent) -> None: ...

    def lose(self, lost: ClusterLost) -> None: ...

    def on_unfit(self, trouble: str) -> None: ...

    def any_idle(self) -> bool: ...


@dataclass
class Assignment:
    """A job. sent: the actor has it. ended: its end was reported; nothing more is. files: its inputs on this machine.
    inputs_synced: they were flushed to disk."""

    spec: JobSpec
    sent: bool = False
    ended: bool = False
    files: dict[bytes, Path] = field(default_factory=dict)
    inputs_synced: bool = False


class ActorHandle:
    """`handle` is called on the driver's main thread and does not block. `_listen` runs on a thread of its own while an
    actor is wanted, `_send_commands` on another."""

    def __init__(self, number: int, owner: ActorOwner) -> None:
        self._number, self._owner = number, owner
        self._lock = threading.Lock()
        self._wanted: object | None = None  # a new object for each actor: listeners for earlier ones then end
        self._actor: Any = None
        self._never_answered = False
        self._incarnation, self._node, self._node_id = "", "", ""
        self._actors_made = 0
        self._alive = threading.Event()
        self._outgoing: queue.SimpleQueue[Assignment | Estimate] = queue.SimpleQueue()
        self._assignment: Assignment | None = None
        self._questions: set[str] = set()
        self._next_checkpoint = 0.0
        threading.Thread(target=self._send_commands, name=f"commands {number}", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        return self._alive.is_set()

    @property
    def is_idle(self) -> bool:
        assignment = self._assignment
        return assignment is None or assignment.ended

    # --- commands ------------------------------------------------------------------------------------------
    def handle(self, command: ActorCommand) -> None:
        if isinstance(command, Run):
            self._assignment = Assignment(command.spec)
            self._want()
            self._outgoing.put(self._assignment)
        elif isinstance(command, Estimate):
            self._questions.add(command.request.ticket)
            self._want()
            self._outgoing.put(command)
        elif isinstance(command, Cancel):
            self._cancel(command)
        elif isinstance(command, Terminate):
            self._terminate()
        elif isinstance(command, Release):
            threading.Thread(target=self.end, args=(GRACE_SECONDS,), daemon=True).start()
        else:
            self._want()

    def _want(self) -> None:
        """Have an actor."""
        with self._lock:
            if self._wanted is not None:
                return
            self._wanted = wanted = object()
        threading.Thread(target=self._listen, args=(wanted,), name=f"events {self._number}", daemon=True).start()

    def _cancel(self, command: Cancel) -> None:
        assignment = self._assignment
        if assignment is None or assignment.spec.ticket != command.ticket:
            return
        with self._lock:
            sent = assignment.sent
        if sent:
            self._tell(command)
        else:  # it was never there
            self._end(assignment, JobStopped(command.ticket))

    def _terminate(self) -> None:
        """The worker; if that does not help, the actor."""
        assignment = self._assignment
        if assignment is None:
            self._emit(WorkerGone("it gave no sign of life"))
            return
        if assignment.sent:
            self._tell(Terminate())
        timer = threading.Timer(FORCE_SECONDS if assignment.sent else 0.0, self._force, [assignment])
        timer.daemon = True
        timer.start()

    def _force(self, assignment: Assignment) -> None:
        where = f"the machine {self._node}" if self._node else "the cluster"
        if self._end(assignment, WorkerGone(f"{where} gave no sign of life")):
            self._alive.clear()
            self._emit(ActorAway())
            if (actor := self._actor) is not None and self._owner.cluster is not None:
                self._owner.cluster.restart(actor)

    def end(self, patience: float) -> None:
        """The actor cleans up and ends. patience: seconds."""
        with self._lock:
            self._wanted, answers = None, self._incarnation != ""
            self._alive.clear()
            actor, self._actor = self._actor, None
        if actor is None or self._owner.cluster is None:
            return
        try:
            if answers:
                actor.end.remote().future().result(patience)
        except Exception as error:
            log.debug("an actor did not clean up: %r", error)  # the next actor on its node does
        self._owner.cluster.end(actor)

    def _tell(self, command: ActorCommand) -> None:
        try:
            if (actor := self._actor) is not None:
                actor.handle.remote(ACTOR_COMMANDS.pack(command))
        except Exception as error:  # the listening thread finds out what it is
            log.debug("%s could not be sent to an actor: %r", command, error)

    # --- events --------------------------------------------------------------------------------------------
    def _emit(self, event: DriverEvent) -> None:
        self._owner.emit(self._number, event)

    def _end(self, assignment: Assignment, ending: WorkerEvent) -> bool:
        """A job's last event. False: it had one."""
        with self._lock:
            if assignment.ended:
                return False
            assignment.ended = True
        self._emit(ending)
        return True

    def _fail_questions(self, sentence: str) -> None:
        for ticket in list(self._questions):
            self._questions.discard(ticket)
            self._emit(Estimated.unknown(ticket, sentence))

    def _report_state(self, state: str) -> None:
        self._emit(Ready(WorkerInfo(state, "–", "–")))

    # --- the thread that sends -------------------------------------------------------------------------------
    def _send_commands(self) -> None:
        while True:
            task = self._outgoing.get()
            assignment = task if isinstance(task, Assignment) else None
            try:
                if not self._wait_for_actor(assignment):
                    continue
                if isinstance(task, Estimate):
                    self._actor.handle.remote(ACTOR_COMMANDS.pack(task))
                else:
                    self._send_job(task)
            except OSError as error:
                if self._is_connection(error) or assignment is None:
                    continue
                failure = disk_trouble(error, Path(error.filename or "."))
                self._end(assignment, JobFailed(assignment.spec.ticket, failure.code, failure.sentence))
            except Exception as error:
                if not self._is_connection(error):  # an actor's error reaches the listening thread
                    log.exception("a command could not be sent")

    def _is_connection(self, error: Exception) -> bool:
        cluster = self._owner.cluster
        if cluster is not None and cluster.is_gone(error):
            self._owner.lose(cluster.lost(error))
            return True
        return cluster is not None and isinstance(error, cluster.ray.exceptions.RayError)

    def _wait_for_actor(self, assignment: Assignment | None) -> bool:
        """Until it lives. False: nobody waits for it any more.

        Ray places actors in any order: if another one came first and is idle, the job goes back to the scheduler.
        """
        began, explained = time.monotonic(), False
        while not self._alive.wait(HEARTBEAT):
            if self._wanted is None or (assignment is not None and assignment.ended):
                return False
            if assignment is not None and self._owner.any_idle():
                self._end(assignment, JobStopped(assignment.spec.ticket))
                return False
            connected = self._owner.connected.is_set()
            self._report_state("waiting for a machine of the cluster" if connected else "connecting to the cluster")
            if assignment is not None and not explained and time.monotonic() - began > EXPLAIN_SECONDS:
                explained = True
                self._emit(JobNotice(assignment.spec.ticket, self._why_it_waits()))
        return assignment is None or not assignment.ended

    def _why_it_waits(self) -> str:
        cluster = self._owner.cluster
        if cluster is None:
            return "The cluster does not answer yet."
        labels = "".join(f", {name}={value}" for name, value in cluster.config.labels.items())
        needed, address = in_words(cluster.resources) + labels, cluster.config.address
        try:
            if cluster.has_matching_node():
                return (
                    f"All machines of the cluster at {address} are busy; the restyle starts when one has {needed} free."
                )
        except Exception as error:
            self._is_connection(error)
        return (
            f"The cluster at {address} has no machine with {needed}. The restyle starts when one joins; "
            "--actor-resources and --node-labels set what is required."
        )

    def _send_job(self, assignment: Assignment) -> None:
        """The pictures that the node lacks, then the job."""
        cluster, actor = self._owner.cluster, self._actor
        if cluster is None or actor is None:
            return
        spec, assignment.files = for_transfer(assignment.spec)
        lacking = actor.lacking.remote(list(assignment.files)).future().result()
        pictures = {
            name: cluster.put(name, assignment.files[name], lambda: self._report_state("sending")) for name in lacking
        }
        with self._lock:
            if assignment.ended:
                return
            assignment.sent = True
        actor.run.remote(ACTOR_COMMANDS.pack(Run(spec)), pictures)

    # --- the thread that listens -----------------------------------------------------------------------------
    def _listen(self, wanted: object) -> None:
        self._owner.connected.wait()
        cluster = self._owner.cluster
        assert cluster is not None
        while self._wanted is wanted:
            try:
                if self._find_actor(cluster, wanted):
                    self._receive_events(wanted)
            except Exception as error:
                if self._wanted is not wanted:
                    return
                if cluster.is_gone(error):
                    self._owner.lose(cluster.lost(error))
                    return
                if not isinstance(error, (cluster.ray.exceptions.RayError, _Silent, _Restarted)):
                    log.exception("an actor's event could not be handled")
                self._on_actor_lost(cluster, error)

    def _find_actor(self, cluster: Cluster, wanted: object) -> bool:
        """Have one, and wait until Ray has placed it. False: not yet, or nobody wants it any more."""
        with self._lock:
            if self._wanted is not wanted:
                return False
            if self._actor is None:
                self._actors_made += 1
                # Names are the cluster's: others have daemons there too.
                name = f"velatura-{RUN_ID}-{self._number}-{self._actors_made}"
                self._actor = cluster.actor(name, self._owner.options, self._owner.build)
                self._never_answered, self._incarnation = True, ""
            actor = self._actor
        answer = actor.begin.remote().future()
        greeting = None
        while greeting is None:
            try:
                greeting = answer.result(HEARTBEAT)
            except NotYet:
                if self._wanted is not wanted:
                    return False
            except cluster.ray.exceptions.ActorUnavailableError:
                time.sleep(HEARTBEAT / 4)  # Ray is placing it anew
                return False
            except cluster.ray.exceptions.RayError as error:
                self._on_actor_dead(actor, error)
                return False
        self._never_answered = False
        self._incarnation, self._node = greeting["incarnation"], greeting["node"]
        self._node_id = greeting["node_id"]
        if greeting["trouble"]:
            self._on_unfit(greeting["trouble"])
            return False
        self._alive.set()
        self._emit(ActorAlive(self._node))
        return True

    def _on_actor_dead(self, actor: Any, error: Exception) -> None:
        """For good. One that never answered could not be created there: Velatura is missing, or the disk is full."""
        with self._lock:
            if self._actor is not actor:
                return  # ended by us
            if not self._never_answered:
                self._actor = None  # ended by somebody else: make another
                return
        self._on_unfit(
            f"A worker could not be started on the cluster ({' '.join(str(error).split())[-300:]}). "
            "Its nodes need Velatura in the Python that runs Ray; see docs/farm.md."
        )

    def _on_unfit(self, trouble: str) -> None:
        """This actor cannot work. The next request makes another one, perhaps elsewhere."""
        log.error("%s", trouble)
        self.end(GRACE_SECONDS)
        self._owner.on_unfit(trouble)
        if self._assignment is not None:
            self._end(self._assignment, WorkerGone("it could not be started", trouble, blameless=True))
        self._fail_questions(trouble)
        self._emit(ActorEnded())

    def _receive_events(self, wanted: object) -> None:
        """Until the actor is restarted, or an error."""
        while self._wanted is wanted and (actor := self._actor) is not None:
            checkpoints = time.monotonic() >= self._next_checkpoint
            answer = actor.poll.remote(self._incarnation, LISTEN_SECONDS, checkpoints)
            packed = self._answer(actor, answer.future())
            if packed is None:
                raise _Restarted
            for message in packed:
                self._handle_event(FROM_ACTOR.unpack(message))

    def _answer(self, actor: Any, answer: Any) -> Any:
        """Wait for it as long as the actor answers a short question meanwhile: pictures are slow. Raises _Silent, and
        Ray's errors."""
        while True:
            try:
                return answer.result(SILENT_SECONDS)
            except NotYet:
                pass
            if (cluster := self._owner.cluster) is not None and not cluster.answers():
                self._owner.lose(cluster.lost(TimeoutError("its head accepts no connections any more")))
            try:
                actor.begin.remote().future().result(GRACE_SECONDS)
            except NotYet:
                raise _Silent from None

    def _handle_event(self, message: ActorEvent) -> None:
        event, assignment = message.event, self._assignment
        if isinstance(event, WorkerGone):
            if assignment is None or not self._end(assignment, event):
                self._emit(event)
        elif isinstance(event, Estimated) and event.ticket in self._questions:
            self._questions.discard(event.ticket)
            self._emit(event)
        elif isinstance(event, Ready):
            self._emit(Ready(replace(event.info, device=f"{event.info.device} at {self._node}")))
        elif not hasattr(event, "ticket"):
            self._emit(event)
        elif assignment is None or assignment.ended or assignment.spec.ticket != event.ticket:
            return  # of an earlier job
        elif isinstance(event, (JobDone, JobStopped, JobFailed)):
            self._end_with_files(assignment, event, message.files)
        elif isinstance(event, CheckpointSaved):
            self._receive_checkpoint(assignment, event, message.files)
        else:
            self._emit(event)

    def _end_with_files(
        self, assignment: Assignment, ending: JobDone | JobStopped | JobFailed, files: tuple[RemoteFile, ...]
    ) -> None:
        """With its files on this disk, where the job says."""
        if isinstance(ending, JobDone):
            ending = replace(ending, device=f"{ending.device} at {self._node}")
        try:
            self._download(assignment, files)
        except (OSError, Damaged) as error:
            if self._is_connection(error):
                return
            if isinstance(ending, JobDone):
                failure = (
                    DiskTrouble("The result was damaged on its way from the cluster. Restyle again.")
                    if isinstance(error, Damaged)
                    else disk_trouble(error, assignment.spec.files.result)
                )
                ending = JobFailed(ending.ticket, failure.code, failure.sentence)
            elif isinstance(ending, JobStopped):
                ending = replace(ending, last_image=None)
        self._end(assignment, ending)

    def _receive_checkpoint(
        self, assignment: Assignment, event: CheckpointSaved, files: tuple[RemoteFile, ...]
    ) -> None:
        """Another worker resumes from it, if this one dies."""
        began = time.monotonic()
        try:
            if not assignment.inputs_synced:
                sync_files(assignment.files.values())  # after a crash it is worth nothing without the inputs
                assignment.inputs_synced = True
            self._download(assignment, files)
        except (OSError, Damaged) as error:
            log.warning("a checkpoint could not be saved: %s", error)
        else:
            self._emit(event)
        now = time.monotonic()
        self._next_checkpoint = now + (now - began) / TRANSFER_SHARE

    def _download(self, assignment: Assignment, files: tuple[RemoteFile, ...]) -> None:
        """Raises OSError, Damaged, and Ray's errors."""
        actor = self._actor

        def fetch(blob: bytes, offset: int) -> bytes:
            data: bytes = self._answer(actor, actor.piece.remote(blob, offset).future())
            return data

        for file in files:
            path: Path = getattr(assignment.spec.files, file.output)
            receive(file, path, fetch, lambda: self._emit(Heartbeat()))

    # --- an actor's end ----------------------------------------------------------------------------------------
    def _on_actor_lost(self, cluster: Cluster, error: Exception) -> None:
        """It stopped answering, or was restarted. Its machine has gone (then no job is to blame), or only its
        process."""
        if was_alive := self._alive.is_set():
            self._alive.clear()
            self._emit(ActorAway())
            log.warning("an actor at %s is away: %r", self._node, error)
        assignment = self._assignment
        if assignment is None or assignment.ended:
            return
        if not assignment.sent:
            if was_alive:  # it was about to be sent: back to the scheduler
                self._end(assignment, JobStopped(assignment.spec.ticket))
            return
        if not isinstance(error, _Silent) and self._restarted_on_same_node(cluster):
            how = f"its process at {self._node} was killed, perhaps because memory ran out"
            self._end(assignment, WorkerGone(how))
        else:
            self._tell(Cancel(assignment.spec.ticket))  # if it is only cut off, it should be free when it is back
            how, sentence = f"the machine {self._node} has gone", f"The machine {self._node} of the cluster has gone."
            self._end(assignment, WorkerGone(how, sentence, blameless=True))

    def _restarted_on_same_node(self, cluster: Cluster) -> bool:
        """Whether, soon, a new process answers from the node, which lives."""
        actor, until = self._actor, time.monotonic() + GRACE_SECONDS
        while actor is not None and time.monotonic() < until and cluster.node_lives(self._node_id):
            try:
                greeting = actor.begin.remote().future().result(max(0.0, until - time.monotonic()))
                return bool(greeting["node_id"] == self._node_id)
            except cluster.ray.exceptions.ActorUnavailableError:
                time.sleep(HEARTBEAT / 10)
            except (NotYet, cluster.ray.exceptions.RayError):
                return False
        return False


class _Silent(Exception):
    """The actor does not answer, and nobody says why."""


class _Restarted(Exception):
    """The actor that answers is not the one that was asked: Ray has restarted it."""
