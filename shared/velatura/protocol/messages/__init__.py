"""The messages between clients and the daemon, as dataclasses. docs/protocol.md specifies them.

Each class is one message; its attributes are the fields of the header on the wire. `velatura.protocol.codec` encodes
and decodes them. This package offers all of them: `from velatura.protocol import messages as p`.
"""

from __future__ import annotations

from velatura.protocol.messages.base import (
    CHUNK,
    FILM_SINCE,
    HEADER_LIMIT,
    MAX_FRAME,
    MAX_NAME,
    MAX_NOTE,
    MAX_PREVIOUS,
    MAX_STEP_EVERY,
    MAX_STYLES,
    MAX_UNRECEIVED_STEPS,
    MAX_VIA,
    PROGRESS_SAVED_SINCE,
    STEPS_SINCE,
    VERSION,
    VIEW_SINCE,
    WINDOW,
    Buffer,
    Message,
)
from velatura.protocol.messages.daemon import Bye, Estimate, GetEstimate, GetStatus, Ping, Pong, Shutdown, Status
from velatura.protocol.messages.handshake import Challenge, Hello, Proof, Welcome
from velatura.protocol.messages.jobs import (
    Accepted,
    Cancel,
    Cancelled,
    Failed,
    Notice,
    Preview,
    PreviewShown,
    Progress,
    ProgressSaved,
    Queued,
    Received,
    Restyle,
    Result,
    Step,
    StepReceived,
)
from velatura.protocol.messages.saved import Drop, Forget, GetHistory, History, ListSaved, Resume, SavedList
from velatura.protocol.messages.transfer import Get, Put

__all__ = [  # not translated: names
    "CHUNK",
    "FILM_SINCE",
    "HEADER_LIMIT",
    "MAX_FRAME",
    "MAX_NAME",
    "MAX_NOTE",
    "MAX_PREVIOUS",
    "MAX_STEP_EVERY",
    "MAX_STYLES",
    "MAX_UNRECEIVED_STEPS",
    "MAX_VIA",
    "MESSAGES",
    "PROGRESS_SAVED_SINCE",
    "STEPS_SINCE",
    "VERSION",
    "VIEW_SINCE",
    "WINDOW",
    "Accepted",
    "Buffer",
    "Bye",
    "Cancel",
    "Cancelled",
    "Challenge",
    "Drop",
    "Estimate",
    "Failed",
    "Forget",
    "Get",
    "GetEstimate",
    "GetHistory",
    "GetStatus",
    "Hello",
    "History",
    "ListSaved",
    "Message",
    "Notice",
    "Ping",
    "Pong",
    "Preview",
    "PreviewShown",
    "Progress",
    "ProgressSaved",
    "Proof",
    "Put",
    "Queued",
    "Received",
    "Restyle",
    "Result",
    "Resume",
    "SavedList",
    "Shutdown",
    "Status",
    "Step",
    "StepReceived",
    "Welcome",
]

MESSAGES: dict[str, type[Message]] = {cls.type: cls for cls in Message.__subclasses__()}  # by name on the wire
