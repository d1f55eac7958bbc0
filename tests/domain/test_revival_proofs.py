"""A doubt about the database ends when no row is left that the ledger names, and no sooner."""

import pytest

from mmt_grpc.domain.ledger_batch import BATCH, OVERLAP
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.store import LedgerEntry
from mmt_grpc.domain.revival_guard import HELD
from mmt_grpc.domain.revival_proof import SKEW
from tests.support.database_age import follow, is_calm, prove, set_back
from tests.support.fakes_world import Client, World


def test_the_doubt_ends_when_no_row_is_left_that_the_ledger_names(world: World, revived: str) -> None:
    guard = world.life.guard
    guard.suspect()
    prove(world)
    assert not is_calm(world)

    row = world.rows.rows.pop((world.standing(revived).shard, world.standing(revived).binding.token_key))
    prove(world)

    assert is_calm(world)
    assert world.log.named("revivals_suspected") == [{"why": "connection_lost"}]
    assert len(world.log.named("revivals_ruled_out")) == 1
    world.rows.rows[row.shard, row.binding.token_key] = row


def test_a_new_sign_during_the_proof_leaves_the_doubt(world: World) -> None:
    guard = world.life.guard
    guard.suspect()
    world.weather.before("since", guard.suspect)
    prove(world)
    assert not is_calm(world)

    prove(world)
    assert is_calm(world)


def test_a_proof_looks_back_beyond_the_position_that_the_database_has_reached(world: World, token: str) -> None:
    world.pass_time(3600)
    row, late = world.standing(token), world.rows.now() - OVERLAP + MICROSECONDS
    follow(world, world.rows.now())
    world.ledger._entries[row.binding.token_key] = LedgerEntry(late, row.shard, row.binding.token_key, late)
    world.life.guard.suspect()
    prove(world)

    assert not is_calm(world)


def test_revokes_without_end_do_not_keep_the_doubt_alive(world: World, client: Client, token: str) -> None:
    """What is revoked after the doubt began is deleted from the database as it is now."""
    guard, row = world.life.guard, world.standing(token)
    guard.suspect()
    world.ledger.record(row.shard, row.binding.token_key)
    prove(world)
    assert not is_calm(world)

    world.rows.rows.clear()
    world.pass_time(SKEW / MICROSECONDS + 1)
    for number in range(3):
        later = client.connect(f"user-{number}", world.coinbase.authorize(f"user-{number}")).token_id
        world.ledger.record(world.standing(later).shard, world.standing(later).binding.token_key)
    prove(world)

    assert is_calm(world)


@pytest.mark.parametrize("count", [BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 3])
@pytest.mark.parametrize("spread", [0, 1], ids=["all at one moment", "each at its own"])
def test_a_proof_looks_at_every_entry_wherever_a_batch_ends(world: World, token: str, count: int, spread: int) -> None:
    row = world.standing(token)
    for number in range(count):
        key = number.to_bytes(32)
        world.ledger._entries[key] = LedgerEntry(1000 + number * spread, 0, key, 0)
    last = 1000 + count * spread
    world.ledger._entries[row.binding.token_key] = LedgerEntry(last, row.shard, row.binding.token_key, last)
    world.life.guard.suspect()
    prove(world)
    assert not is_calm(world)

    world.rows.rows.clear()
    prove(world)
    assert is_calm(world)


def test_an_older_database_stays_in_doubt_until_it_was_compared_and_a_while_longer(world: World) -> None:
    """A backup comes back table by table: what says how old it is may be there before its rows are."""
    follow(world, 50)
    set_back(world)
    world.pass_time(2 * HELD / MICROSECONDS)
    prove(world)
    assert not is_calm(world)

    follow(world, 50)
    prove(world)
    assert not is_calm(world)

    world.pass_time(HELD / MICROSECONDS + 1)
    prove(world)
    assert is_calm(world)
    assert world.log.alarms == ["database_is_older"]


def test_what_an_earlier_reading_says_is_no_sign_once_a_later_one_is_known(world: World) -> None:
    guard = world.life.guard
    read = world.store.installations.age

    def overtaken() -> object:
        before = read()
        world.store.installations.age = read  # type: ignore[method-assign]  # once
        follow(world, 70)
        return before

    world.store.installations.age = overtaken  # type: ignore[method-assign,assignment]  # once
    guard.look()

    assert is_calm(world)
    assert world.log.alarms == []
