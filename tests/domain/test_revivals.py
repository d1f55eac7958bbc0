"""A revoked row that comes back with an older database is refused from the first call on, and nobody else is."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError, TokenNotFoundError
from mmt_grpc.domain.model import MICROSECONDS, Scope
from mmt_grpc.domain.revival_guard import HELD
from tests.support.database_age import become, follow, installation, is_calm, prove, set_back
from tests.support.fakes_world import Client, World

Asking = Callable[[Client, str], object]
ASKING = [
    pytest.param(lambda client, token: client.resolve(token), id="resolve"),
    pytest.param(lambda client, token: client.resolve(token, required=Scope.WRITE), id="resolve for more"),
    pytest.param(lambda client, token: client.resolve(token, rejected=1), id="resolve after a refusal"),
    pytest.param(lambda client, token: client.check_scope(token, Scope.READ), id="check scope"),
]


def test_a_row_that_came_back_unnoticed_is_handed_out(client: Client, revived: str) -> None:
    """What the other tests stand on: the row is whole."""
    assert client.token(revived)


@pytest.mark.parametrize("ask", ASKING)
def test_a_revoked_row_is_not_found_once_a_connection_was_lost(
    world: World, client: Client, revived: str, ask: Asking
) -> None:
    world.life.guard.suspect()

    with pytest.raises(TokenNotFoundError):
        ask(client, revived)


@pytest.mark.parametrize("ask", ASKING)
def test_a_revoked_row_is_not_found_in_a_database_that_is_older(
    world: World, client: Client, revived: str, ask: Asking
) -> None:
    follow(world, world.ledger.head())
    set_back(world)

    with pytest.raises(TokenNotFoundError):
        ask(client, revived)
    assert world.log.alarms == ["database_is_older"]


def test_a_revoked_row_is_not_found_once_anybody_has_opened_a_recovery(
    world: World, client: Client, revived: str
) -> None:
    world.store.recoveries.open(world.store.recoveries.current())
    world.life.guard.look()

    with pytest.raises(TokenNotFoundError):
        client.resolve(revived)


@pytest.mark.parametrize("method", ["read_access", "contains"])
def test_nobody_else_is_refused_in_doubt(world: World, client: Client, token: str, method: str) -> None:
    world.life.guard.suspect()

    assert client.token(token)
    assert client.check_scope(token, Scope.READ).allowed
    assert world.weather.calls[method] > 0
    with pytest.raises(TokenNotFoundError):
        world.client("client-2").resolve(token)


def test_in_doubt_nothing_leaves_that_the_ledger_was_not_asked_about(world: World, client: Client, token: str) -> None:
    world.life.guard.suspect()
    with world.weather.outage("contains"):
        with pytest.raises(StoreUnavailableError) as refusal:
            client.resolve(token)
        assert refusal.value.retry_after
        with pytest.raises(StoreUnavailableError):
            client.check_scope(token, Scope.READ)
    assert client.token(token)


def test_in_calm_the_ledger_is_asked_nothing(world: World, client: Client, token: str) -> None:
    with world.weather.outage("contains", "since", "now", "head"):
        assert client.token(token)
        assert client.check_scope(token, Scope.READ).allowed


def test_doubt_that_comes_between_reading_and_handing_out_is_in_time(
    world: World, client: Client, revived: str
) -> None:
    world.clock.plan(1, world.life.guard.suspect)
    world.weather.before("read_access", lambda: world.pass_time(1))

    with pytest.raises(TokenNotFoundError):
        client.resolve(revived)


def test_a_doubt_that_came_and_went_while_a_call_waited_is_not_forgotten(
    world: World, client: Client, token: str
) -> None:
    """The row that was read in between may have been one that came back, and be gone by now."""
    row = world.standing(token)

    def come_and_go() -> None:
        world.life.guard.suspect()
        world.ledger.record(row.shard, row.binding.token_key)
        kept = dict(world.rows.rows)
        world.rows.rows.clear()
        prove(world)
        assert is_calm(world)
        world.rows.rows.update(kept)

    world.life.lanes.holds_back = True
    world.clock.plan(100_000, come_and_go)
    with pytest.raises(TokenNotFoundError):
        client.resolve(token, min_validity=24 * 3600)


@pytest.mark.parametrize("foreign", [b"installation-999", None], ids=["another's", "nobody's"])
def test_another_database_answers_nothing_until_the_right_one_is_back(
    world: World, client: Client, token: str, foreign: bytes | None
) -> None:
    guard, ours = world.life.guard, installation(world)
    become(world, None if foreign is None else replace(ours, installation_id=foreign))
    rows = dict(world.rows.rows)
    world.rows.rows.clear()
    guard.suspect()
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            client.resolve(token)
        with pytest.raises(StoreUnavailableError):
            client.check_scope(token, Scope.READ)
        assert guard.look() is None
    assert world.log.alarms == ["database_is_another"]

    become(world, ours)
    world.rows.rows.update(rows)
    guard.look()
    assert client.token(token)
    world.pass_time(HELD / MICROSECONDS + 1)
    prove(world)
    assert is_calm(world)
