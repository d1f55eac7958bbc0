"""Killed at every point of a refresh, a replica comes back to a state that is honest about what was sent."""

import pytest

from mmt_grpc.domain.errors import ProviderUnavailableError, ReauthenticationRequiredError, TokenNotFoundError
from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.token_row import TokenState
from tests.exchange.crash_points import (
    ANSWERED,
    ENDINGS,
    LOST,
    NEVER_SENT,
    REFRESH,
    ROADS,
    UNSENT,
    interrupted_refresh,
    try_to_resolve,
)
from tests.support.fakes_exchange_faults import Fault
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import Client, World


@pytest.mark.parametrize("name", REFRESH)
def test_a_refresh_killed_midway_loses_nothing_that_reached_the_disk(world: World, client: Client, name: str) -> None:
    token = interrupted_refresh(world, client, name)

    assert world.standing(token).state is (TokenState.IN_DOUBT if name in _doubtful() else TokenState.ACTIVE)
    for _ in range(3):
        try_to_resolve(client, token)
        world.pass_time(300)
        world.life.engine.upkeep.keep_honest()

    row = world.standing(token)
    if name in LOST:
        assert (row.state, row.reason) == (TokenState.REAUTHENTICATION, Cause.ROTATION_LOST)
        assert world.coinbase.counts["reuses"] == 1
    else:
        assert (row.state, row.binding.generation) == (TokenState.ACTIVE, 2)
        assert (world.coinbase.counts["refreshes"], world.coinbase.counts["reuses"]) == (1, 0)
        assert world.coinbase.is_alive(client.resolve(token).credential)


@pytest.mark.parametrize(("name", "fault"), ROADS.items())
def test_a_refresh_killed_on_another_road_ends_as_it_would_have(
    world: World, client: Client, name: str, fault: Fault
) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)
    world.coinbase.strike("refresh", fault)
    world.failpoints.arm(name)
    # Whoever waits reads the row once more: what was written before the death is known to all.
    said = ReauthenticationRequiredError if name == "refresh.after_condemn" else ProviderUnavailableError
    with pytest.raises(said):
        client.resolve(token)
    assert name in world.failpoints.reached

    world.restart()

    row = world.standing(token)
    assert (row.lease_owner, row.doubt_owner) == (None, None)
    # The refusal is known to nobody: its retry is refused too.
    assert row.state is {
        "refresh.after_refusal": TokenState.IN_DOUBT,
        "refresh.after_condemn": TokenState.REAUTHENTICATION,
        "refresh.after_release": TokenState.ACTIVE,
        "refresh.after_doubt": TokenState.IN_DOUBT,
    }.get(name)
    _assert_kept_for_ten_minutes(world)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_settlement_killed_midway_is_settled_by_the_next_life(world: World, client: Client, name: str) -> None:
    token = interrupted_refresh(world, client, "refresh.before_send", restarts=False)
    world.failpoints.arm(name)
    with pytest.raises(CrashError):
        _live_for_ten_minutes(world)
    assert name in world.failpoints.reached

    _live_for_ten_minutes(world)

    row = world.standing(token)
    assert (row.state, row.doubt_owner, row.lease_owner) == (TokenState.IN_DOUBT, None, None)
    assert world.spooled() == []


def test_an_answer_whose_settlement_is_killed_is_committed_by_the_next_life(world: World, client: Client) -> None:
    token = interrupted_refresh(world, client, "refresh.before_commit", restarts=False)
    world.failpoints.arm(ANSWERED)
    with pytest.raises(CrashError):
        world.restart()

    world.restart()

    assert client.resolve(token).generation == 2
    assert (world.coinbase.counts["refreshes"], world.coinbase.counts["reuses"]) == (1, 0)


@pytest.mark.parametrize("name", REFRESH)
def test_a_connect_after_a_killed_refresh_revives_the_token_id(world: World, client: Client, name: str) -> None:
    connected = interrupted_refresh(world, client, name)

    again = client.connect("alice", world.coinbase.authorize("alice"))

    row = world.standing(connected)
    assert again.token_id == connected
    assert (row.state, row.attempt_id, row.lease_owner, row.doubt, row.doubt_owner) == (
        TokenState.ACTIVE,
        None,
        None,
        None,
        None,
    )
    assert world.coinbase.is_alive(client.resolve(connected).credential)


@pytest.mark.parametrize("name", REFRESH)
def test_a_revoke_after_a_killed_refresh_ends_it(world: World, client: Client, name: str) -> None:
    connected = interrupted_refresh(world, client, name)

    client.revoke(connected)
    world.restart()

    assert world.rows.rows == {}
    with pytest.raises(TokenNotFoundError):
        client.resolve(connected)


def _doubtful() -> list[str]:
    return [name for name in (*UNSENT, *LOST) if name not in NEVER_SENT]


def _live_for_ten_minutes(world: World) -> None:
    world.restart()
    world.pass_time(600)
    world.life.engine.upkeep.keep_honest()


def _assert_kept_for_ten_minutes(world: World) -> None:
    """A failover may take back what was written of an attempt that was perhaps sent: its intent still says so."""
    assert world.spooled() == ["attempt"]
    world.pass_time(600)
    world.life.engine.upkeep.keep_honest()
    assert world.spooled() == []
