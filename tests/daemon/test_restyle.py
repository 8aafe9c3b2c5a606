"""Restyles over real sockets and processes, with one daemon for the whole module."""

from __future__ import annotations

import shutil
import uuid

import pytest

from tests.conftest import ENDLESS, QUICK, picture
from velatura.client import transport
from velatura.client.events import Finished, SavedItems
from velatura.errors import (
    BadMask,
    BadMessage,
    BadPixels,
    BadWeights,
    DeviceUnavailable,
    NothingToRestyle,
    PictureTooLarge,
    VelaturaError,
)
from velatura.pixels import MASK_FORMAT, Picture, PixelFormat
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

pytestmark = pytest.mark.usefixtures("each_transport")

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


def events_of(client, job):
    return list(client.events(job))


def test_a_restyle_gives_another_picture_in_the_same_format(warm):
    with warm.client() as client:
        done = client.restyle_and_wait(picture(channels="BGRA"), [(STYLE, 1.0)], QUICK)
    assert done.picture.format == PixelFormat("BGRA", "u8")
    assert (done.picture.width, done.picture.height) == (32, 24)
    assert bytes(done.picture.data)[3::4] == picture(channels="BGRA").data[3::4]  # alpha untouched
    assert bytes(done.picture.data) != picture(channels="BGRA").data
    assert done.result.weights == "VGG19 (Simonyan and Zisserman 2014)"


def test_the_messages_of_a_job_arrive_in_order(warm):
    with warm.client() as client:
        job = client.restyle(picture(seed=3), [(STYLE, 1.0)], QUICK)
        seen = [type(event) for event in events_of(client, job) if not isinstance(event, p.Notice)]
    first = [kind for kind in seen if seen.count(kind) == 1 or kind in (p.Progress, p.Preview)]
    assert seen.index(p.Accepted) < seen.index(p.Queued) < seen.index(p.Progress) < seen.index(Finished)
    assert p.Preview in first


def test_the_same_settings_and_seed_give_the_same_bits(warm):
    settings = StyleSettings(quality="draft", iterations=6, start="noise", seed=7)
    with warm.client() as client:
        results = [client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], settings).picture.data for _ in range(2)]
    assert results[0] == results[1]


def test_a_second_restyle_sends_no_pixels_and_reuses_targets(warm, monkeypatch):
    with warm.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        before = client.status()["worker"]
        sent = []
        dealer = transport.open_dealer
        send = dealer.send
        monkeypatch.setattr(dealer, "send", lambda self, frames: (sent.append(frames), send(self, frames))[1])
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=6, strength=80))
        after = client.status()["worker"]
    assert not [frames for frames in sent if len(frames) > 1]
    assert after["target_misses"] == before["target_misses"]
    assert after["target_hits"] > before["target_hits"]


def test_a_draft_and_a_good_restyle_use_and_report_the_same_network(warm):
    with warm.client() as client:
        draft = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, weights="vgg19")
        good = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], StyleSettings(iterations=2))
    assert draft.result.weights == good.result.weights == "VGG19 (Simonyan and Zisserman 2014)"


def test_the_result_of_a_large_draft_has_the_contents_size(warm):
    """It is optimised at 512 pixels."""
    wide = picture(600, 8)
    with warm.client() as client:
        done = client.restyle_and_wait(wide, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=3))
    assert (done.picture.width, done.picture.height) == (600, 8)
    assert bytes(done.picture.data) != wide.data


def test_a_good_restyle_starts_from_the_draft_of_the_same_layer(warm):
    with warm.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, layer="sketched")
        done = client.restyle_and_wait(
            CONTENT, [(STYLE, 1.0)], StyleSettings(iterations=2, start="last"), layer="sketched"
        )
    assert done.result.started_from == "last"


