"""Stores how a result was made with its layer: GIMP saves it in .xcf files, and copies it with the layer."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from velatura.editor.recipe import Recipe, decode, encode

RECIPE = "velatura-recipe"  # a parasite on a result
FLAGS = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE


def attach_recipe(layer: Any, recipe: Recipe) -> None:
    """Stores how a layer was made. The layer is in no image yet, so that this is no undo step."""
    layer.attach_parasite(Gimp.Parasite.new(RECIPE, FLAGS, encode(recipe)))


def recipe_of(layer: Any) -> Recipe | None:
    """How a layer was made; None if that is not known."""
    parasite = layer.get_parasite(RECIPE)
    return decode(bytes(parasite.get_data())) if parasite is not None else None


def source_key(layer: Any) -> str:
    """Identifies a layer in its image, also after it was saved and opened again."""
    return f"{layer.get_tattoo()} {layer.get_width()}×{layer.get_height()}"


def find_source(layers: list[Any], recipe: Recipe) -> Any:
    """The layer that a result was made from; None if it is not among these layers.

    Another image has other layers with the same numbers, so the name or the size has to be the same too.
    """
    number, _, size = recipe.source.partition(" ")
    numbered = [layer for layer in layers if number and str(layer.get_tattoo()) == number]
    named = [layer for layer in layers if layer.get_name() == recipe.source_name]
    for layer in numbered:
        if layer in named or source_key(layer) == recipe.source:
            return layer
    sized = [layer for layer in named if source_key(layer).partition(" ")[2] == size]
    return sized[0] if len(sized) == 1 else None
