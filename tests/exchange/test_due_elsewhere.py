"""What is due is read by every replica, and refreshed by one: the others find out before they spend anything on it."""

from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_world import OTHER, Client, World


def test_a_row_that_another_replica_has_come_to_since_it_was_read_is_left_alone(world: World, token: str) -> None:
    read_by_both = world.standing(token)
    assert world.boot(OTHER).engine.refreshing.start_due(read_by_both, "there")
    refreshed, audited = world.standing(token), len(world.audit.records)

    assert not world.life.engine.refreshing.start_due(read_by_both, "here")

    assert world.standing(token) == refreshed
    assert (refreshed.state, refreshed.binding.generation) == (TokenState.ACTIVE, 2)
    assert world.coinbase.counts["refreshes"] == 1
    assert len(world.audit.records) == audited


def test_a_row_that_was_revoked_since_it_was_read_is_left_alone(world: World, client: Client, token: str) -> None:
    read = world.standing(token)
    client.revoke(token)

    assert not world.life.engine.refreshing.start_due(read, "here")
    assert world.coinbase.counts["refreshes"] == 0
