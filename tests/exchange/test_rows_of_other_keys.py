"""A row whose key epoch is not in this replica's keyring costs its own token's certainty, and nobody else's."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.awaited import DISK_AWAITED
from tests.exchange.bad_blocks import live, uncommitted
from tests.support.fakes_world import OTHER, Client, World

DESTROYED = 0
"""An epoch older than those in the keyring."""
AHEAD = 99
"""One that has not arrived here."""


@pytest.fixture
def bob(world: World, client: Client) -> str:
    """A token that has nothing wrong with it, and is due."""
    return client.connect("bob", world.coinbase.authorize("bob")).token_id


def move(world: World, token: str, epoch: int) -> None:
    """Have a row say that its keys are wrapped under another epoch."""
    row = world.standing(token)
    sealed = replace(row.sealed, key_epoch=epoch)
    world.rows.rows[row.shard, row.binding.token_key] = replace(row, sealed=sealed)


def has_recovered(world: World) -> bool:
    return world.store.replicas.have_recovered(world.rows.now() - 600_000_000)


@pytest.mark.parametrize("epoch", [DESTROYED, AHEAD])
def test_a_start_settles_all_others(world: World, client: Client, epoch: int) -> None:
    strange, other = uncommitted(world, client, "alice"), uncommitted(world, client, "bob")
    move(world, strange, epoch)

    world.restart()

    assert (world.standing(other).state, world.standing(other).binding.generation) == (TokenState.ACTIVE, 2)
    assert world.standing(strange).state is TokenState.REFRESHING


def test_it_is_told_of_once_in_a_life(world: World, client: Client) -> None:
    move(world, uncommitted(world, client, "alice"), AHEAD)

    world.restart()
    live(world, 300)

    assert world.log.named("answer_waits_for_unreadable_row") == [{"integration": "coinbase"}]


@pytest.mark.parametrize("epoch", [DESTROYED, AHEAD])
def test_its_answer_is_committed_once_the_key_is_there(world: World, client: Client, epoch: int) -> None:
    token = uncommitted(world, client, "alice")
    home = world.standing(token).sealed.key_epoch
    move(world, token, epoch)
    world.restart()
    live(world, 900)

    move(world, token, home)
    live(world, 20)

    assert (world.standing(token).state, world.standing(token).binding.generation) == (TokenState.ACTIVE, 2)
    assert world.coinbase.counts["reuses"] == 0


def test_a_recovery_does_not_wait_for_a_row_that_nobody_can_lease(world: World, client: Client) -> None:
    move(world, uncommitted(world, client, "alice"), DESTROYED)
    world.restart()

    world.life.engine.recovery.notice()

    assert world.life.engine.recovery.step()


def test_a_recovery_waits_for_one_that_others_may_lease_but_not_for_ever(
    world: World, client: Client, bob: str
) -> None:
    move(world, uncommitted(world, client, "alice"), AHEAD)
    other = world.boot(OTHER)
    world.restart()
    other.engine.recovery.notice()
    assert other.engine.recovery.step()

    live(world, DISK_AWAITED // 1_000_000 - 10, other)
    assert not has_recovered(world)
    live(world, 20, other)

    assert has_recovered(world)
    world.refresh(bob)
    assert world.standing(bob).binding.generation == 2


def test_one_that_was_settled_before_is_awaited_when_a_failover_takes_its_answer_back(world: World, bob: str) -> None:
    world.pass_time(3600)
    before = world.standing(bob)
    world.refresh(bob)
    live(world, 180)
    world.rows.rows[before.shard, before.binding.token_key] = before
    move(world, bob, AHEAD)

    world.life.engine.recovery.notice()
    live(world, DISK_AWAITED // 1_000_000 - 10)
    assert not has_recovered(world)
    move(world, bob, before.sealed.key_epoch)
    live(world, 10)

    assert has_recovered(world)
    assert world.standing(bob).binding.generation == 2


def test_what_is_due_behind_it_is_refreshed_on_time(world: World, client: Client) -> None:
    tokens = [client.connect(f"user-{n}", world.coinbase.authorize(f"user-{n}")).token_id for n in range(5)]
    move(world, tokens[0], AHEAD)
    world.pass_time(3600)
    world.life.beat()

    world.life.engine.scheduler.tick()

    assert [world.standing(token).binding.generation for token in tokens] == [1, 2, 2, 2, 2]
    assert world.log.named("due_row_not_started") == [{"integration": "coinbase", "reason": "STORE_UNAVAILABLE"}]
