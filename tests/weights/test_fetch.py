"""Fetching: resumable, checked, and offline a sentence. Against a real server on this machine."""

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
    """Serves one file. The switches below make it misbehave."""

    daemon_threads = True
    body = BODY
    status = 200
    knows_ranges = True
    tells_length = True
    chunked = False
    breaks_after: int | None = None  # bytes of an answer's body, then the connection ends
    speaks_http = True
    ranges: list[str | None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{self.name}"

    name = "file.bin"


class Answer(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site = self.server
        self.close_connection = True
        asked = self.headers.get("Range")
        site.ranges.append(asked)
        if not site.speaks_http:
            self.wfile.write(b"Please log in to the hotel's network.\r\n\r\n")
            return
        if site.status != 200:
            self.send_error(site.status)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and site.knows_ranges else 0
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

    def log_message(self, *words: object) -> None:
        """Quiet."""


@pytest.fixture
def site(monkeypatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Site(("127.0.0.1", 0), Answer)
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
    """No progress wanted."""


# --- one download ---------------------------------------------------------------------------------------
def test_a_file_arrives_whole(site, part):
    download(site.url, part, quiet)
    assert part.read_bytes() == BODY
    assert site.ranges == [None]


def test_progress_is_told_up_to_the_whole(site, part, monkeypatch):
    monkeypatch.setattr(fetch, "PIECE", 100_000)
    told = []
    download(site.url, part, lambda have, total: told.append((have, total)))
    assert told == [(100_000, 256_000), (200_000, 256_000), (256_000, 256_000)]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_download_that_broke_off_is_told_and_goes_on_from_there(site, part, chunked):
    site.breaks_after, site.chunked = 100_000, chunked
    with pytest.raises(Offline, match=r"broke off after .* it goes on from there"):
        download(site.url, part, quiet)
    kept = part.stat().st_size
    site.breaks_after, told = None, []
    download(site.url, part, lambda have, total: told.append((have, total)))
    assert part.read_bytes() == BODY
    assert site.ranges == [None, f"bytes={kept}-" if kept else None]
    assert told[-1][0] == len(BODY)
    assert chunked or kept == 100_000


def test_a_site_that_knows_no_ranges_sends_it_all_again(site, part):
    part.write_bytes(b"an earlier part")
    site.knows_ranges = False
    download(site.url, part, quiet)
    assert part.read_bytes() == BODY


def test_a_part_that_is_complete_is_not_fetched_again(site, part):
    part.write_bytes(BODY)
    download(site.url, part, quiet)
    assert part.read_bytes() == BODY
    assert site.ranges == [f"bytes={len(BODY)}-"]


def test_a_site_that_does_not_tell_the_length_will_do(site, part):
    site.tells_length = False
    download(site.url, part, quiet)
    assert part.read_bytes() == BODY


@pytest.mark.parametrize("status", [403, 404, 416, 500, 503])
def test_an_error_of_the_site_is_told_by_its_number(site, part, status):
    site.status = status
    with pytest.raises(Offline, match=f"error {status}"):
        download(site.url, part, quiet)
    assert not part.exists()


def test_an_error_of_the_site_costs_nothing_of_what_is_there(site, part):
    part.write_bytes(BODY[:5000])
    site.status = 503
    with pytest.raises(Offline):
        download(site.url, part, quiet)
    assert part.read_bytes() == BODY[:5000]


def test_without_a_network_it_is_told_what_else_can_be_done(part, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and nobody listens
        with pytest.raises(
            Offline, match=r"cannot be reached.*goes on with the weights that it has.*velatura weights use FILE"
        ):
            download(f"http://127.0.0.1:{nobody.getsockname()[1]}/file.bin", part, quiet)


def test_an_answer_that_is_no_http_is_offline_too(site, part):
    site.speaks_http = False
    with pytest.raises(Offline, match=r"cannot be reached"):
        download(site.url, part, quiet)


def test_too_little_room_is_told_before_a_byte_is_written(site, part, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(DiskTrouble, match=r"MB of disk under"):
        download(site.url, part, quiet)
    assert not part.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_not_told_as_a_broken_download(site, part):
    part.symlink_to("/dev/full")
    with pytest.raises(DiskTrouble, match=r"cannot be written.*Make room"):
        download(site.url, part, quiet)


# --- the hash in the name -------------------------------------------------------------------------------
def test_a_file_that_fits_its_name_is_kept(part):
    part.write_bytes(BODY)
    check_name_hash(part, f"vgg19-{hashlib.sha256(BODY).hexdigest()[:8]}.pth")
    assert part.exists()


def test_a_file_that_does_not_fit_its_name_is_removed(part):
    part.write_bytes(BODY + b"!")
    with pytest.raises(BadWeights, match=r"is damaged.*It was removed; fetch it again"):
        check_name_hash(part, f"vgg19-{hashlib.sha256(BODY).hexdigest()[:8]}.pth")
    assert not part.exists()


def test_a_name_without_a_hash_cannot_be_checked(part):
    part.write_bytes(BODY)
    with pytest.raises(BadWeights, match=r"does not carry a hash"):
        check_name_hash(part, "vgg19.pth")


# --- the whole walk -------------------------------------------------------------------------------------
@pytest.fixture
def store(tmp_path) -> WeightStore:
    return WeightStore(app_dirs({"VELATURA_HOME": str(tmp_path)}))


@pytest.fixture(scope="module")
def state_dict():
    """As torchvision's: `features.0.weight` …, and a classifier."""
    convolutions = weights_of_vgg19s_shapes()
    tensors = {f"features.{INDEX_OF[n.split('.')[0]]}.{n.split('.')[1]}": t for n, t in convolutions.items()}
    return {**tensors, "classifier.0.weight": torch.ones(10, 10)}


def serve(site, body):
    site.body, site.name = body, f"vgg19-{hashlib.sha256(body).hexdigest()[:8]}.pth"


def saved(content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def test_what_was_fetched_is_imagenet_from_then_on(site, store, state_dict):
    serve(site, saved(state_dict))
    path = fetch_imagenet(store, site.url, quiet)
    assert store.resolve("imagenet").path == path
    assert torch.equal(read_weights(path)["conv1_1.weight"], state_dict["features.0.weight"])


def test_fetching_does_not_change_what_auto_stands_for(site, store, state_dict):
    serve(site, saved(state_dict))
    fetch_imagenet(store, site.url, quiet)
    assert store.resolve("auto").name == "vgg19"


def test_what_was_fetched_says_how_it_expects_its_picture(site, store, state_dict):
    """So nobody has to recognise it again."""
    serve(site, saved(state_dict))
    with safe_open(fetch_imagenet(store, site.url, quiet), framework="pt") as file:
        assert file.metadata()["input"] == "torchvision"


def test_fetching_leaves_the_convolutions_only(site, store, state_dict):
    serve(site, saved(state_dict))
    fetch_imagenet(store, site.url, quiet)
    assert [p.name for p in store.places.weights.iterdir()] == ["imagenet.safetensors"]


def test_fetching_goes_on_after_a_break(site, store, state_dict):
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


def test_a_part_of_another_file_is_found_out_and_removed(site, store, state_dict):
    serve(site, saved(state_dict))
    store.places.weights.mkdir(parents=True)
    (store.places.weights / f"{site.name}.part").write_bytes(b"of another file")
    with pytest.raises(BadWeights, match=r"damaged"):
        fetch_imagenet(store, site.url, quiet)
    fetch_imagenet(store, site.url, quiet)
    assert store.resolve("imagenet").path.exists()


def test_a_sound_file_that_is_no_vgg19_is_refused_and_removed(site, store):
    serve(site, saved({"layer1.weight": torch.ones(3)}))
    with pytest.raises(BadWeights, match=r"no layer of VGG19"):
        fetch_imagenet(store, site.url, quiet)
    assert list(store.places.weights.iterdir()) == []


def test_torchvisions_own_address_carries_a_hash():
    assert fetch.imagenet_url().startswith("https://")
    assert fetch.re.search(r"-[0-9a-f]{8}\.pth$", fetch.imagenet_url())
