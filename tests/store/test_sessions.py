"""What a server's session is made to be, and what refuses it."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.store import open_store
from mmt_grpc.store.columns import text
from mmt_grpc.store.refusals import AccessDeniedError, LaxSqlModeError
from mmt_grpc.store.session import Session
from tests.store.backends import Database, emptied
from tests.store.conftest import MYSQL
from tests.store.material import connect, connection, key
from tests.support.database_server import DatabaseServer

SERVERS = pytest.mark.parametrize("opened", ["mariadb", MYSQL], indirect=True)


@SERVERS
@pytest.mark.parametrize("mode", ["", "ANSI_QUOTES", "PIPES_AS_CONCAT,ONLY_FULL_GROUP_BY"])
def test_a_lax_sql_mode_is_refused(opened: Database, mode: str) -> None:
    with (
        contextlib.closing(open_store(f"{opened.url}&sql_mode={mode}")) as store,
        pytest.raises(LaxSqlModeError, match="strict sql_mode"),
    ):
        store.ping()


def test_a_server_that_is_lax_by_default_is_used_strictly(mariadb: DatabaseServer, mariadb_url: str) -> None:
    ((before,),) = mariadb.administrate("SELECT @@GLOBAL.sql_mode")
    mariadb.administrate("SET GLOBAL sql_mode = ''")
    try:
        with contextlib.closing(open_store(mariadb_url)) as store:
            ((mode,),) = store._execution.read(lambda session: session.rows("SELECT @@SESSION.sql_mode"))
    finally:
        mariadb.administrate(f"SET GLOBAL sql_mode = '{before}'")

    assert "STRICT_TRANS_TABLES" in text(mode)


@SERVERS
def test_a_session_is_in_utc_and_reads_what_is_committed(opened: Database) -> None:
    def work(session: Session) -> tuple[object, ...]:
        (zone, wait) = session.row("SELECT @@SESSION.time_zone, @@SESSION.innodb_lock_wait_timeout") or ()
        session.change("DELETE FROM token WHERE shard = :shard AND token_key = :token_key", shard=1, token_key=key())
        return zone, wait

    assert opened.store._execution.write(work) == ("+00:00", 4)


@SERVERS
def test_a_transaction_sees_what_another_committed_meanwhile(opened: Database) -> None:
    made = connection()

    def work(session: Session) -> tuple[object, object]:
        sql = "SELECT version FROM token WHERE shard = :shard AND token_key = :token_key"
        before = session.row(sql, shard=made.shard, token_key=made.binding.token_key)
        connect(opened.backend().tokens, made)
        return before, session.row(sql, shard=made.shard, token_key=made.binding.token_key)

    assert opened.store._execution.write(work) == (None, (1,))


@SERVERS
def test_a_wrong_password_is_said_plainly(opened: Database) -> None:
    with (
        contextlib.closing(open_store(opened.url.replace("only-for-tests", "wrong"))) as store,
        pytest.raises(AccessDeniedError, match="refuses the user") as refused,
    ):
        store.ping()

    assert "wrong" not in str(refused.value)
    assert "mmt" not in str(refused.value)


def test_nobody_listening_is_unavailable() -> None:
    with (
        contextlib.closing(open_store("mysql://mmt:secret@127.0.0.1:1/mmt")) as store,
        pytest.raises(StoreUnavailableError) as refused,
    ):
        store.ping()

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@SERVERS
def test_a_text_for_bytes_reaches_no_server(opened: Database) -> None:
    tokens = opened.backend().tokens
    made = connection()

    with pytest.raises(TypeError, match="token_key is bytes, not str"):
        tokens.read_access(5, "x" * 32)  # type: ignore[arg-type]  # what is being refused
    with pytest.raises(TypeError, match="access_blob is bytes, not str"):
        connect(tokens, replace(made, sealed=replace(made.sealed, access_blob="x" * 32)))  # type: ignore[arg-type]  # what is refused


@SERVERS
def test_the_servers_clock_is_the_one_that_is_read(opened: Database) -> None:
    ((before,),) = opened.query("SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)")
    now = opened.store.ping()
    ((after,),) = opened.query("SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)")

    assert int(str(before)) <= now <= int(str(after))


def test_galeras_causal_reads_are_set_where_asked_for(mariadb_url: str) -> None:
    with contextlib.closing(open_store(f"{mariadb_url}&wsrep_sync_wait=7")) as store:
        rows = store._execution.read(lambda session: session.rows("SELECT @@SESSION.wsrep_sync_wait"))

    assert rows == ((7,),)


@pytest.mark.mysql
def test_group_replications_consistency_is_set_where_asked_for(mysql_url: str) -> None:
    with contextlib.closing(open_store(f"{mysql_url}&group_replication_consistency=BEFORE")) as store:
        rows = store._execution.read(lambda session: session.rows("SELECT @@SESSION.group_replication_consistency"))

    assert rows == (("BEFORE",),)


@contextlib.contextmanager
def read_only(server: DatabaseServer) -> Iterator[None]:
    """Turn a server into what a replica is before it is promoted."""
    server.administrate("SET GLOBAL read_only = 1")
    try:
        yield
    finally:
        server.administrate("SET GLOBAL read_only = 0")


@pytest.mark.parametrize("kind", ["mariadb", MYSQL])
def test_a_server_that_became_read_only_applies_nothing(request: pytest.FixtureRequest, kind: str) -> None:
    server: DatabaseServer = request.getfixturevalue(kind)
    with emptied(request.getfixturevalue(f"{kind}_url")) as opened:
        row = connect(opened.backend().tokens)

        with read_only(server), pytest.raises(StoreUnavailableError) as refused:
            opened.store.tokens.delete(row)

        assert not isinstance(refused.value, StoreOutcomeUnknownError)
        assert opened.store.tokens.read(row.shard, row.binding.token_key).row == row
        assert opened.store.tokens.delete(row) is not None


@SERVERS
def test_a_row_that_stays_locked_is_unavailable_with_nothing_applied(opened: Database) -> None:
    row = connect(opened.backend().tokens)
    hasty = open_store(f"{opened.url}&lock_timeout=1")

    def hold(session: Session) -> None:
        session.change("UPDATE token SET failures = failures + 1 WHERE shard = :shard", shard=row.shard)
        with pytest.raises(StoreUnavailableError) as refused:
            hasty.tokens.delete(row)
        assert not isinstance(refused.value, StoreOutcomeUnknownError)

    with contextlib.closing(hasty):
        opened.store._execution.write(hold)

    assert opened.store.tokens.delete(row) is not None
