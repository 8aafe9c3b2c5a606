"""The daemon's status report as text."""

from __future__ import annotations

from velatura_daemon.cli.status import describe_devices, fallback_notice, rows

ORIGINAL = "VGG19 (Simonyan and Zisserman 2014)"


def worker(device="cpu (1 thread)", state="warm", busy=False, weights=ORIGINAL):
    return {
        "pid": 7,
        "busy": busy,
        "state": state,
        "device": device,
        "weights": weights,
        "memory_bytes": 5e8,
        "targets": 3,
        "target_bytes": 1e6,
    }


def called():
    return {"pid": 0, "busy": False, "state": "requested", "device": "–", "weights": "–"}


def report(*workers, jobs=(), **more):
    return {
        "pid": 1,
        "version": "1",
        "build": "b",
        "uptime_seconds": 1.0,
        "endpoints": ["ipc:///x"],
        "executor": "local",
        "address": "",
        "upstream": "",
        "worker": workers[0] if workers else {"pid": 0, "busy": False},
        "workers": list(workers),
        "fallback_active": False,
        "jobs": list(jobs),
        "pictures": 0,
        "spool_bytes": 0,
        "max_megapixels": 65.0,
        **more,
    }


FARM = {"executor": "ray", "address": "ray://head:10001"}


def test_a_single_worker_is_shown_with_its_device():
    shown = dict(rows(report(worker(state="starting"))))
    assert (shown["worker"], shown["device"]) == ("pid 7, starting", "cpu (1 thread)")
    assert "workers" not in shown


def test_several_workers_are_shown_one_per_line_with_total_memory():
    shown = dict(rows(report(worker("cuda:0 (A)", busy=True), worker("cuda:1 (B)", weights="imagenet"))))
    assert shown["workers"] == ["cuda:0 (A): busy", "cuda:1 (B): warm"]
    assert (shown["memory"], shown["targets"], shown["weights"]) == (
        "1000 MB",
        "6 cached, 2 MB",
        f"{ORIGINAL}, imagenet",
    )
    assert not {"worker", "device"} & shown.keys()


def test_ray_workers_that_have_not_started_are_counted():
    shown = dict(
        rows(report(worker("cuda:0 (A) at 10.0.0.2"), worker("cuda:0 (A) at 10.0.0.3"), called(), called(), **FARM))
    )
    assert shown["workers"][2:] == ["2 more requested, not started yet"]
    assert shown["jobs run on"] == "the Ray cluster at ray://head:10001"


def test_while_the_fallback_is_active_the_cluster_is_shown_as_unreachable():
    with_fallback = report(worker(), fallback_active=True, **FARM)
    assert (
        dict(rows(with_fallback))["jobs run on"]
        == fallback_notice(with_fallback)
        == ("the Ray cluster at ray://head:10001 cannot be reached; jobs run on this machine meanwhile")
    )
    assert fallback_notice(report(worker(), **FARM)) == ""


def test_equal_devices_are_counted():
    assert describe_devices(report(worker(), worker())) == "2 × cpu (1 thread)"
    assert describe_devices(report(called(), **FARM)) == ""


def test_jobs_are_counted_and_the_first_ones_named_by_the_end_of_their_paths():
    jobs = [
        {"job": str(n), "state": "running" if n < 2 else "queued", "layer": f"{'/long' * 40}/frame{n}.png"}
        for n in range(9)
    ]
    lines = dict(rows(report(worker(), jobs=jobs)))["jobs"]
    assert lines[0] == "2 running, 7 queued"
    assert lines[1].startswith("running: …")
    assert lines[1].endswith("/frame0.png")
    assert lines[-1] == "… and 3 more"
