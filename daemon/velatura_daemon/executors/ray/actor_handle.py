"""The driver's handle on one actor: takes the executor's commands, and has two threads that send and listen."""

from __future__ import annotations

import threading

from velatura.i18n import lazy_text
from velatura_daemon.executors.ray.actor_state import GRACE_SECONDS, ActorOwner, ActorState, Assignment
from velatura_daemon.executors.ray.command_sender import CommandSender
from velatura_daemon.executors.ray.event_listener import EventListener
from velatura_daemon.executors.ray.messages import ActorAway, ActorCommand, Release, Terminate
from velatura_daemon.jobs.commands import Cancel, Estimate, Run
from velatura_daemon.jobs.events import JobStopped, WorkerGone

FORCE_SECONDS = 5.0  # for an actor to end its worker; then the actor itself is ended


class ActorHandle:
    """`handle` is called on the driver's main thread and does not block. `CommandSender` runs on a thread of its own;
    `EventListener` on another, as long as an actor is needed."""

    def __init__(self, number: int, owner: ActorOwner) -> None:
        self.state = ActorState(number, owner)
        self.sender = CommandSender(self.state)
        self.listener = EventListener(self.state)
        threading.Thread(target=self.sender.run, name=f"commands {number}", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        return self.state.alive.is_set()

    @property
    def is_idle(self) -> bool:
        assignment = self.state.assignment
        return assignment is None or assignment.ended

    def handle(self, command: ActorCommand) -> None:
        if isinstance(command, Run):
            self.state.assignment = Assignment(command.spec)
            self._ensure_actor()
            self.sender.put(self.state.assignment)
        elif isinstance(command, Estimate):
            self.state.estimates.add(command.request.ticket)
            self._ensure_actor()
            self.sender.put(command)
        elif isinstance(command, Cancel):
            self._cancel(command)
        elif isinstance(command, Terminate):
            self._terminate()
        elif isinstance(command, Release):
            threading.Thread(target=self.end, args=(GRACE_SECONDS,), daemon=True).start()
        else:
            self._ensure_actor()

    def end(self, patience: float) -> None:
        """Have the actor clean up, and end it. patience: seconds for the cleanup."""
        self.state.release_actor(patience)

    def _ensure_actor(self) -> None:
        """Have a thread that requests an actor and listens to it."""
        with self.state.lock:
            if self.state.generation is not None:
                return
            self.state.generation = generation = object()
        name = f"events {self.state.number}"
        threading.Thread(target=self.listener.run, args=(generation,), name=name, daemon=True).start()

    def _cancel(self, command: Cancel) -> None:
        assignment = self.state.assignment
        if assignment is None or assignment.spec.ticket != command.ticket:
            return
        with self.state.lock:
            sent = assignment.sent
        if sent:
            self.state.send_to_actor(command)
        else:
            self.state.end_job(assignment, JobStopped(command.ticket))

    def _terminate(self) -> None:
        """End the worker; if that does not help, the actor."""
        assignment = self.state.assignment
        if assignment is None:
            # Translators: a clause, after "The worker died": why.
            self.state.emit(WorkerGone(lazy_text("it stopped responding")))
            return
        if assignment.sent:
            self.state.send_to_actor(Terminate())
        timer = threading.Timer(FORCE_SECONDS if assignment.sent else 0.0, self._force, [assignment])
        timer.daemon = True
        timer.start()

    def _force(self, assignment: Assignment) -> None:
        state = self.state
        how = (
            # Translators: a clause, after "The worker died": why.
            lazy_text("the machine {node} stopped responding", node=state.node)
            if state.node
            # Translators: a clause, after "The worker died": why.
            else lazy_text("the cluster stopped responding")
        )
        if state.end_job(assignment, WorkerGone(how)):
            state.alive.clear()
            state.emit(ActorAway())
            if (actor := state.actor) is not None and state.owner.cluster is not None:
                state.owner.cluster.restart(actor)
