"""Edits a result in GIMP: finds its source and its selection, and replaces it by a newer result."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp

from velatura import strings
from velatura.editor.coverage import bounding_box
from velatura.editor.recipe import Recipe, name_after
from velatura.errors import NothingToRestyle, VelaturaError
from velatura.pixels import MASK_FORMAT

from .canvas_guard import quiet, while_open
from .canvas_layers import RESULT_OF, all_layers, copy_appearance
from .canvas_pixels import BABL_NAMES, SELECTION, Rect, offsets_of, read_pixels, write_pixels
from .canvas_recipes import find_source, recipe_of
from .canvas_target import Target


@dataclass
class Edited:
    """A result that is being edited. layer: after it was replaced, the newer one. first_name: for messages when it is
    gone."""

    image: Any
    layer: Any
    recipe: Recipe
    first_name: str

    @property
    def name(self) -> str:
        with quiet():
            return str((self.exists and self.layer.get_name()) or self.first_name)

    @property
    def exists(self) -> bool:
        if not self.is_valid:
            return False
        with contextlib.suppress(NothingToRestyle), self.while_open():
            return any(layer.get_id() == self.layer.get_id() for _, layer in all_layers(self.image.get_layers()))
        return False

    @property
    def is_valid(self) -> bool:
        """Whether GIMP knows it, perhaps only since its deletion can be undone."""
        return bool(self.image.is_valid() and self.layer.is_valid())

    def while_open(self) -> contextlib.AbstractContextManager[None]:
        """Raises NothingToRestyle if the image is closed meanwhile."""
        return while_open(lambda: self.is_valid, strings.EDIT_ENDED.format(name=self.first_name))

    @property
    def is_canvas_changed(self) -> bool:
        return self.recipe.canvas != (self.image.get_width(), self.image.get_height())

    @property
    def source(self) -> Any:
        """The layer that the result was made from; None if it is not in the image."""
        layers = [layer for _, layer in all_layers(self.image.get_layers()) if layer.get_id() != self.layer.get_id()]
        return find_source(layers, self.recipe)


class EditCanvas:
    """The part of the canvas that edits a result. A dialog edits one result for as long as it is open."""

    image: Any

    def _layer(self) -> Any:
        """The layer that the command was called with, or None."""
        raise NotImplementedError

    def edited_result(self) -> Edited:
        """The layer with its recipe. Raises NothingToRestyle, which tells the user what to do."""
        layer = self._layer()
        if layer is None:
            raise NothingToRestyle(strings.EDIT_NO_LAYER)
        recipe = recipe_of(layer)
        if recipe is None:
            raise NothingToRestyle(strings.EDIT_NO_RESULT.format(layer=layer.get_name()))
        if _is_locked(layer):
            raise NothingToRestyle(strings.EDIT_LOCKED.format(layer=layer.get_name()))
        return Edited(self.image, layer, recipe, str(layer.get_name()))

    def is_edited(self, edited: Edited) -> bool:
        """Whether the result still exists. The dialog belongs to it, whatever else is chosen in GIMP meanwhile."""
        return edited.exists

    def edit_key(self, edited: Edited) -> object:
        """Changes whenever the result, its source or the size changes; cheap to call."""
        with contextlib.suppress(NothingToRestyle), edited.while_open():
            return self._edit_key(edited)
        return None

    def _edit_key(self, edited: Edited) -> object:
        source = edited.source
        about_source = (source.get_name(), *offsets_of(source)) if source is not None else ()
        size = (edited.image.get_width(), edited.image.get_height())
        return (edited.layer.get_id(), edited.name, *offsets_of(edited.layer), *size, *about_source)

    def edit_target(self, edited: Edited) -> Target:
        """The source of the result, with its selection, which is its mask as it is now. Raises NothingToRestyle."""
        with edited.while_open():
            return self._edit_target(edited)

    def _edit_target(self, edited: Edited) -> Target:
        source = edited.source
        if source is None:
            raise NothingToRestyle(strings.EDIT_SOURCE_GONE.format(layer=edited.name))
        if edited.image.get_floating_sel() is not None:
            raise NothingToRestyle(strings.FLOATING)
        whole = Rect(0, 0, source.get_width(), source.get_height())
        if not edited.recipe.has_selection:
            return Target(edited.image, source, whole, edited=edited)
        (x, y), (source_x, source_y) = offsets_of(edited.layer), offsets_of(source)
        box = Rect(0, 0, edited.layer.get_width(), edited.layer.get_height()).moved((x - source_x, y - source_y))
        part, selected = box.intersected(whole), None
        if part is not None:
            with mask_buffer(edited.layer) as mask:
                coverage = read_pixels(mask, part.moved((-box.x, -box.y)), BABL_NAMES[MASK_FORMAT])
            found = bounding_box(coverage, part.width)
            selected = Rect(*found).moved((part.x, part.y)) if found is not None else None
        if selected is None:
            raise NothingToRestyle(strings.EDIT_OUTSIDE.format(layer=edited.name, source=source.get_name()))
        return Target(edited.image, source, selected.with_context(whole), selected, edited=edited)


@contextlib.contextmanager
def mask_buffer(layer: Any) -> Iterator[Any]:
    """The buffer of a layer's mask; without a mask, that of one that shows everything."""
    mask = layer.get_mask()
    if mask is not None:
        yield mask.get_buffer()
        return
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    try:
        yield mask.get_buffer()
    finally:
        mask.delete()


