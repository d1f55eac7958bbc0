"""The exchanger's own doubt about the database: what it refreshes, answers and deletes after it was set back."""

import itertools
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import ConflictError, StoreUnavailableError, TokenNotFoundError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.revival_guard import HELD, RevivalGuard
from mmt_grpc.domain.verbs import Revoked
from mmt_grpc.exchange.reconciling import UNDER_WAY
from tests.support.database_age import become, installation
from tests.support.fakes_world import OTHER, Client, World

LONG_AGO = UNDER_WAY / MICROSECONDS + 1


@pytest.fixture
def revived(world: World, client: Client) -> str:
    """A token that was revoked a while ago, whose position the database has reached, and whose row is back."""
    token = client.connect("bob", world.coinbase.authorize("bob"), request_id="bob's").token_id
    rows = dict(world.rows.rows)
    client.revoke(token)
    world.pass_time(LONG_AGO)
    world.life.beat()
    world.rows.rows.update(rows)
    return token


def guard(world: World) -> RevivalGuard:
    return world.life.engine.comparing.guard


def is_calm(world: World) -> bool:
    return bool(guard(world).calm)


def test_a_row_that_came_back_unnoticed_is_refreshed(world: World, revived: str) -> None:
    """What the other tests stand on: the row is whole, but for the word of the exchange."""
    world.coinbase.counts.clear()

    assert world.refresh(revived).progress is Progress.STARTED


def test_after_a_lost_connection_nothing_is_refreshed_from_a_row_that_the_ledger_names(
    world: World, revived: str, token: str
) -> None:
    row, spent = world.standing(revived), world.coinbase.counts["refreshes"]
    world.life.parts.losses.happened()

    with pytest.raises(TokenNotFoundError):
        world.refresh(revived)
    with pytest.raises(TokenNotFoundError):
        world.life.engine.refreshing.start_due(row, "ahead")
    assert world.coinbase.counts["refreshes"] == spent

    world.life.beat()
    assert world.row(revived) is None
    assert is_calm(world)
    assert world.refresh(token).progress is Progress.STARTED


def test_a_database_that_is_older_is_compared_in_full_though_no_connection_was_lost(world: World, revived: str) -> None:
    become(world, replace(installation(world), ledger_head=0))
    recoveries = world.store.recoveries.current()
    world.life.beat()

    assert world.row(revived) is None
    assert installation(world).ledger_head == world.ledger.head()
    assert world.store.recoveries.current() == recoveries + 1, "every replica settles what it holds"
    assert world.log.alarms == ["database_is_older"]


def test_rows_of_a_backup_that_come_back_after_the_first_comparison_are_found_by_a_second(
    world: World, client: Client, revived: str, token: str
) -> None:
    rows = dict(world.rows.rows)
    world.pass_time(3600)
    client.revoke(token)
    world.rows.rows.clear()
    become(world, replace(installation(world), ledger_head=0))
    world.life.beat()
    world.rows.rows.update(rows)
    world.life.beat()
    assert not is_calm(world)
    with pytest.raises(TokenNotFoundError):
        world.refresh(revived)

    world.pass_time(HELD / MICROSECONDS + 1)
    world.life.beat()
    assert world.row(revived) is None
    assert is_calm(world)


def test_a_recovery_that_another_replica_has_opened_is_a_reason_to_compare(world: World, revived: str) -> None:
    other = world.boot(OTHER)
    other.parts.losses.happened()
    other.engine.heartbeat.beat()
    other.engine.recovery.step()

    world.life.beat()

    assert world.row(revived) is None


def test_ones_own_recovery_is_compared_once(world: World) -> None:
    world.life.parts.losses.happened()
    world.life.beat()
    assert is_calm(world)
    reads = world.weather.calls["since"]
    world.life.beat()

    assert is_calm(world)
    assert world.weather.calls["since"] == reads + 1


def test_a_comparison_that_failed_is_made_again(world: World, revived: str) -> None:
    world.life.parts.losses.happened()
    world.weather.refuse("since")
    with pytest.raises(StoreUnavailableError):
        world.life.beat()
    assert world.row(revived) is not None
    assert not is_calm(world)

    world.life.beat()
    assert world.row(revived) is None
    assert is_calm(world)


def test_a_full_comparison_leaves_a_revoke_under_way_its_row_and_comes_back_for_it(world: World, token: str) -> None:
    row = world.standing(token)
    world.ledger.record(row.shard, row.binding.token_key)
    world.life.parts.losses.happened()
    world.life.beat()
    assert world.row(token) is not None
    assert not is_calm(world)

    world.pass_time(LONG_AGO)
    world.life.beat()
    assert world.row(token) is None
    assert is_calm(world)


def test_a_revoke_overtaken_by_a_restarted_exchanger_is_the_one_that_deletes_the_row(
    world: World, client: Client, token: str
) -> None:
    """The start waits for it: its caller would be told else that there was no such token."""
    began, row, answers = world.clock.elapsed(), world.standing(token), list[Revoked]()
    world.ledger.record(row.shard, row.binding.token_key)
    world.clock.plan(MICROSECONDS, lambda: answers.append(client.revoke(token)))
    world.restart()

    assert len(answers) == 1
    assert world.log.named("revocations_finished") == []
    assert world.clock.elapsed() - began < UNDER_WAY
    assert is_calm(world)


def test_a_start_finishes_a_revoke_that_died_on_its_way(world: World, token: str) -> None:
    row = world.standing(token)
    world.ledger.record(row.shard, row.binding.token_key)
    world.restart()

    assert world.row(token) is None
    assert is_calm(world)


def test_a_start_does_not_wait_for_ever_for_revokes_without_end(world: World, client: Client) -> None:
    users = itertools.count()

    def begin_another() -> None:
        user = f"user-{next(users)}"
        row = world.standing(client.connect(user, world.coinbase.authorize(user)).token_id)
        world.ledger.record(row.shard, row.binding.token_key)

    for _ in range(200):
        world.weather.before("since", begin_another)
    began = world.clock.elapsed()
    world.restart()

    assert world.clock.elapsed() - began < 2 * UNDER_WAY
    assert is_calm(world)


def test_a_repeated_connect_whose_row_was_revoked_and_came_back_conflicts(world: World, client: Client) -> None:
    grant = world.coinbase.authorize("bob")
    token = client.connect("carol", grant, request_id="once").token_id
    rows = dict(world.rows.rows)
    client.revoke(token)
    world.rows.rows.update(rows)
    assert client.connect("carol", grant, request_id="once").token_id == token, "unnoticed, it is confirmed"
    world.life.parts.losses.happened()

    with pytest.raises(ConflictError):
        client.connect("carol", grant, request_id="once")
