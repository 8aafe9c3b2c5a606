"""Takes a style from an address on the web, as a browser gives it when an image is dragged or its address copied."""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import os
import socket
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import TypeVar

from velatura import strings
from velatura.app_dirs import AppDirs, make_private_folder
from velatura.editor.file_paths import is_text
from velatura.editor.gallery_groups import MAX_NAME
from velatura.errors import NotAPicture, VelaturaError

MAX_BYTES = 64 << 20  # of an image from the web
TIMEOUT = 30.0  # seconds for all of it
CHUNK = 1 << 16  # bytes
MAX_ADDRESS = 1 << 16  # characters of an address that is shown or fetched; one with its image in it may be longer

T = TypeVar("T")


# --- which address -------------------------------------------------------------------------------------
def is_address(text: str) -> bool:
    """Return whether a text is one address from which an image can be taken."""
    text = text.strip()
    if not is_text(text):
        return False
    scheme = text[:8].lower()
    if scheme.startswith("data:"):
        return text[5:11].lower() == "image/" and "," in text
    return scheme.startswith(("http://", "https://")) and len(text) < MAX_ADDRESS and len(text.split()) == 1


def dropped_address(addresses: Sequence[str], html: str = "") -> str | None:
    """Return the address of a dropped image, or None.

    addresses: what the drop links to. html: the dropped part of a page: if the image is a link, the drop links to
    another page, and only the HTML has the address of the image.
    """
    finder = _ImageFinder()
    with contextlib.suppress(AssertionError):  # html.parser raises it for some damaged declarations
        finder.feed(html[: 2 * MAX_BYTES])
    for address in (*finder.found, *addresses):
        if is_address(address):
            return address.strip()
    return None


class _ImageFinder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found += [value for name, value in attrs if name == "src" and value]


def addresses_in(data: bytes, kind: str) -> list[str]:
    """Return the addresses in a drop. kind: the data's type, text/uri-list or text/x-moz-url."""
    if kind == "text/x-moz-url":  # the address and the title, a line each
        text = data.decode("utf-16-le" if b"\0" in data else "utf-8", "replace")  # Firefox sends UTF-16
        return text.lstrip("\ufeff").splitlines()[:1]
    lines = data.decode("utf-8", "replace").replace("\0", "").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def name_of(address: str) -> str:
    """Return a readable name for the style at an address."""
    if _is_drop(address):
        return strings.DROPPED_IMAGE
    try:
        path = urllib.parse.urlsplit(address).path
    except ValueError:
        return strings.DROPPED_IMAGE
    stem = Path(urllib.parse.unquote(path).rstrip("/").rpartition("/")[2]).stem
    printable = "".join(character if character.isprintable() else " " for character in stem)
    name = " ".join(printable.replace("_", " ").split())
    return strings.style_name(name)[:MAX_NAME] if name else strings.DROPPED_IMAGE


