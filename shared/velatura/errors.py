"""Every failure that can reach a painter: a code for programs, a sentence for people.

The sentence says what is wrong, how much of it, and what to do. Codes travel over the wire, so that
a client raises the same class that the daemon meant.
"""

from __future__ import annotations


class VelaturaError(Exception):
    """Something that went wrong, told in a sentence. `code` is stable; the sentence is not. details: for a report."""

    code = "internal"
    details = ""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UsageError(VelaturaError):
    """The request itself makes no sense: exit code 2 on the command line."""

    code = "usage"


# --- reaching the daemon ---------------------------------------------------------------------------
class DaemonNotRunning(VelaturaError):
    code = "daemon_not_running"


class DaemonCannotStart(VelaturaError):
    code = "daemon_cannot_start"


class DaemonLost(VelaturaError):
    """The daemon was there and answers no more."""

    code = "daemon_lost"


class UnsafeConnectionFile(VelaturaError):
    """The connection file is a link, another's, or readable by others: it is not trusted."""

    code = "unsafe_connection_file"


class NotTrusted(VelaturaError):
    """The other side did not prove that it knows the key."""

    code = "not_trusted"


class NoSession(VelaturaError):
    """A header without the session that a welcome gave: say hello first."""

    code = "no_session"


class VersionMismatch(VelaturaError):
    code = "version"


class BadMessage(VelaturaError):
    """Frames or fields that are not of the protocol."""

    code = "bad_message"


class UnknownMessage(BadMessage):
    """A message of a newer minor version: to be passed over."""

    code = "unknown_message"


# --- pictures and settings -------------------------------------------------------------------------
class NotAPicture(VelaturaError):
    code = "not_a_picture"


class PictureTooLarge(VelaturaError):
    code = "picture_too_large"


class PictureTooSmall(VelaturaError):
    code = "picture_too_small"


class BadPixels(VelaturaError):
    """NaN or infinite pixels."""

    code = "bad_pixels"


class WrongLength(VelaturaError):
    """The bytes do not fill the picture that the header promised."""

    code = "wrong_length"


class WrongHash(VelaturaError):
    code = "wrong_hash"


class BadMask(VelaturaError):
    code = "bad_mask"


class NothingToRestyle(VelaturaError):
    """An empty selection, or a layer without a visible pixel."""

    code = "nothing_to_restyle"


class RegionElsewhere(VelaturaError):
    """Where a style was to go was taken from another picture, or from one of another size."""

    code = "region_elsewhere"


class LayerGone(VelaturaError):
    """The picture or the layer that a result belongs to is no more."""

    code = "layer_gone"


class BadSetting(UsageError):
    code = "bad_setting"


class BadProfile(VelaturaError):
    """An ICC profile that cannot be used."""

    code = "bad_profile"


# --- the machine -----------------------------------------------------------------------------------
class DiskTrouble(VelaturaError):
    """Disk full, or no right to write."""

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
    """A limit on what one client may hold at a time."""

    code = "too_busy"


class UnknownBlob(VelaturaError):
    """Asked for a picture that the daemon does not hold (any more)."""

    code = "unknown_blob"


def _all_classes(root: type[VelaturaError]) -> list[type[VelaturaError]]:
    return [root] + [c for sub in root.__subclasses__() for c in _all_classes(sub)]


BY_CODE = {cls.code: cls for cls in _all_classes(VelaturaError)}


def error_from(code: str, sentence: str) -> VelaturaError:
    """The error of this code; an unknown code (from a newer daemon) keeps its sentence."""
    return BY_CODE.get(code, VelaturaError)(sentence)
