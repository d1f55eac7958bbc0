"""A row that this version cannot make sense of costs its own token's certainty, and nobody else's."""

from collections.abc import Collection, Mapping, Sequence

import pytest

from mmt_grpc.domain.errors import RowUnparsableError
from mmt_grpc.domain.ports.store import Reading
from mmt_grpc.domain.token_row import TokenRow, TokenState
from mmt_grpc.exchange.awaited import DISK_AWAITED
from tests.exchange.bad_blocks import live, uncommitted
from tests.support.fakes_world import OTHER, Client, World


class Unparsable:
    """Rows of a fake store that answer as a database's do which another version has written."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: set[bytes] = set()
        rows = world.rows
        self._read, self._read_many, self._named = rows.read, rows.read_many, rows.named
        for name in ("read", "read_many", "named"):
            monkeypatch.setattr(rows, name, getattr(self, name))

    def read(self, shard: int, token_key: bytes) -> Reading[TokenRow | None]:
        self._check([token_key])
        return self._read(shard, token_key)

    def read_many(self, keys: Collection[tuple[int, bytes]]) -> Mapping[bytes, TokenRow]:
        self._check([token_key for _, token_key in keys])
        return self._read_many(keys)

    def named(self, owner: bytes) -> Sequence[TokenRow]:
        return [row for row in self._named(owner) if row.binding.token_key not in self.keys]

    def _check(self, keys: Collection[bytes]) -> None:
        if not self.keys.isdisjoint(keys):
            raise RowUnparsableError("state")


@pytest.fixture
def unparsable(world: World, monkeypatch: pytest.MonkeyPatch) -> Unparsable:
    """None yet."""
    return Unparsable(world, monkeypatch)


def test_a_start_settles_all_others(world: World, client: Client, unparsable: Unparsable) -> None:
    strange, other = uncommitted(world, client, "alice"), uncommitted(world, client, "bob")
    key = world.standing(strange).binding.token_key
    unparsable.keys.add(key)

    world.restart()

    assert (world.standing(other).state, world.standing(other).binding.generation) == (TokenState.ACTIVE, 2)
    assert world.log.named("answer_waits_for_unreadable_row") == [{"integration": "coinbase"}]
    unparsable.keys.clear()
    live(world, 20)
    assert (world.standing(strange).state, world.standing(strange).binding.generation) == (TokenState.ACTIVE, 2)


def test_a_recovery_waits_for_it_but_not_for_ever(world: World, client: Client, unparsable: Unparsable) -> None:
    token = uncommitted(world, client, "alice")
    other = world.boot(OTHER)
    unparsable.keys.add(world.standing(token).binding.token_key)
    world.restart()
    other.engine.recovery.notice()
    assert other.engine.recovery.step()

    live(world, DISK_AWAITED // 1_000_000 - 10, other)
    assert not world.store.replicas.have_recovered(0)
    live(world, 20, other)

    assert world.store.replicas.have_recovered(0)
