"""Downloading weights: resumable, checked, with messages when offline. Uses a real server on this machine."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from tests.support.networks import weights_of_vgg19s_shapes

from velatura.app_dirs import app_dirs
from velatura.errors import BadWeights, DiskTrouble, Offline
from velatura_daemon.engine.network import INDEX_OF
from velatura_daemon.models import fetch
from velatura_daemon.models.check import read_weights
from velatura_daemon.models.fetch import check_name_hash, download, fetch_imagenet
from velatura_daemon.models.store import WeightStore

BODY = bytes(range(256)) * 1000


class Site(ThreadingHTTPServer):
    """Serves one file. Its attributes make it misbehave."""

    daemon_threads = True
    body = BODY
    status = 200
    knows_ranges = True
    tells_length = True
    chunked = False
    breaks_after: int | None = None  # after this many bytes of a response body, the connection ends
    speaks_http = True
    ranges: list[str | None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{self.name}"

    name = "file.bin"


class Handler(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site = self.server
        self.close_connection = True
        requested = self.headers.get("Range")
        site.ranges.append(requested)
        if not site.speaks_http:
            self.wfile.write(b"Please log in to the hotel's network.\r\n\r\n")
            return
        if site.status != 200:
            self.send_error(site.status)
            return
        start = int(requested.removeprefix("bytes=").removesuffix("-")) if requested and site.knows_ranges else 0
        if start and start >= len(site.body):
            self.send_error(416)
            return
        rest = site.body[start:]
        self.send_response(206 if start else 200)
        if site.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif site.tells_length:
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        sent = rest if site.breaks_after is None else rest[: site.breaks_after]
        if site.chunked:
            self.wfile.write(f"{len(rest):x}\r\n".encode() + sent + (b"\r\n0\r\n\r\n" if sent == rest else b""))
        else:
            self.wfile.write(sent)

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def site(monkeypatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Site(("127.0.0.1", 0), Handler)
    server.ranges = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def part(tmp_path) -> Path:
    return tmp_path / "file.bin.part"


def quiet(have: int, total: int) -> None:
    """A progress callback that does nothing."""


# --- a single download ---------------------------------------------------------------------------------------
def test_a_file_is_downloaded_completely(site, part):
    download(site.url, part, quiet)
    assert part.read_bytes() == BODY
    assert site.ranges == [None]


def test_progress_is_reported_up_to_the_total(site, part, monkeypatch):
    monkeypatch.setattr(fetch, "CHUNK", 100_000)
    reports = []
    download(site.url, part, lambda have, total: reports.append((have, total)))
    assert reports == [(100_000, 256_000), (200_000, 256_000), (256_000, 256_000)]


@pytest.mark.parametrize("chunked", [False, True])
def test_an_interrupted_download_is_reported_and_can_be_continued(site, part, chunked):
    site.breaks_after, site.chunked = 100_000, chunked
    with pytest.raises(Offline, match=r"stopped after .* Run the command again to continue"):
        download(site.url, part, quiet)
    received = part.stat().st_size
    site.breaks_after, reports = None, []
    download(site.url, part, lambda have, total: reports.append((have, total)))
    assert part.read_bytes() == BODY
    assert site.ranges == [None, f"bytes={received}-" if received else None]
    assert reports[-1][0] == len(BODY)
    assert chunked or received == 100_000


def test_a_server_without_range_support_sends_everything_again(site, part):
    part.write_bytes(b"an earlier part")
    site.knows_ranges = False
    download(site.url, part, quiet)
    assert part.read_bytes() == BODY


def test_a_complete_part_is_not_downloaded_again(site, part):
    part.write_bytes(BODY)
    download(site.url, part, quiet)
    assert part.read_bytes() == BODY
    assert site.ranges == [f"bytes={len(BODY)}-"]


def test_a_server_that_does_not_send_the_length_is_accepted(site, part):
    site.tells_length = False
    download(site.url, part, quiet)
    assert part.read_bytes() == BODY


@pytest.mark.parametrize("status", [403, 404, 416, 500, 503])
def test_the_message_for_a_server_error_has_its_number(site, part, status):
    site.status = status
    with pytest.raises(Offline, match=f"error {status}"):
        download(site.url, part, quiet)
    assert not part.exists()


def test_a_server_error_keeps_the_part_already_downloaded(site, part):
    part.write_bytes(BODY[:5000])
    site.status = 503
    with pytest.raises(Offline):
        download(site.url, part, quiet)
    assert part.read_bytes() == BODY[:5000]


def test_the_message_when_offline_explains_the_alternatives(part, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but not listening
        with pytest.raises(
            Offline, match=r"cannot be reached.*continues with the weights that it has.*velatura weights use FILE"
        ):
            download(f"http://127.0.0.1:{nobody.getsockname()[1]}/file.bin", part, quiet)


def test_a_response_other_than_http_counts_as_offline(site, part):
    site.speaks_http = False
    with pytest.raises(Offline, match=r"cannot be reached"):
        download(site.url, part, quiet)


def test_too_little_disk_space_is_reported_before_anything_is_written(site, part, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(DiskTrouble, match=r"MB of disk space in"):
        download(site.url, part, quiet)
    assert not part.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full of Linux")
def test_a_full_disk_is_not_reported_as_a_failed_download(site, part):
    part.symlink_to("/dev/full")
    with pytest.raises(DiskTrouble, match=r"cannot be written.*Free some disk space"):
        download(site.url, part, quiet)


# --- the hash in the name -------------------------------------------------------------------------------
def test_a_file_that_fits_its_name_is_received(part):
    part.write_bytes(BODY)
    check_name_hash(part, f"vgg19-{hashlib.sha256(BODY).hexdigest()[:8]}.pth")
    assert part.exists()


def test_a_file_that_does_not_match_the_hash_in_its_name_is_removed(part):
    part.write_bytes(BODY + b"!")
    with pytest.raises(BadWeights, match=r"is damaged.*It was removed; run the command again"):
        check_name_hash(part, f"vgg19-{hashlib.sha256(BODY).hexdigest()[:8]}.pth")
    assert not part.exists()


def test_a_name_without_a_hash_cannot_be_checked(part):
    part.write_bytes(BODY)
    with pytest.raises(BadWeights, match=r"has no hash in its name"):
        check_name_hash(part, "vgg19.pth")


# --- download, check and store -------------------------------------------------------------------------------------
@pytest.fixture
def store(tmp_path) -> WeightStore:
    return WeightStore(app_dirs({"VELATURA_HOME": str(tmp_path)}))


@pytest.fixture(scope="module")
def state_dict():
    """Like torchvision's: `features.0.weight` …, and a classifier."""
    convolutions = weights_of_vgg19s_shapes()
    tensors = {f"features.{INDEX_OF[n.split('.')[0]]}.{n.split('.')[1]}": t for n, t in convolutions.items()}
    return {**tensors, "classifier.0.weight": torch.ones(10, 10)}


