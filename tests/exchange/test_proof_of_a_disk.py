"""A disk that has refused a record is trusted again once it has room for an attempt, and not for one byte less."""

import errno
import os

import pytest

from mmt_grpc.exchange.attempt_files import SIZE
from tests.exchange.bad_blocks import live
from tests.support.fakes_world import THIS, Client, World


class NearlyFull:
    """A disk with so many bytes left for each file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 4096
        self._allocate = os.posix_fallocate
        monkeypatch.setattr(os, "posix_fallocate", self.allocate)

    def allocate(self, descriptor: int, offset: int, size: int) -> None:
        if offset + size > self.left:
            raise OSError(errno.ENOSPC, "refused")
        self._allocate(descriptor, offset, size)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> NearlyFull:
    """A disk that takes small records, and no attempts."""
    return NearlyFull(monkeypatch)


def test_no_leases_are_taken_until_an_attempt_would_fit(world: World, client: Client, disk: NearlyFull) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)

    for left in (4096, SIZE - 1):
        disk.left = left
        for _ in range(5):
            live(world, 400)
            world.refresh(token)
    assert (world.standing(token).failures, world.log.named("spool_disk_works")) == (1, [])

    disk.left = SIZE
    live(world, 10)
    world.refresh(token)

    assert world.log.named("spool_disk_works") == [{}]
    assert world.standing(token).binding.generation == 2


def test_nothing_is_left_of_a_proof(world: World, disk: NearlyFull) -> None:
    spool = world.directory / THIS.decode() / "spool"
    for left in (SIZE - 1, SIZE):
        disk.left = left
        world.life.engine.upkeep.disk.failed()
        world.life.engine.upkeep.prove_disk()

        assert list(spool.iterdir()) == []


def test_a_record_for_which_room_was_asked_is_no_longer_for_it(world: World) -> None:
    spool = world.life.parts.spool()

    spool.put("grant", bytes(32), b"content", room=SIZE)

    assert spool.get("grant", bytes(32)) == b"content"
    (path,) = (world.directory / THIS.decode() / "spool").iterdir()
    assert path.stat().st_size < SIZE
