"""Tests in GIMP on a screen: styles, regions and the figures of what the network sees."""

from __future__ import annotations

from tests.editors.gimp_user import CHOOSE_REGION, EXPLAIN_KEY, HEARTBEATS, STATUS_BAR_CANCEL
from tests.editors.session import PATIENCE


def test_a_region_chosen_in_the_dialog_is_sent_to_the_daemon(user):
    user.execute("select(30, 20, 40, 30)")
    user.open_dialog("Night swirls", "Mosaic")
    user.dialog(CHOOSE_REGION.format(style="Mosaic"))
    user.execute("Gimp.Selection.none(image())")
    assert user.dialog("sorted(inside_text('region of Mosaic') + inside_text('region of Night swirls'))") == [
        "Everywhere else",
        "Selection",
    ]
    user.dialog("change('seamless', True)")
    user.restyle()
    assert user.dialog("sorted(g.region is None for g in controller().current.pictures)") == [False, True]
    region = "next(bytes(g.region.data) for g in controller().current.pictures if g.region)"
    assert user.dialog(f"{region} == bytes(96 * 20) + (bytes(30) + b'\\xff' * 40 + bytes(26)) * 30 + bytes(96 * 22)")
    assert user.dialog("controller().current.settings.seamless")
    user.dialog("change('seamless', False)")


def test_making_the_figures_from_the_menu_can_be_cancelled_in_the_status_bar(user):
    user.open_dialog()
    user.restyle()
    user.close()
    user.fill_the_screen()
    user.menu(EXPLAIN_KEY)
    user.gimp.wait_until(lambda: "running" in [job["state"] for job in user.jobs()], PATIENCE, "the restyle to start")
    user.gimp.run("xdotool", "mousemove", *STATUS_BAR_CANCEL, "click", "1")
    user.gimp.wait_until(
        lambda: not [j for j in user.jobs() if j["state"] == "running"], HEARTBEATS, "the daemon to be free"
    )
    assert user.execute("len(images())") == 1


def test_an_open_image_a_layer_a_file_and_the_clipboard_can_be_the_style(user):
    home = user.gimp.home
    user.execute(
        f"other = load({str(home / 'grey.png')!r})\nother.get_layers()[0].set_name('greys')\nfirst = min(images(), key=lambda i: i.get_id())"
    )
    user.execute(
        "first.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 40, 40)\nGimp.edit_copy([first.get_layers()[0]])\nGimp.Selection.none(first)"
    )
    user.open_dialog()
    own, title = user.dialog(
        "[window().gallery._image.get_id(), [item.source.name for item in window().gallery.items() if item.source]]"
    )
    assert len(title) == 1
    user.dialog(f"pick({title[0]!r})")
    user.wait(f"[name for name, _ in chosen()] == [{title[0]!r}]", "the image to be the style")
    user.dialog(
        "from velatura_gimp import canvas_styles\nlayers = [layer for one in canvas_styles.open_images() for layer in canvas_styles.layers_of(one.image)]\nwindow().gallery.sources.add_source(next(l for l in layers if 'Background' in l.name))"
    )
    user.wait("'▸ Background' in chosen()[0][0]", "the layer to be the style")
    user.dialog("click('paste')")
    user.wait("chosen()[0][0] == 'Pasted image'", "the clipboard's picture")
    user.dialog(f"window().gallery.add_files([{str(home / 'grey.png')!r}])")
    user.wait("chosen()[0][0] == 'Grey'", "the file's picture")
    user.restyle()
    assert own == user.execute("first.get_id()")
    assert user.execute("layers(first)") == ["Grey 50 %", "Background"]


def test_an_open_image_is_chosen_beside_other_styles_and_repeat_keeps_its_name(user):
    user.execute(f"other = load({str(user.gimp.home / 'grey.png')!r})\nfirst = min(images(), key=lambda i: i.get_id())")
    user.open_dialog()
    (title,) = user.dialog("[item.source.name for item in window().gallery.items() if item.source]")
    user.dialog(f"pick('Mosaic', {title!r})")
    user.wait(f"sorted(name for name, _ in chosen()) == sorted(['Mosaic', {title!r}])", "both styles to be chosen")
    user.dialog("pick()")
    user.dialog(f"pick({title!r})")
    user.wait(f"[name for name, _ in chosen()] == [{title!r}]", "the image alone")
    user.restyle()
    user.close()
    user.key("ctrl+f")
    user.gimp.wait_until(lambda: len(user.execute("layers(first)")) == 3, PATIENCE, "the next layer")
    assert all(name.startswith(f"{title} 50 %") for name in user.execute("layers(first)")[:2])
