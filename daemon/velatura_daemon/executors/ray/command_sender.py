"""The thread that sends jobs and estimate requests to an actor, and waits for the actor first."""

from __future__ import annotations

import logging
import queue
import time
from pathlib import Path

from velatura.i18n import lazy_text
from velatura_daemon.executors.ray.actor_state import HEARTBEAT, ActorState, Assignment
from velatura_daemon.executors.ray.config import format_resources
from velatura_daemon.executors.ray.job_files import for_transfer
from velatura_daemon.executors.ray.messages import ACTOR_COMMANDS
from velatura_daemon.jobs.commands import Estimate, Run
from velatura_daemon.jobs.events import SENDING, JobFailed, JobNotice, JobStopped
from velatura_daemon.storage.blobs import disk_trouble

log = logging.getLogger("velatura.farm")

EXPLAIN_SECONDS = 60.0  # of waiting for a machine, after which the user reads why there is none yet


class CommandSender:
    """`run` is the thread's function; `put` may be called from any thread."""

    def __init__(self, state: ActorState) -> None:
        self._state = state
        self._outgoing: queue.SimpleQueue[Assignment | Estimate] = queue.SimpleQueue()

    def put(self, task: Assignment | Estimate) -> None:
        self._outgoing.put(task)

    def run(self) -> None:
        while True:
            task = self._outgoing.get()
            assignment = task if isinstance(task, Assignment) else None
            try:
                if not self.wait_for_actor(assignment):
                    continue
                if isinstance(task, Estimate):
                    self._state.actor.handle.remote(ACTOR_COMMANDS.pack(task))
                else:
                    self._send_job(task)
            except OSError as error:
                if self._state.handle_connection_error(error) or assignment is None:
                    continue
                failure = disk_trouble(error, Path(error.filename or "."))
                self._state.end_job(assignment, JobFailed(assignment.spec.ticket, failure.code, failure.sentence))
            except Exception as error:
                if not self._state.handle_connection_error(error):  # an actor's error reaches the listening thread
                    log.exception("a command could not be sent")

    def wait_for_actor(self, assignment: Assignment | None) -> bool:
        """Wait until the actor lives. Returns False if it, or the job, is not needed any more.

        Ray places actors in any order: if another actor lives already and is idle, the job goes back to the scheduler.
        """
        state, began, explained = self._state, time.monotonic(), False
        while not state.alive.wait(HEARTBEAT):
            if state.generation is None or (assignment is not None and assignment.ended):
                return False
            if assignment is not None and state.owner.any_idle():
                state.end_job(assignment, JobStopped(assignment.spec.ticket))
                return False
            connected = state.owner.connected.is_set()
            # Translators: states of a worker.
            waiting, connecting = (
                lazy_text("waiting for a machine of the cluster"),
                lazy_text("connecting to the cluster"),
            )
            state.report_state(waiting if connected else connecting)
            if assignment is not None and not explained and time.monotonic() - began > EXPLAIN_SECONDS:
                explained = True
                state.emit(JobNotice(assignment.spec.ticket, self._why_it_waits()))
        return assignment is None or not assignment.ended

    def _why_it_waits(self) -> str:
        cluster = self._state.owner.cluster
        if cluster is None:
            return lazy_text("The cluster does not answer yet.")
        labels = "".join(f", {name}={value}" for name, value in cluster.config.labels.items())
        needed, address = format_resources(cluster.resources) + labels, cluster.config.address
        try:
            if cluster.has_matching_node():
                return lazy_text(
                    "All machines of the cluster at {address} are busy; the restyle starts when one has {needed} free.",
                    address=address,
                    needed=needed,
                )
        except Exception as error:
            self._state.handle_connection_error(error)
        return lazy_text(
            "The cluster at {address} has no machine with {needed}. The restyle starts when one joins; "
            "--actor-resources and --node-labels set what is required.",
            address=address,
            needed=needed,
        )

    def _send_job(self, assignment: Assignment) -> None:
        """Send the pictures that the node lacks, then the job."""
        state = self._state
        cluster, actor = state.owner.cluster, state.actor
        if cluster is None or actor is None:
            return
        spec, assignment.files = for_transfer(assignment.spec)
        missing = actor.missing_files.remote(list(assignment.files)).future().result()
        pictures = {
            name: cluster.put(name, assignment.files[name], lambda: state.report_state(SENDING)) for name in missing
        }
        with state.lock:
            if assignment.ended:
                return
            assignment.sent = True
        actor.run.remote(ACTOR_COMMANDS.pack(Run(spec)), pictures)
