"""Fetching torchvision's ImageNet weights: only when asked, resumable, checked, the classifier thrown away."""

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
from velatura_daemon.models.store import WeightStore

CONNECT_SECONDS = 5.0
PIECE = 1 << 20


def imagenet_url() -> str:
    """Where torchvision says they lie."""
    from torchvision.models import VGG19_Weights

    return str(VGG19_Weights.IMAGENET1K_V1.url)


def fetch_imagenet(store: WeightStore, url: str, progress: Callable[[int, int], None]) -> Path:
    """Fetch, check and keep the convolutions. progress(bytes so far, bytes in all). Goes on where an earlier try broke
    off. Raises Offline, BadWeights, DiskTrouble."""
    from safetensors.torch import save_file

    from velatura_daemon.models.check import read_weights

    folder = make_private_folder(store.places.weights)
    part = folder / (Path(url).name + ".part")
    download(url, part, progress)
    check_name_hash(part, Path(url).name)
    whole = part.with_suffix("")  # the name says how to read it: .pth
    part.replace(whole)
    try:
        weights = read_weights(whole)
        beside = folder / ".imagenet.tmp"
        save_file(weights, beside, metadata={"title": whole.name, "input": "torchvision"})
        beside.replace(store.imagenet_file)
    finally:
        whole.unlink(missing_ok=True)
    return store.imagenet_file


def download(url: str, part: Path, progress: Callable[[int, int], None]) -> None:
    """Bytes of url into part, from where part ends. Raises Offline, DiskTrouble."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=CONNECT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing left to send
            return
        raise Offline(f"The download site answered with error {error.code}. Try again later.") from error
    except (OSError, http.client.HTTPException) as error:
        raise Offline(
            "The download site cannot be reached from here; Velatura goes on with the weights that it has. "
            "Or bring the file from elsewhere: 'velatura weights use FILE'."
        ) from error
    with answer:
        resumed = answer.status == 206
        have = have if resumed else 0
        total = have + int(answer.headers.get("Content-Length") or 0)
        if shutil.disk_usage(part.parent).free < (total - have) * 1.2:
            raise DiskTrouble(
                f"The weights need {(total - have) * 1.2 / 1e6:.0f} MB of disk under {part.parent}. Make room there."
            )
        try:
            with part.open("ab" if resumed else "wb") as file:
                while piece := _next_piece(answer, have):
                    file.write(piece)
                    have += len(piece)
                    progress(have, total)
        except OSError as error:
            raise DiskTrouble(
                f"{part} cannot be written ({error.strerror}). Make room or give the right to write there."
            ) from error
    if have < total:
        raise Offline(
            f"The download broke off after {have / 1e6:.0f} of {total / 1e6:.0f} MB. Run it again: it goes on from "
            "there."
        )


def _next_piece(answer: http.client.HTTPResponse, have: int) -> bytes:
    try:
        return answer.read(PIECE)
    except (OSError, http.client.HTTPException) as error:
        raise Offline(
            f"The download broke off after {have / 1e6:.0f} MB ({error}). Run it again: it goes on from there."
        ) from error


def check_name_hash(part: Path, name: str) -> None:
    """torchvision names a file by the first eight hex digits of its SHA-256: `vgg19-dcbb9e9d.pth`. A file that does not
    match is removed. Raises BadWeights."""
    match = re.search(r"-([0-9a-f]{8,})\.", name)
    if match is None:
        raise BadWeights(f"{name} does not carry a hash in its name, so it cannot be checked.")
    digest = hashlib.sha256()
    with part.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    if not digest.hexdigest().startswith(match[1]):
        part.unlink()
        raise BadWeights(
            f"The downloaded {name} is damaged: its SHA-256 begins with {digest.hexdigest()[:8]}, not {match[1]}. "
            "It was removed; fetch it again."
        )