# --- its image -----------------------------------------------------------------------------------------
def take_image(address: str, dirs: AppDirs, read: Callable[[str], T]) -> T:
    """Fetch the image at an address, and return what `read` makes of it. For a thread.

    read: reads an image file; raises NotAPicture. The file is deleted afterwards. Raises NotAPicture, DiskTrouble.
    """
    data = _inline_data(address) if _is_drop(address) else fetch(address)
    folder = make_private_folder(dirs.styles)
    path = None
    try:
        handle, path = tempfile.mkstemp(prefix="from-the-web-", suffix=".part", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        return read(path)
    except NotAPicture as error:
        raise NotAPicture(_no_image(address)) from error
    except OSError as error:
        raise VelaturaError(_failed(address, error.strerror or str(error))) from error
    finally:
        if path is not None:
            Path(path).unlink(missing_ok=True)


def _inline_data(address: str) -> bytes:
    """Return the image inside a data: address. Raises NotAPicture."""
    head, _, body = address.strip().partition(",")
    body = urllib.parse.unquote(body) if head.lower().endswith(";base64") else body
    if len(body) > 2 * MAX_BYTES:
        raise NotAPicture(_too_large(address))
    if not head.lower().endswith(";base64"):
        return urllib.parse.unquote_to_bytes(body)
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotAPicture(_no_image(address)) from error


def fetch(address: str, timeout: float = TIMEOUT) -> bytes:
    """Fetch an address with http or https. Raises NotAPicture with a sentence for the user."""
    limit = _TimeLimit(timeout)
    try:
        request = urllib.request.Request(
            _ascii(address),
            headers={"User-Agent": "Velatura", "Accept": "image/*,*/*;q=0.5"},  # not translated
        )
        with limit, _opener(limit).open(request, timeout=timeout) as response:
            length = response.headers.get("Content-Length", "")
            if length.isdecimal() and len(length) < 19 and int(length) > MAX_BYTES:
                raise NotAPicture(_too_large(address))
            return _read(response, address, limit)
    except urllib.error.HTTPError as error:
        error.close()
        why = f"{error.code} {error.reason}"
    except urllib.error.URLError as error:
        why = str(error.reason)
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: an address that is none
        why = str(error) or type(error).__name__
    raise NotAPicture(_failed(address, strings.TIMED_OUT if limit.is_over else why))


def _read(response: http.client.HTTPResponse, address: str, limit: _TimeLimit) -> bytes:
    """Read a response up to the limits on its size and on the time for all of it."""
    data = bytearray()
    while piece := response.read1(CHUNK):
        data += piece
        if len(data) > MAX_BYTES:
            raise NotAPicture(_too_large(address))
    if limit.is_over:  # then the end is only that of the connection
        raise TimeoutError(strings.TIMED_OUT)
    return bytes(data)


class _TimeLimit:
    """Ends all connections of a fetch when its time is over: a socket's own timeout is for each piece of data."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for connection in self._sockets:
                connection.close()
            self._sockets.clear()

    def watch(self, connection: socket.socket) -> None:
        """End this connection too. It is duplicated, since TLS takes the socket over."""
        with self._lock:
            if self.is_over:
                raise TimeoutError(strings.TIMED_OUT)
            self._sockets.append(connection.dup())

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            for connection in self._sockets:
                with contextlib.suppress(OSError):  # the site has ended it
                    connection.shutdown(socket.SHUT_RDWR)


def _opener(limit: _TimeLimit) -> urllib.request.OpenerDirector:
    """An opener for the web alone: urllib's usual one also opens local files and FTP, also after a redirection."""
    request = urllib.request

    class Connection(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            limit.watch(self.sock)

    class Handler(request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Connection, req)

    opener = request.OpenerDirector()
    kinds = (request.ProxyHandler, Handler, request.HTTPDefaultErrorHandler, request.HTTPRedirectHandler)
    for kind in (*kinds, request.HTTPErrorProcessor, request.UnknownHandler):
        opener.add_handler(kind())
    if hasattr(request, "HTTPSHandler"):  # some editors' Pythons have no TLS

        class SecureConnection(http.client.HTTPSConnection, Connection):
            """HTTPSConnection.connect calls that of Connection, and then begins with TLS."""

        class SecureHandler(request.HTTPSHandler):
            def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
                return self.do_open(SecureConnection, req)

        opener.add_handler(SecureHandler())
    return opener


def _ascii(address: str) -> str:
    """An address in the characters that HTTP allows; browsers show others as they are read."""
    parts = urllib.parse.urlsplit(address.strip())
    host = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
    path, query = (urllib.parse.quote(part, safe="/%:=&?~#+!$,;'@()*[]-._") for part in (parts.path, parts.query))
    return urllib.parse.urlunsplit((parts.scheme, host, path, query, ""))


def _is_drop(address: str) -> bool:
    """Whether the address has the image in itself, so that there is no site to name."""
    return address[:5].lower() == "data:"


def _site_of(address: str) -> str:
    try:
        return urllib.parse.urlsplit(address).hostname or address[:80]
    except ValueError:
        return address[:80]


def fetching(address: str) -> str:
    """Return the message that is shown while the image at an address is being fetched."""
    return strings.FETCHING_DROP if _is_drop(address) else strings.FETCHING.format(site=_site_of(address))


def _no_image(address: str) -> str:
    return strings.NO_IMAGE_IN_DROP if _is_drop(address) else strings.NO_IMAGE_AT_ADDRESS.format(site=_site_of(address))


def _failed(address: str, why: str) -> str:
    if _is_drop(address):
        return strings.DROP_FAILED.format(why=why)
    return strings.FETCH_FAILED.format(site=_site_of(address), why=why)


def _too_large(address: str) -> str:
    if _is_drop(address):
        return strings.DROP_TOO_LARGE.format(limit=MAX_BYTES >> 20)
    return strings.IMAGE_TOO_LARGE.format(site=_site_of(address), limit=MAX_BYTES >> 20)
