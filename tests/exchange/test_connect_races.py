"""Connects that meet others' work on the same row: each race has one winner, and what the loser brought is ended."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import ConflictError, TokenNotFoundError
from mmt_grpc.domain.model import ConnectOutcome, Liveness
from mmt_grpc.domain.ports.exchanger import CallContext
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.committing import MOST_MOVES
from tests.support.fakes_world import OTHER, Client, World


def test_of_two_first_connects_one_wins_and_the_losers_grant_is_revoked(world: World, client: Client) -> None:
    other = world.client(life=world.boot(OTHER))
    rival = world.coinbase.authorize("alice")
    world.coinbase.meanwhile("redeem", lambda: other.connect("alice", rival))

    with pytest.raises(ConflictError):
        client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert len(world.rows.rows) == 1
    assert world.coinbase.living == 1
    again = other.connect("alice", rival)
    assert world.coinbase.is_alive(other.resolve(again.token_id).credential)


def test_a_connect_leaves_the_row_to_the_revoke_that_is_about_to_delete_it(world: World, client: Client) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    row = world.standing(token)
    world.ledger.record(row.shard, row.binding.token_key)
    deleted: list[int | None] = []
    world.clock.plan(100_000, lambda: deleted.append(world.rows.delete(world.standing(token))))

    connected = client.connect("alice", world.coinbase.authorize("alice"))

    assert [at is not None for at in deleted] == [True]
    assert connected.outcome is ConnectOutcome.CREATED
    assert connected.token_id != token


def test_of_two_reconnects_one_wins_and_the_losers_grant_is_revoked(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    rival = world.coinbase.authorize("alice")
    world.coinbase.meanwhile("redeem", lambda: client.connect("alice", rival))

    with pytest.raises(ConflictError):
        client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert client.connect("alice", rival).outcome is ConnectOutcome.REAUTHENTICATED
    assert world.standing(connected.token_id).grant_number == 2
    # The grant before the rival's is superseded, not revoked.
    assert world.coinbase.living == 2
    assert world.spooled() == []


def test_a_connect_goes_over_a_refresh_that_moved_the_row_meanwhile(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.pass_time(3600)
    world.coinbase.meanwhile("redeem", lambda: client.resolve(connected.token_id))

    again = client.connect("alice", world.coinbase.authorize("alice"))

    row = world.standing(connected.token_id)
    assert again.token_id == connected.token_id
    assert (row.binding.generation, row.grant_number, row.state) == (3, 2, TokenState.ACTIVE)
    assert world.coinbase.is_alive(client.resolve(connected.token_id).credential)


def test_a_connect_that_a_refresh_moved_aside_does_not_go_over_a_newer_connect(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.pass_time(3600)
    rival = world.coinbase.authorize("alice")

    def moved() -> None:
        client.resolve(connected.token_id)
        world.weather.before("read_identity", lambda: client.connect("alice", rival))

    world.weather.before("replace", moved)
    with pytest.raises(ConflictError):
        client.connect("alice", world.coinbase.authorize("alice"))

    assert world.standing(connected.token_id).grant_number == 2
    assert client.connect("alice", rival).outcome is ConnectOutcome.REAUTHENTICATED


def test_a_row_that_never_stands_still_is_a_conflict_in_the_end(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))

    def move() -> None:
        row = world.standing(connected.token_id)
        moved = replace(row.binding, generation=row.binding.generation + 1)
        world.rows.rows[row.shard, row.binding.token_key] = replace(row, binding=moved)

    world.coinbase.meanwhile("account", lambda: _each_time(world, move))
    # What moves it here breaks its seals, too: the metadata carries no generation and still opens.
    with pytest.raises(ConflictError):
        client.connect("alice", world.coinbase.authorize("alice"))

    assert world.weather.calls["replace"] == MOST_MOVES


def test_a_late_answer_of_a_refresh_never_beats_a_connect(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.pass_time(3600)
    newest = world.coinbase.authorize("alice")
    world.coinbase.meanwhile("refresh", lambda: client.connect("alice", newest))

    resolved = client.resolve(connected.token_id)

    row = world.standing(connected.token_id)
    assert (row.binding.generation, row.grant_number, row.state) == (2, 2, TokenState.ACTIVE)
    assert resolved.generation == 2
    assert world.coinbase.is_alive(resolved.credential)


def test_a_connect_over_a_row_revoked_meanwhile_is_a_conflict_and_brings_nothing_back(
    world: World, client: Client
) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.coinbase.meanwhile("redeem", lambda: client.revoke(connected.token_id))

    with pytest.raises(ConflictError):
        client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert world.rows.rows == {}
    assert world.coinbase.living == 0


def test_a_connect_finishes_a_revoke_that_died_and_gets_a_new_token_id(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    credential = client.resolve(connected.token_id).credential
    row = world.standing(connected.token_id)
    world.ledger.record(row.shard, row.binding.token_key)

    again = client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert again.token_id != connected.token_id
    assert again.outcome is ConnectOutcome.CREATED
    assert not world.coinbase.is_alive(credential)
    assert world.spooled() == []
    with pytest.raises(TokenNotFoundError):
        client.resolve(connected.token_id)


def test_a_generation_that_a_connect_has_replaced_is_not_asked_about(world: World, client: Client) -> None:
    session = client.connect("alice", world.binance.add_user("alice"), integration="binance").token_id
    client.connect("alice", world.binance.add_user("alice"), integration="binance")
    row, asked = world.standing(session), list[str]()
    world.binance.meanwhile("probe", lambda: asked.append("probe"))

    liveness = world.life.engine.probe(
        CallContext("call-1", "key-1"), shard=row.shard, token_key=row.binding.token_key, generation=1
    )

    assert (liveness, asked) == (Liveness.ALIVE, [])


def _each_time(world: World, happening: Callable[[], object]) -> None:
    for _ in range(MOST_MOVES):
        world.weather.before("replace", happening)
