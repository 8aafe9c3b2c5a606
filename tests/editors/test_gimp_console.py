"""Tests in GIMP without a screen: the procedures as scripts call them, with a real daemon."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.editors.gimp_session import QUICK
from tests.editors.session import CLONE, PATIENCE
from tests.editors.user_home import velatura


def test_a_whole_layer_becomes_a_new_layer_above_it(console, call):
    result = call(f"before = pixels(d)\nkind_before = kind()\nrestyle(d, style=S, strength=70.0, {QUICK})")
    assert result == ["success", "", "Night swirls 70 %"]
    assert console.execute("layers()") == ["Night swirls 70 %", "Background"]
    assert console.execute("pixels(d) == before and kind() == kind_before")
    assert console.execute("box(layer('Night swirls 70 %')) == box(d)")
    assert console.execute("largest_difference(layer('Night swirls 70 %'), d)") > 0.1
    assert console.execute("[one.get_name() for one in image().get_selected_layers()]") == ["Background"]


def test_a_feathered_selection_becomes_the_results_mask_and_outside_nothing_differs(console, call):
    call(f"select(30, 20, 40, 30, feather=6)\nrestyle(d, style=S, {QUICK})")
    console.execute("result = layer('Night swirls 50 %')")
    assert console.execute("floats(result.get_mask(), 'Y float') == selection_over(result)")
    changed = console.execute("seen_difference('Night swirls 50 %')")
    selected = console.execute("selection_over(d)")
    assert not [1 for c, s in zip(changed, selected, strict=True) if c and s == 0]
    inside = [c for c, s in zip(changed, selected, strict=True) if s > 0.5]
    assert sum(inside) > 0.8 * len(inside)
    assert sum(1 for s in selected if 0.1 < s < 0.9) > 0  # it is feathered
    assert console.execute("layer('Night swirls 50 %').get_edit_mask()") is False


def test_an_inverted_selection_at_the_canvas_edge_keeps_the_middle(console, call):
    call(f"select(20, 16, 50, 40, invert=True)\nrestyle(d, style=S, {QUICK})")
    changed, selected = console.execute("seen_difference('Night swirls 50 %')"), console.execute("selection_over(d)")
    assert not [1 for c, s in zip(changed, selected, strict=True) if c and s == 0]
    assert sum(changed) > 0.7 * sum(selected)


@pytest.mark.parametrize("offset", [(-20, 10), (40, 30)])
def test_a_layer_off_the_canvas_is_restyled_as_a_whole_and_in_its_place(console, call, offset):
    x, y = offset
    assert call(f"d.set_offsets({x}, {y})\nrestyle(d, style=S, strength=0.0)")[0] == "success"
    assert console.execute("box(image().get_layers()[0])") == [x, y, 96, 72]
    assert console.execute("largest_difference(image().get_layers()[0], d)") <= 1e-6


def test_with_an_offset_layer_the_selection_is_where_it_is_on_the_canvas(console, call):
    call(f"d.set_offsets(30, 10)\nselect(40, 20, 20, 20)\nrestyle(d, style=S, {QUICK})")
    x, y, width, height = console.execute("box(image().get_layers()[0])")
    assert x <= 40
    assert y <= 20
    assert x + width >= 60
    assert y + height >= 40
    assert console.execute(
        "floats(image().get_layers()[0].get_mask(), 'Y float') == selection_over(image().get_layers()[0])"
    )


def test_a_layer_larger_than_the_canvas_is_restyled_as_a_whole(console, call):
    call("image().resize(40, 40, -10, -10)\nrestyle(d, style=S, strength=0.0)")
    assert console.execute("box(image().get_layers()[0])") == [-10, -10, 96, 72]


def test_a_group_is_restyled_as_it_looks_and_its_result_is_above_it(console, call):
    assert (
        call("""
g = Gimp.GroupLayer.new(image(), "things")
image().insert_layer(g, None, 0)
inner = d.copy()
image().insert_layer(inner, g, 0)
inner.set_offsets(9, 7)
restyle(g, style=S, strength=0.0)""")[0]
        == "success"
    )
    assert console.execute("layers()") == ["Night swirls 0 %", ["things", ["Background copy"]], "Background"]
    assert console.execute("box(layer('Night swirls 0 %'))") == [9, 7, 96, 72]
    assert console.execute("largest_difference(layer('Night swirls 0 %'), d)") <= 1e-6


@pytest.mark.parametrize("fx", ["gegl:invert-gamma", "gegl:dropshadow"])
def test_a_layer_with_filters_on_it_is_restyled_as_it_looks(console, call, fx):
    """fx: one that changes colours, one that makes the layer larger."""
    call(
        f"d.append_filter(Gimp.DrawableFilter.new(d, {fx!r}, 'fx'))\nseen = Gimp.Layer.new_from_visible(image(), image(), 'seen')\nimage().clean_all()"
    )
    console.execute("run_before = snapshot()\nresult = restyle(d, style=S, strength=0.0)")
    assert console.execute("largest_difference(image().get_layers()[0], seen)") <= 2 / 255
    assert console.execute(
        "len(d.get_filters()) == 1 and [part[:3] for part in snapshot()[1][1:]] == [part[:3] for part in run_before[1]]"
    )
    assert console.execute("len(image().get_layers())") == 2


def test_in_a_group_the_result_is_above_its_source_in_the_group(console, call):
    call("""
