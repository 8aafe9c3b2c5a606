"""Tests of the gallery in a real GIMP: groups, favourites, folders, search, keys, and images from a web browser."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.editors.reporting import MEASUREMENTS
from tests.editors.session import PATIENCE
from tests.editors.web_site import ImageSite

GROUPS = "[g.title for g in window().gallery.groups()]"
CHOSEN = "sorted(s.name for s in window().gallery.chosen())"
SHOWN = "[i.style.name for i in window().gallery.items() if i.style and i.get_visible()]"
MENU = (
    "own = window().gallery\nstyle = next(i.style for i in own.items() if i.style and i.style.name == {name!r})\n"
    "dict(own.item_menu(style))[{entry!r}]()"
)


@pytest.fixture
def site():
    with ImageSite() as site:
        yield site


@pytest.fixture
def folder(gimp):
    """A folder of pictures, and of files that are none."""
    folder = gimp.home / "Paintings of mine"
    folder.mkdir()
    for number in (1, 2, 10):
        shutil.copy(gimp.home / "harbour.png", folder / f"study {number}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    (folder / "notes.txt").write_text("not a picture")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def painter(user):
    """A user with an open dialog and a gallery that nobody has arranged."""
    (user.gimp.home / "velatura/config/window-gimp.json").unlink(missing_ok=True)
    user.open_dialog()
    user.dialog("pick('Woodcut')")
    return user


def test_a_favourite_is_a_group_above_the_others_and_survives_the_dialog(painter):
    painter.dialog(MENU.format(name="Mosaic", entry="★ Add to favourites"))
    assert painter.dialog(GROUPS)[0] == "Favourites"
    assert painter.dialog("gallery()[0]") == "Mosaic"
    assert painter.dialog(CHOSEN) == ["Woodcut"]
    painter.close()
    saved = painter.gimp.home / "velatura/config/window-gimp.json"
    assert [one["name"] for one in json.loads(saved.read_text())["favourites"]] == ["Mosaic"]
    painter.open_dialog()
    assert painter.dialog("gallery()[0]") == "Mosaic"
    painter.dialog(MENU.format(name="Mosaic", entry="Remove from favourites"))
    assert "Favourites" not in painter.dialog(GROUPS)


def test_a_folder_of_paintings_becomes_a_group_that_can_be_removed(painter, folder):
    painter.dialog(f"window().gallery.add_folder({str(folder)!r})")
    painter.wait("'Study 10' in gallery()", "the folder's pictures")
    painter.dialog(
        "bar = window().gallery.view.get_vadjustment()\nbar.set_value(bar.get_upper() - bar.get_page_size())"
    )
    painter.wait("'Broken' not in gallery() and window().gallery.items()[-1].has_picture", "the thumbnails")
    assert painter.dialog("gallery()[-3:]") == ["Study 1", "Study 2", "Study 10"]
    painter.dialog("pick('Study 2')")
    painter.gimp.photograph("gimp-gallery-folder")
    painter.close()
    shutil.copy(painter.gimp.home / "grey.png", folder / "study 3.png")
    painter.open_dialog()
    painter.wait("gallery()[-4:] == ['Study 1', 'Study 2', 'Study 3', 'Study 10']", "the new picture")
    painter.close()
    shutil.rmtree(folder)
    painter.open_dialog()
    painter.wait("widget('note Paintings of mine').get_text() == 'This folder does not exist.'", "the note")
    painter.dialog("widget('remove Paintings of mine').clicked()")
    assert "Paintings of mine" not in painter.dialog(GROUPS)


def test_the_search_shows_what_fits_and_escape_clears_it_before_it_closes_the_dialog(painter):
    painter.dialog("pick('Mosaic')\nwindow().dialog.present()")
    painter.wait("window().dialog.is_active()", "the dialog to be active")
    painter.gimp.run("xdotool", "key", "ctrl+f")
    painter.wait("window().gallery.search.has_focus()", "the focus")
    painter.gimp.run("xdotool", "type", "SWirl")
    painter.wait(f"{SHOWN} == ['Night swirls']", "the search")
    assert painter.dialog(CHOSEN) == ["Mosaic"]  # it is only hidden
    painter.gimp.photograph("gimp-gallery-search")
    painter.gimp.run("xdotool", "key", "Escape")
    painter.wait("window().gallery.search.get_text() == ''", "the search to be cleared")
    assert painter.dialog("is_open()")
    painter.gimp.run("xdotool", "key", "Escape")
    painter.gimp.wait_until(painter.is_closed, PATIENCE, "the dialog to close")


def test_a_search_without_a_match_says_so(painter):
    painter.dialog("window().gallery.search.set_text('zebra')")
    painter.wait("widget('no match').get_visible()", "the note")
    assert painter.dialog("widget('no match').get_text()") == "No style is called “zebra”."
    painter.dialog("window().gallery.clear_search()")


def test_a_click_chooses_alone_and_with_ctrl_it_adds_also_in_another_group(painter):
    painter.dialog(MENU.format(name="Mosaic", entry="★ Add to favourites"))
    where = (
        "item = window().gallery.items()[gallery().index({0!r})]\n_, x, y = item.get_window().get_origin()\n"
        "box = item.get_allocation()\n[x + box.width // 2, y + box.height // 2]"
    )
    painter.wait("window().gallery.items()[1].get_allocation().width > 20", "the layout")
    for name, keys, chosen in (
        ("Mosaic", (), ["Mosaic"]),
        ("Ember waves", (), ["Ember waves"]),
        ("Mosaic", ("keydown", "ctrl"), ["Ember waves", "Mosaic"]),
        ("Mosaic", (), ["Mosaic"]),
    ):
        x, y = painter.dialog(where.format(name))
        painter.gimp.run("xdotool", "mousemove", str(x), str(y), *keys, "click", "1", "keyup", "ctrl")
        painter.wait(f"{CHOSEN} == {chosen!r}", f"{chosen} to be chosen")
    painter.gimp.run("xdotool", "key", "Down")  # from the favourites to the next group
    painter.wait(f"{CHOSEN} != ['Mosaic'] or window().dialog.get_focus().style.name != 'Mosaic'", "the next group")
    painter.gimp.run("xdotool", "key", "space")
    painter.dialog(MENU.format(name="Mosaic", entry="Remove from favourites"))


def test_an_image_dropped_by_a_browser_is_taken_as_it_is(painter):
    picture = str(painter.gimp.home / "harbour.png")
    assert painter.dialog(f"window().gallery.sources.add_drop('image/png', open({picture!r}, 'rb').read())")
    painter.wait(f"{CHOSEN} == ['Dropped image']", "the dropped image")


def test_a_dropped_link_to_an_image_is_fetched_and_named_after_its_file(painter, site):
    page, image = site.url("/page"), site.url("/la_nuit.png?width=900")
    html = f'<a href="{page}"><img src="{image}"></a>'
    assert painter.dialog(f"window().gallery.sources.add_drop('text/html', {html!r}.encode())")
    painter.wait(f"{CHOSEN} == ['La nuit']", "the fetched image")
    assert site.paths == ["/la_nuit.png?width=900"]
    assert not painter.dialog("window().gallery.sources.add_drop('text/html', b'<b>words</b>')")
    address = (site.url("/sea.png") + "\nThe sea").encode("utf-16-le")
    assert painter.dialog(f"window().gallery.sources.add_drop('text/x-moz-url', {address!r})")
    painter.wait(f"{CHOSEN} == ['Sea']", "the fetched image")


def test_a_dropped_page_that_is_no_image_has_a_sentence(painter, site):
    address = (site.url("/page") + "\r\n").encode()
    assert painter.dialog(f"window().gallery.sources.add_drop('text/uri-list', {address!r})")
    painter.wait("'did not send a readable image' in message()", "the sentence")


def test_an_address_on_the_clipboard_is_pasted(painter, site):
    painter.dialog(f"Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).set_text({site.url('/sun.png')!r}, -1)\nclick('paste')")
    painter.wait(f"{CHOSEN} == ['Sun']", "the pasted image")


def test_hundreds_of_pictures_show_the_visible_ones_at_once(painter, folder):
    for number in range(100, 480):
        (folder / f"study {number}.png").hardlink_to(painter.gimp.home / "large.png")
    painter.dialog(f"window().gallery.add_folder({str(folder)!r})")
    painter.wait("'Study 479' in gallery()", "the folder's pictures")
    seconds = painter.dialog(
        "import time\nbegin = time.monotonic()\nwindow().gallery.refresh()\ntime.monotonic() - begin"
    )
    MEASUREMENTS.append(f"GIMP: showing a gallery of 390 styles anew took {1000 * seconds:.0f} ms")
    painter.dialog("bar = window().gallery.view.get_vadjustment()")
    painter.wait("bar.get_upper() > 5000", "the layout")
    painter.wait(  # the list still grows while its layout is made
        "bar.set_value(bar.get_upper() - bar.get_page_size()) or window().gallery.items()[-1].has_picture",
        "the last thumbnail",
    )
    assert painter.dialog("len(window().gallery.view._thumbnails._cache)") < 120  # those between are not read
    painter.dialog(f"window().gallery.remove_folder({str(folder)!r})")


def test_the_compact_gallery_fits_into_a_narrow_place(painter):
    painter.dialog(
        "from velatura_gimp.gallery import Gallery\nc = controller()\nown = window().gallery\n"
        "narrow = Gallery(c.dirs, own.view._loop, own._image, lambda: None, print, print, c, compact=True)\n"
        "place = Gtk.Window(title='narrow', default_width=200, default_height=520)\nplace.add(narrow)\n"
        "place.show_all()\nnarrow.fill(c.ui_state, own.chosen() or [])\nplace.move(40, 300)\nplace.present()"
    )
    painter.wait("all(i.has_picture for i in narrow.items()[:4])", "the thumbnails")
    painter.dialog("narrow.choose([i.style for i in narrow.items()[:2]])")
    painter.gimp.photograph("gimp-gallery-compact")
    assert painter.dialog("place.get_size()[0]") <= 200
    painter.dialog("place.destroy()")
