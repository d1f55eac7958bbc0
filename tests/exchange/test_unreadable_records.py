"""A record that its disk does not give back costs its own token's certainty, and nothing else."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.awaited import DISK_AWAITED
from tests.exchange.bad_blocks import BadBlocks, live, record, uncommitted
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import OTHER, THIS, Client, World


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> BadBlocks:
    """No bad block yet."""
    bad = BadBlocks()
    monkeypatch.setattr(Path, "read_bytes", bad.patched(Path.read_bytes))
    return bad


@pytest.fixture
def unread(world: World, client: Client, blocks: BadBlocks) -> str:
    """A token whose refresh was answered before its replica died, on a block that went bad."""
    token = uncommitted(world, client, "alice")
    blocks.files[record(world)] = errno.EIO
    return token


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_all_other_attempts_are_settled(world: World, client: Client, blocks: BadBlocks, number: int) -> None:
    unread = uncommitted(world, client, "alice")
    blocks.files[record(world)] = number
    other = uncommitted(world, client, "bob")

    world.restart()

    assert (world.standing(other).state, world.standing(other).binding.generation) == (TokenState.ACTIVE, 2)
    row = world.standing(unread)
    assert (row.state, row.binding.generation) == (TokenState.IN_DOUBT, 1)
    assert THIS in {row.doubt_owner, row.lease_owner}


def test_it_is_told_of_once_in_a_life_by_its_file(world: World, unread: str) -> None:
    world.restart()
    live(world, 100)

    told = [fields for _, name, fields in world.log.events if name == "attempt_unreadable"]
    assert told == [{"file": record(world).name, "why": "EIO"}]
    assert world.standing(unread).state is TokenState.IN_DOUBT


def test_an_answer_that_can_be_read_again_is_committed(
    world: World, client: Client, blocks: BadBlocks, unread: str
) -> None:
    world.restart()
    live(world, 1200)
    blocks.files.clear()

    live(world, 60)

    assert world.standing(unread).binding.generation == 2
    assert world.coinbase.is_alive(client.resolve(unread).credential)
    assert world.coinbase.counts["reuses"] == 0


def test_nobody_tries_again_while_it_may_be_read_again(world: World, unread: str) -> None:
    other = world.boot(OTHER)
    world.restart()

    for _ in range(20):
        live(world, 60, other)
        world.refresh(unread)
        world.refresh(unread, life=other)

    assert world.coinbase.counts["refreshes"] == 1
    assert world.coinbase.counts["reuses"] == 0
    assert world.standing(unread).state is TokenState.IN_DOUBT


def test_a_retry_that_was_never_sent_does_not_take_the_name_out(world: World, unread: str) -> None:
    """The row's last attempt is another one; its doubt is still the one that cannot be read."""
    world.restart()
    row = world.standing(unread)
    attempt_id = b"never-sent-00000"
    world.rows.rows[row.shard, row.binding.token_key] = replace(
        row, attempt_id=attempt_id, lease_owner=THIS, state=TokenState.REFRESHING
    )

    world.restart()

    row = world.standing(unread)
    assert row.state is TokenState.IN_DOUBT
    assert row.doubt != attempt_id
    assert row.doubt_owner == THIS


def test_an_older_answer_of_the_same_token_does_not_take_the_name_out(
    world: World, client: Client, blocks: BadBlocks
) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)
    world.refresh(token)
    older = record(world)
    world.pass_time(300)
    world.failpoints.arm("refresh.before_commit")
    with pytest.raises(CrashError):
        world.refresh(token)
    (spoiled,) = set(older.parent.glob("attempt-*.record")) - {older}
    blocks.files[spoiled] = errno.EIO

    world.restart()
    live(world, 600)

    row = world.standing(token)
    assert not older.exists()
    assert (row.state, row.binding.generation) == (TokenState.IN_DOUBT, 2)
    assert THIS in {row.doubt_owner, row.lease_owner}


@pytest.mark.parametrize("way", ["its replica is forgotten", "its file is removed"])
def test_a_retry_is_possible_once_the_operator_has_given_it_up(
    world: World, blocks: BadBlocks, unread: str, way: str
) -> None:
    other = world.boot(OTHER)
    world.restart()
    path = record(world)
    if way == "its file is removed":
        blocks.files.clear()
        path.unlink()
        live(world, 70, other)
    else:
        world.pass_time(70)
        assert world.store.replicas.forget(THIS)

    world.refresh(unread, life=other)

    row = world.standing(unread)
    assert (row.state, row.reason) == (TokenState.REAUTHENTICATION, Cause.ROTATION_LOST)


def test_a_recovery_waits_for_it_but_not_for_ever(world: World, client: Client, unread: str) -> None:
    other = world.boot(OTHER)
    world.restart()
    bob = client.connect("bob", world.coinbase.authorize("bob")).token_id
    other.engine.recovery.notice()
    assert other.engine.recovery.step()

    live(world, DISK_AWAITED // 1_000_000 - 10, other)
    assert not is_over(world)
    live(world, 20, other)

    assert is_over(world)
    world.refresh(bob)
    assert world.standing(bob).binding.generation == 2
    assert world.standing(unread).state is TokenState.IN_DOUBT


def test_a_start_does_not_wait_for_it_where_no_recovery_is_open(world: World, client: Client, unread: str) -> None:
    bob = client.connect("bob", world.coinbase.authorize("bob")).token_id
    world.restart()
    world.pass_time(3600)

    world.refresh(bob)

    assert world.standing(bob).binding.generation == 2
    assert world.standing(unread).state is TokenState.IN_DOUBT


def test_the_next_recovery_does_not_wait_for_it_again(world: World, unread: str) -> None:
    world.restart()
    live(world, DISK_AWAITED // 1_000_000)

    world.life.engine.recovery.notice()

    assert world.life.engine.recovery.step()
    assert world.standing(unread).state is TokenState.IN_DOUBT


def is_over(world: World) -> bool:
    return world.store.replicas.have_recovered(world.rows.now() - 600_000_000)


def test_what_a_failover_took_back_is_brought_back_by_a_disk_that_is_away_for_a_minute(
    world: World, client: Client, blocks: BadBlocks
) -> None:
    other = world.boot(OTHER)
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)
    before = world.standing(token)
    world.refresh(token)
    assert world.standing(token).binding.generation == 2
    world.rows.rows[before.shard, before.binding.token_key] = before
    blocks.files[record(world)] = errno.EIO
    for life in (world.life, other):
        life.engine.recovery.notice()

    live(world, 60, other)
    world.refresh(token, life=other)
    blocks.files.clear()
    live(world, 20, other)

    assert world.standing(token).binding.generation == 2
    assert world.coinbase.counts["reuses"] == 0


def test_its_disk_is_not_called_settled(world: World, blocks: BadBlocks, unread: str) -> None:
    world.restart()
    live(world, 1200)
    assert world.life.engine.settling.unreadable() == {bytes.fromhex(record(world).stem.removeprefix("attempt-"))}
    assert not world.life.engine.stop()

    blocks.files.clear()
    world.restart()

    assert world.life.engine.settling.unreadable() == frozenset()
    assert world.life.engine.stop()
    assert world.standing(unread).binding.generation == 2
