"""The short form of the soak test."""

from __future__ import annotations

from tests.soak.run import soak


def test_many_clients_at_once_get_their_own_results_in_fair_order(home):
    result = soak(home, seconds=8, clients=16)
    assert result.broken_promises == []
    assert result.job_log.counts()["result"] > 10
    assert result.job_log.actions["cancelled a job"] > 0
    assert result.job_log.actions["received the history or a status"] > 10
