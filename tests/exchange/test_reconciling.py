"""What the ledger names is deleted, whatever database turns up."""

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError, TokenNotFoundError
from mmt_grpc.domain.ledger_batch import BATCH, OVERLAP
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.store import LedgerEntry
from mmt_grpc.exchange.reconciling import UNDER_WAY, Comparison
from tests.support.fakes_world import Client, World


def test_a_restored_backup_loses_every_revoked_row_before_anything_is_served(world: World, client: Client) -> None:
    tokens = [client.connect(f"user-{n}", world.coinbase.authorize(f"user-{n}")).token_id for n in range(20)]
    backup = dict(world.rows.rows)
    for token in tokens[::2]:
        client.revoke(token)

    world.rows.rows.update(backup)
    world.restart()

    assert {token for token in tokens if world.row(token) is not None} == set(tokens[1::2])
    assert world.log.named("revocations_finished") == [{"rows": 10}]


def test_what_a_restored_row_held_is_revoked_upstream_too(world: World, client: Client) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    credential = client.resolve(token).credential
    row = world.standing(token)
    world.ledger.record(row.shard, row.binding.token_key)

    world.restart()
    world.sweep()
    world.sweep()

    assert not world.coinbase.is_alive(credential)
    assert world.spooled() == []


@pytest.mark.parametrize("count", [BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 3])
@pytest.mark.parametrize("spread", [0, 1], ids=["all at one moment", "each at its own"])
def test_every_entry_is_looked_at_wherever_a_batch_ends(world: World, client: Client, count: int, spread: int) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    row = world.standing(token)
    for number in range(count - 1):
        key = number.to_bytes(32)
        world.ledger._entries[key] = LedgerEntry(1000 + number * spread, 0, key, 0)
    last = 1000 + (count - 1) * spread
    world.ledger._entries[row.binding.token_key] = LedgerEntry(last, row.shard, row.binding.token_key, 0)
    world.ledger._entries[b"\xff" * 32] = LedgerEntry(last, 0, b"\xff" * 32, 0)

    assert world.life.engine.comparing.reconciling.in_full().deleted == 1
    assert world.row(token) is None


def test_the_position_moves_on_only_after_the_deletes_it_covers(world: World, client: Client) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    row = world.standing(token)
    world.ledger.record(row.shard, row.binding.token_key)
    world.pass_time(UNDER_WAY / MICROSECONDS + 1)
    world.weather.refuse("delete")

    with pytest.raises(StoreUnavailableError):
        world.life.engine.comparing.reconciling.incrementally()
    assert _head(world) == 0

    world.life.engine.comparing.reconciling.incrementally()
    assert _head(world) == world.ledger.head()
    assert world.row(token) is None


def test_a_revoke_under_way_is_left_to_end_by_itself_and_finished_once_it_does_not(
    world: World, client: Client
) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    row = world.standing(token)
    world.ledger.record(row.shard, row.binding.token_key)

    now = world.ledger.now()
    assert world.life.engine.comparing.reconciling.incrementally() == Comparison(0, began_at=now, left_at=now)
    assert world.row(token) is not None
    assert _head(world) < world.ledger.head()

    world.pass_time(UNDER_WAY / MICROSECONDS + 1)
    assert world.life.engine.comparing.reconciling.incrementally().deleted == 1
    assert world.row(token) is None
    assert _head(world) == world.ledger.head()


def test_an_entry_that_another_replica_committed_late_is_found(world: World, client: Client) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)
    client.revoke(client.connect("bob", world.coinbase.authorize("bob")).token_id)
    world.life.engine.comparing.reconciling.incrementally()
    row, late = world.standing(token), _head(world) - OVERLAP + 1
    world.ledger._entries[row.binding.token_key] = LedgerEntry(late, row.shard, row.binding.token_key, 0)

    assert world.life.engine.comparing.reconciling.incrementally().deleted == 1
    with pytest.raises(TokenNotFoundError):
        client.resolve(token)


def test_a_row_that_moves_is_deleted_all_the_same(world: World, client: Client) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)
    row = world.standing(token)
    world.ledger.record(row.shard, row.binding.token_key)
    world.pass_time(UNDER_WAY / MICROSECONDS + 1)

    def refresh() -> None:
        client.resolve(token)

    world.weather.before("delete", refresh)
    world.life.engine.comparing.reconciling.in_full()
    world.sweep()
    world.sweep()

    assert world.rows.rows == {}
    assert world.coinbase.living == 0


def test_a_ledger_that_is_down_keeps_a_start_from_serving(world: World) -> None:
    world.weather.refuse("since")

    with pytest.raises(StoreUnavailableError):
        world.boot()


def _head(world: World) -> int:
    installation = world.store.installations.read()
    assert installation is not None
    return installation.ledger_head


def test_what_was_revoked_before_the_ledgers_clock_was_set_back_is_not_under_way(world: World, client: Client) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    row = world.standing(token)
    world.store.clock.shift = 86_400 * MICROSECONDS
    world.ledger.record(row.shard, row.binding.token_key)
    world.store.clock.shift = 0

    assert world.life.engine.comparing.reconciling.incrementally().deleted == 1
    assert world.row(token) is None
