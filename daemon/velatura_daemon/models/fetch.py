"""Downloading torchvision's ImageNet weights: only on request, resumable, checked, without the classifier layers."""

from __future__ import annotations

import hashlib
import http.client
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from velatura.app_dirs import make_private_folder
from velatura.errors import BadWeights, DiskTrouble, Offline
from velatura.i18n import lazy_text
from velatura_daemon.models.store import WeightStore, save_weights

CONNECT_SECONDS = 5.0
CHUNK = 1 << 20  # bytes


def imagenet_url() -> str:
    """Return the download address that torchvision uses."""
    from torchvision.models import VGG19_Weights

    return str(VGG19_Weights.IMAGENET1K_V1.url)


def fetch_imagenet(store: WeightStore, url: str, progress: Callable[[int, int], None]) -> Path:
    """Download, check and store the convolution layers; continue a download that was interrupted. progress: called with
    (bytes so far, total bytes). Raises Offline, BadWeights, DiskTrouble."""
    from velatura_daemon.models.check import read_weights

    folder = make_private_folder(store.dirs.weights)
    part = folder / (Path(url).name + ".part")
    download(url, part, progress)
    check_name_hash(part, Path(url).name)
    whole = part.with_suffix("")  # the reader selects the file format by the extension, .pth
    part.replace(whole)
    try:
        weights = read_weights(whole)
        save_weights(weights, store.imagenet_file, {"title": whole.name, "input": "torchvision"})
    finally:
        whole.unlink(missing_ok=True)
    return store.imagenet_file


def download(url: str, part: Path, progress: Callable[[int, int], None]) -> None:
    """Append the bytes at url to `part`, starting after those it already has. Raises Offline, DiskTrouble."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # not translated: HTTP
    try:
        response = urllib.request.urlopen(request, timeout=CONNECT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing left to send
            return
        raise Offline(
            lazy_text("The download server returned error {code}. Try again later.", code=str(error.code))
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise Offline(
            lazy_text(
                "The download server cannot be reached; Velatura continues with the weights that it has. You can also "
                "download the file on another computer and run 'velatura weights use FILE'."
            )
        ) from error
    with response:
        resumed = response.status == 206
        have = have if resumed else 0
        total = have + int(response.headers.get("Content-Length") or 0)
        if shutil.disk_usage(part.parent).free < (total - have) * 1.2:
            raise DiskTrouble(
                lazy_text(
                    "The weights need {mb:.0f} MB of disk space in {folder}. Free some space.",
                    mb=(total - have) * 1.2 / 1e6,
                    folder=str(part.parent),
                )
            )
        try:
            with part.open("ab" if resumed else "wb") as file:
                while chunk := _read_chunk(response, have):
                    file.write(chunk)
                    have += len(chunk)
                    progress(have, total)
        except OSError as error:
            raise DiskTrouble(
                lazy_text(
                    "{path} cannot be written ({problem}). Free some disk space, or allow writing there.",
                    path=str(part),
                    problem=str(error.strerror),
                )
            ) from error
    if have < total:
        raise Offline(
            lazy_text(
                "The download stopped after {mb:.0f} of {total:.0f} MB. Run the command again to continue.",
                mb=have / 1e6,
                total=total / 1e6,
            )
        )


def _read_chunk(response: http.client.HTTPResponse, have: int) -> bytes:
    try:
        return response.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise Offline(
            lazy_text(
                "The download stopped after {mb:.0f} MB ({problem}). Run the command again to continue.",
                mb=have / 1e6,
                problem=str(error),
            )
        ) from error


def check_name_hash(part: Path, name: str) -> None:
    """Check a file against the hash in its name: torchvision appends the first eight hex digits of the SHA-256, as in
    `vgg19-dcbb9e9d.pth`. A file that does not match is removed. Raises BadWeights."""
    match = re.search(r"-([0-9a-f]{8,})\.", name)
    if match is None:
        raise BadWeights(lazy_text("{file} has no hash in its name, so it cannot be checked.", file=name))
    digest = hashlib.sha256()
    with part.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if not digest.hexdigest().startswith(match[1]):
        part.unlink()
        raise BadWeights(
            lazy_text(
                "The downloaded {file} is damaged: its SHA-256 starts with {found}, not {expected}. It was removed; "
                "run the command again.",
                file=name,
                found=digest.hexdigest()[:8],
                expected=match[1],
            )
        )
