"""The messages about saved results, stopped restyles and the history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from velatura.protocol.messages.base import Buffer, Message


@dataclass(frozen=True)
class ListSaved(Message):
    """client → daemon: list the finished results that were not fetched, and the stopped restyles.

    Attributes:
        everyone: Those of all programs of this user, not only of this one.
    """

    type: ClassVar[str] = "list_saved"
    everyone: bool = False


@dataclass(frozen=True)
class SavedList(Message):
    """daemon → client: the answer to `list_saved`.

    Attributes:
        data: A msgpack list of maps, the newest first. `velatura.client.saved_results` parses it.
    """

    type: ClassVar[str] = "saved_list"
    frames: ClassVar[int] = 1
    data: Buffer = field(repr=False, default=b"")


@dataclass(frozen=True)
class Resume(Message):
    """client → daemon: resume a stopped restyle as a job of this session, with the same id.

    Attributes:
        job: The id of the job.
        client: The client_id that it belongs to, '' for this client.
        how: 'go_on' finishes the restyle; 'as_it_is' returns the picture as it was when the restyle stopped.
    """

    type: ClassVar[str] = "resume"
    job: str
    client: str = ""
    how: str = "go_on"


@dataclass(frozen=True)
class Drop(Message):
    """client → daemon: delete a finished result or a stopped restyle.

    Attributes:
        job: The id of the job.
        client: The client_id that it belongs to, '' for this client.
    """

    type: ClassVar[str] = "drop"
    job: str
    client: str = ""


@dataclass(frozen=True)
class GetHistory(Message):
    """client → daemon: list past restyles.

    Attributes:
        before: Only entries with a smaller number; 0 for the newest.
    """

    type: ClassVar[str] = "get_history"
    before: int = 0


@dataclass(frozen=True)
class History(Message):
    """daemon → client: the answer to `get_history`.

    Attributes:
        data: A msgpack list of maps, the newest first. `velatura.client.saved_results` parses it.
    """

    type: ClassVar[str] = "history"
    frames: ClassVar[int] = 1
    data: Buffer = field(repr=False, default=b"")


@dataclass(frozen=True)
class Forget(Message):
    """client → daemon: delete pictures, results, stopped restyles and the history.

    Answered with an empty `saved_list`.
    """

    type: ClassVar[str] = "forget"
