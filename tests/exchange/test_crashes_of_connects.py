"""Killed at every point of a Connect, a replica comes back to the old credentials or the new, and to no third state."""

import pytest

from mmt_grpc.domain.errors import GrantRejectedError, ProviderUnavailableError, TokenNotFoundError
from tests.exchange.crash_points import CONNECT
from tests.support.fakes_world import Client, World

UNHELD = "connect.after_exchange"
"""Between the exchange's commit and our fsync: what was brought is known to nobody, and nobody can revoke it."""


@pytest.mark.parametrize("name", CONNECT)
def test_a_connect_killed_midway_is_decided_at_the_next_start(world: World, client: Client, name: str) -> None:
    code = world.coinbase.authorize("alice")
    world.failpoints.arm(name)
    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", code, request_id="request-1")

    world.restart()
    world.sweep()

    committed = name == "connect.after_commit"
    assert [recorded.state for recorded in world.rows.requests.values()] == ["DONE" if committed else "REJECTED"]
    assert world.spooled() == []
    assert world.coinbase.living == (1 if committed or name == UNHELD else 0)
    if committed:
        again = client.connect("alice", code, request_id="request-1")
        assert client.token(again.token_id)
    else:
        with pytest.raises(GrantRejectedError):
            client.connect("alice", code, request_id="request-1")
        assert world.rows.rows == {}
    assert world.coinbase.counts["exchanges"] <= 1


@pytest.mark.parametrize("name", CONNECT)
def test_a_reconnect_killed_midway_leaves_the_old_credentials_or_the_new_ones(
    world: World, client: Client, name: str
) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    before = client.token(connected.token_id)
    world.failpoints.arm(name)
    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", world.coinbase.authorize("alice"))

    world.restart()
    world.sweep()

    committed = name == "connect.after_commit"
    resolved = client.resolve(connected.token_id)
    assert world.coinbase.is_alive(resolved.credential)
    assert (client.token(connected.token_id) != before) == committed
    assert resolved.generation == (2 if committed else 1)


@pytest.mark.parametrize("name", CONNECT)
def test_a_replay_of_a_dead_lifes_grant_never_beats_a_newer_connect_or_a_revoke(
    world: World, client: Client, name: str
) -> None:
    other = world.boot(b"other-replica-00")
    world.failpoints.arm(name)
    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", world.coinbase.authorize("alice"))
    there = world.client(life=other)
    newer = there.connect("alice", world.coinbase.authorize("alice"))
    there.revoke(newer.token_id)

    world.restart()
    world.sweep()

    assert world.rows.rows == {}
    with pytest.raises(TokenNotFoundError):
        client.resolve(newer.token_id)
