"""What is different for clients on other machines: they have so much and no more, and only what they have brought themselves."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pastiche import protocol as p
from pastiche.errors import BadMessage, PictureTooLarge, TooBusy
from pastiche.pixels import LARGEST_STYLE_SIDE, PictureRef
from pastiche_daemon.jobs import OF_A_KEY, Job, Queue
from pastiche_daemon.keeping.keeper import Keeper
from pastiche_daemon.keys import Allowance

SHOWN = 4096  # names of pictures that are remembered of a client
STYLE_MEGAPIXELS = LARGEST_STYLE_SIDE**2 / 1e6
ASK = "or ask who runs that machine for more: 'pastiche keys allow'"

# An absolute path, with two parts at least: 'a/b' and '64 / 3' are none. It ends at a space: what is left of one with spaces in it
# says nothing of where it lies.
_PATH = re.compile(r"(?:(?<=[\s'\"(=])|^)(?:~|/[^\s/'\")]+|[A-Za-z]:)[/\\][^\s'\")]*")


class Guests:
    """By client_id, the name of a key behind OF_A_KEY."""

    def __init__(self) -> None:
        self._shown: dict[str, OrderedDict[bytes, None]] = {}

    # The hash of a picture is no right to it: strength 0 would give its pixels to whoever has heard its name.
    def may_use(self, job: Job, blob: bytes) -> bool:
        """Whether a job may be made of a picture that the daemon holds: on this machine always, else if its client has sent it."""
        return not job.of_a_key or blob in self._shown.get(job.client_id, ())

    def have_shown(self, client_id: str, blobs: Iterable[bytes]) -> None:
        """A client has sent these, so it has them."""
        if not client_id.startswith(OF_A_KEY):
            return
        shown = self._shown.setdefault(client_id, OrderedDict())
        for blob in blobs:
            shown[blob] = None
            shown.move_to_end(blob)
        while len(shown) > SHOWN:
            shown.popitem(last=False)

    def check(self, job: Job, allowance: Allowance, queue: Queue, keeper: Keeper) -> None:
        """Raises PictureTooLarge, TooBusy, BadMessage where a job is more than its key may have."""
        if not job.id.isprintable() or not job.layer.isprintable():
            raise BadMessage("The names of a job and its layer are printable.")
        most = allowance.max_megapixels
        for what, picture, limit in [("layer", job.content, most), *(("style picture", s.picture, max(most, STYLE_MEGAPIXELS)) for s in job.styles)]:
            if most and picture.megapixels > limit:
                raise PictureTooLarge(
                    f"The {what} has {picture.megapixels:.3g} megapixels; the key {_name(job)} may send up to {limit:g}. "
                    f"Select a part, make it smaller, {ASK} --max-megapixels {int(picture.megapixels) + 1}."
                )
        self.check_jobs(job.client_id, job.layer, allowance, queue)
        if allowance.megabytes:
            self._check_bytes(job, allowance, queue, keeper)

    def check_jobs(self, client_id: str, layer: str, allowance: Allowance, queue: Queue) -> None:
        """layer: a job for the same one makes room for the new one. Raises TooBusy."""
        others = [job for job in queue.of(client_id) if job.layer != layer]
        if len(others) >= allowance.jobs:
            raise TooBusy(
                f"{len(others)} restyle(s) of the key {client_id.removeprefix(OF_A_KEY)} are there already; it may have "
                f"{allowance.jobs} at a time. Wait for one, cancel one, {ASK} --jobs."
            )

    @staticmethod
    def _check_bytes(job: Job, allowance: Allowance, queue: Queue, keeper: Keeper) -> None:
        pictures = [picture for one in [*(old for old in queue.of(job.client_id) if old.layer != job.layer), job] for picture in one.pictures]
        pictures += [PictureRef.from_wire(result.picture) for result in keeper.results.of(job.client_id)]
        pictures += keeper.works.pictures_of(job.client_id)
        held = sum({picture.blob: picture.length for picture in pictures}.values()) + job.content.length  # its result
        if held > allowance.megabytes * 1e6:
            raise TooBusy(
                f"With this restyle the key {_name(job)} would take {held / 1e6:.3g} MB of the spool; it may take {allowance.megabytes}. "
                f"Wait for other restyles, fetch their results, make the picture smaller, {ASK} --megabytes {int(held / 1e6) + 1}."
            )


def _name(job: Job) -> str:
    return job.client_id.removeprefix(OF_A_KEY)


def for_abroad(message: p.Message) -> p.Message:
    """A message as it may leave this machine: no sentence says where here anything lies."""
    said: dict[str, Any] = {}
    if isinstance(message, (p.Failed, p.Notice, p.Estimate, p.Bye)):
        said["sentence"] = without_paths(message.sentence)
    elif isinstance(message, p.Result):
        said["notes"] = [without_paths(str(note)) for note in message.notes]
    return replace(message, **said) if said else message


def without_paths(sentence: str) -> str:
    return _PATH.sub("(a place there)", sentence)
