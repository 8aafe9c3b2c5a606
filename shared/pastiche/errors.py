"""Every failure that can reach a painter: a code for programs, a sentence for people.

The sentence says what is wrong, how much of it, and what to do. Codes travel over the wire, so that
a client raises the same class that the daemon meant.
"""

from __future__ import annotations


class PasticheError(Exception):
    """Something that went wrong, told in a sentence. `code` is stable; the sentence is not. details: for a report."""

    code = "internal"
    details = ""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UsageError(PasticheError):
    """The request itself makes no sense: exit code 2 on the command line."""

    code = "usage"


# --- reaching the daemon ---------------------------------------------------------------------------
class DaemonNotRunning(PasticheError):
    code = "daemon_not_running"


class DaemonCannotStart(PasticheError):
    code = "daemon_cannot_start"


class DaemonLost(PasticheError):
    """The daemon was there and answers no more."""

    code = "daemon_lost"


class UnsafeConnectionFile(PasticheError):
    """The connection file is a link, another's, or readable by others: it is not trusted."""

    code = "unsafe_connection_file"


class NotTrusted(PasticheError):
    """The other side did not prove that it knows the key."""

    code = "not_trusted"


class NoSession(PasticheError):
    """A header without the session that a welcome gave: say hello first."""

    code = "no_session"


class VersionMismatch(PasticheError):
    code = "version"


class BadMessage(PasticheError):
    """Frames or fields that are not of the protocol."""

    code = "bad_message"


class UnknownMessage(BadMessage):
    """A message of a newer minor version: to be passed over."""

    code = "unknown_message"


# --- pictures and settings -------------------------------------------------------------------------
class NotAPicture(PasticheError):
    code = "not_a_picture"


class PictureTooLarge(PasticheError):
    code = "picture_too_large"


class PictureTooSmall(PasticheError):
    code = "picture_too_small"


class BadPixels(PasticheError):
    """NaN or infinite pixels."""

    code = "bad_pixels"


class WrongLength(PasticheError):
    """The bytes do not fill the picture that the header promised."""

    code = "wrong_length"


class WrongHash(PasticheError):
    code = "wrong_hash"


class BadMask(PasticheError):
    code = "bad_mask"


class NothingToRestyle(PasticheError):
    """An empty selection, or a layer without a visible pixel."""

    code = "nothing_to_restyle"


class RegionElsewhere(PasticheError):
    """Where a style was to go was taken from another picture, or from one of another size."""

    code = "region_elsewhere"


class LayerGone(PasticheError):
    """The picture or the layer that a result belongs to is no more."""

    code = "layer_gone"


class BadSetting(UsageError):
    code = "bad_setting"


class BadProfile(PasticheError):
    """An ICC profile that cannot be used."""

    code = "bad_profile"


# --- the machine -----------------------------------------------------------------------------------
class DiskTrouble(PasticheError):
    """Disk full, or no right to write."""

    code = "disk"


class FileExists(UsageError):
    code = "file_exists"


class BadWeights(PasticheError):
    code = "bad_weights"


class Offline(PasticheError):
    code = "offline"


class DeviceUnavailable(PasticheError):
    code = "device_unavailable"


class OutOfMemory(PasticheError):
    code = "out_of_memory"


class WorkerDied(PasticheError):
    code = "worker_died"


class TooBusy(PasticheError):
    """A limit on what one client may hold at a time."""

    code = "too_busy"


class UnknownBlob(PasticheError):
    """Asked for a picture that the daemon does not hold (any more)."""

    code = "unknown_blob"


def _all_classes(root: type[PasticheError]) -> list[type[PasticheError]]:
    return [root] + [c for sub in root.__subclasses__() for c in _all_classes(sub)]


BY_CODE = {cls.code: cls for cls in _all_classes(PasticheError)}


def error_from(code: str, sentence: str) -> PasticheError:
    """The error of this code; an unknown code (from a newer daemon) keeps its sentence."""
    return BY_CODE.get(code, PasticheError)(sentence)
