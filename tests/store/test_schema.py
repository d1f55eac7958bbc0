"""The schema: bytes everywhere, keys made by the application, every statement on one token in one partition."""

import re
from collections.abc import Mapping
from typing import Any

import peewee
import pytest

from mmt_grpc.domain.errors import ConflictError
from mmt_grpc.store import session
from mmt_grpc.store.columns import text
from mmt_grpc.store.migrations.m0001_tables import TABLES
from mmt_grpc.store.statement import NO_PARAMETERS, execute
from tests.store.backends import TABLES as EMPTIED
from tests.store.backends import Database
from tests.store.conftest import MYSQL
from tests.store.doubting import in_doubt, retry_of
from tests.store.material import (
    DAY,
    OWNER,
    Tokens,
    again,
    connect,
    connection,
    current,
    lease,
    reconnect,
    refreshed,
    request,
)

SERVERS = pytest.mark.parametrize("opened", ["mariadb", "mariadb-partitioned", MYSQL], indirect=True)
PARTITIONED = pytest.mark.parametrize("opened", ["mariadb-partitioned"], indirect=True)


def test_every_table_is_emptied_between_tests() -> None:
    assert {model._meta.table_name for model in TABLES} == set(EMPTIED)


@SERVERS
def test_every_column_is_a_number_or_bytes(opened: Database) -> None:
    columns = opened.query(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = DATABASE()"
    )

    kinds = {str(kind, "utf-8") if isinstance(kind, bytes) else str(kind) for _, _, kind in columns}
    assert len(columns) > 70
    assert kinds == {"binary", "varbinary", "blob", "bigint", "smallint"}


@SERVERS
def test_every_table_is_of_innodb_and_binary(opened: Database) -> None:
    tables = opened.query(
        "SELECT engine, table_collation, auto_increment FROM information_schema.tables WHERE table_schema = DATABASE()"
    )

    assert len(tables) == len(TABLES) + 1
    assert set(tables) == {("InnoDB", "binary", None)}


@pytest.mark.parametrize("opened", ["sqlite"], indirect=True)
def test_a_text_in_a_column_of_bytes_is_an_error_in_sqlite(opened: Database) -> None:
    with pytest.raises(Exception, match="cannot store TEXT value in BLOB column"):
        opened.query("INSERT INTO replica VALUES ('text', x'00', 1, '', '', 0, NULL, 0)")


@PARTITIONED
def test_every_statement_on_one_token_touches_one_partition(opened: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[tuple[str, str]] = []

    def explaining(database: peewee.Database, sql: str, parameters: Mapping[str, object] = NO_PARAMETERS) -> Any:
        if re.search(r"\b(FROM|UPDATE) token\b", sql):
            plan = execute(database, f"EXPLAIN PARTITIONS {sql}", parameters).fetchall()
            plans.append((sql, ",".join(text(row[3]) for row in plan if row[3])))
        return execute(database, sql, parameters)

    monkeypatch.setattr(session, "execute", explaining)
    live_through_everything(opened.backend().tokens)

    # An INSERT's plan names no partition: its row has one shard.
    singles = [(sql, partitions) for sql, partitions in plans if "shard = " in sql]
    assert {sql.split()[0] for sql, _ in singles} == {"SELECT", "UPDATE", "DELETE"}
    assert len({sql for sql, _ in singles}) >= 18
    assert [plan for plan in singles if not re.fullmatch(r"p\d+", plan[1])] == []
    assert len({partition for _, partition in singles}) > 1


@PARTITIONED
def test_the_plan_would_show_a_statement_that_touches_all_partitions(opened: Database) -> None:
    (row,) = opened.query("EXPLAIN PARTITIONS SELECT version FROM token WHERE version = 1")

    assert "," in str(row[3])


def live_through_everything(tokens: Tokens) -> None:
    """Run every statement on one token, on a row that is there, in two shards."""
    for shard in (5, 6, 4095):
        row = connect(tokens, connection(shard=shard))
        tokens.read_access(shard, row.binding.token_key)
        tokens.read_access(shard, row.binding.token_key, metadata=True)
        tokens.read_identity(shard, row.binding.identity_key)
        tokens.release(row, attempt_id=lease(tokens, row), not_before=0, never_sent=True)
        tokens.commit_refresh(row, attempt_id=lease(tokens, current(tokens, row)), refreshed=refreshed())
        row = current(tokens, row)
        doubted = lease(tokens, row)
        tokens.doubt(row, attempt_id=doubted, not_before=0)
        tokens.doubt(row, attempt_id=doubted, not_before=0)
        tokens.condemn(row, attempt_id=doubted)
        asked = request()
        tokens.begin(asked)
        with pytest.raises(ConflictError):
            tokens.replace(again(current(tokens, row)), asked, grant_number=99)
        doubted_again, attempt_id = in_doubt(tokens, connection(shard=shard))
        retry_of(tokens, doubted_again)
        tokens.commit_answer(doubted_again, attempt_id=attempt_id, refreshed=refreshed())
        tokens.clear_owner(doubted_again, owner=OWNER)
        tokens.erase_renewals(-DAY, 10)
        row = reconnect(tokens, current(tokens, row))
        tokens.delete(row)
