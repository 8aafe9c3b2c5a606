"""Styles from the web: which address a drop has, what is fetched and what is refused, and what users read."""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.app_dirs import app_dirs
from velatura.editor import style_addresses
from velatura.editor.style_addresses import addresses_in, dropped_address, fetch, is_address, name_of, take_image
from velatura.errors import NotAPicture, VelaturaError


class Site(BaseHTTPRequestHandler):
    """Sends images, refusals and redirections."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/gone.png":
            self.send_error(404, "Not Found")
        elif path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", {"file": "file:///etc/passwd", "image": "/sun.png"}[path[4:]])
            self.end_headers()
        elif path == "/endless":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(bytes(1 << 16))
        elif path == "/slow-headers":
            with contextlib.suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                for _ in range(2000):
                    self.wfile.write(b"x")
                    time.sleep(0.05)
        elif path == "/slow-image":
            self.send_response(200)
            self.end_headers()
            for _ in range(2000):
                self.wfile.write(b"x")
                time.sleep(0.05)
        elif path == "/claims-too-much":
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 40))
            self.end_headers()
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"an image at " + self.path.encode())

    def handle(self) -> None:
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client has had enough

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def dirs(tmp_path):
    return app_dirs({"VELATURA_HOME": str(tmp_path)})


def read(path):
    data = Path(path).read_bytes()
    if not data.startswith(b"an image"):
        raise NotAPicture("not one")
    return data


# --- which address ------------------------------------------------------------------------------------
def test_the_image_in_a_dropped_link_is_taken_instead_of_the_page_it_leads_to():
    html = '<a href="https://a.org/page"><img alt="x" src="https://a.org/sun.jpg?w=900&amp;h=2"></a>'
    assert dropped_address(["https://a.org/page"], html) == "https://a.org/sun.jpg?w=900&h=2"
    assert dropped_address(["https://a.org/sun.jpg"], "<b>text</b>") == "https://a.org/sun.jpg"
    assert dropped_address(["file:///a.png", "x-special:1"]) is None


@pytest.mark.parametrize("text", ["http://a.org/b.png", " HTTPS://a.org ", "data:image/png;base64,AAAA"])
def test_web_addresses_and_images_in_addresses_are_accepted(text):
    assert is_address(text)


def test_a_text_that_is_no_unicode_is_no_address():
    assert not is_address("https://a.org/\ud800.png")
    assert not is_address("data:image/png,\udfff")


@pytest.mark.parametrize(
    "text", ["", "hello", "ftp://a.org/b.png", "file:///etc/passwd", "javascript:1", "data:text/html,x", "https://a b"]
)
def test_nothing_else_is_an_address(text):
    assert not is_address(text)


@given(st.text(max_size=200))
def test_any_html_can_be_searched(html):
    address = dropped_address([], html)
    assert address is None or is_address(address)


@given(st.binary(max_size=100), st.sampled_from(["text/uri-list", "text/x-moz-url"]))
def test_any_dropped_data_can_be_read(data, kind):
    assert all(isinstance(address, str) for address in addresses_in(data, kind))


def test_lists_of_addresses_and_firefoxs_are_read():
    assert addresses_in(b"# from a page\r\nhttps://a.org/1\r\nhttps://a.org/2\r\n", "text/uri-list") == [
        "https://a.org/1",
        "https://a.org/2",
    ]
    assert addresses_in("https://a.org/1\nA title".encode("utf-16-le"), "text/x-moz-url") == ["https://a.org/1"]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://a.org/x/La%20nuit_%C3%A9toil%C3%A9e.jpg?width=3", "La nuit étoilée"),
        ("https://a.org/", "Dropped image"),
        ("https://a.org/%00%0a.png", "Dropped image"),
        ("data:image/png;base64,AA", "Dropped image"),
    ],
)
def test_a_style_from_the_web_has_the_name_of_its_file(address, name):
    assert name_of(address) == name


@given(st.text(max_size=200))
def test_every_address_gives_a_short_printable_name(text):
    name = name_of(f"https://a.org/{text}")
    assert name.isprintable()
    assert 0 < len(name) <= 60


# --- what is fetched ----------------------------------------------------------------------------------
def test_an_image_is_fetched_also_after_a_redirection_and_no_file_stays(site, dirs):
    assert take_image(f"{site}/sun.png", dirs, read) == b"an image at /sun.png"
    assert take_image(f"{site}/to/image", dirs, read) == b"an image at /sun.png"
    assert take_image(f"{site}/nuit étoilée.png", dirs, read) == b"an image at /nuit%20%C3%A9toil%C3%A9e.png"
    assert list(dirs.styles.iterdir()) == []


def test_an_image_inside_its_address_is_taken_without_a_connection(dirs):
    data = b"an image of its own"
    assert take_image(f"data:image/png;base64,{base64.b64encode(data).decode()}", dirs, read) == data
    assert take_image("data:image/png,an%20image", dirs, read) == b"an image"
    with pytest.raises(NotAPicture, match="Save the image to a file"):
        take_image("data:image/png;base64,A", dirs, read)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/a.png", "data:,x"])
def test_only_the_web_is_contacted(address):
    with pytest.raises(NotAPicture, match="could not be fetched"):
        fetch(address)


def test_a_site_cannot_lead_to_a_file_of_the_user(site):
    with pytest.raises(NotAPicture, match=r"could not be fetched from 127\.0\.0\.1"):
        fetch(f"{site}/to/file")


def test_a_missing_image_and_one_that_is_none_have_a_sentence(site, dirs):
    with pytest.raises(NotAPicture, match=r"could not be fetched from 127\.0\.0\.1 \(404 Not Found\)"):
        fetch(f"{site}/gone.png")
    with pytest.raises(NotAPicture, match="did not send a readable image"):
        take_image("data:image/png,a%20page", dirs, read)
    assert list(dirs.styles.iterdir()) == []


def test_a_disk_that_takes_no_file_has_a_sentence(dirs, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(style_addresses.tempfile, "mkstemp", full)
    with pytest.raises(VelaturaError, match="No space left"):
        take_image("data:image/png,an%20image", dirs, read)


@pytest.mark.parametrize("path", ["/endless", "/claims-too-much"])
def test_an_image_that_is_too_large_is_refused_before_it_fills_the_memory(site, monkeypatch, path):
    monkeypatch.setattr(style_addresses, "MAX_BYTES", 1 << 20)
    with pytest.raises(NotAPicture, match="is larger than 1 MB"):
        fetch(f"{site}{path}")


def test_a_site_that_never_ends_is_given_up(site, monkeypatch):
    monkeypatch.setattr(style_addresses, "MAX_BYTES", 1 << 40)
    with pytest.raises(NotAPicture, match="timed out"):
        fetch(f"{site}/endless", timeout=0.2)


@pytest.mark.parametrize("path", ["/slow-headers", "/slow-image"])
def test_the_time_limit_is_for_all_of_a_fetch_however_slowly_a_site_sends(site, path):
    started = time.monotonic()
    with pytest.raises(NotAPicture, match="timed out"):
        fetch(f"{site}{path}", timeout=0.4)
    assert time.monotonic() - started < 30


def test_the_time_limit_is_also_for_the_beginning_of_tls():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"\x16\x03\x03\x40\x00")  # a handshake record of 16 KB
                for _ in range(2000):
                    connection.sendall(b"\0")
                    time.sleep(0.05)

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        started = time.monotonic()
        with pytest.raises(NotAPicture):
            fetch(f"https://127.0.0.1:{server.getsockname()[1]}/a.png", timeout=0.4)
        assert time.monotonic() - started < 30
        thread.join(10)


@given(st.text(max_size=30))
def test_any_address_that_cannot_be_fetched_is_a_sentence(text):
    with pytest.raises(NotAPicture):
        fetch(f"http://127.0.0.1:1/{text}")
    with pytest.raises(NotAPicture):
        fetch(f"https://[{text}/")
