"""Tests in Krita on a screen: layers, selections and colour spaces, through the menus and the window."""

from __future__ import annotations

import pytest

from tests.editors.krita_session import activate, choose_region, differing, open_picture, restyle, seen
from tests.editors.reporting import add_gaps, for_the_pages, say
from tests.editors.session import PATIENCE


@for_the_pages
def test_screenshots(krita):
    """Takes the screenshots of the documentation."""
    open_picture(krita, "large.png")
    krita.execute("qw = K.activeWindow().qwindow()\nqw.showMaximized()")
    krita.execute("set_up(quality='draft', iterations=0)\nclick('more')\nwindow().move(640, 60)\nclick('start')")
    krita.wait_for("panel().preview.has_preview and panel().bar.value() > 500", PATIENCE, "a preview")
    krita.photograph("krita-window")
    krita.wait_for("not busy()", 300, "the restyle")
    krita.execute("window().close()")
    krita.execute("QApplication.processEvents()")
    krita.photograph("krita-layer")
    krita.execute(
        "select(0, 0, 960, 300, feather=20)\nset_up('Night swirls', quality='draft', iterations=0, strength=55)\npick('Poppy field', Qt.ControlModifier)"
    )
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    choose_region(krita, "Night swirls", "Current selection")
    krita.execute("doc().setSelection(None)\nwindow().resize(960, 900)\nwindow().move(640, 60)")
    krita.wait_for(
        "panel().target.text().startswith('Background')", PATIENCE, "the window to notice that nothing is selected"
    )
    krita.wait_for("panel().estimate.text() != ''", PATIENCE, "the estimate")
    krita.execute("click('start')")
    krita.wait_for("panel().preview.has_preview and panel().bar.value() > 500", PATIENCE, "a preview")
    krita.photograph("krita-regions")
    krita.execute("click('cancel')\npanel().gallery.forget_regions()")


def test_a_whole_layer_becomes_a_new_layer_above_it(krita):
    open_picture(krita)
    before, source = seen(krita), krita.execute("content(layer('harbour.png') or doc().activeNode()).hex()")
    own = krita.execute("layers()")
    name = restyle(krita)
    assert name == "Night swirls 50 %"
    assert krita.execute("layers()") == [*own, name]
    assert krita.execute("space(layer('Night swirls 50 %')) == space(doc())")
    assert krita.execute(f"content(layer({own[0]!r})).hex()") == source
    assert sum(differing(krita, before, seen(krita))) > 0.9 * 256 * 192
    assert name in krita.execute("message()")


def test_the_window_shows_an_estimate_before_the_restyle_starts(krita):
    open_picture(krita)
    krita.execute("set_up()")
    krita.wait_for("panel().estimate.text() != ''", PATIENCE, "the estimate")
    krita.execute("panel().show_estimate('')\nchange('strength', 70)")
    krita.wait_for("panel().estimate.text() != ''", PATIENCE, "the next estimate")


def test_one_undo_restores_the_document_exactly(krita):
    open_picture(krita)
    before = krita.execute("snapshot()")
    assert krita.execute("undo_text()") == ""
    restyle(krita)
    assert krita.execute("snapshot()") != before
    krita.execute("undo()")
    assert krita.execute("snapshot()") == before
    assert krita.execute("undo_text()") == ""


@pytest.mark.parametrize(
    "selection",
    [
        "select(60, 50, 100, 80)",
        "select(-40, 60, 120, 200, feather=9)",
        "select(60, 50, 100, 80, feather=5, invert=True)",
        "select(0, 0, 256, 20)",
    ],
)
def test_the_result_differs_inside_the_selection_and_nowhere_else(krita, selection):
    open_picture(krita)
    krita.execute(selection)
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    before, tree = seen(krita), krita.execute("snapshot()")
    name = restyle(krita)
    selected = bytes.fromhex(krita.execute("selected().hex()"))
    changed = differing(krita, before, seen(krita))
    assert not [1 for c, s in zip(changed, selected, strict=True) if c and s == 0]
    inside = [c for c, s in zip(changed, selected, strict=True) if s > 128]
    assert sum(inside) > 0.8 * len(inside)
    assert krita.execute(f"[m.type() for m in layer({name!r}).childNodes()]") == ["transparencymask"]
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree


def test_a_group_is_restyled_as_it_looks_and_its_result_is_above_it(krita):
    open_picture(krita)
    krita.execute("""
g = doc().createGroupLayer("things")
doc().rootNode().addChildNode(g, None)
inner = doc().activeNode().duplicate()
inner.setName("inside")
g.addChildNode(inner, None)
doc().refreshProjection()
doc().waitForDone()
""")
    activate(krita, "things")
    tree = krita.execute("snapshot()")
    restyle(krita)
    assert krita.execute("layers()")[-2:] == ["things", "Night swirls 50 %"]
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree


