"""Editing a result: the window shows how it was made, and Restyle replaces it until another layer is chosen."""

from __future__ import annotations

import types

import pytest

from velatura import strings
from velatura.editor.edit_restyle import EditRestyle
from velatura.editor.recipe import Recipe
from velatura.editor.ui_state import Style, UiState
from velatura.errors import NothingToRestyle
from velatura.settings import StyleSettings

SETTINGS = StyleSettings(strength=70)


class Canvas:
    """The active layer is a result, unless `error` is set."""

    def __init__(self, recipe):
        self.result = types.SimpleNamespace(recipe=recipe, name="Waves 70 %", is_canvas_changed=False)
        self.error, self.source_error, self.is_chosen = None, None, True

    def edited_result(self):
        if self.error:
            raise self.error
        return self.result

    def is_edited(self, _):
        return self.is_chosen

    def edit_target(self, edited):
        if self.source_error:
            raise self.source_error
        return ("source of", edited.name)

    def edit_key(self, edited):
        return ("edits", edited.name)

    def current_target(self):
        return "the active layer"

    def target_key(self):
        return "key"


class Window:
    def __init__(self):
        self.messages, self.choices = [], None

    def is_shown(self):
        return True

    def apply_choices(self, _, styles, settings):
        self.choices = (styles, settings)

    def show_message(self, sentence):
        self.messages.append(sentence)

    def show_error(self, error, **_):
        self.messages.append(error.sentence)


class Controller(EditRestyle):
    is_busy = False

    def __init__(self, canvas):
        super().__init__(None, canvas)
        self.window, self.ui_state = Window(), UiState()


@pytest.fixture
def style(tmp_path):
    path = tmp_path / "waves.png"
    path.write_bytes(b"")
    return Style(str(path), "Waves")


@pytest.fixture
def controller(style):
    return Controller(Canvas(Recipe.of("Waves 70 %", SETTINGS, [style])))


def test_the_window_shows_the_settings_and_styles_of_the_result(controller, style):
    assert controller.begin_editing()
    assert controller.window.choices == ([style], SETTINGS)
    assert controller.window.messages == [strings.EDIT_LOADED.format(name="Waves 70 %")]


def test_the_source_is_restyled_and_not_the_result(controller):
    assert controller.chosen_target() == "the active layer"
    controller.begin_editing()
    assert controller.chosen_target() == ("source of", "Waves 70 %")
    assert controller.chosen_target_key() != "key"


def test_editing_ends_when_another_layer_is_chosen(controller):
    controller.begin_editing()
    controller.end_editing_if_left()
    assert controller.edited is not None
    controller.canvas.is_chosen = False
    controller.end_editing_if_left()
    assert controller.chosen_target() == "the active layer"
    assert controller.window.messages[-1] == strings.EDIT_ENDED.format(name="Waves 70 %")


@pytest.mark.parametrize("error", ["error", "source_error"])
def test_if_the_layer_cannot_be_edited_the_window_says_why_and_keeps_its_settings(controller, error):
    setattr(controller.canvas, error, NothingToRestyle("Not a result."))
    assert not controller.begin_editing()
    assert controller.window.messages == ["Not a result."]
    assert controller.window.choices is None
    assert controller.chosen_target() == "the active layer"


def test_while_a_restyle_runs_its_settings_are_not_replaced(controller):
    controller.is_busy = True
    assert not controller.begin_editing()
    assert controller.window.messages == [strings.EDIT_BUSY]
    assert controller.window.choices is None


def test_a_missing_style_file_and_a_changed_canvas_are_named(controller):
    controller.canvas.result.recipe = Recipe.of("Gone 70 %", SETTINGS, [Style("/no/such.png", "Gone")])
    controller.canvas.result.is_canvas_changed = True
    controller.ui_state.recent = [Style("/no/such.png", "Gone")]
    assert controller.begin_editing()
    assert controller.ui_state.recent == []  # the gallery shows only files that exist
    (message,) = controller.window.messages
    assert strings.EDIT_STYLE_MISSING.format(names="“Gone”") in message
    assert strings.EDIT_CANVAS_CHANGED in message
