"""The daemon's client on Qt's event loop: jobs go in, signals come out. Never blocks."""

from __future__ import annotations

from pastiche import protocol as p
from pastiche import words
from pastiche.client import Client, Connected, Finished
from pastiche.errors import PasticheError, error_from
from pastiche.pixels import Picture
from pastiche.settings import StyleSettings

from .qt import QObject, QSocketNotifier, QTimer, pyqtSignal

LOOKING = 30  # ms between looks while the daemon is found or started: there is no descriptor to watch yet
WORKING = 100  # ms: a net under the notifiers while a job is on
PATIENCE = 0.01  # seconds that one drain may take
IDLE = 1000  # ms: for the heartbeat


class Session(QObject):
    """Signals carry the job's id first."""

    said = pyqtSignal(str, str)  # a line about how it goes
    progressed = pyqtSignal(str, object)  # protocol.Progress
    previewed = pyqtSignal(str, object)  # protocol.Preview
    finished = pyqtSignal(str, object)  # client.Finished
    failed = pyqtSignal(str, object)  # PasticheError
    cancelled = pyqtSignal(str, str)  # the job that took its place, or ''

    def __init__(self, program: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._program = program
        self._client: Client | None = None
        self._jobs: set[str] = set()
        self._notifiers: list[QSocketNotifier] = []
        self._watched: int | None = None
        self._net = QTimer(self)
        self._net.timeout.connect(self.drain)

    def restyle(self, content: Picture, styles: list[tuple[Picture, float]], settings: StyleSettings, *,
                mask: Picture | None, layer: str, adjust: bool = False) -> str:  # fmt: skip
        """Ask for a restyle; returns the job's id. The pictures' hashes should be known by now (`Picture.ref`).
        Raises PasticheError."""
        if self._client is None:
            self._client = Client(self._program)
        job = self._client.restyle(content, styles, settings, mask=mask, layer=layer, adjust=adjust)
        self._jobs.add(job)
        self.said.emit(job, words.SENDING if self._client.ready else words.WAKING)
        QTimer.singleShot(0, self.drain)
        return job

    def cancel(self, job: str) -> None:
        if self._client is not None:
            self._client.cancel(job)
            QTimer.singleShot(0, self.drain)

    def close(self) -> None:
        """Say goodbye; the daemon drops what is in work."""
        self._watch(None)
        self._net.stop()
        if self._client is not None:
            self._client.close()
            self._client = None

    # --- the event loop --------------------------------------------------------------------------------
    def drain(self) -> None:
        """Take what has come; called by the notifiers and by the net."""
        if self._client is None:
            return
        for notifier in self._notifiers:
            notifier.setEnabled(False)  # the descriptor is edge-triggered: it is drained, then watched again
        for event in self._client.drain(PATIENCE):
            self._tell(event)
        if self._client is None:
            return  # closed by one of its listeners
        self._watch(self._client.fileno())
        if self._client.has_more:
            QTimer.singleShot(0, self.drain)
        looking = bool(self._jobs) and not self._client.ready
        self._net.start(LOOKING if looking else WORKING if self._jobs else IDLE)

    def _watch(self, descriptor: int | None) -> None:
        if descriptor != self._watched:
            for notifier in self._notifiers:
                notifier.setEnabled(False)
                notifier.deleteLater()
            self._notifiers, self._watched = [], descriptor
            if descriptor is not None:
                for kind in (QSocketNotifier.Type.Read, QSocketNotifier.Type.Write):
                    notifier = QSocketNotifier(descriptor, kind, self)
                    notifier.activated.connect(self.drain)
                    self._notifiers.append(notifier)
        if self._notifiers and self._client is not None:
            reading, writing = self._notifiers
            reading.setEnabled(True)
            writing.setEnabled(self._client.wants_to_write)

    def _tell(self, event: object) -> None:
        job = getattr(event, "job", "")
        if isinstance(event, Connected):
            for waiting in self._jobs:
                self.said.emit(waiting, words.SENDING)
        elif isinstance(event, p.Queued) and event.place > 0:
            self.said.emit(job, words.WAITING.format(place=event.place))
        elif isinstance(event, p.Notice):
            self.said.emit(job, event.sentence)
        elif isinstance(event, p.Progress):
            self.progressed.emit(job, event)
        elif isinstance(event, p.Preview):
            self.previewed.emit(job, event)
        elif isinstance(event, Finished):
            self._jobs.discard(job)
            self.finished.emit(job, event)
        elif isinstance(event, p.Cancelled):
            self._jobs.discard(job)
            self.cancelled.emit(job, event.replaced_by)
        elif isinstance(event, p.Failed):
            self._fail(job, error_from(event.code, event.sentence))

    def _fail(self, job: str, error: PasticheError) -> None:
        jobs = [job] if job else list(self._jobs)
        for one in jobs or [""]:
            self._jobs.discard(one)
            self.failed.emit(one, error)
