"""Tests in GIMP without a screen: the styles and regions of scripts, and the figures of what the network sees."""

from __future__ import annotations

import pytest

from tests.editors.gimp_session import QUICK


# --- styles ------------------------------------------------------------------------------------------
def test_a_layer_of_another_image_can_be_the_style(console, call):
    assert call(
        f"other = load(T).get_layers()[0]\nother.set_name('tiles')\nrestyle(d, style_drawable=other, {QUICK})"
    ) == ["success", "", "tiles 50 %"]


def test_several_styles_make_one_result(console, call):
    result = call(f"restyle(d, styles=[S, T + ':0.3'], {QUICK})")
    assert result == ["success", "", "Night swirls + Mosaic 50 %"]


def test_a_style_that_only_gimp_can_open_is_opened_by_gimp(console, call):
    result = call(f"""
painting = load(T)
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, painting, Gio.File.new_for_path({str(console.home / "tiles.xcf")!r}), None)
painting.delete()
restyle(d, style={str(console.home / "tiles.xcf")!r}, {QUICK})""")
    assert result == ["success", "", "Tiles 50 %"]
    assert console.execute("len(images())") == 1


HALVES = """
select(0, 0, 48, 72)
Gimp.Selection.save(image()).set_name('left')
Gimp.Selection.none(image())
half = Gimp.Layer.new(image(), 'right', 48, 72, Gimp.ImageType.RGBA_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
image().insert_layer(half, None, 0)
half.fill(Gimp.FillType.WHITE)
half.set_offsets(48, 0)
"""


LEFT, RIGHT = "(b'\\xff' * 48 + bytes(48)) * 72", "(bytes(48) + b'\\xff' * 48) * 72"


def test_a_region_is_a_channel_a_layers_alpha_or_its_lightness_or_a_file(console, call, plugin_modules):
    call(HALVES)
    assert console.execute(f"canvas_regions.region_named(image(), 'left').coverage == {LEFT}")
    assert console.execute(f"canvas_regions.region_named(image(), 'right').coverage == {RIGHT}")
    assert console.execute("canvas_regions.region_named(image(), 'Background').coverage == pixels(d, \"Y' u8\")")
    assert console.execute(
        f'canvas_regions.region_named(image(), {str(console.home / "small.png")!r}).coverage == pixels(d, "Y\' u8")'
    )
    assert console.execute("[one.name for one in canvas_regions.region_sources(image())]") == [
        "left",
        "right",
        "Background",
    ]


@pytest.mark.parametrize("precision", ["8 bits", "16 bits", "8 bits, linear"])
def test_a_feathered_selection_is_the_same_region_as_a_channel_made_of_it(console, call, plugin_modules, precision):
    call("1", precision=precision)
    console.execute(
        "select(20, 20, 40, 30, feather=9)\nGimp.Selection.save(image()).set_name('soft')\nsoft = canvas_regions.region_sources(image())[0].take()"
    )
    assert console.execute("[soft.name, len(set(soft.coverage)) > 9]") == ["Selection", True]
    assert (
        console.execute(
            "max(abs(a - b) for a, b in zip(soft.coverage, canvas_regions.region_named(image(), 'soft').coverage, strict=True))"
        )
        <= 1
    )


def test_regions_of_a_script_are_sent_to_the_daemon_relative_to_the_layer(console, call, plugin_modules):
    call(HALVES)
    console.execute("""
config = Gimp.get_pdb().lookup_procedure(RESTYLE).create_config()
config.set_property('regions', ['left'])
sent = []
class RecordingClient(windowless.Client):
    def restyle(self, content, styles, settings, **more):
        sent.extend(styles)
        raise KeyboardInterrupt
real, windowless.Client = windowless.Client, RecordingClient
d.set_offsets(-10, 0)
try:
    windowless.restyle('gimp', canvas.Canvas(image(), [d], show=False), arguments.with_regions(config, [Style(S, 'S'), Style(T, 'T')], image()), arguments.settings(config))
except KeyboardInterrupt:
    windowless.Client = real
""")
    assert console.execute("[one.region is None for one in sent]") == [False, True]
    assert console.execute("bytes(sent[0].region.data) == (bytes(10) + b'\\xff' * 48 + bytes(38)) * 72")


def test_two_styles_in_two_regions_make_one_layer(console, call):
    result = call(f"{HALVES}restyle(d, styles=[S, T], regions=['left', 'right'], {QUICK})")
    assert result == ["success", "", "Night swirls + Mosaic 50 %"]


def test_outside_the_only_region_the_image_changes_less(console, call):
    call(f"{HALVES}restyle(d, styles=[S], regions=['left'], {QUICK})")
    console.execute(
        "a, b = floats(layer('Night swirls 50 %')), floats(d)\nchange = [abs(x - y) for x, y in zip(a, b, strict=True)]\nper_row = 96 * 4"
    )
    left, right = (
        console.execute(f"sum(sum(change[y * per_row + {x} : y * per_row + {x} + 160]) for y in range(72))")
        for x in (0, 224)
    )
    assert left > 2 * right  # without the eight columns on either side of the edge


def test_a_style_from_a_layer_with_a_selection_is_what_the_selection_covers(console, call, plugin_modules):
    call(
        "select(20, 16, 50, 40)\nsource = canvas_styles.source_of(image(), d, 'tiles')\npicture = canvas_styles.picture_of(source)"
    )
    assert console.execute("source.name") == "tiles (selection)"
    assert console.execute(
        "bytes(picture.data)[3::4] == bytes(96 * 16) + (bytes(20) + b'\\xff' * 50 + bytes(26)) * 40 + bytes(96 * 16)"
    )
    assert console.execute("len(images()) == 1 and layers() == ['Background']")
    assert console.execute("[one.name for one in canvas_styles.layers_of(image())]") == [
        "[Untitled] ▸ Background (selection)"
    ]


def test_a_closed_image_has_no_thumbnail_and_gimp_is_not_asked_for_one(console, call, plugin_modules):
    call(
        "other = load(T)\nsource = canvas_styles.source_of(other)\nis_shown = canvas_styles.thumbnail(source, 64) is not None\nother.delete()"
    )
    said = len(console.log())
    assert console.execute("[is_shown, canvas_styles.thumbnail(source, 64)]") == [True, None]
    assert console.log()[said:].strip() == ""


# --- figures ------------------------------------------------------------------------------------------
def test_the_figures_are_an_image_with_one_layer_per_figure(console, call, plugin_modules):
    call("""
from dataclasses import replace
whole = windowless.figures()
few = [replace(f, settings=replace(f.settings, iterations=2)) for f in (whole[0], whole[1], whole[5], whole[10], whole[-1])]
real, windowless.figures = windowless.figures, lambda: few
windowless.explain('gimp', canvas.Canvas(image(), [d], show=False), Style(S, 'S'))
windowless.figures = real""")
    assert console.execute(
        "layers() == [['Content', [f.name for f in few[:2]]], ['Style', [few[2].name]], ['Table', [f.name for f in few[3:]]], 'Background']"
    )
    assert console.execute("box(layer(few[0].name))[:2] != box(layer(few[1].name))[:2]")
    assert console.execute("largest_difference(layer(few[0].name), layer(few[-1].name))") > 0.1


def test_without_a_style_making_the_figures_reports_it(console, call, no_last_settings):
    assert "Choose a style" in call("run('plug-in-velatura-explain', d)")[1]