g = Gimp.GroupLayer.new(image(), "things")
image().insert_layer(g, None, 0)
inner = d.copy()
image().insert_layer(inner, g, 0)
restyle(inner, style=S, strength=0.0)""")
    assert console.execute("layers()") == [["things", ["Night swirls 0 %", "Background copy"]], "Background"]


def test_the_next_result_is_above_the_last_one(console, call):
    call("restyle(d, style=S, strength=0.0)\nrestyle(d, style=T, strength=0.0)")
    assert console.execute("layers()") == ["Mosaic 0 %", "Night swirls 0 %", "Background"]


def test_for_a_layer_mask_its_layer_is_restyled(console, call):
    result = call("m = d.create_mask(Gimp.AddMaskType.WHITE)\nd.add_mask(m)\nrestyle(m, style=S, strength=0.0)")
    assert result == ["success", "", "Night swirls 0 %"]


# (precision, base, profile): what a round trip through float sRGB may cost


SPACES = {
    ("8 bits", "RGB", ""): 1e-6,
    ("16 bits", "RGB", ""): 1e-6,
    ("32 bits", "RGB", ""): 1e-6,
    ("8 bits, linear", "RGB", ""): 1e-6,
    ("16 bits, linear", "RGB", ""): 2e-5,
    ("half float", "RGB", ""): 1e-6,
    ("half float, linear", "RGB", ""): 1e-3,
    ("float", "RGB", ""): 1e-6,
    ("float, linear", "RGB", ""): 1e-5,
    ("double", "RGB", ""): 1e-6,
    ("8 bits", "GRAY", ""): 1e-6,
    ("16 bits", "GRAY", ""): 2e-5,
    ("float, linear", "GRAY", ""): 1e-5,
    ("8 bits", "RGB", "Adobe RGB"): 1e-6,
    ("16 bits", "RGB", "Adobe RGB"): 8e-4,  # GIMP's own round trip: 7.2e-4
}


@pytest.mark.parametrize("space", SPACES, ids=" ".join)
def test_the_result_has_the_precision_of_its_image(console, call, space):
    precision, base, profile = space
    own = call("kind()", precision=precision, base=base, profile=profile)
    # At strength 0 the picture comes back, so that only the conversions are left.
    assert console.execute("restyle(d, style=S, strength=0.0)")[0] == "success"
    assert console.execute("largest_difference(image().get_layers()[0], d)") <= SPACES[space]
    assert console.execute(f"restyle(d, style=S, {QUICK})")[0] == "success"
    result = "layer('Night swirls 50 %')"
    assert console.execute(f"{result}.is_gray()") is (base == "GRAY")
    assert 0.05 < console.execute(f"largest_difference({result}, d)") <= 1.01
    assert console.execute("kind()") == own


def test_transparent_pixels_stay_transparent(console, call):
    call(f"""
