"""A package index on this machine, with tiny packages, that breaks off downloads, holds them back, or refuses them."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BUILD = "tiny-build"
NEEDS = ("torch>=2.11", "torchvision>=0.26")


def in_files(name: str) -> str:
    """A package's name as names of files have it, where a dash separates it from the version."""
    return name.replace("-", "_")


def wheel(name: str, version: str, files: Mapping[str, bytes], needs: tuple[str, ...] = (), scripts: str = "") -> bytes:
    """The bytes of a wheel. scripts: the text of an executable called as the package, or ''."""
    about = f"{in_files(name)}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {n}" for n in needs)]
    content = {
        **files,
        **({f"{in_files(name)}-{version}.data/scripts/{name}": scripts.encode()} if scripts else {}),
        f"{about}/METADATA": "\n".join(metadata).encode() + b"\n",
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*content, f"{about}/RECORD"])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in {**content, f"{about}/RECORD": record.encode()}.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, data)
    return out.getvalue()


def velatura_wheel(
    folder: Path, version: str = "0.1.0", build: str = BUILD, code: str = "", needs: tuple[str, ...] = NEEDS
) -> Path:
    """Write a wheel in place of Velatura's own: it has a build id, and needs the packages of `TinyIndex`."""
    files = {
        "velatura_daemon/__init__.py": code.encode(),
        "velatura_daemon/build.py": f"def build_id(): return {build!r}\n".encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"velatura-{version}-py3-none-any.whl"
    path.write_bytes(wheel("velatura", version, files, needs))
    return path


class TinyIndex:
    """An index with a small torch and torchvision on a port of 127.0.0.1.

    packages: version and wheel by the name that files have (`in_files`).
    cut: how many times each file may still break off in the middle, by its name. held: names of files of which half is
    sent, and the rest once `release` is set. reached: set when that half is sent. requests: paths, in order.
    """

    def __init__(self, torch_bytes: int = 400_000) -> None:
        data = bytes(range(256)) * (torch_bytes // 256)
        self.packages = {
            "torch": (
                "9.0",
                wheel("torch", "9.0", {"torch/__init__.py": b"__version__ = '9.0'\n", "torch/data": data}),
            ),
            "torchvision": ("9.0", wheel("torchvision", "9.0", {"torchvision/__init__.py": b""}, ("torch",))),
        }
        self.cut: dict[str, int] = {}
        self.held: set[str] = set()
        self.reached, self.release = threading.Event(), threading.Event()
        self.requests: list[str] = []
        index = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                index.requests.append(self.path)
                index.answer(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/simple/"

    def downloads_of(self, name: str) -> int:
        """How many times the file of a package was requested."""
        return sum(path.startswith(f"/files/{name}-") for path in self.requests)

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        kind, _, place = request.path.strip("/").partition("/")
        name = in_files(place) if kind == "simple" else place.partition("-")[0]
        if name not in self.packages:
            request.send_error(404)
            return
        version, data = self.packages[name]
        if kind == "simple":
            file = f"{name}-{version}-py3-none-any.whl"
            page = f'<a href="/files/{file}#sha256={hashlib.sha256(data).hexdigest()}">{file}</a>'.encode()
            self._send(request, page, "text/html", "no-cache")
        else:
            self._send_file(request, name, data)

    def _send_file(self, request: BaseHTTPRequestHandler, name: str, data: bytes) -> None:
        half = len(data) // 2
        if self.cut.get(name, 0) > 0:
            self.cut[name] -= 1
            self._send(request, data, "application/zip", "max-age=31536000", half)
            request.close_connection = True
        elif name in self.held and not self.release.is_set():
            self._send(request, data, "application/zip", "max-age=31536000", half)
            request.wfile.flush()
            self.reached.set()
            self.release.wait()
        else:
            self._send(request, data, "application/zip", "max-age=31536000")

    def _send(
        self, request: BaseHTTPRequestHandler, data: bytes, kind: str, cache: str, part: int | None = None
    ) -> None:
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(data)))
        request.send_header("Cache-Control", cache)
        request.end_headers()
        request.wfile.write(data[:part])


class RefusingProxy:
    """A proxy that refuses every connection."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_CONNECT(self) -> None:
                self.send_error(403, "Forbidden by the network's administrator")

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
