"""The front's benchmark, short: that it still measures what it says."""

from __future__ import annotations

from tests.bench.front import Driver, bench, busy


def test_every_job_is_done_and_both_sides_count_it():
    with bench(None, hands=2) as one:
        driver = Driver(one.home, 0)
        driver.order("connect", 5, 16)
        assert driver.answer() == 5

        row = busy(one, driver, 5, seconds=0.5)
        driver.close()

    assert row["stuck"] == 0
    assert row["jobs_a_second"] > 0 and row["messages_a_job"] >= 20  # 10 of progress, and what comes before and after
    assert row["cpu_ms_a_job"] > 0