d.add_alpha()
select(0, 0, 40, 72)
d.edit_clear()
Gimp.Selection.none(image())
restyle(d, style=S, {QUICK})""")
    assert console.execute("floats(layer('Night swirls 50 %'))[3::4] == floats(d)[3::4]")
    assert console.execute("sum(a == 0 for a in floats(d)[3::4])") == 40 * 72


def test_an_indexed_images_result_opens_as_a_new_rgb_image(console, call):
    before = call("snapshot()", base="INDEXED")
    assert console.execute(f"one = image()\nrestyle(d, style=S, {QUICK})")[0] == "success"
    assert console.execute("snapshot(one)") == before
    assert console.execute("len(images())") == 2
    assert console.execute("kind()[0]") == "rgb"
    assert console.execute("layers()") == ["Night swirls 50 %", console.execute("d.get_name()")]


def test_composite_blends_the_selection_and_makes_no_mask(console, call):
    call(f"select(30, 20, 20, 20)\nrestyle(d, style=S, composite=True, {QUICK})")
    assert console.execute("layer('Night swirls 50 %').get_mask()") is None
    changed, selected = console.execute("seen_difference('Night swirls 50 %')"), console.execute("selection_over(d)")
    assert not [1 for c, s in zip(changed, selected, strict=True) if c and s == 0]
    assert sum(changed) > 0.8 * sum(selected)


def test_without_a_last_restyle_repeat_and_restyle_again_report_it(console, call, no_last_settings):
    last = "run(RESTYLE, d, mode=Gimp.RunMode.WITH_LAST_VALS)"
    assert "Nothing has been restyled yet" in call(last)[1]
    assert "Nothing has been restyled yet" in call("run(AGAIN, d)")[1]


def test_settings_of_a_script_do_not_become_the_last_settings_of_the_user(console, call, no_last_settings):
    call("restyle(d, style=S, strength=0.0)")
    assert "Nothing has been restyled yet" in console.execute("run(AGAIN, d)")[1]


# --- errors -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        ("restyle(d)", "calling-error", "No style is given"),
        ("restyle(d, style='/nowhere/painting.png')", "execution-error", "“painting.png” could not be read"),
        ("restyle(d, styles=[S + ':-1'])", "calling-error", "must be a number over 0"),
        ("restyle(d, style=S, regions=['nowhere'])", "calling-error", "no channel or layer “nowhere”"),
        (
            "restyle(d, style=S, regions=['', ''])",
            "calling-error",
            "The number of regions (2) differs from the number of styles (1)",
        ),
        (
            "Gimp.Selection.save(image()).set_name('none')\nrestyle(d, style=S, regions=['none'])",
            "execution-error",
            "“none” is empty",
        ),
        ("restyle([], style=S)", "execution-error", "There is no layer to restyle"),
        ("restyle([d, d], style=S)", "execution-error", "There is no layer to restyle"),
        (
            "d.set_offsets(40, 30)\nselect(0, 0, 20, 20)\nrestyle(d, style=S)",
            "execution-error",
            "The selection does not overlap layer “Background”",
        ),
        (
            "c = Gimp.Channel.new(image(), 'c', 96, 72, 100, Gegl.Color.new('red'))\nimage().insert_channel(c, None, 0)\nrestyle(c, style=S)",
            "execution-error",
            "There is no layer to restyle",
        ),
    ],
)
def test_wrong_arguments_are_reported_and_nothing_changes(console, call, code, status, sentence):
    *before, last = code.split("\n")
    result = call("\n".join([*before, "as_it_was = snapshot()", last]))
    assert result[0] == status
    assert sentence in result[1]
    assert console.execute("snapshot() == as_it_was")


def test_an_unreadable_file_is_reported(console, call):
    result = call(f"restyle(d, style={str(console.home / 'broken.png')!r})")
    assert result[0] == "execution-error"
    assert "broken.png" in result[1]
    assert "Choose another file" in result[1]


def test_a_killed_daemon_is_reported_and_the_next_restyle_works(console, call):
    result: list = []
    midway = threading.Thread(
        target=lambda: result.append(call("restyle(d, style=S, quality='good', iterations=20000)"))
    )
    midway.start()
    console.wait_until(lambda: "running" in json.dumps(status(console)["jobs"]), PATIENCE, "the job to run")
    os.kill(status(console)["pid"], signal.SIGKILL)
    midway.join(PATIENCE)
    assert result[0][0] == "execution-error"
    assert "estyle again" in result[0][1]
    assert console.execute("layers()") == ["Background"]
    assert call(f"restyle(d, style=S, {QUICK})")[0] == "success"
    velatura(console.home, "daemon", "stop")  # the one that GIMP started in its own namespace
    velatura(console.home, "daemon", "start")


def status(session) -> dict:
    return json.loads(velatura(session.home, "daemon", "status", "--json"))


# --- the example in the docs -------------------------------------------------------------------------
def test_the_results_window_refuses_scripts_and_names_the_commands_for_them(call):
    status, why, _ = call("run('plug-in-velatura-results', d)")
    assert status == "calling-error"
    assert "velatura results" in why


def test_the_example_restyles_a_folder(console, tmp_path_factory):
    """Runs the script of docs/gimp.md with its folders replaced."""
    example = re.search(r"```python\n(.*?)```", (CLONE / "docs/gimp.md").read_text(), flags=re.DOTALL)
    assert example is not None
    photos, done = console.home / "photos", console.home / "restyled"
    photos.mkdir()
    for name in ("one", "two"):
        (photos / f"{name}.png").write_bytes((console.home / "small.png").read_bytes())
    script = example[1]
    for known, own in (
        ("/home/me/photos", photos),
        ("/home/me/restyled", done),
        ("/home/me/painting.jpg", console.home / "grey.png"),
    ):
        assert known in script
        script = script.replace(known, str(own))
    script = script.replace('"good"', '"draft"')
    argv = ["gimp-console", "--new-instance", "-n", "--batch-interpreter=python-fu-eval", "-b", "-", "--quit"]
    ran = subprocess.run(console.command(*argv), input=script, capture_output=True, text=True, timeout=300)
    assert sorted(path.name for path in done.iterdir()) == ["one.png", "two.png"], ran.stdout + ran.stderr
    assert Path(done / "one.png").read_bytes() != (photos / "one.png").read_bytes()