def _is_locked(layer: Any) -> bool:
    while layer is not None:
        if layer.get_lock_content():
            return True
        layer = layer.get_parent()
    return False


# --- replacing ---------------------------------------------------------------------------------------
def copied_mask(layer: Any, edited: Edited) -> Generator[None, None, Any]:
    """A copy of the edited result's mask for the layer that replaces it; None if it has none.

    Beyond the old layer nothing is shown if a selection was restyled, otherwise everything.
    """
    own = edited.layer.get_mask()
    if own is None:
        return None
    has_selection = edited.recipe.has_selection
    mask = layer.create_mask(Gimp.AddMaskType.BLACK if has_selection else Gimp.AddMaskType.WHITE)
    (x, y), (old_x, old_y) = offsets_of(layer), offsets_of(edited.layer)
    old = Rect(0, 0, own.get_width(), own.get_height()).moved((old_x - x, old_y - y))
    part = old.intersected(Rect(0, 0, layer.get_width(), layer.get_height()))
    if part is not None:
        source, buffer = own.get_buffer(), mask.get_buffer()
        for strip in part.strips():
            write_pixels(buffer, strip, SELECTION, read_pixels(source, strip.moved((-old.x, -old.y)), SELECTION))
            buffer.flush()
            yield
        mask.update(0, 0, layer.get_width(), layer.get_height())
    return mask


def replace_layer(edited: Edited, layer: Any, mask: Any, recipe: Recipe, source_id: str) -> str:
    """Replaces a result by a newer layer, which keeps what the painter has changed in the old one: one undo step.

    mask: from `copied_mask`. Returns the name of the layer. Raises VelaturaError.
    """
    image, old = edited.image, edited.layer
    layer.attach_parasite(Gimp.Parasite.new(RESULT_OF, 0, source_id.encode()))
    copy_appearance(old, layer)
    layer.set_visible(old.get_visible())
    layer.set_color_tag(old.get_color_tag())
    layer.set_lock_alpha(old.get_lock_alpha())
    name = name_after(old.get_name(), edited.recipe.name, recipe.name)
    old_mask = old.get_mask()
    shows_mask, applies_mask = old_mask is not None and old.get_show_mask(), old_mask is None or old.get_apply_mask()
    parent, position = old.get_parent(), image.get_item_position(old)
    old_id = old.get_id()
    selected = [one for one in image.get_selected_layers() if one.get_id() != old_id]
    was_selected = len(selected) < len(image.get_selected_layers())
    image.undo_group_start()
    try:
        if not image.insert_layer(layer, parent, position):
            raise VelaturaError(strings.NOT_INSERTED.format(layer=old.get_name()))
        if mask is not None:
            layer.add_mask(mask)
            layer.set_edit_mask(False)
            layer.set_apply_mask(applies_mask)
            layer.set_show_mask(shows_mask)
        image.remove_layer(old)
        layer.set_name(name)  # now that the name is free
        chosen = [*selected, layer] if was_selected else selected
        if chosen:  # none if a channel is selected
            image.set_selected_layers(chosen)
    finally:
        image.undo_group_end()
    edited.layer, edited.recipe, edited.first_name = layer, recipe, layer.get_name()
    return edited.first_name