def test_a_changed_setting_starts_from_the_last_image_and_reports_it(warm):
    with warm.client() as client:
        first = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, layer="moved")
        other = StyleSettings(quality="draft", iterations=6, strength=90)
        second = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], other, layer="moved", adjust=True)
        elsewhere = client.restyle_and_wait(picture(seed=9), [(STYLE, 1.0)], other, layer="moved", adjust=True)
    assert (first.result.started_from, second.result.started_from) == ("content", "last")
    assert elsewhere.result.started_from == "content"  # another picture: the last image does not fit


def test_a_brush_stroke_is_followed_from_the_last_image(warm):
    painted = bytearray(CONTENT.data)
    painted[:60] = bytes(60)
    stroke = Picture(CONTENT.width, CONTENT.height, CONTENT.format, memoryview(painted))
    with warm.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, layer="painted", remember=False)
        done = client.restyle_and_wait(stroke, [(STYLE, 1.0)], QUICK, layer="painted", remember=False, adjust=True)
    assert done.result.started_from == "last"


def test_a_view_is_a_part_of_the_content_at_its_own_place(warm):
    content, view = picture(64, 48, seed=4), (30, 20, 32, 24)
    with warm.client() as client:
        client.wait_until_ready()
        assert client.understands_views
        done = client.restyle_and_wait(content, [(STYLE, 1.0)], QUICK, view=view)
        with pytest.raises(BadMessage, match="inside the picture"):
            client.restyle_and_wait(content, [(STYLE, 1.0)], QUICK, view=(40, 20, 32, 24))
    assert (done.result.left, done.result.top, done.picture.width, done.picture.height) == view
    assert done.picture.format == content.format


@pytest.mark.parametrize(("before", "after", "start"), [("off", "palette", "last"), ("luminance", "off", "content")])
def test_a_change_to_kept_colours_starts_from_the_last_image_and_a_change_back_from_the_content(
    warm, before, after, start
):
    def settings(colours):
        return StyleSettings(quality="draft", iterations=2, keep_colours=colours)

    layer = f"{before} to {after}"
    with warm.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], settings(before), layer=layer)
        second = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], settings(after), layer=layer, adjust=True)
    assert second.result.started_from == start


def test_start_last_without_a_last_image_starts_from_the_content_and_reports_it(warm):
    with warm.client() as client:
        done = client.restyle_and_wait(
            CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=2, start="last"), layer=uuid.uuid4().hex
        )
    assert done.result.started_from == "content"
    assert "No last result fits" in done.result.notes[0]


def test_strength_0_gives_the_content_back_to_the_bit(warm):
    with warm.client() as client:
        done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], StyleSettings(strength=0))
    assert bytes(done.picture.data) == CONTENT.data


def half_mask() -> Picture:
    return Picture(32, 24, MASK_FORMAT, (b"\xff" * 16 + b"\0" * 16) * 24)


def test_outside_the_selection_nothing_changes(warm):
    settings = StyleSettings(quality="draft", iterations=6, composite=True)
    with warm.client() as client:
        done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], settings, mask=half_mask())
    rows = [bytes(done.picture.data)[y * 96 : (y + 1) * 96] for y in range(24)]
    assert all(row[48:] == CONTENT.data[y * 96 + 48 : (y + 1) * 96] for y, row in enumerate(rows))
    assert any(row[:48] != CONTENT.data[y * 96 : y * 96 + 48] for y, row in enumerate(rows))


def test_without_composite_the_result_is_a_box_around_the_selection(warm):
    wide = picture(400, 20, seed=5)
    mask = Picture(400, 20, MASK_FORMAT, (b"\0" * 200 + b"\xff" * 20 + b"\0" * 180) * 20)
    with warm.client() as client:
        done = client.restyle_and_wait(wide, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=2), mask=mask)
    assert done.picture.width % 16 == 0
    assert 0 < done.result.left <= 200 - 64
    assert done.result.left + done.picture.width >= 220 + 64


def test_cancel_is_answered_and_frees_the_worker(warm):
    with warm.client() as client:
        job = client.restyle(picture(seed=11), [(STYLE, 1.0)], ENDLESS)
        events = client.events(job)
        next(event for event in events if isinstance(event, p.Progress))
        client.cancel(job)
        assert isinstance(list(events)[-1], p.Cancelled)
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)  # the worker is free for others


