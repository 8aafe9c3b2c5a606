"""Tests in GIMP without a screen: the result shows and mixes as its source does."""

from __future__ import annotations

import pytest

from tests.editors.gimp_session import QUICK

RESULT = "Night swirls 50 %"
LEFT_HALF = """
d.add_alpha()
own = d.create_mask(Gimp.AddMaskType.WHITE)
d.add_mask(own)
one = image()
one.select_rectangle(Gimp.ChannelOps.REPLACE, 48, 0, 48, 72)
Gimp.context_set_foreground(Gegl.Color.new('black'))
own.edit_fill(Gimp.FillType.FOREGROUND)
Gimp.Selection.none(one)
"""


def test_the_result_mixes_as_its_source_does(console, call):
    call(f"""
d.set_opacity(40.0)
d.set_mode(Gimp.LayerMode.MULTIPLY)
d.set_composite_mode(Gimp.LayerCompositeMode.CLIP_TO_BACKDROP)
d.set_composite_space(Gimp.LayerColorSpace.RGB_LINEAR)
d.set_blend_space(Gimp.LayerColorSpace.RGB_LINEAR)
restyle(d, style=S, {QUICK})""")
    assert console.execute(f"mixing(layer({RESULT!r})) == mixing(d) and mixing(d)[1] == 'multiply'")


def test_the_result_of_a_group_that_passes_through_is_an_opaque_layer(console, call):
    call("""
g = Gimp.GroupLayer.new(image(), "things")
image().insert_layer(g, None, 0)
image().insert_layer(d.copy(), g, 0)
g.set_mode(Gimp.LayerMode.PASS_THROUGH)
restyle(g, style=S, strength=0.0)""")
    assert console.execute("mixing(layer('Night swirls 0 %'))[:2]") == [100.0, "normal"]


def test_the_result_shows_only_where_its_sources_mask_shows(console, call):
    call(f"{LEFT_HALF}restyle(d, style=S, {QUICK})")
    assert console.execute(f"pixels(layer({RESULT!r}).get_mask()) == pixels(d.get_mask())")
    changed = console.execute(f"seen_difference({RESULT!r})")
    assert not [1 for i, c in enumerate(changed) if c and i % 96 >= 48]
    assert sum(changed) > 0.8 * 48 * 72


@pytest.mark.parametrize("offset", [(0, 0), (-9, 7)])
def test_with_a_selection_the_masks_are_multiplied(console, call, offset):
    x, y = offset
    call(
        f"{LEFT_HALF}\nd.set_offsets({x}, {y})\nselect(30, 20, 40, 30, feather=9)\nselected = selection_over(d)\nrestyle(d, style=S, {QUICK})"
    )
    console.execute(
        f"result = layer({RESULT!r})\nleft, top, width, height = box(result)\nleft, top = left - {x}, top - {y}\nown = floats(d.get_mask(), 'Y float')"
    )
    expected = "[selected[(top + j) * 96 + left + i] * own[(top + j) * 96 + left + i] for j in range(height) for i in range(width)]"
    difference = f"max(abs(a - b) for a, b in zip({expected}, floats(result.get_mask(), 'Y float'), strict=True))"
    assert console.execute(difference) <= 1 / 255
    assert console.execute("0.1 < max(floats(result.get_mask(), 'Y float'))")


def test_a_mask_that_is_switched_off_hides_nothing_of_the_result(console, call):
    call(f"{LEFT_HALF}d.set_apply_mask(False)\nrestyle(d, style=S, {QUICK})")
    assert console.execute(f"layer({RESULT!r}).get_mask()") is None


def test_an_inverted_selection_that_leaves_out_the_layer_is_reported(console, call):
    result = call(
        "image().resize(200, 200, 0, 0)\nselect(0, 0, 150, 150, invert=True)\nbefore = snapshot()\nrestyle(d, style=S)"
    )
    assert result[0] == "execution-error"
    assert "The selection does not overlap layer “Background”" in result[1]
    assert console.execute("snapshot() == before")


def test_only_the_part_of_an_inverted_selection_in_the_layer_is_restyled(console, call):
    call(f"image().resize(300, 300, 0, 0)\nselect(0, 0, 90, 300, invert=True)\nrestyle(d, style=S, {QUICK})")
    assert console.execute(f"box(layer({RESULT!r}))") == [26, 0, 70, 72]  # 6 × 72, and 64 pixels around it


def test_a_new_image_is_named_after_its_result(console, call):
    call(f"one = image()\nrestyle(d, style=S, {QUICK})", base="INDEXED")
    assert console.execute("image() != one and image().get_name()") == f"{RESULT}.xcf"
