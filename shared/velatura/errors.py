"""The errors that can reach a user: each has a code for programs and a sentence for people.

The sentence describes what is wrong, by how much, and what to do. Codes are part of the protocol, so that a client
raises the same class as the daemon.
"""

from __future__ import annotations


class VelaturaError(Exception):
    """An error with a sentence for the user.

    code: identifies the kind of error and stays the same between versions; the sentence may change.
    details: more information for a bug report, e.g. a traceback.
    """

    code = "internal"
    details = ""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UsageError(VelaturaError):
    """The request itself is wrong; on the command line the exit code is 2."""

    code = "usage"


# --- reaching the daemon ---------------------------------------------------------------------------
class DaemonNotRunning(VelaturaError):
    code = "daemon_not_running"


class DaemonCannotStart(VelaturaError):
    code = "daemon_cannot_start"


class DaemonLost(VelaturaError):
    """The daemon was running and no longer responds."""

    code = "daemon_lost"


class UnsafeConnectionFile(VelaturaError):
    """The connection file is a link, belongs to another user or is readable by others, and is not trusted."""

    code = "unsafe_connection_file"


class NotTrusted(VelaturaError):
    """The other side did not prove that it knows the key."""

    code = "not_trusted"


class NoSession(VelaturaError):
    """A message header without the session id from a Welcome message: the client must send Hello first."""

    code = "no_session"


class VersionMismatch(VelaturaError):
    code = "version"


class BadMessage(VelaturaError):
    """Frames or fields that violate the protocol."""

    code = "bad_message"


class UnknownMessage(BadMessage):
    """A message type of a newer minor version, which the receiver ignores."""

    code = "unknown_message"


# --- pictures and settings -------------------------------------------------------------------------
class NotAPicture(VelaturaError):
    code = "not_a_picture"


class PictureTooLarge(VelaturaError):
    code = "picture_too_large"


class PictureTooSmall(VelaturaError):
    code = "picture_too_small"


class BadPixels(VelaturaError):
    """Pixels that are NaN or infinite."""

    code = "bad_pixels"


class WrongLength(VelaturaError):
    """The number of bytes does not match the picture size in the header."""

    code = "wrong_length"


class WrongHash(VelaturaError):
    code = "wrong_hash"


class BadMask(VelaturaError):
    code = "bad_mask"


class NothingToRestyle(VelaturaError):
    """An empty selection, or a layer without a visible pixel."""

    code = "nothing_to_restyle"


class RegionElsewhere(VelaturaError):
    """A style's region was taken from another picture, or the picture has changed its size since."""

    code = "region_elsewhere"


class LayerGone(VelaturaError):
    """The picture or the layer that a result belongs to no longer exists."""

    code = "layer_gone"


class BadSetting(UsageError):
    code = "bad_setting"


class BadProfile(VelaturaError):
    """An ICC profile that cannot be used."""

    code = "bad_profile"


# --- the machine -----------------------------------------------------------------------------------
class DiskTrouble(VelaturaError):
    """The disk is full, or a file cannot be written."""

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
    """A client has reached the limit of what it may use at a time."""

    code = "too_busy"


class UnknownBlob(VelaturaError):
    """The daemon does not have the requested picture, or no longer has it."""

    code = "unknown_blob"


def _all_classes(root: type[VelaturaError]) -> list[type[VelaturaError]]:
    return [root] + [c for sub in root.__subclasses__() for c in _all_classes(sub)]


BY_CODE = {cls.code: cls for cls in _all_classes(VelaturaError)}


def error_from(code: str, sentence: str) -> VelaturaError:
    """The error with this code; VelaturaError if the code is unknown, as one of a newer daemon may be."""
    return BY_CODE.get(code, VelaturaError)(sentence)