def test_a_newer_job_replaces_the_older_one_for_the_same_layer(warm):
    with warm.client() as client:
        old = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS, layer="one")
        next(event for event in client.events(old) if isinstance(event, p.Progress))
        new = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK, layer="one", adjust=True)
        seen = []
        for event in client.events():
            seen.append(event)
            if isinstance(event, Finished):
                break
    assert p.Cancelled(old, replaced_by=new) in seen
    assert (seen[-1].job, seen[-1].result.started_from) == (new, "last")


def test_two_clients_at_once_each_get_their_own_result(warm):
    with warm.client("one") as one, warm.client("two") as two:
        jobs = [
            (client, client.restyle(picture(seed=n), [(STYLE, 1.0)], QUICK)) for n, client in ((21, one), (22, two))
        ]
        done = {}
        while len(done) < 2:
            for client, _ in jobs:
                done.update({event.job: event for event in client.drain() if isinstance(event, Finished)})
                client._connection.wait()
        alone = [
            client.restyle_and_wait(picture(seed=n), [(STYLE, 1.0)], QUICK) for n, client in ((21, one), (22, two))
        ]
    assert [done[job].picture.data for _, job in jobs] == [each.picture.data for each in alone]


def test_a_large_picture_cancelled_during_its_upload_does_not_delay_the_next(warm):
    large = Picture(1500, 1500, PixelFormat("RGBA", "f32"), bytes(36_000_000))  # more than one window of credit
    with warm.client() as client:
        client.wait_until_ready()
        job = client.restyle(large, [(STYLE, 1.0)], QUICK)
        client.cancel(job)
        assert any(isinstance(event, p.Cancelled) for event in events_of(client, job))
        again = client.restyle(
            large, [(STYLE, 1.0)], QUICK
        )  # bytes on their way for the first job do not count for this one
        failed = next(event for event in client.events(again) if isinstance(event, p.Failed))
        assert failed.code == "nothing_to_restyle"  # it arrived completely, and is transparent
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        assert not client.status()["jobs"]


def test_the_same_job_id_of_two_clients_means_two_jobs(warm, monkeypatch):
    import uuid

    monkeypatch.setattr(uuid, "uuid4", lambda: type("Same", (), {"hex": "same"}))
    with warm.client("one") as one, warm.client("two") as two:
        first = one.restyle(CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=30))
        next(event for event in one.events(first) if isinstance(event, p.Progress))
        second = two.restyle(picture(seed=8), [(STYLE, 1.0)], QUICK)
        next(event for event in two.events(second) if isinstance(event, p.Queued))
        two.cancel(second)
        assert isinstance(events_of(two, second)[-1], p.Cancelled)
        assert isinstance(events_of(one, first)[-1], Finished)


def test_waiting_for_one_job_keeps_the_others_events(warm):
    with warm.client() as client:
        jobs = [client.restyle(picture(seed=n), [(STYLE, 1.0)], StyleSettings(strength=0)) for n in (41, 42)]
        assert [events_of(client, job)[-1].job for job in reversed(jobs)] == jobs[::-1]


def test_quality_paper_starts_from_noise_even_after_a_changed_setting(warm):
    with warm.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, layer="paper")
        paper = StyleSettings(quality="paper", iterations=2)
        done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], paper, layer="paper", adjust=True)
    assert done.result.started_from == "noise"


def test_after_the_cache_folder_was_deleted_pictures_are_only_sent_again(warm):
    with warm.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        shutil.rmtree(warm.dirs.spool)
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)


def test_several_styles_are_mixed(warm):
    with warm.client() as client:
        mixed = client.restyle_and_wait(CONTENT, [(STYLE, 1.0), (picture(seed=6), 3.0)], QUICK).picture.data
        alone = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK).picture.data
    assert mixed != alone


