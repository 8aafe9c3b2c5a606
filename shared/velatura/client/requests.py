"""What a client requests of the daemon: restyles, estimates, saved results and the history."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from velatura.client.connection import Connection
from velatura.client.events import Finished, GivenStyle, StyleList
from velatura.client.job_blobs import JobBlobs
from velatura.client.saved_results import SavedItem
from velatura.pixels import Picture
from velatura.protocol import messages as p
from velatura.protocol.previous_frame import previous_to_wire
from velatura.settings import StyleSettings


class Requests:
    """The requests of a `Client`. Each one returns at once; its answer arrives as an event."""

    _connection: Connection

    def __init__(self) -> None:
        self._blobs = JobBlobs(self._send)
        self._manual_acknowledgement = False
        self._unacknowledged: dict[str, str] = {}  # results that the daemon still has: their owner, by job

    def _send(self, message: p.Message) -> None:
        raise NotImplementedError

    def _fetch_result(self, result: p.Result) -> None:
        raise NotImplementedError

    @property
    def understands_views(self) -> bool:
        """Whether the daemon can restyle a `view`. False while it is not connected."""
        return self._connection.ready and self._connection.daemon_version >= p.VIEW_SINCE

    @property
    def understands_steps(self) -> bool:
        """Whether the daemon can send the steps of a restyle. False while it is not connected."""
        return self._connection.ready and self._connection.daemon_version >= p.STEPS_SINCE

    @property
    def understands_films(self) -> bool:
        """Whether the daemon can follow `previous` frames. False while it is not connected."""
        return self._connection.ready and self._connection.daemon_version >= p.FILM_SINCE

    # --- restyles ----------------------------------------------------------------------------------
    def restyle(
        self,
        content: Picture,
        styles: StyleList,
        settings: StyleSettings,
        *,
        mask: Picture | None = None,
        layer: str = "",
        adjust: bool = False,
        weights: str = "auto",
        device: str = "auto",
        title: str = "",
        note: str = "",
        remember: bool = True,
        view: tuple[int, int, int, int] | None = None,
        step_every: int = 0,
        previous: Sequence[tuple[Picture, Picture]] = (),
        background: bool = False,
        once: bool = False,
    ) -> str:
        """Request a restyle. Hashes the pictures: about 10 ms for 16 MiB.

        Args:
            content: The picture to restyle.
            styles: Pairs of a picture and its share, or `GivenStyle`.
            settings: The settings of the restyle.
            mask: What to restyle: GRAY, of the content's size. None: everything.
            layer: A name for what is restyled; a newer job for the same layer replaces an older one.
            adjust: A setting or the content was changed: continue from the last picture of this layer.
            weights: A name that the daemon knows, or 'auto' for its choice.
            device: A name that the daemon knows, or 'auto' for its choice.
            title: The name of the layer, for people.
            note: Any text of up to MAX_NOTE characters, returned with whatever is saved of the job.
            remember: Whether the job is added to the history, and saved if it is stopped. A job with a note is saved in
                any case.
            view: (left, top, width, height), the only part of the content to restyle, at the content's own resolution.
                Only for a daemon that `understands_views`.
            step_every: A `StepPicture` follows after each so many evaluations; 0: none. Only for a daemon that
                `understands_steps`.
            previous: (content, result) of frames of the same film that are restyled already, the nearest first, as for
                `messages.Restyle`. Ignored by a daemon without `understands_films`.
            background: All other jobs come first, and it gives up its worker to one that waits. An older daemon ignores
                that.
            once: No other restyle of this content follows: the worker keeps nothing for one. An older daemon ignores
                that.

        Returns:
            The id of the job, at once. `Finished`, `Failed` or `Cancelled` is its last event.
        """
        job = uuid.uuid4().hex
        given = [GivenStyle(*style) for style in styles]
        pictures = [content, *(picture for style in given for picture in style.pictures), *([mask] if mask else [])]
        pictures += [picture for frame in previous for picture in frame]
        request = p.Restyle(
            job=job,
            layer=layer or job,
            content=content.ref.to_wire(),
            styles=[style.to_wire() for style in given],
            mask=mask.ref.to_wire() if mask else None,
            settings=settings.to_wire(),
            adjust=adjust,
            weights=weights,
            device=device,
            title=title[: p.MAX_NAME],
            note=note,
            remember=remember,
            view=list(view) if view is not None else None,
            step_every=step_every,
            previous=[previous_to_wire(*frame) for frame in previous],
            background=background,
            once=once,
        )
        self.submit(request, {name: data for picture in pictures for name, data in picture.blobs.items()})
        return job

    def submit(self, request: p.Restyle, blobs: Mapping[bytes, memoryview]) -> None:
        """Send a complete request.

        Args:
            request: The message.
            blobs: All blobs of its pictures that the daemon may lack, by name.
        """
        self._blobs.add(request.job, blobs)
        self._send(request)

    def cancel(self, job: str) -> None:
        """Stop a job. `Cancelled` follows."""
        if job in self._blobs:
            self._send(p.Cancel(job))

    def request_estimate(
        self,
        width: int,
        height: int,
        settings: StyleSettings,
        *,
        weights: str = "auto",
        device: str = "auto",
        style_pixels: Sequence[int] = (),
        regions: int = 0,
        via: Sequence[str] = (),
    ) -> str:
        """Request how long a restyle of this size takes and how much memory it needs.

        Args:
            width: The content's width in pixels.
            height: The content's height in pixels.
            settings: The settings of the restyle.
            weights: A name that the daemon knows, or 'auto' for its choice.
            device: A name that the daemon knows, or 'auto' for its choice.
            style_pixels: Width × height of each different style picture.
            regions: How many different ones the styles have.
            via: The daemons that have passed the question on.

        Returns:
            A ticket. An `Estimate` event with the same ticket follows.
        """
        ticket = uuid.uuid4().hex
        sizes = list(style_pixels)
        self._send(p.GetEstimate(ticket, width, height, settings.to_wire(), weights, device, sizes, regions, list(via)))
        return ticket

    def request_status(self) -> None:
        """Request the state of the daemon. A `Status` event follows."""
        self._send(p.GetStatus())

    def shut_down(self, *, if_idle: bool = False) -> None:
        """Ask the daemon to shut down.

        Args:
            if_idle: Only if it has nothing to do.
        """
        self._send(p.Shutdown(if_idle))

    # --- saved results and the history -------------------------------------------------------------
    def acknowledge_manually(self) -> None:
        """From now on the daemon keeps each result until `acknowledge` is called.

        Call that once the result is safe, in a document or a file. Otherwise results are acknowledged as they arrive.
        """
        self._manual_acknowledgement = True

    def acknowledge(self, done: Finished) -> None:
        """Allow the daemon to delete this result. Does nothing if the daemon is not connected: it keeps the result."""
        owner = self._unacknowledged.pop(done.job, None)
        if owner is not None and self._connection.ready:
            self._send(p.Drop(done.job, owner) if owner else p.Received(done.job))

    def request_saved(self, *, everyone: bool = False) -> None:
        """Request the list of unfetched results and stopped restyles. `SavedItems` follows.

        Args:
            everyone: Those of all programs of this user.
        """
        self._send(p.ListSaved(everyone))

    def fetch(self, item: SavedItem) -> None:
        """Fetch a finished result. `Finished` follows; acknowledge it like any other result."""
        assert item.result is not None
        self._blobs.add_saved(item.job, item.client)
        self._fetch_result(item.result)

    def resume(self, item: SavedItem, *, how: str = "go_on") -> None:
        """Resume a stopped restyle. The events of a job with the same id follow.

        Args:
            item: From `SavedItems`.
            how: 'go_on' finishes it; 'as_it_is' returns the picture as it was when the restyle stopped.
        """
        self._blobs.add_saved(item.job)
        self._send(p.Resume(item.job, item.client, how))

    def drop(self, item: SavedItem) -> None:
        """Delete a saved result or stopped restyle."""
        self._send(p.Drop(item.job, item.client))

    def request_history(self, *, before: int = 0) -> None:
        """Request the newest entries of the history. `HistoryEntries` follows.

        Args:
            before: Only entries with a smaller number; 0 for the newest.
        """
        self._send(p.GetHistory(before))

    def forget_everything(self) -> None:
        """Delete pictures, results, stopped restyles and the history. An empty `SavedItems` follows."""
        self._send(p.Forget())
