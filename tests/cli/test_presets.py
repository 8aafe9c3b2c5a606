"""Presets on the command line: `--preset` in restyle and batch, and `velatura presets`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.support.command_line import QUICK, Run, restyled
from velatura.app_dirs import app_dirs
from velatura.presets.preset import SUFFIX
from velatura.presets.store import PresetStore
from velatura.settings import StyleSettings
from velatura_daemon.imaging.files import read_description


@pytest.fixture
def store(warm) -> PresetStore:
    """The presets of the user who runs the commands, with one of their own."""
    store = PresetStore.of(app_dirs({"VELATURA_HOME": str(warm.home)}))
    store.save("Blue hour", StyleSettings(strength=64, stroke_size=2, quality="draft", iterations=4), overwrite=True)
    return store


def settings_in(path: Path) -> dict[str, object]:
    return dict(json.loads(read_description(path))["settings"])


def sent(folder: Path, **settings: object) -> Path:
    """A preset file that somebody has sent."""
    path = folder / f"sent{SUFFIX}"
    path.write_text(json.dumps({"velatura_preset": 1, "name": "Sent", "settings": settings}))
    return path


def test_a_restyle_uses_the_settings_of_a_preset_and_options_win_over_it(run: Run, files, store):
    restyled(run, files, "-o", files / "out.png", "--preset", "blue hour", "--strength", "50", "--seed", "3")
    used = settings_in(files / "out.png")
    assert (used["stroke_size"], used["quality"]) == (2, "draft")
    assert (used["strength"], used["seed"]) == (50, 3)  # 50 is also the default: it counts because it was given
    assert used["composite"]  # not a preset's setting


def test_a_preset_can_be_a_file(run: Run, files):
    path = sent(files, strength=64)
    restyled(run, files, "-o", files / "out.png", "--preset", path)
    assert settings_in(files / "out.png")["strength"] == 64


def test_a_batch_uses_a_preset(run: Run, files, store):
    (files / "photos").mkdir()
    Image.open(files / "photo.png").save(files / "photos" / "a.png")
    done = run("batch", files / "photos", "--style", files / "painting.png", "--preset", "Blue hour", "--json")
    assert done.returncode == 0, done.stderr
    [made] = (files / "photos-in-painting").glob("a.*")
    assert settings_in(made)["strength"] == 64


def test_a_preset_that_locks_the_strength_does_not_complain_of_its_own_strength(run: Run, files):
    path = sent(files, quality="paper", strength=70, iterations=2)
    command = ("restyle", files / "photo.png", "--style", files / "painting.png", "--preset", path)
    done = run(*command, "-o", files / "out.png")
    assert done.returncode == 0, done.stderr
    done = run(*command, "-o", files / "two.png", "--strength", "70")
    assert (done.returncode, "Omit --strength" in done.stderr) == (2, True)


def test_settings_that_are_not_known_are_named(run: Run, files):
    done = run(
        "restyle", files / "photo.png", "--style", files / "painting.png", *QUICK, "--preset", sent(files, glow=2)
    )
    assert done.returncode == 0
    assert "glow" in done.stderr and "left out" in done.stderr


@pytest.mark.parametrize(("name", "says"), [("Faint wsh", "Did you mean “Faint wash”"), (f"x{SUFFIX}", "no such file")])
def test_a_preset_that_is_not_there_costs_one_sentence(run: Run, files, name, says):
    done = run("restyle", files / "photo.png", "--style", files / "painting.png", "--preset", name)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_presets_are_listed_shown_exported_deleted_and_imported(run: Run, files, store):
    assert "Faint wash" in run("presets").stdout
    listed = {preset["name"]: preset for preset in json.loads(run("presets", "--json").stdout)}
    assert listed["Faint wash"]["ours"] and not listed["Blue hour"]["ours"]
    shown = run("presets", "show", "Blue hour").stdout
    assert "--stroke-size" in shown and "64" in shown
    path = Path(run("presets", "export", "Blue hour", files / "for-you").stdout.strip())
    assert path == files / f"for-you{SUFFIX}"
    assert run("presets", "export", "Blue hour", path).returncode == 2  # never overwrites unasked
    assert run("presets", "export", "Blue hour", path, "--force").returncode == 0
    assert "Deleted" in run("presets", "delete", "Blue hour").stdout
    assert run("presets", "delete", "Blue hour").returncode == 2
    assert "“Blue hour”" in run("presets", "import", path).stdout
    assert store.find("Blue hour").preset.settings.strength == 64


def test_ours_cannot_be_deleted(run: Run):
    done = run("presets", "delete", "Portrait")
    assert (done.returncode, "comes with Velatura" in done.stderr) == (2, True)


def test_a_damaged_file_in_the_folder_is_named_and_the_list_is_shown(run: Run, store):
    damaged = store.folder / f"damaged{SUFFIX}"
    damaged.write_text("{")
    done = run("presets")
    damaged.unlink()
    assert done.returncode == 0
    assert "Blue hour" in done.stdout
    assert damaged.name in done.stderr


def test_names_of_strangers_are_printed_as_they_are_and_steer_no_terminal(run: Run, files, store):
    path = files / f"sky{SUFFIX}"
    odd = {"velatura_preset": 1, "name": "Sky [/] [red]", "settings": {"glow \ud800": 1}}
    path.write_text(json.dumps(odd))
    done = run("presets", "import", path)
    assert (done.returncode, "“Sky [/] [red]”" in done.stdout) == (0, True), done.stderr
    done = run("presets")
    assert (done.returncode, "Sky [/] [red]" in done.stdout) == (0, True), done.stderr
    assert json.loads(run("presets", "--json").stdout)
    out = files / "a\x1b[2J\u202eb"
    done = run("presets", "export", "Sky [/] [red]", out)
    assert "a\\x1b[2J\\u202eb" in done.stdout
    assert "Deleted" in run("presets", "delete", "Sky [/] [red]").stdout


@pytest.mark.parametrize(
    ("path", "expected"), [("", "Give the name of a file"), (".", "not a file name"), ("..", "not a file name")]
)
def test_a_path_without_a_name_costs_one_sentence(run: Run, path, expected):
    done = run("presets", "export", "Portrait", path)
    assert (done.returncode, expected in done.stderr) == (2, True), done.stderr
