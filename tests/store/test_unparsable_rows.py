"""A row of another version, or of nobody, costs its own token alone: what is looked for beside it is found."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mmt_grpc.domain.errors import RowUnparsableError
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.store.columns import KEY_BYTES
from mmt_grpc.store.opening import open_store
from mmt_grpc.store.parsing import MOST, RowParser, UnparsableRow
from mmt_grpc.store.rows import ROW_COLUMNS
from tests.store.backends import Database
from tests.store.material import MINUTE, OWNER, Tokens, connect, lease
from tests.store.test_due import due_from, keys

UNKNOWN = {"state": 9, "scope": 9, "reason": 9}


@dataclass(frozen=True)
class Watched:
    """A store, what lies under it, and which rows it has told of."""

    tokens: Tokens
    database: Database
    told: list[UnparsableRow]

    def spoil(self, row: TokenRow, column: str = "scope") -> None:
        self.database.backend().plant(row, **{column: UNKNOWN[column]})


@pytest.fixture
def watched(opened: Database) -> Iterator[Watched]:
    """A store that tells the test."""
    told: list[UnparsableRow] = []
    with contextlib.closing(open_store(opened.url, on_unparsable=told.append)) as store:
        yield Watched(store.tokens, opened, told)  # type: ignore[arg-type]  # has both ports without being declared to


@pytest.mark.parametrize("column", ["scope", "reason"])
def test_what_is_due_beside_it_is_found(watched: Watched, column: str) -> None:
    now = watched.tokens.now()
    bad, good = (due_from(watched.tokens, now - age * MINUTE) for age in (2, 1))
    watched.spoil(bad, column)

    assert [keys(watched.tokens.due("coinbase", 10)) for _ in range(3)] == [keys([good])] * 3
    assert watched.told == [UnparsableRow(bad.shard, "coinbase", column)]


def test_it_does_not_use_up_a_batch(watched: Watched) -> None:
    now = watched.tokens.now()
    rows = [due_from(watched.tokens, now - age * MINUTE) for age in (5, 4, 3, 2, 1)]
    for bad in rows[:3]:
        watched.spoil(bad)

    found = [keys(watched.tokens.due("coinbase", 2)) for _ in range(3)]

    assert found[-1] == keys(rows[3:])
    assert len(watched.told) == 3


@pytest.mark.parametrize("column", ["scope", "reason", "state"])
def test_what_else_names_a_replica_is_found(watched: Watched, column: str) -> None:
    bad, good = connect(watched.tokens), connect(watched.tokens)
    for row in (bad, good):
        lease(watched.tokens, row)
    watched.spoil(bad, column)

    assert keys(watched.tokens.named(OWNER)) == keys([good])
    assert watched.told == [UnparsableRow(bad.shard, "coinbase", column)]


def test_who_asks_for_it_by_its_key_learns_it(watched: Watched) -> None:
    row = connect(watched.tokens)
    watched.spoil(row, "state")

    for ask in (
        lambda: watched.tokens.read(row.shard, row.binding.token_key),
        lambda: watched.tokens.read_identity(row.shard, row.binding.identity_key),
        lambda: watched.tokens.read_many([(row.shard, row.binding.token_key)]),
    ):
        with pytest.raises(RowUnparsableError, match="an unknown value of state"):
            ask()
    assert watched.told == []


def test_no_more_than_so_many_are_remembered() -> None:
    told: list[UnparsableRow] = []
    parser = RowParser(on_unparsable=told.append)

    for number in (*range(MOST + 10), *range(10)):
        token_key = number.to_bytes(KEY_BYTES)
        read = (5, token_key, bytes(KEY_BYTES), b"coin\xffbase", 1, 1, *[None] * (len(ROW_COLUMNS.split(",")) - 6))
        assert parser.parsed([read]) == []

    assert told == [UnparsableRow(5, r"coin\xffbase", "integration")] * MOST
    assert parser.left_out(r"coin\xffbase") == MOST
