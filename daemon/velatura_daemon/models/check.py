"""Reading weights files from users: every name and shape is checked, and no code in the file is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from velatura.errors import BadWeights
from velatura_daemon.engine.network import INDEX_OF, INPUT_MEAN, INPUT_STD, LAYERS, REQUIRED_LAYERS, channels_of

# The input that a file's first layer expects. torchvision: RGB in 0..1, minus mean, divided by the standard deviation.
# unit: RGB in 0..1 minus mean. caffe: BGR in 0..255 minus mean (the published Caffe files, and neural-style-pt's).
INPUTS = ("torchvision", "unit", "caffe")
CAFFE_MEAN = (123.68, 116.779, 103.939)  # R, G, B, of 0..255; the authors' model card
# Median cosine similarity with the original's filters; quantisation errors reduce it far less than this.
SAME_FILTERS_COSINE = 0.95


def read_weights(path: Path, input: str = "") -> dict[str, Tensor]:
    """Read the layers in a .pth state dict or a .safetensors file as `conv1_1.weight`, …, float32, for torchvision's
    input.

    input: one of INPUTS; if empty, the file's own metadata decides, otherwise `detect_input`. Raises BadWeights.
    """
    if not path.is_file():
        raise BadWeights(f"The weights file {path} does not exist.")
    layers, declared_input = {}, ""
    if path.suffix == ".safetensors":
        tensors, declared_input = _safetensors_in(path)
    else:
        tensors = load_tensors(path)
    for name, tensor in tensors.items():
        layer = _layer_name(name)
        if layer is not None:
            layers[layer] = tensor
    if not layers:
        raise BadWeights(
            f"{path.name} contains no layer of VGG19. Expected are names like 'features.0.weight' or 'conv1_1.weight'; "
            f"it has {', '.join(list(tensors)[:3]) or 'none'}."
        )
    weights = _checked(layers, path)
    if not input:
        input = declared_input if declared_input in INPUTS else detect_input(weights["conv1_1.weight"])
    return _for_torchvision(weights, input)


def _safetensors_in(path: Path) -> tuple[dict[str, Tensor], str]:
    """Return the tensors by name, and the input declared in the file's metadata."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, (file.metadata() or {}).get("input", "")  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise BadWeights(_unreadable(path, error)) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a file written by torch.save, by name, without running code in it. Raises BadWeights."""
    try:
        loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # also pickle's errors, whose types PyTorch does not document
        raise BadWeights(_unreadable(path, error)) from error
    if not isinstance(loaded, dict):
        raise BadWeights(
            f"{path.name} contains a {type(loaded).__name__}; a state dict of names and tensors is expected."
        )
    return {str(name): tensor for name, tensor in loaded.items() if isinstance(tensor, Tensor)}


def _unreadable(path: Path, error: Exception) -> str:
    first_line = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
    if "weights_only" in first_line or "Weights only" in first_line:
        first_line = "it is not a state dict, or would run code when loaded"
    return (
        f"{path.name} cannot be read as weights ({first_line}). Give a .safetensors file, or a .pth state dict of "
        "VGG19."
    )


def _layer_name(name: str) -> str | None:
    """Return 'conv1_1.weight' for that or for 'features.0.weight'; None if it is not the weight or bias of a
    convolution."""
    stem, _, kind = name.rpartition(".")
    if kind not in ("weight", "bias"):
        return None
    if stem in INDEX_OF:
        return name
    positions = {f"features.{position}": layer for layer, position in INDEX_OF.items()}
    return f"{positions[stem]}.{kind}" if stem in positions else None


def _checked(layers: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the layers from conv1_1 on, up to the first gap, as float32. Raises BadWeights."""
    channels, checked = 3, {}
    for layer in LAYERS:
        parts = {f"{layer}.{kind}" for kind in ("weight", "bias")}
        missing = sorted(parts - layers.keys())
        if missing and layer in REQUIRED_LAYERS:
            raise BadWeights(f"{path.name} lacks {missing[0]}; the layers from conv1_1 to conv5_1 are required.")
        if missing:
            break
        filters = channels_of(layer)
        for name, expected in ((f"{layer}.weight", (filters, channels, 3, 3)), (f"{layer}.bias", (filters,))):
            if tuple(layers[name].shape) != expected:
                raise BadWeights(
                    f"In {path.name}, {name} has shape {tuple(layers[name].shape)}; VGG19 has {expected}. "
                    "It may be from another network."
                )
            if not bool(torch.isfinite(layers[name].float()).all()):
                raise BadWeights(f"In {path.name}, {name} has values that are not numbers. The file is damaged.")
            checked[name] = layers[name].detach().float().contiguous()
        channels = filters
    return checked


def detect_input(first: Tensor) -> str:
    """Return "caffe" if the first layer has the original VGG19's filters at any scale, otherwise "torchvision".

    first: (64, 3, 3, 3).
    """
    from velatura_daemon.models.vgg19 import read_vgg19, vgg19_file

    try:
        original = read_vgg19(vgg19_file())["conv1_1.weight"]
    except BadWeights:  # the original is only needed for this comparison
        return "torchvision"
    as_caffe = (original / (torch.tensor(INPUT_STD).view(1, 3, 1, 1) * 255)).flip(1)
    caffe, converted = (
        float(F.cosine_similarity(first.flatten(1), other.flatten(1), dim=1).median()) for other in (as_caffe, original)
    )
    return "caffe" if caffe > max(SAME_FILTERS_COSINE, converted) else "torchvision"


def _for_torchvision(weights: dict[str, Tensor], input: str) -> dict[str, Tensor]:
    if input not in INPUTS:
        raise BadWeights(f"Unknown input {input!r}; use one of {', '.join(INPUTS)}.")
    if input == "caffe":
        return caffe_to_torchvision(weights)
    if input == "unit":
        first = weights["conv1_1.weight"] * torch.tensor(INPUT_STD).view(1, 3, 1, 1)
        return {**weights, "conv1_1.weight": first}
    return weights


def caffe_to_torchvision(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rewrite the first layer from BGR in 0..255 minus CAFFE_MEAN to torchvision's input. The two means differ
    slightly, which the bias compensates."""
    mean, std = torch.tensor(INPUT_MEAN), torch.tensor(INPUT_STD)
    first = weights["conv1_1.weight"].flip(1)  # now R, G, B
    shift = 255 * mean - torch.tensor(CAFFE_MEAN)
    bias = weights["conv1_1.bias"] + (first.sum((2, 3)) * shift).sum(1)
    return {**weights, "conv1_1.weight": first * (255 * std).view(1, 3, 1, 1), "conv1_1.bias": bias}
