"""How a daemon stands, in words."""

from __future__ import annotations

from velatura_daemon.cli.status import devices_in_words, rows, stand_in

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


def test_one_worker_is_told_with_its_device():
    told = dict(rows(report(worker(state="starting"))))
    assert (told["worker"], told["device"]) == ("pid 7, starting", "cpu (1 thread)")
    assert "workers" not in told


def test_several_are_told_one_a_line_and_what_they_hold_together():
    told = dict(rows(report(worker("cuda:0 (A)", busy=True), worker("cuda:1 (B)", weights="imagenet"))))
    assert told["workers"] == "cuda:0 (A): at work\ncuda:1 (B): warm"
    assert (told["memory"], told["targets"], told["weights"]) == ("1000 MB", "6 warm, 2 MB", f"{ORIGINAL}, imagenet")
    assert not {"worker", "device"} & told.keys()


def test_workers_of_the_farm_that_have_not_come_are_a_number():
    told = dict(
        rows(report(worker("cuda:0 (A) at 10.0.0.2"), worker("cuda:0 (A) at 10.0.0.3"), called(), called(), **FARM))
    )
    assert told["workers"].splitlines()[2:] == ["2 more asked for, not there yet"]
    assert told["work"] == "done by the Ray cluster at ray://head:10001"


def test_where_this_machine_stands_in_nobody_else_is_said_to_do_the_work():
    stands_in = report(worker(), fallback_active=True, **FARM)
    assert (
        dict(rows(stands_in))["work"]
        == stand_in(stands_in)
        == ("the Ray cluster at ray://head:10001 cannot be reached; this machine does its work meanwhile")
    )
    assert stand_in(report(worker(), **FARM)) == ""


def test_devices_of_a_kind_are_counted():
    assert devices_in_words(report(worker(), worker())) == "2 × cpu (1 thread)"
    assert devices_in_words(report(called(), **FARM)) == ""


def test_jobs_are_counted_and_the_first_are_named_by_the_end_of_their_paths():
    jobs = [
        {"job": str(n), "state": "running" if n < 2 else "queued", "layer": f"{'/long' * 40}/frame{n}.png"}
        for n in range(9)
    ]
    lines = dict(rows(report(worker(), jobs=jobs)))["jobs"].splitlines()
    assert lines[0] == "2 running, 7 queued"
    assert lines[1].startswith("running: …")
    assert lines[1].endswith("/frame0.png")
    assert lines[-1] == "… and 3 more"
