"""A short run of the server's benchmark: it must still measure what it claims to."""

from __future__ import annotations

from tests.bench.server import Driver, bench, busy
from velatura_daemon.server import sessions


def test_every_job_is_finished_and_counted_on_both_sides():
    with bench(None, workers=2) as target:
        driver = Driver(target.home, 0)
        driver.send("connect", 5, 16)
        assert driver.receive() == 5

        row = busy(target, driver, 5, seconds=0.5)
        driver.close()

    assert row["stuck"] == 0
    assert row["jobs_per_second"] > 0 and row["messages_per_job"] >= 20  # 10 of progress, and those before and after
    assert row["cpu_ms_per_job"] > 0


def test_more_peers_than_a_daemon_admits_can_be_measured():
    count = sessions.MAX_SESSIONS + 10
    with bench(None, workers=2) as target:
        driver = Driver(target.home, 0)
        driver.send("connect", count, 16)
        assert driver.receive() == count
        driver.close()
