"""How long a recovery waits for a record counts from its first failed reading, however long ago it was settled."""

import errno
from pathlib import Path

import pytest

from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.attempt_records import Kept
from mmt_grpc.exchange.awaited import DISK_AWAITED, Awaited
from mmt_grpc.exchange.unkept import GRANT
from tests.exchange.bad_blocks import BadBlocks, live, record
from tests.support.fakes_world import Client, World

ATTEMPT = b"attempt-00000000"
START = 1_800_000_000_000_000


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> BadBlocks:
    """No bad block yet."""
    bad = BadBlocks()
    monkeypatch.setattr(Path, "read_bytes", bad.patched(Path.read_bytes))
    return bad


@pytest.mark.parametrize("seconds", [0, 180, 400])
def test_what_was_settled_long_before_a_failover_is_not_spent_again(
    world: World, client: Client, blocks: BadBlocks, seconds: int
) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)
    before = world.standing(token)
    world.refresh(token)
    live(world, 70 + seconds)
    blocks.files[record(world)] = errno.EIO
    world.rows.rows[before.shard, before.binding.token_key] = before
    world.life.parts.losses.happened()

    live(world, 10)
    world.refresh(token)
    blocks.files.clear()
    live(world, 10)

    assert world.coinbase.counts["reuses"] == 0
    assert (world.standing(token).state, world.standing(token).binding.generation) == (TokenState.ACTIVE, 2)


def test_a_record_that_is_not_read_for_a_while_counts_on() -> None:
    awaited = Awaited()
    awaited.note(Kept([], {ATTEMPT}), START, unread=())

    awaited.note(Kept([]), START + DISK_AWAITED // 2, unread={ATTEMPT})
    assert awaited.is_any(START + DISK_AWAITED - 1)
    awaited.note(Kept([], {ATTEMPT}), START + DISK_AWAITED, unread=())

    assert awaited.unreadable == {ATTEMPT}
    assert not awaited.is_any(START + DISK_AWAITED)


def test_a_record_that_is_read_again_is_awaited_no_more() -> None:
    awaited = Awaited()
    awaited.note(Kept([], {ATTEMPT}), START, unread=())

    awaited.note(Kept([]), START + 1, unread=())

    assert not awaited.is_any(START + 1)
    assert not awaited.unreadable


def test_a_grant_of_another_version_does_not_keep_a_replica_from_starting(world: World, client: Client) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.life.parts.spool().put(GRANT, bytes(32), b"another version's")

    world.restart()

    assert client.resolve(token).generation == 1
    assert world.log.alarms == ["grant_unreadable"]
    assert world.life.parts.spool().get(GRANT, bytes(32)) == b"another version's"
