"""From the first schema to the newest: what is there stays, and the version before goes on writing."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.store import open_store
from mmt_grpc.store.connecting import Connected, connect
from mmt_grpc.store.migrations.runner import STEPS, migrate, schema_number
from tests.store.backends import PARTITIONS, query, sqlite_url
from tests.store.conftest import MYSQL
from tests.store.material import DAY
from tests.support.database_server import DatabaseServer

TOKEN_COLUMNS = (
    "shard, token_key, identity_key, end_user_key, client_key, integration, scope, state, version, generation, "
    "grant_number, failures, connected_at, format, key_epoch, access_key, renewal_key, access_blob, renewal_blob, "
    "metadata_blob"
)
KEY = b"k" * 32


@dataclass(frozen=True)
class Older:
    """A database with the schema of the first step only."""

    url: str
    partitions: int | None

    def migrate(self, *, up_to: int) -> list[int]:
        with opened(self.url) as connected:
            steps = STEPS[:up_to]
            return list(migrate(connected.execution, connected.dialect, partitions=self.partitions, steps=steps))

    def insert_token(self, state: TokenState, token_key: bytes = KEY) -> None:
        """Write a row as the first version does, which knows none of the later columns."""
        key = f"X'{token_key.hex()}'"
        query(
            self.url,
            f"INSERT INTO token ({TOKEN_COLUMNS}) VALUES (5, {key}, {key}, {key}, {key}, 'coinbase', 2, "  # noqa: S608  # literals
            f"{state.value}, 7, 3, 1, 0, 11, 1, 1, X'01', X'02', X'03', X'04', X'05')",
        )


@contextlib.contextmanager
def opened(url: str) -> Iterator[Connected]:
    connected = connect(url, pool_size=1, settings=None, clock_shift=lambda: 0, on_fault=lambda _: None)
    try:
        yield connected
    finally:
        connected.pool.close()


@pytest.fixture(params=["sqlite", "mariadb", "mariadb-partitioned", MYSQL])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Older]:
    """A database of each kind, as the first version left it."""
    kind, _, partitioned = str(request.param).partition("-")
    made = Older(sqlite_url(tmp_path), None)
    with contextlib.ExitStack() as ending:
        if kind != "sqlite":
            server: DatabaseServer = request.getfixturevalue(kind)
            made = Older(server.fresh_database(), PARTITIONS if partitioned else None)
            ending.callback(server.drop, made.url)
        assert made.migrate(up_to=1) == [1]
        yield made


def test_rows_that_are_there_stay_and_are_read_with_nothing_in_the_new_columns(older: Older) -> None:
    older.insert_token(TokenState.ACTIVE)

    assert older.migrate(up_to=2) == [2]

    with contextlib.closing(open_store(older.url)) as store:
        row = store.tokens.read(5, KEY).row
        assert row is not None
        assert (row.version, row.binding.generation, row.sealed.metadata_blob) == (7, 3, b"\x05")
        assert (row.last_failure, row.failed_at) == (None, None)


def test_the_version_before_goes_on_writing(older: Older) -> None:
    older.migrate(up_to=2)

    older.insert_token(TokenState.ACTIVE)
    owner = f"X'{b'o'.hex() * 16}'"
    query(
        older.url,
        "INSERT INTO replica (owner, life, seen_at, access_epochs, renewal_epochs, running_attempts, "  # noqa: S608  # literals
        f"oldest_spooled_at) VALUES ({owner}, {owner}, 1, '', '', 0, NULL)",
    )
    query(
        older.url,
        "INSERT INTO installation (singleton, installation_id, mode, index_check, ledger_id, ledger_head, "  # noqa: S608  # literals
        f"schema_number) VALUES (1, {owner}, 'dev', X'{KEY.hex()}', {owner}, 0, 1)",
    )

    with contextlib.closing(open_store(older.url)) as store:
        assert store.recoveries.current() == 0
        assert store.recoveries.open(0)


def test_what_was_condemned_before_is_erased_in_its_time(older: Older) -> None:
    older.insert_token(TokenState.REAUTHENTICATION)
    older.insert_token(TokenState.ACTIVE, b"l" * 32)
    older.migrate(up_to=2)

    with contextlib.closing(open_store(older.url, clock_shift=lambda: 8 * DAY)) as store:
        assert store.tokens.erase_renewals(9 * DAY, 10) == 0
        assert store.tokens.erase_renewals(7 * DAY, 10) == 1
        kept = store.tokens.read(5, b"l" * 32).row
        assert kept is not None
        assert kept.sealed.renewal_blob is not None


def test_a_step_that_was_cut_off_between_its_columns_is_finished(older: Older) -> None:
    number = "INTEGER" if older.url.startswith("sqlite") else "BIGINT"
    query(older.url, f"ALTER TABLE token ADD COLUMN failed_at {number}")

    assert older.migrate(up_to=2) == [2]

    with opened(older.url) as connected:
        assert schema_number(connected.execution) == 2
    assert query(older.url, "SELECT last_failure, failed_at, condemned_at FROM token") in ([], ())


def test_rows_that_were_due_before_are_found_by_their_integration(older: Older) -> None:
    older.migrate(up_to=3)
    older.insert_token(TokenState.ACTIVE)
    query(older.url, "UPDATE token SET next_refresh_at = 7")

    assert older.migrate(up_to=4) == [4]
    older.insert_token(TokenState.ACTIVE, b"l" * 32)

    with contextlib.closing(open_store(older.url)) as store:
        assert [row.next_refresh_at for row in store.tokens.due("coinbase", 10)] == [7]
        assert list(store.tokens.integrations()) == ["coinbase"]


def test_an_index_that_is_there_already_is_left_as_it_is(older: Older) -> None:
    older.migrate(up_to=3)
    query(older.url, "CREATE INDEX token_integration_next_refresh_at ON token (integration, next_refresh_at)")

    assert older.migrate(up_to=4) == [4]
