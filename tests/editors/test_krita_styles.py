"""Tests in Krita on a screen: styles, regions, settings and the figures of what the network sees."""

from __future__ import annotations

import json

import pytest

from tests.editors.krita_session import activate, choose_region, open_picture, restyle
from tests.editors.session import PATIENCE
from tests.editors.user_home import velatura


def test_several_styles_make_one_result(krita):
    open_picture(krita)
    krita.execute("set_up()\npick('Poppy field', Qt.ControlModifier)")
    assert sorted(krita.execute("[s.name for s in panel().gallery.chosen()]")) == ["Night swirls", "Poppy field"]
    assert restyle(krita, style=None) in ("Night swirls + Poppy field 50 %", "Poppy field + Night swirls 50 %")


def test_a_region_is_the_selection_a_layers_alpha_or_its_lightness_as_it_was(krita):
    open_picture(krita)
    krita.execute("""
half = doc().createNode("right", "paintlayer")
half.setPixelData(b"\\xff" * (4 * 128 * 192), 128, 0, 128, 192)
source = doc().activeNode()
doc().rootNode().addChildNode(half, None)
doc().setActiveNode(source)
doc().waitForDone()
select(10, 20, 30, 40)
""")
    own = krita.execute("layers()")[0]
    activate(krita, own)
    krita.execute("set_up()\npick('Poppy field', Qt.ControlModifier)")
    choose_region(krita, "Night swirls", "Current selection")
    choose_region(krita, "Poppy field", "right")
    krita.execute("doc().setSelection(None)")
    krita.execute("one, other = sorted(panel().gallery.chosen(), key=lambda s: s.name)")
    assert krita.execute("[one.region.name, other.region.name]") == ["Selection", "right"]
    assert krita.execute(
        "one.region.coverage == bytes(256 * 20) + (bytes(10) + b'\\xff' * 30 + bytes(216)) * 40 + bytes(256 * 132)"
    )
    assert krita.execute("other.region.coverage == (bytes(128) + b'\\xff' * 128) * 192")
    krita.execute(
        f"grey = next(r for r in panel().gallery.rows._regions() if r.name == {own!r}).take().coverage\npixels = content(layer({own!r}))"
    )
    qts_grey = "(11 * pixels[4 * i + 2] + 16 * pixels[4 * i + 1] + 5 * pixels[4 * i]) // 32"
    assert krita.execute(f"max(abs(grey[i] - {qts_grey}) for i in range(256 * 192))") <= 1
    assert krita.execute("widget('region of Poppy field').text().replace('&', '')") == "right"
    # The regions are sent to the daemon, cut to what is restyled; after a resize they are refused.
    assert "Night swirls" in restyle(krita, style=None)
    assert krita.execute(
        "[bytes(g.region.data) == s.region.coverage for g, s in zip(controller().current.pictures, controller().current.styles)]"
    ) == [True, True]
    krita.execute("doc().resizeImage(0, 0, 200, 192)\ndoc().waitForDone()\nclick('start')")
    krita.wait_for("'another image' in message()", PATIENCE, "the error")
    assert krita.execute("[s.region for s in panel().gallery.chosen()]") == [None, None]


def test_a_style_from_a_document_with_a_selection_is_what_the_selection_covers(krita):
    open_picture(krita)
    krita.execute("set_up()\nselect(10, 20, 30, 40)")
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    krita.execute(
        "source = panel().gallery.sources.sources()[1]\nimage = source.take().convertToFormat(QImage.Format_RGBA8888)"
    )
    assert krita.execute("source.name") == krita.execute("f'harbour.png ▸ {layers()[0]} (selection)'")
    alpha = "image.constBits().asstring(4 * 256 * 192)[3::4]"
    assert krita.execute(
        f"{alpha} == bytes(256 * 20) + (bytes(10) + b'\\xff' * 30 + bytes(216)) * 40 + bytes(256 * 132)"
    )


def test_a_check_box_setting_is_used_and_remembered(krita):
    open_picture(krita)
    krita.execute("set_up()\nwidget('setting seamless').check_box.click()")
    assert krita.execute("panel().settings().seamless")
    restyle(krita)
    assert krita.execute(
        "controller().ui_state.settings.seamless and controller().current.finished.result.settings['seamless']"
    )
    krita.execute("widget('setting seamless').check_box.click()")


