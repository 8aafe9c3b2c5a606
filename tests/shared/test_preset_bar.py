"""The row with the presets in the editors' windows, without its widgets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from velatura import strings
from velatura.presets.bar import Callbacks, PresetBarModel
from velatura.presets.preset import SUFFIX
from velatura.presets.store import PresetStore
from velatura.presets.thumbnail import plain_thumbnail
from velatura.settings import StyleSettings

BOLD = StyleSettings(strength=71)


class Window:
    """Notes what the row tells it, and applies chosen settings as the editors' windows do."""

    def __init__(self, folder: Path) -> None:
        self.chosen: list[StyleSettings] = []
        self.messages: list[str] = []
        self.errors: list[str] = []
        self.picture = b""
        callbacks = Callbacks(
            self.choose, self.messages.append, lambda error: self.errors.append(error.sentence), lambda: self.picture
        )
        self.bar = PresetBarModel(PresetStore(folder), callbacks)
        self.bar.reload()

    def choose(self, settings: StyleSettings) -> None:
        self.chosen.append(settings)
        self.bar.set_settings(settings)

    @property
    def shown(self) -> str:
        current = self.bar.current()
        return current.preset.name if current is not None else strings.CUSTOM


@pytest.fixture
def window(tmp_path: Path) -> Window:
    return Window(tmp_path / "presets")


def test_a_saved_preset_is_shown_with_the_picture_of_the_preview(window):
    window.bar.set_settings(BOLD)
    assert window.shown == "Custom"
    window.picture = plain_thumbnail("preview")
    window.bar.save_as("Mine")
    assert window.shown == "Mine"
    assert window.bar.current().preset.thumbnail == window.picture
    assert "“Mine”" in window.messages[-1]


def test_a_changed_setting_makes_it_custom_and_changing_it_back_shows_the_preset_again(window):
    portrait = window.bar.listing.find("Portrait")
    window.bar.choose(portrait)
    assert (window.shown, window.chosen) == ("Portrait", [portrait.preset.settings])
    window.bar.set_settings(BOLD)
    assert window.shown == "Custom"
    window.bar.set_settings(portrait.preset.settings)
    assert window.shown == "Portrait"


def test_a_name_that_is_taken_is_only_replaced_after_a_question(window):
    window.bar.set_settings(BOLD)
    window.bar.save_as("Mine")
    assert window.bar.replaced_by(" mine ").preset.name == "Mine"  # the window asks
    assert window.bar.replaced_by("Portrait") is None  # ours: saving gives a sentence instead
    window.bar.set_settings(StyleSettings(strength=12))
    window.bar.save_as("Mine")
    assert "already" in window.errors[-1]
    window.bar.save_as("Mine", overwrite=True)
    assert window.bar.listing.find("Mine").preset.settings.strength == 12


def test_ours_and_custom_settings_cannot_be_renamed_and_the_menu_says_why(window):
    window.bar.set_settings(BOLD)
    assert window.bar.why_not_change() == strings.NO_PRESET_CHOSEN
    window.bar.choose(window.bar.listing.find("Portrait"))
    assert "comes with Velatura" in window.bar.why_not_change()
    window.bar.set_settings(BOLD)
    window.bar.save_as("Mine")
    assert window.bar.why_not_change() == ""


def test_a_renamed_preset_stays_shown_and_after_its_deletion_the_settings_stay(window):
    window.bar.set_settings(BOLD)
    window.bar.save_as("Mine")
    window.bar.rename(window.bar.current(), "Yours")
    assert window.shown == "Yours"
    window.bar.delete(window.bar.current())
    assert (window.shown, window.chosen) == ("Custom", [])


def test_one_imported_preset_is_applied_and_unknown_settings_are_named(window, tmp_path):
    path = tmp_path / f"sent{SUFFIX}"
    path.write_text(json.dumps({"velatura_preset": 1, "name": "Sent", "settings": {"strength": 9, "glow": 1}}))
    window.bar.import_files([str(path)])
    assert window.chosen == [StyleSettings(strength=9)]
    assert "glow" in window.messages[-1]
    assert window.shown == "Custom"  # since it could not be applied completely


def test_a_bad_file_among_several_is_named_and_those_before_it_are_kept(window, tmp_path):
    window.bar.set_settings(BOLD)
    window.bar.save_as("Mine")
    paths = [tmp_path / window.bar.export_name(window.bar.current()), tmp_path / f"bad{SUFFIX}"]
    window.bar.export(window.bar.current(), str(paths[0]))
    window.bar.delete(window.bar.current())
    paths[1].write_text("{")
    window.bar.import_files([str(path) for path in paths])
    assert "bad" in window.errors[-1]
    assert window.bar.listing.find("Mine") is not None


def test_a_preset_that_another_program_has_saved_appears(window, tmp_path):
    other = Window(tmp_path / "presets")
    other.bar.set_settings(BOLD)
    other.bar.save_as("From elsewhere")
    assert window.bar.reload()
    assert not window.bar.reload()
    assert window.bar.listing.find("From elsewhere") is not None
