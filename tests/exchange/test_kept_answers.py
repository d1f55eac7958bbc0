"""Answers that are only kept cost nothing while others are settled."""

import errno
from pathlib import Path

import pytest

from tests.exchange.bad_blocks import BadBlocks, live, record, uncommitted
from tests.support.fakes_world import Client, World


def test_they_are_not_read_again_for_a_row_that_waits_for_its_record(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks, reads = BadBlocks(), list[Path]()
    read_bytes = blocks.patched(Path.read_bytes)

    def counted(path: Path) -> bytes:
        reads.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    uncommitted(world, client, "alice")
    unread = record(world)
    blocks.files[unread] = errno.EIO
    world.restart()
    others = [client.connect(f"user-{n}", world.coinbase.authorize(f"user-{n}")).token_id for n in range(5)]
    world.pass_time(3600)
    for token in others:
        world.refresh(token)
    live(world, 100)

    reads.clear()
    live(world, 100)

    assert set(reads) == {unread}
    assert [world.standing(token).binding.generation for token in others] == [2] * 5
