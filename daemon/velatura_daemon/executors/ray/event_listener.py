"""The thread that requests an actor, fetches its events, and finds out what happened when it does not answer."""

from __future__ import annotations

import logging
import time
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from typing import Any

from velatura.i18n import lazy_text
from velatura_daemon.executors.ray.actor_state import GRACE_SECONDS, HEARTBEAT, ActorSilent, ActorState
from velatura_daemon.executors.ray.cluster import Cluster
from velatura_daemon.executors.ray.config import device_at
from velatura_daemon.executors.ray.file_receiver import FileReceiver
from velatura_daemon.executors.ray.messages import FROM_ACTOR, ActorAlive, ActorAway, ActorEnded, ActorEvent
from velatura_daemon.jobs.commands import Cancel
from velatura_daemon.jobs.events import CheckpointSaved, Estimated, JobDone, JobFailed, JobStopped, Ready, WorkerGone

log = logging.getLogger("velatura.farm")

LISTEN_SECONDS = 20.0  # that a request for events waits at the actor


class EventListener:
    """`run` is the thread's function."""

    def __init__(self, state: ActorState) -> None:
        self._state = state
        self._files = FileReceiver(state)

    def run(self, generation: object) -> None:
        """Until the state has another generation: the actor is then no longer needed."""
        state = self._state
        state.owner.connected.wait()
        cluster = state.owner.cluster
        assert cluster is not None
        while state.generation is generation:
            try:
                if self._find_actor(cluster, generation):
                    self.receive_events(generation)
            except Exception as error:
                if state.generation is not generation:
                    return
                if cluster.is_connection_error(error):
                    state.owner.lose(cluster.lost(error))
                    return
                if not isinstance(error, (cluster.ray.exceptions.RayError, ActorSilent, _Restarted)):
                    log.exception("an actor's event could not be handled")
                self.on_actor_lost(cluster, error)

    # --- finding an actor ------------------------------------------------------------------------------------
    def _find_actor(self, cluster: Cluster, generation: object) -> bool:
        """Request an actor unless there is one, and wait until Ray has placed it.

        Returns False if it is not placed yet, cannot be used, or is not needed any more.
        """
        state = self._state
        with state.lock:
            if state.generation is not generation:
                return False
            if state.actor is None:
                state.make_actor(cluster)
            actor = state.actor
        answer = actor.begin.remote().future()
        begun = None
        while begun is None:
            try:
                begun = answer.result(HEARTBEAT)
            except NotYet:
                if state.generation is not generation:
                    return False
            except cluster.ray.exceptions.ActorUnavailableError:
                time.sleep(HEARTBEAT / 4)  # Ray is placing it again
                return False
            except cluster.ray.exceptions.RayError as error:
                self._on_actor_dead(actor, error)
                return False
        state.never_answered = False
        state.incarnation, state.node, state.node_id = begun["incarnation"], begun["node"], begun["node_id"]
        if begun["problem"]:
            self._on_unfit(begun["problem"])
            return False
        state.alive.set()
        state.emit(ActorAlive(state.node))
        return True

    def _on_actor_dead(self, actor: Any, error: Exception) -> None:
        """Ray does not restart this actor. If it never answered, it could not be created there: Velatura is missing, or
        the disk is full."""
        state = self._state
        with state.lock:
            if state.actor is not actor:
                return  # this driver has ended it
            if not state.never_answered:
                state.actor = None  # something else has ended it: request another one
                return
        self._on_unfit(
            lazy_text(
                "A worker could not be started on the cluster ({problem}). Its nodes need Velatura in the Python that "
                "runs Ray; see docs/farm.md.",
                problem=" ".join(str(error).split())[-300:],
            )
        )

    def _on_unfit(self, sentence: str) -> None:
        """This actor cannot work. The next job requests another one, perhaps on another node."""
        log.error("%s", sentence)
        self._state.release_actor(GRACE_SECONDS)
        self._state.owner.on_unfit(sentence)
        if self._state.assignment is not None:
            # Translators: a clause, after "The worker died": why.
            how = lazy_text("it could not be started")
            self._state.end_job(self._state.assignment, WorkerGone(how, sentence, blameless=True))
        self._state.fail_estimates(sentence)
        self._state.emit(ActorEnded())

    # --- events ----------------------------------------------------------------------------------------------
    def receive_events(self, generation: object) -> None:
        """Until the actor is restarted, which raises _Restarted, or another error."""
        state = self._state
        while state.generation is generation and (actor := state.actor) is not None:
            answer = actor.poll.remote(state.incarnation, LISTEN_SECONDS, self._files.accepts_checkpoint)
            packed = state.wait_for_answer(actor, answer.future())
            if packed is None:
                raise _Restarted
            for message in packed:
                self._handle_event(FROM_ACTOR.unpack(message))

    def _handle_event(self, message: ActorEvent) -> None:
        state = self._state
        event, assignment = message.event, state.assignment
        if isinstance(event, WorkerGone):
            if assignment is None or not state.end_job(assignment, event):
                state.emit(event)
        elif isinstance(event, Estimated) and event.ticket in state.estimates:
            state.estimates.discard(event.ticket)
            state.emit(event)
        elif isinstance(event, Ready):
            state.emit(Ready(replace(event.info, device=device_at(event.info.device, state.node))))
        elif not hasattr(event, "ticket"):
            state.emit(event)
        elif assignment is None or assignment.ended or assignment.spec.ticket != event.ticket:
            return  # an event of an earlier job
        elif isinstance(event, (JobDone, JobStopped, JobFailed)):
            self._files.receive_ending(assignment, event, message.files)
        elif isinstance(event, CheckpointSaved):
            self._files.receive_checkpoint(assignment, event, message.files)
        else:
            state.emit(event)

    # --- a lost actor ----------------------------------------------------------------------------------------
    def on_actor_lost(self, cluster: Cluster, error: Exception) -> None:
        """The actor stopped answering, or was restarted. Find out whether its machine is lost, for which no job is to
        blame, or only its process."""
        state = self._state
        if was_alive := state.alive.is_set():
            state.alive.clear()
            state.emit(ActorAway())
            log.warning("the actor at %s does not answer: %r", state.node, error)
        assignment = state.assignment
        if assignment is None or assignment.ended:
            return
        if not assignment.sent:
            if was_alive:  # it was about to be sent: back to the scheduler
                state.end_job(assignment, JobStopped(assignment.spec.ticket))
            return
        if not isinstance(error, ActorSilent) and self._restarted_on_same_node(cluster):
            # Translators: a clause, after "The worker died": why.
            cause = lazy_text("its process at {node} was killed, perhaps because memory ran out", node=state.node)
            state.end_job(assignment, WorkerGone(cause))
        else:
            # If the machine is only disconnected, its worker should be free when the connection is back.
            state.send_to_actor(Cancel(assignment.spec.ticket))
            # Translators: a clause, after "The worker died": why.
            cause = lazy_text("the machine {node} has left the cluster", node=state.node)
            sentence = lazy_text("The machine {node} has left the cluster.", node=state.node)
            state.end_job(assignment, WorkerGone(cause, sentence, blameless=True))

    def _restarted_on_same_node(self, cluster: Cluster) -> bool:
        """Whether a new process answers from the same node within GRACE_SECONDS."""
        actor, until = self._state.actor, time.monotonic() + GRACE_SECONDS
        while actor is not None and time.monotonic() < until and cluster.node_lives(self._state.node_id):
            try:
                begun = actor.begin.remote().future().result(max(0.0, until - time.monotonic()))
                return bool(begun["node_id"] == self._state.node_id)
            except cluster.ray.exceptions.ActorUnavailableError:
                time.sleep(HEARTBEAT / 10)
            except (NotYet, cluster.ray.exceptions.RayError):
                return False
        return False


class _Restarted(Exception):
    """Another incarnation answers than the one that was asked: Ray has restarted the actor."""