@pytest.mark.parametrize(
    ("content", "styles", "more", "error", "words"),
    [
        (picture(seed=1), [STYLE], {"mask": Picture(8, 8, MASK_FORMAT, bytes(64))}, BadMask, "8 × 8.*32 × 24"),
        (
            picture(seed=1),
            [STYLE],
            {"mask": Picture(32, 24, MASK_FORMAT, bytes(32 * 24))},
            NothingToRestyle,
            "part to restyle is empty",
        ),
        (Picture(4, 4, PixelFormat("RGBA"), bytes(64)), [STYLE], {}, NothingToRestyle, "visible"),
        (picture(seed=1), [Picture(4, 4, PixelFormat("RGBA"), bytes(64))], {}, NothingToRestyle, "style"),
        (
            Picture(2, 2, PixelFormat("GRAY", "f32"), b"\0\0\xc0\x7f" * 4),
            [STYLE],
            {},
            BadPixels,
            "4 pixels.*column 0, row 0",
        ),
        (picture(seed=1), [STYLE], {"weights": "../../etc/passwd"}, BadWeights, "Unknown weights"),
        (picture(seed=1), [STYLE], {"weights": "imagenet"}, BadWeights, "weights fetch"),
        (picture(seed=1), [STYLE], {"weights": "embedded"}, BadWeights, "auto, vgg19, imagenet"),
        (picture(seed=1), [STYLE], {"device": "toaster"}, DeviceUnavailable, "toaster"),
        (picture(seed=1), [], {}, VelaturaError, "styles"),
    ],
)
def test_a_request_that_cannot_be_restyled_gets_an_error_and_the_daemon_continues(
    warm, content, styles, more, error, words
):
    with warm.client() as client:
        with pytest.raises(error, match=words):
            client.restyle_and_wait(content, [(style, 1.0) for style in styles], QUICK, **more)
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], StyleSettings(strength=0))
    assert error.code != "internal" or not styles


def test_the_error_for_a_picture_over_the_limit_names_the_limit(home, daemon):
    daemon.options = ("--max-megapixels", "0.0005")
    with daemon.client() as client, pytest.raises(PictureTooLarge, match=r"0\.0005.*--max-megapixels"):
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)


def test_an_unusable_profile_is_refused_with_a_message(warm):
    odd = Picture(2, 2, PixelFormat("RGB", profile=b"not a profile"), bytes(12))
    with warm.client() as client, pytest.raises(VelaturaError, match="profile"):
        client.restyle_and_wait(odd, [(STYLE, 1.0)], QUICK)


def test_status_reports_what_is_in_the_caches(warm):
    with warm.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        report = client.status()
    worker = report["worker"]
    assert worker["pid"] > 0
    assert worker["device"].startswith("cpu")
    assert worker["targets"] > 0
    assert worker["memory_bytes"] > 0
    assert report["jobs"] == []


def test_a_result_waits_for_its_client_across_reconnects(warm):
    first = warm.client("comes-back")
    job = first.restyle(picture(seed=31), [(STYLE, 1.0)], QUICK)
    first._fetch_result = lambda result: None  # type: ignore[method-assign]  # it disconnects before it has its result
    first._handle = _until_result(first, arrived := [])  # type: ignore[method-assign]
    while not arrived:
        first.drain()
        first._connection.wait()
    first.close()
    with warm.client("another-program") as other:
        assert other.wait_until_ready().results == []
    with warm.client("comes-back") as second:
        assert [result["job"] for result in second.wait_until_ready().results] == [job]
        second.request_saved()
        (waiting,) = next(event for event in second.events() if isinstance(event, SavedItems)).items
        second.fetch(waiting)
        done = next(event for event in second.events(job) if isinstance(event, Finished))
        assert done.picture.width == 32
        assert second.status()["results_kept"] == 0


def _until_result(client, arrived):
    take = type(client)._handle.__get__(client)

    def taking(message):
        take(message)
        if isinstance(message, p.Result):
            arrived.append(message)

    return taking