SPACES = {
    "16-bit file": ("deep.png", None, 2e-4),
    "grey file": ("grey.png", None, 1.5 / 255),
    "16-bit linear": ("harbour.png", ("RGBA", "U16", "sRGB-elle-V2-g10.icc"), 2e-4),
    "float": ("harbour.png", ("RGBA", "F32", "sRGB-elle-V2-g10.icc"), 1e-4),
    "half float": ("harbour.png", ("RGBA", "F16", "sRGB-elle-V2-g10.icc"), 2e-3),
    "CMYK": ("harbour.png", ("CMYKA", "U8", "Chemical proof"), 5 / 255),
    "Lab": ("harbour.png", ("LABA", "U16", "Lab identity built-in"), 2e-3),
}


@pytest.mark.parametrize("name", SPACES)
def test_the_result_has_the_colour_space_of_its_document(krita, name):
    file, space, tolerance = SPACES[name]
    open_picture(krita, file, space)
    tree = krita.execute("snapshot()")
    own = krita.execute("layers()")[0]
    result = restyle(krita)
    assert krita.execute(f"space(layer({result!r}))") == krita.execute("space(doc())")
    assert krita.execute(f"content(layer({result!r})) != content(layer({own!r}))")
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree
    # At strength 0 the picture comes back, so that only the conversions are left.
    same = restyle(krita, strength=0)
    measure = "mean_difference_seen" if name == "CMYK" else "largest_difference"  # not every ink is an sRGB colour
    assert krita.execute(f"{measure}(layer({own!r}), layer({same!r}))") <= tolerance


def test_vector_and_clone_layers_are_restyled_as_they_look(krita):
    open_picture(krita)
    krita.execute("""
made = [doc().createFilterLayer("inverted", K.filter("invert"), Selection())]
clone = doc().createCloneLayer("clone", doc().activeNode())
vector = doc().createVectorLayer("vector")
vector.addShapesFromSvg('<svg width="256px" height="192px" viewBox="0 0 256 192"><rect x="20" y="30" width="150" height="100" fill="#d04020"/></svg>')
source = doc().activeNode()
for node in made + [clone, vector]:
    doc().rootNode().addChildNode(node, None)
doc().refreshProjection()
doc().waitForDone()
""")
    for name in ("clone", "vector"):
        result = restyle(krita, name, strength=0)
        names = krita.execute("layers()")
        assert names[names.index(name) + 1] == result
        assert krita.execute(f"largest_difference(layer({name!r}), layer({result!r}))") <= 1.5 / 255
        krita.execute("undo()")


LARGE = {
    "4 megapixels": (2048, 2048, "", False),
    "12 megapixels": (4000, 3000, "", False),
    "24 megapixels": (6000, 4000, "", False),
    "12 megapixels, converted, with a selection": (4000, 3000, "ClayRGB-elle-V2-g22.icc", True),
}


USUAL = "12 megapixels, converted, with a selection"  # in every run: it has the most work for each pixel


@pytest.mark.parametrize("name", [USUAL, *(pytest.param(name, marks=for_the_pages) for name in LARGE if name != USUAL)])
def test_a_large_document_is_measured(krita, name):
    """Measures a draft with a warm daemon: the gaps of Krita's event loop, and the time to the first preview."""
    open_picture(krita)
    restyle(krita)  # so that the network is loaded and the style is cached
    width, height, profile, has_selection = LARGE[name]
    say(f"restyling {name}")
    krita.execute(f"close_all()\nopen_large({str(krita.home / 'large.png')!r}, {width}, {height}, {profile!r})")
    krita.wait_for("doc() is not None and doc().activeNode() is not None", PATIENCE, "the document's view")
    if has_selection:
        krita.execute(f"select(0, 0, {width}, {height - 100}, 20)")
    krita.execute("set_up(quality='draft', iterations=4)")
    krita.wait_for("doc().tryBarrierLock() and (doc().unlock() or True)", PATIENCE, "Krita to be idle")
    inserted = krita.home / "inserted"
    inserted.unlink(missing_ok=True)
    krita.execute(f"measure_gaps({str(inserted)!r})\nclick('start')")
    krita.wait_until(inserted.exists, 300, "the large restyle")
    krita.wait_for("doc().tryBarrierLock() and (doc().unlock() or True)", PATIENCE, "Krita to be idle")
    krita.execute("gaps.stop()")
    assert len(krita.execute("layers()")) == 2, krita.execute("message()")
    add_gaps(f"Krita, {name}", krita.execute("gaps.report()"))
