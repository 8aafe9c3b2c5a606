"""Reading weights files from users: every name and shape is checked, and no code in the file is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from velatura.errors import BadWeights
from velatura.i18n import Text, lazy_text
from velatura_daemon.engine.network import INDEX_OF, INPUT_MEAN, INPUT_STD, LAYERS, REQUIRED_LAYERS, channels_of
from velatura_daemon.models.file_limits import check_pth, is_zip, safetensors_header

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
        raise BadWeights(lazy_text("The weights file {path} does not exist.", path=str(path)))
    declared_input = ""
    if path.suffix == ".safetensors":
        names, layers, declared_input = _safetensors_in(path)
    else:
        tensors = load_tensors(path)
        names = list(tensors)
        layers = {layer: tensor for name, tensor in tensors.items() if (layer := _layer_name(name)) is not None}
    if not layers:
        raise BadWeights(_without_layers(path, names))
    weights = _checked(layers, path)
    if not input:
        input = declared_input if declared_input in INPUTS else detect_input(weights["conv1_1.weight"])
    return _for_torchvision(weights, input)


def _without_layers(path: Path, names: list[str]) -> Text:
    if not names:
        return lazy_text(
            "{file} contains no layer of VGG19. It needs names such as 'features.0.weight' or 'conv1_1.weight', but "
            "has none.",
            file=path.name,
        )
    return lazy_text(
        "{file} contains no layer of VGG19. It needs names such as 'features.0.weight' or 'conv1_1.weight', but has "
        "{names}.",
        file=path.name,
        names=", ".join(name[:60] for name in names[:3]),
    )


def _safetensors_in(path: Path) -> tuple[list[str], dict[str, Tensor], str]:
    """Return all names, the tensors of VGG19's layers, and the input declared in the file's metadata. Raises
    BadWeights."""
    try:
        names = [name for name in safetensors_header(path) if name != "__metadata__"]
        with safe_open(path, framework="pt") as file:
            layers = {layer: file.get_tensor(name) for name in names if (layer := _layer_name(name)) is not None}
            return names, layers, (file.metadata() or {}).get("input", "")
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise BadWeights(_unreadable(path, error)) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a file written by torch.save, by name, without running code in it. They are mapped from the
    file, if its format allows it. Raises BadWeights."""
    try:
        check_pth(path)
        loaded: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip(path))
    except BadWeights:
        raise
    except Exception as error:  # also pickle's errors, whose types PyTorch does not document
        raise BadWeights(_unreadable(path, error)) from error
    if not isinstance(loaded, dict):
        raise BadWeights(
            lazy_text(
                "{file} contains a {type}; a state dict of names and tensors is expected.",
                file=path.name,
                type=type(loaded).__name__,
            )
        )
    return {str(name): tensor for name, tensor in loaded.items() if isinstance(tensor, Tensor)}


def _unreadable(path: Path, error: Exception) -> str:
    first_line = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
    if "weights_only" in first_line or "Weights only" in first_line:  # not translated: PyTorch's
        return lazy_text(
            "{file} cannot be read as weights (it is not a state dict, or would run code when loaded). Give a "
            ".safetensors file, or a .pth state dict of VGG19.",
            file=path.name,
        )
    return lazy_text(
        "{file} cannot be read as weights ({problem}). Give a .safetensors file, or a .pth state dict of VGG19.",
        file=path.name,
        problem=first_line,
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
            raise BadWeights(
                lazy_text(
                    "{file} lacks {layer}; the layers from conv1_1 to conv5_1 are required.",
                    file=path.name,
                    layer=missing[0],
                )
            )
        if missing:
            break
        filters = channels_of(layer)
        for name, expected in ((f"{layer}.weight", (filters, channels, 3, 3)), (f"{layer}.bias", (filters,))):
            if tuple(layers[name].shape) != expected:
                raise BadWeights(
                    lazy_text(
                        "In {file}, {layer} has shape {shape}; VGG19 has {expected}. It may be from another network.",
                        file=path.name,
                        layer=name,
                        shape=str(tuple(layers[name].shape)),
                        expected=str(expected),
                    )
                )
            if not _is_plain(layers[name]):
                raise BadWeights(
                    lazy_text(
                        "In {file}, {layer} has no plain floating-point values; it may be quantised or sparse. Give a "
                        "state dict of plain tensors.",
                        file=path.name,
                        layer=name,
                    )
                )
            if not bool(torch.isfinite(layers[name].float()).all()):
                raise BadWeights(
                    lazy_text(
                        "In {file}, {layer} has values that are not numbers. The file is damaged.",
                        file=path.name,
                        layer=name,
                    )
                )
            # A copy, so that nothing depends on the file any more.
            checked[name] = layers[name].detach().to(torch.float32, copy=True).contiguous()
        channels = filters
    return checked


def _is_plain(tensor: Tensor) -> bool:
    """Whether it has floating-point values on the CPU, one for each place."""
    return tensor.layout == torch.strided and tensor.device.type == "cpu" and tensor.is_floating_point()


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
        raise BadWeights(
            lazy_text("Unknown input {input}; use one of {known}.", input=repr(input), known=", ".join(INPUTS))
        )
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
