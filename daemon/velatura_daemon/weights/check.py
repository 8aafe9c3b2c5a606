"""Reading a weights file that a user brings: name by name, shape by shape, no code run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from velatura.errors import BadWeights
from velatura_daemon.engine.network import INDEX_OF, INPUT_STD, LAYERS, Network

# How a file's first layer expects its picture. torchvision: RGB in 0..1, minus mean, over deviation. unit: RGB in
# 0..1 minus mean. caffe: BGR in 0..255 minus mean (the first published files, and neural-style's).
INPUTS = ("torchvision", "unit", "caffe")


def read_weights(path: Path, input: str = "") -> dict[str, Tensor]:
    """The layers that a .pth state dict or a .safetensors file has, as `conv1_1.weight`…, float32, for torchvision's
    input. input: one of INPUTS, or empty to go by the file's own note. Raises BadWeights."""
    tensors, note = _tensors_in(path)
    found = {}
    for name, tensor in tensors.items():
        layer = _layer_name(name)
        if layer is not None:
            found[layer] = tensor
    if not found:
        raise BadWeights(
            f"{path.name} has no layer of VGG19 in it. Expected are names like 'features.0.weight' or 'conv1_1.weight'; "
            f"it has {', '.join(list(tensors)[:3]) or 'none'}."
        )
    return _for_torchvision(_checked(found, path), input or _input_from(note))


def _tensors_in(path: Path) -> tuple[dict[str, Tensor], str]:
    """Tensors by name, and what the file says of its input."""
    if not path.is_file():
        raise BadWeights(f"There is no weights file at {path}.")
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}, (file.metadata() or {}).get("input", "")  # noqa: SIM118
        loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, KeyError, AttributeError) as error:
        raise BadWeights(_unreadable(path, error)) from error
    except Exception as error:  # pickle's own errors, whose types torch does not promise
        raise BadWeights(_unreadable(path, error)) from error
    if not isinstance(loaded, dict):
        raise BadWeights(f"{path.name} holds a {type(loaded).__name__}; expected is a state dict: names and tensors.")
    return {str(name): tensor for name, tensor in loaded.items() if isinstance(tensor, Tensor)}, ""


def _unreadable(path: Path, error: Exception) -> str:
    first_line = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
    if "weights_only" in first_line or "Weights only" in first_line:
        first_line = "it is no state dict, or would run code when loaded"
    return f"{path.name} cannot be read as weights ({first_line}). Give a .safetensors file, or a .pth state dict of VGG19."


def _layer_name(name: str) -> str | None:
    """'conv1_1.weight' for that or 'features.0.weight'; None for what lies beyond conv5_1."""
    stem, _, kind = name.rpartition(".")
    if kind not in ("weight", "bias"):
        return None
    if stem in INDEX_OF:
        return name
    positions = {f"features.{position}": layer for layer, position in INDEX_OF.items()}
    return f"{positions[stem]}.{kind}" if stem in positions else None


def _checked(found: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    shapes = Network()
    for layer in LAYERS:
        parts = [f"{layer}.{kind}" for kind in ("weight", "bias")]
        present = [name for name in parts if name in found]
        if len(present) == 1:
            raise BadWeights(f"{path.name} has {present[0]} without its other half; a layer needs weight and bias.")
        for name in present:
            expected = tuple(shapes.convolution(layer).state_dict()[name.rpartition(".")[2]].shape)
            if tuple(found[name].shape) != expected:
                raise BadWeights(
                    f"In {path.name}, {name} has shape {tuple(found[name].shape)}; VGG19 has {expected}. "
                    "Is it of another network?"
                )
            if not bool(torch.isfinite(found[name].float()).all()):
                raise BadWeights(f"In {path.name}, {name} has values that are not numbers. The file is damaged.")
    return {name: tensor.detach().float().contiguous() for name, tensor in found.items()}


def _input_from(note: str) -> str:
    return "unit" if note.startswith("RGB in 0..1 minus") else "torchvision"


def _for_torchvision(weights: dict[str, Tensor], input: str) -> dict[str, Tensor]:
    """The first layer, rewritten for torchvision's input. Means differ by under 0.004 and are left as they are."""
    if input not in INPUTS:
        raise BadWeights(f"Input {input!r} is not known; it is one of {', '.join(INPUTS)}.")
    first = weights.get("conv1_1.weight")
    if first is None or input == "torchvision":
        return weights
    std = torch.tensor(INPUT_STD).view(1, 3, 1, 1)
    first = first * std if input == "unit" else first.flip(1) * std * 255
    return {**weights, "conv1_1.weight": first}
