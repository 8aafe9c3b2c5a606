"""A web site on this machine with an image of its own at every address that ends in .png, and a page at any other."""

from __future__ import annotations

import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

from velatura_daemon.samples import draw


class ImageSite:
    """Use it in a with statement. paths: what was requested, in order."""

    width, height = 96, 72

    def __init__(self) -> None:
        self.paths: list[str] = []
        site, scene = self, draw("mountain_lake", self.width, self.height)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.paths.append(self.path)
                self.send_response(200)
                self.end_headers()
                if not self.path.partition("?")[0].endswith(".png"):
                    self.wfile.write(b"<html>a page</html>")
                    return
                own = scene.copy()
                own[0, 0] = list(zlib.crc32(self.path.encode()).to_bytes(4, "big")[:3])
                Image.fromarray(own).save(self.wfile, "PNG")

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def __enter__(self) -> ImageSite:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