FEW_FIGURES = """
from dataclasses import replace
from velatura.figures import explain
real_figures, whole = explain.figures, explain.figures()
few = [replace(f, settings=replace(f.settings, iterations=2)) for f in (whole[0], whole[1], whole[5], whole[10], whole[-1])]
explain.figures = lambda: few
"""


@pytest.fixture
def few_figures(krita):
    krita.execute(FEW_FIGURES)
    yield
    krita.execute("explain.figures = real_figures")


def test_the_figures_are_a_document_with_one_layer_per_figure(krita, few_figures):
    open_picture(krita)
    restyle(krita)
    krita.execute("menu('Filter', 'Velatura', 'See what the network sees…')")
    krita.wait_for("'Content' in layers()", PATIENCE, "the document")
    assert krita.execute("layers()")[-3:] == ["Table", "Style", "Content"]
    assert krita.execute("[n.name() for n in layer('Content').childNodes()] == [f.name for f in few[1::-1]]")
    assert krita.execute("[n.name() for n in layer('Table').childNodes()] == [f.name for f in few[:2:-1]]")
    assert krita.execute(
        "layer(few[0].name).bounds() != layer(few[1].name).bounds() and layer(few[0].name).bounds().width() == 192"
    )
    assert krita.execute(
        "layer(few[0].name).pixelData(20, 20, 100, 100) != layer(few[-1].name).pixelData(20, 20, 100, 100)"
    )


def test_making_the_figures_can_be_cancelled(krita, few_figures):
    open_picture(krita)
    restyle(krita)
    before = krita.execute("len(K.documents())")
    krita.execute(
        "few = [replace(f, settings=replace(f.settings, iterations=20000)) for f in whole]\nmenu('Filter', 'Velatura', 'See what the network sees…')"
    )
    krita.wait_for(
        "controller().explain_task is not None and 'Scale' in controller().explain_task.dialog.labelText()",
        PATIENCE,
        "the restyle to start",
    )
    krita.execute("explaining = controller().explain_task\nexplaining.dialog.canceled.emit()")
    assert krita.execute("explaining.over")
    krita.wait_until(
        lambda: not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"],
        PATIENCE,
        "the daemon to be free",
    )
    assert krita.execute("len(K.documents())") == before


def test_a_layer_a_file_and_the_clipboard_can_be_the_style(krita):
    open_picture(krita)
    krita.execute("set_up()")
    krita.execute("panel().gallery.sources.fill_source_menu()\npanel().gallery.sources.menu.actions()[1].trigger()")
    krita.wait_for(
        "[s.name for s in panel().gallery.chosen()] == [panel().gallery.sources.sources()[1].name]",
        PATIENCE,
        "the layer to be the style",
    )
    krita.execute(
        "image = QImage(64, 64, QImage.Format_RGB32)\nimage.fill(QColor('teal'))\nQApplication.clipboard().setImage(image)\nclick('paste')"
    )
    krita.wait_for(
        "[s.name for s in panel().gallery.chosen()] == ['Pasted image']", PATIENCE, "the clipboard's picture"
    )
    krita.execute(f"panel().gallery.add_files([{str(krita.home / 'grey.png')!r}])")
    krita.wait_for("[s.name for s in panel().gallery.chosen()] == ['Grey']", PATIENCE, "the file's picture")
    assert restyle(krita, style=None) == "Grey 50 %"


def test_a_file_that_only_krita_can_open_is_opened_by_krita_and_one_that_nobody_can_is_named(krita):
    open_picture(krita, "large.png")  # no other test takes a style from it: the same pixels are the same style
    layered, broken = str(krita.home / "layered.psd"), krita.home / "broken.psd"
    broken.write_bytes(b"8BPS but nothing else")
    krita.execute(f"K.setBatchmode(True)\ndoc().exportImage({layered!r}, InfoObject())\nK.setBatchmode(False)")
    before = krita.execute("len(K.documents())")
    krita.execute(f"set_up()\npanel().gallery.add_files([{layered!r}])")
    krita.wait_for("[s.name for s in panel().gallery.chosen()] == ['Layered']", PATIENCE, "the style")
    assert krita.execute("len(K.documents())") == before
    krita.execute(f"panel().gallery.add_files([{str(broken)!r}])")
    krita.wait_for("'broken.psd' in message()", PATIENCE, "the error")