def serve(site, body):
    site.body, site.name = body, f"vgg19-{hashlib.sha256(body).hexdigest()[:8]}.pth"


def saved(content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def test_downloaded_weights_are_available_as_imagenet(site, store, state_dict):
    serve(site, saved(state_dict))
    path = fetch_imagenet(store, site.url, quiet)
    assert store.resolve("imagenet").path == path
    assert torch.equal(read_weights(path)["conv1_1.weight"], state_dict["features.0.weight"])


def test_downloading_does_not_change_what_auto_means(site, store, state_dict):
    serve(site, saved(state_dict))
    fetch_imagenet(store, site.url, quiet)
    assert store.resolve("auto").name == "vgg19"


def test_downloaded_weights_declare_their_input(site, store, state_dict):
    """So that it need not be detected again."""
    serve(site, saved(state_dict))
    with safe_open(fetch_imagenet(store, site.url, quiet), framework="pt") as file:
        assert file.metadata()["input"] == "torchvision"


def test_only_the_convolutions_are_stored(site, store, state_dict):
    serve(site, saved(state_dict))
    fetch_imagenet(store, site.url, quiet)
    assert [p.name for p in store.dirs.weights.iterdir()] == ["imagenet.safetensors"]


def test_an_interrupted_download_is_continued_by_the_next_one(site, store, state_dict):
    serve(site, saved(state_dict))
    site.breaks_after = 3000
    with pytest.raises(Offline):
        fetch_imagenet(store, site.url, quiet)
    with pytest.raises(BadWeights, match="velatura weights fetch"):
        store.resolve("imagenet")
    site.breaks_after = None
    fetch_imagenet(store, site.url, quiet)
    assert site.ranges == [None, "bytes=3000-"]
    assert store.resolve("imagenet").path.exists()


def test_a_part_of_another_file_is_detected_and_removed(site, store, state_dict):
    serve(site, saved(state_dict))
    store.dirs.weights.mkdir(parents=True)
    (store.dirs.weights / f"{site.name}.part").write_bytes(b"of another file")
    with pytest.raises(BadWeights, match=r"damaged"):
        fetch_imagenet(store, site.url, quiet)
    fetch_imagenet(store, site.url, quiet)
    assert store.resolve("imagenet").path.exists()


def test_a_valid_file_that_is_not_vgg19_is_refused_and_removed(site, store):
    serve(site, saved({"layer1.weight": torch.ones(3)}))
    with pytest.raises(BadWeights, match=r"no layer of VGG19"):
        fetch_imagenet(store, site.url, quiet)
    assert list(store.dirs.weights.iterdir()) == []


def test_torchvisions_download_address_contains_a_hash():
    assert fetch.imagenet_url().startswith("https://")
    assert fetch.re.search(r"-[0-9a-f]{8}\.pth$", fetch.imagenet_url())
