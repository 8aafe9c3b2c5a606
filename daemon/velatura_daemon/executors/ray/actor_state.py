"""What the threads of an actor's handle share: the actor, the job and the estimates in work, and the ways to report.

All methods may be called from any thread.
"""

from __future__ import annotations

import logging
import threading
import uuid
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from velatura_daemon.executors.ray.cluster import Cluster, ClusterLost
from velatura_daemon.executors.ray.messages import ACTOR_COMMANDS, ActorCommand, DriverEvent
from velatura_daemon.jobs.commands import WorkerOptions
from velatura_daemon.jobs.events import Estimated, Ready, WorkerEvent, WorkerInfo
from velatura_daemon.jobs.spec import JobSpec

log = logging.getLogger("velatura.farm")

HEARTBEAT = 2.0  # seconds between reports while a job is sent or an actor is waited for
# Without an answer for this long, the head and the actor are probed: after a pulled cable nothing reports that the
# connection is lost.
SILENT_SECONDS = 5.0
# For Ray to report what became of a silent actor: it restarts a dead process at once.
GRACE_SECONDS = 3.0
RUN_ID = uuid.uuid4().hex[:6]


class ActorOwner(Protocol):
    """The driver, as an actor's handle sees it."""

    cluster: Cluster | None
    connected: threading.Event
    options: WorkerOptions
    build: str

    def emit(self, worker: int, event: DriverEvent) -> None: ...

    def lose(self, lost: ClusterLost) -> None: ...

    def on_unfit(self, sentence: str) -> None: ...

    def any_idle(self) -> bool: ...


class ActorSilent(Exception):
    """The actor does not answer, and Ray does not report why."""


@dataclass
class Assignment:
    """A job of this handle.

    sent: the actor has it. ended: its end was reported, so nothing more is reported. files: its inputs on this machine,
    by their hashes. inputs_synced: the inputs were flushed to disk.
    """

    spec: JobSpec
    sent: bool = False
    ended: bool = False
    files: dict[bytes, Path] = field(default_factory=dict)
    inputs_synced: bool = False


class ActorState:
    """The actor of one executor, which Ray places, and places again if its node is lost.

    generation: a new object per requested actor, None if no actor is needed; the thread that listens to an earlier
    actor then ends. actor: Ray's handle, or None. incarnation, node, node_id: from the actor's last answer to `begin`.
    alive: set while the actor answers. estimates: tickets of the requests that are not answered yet.
    """

    def __init__(self, number: int, owner: ActorOwner) -> None:
        """number: of the executor."""
        self.number, self.owner = number, owner
        self.lock = threading.Lock()
        self.generation: object | None = None
        self.actor: Any = None
        self.never_answered = False
        self.incarnation, self.node, self.node_id = "", "", ""
        self.alive = threading.Event()
        self.assignment: Assignment | None = None
        self.estimates: set[str] = set()
        self._actors_made = 0

    def make_actor(self, cluster: Cluster) -> None:
        """Request an actor from Ray. The lock is held."""
        self._actors_made += 1
        # The cluster has one namespace for the actors of all daemons, so names have to be unique in it.
        name = f"velatura-{RUN_ID}-{self.number}-{self._actors_made}"
        self.actor = cluster.actor(name, self.owner.options, self.owner.build)
        self.never_answered, self.incarnation = True, ""

    def release_actor(self, patience: float) -> None:
        """Have the actor clean up, and end it. patience: seconds for the cleanup."""
        with self.lock:
            self.generation, answers = None, self.incarnation != ""
            self.alive.clear()
            actor, self.actor = self.actor, None
        if actor is None or self.owner.cluster is None:
            return
        try:
            if answers:
                actor.end.remote().future().result(patience)
        except Exception as error:
            log.debug("an actor did not clean up: %r", error)  # the next actor on its node does
        self.owner.cluster.end(actor)

    def send_to_actor(self, command: ActorCommand) -> None:
        """Send a command without waiting. Errors are ignored: the listening thread finds their cause."""
        try:
            if (actor := self.actor) is not None:
                actor.handle.remote(ACTOR_COMMANDS.pack(command))
        except Exception as error:
            log.debug("%s could not be sent to an actor: %r", command, error)

    def wait_for_answer(self, actor: Any, answer: Any) -> Any:
        """Wait for an answer as long as the actor answers `begin` meanwhile, since pictures take long to transfer.

        Raises ActorSilent, and Ray's errors.
        """
        while True:
            try:
                return answer.result(SILENT_SECONDS)
            except NotYet:
                pass
            if (cluster := self.owner.cluster) is not None and not cluster.head_answers():
                why = "its head accepts no connections any more"  # not translated: quoted, as Ray's errors
                self.owner.lose(cluster.lost(TimeoutError(why)))
            try:
                actor.begin.remote().future().result(GRACE_SECONDS)
            except NotYet:
                raise ActorSilent from None

    def handle_connection_error(self, error: Exception) -> bool:
        """Whether an error comes from the connection or from Ray. If the cluster is lost, report it to the driver."""
        cluster = self.owner.cluster
        if cluster is not None and cluster.is_connection_error(error):
            self.owner.lose(cluster.lost(error))
            return True
        return cluster is not None and isinstance(error, cluster.ray.exceptions.RayError)

    # --- reports -------------------------------------------------------------------------------------------
    def emit(self, event: DriverEvent) -> None:
        self.owner.emit(self.number, event)

    def report_state(self, state: str) -> None:
        self.emit(Ready(WorkerInfo(state, "–", "–")))

    def end_job(self, assignment: Assignment, ending: WorkerEvent) -> bool:
        """Report a job's last event. Returns False, and reports nothing, if the job has ended already."""
        with self.lock:
            if assignment.ended:
                return False
            assignment.ended = True
        self.emit(ending)
        return True

    def fail_estimates(self, sentence: str) -> None:
        for ticket in list(self.estimates):
            self.estimates.discard(ticket)
            self.emit(Estimated.unknown(ticket, sentence))
