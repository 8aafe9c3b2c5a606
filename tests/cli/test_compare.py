"""`velatura compare`: all combinations, one sheet, continuing, and what is said before it starts."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click import Command
from click.testing import CliRunner
from PIL import Image

from tests.support.command_line import Run
from velatura.errors import BadSetting, UsageError
from velatura.settings import StyleSettings, default_of, setting_specs
from velatura_daemon.batch.comparison import MAX_RESTYLES, Comparison, compare
from velatura_daemon.batch.comparison_sheet import MAX_SHEET_PIXELS, SIDES, Thumbnails, comparison_sheet
from velatura_daemon.batch.frames import Frame
from velatura_daemon.batch.inputs import find_pictures
from velatura_daemon.imaging.files import read_description, read_picture
from velatura_daemon.terminal.setting_options import Variant, Variation, list_options, value_text, variants_from

QUICK = ("--iterations", "2")


def lines_of(done: subprocess.CompletedProcess[str], code: int = 0) -> list[dict]:
    assert done.returncode == code, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def compared(run: Run, files: Path):
    """Return a function that runs `velatura compare photo.png --style painting.png --style mask.png … -o out`."""

    def call(*more: object, code: int = 0) -> list[dict]:
        styles = ("--style", files / "painting.png", "--style", files / "mask.png")
        return lines_of(
            run("compare", files / "photo.png", *styles, "-o", files / "out", "--json", *QUICK, *more), code
        )

    return call


def variants(*arguments: str) -> tuple[list[Variation], list[Variant]]:
    """Read the options of a command as `velatura compare` does."""
    found: list[tuple[list[Variation], list[Variant]]] = []
    command = Command("compare", params=list_options(quality="draft")(lambda: None).__click_params__[::-1])
    command.callback = lambda **values: found.append(variants_from(values, MAX_RESTYLES))
    outcome = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return found[0]


# --- the combinations -------------------------------------------------------------------------------------------
def test_every_setting_takes_several_values():
    for name, spec in setting_specs().items():
        default = default_of(name)
        values = [choice for choice, _ in spec.choices][:2]
        values = values or (["yes", "no"] if isinstance(default, bool) else [f"{spec.low:g}", f"{spec.low + 1:g}"])
        more = ("--quality", "paper") if name == "balance" else ()
        variations, made = variants("--" + name.replace("_", "-"), ",".join(values), *more)
        assert [variation.setting for variation in variations] == [name]
        assert [value_text(getattr(variant.settings, name)) for variant in made] == values


def test_settings_vary_in_the_order_of_the_command_line_the_last_one_fastest():
    variations, made = variants("--seed", "3,4", "--strength", "25,50,25")
    assert [(each.setting, each.values) for each in variations] == [("seed", (3, 4)), ("strength", (25.0, 50.0))]
    assert [(each.settings.seed, each.settings.strength) for each in made] == [(3, 25), (3, 50), (4, 25), (4, 50)]


def test_pictures_are_drafts_unless_the_quality_is_given():
    assert variants()[1][0].settings == StyleSettings(quality="draft", composite=True)
    assert variants("--quality", "good")[1][0].settings.quality == "good"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--strength", "25,500"), "'strength' cannot be '?500.*0 to 100 %"),
        (("--strength", "25,,50"), "'strength'.*a number"),
        (("--seed", "1,2.5"), "'seed'.*a whole number"),
        (("--seamless", "yes,maybe"), "'maybe'. It takes yes or no\\.$"),
        (("--pooling", "max,min"), "'pooling'.*antialiased"),
        (("--quality", "draft,paper", "--strength", "20"), "Omit --strength"),
    ],
)
def test_a_wrong_value_is_named_with_its_setting_and_range(arguments, expected):
    with pytest.raises(BadSetting, match=expected):
        variants(*arguments)


def test_too_many_combinations_are_counted_but_not_made():
    many = ",".join(map(str, range(100)))
    with pytest.raises(UsageError, match=r"100000000 combinations.*fewer values"):
        variants("--seed", many, "--fine", many, "--coarse", many, "--middle", many)


# --- names and layout -------------------------------------------------------------------------------------------
def planned(photos: int = 1, styles: int = 1, **values: tuple[float, ...]) -> Comparison:
    variations = [Variation(name, each) for name, each in values.items()]
    made = [
        Variant(dict(zip(values, each, strict=True)), StyleSettings(**dict(zip(values, each, strict=True))))
        for each in itertools.product(*values.values())
    ]
    photo_paths = [Path(f"photo{number}.jpg") for number in range(photos)]
    style_paths = [Path(f"style{number}.png") for number in range(styles)]
    return compare(photo_paths, style_paths, variations, made, list(values), Path("out"))[0]


def test_names_tell_photo_style_and_the_given_settings():
    comparison = planned(strength=(25.0, 50.0), style_depth=(3, 5))
    names = [frame.output.name for frame in comparison.frames.values()]
    assert names[:2] == [
        "photo0-in-style0-strength-25-style-depth-3.jpg",
        "photo0-in-style0-strength-25-style-depth-5.jpg",
    ]
    assert len(set(names)) == 4


def test_files_of_the_same_name_get_names_of_their_own_of_a_length_that_every_disk_takes():
    photos = [Path(folder) / f"{'long' * 60}.jpg" for folder in "ab"]
    settings = Variant({}, StyleSettings())
    comparison, _ = compare(photos, [Path("ü" * 120)], [], [settings], list(setting_specs()), Path("out"))
    names = [frame.output.name for frame in comparison.frames.values()]
    assert len(set(names)) == 2
    assert max(len(os.fsencode(name)) for name in names) < 225


def test_settings_that_a_quality_overrides_are_restyled_once():
    made = [Variant({"pooling": each}, StyleSettings(quality="paper", pooling=each)) for each in ("max", "average")]
    pooling = Variation("pooling", ("max", "average"))
    comparison, todo = compare([Path("a.png")], [Path("b.png")], [pooling], made, ["pooling"], Path("out"))
    assert len(todo) == 1
    assert len(comparison.frames) == 2


@pytest.mark.parametrize(
    ("comparison", "columns", "rows", "blocks"),
    [
        (planned(styles=2, strength=(1.0, 2.0)), "strength", "style", []),
        (planned(photos=3, styles=2), "style", "photo", []),
        (planned(photos=2, strength=(1.0, 2.0)), "strength", "photo", []),
        (planned(strength=(1.0, 2.0), coarse=(0.0, 9.0)), "strength", "coarse", []),
        (planned(2, 2, strength=(1.0, 2.0), coarse=(0.0, 9.0)), "strength", "style", ["photo", "coarse"]),
        (planned(), None, None, []),
        (planned(photos=9), None, None, ["photo"]),
    ],
)
def test_columns_are_the_first_setting_rows_the_styles_and_the_rest_blocks(comparison, columns, rows, blocks):
    layout = comparison.layout()
    assert (layout.columns.name if layout.columns else None, layout.rows.name if layout.rows else None) == (
        columns,
        rows,
    )
    assert [axis.name for axis in layout.blocks] == blocks
    axes = [axis for axis in (layout.columns, layout.rows) if axis]
    shown = [
        comparison.frame_at({**position, **dict(zip([axis.name for axis in axes], indices, strict=True))})
        for position in layout.positions()
        for indices in itertools.product(*(range(axis.length) for axis in axes))
    ]
    assert sorted(shown, key=str) == sorted(comparison.frames.values(), key=str)  # each exactly once


@pytest.mark.parametrize(
    "comparison",
    [
        planned(strength=tuple(map(float, range(100))), seed=tuple(range(5))),
        planned(photos=500),
        planned(photos=250, styles=2),
        planned(2, 2, strength=(1.0, 2.0), fine=(1.0, 2.0), seed=tuple(range(31))),
    ],
)
def test_the_largest_sheets_are_within_the_limits_of_a_jpeg(comparison):
    assert len(comparison.frames) <= MAX_RESTYLES
    none = Thumbnails([None] * len(comparison.photos), [None] * len(comparison.styles))
    sheet = comparison_sheet(comparison, none, [])
    assert sheet.width * sheet.height <= MAX_SHEET_PIXELS
    assert max(sheet.width, sheet.height) < 65_000


def test_a_picture_without_a_result_leaves_its_cell_empty(tmp_path):
    comparison = planned(strength=(25.0, 50.0))
    frames = list(comparison.frames.values())
    red = tmp_path / "red.png"
    Image.new("RGB", (64, 64), "red").save(red)
    shown = Frame(frames[0].photo, red)
    comparison = Comparison(
        comparison.photos, comparison.styles, comparison.variations, {(0, 0, 0): shown, (0, 0, 1): frames[1]}
    )
    sheet = comparison_sheet(comparison, Thumbnails([None], [None]), {shown})
    pixels = np.frombuffer(sheet.data, np.uint8).reshape(sheet.height, sheet.width, 3)
    cell = SIDES[0] ** 2
    assert (pixels == (255, 0, 0)).all(axis=2).sum() == cell
    assert cell <= (pixels == (0xE6, 0xE6, 0xE6)).all(axis=2).sum() < 1.01 * cell  # with the edges of letters


# --- the command ------------------------------------------------------------------------------------------------
def test_all_combinations_are_written_with_a_sheet_and_only_what_is_new_is_restyled_again(compared, files):
    lines = compared("--strength", "25,75")
    last = lines[-1]
    assert (last["made"], last["already"], last["failed"]) == (4, 0, [])
    assert any("4 restyles" in line.get("sentence", "") for line in lines)
    result = files / "out" / "photo-in-painting-strength-75-iterations-2.png"
    settings = json.loads(read_description(result))["settings"]
    assert (settings["strength"], settings["quality"]) == (75, "draft")
    assert Path(last["contact_sheet"]) == files / "out" / "sheet.jpg"
    assert read_picture(files / "out" / "sheet.jpg").picture.width > 2 * SIDES[0]
    assert len(find_pictures([files / "out"]).photos) == 4  # the sheet is none
    again = compared("--strength", "25,50,75")
    assert (again[-1]["made"], again[-1]["already"]) == (2, 4)
    assert any("2 restyles (4 of 6 are already done)" in line.get("sentence", "") for line in again)
    same = compared("--strength", "25,50,75")
    assert (same[-1]["made"], same[-1]["already"]) == (0, 6)


def test_a_changed_photo_is_restyled_again(compared, files):
    compared()
    Image.new("RGB", (32, 24), "green").save(files / "photo.png")
    assert compared()[-1]["made"] == 2


def test_an_interrupt_leaves_a_sheet_of_what_is_done(warm, files):
    env = {**os.environ, "VELATURA_HOME": str(warm.home), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    arguments = ("compare", files / "photo.png", "--style", files / "painting.png", "--strength", "20,40,60,80")
    slow = ("--iterations", "300", "--optimiser", "adam", "-o", files / "out", "--json")
    command = [sys.executable, "-m", "velatura_daemon", *map(str, (*arguments, *slow))]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for text in process.stdout:
        if json.loads(text)["event"] == "made":
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=400)
    assert re.fullmatch(
        r"Stopped\. [1-3] of 4 pictures are done, .* Sheet of the results so far: .*sheet\.jpg\n", err
    ), err
    assert (files / "out" / "sheet.jpg").exists()


def test_a_photo_that_cannot_be_read_is_listed_and_the_others_are_restyled(run, files):
    (files / "bad.png").write_bytes((files / "photo.png").read_bytes()[:200])
    done = run(
        "compare", files / "bad.png", files / "photo.png", "--style", files / "painting.png", "--json", *QUICK,
        "-o", files / "out",
    )  # fmt: skip
    last = lines_of(done, code=1)[-1]
    assert (last["made"], [failure["code"] for failure in last["failed"]]) == (1, ["not_a_picture"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--seed", ",".join(map(str, range(51)))), "51 restyles.*--yes"),
        (("--style", "{files}/nothere.png"), "nothere.png does not exist"),
        (("--style", "{files}/mask.png:0.3"), "has a share"),
        (("--seed", ",".join(map(str, range(501)))), "501 combinations.*500"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_restyled(run, files, arguments, expected):
    words = [word.format(files=files) for word in arguments]
    done = run("compare", files / "photo.png", "--style", files / "painting.png", "-o", files / "out", *words, *QUICK)
    assert done.returncode == 2, done.stderr
    assert re.search(expected, done.stderr), done.stderr
    assert not (files / "out").exists()


def test_a_device_that_is_not_there_is_the_reason_and_leaves_no_folder(run, files):
    done = run(
        "compare", files / "photo.png", "--style", files / "painting.png", "--strength", "20,40", "--device", "cuda:99",
        "-o", files / "new" / "out",
    )  # fmt: skip
    assert done.returncode == 1
    assert "2 restyles. How long they will take is not known. This machine has no device 'cuda:99'." in done.stderr
    assert "not measured" not in done.stderr and "Run the same command again" not in done.stderr
    assert not (files / "new").exists()


def test_without_any_result_there_is_no_sheet_and_no_folder(run, files):
    (files / "photo.png").write_bytes(b"damaged")
    done = run("compare", files / "photo.png", "--style", files / "painting.png", "-o", files / "out", *QUICK)
    assert (done.returncode, done.stdout) == (1, "")
    assert "No pictures were restyled" in done.stderr and "sheet" not in done.stderr
    assert not (files / "out").exists()


def test_a_file_with_the_sheets_name_is_not_overwritten(compared, files):
    (files / "out").mkdir()
    (files / "out" / "sheet.jpg").write_bytes(b"precious")
    lines = compared()
    assert (files / "out" / "sheet.jpg").read_bytes() == b"precious"
    assert any("No sheet was written" in line.get("sentence", "") for line in lines)


def test_a_comparison_takes_the_pages_truncated_files_and_metadata_options_of_a_restyle(run, files):
    pages = [Image.new("RGB", (32, 24), colour) for colour in ("red", "blue")]
    pages[0].save(files / "pages.tif", save_all=True, append_images=pages[1:])
    Image.effect_noise((64, 64), 90).convert("RGB").save(files / "style.jpg", quality=95)
    style = (files / "style.jpg").read_bytes()
    (files / "style.jpg").write_bytes(style[: len(style) * 2 // 3])
    words = ("compare", files / "pages.tif", "--style", files / "style.jpg", "-o", files / "out", "--json", *QUICK)
    assert "--salvage" in run(*words).stderr
    more = ("--salvage", "--page", "2", "--strip-metadata", "--start", "content", "--strength", "0")
    lines = lines_of(run(*words, *more))
    assert any("style.jpg" in line.get("sentence", "") for line in lines)  # what was made of the truncated file
    (result,) = (files / "out").glob("pages-in-style*.tif")
    red, _, blue = np.asarray(Image.open(result)).reshape(-1, 3).mean(axis=0)
    assert blue > red
    assert not read_description(result)
