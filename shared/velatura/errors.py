"""All errors that can reach a user: each has a code for programs and a sentence for people.

The sentence says what happened, how much, and what to do. Codes travel over the wire, so that the client raises the
same class as the daemon.
"""

from __future__ import annotations


class VelaturaError(Exception):
    """Base class of all errors that users see.

    `code` is stable across versions, the sentence is not. `details` (a traceback, for example) is for error reports.
    """

    code = "internal"
    details = ""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UsageError(VelaturaError):
    """The request itself is invalid. The command line exits with code 2."""

    code = "usage"


# --- reaching the daemon ---------------------------------------------------------------------------
class DaemonNotRunning(VelaturaError):
    code = "daemon_not_running"


class DaemonCannotStart(VelaturaError):
    code = "daemon_cannot_start"


class DaemonLost(VelaturaError):
    """The daemon was running but no longer answers."""

    code = "daemon_lost"


class UnsafeConnectionFile(VelaturaError):
    """A private file, such as the connection file, is a link, belongs to another user, or is open to others."""

    code = "unsafe_connection_file"


class NotTrusted(VelaturaError):
    """The peer did not prove that it knows the key."""

    code = "not_trusted"


class NoSession(VelaturaError):
    """A header lacks the session id from `welcome`: the client has to send `hello` first."""

    code = "no_session"


class VersionMismatch(VelaturaError):
    code = "version"


class BadMessage(VelaturaError):
    """Frames or fields that break the protocol."""

    code = "bad_message"


class UnknownMessage(BadMessage):
    """A message type from a newer minor version. Receivers ignore it."""

    code = "unknown_message"


# --- pictures and settings -------------------------------------------------------------------------
class NotAPicture(VelaturaError):
    code = "not_a_picture"


class PictureTooLarge(VelaturaError):
    code = "picture_too_large"


class PictureTooSmall(VelaturaError):
    code = "picture_too_small"


class BadPixels(VelaturaError):
    """The picture has NaN or infinite pixels."""

    code = "bad_pixels"


class WrongLength(VelaturaError):
    """The number of bytes does not match the size and format of the picture."""

    code = "wrong_length"


class WrongHash(VelaturaError):
    code = "wrong_hash"


class BadMask(VelaturaError):
    code = "bad_mask"


class NothingToRestyle(VelaturaError):
    """The selection is empty, or the layer has no visible pixel."""

    code = "nothing_to_restyle"


class RegionElsewhere(VelaturaError):
    """A style region was taken from another picture, or from a picture of another size."""

    code = "region_elsewhere"


class LayerGone(VelaturaError):
    """The picture or the layer that a result belongs to no longer exists."""

    code = "layer_gone"


class BadSetting(UsageError):
    code = "bad_setting"


class BadProfile(VelaturaError):
    """The ICC profile cannot be used."""

    code = "bad_profile"


# --- the machine -----------------------------------------------------------------------------------
class DiskTrouble(VelaturaError):
    """The disk is full, or the folder is not writable."""

    code = "disk"


class FileExists(UsageError):
    code = "file_exists"


class BadWeights(VelaturaError):
    code = "bad_weights"


class Offline(VelaturaError):
    code = "offline"


class DeviceUnavailable(VelaturaError):
    code = "device_unavailable"


class OutOfMemory(VelaturaError):
    code = "out_of_memory"


class WorkerDied(VelaturaError):
    code = "worker_died"


class TooBusy(VelaturaError):
    """The client has reached a limit on what it may have at the daemon at a time."""

    code = "too_busy"


class UnknownBlob(VelaturaError):
    """The daemon does not have the requested picture, or no longer has it."""

    code = "unknown_blob"


def _all_classes(root: type[VelaturaError]) -> list[type[VelaturaError]]:
    return [root] + [cls for subclass in root.__subclasses__() for cls in _all_classes(subclass)]


BY_CODE = {cls.code: cls for cls in _all_classes(VelaturaError)}


def error_from(code: str, sentence: str) -> VelaturaError:
    """Return the error with this code, or a plain VelaturaError if a newer daemon has sent an unknown code."""
    return BY_CODE.get(code, VelaturaError)(sentence)
