"""The soak's short form."""

from __future__ import annotations

from tests.soak.run import soak


def test_many_clients_at_once_each_get_what_is_their_own_and_in_turn(home):
    result = soak(home, seconds=8, clients=16)
    assert result.broken == []
    assert result.ledger.counts()["result"] > 50
    assert result.ledger.acts["cancelled a job"] > 0
