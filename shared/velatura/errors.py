"""All errors that can reach a user: each has a code for programs and a sentence for people.

The sentence says what happened, how much, and what to do. Codes travel over the wire, so that the client raises the
same class as the daemon.
"""

from __future__ import annotations

from velatura.foreign_text import visible
from velatura.i18n import Text, translated


class VelaturaError(Exception):
    """Base class of all errors that users see.

    `code` is stable across versions, the sentence is not. The sentence is English, for logs and other programs; a
    window or a terminal shows `local_sentence`. `details` (a traceback, for example) is for error reports.
    """

    code = "internal"
    details = ""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    @property
    def local_sentence(self) -> str:
        """The sentence in the user's language, if it is a Text."""
        shown: str = translated(self.sentence)
        return shown


class UsageError(VelaturaError):
    """The request itself is invalid. The command line exits with code 2."""

    code = "usage"


# --- setting up -------------------------------------------------------------------------------------
class SetUpImpossible(VelaturaError):
    """The daemon cannot be set up on this machine as it is: no Python, no space, no network."""

    code = "set_up"


class SetUpStopped(VelaturaError):
    """The user has stopped the set-up."""

    code = "set_up_stopped"


# --- reaching the daemon ---------------------------------------------------------------------------
class DaemonNotRunning(VelaturaError):
    code = "daemon_not_running"


class SandboxHidesFiles(DaemonNotRunning):
    """An editor's sandbox hides the folders that a daemon is found by."""

    code = "sandbox_hides_files"


class SandboxOffline(DaemonNotRunning):
    """A daemon runs, but an editor's sandbox has no network to reach it."""

    code = "sandbox_offline"


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


class BadPreset(UsageError):
    """There is no such preset, its file is damaged, or its name is not possible."""

    code = "bad_preset"


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


class NotInstalled(VelaturaError):
    """An optional part of Velatura is missing on the machine that needs it."""

    code = "not_installed"


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
    """Return the error with this code, or a plain VelaturaError if a newer daemon has sent an unknown code.

    The sentence may quote names that come from anyone, and is shown in windows: it is made visible.
    """
    return BY_CODE.get(code, VelaturaError)(visible_text(sentence))


def visible_text(sentence: str) -> str:
    """`visible`, which leaves a Text translatable."""
    return sentence.changed(visible) if isinstance(sentence, Text) else visible(sentence)
