"""Database URLs, and what statements may be given."""

import pytest

from mmt_grpc.store.columns import MAX_BLOB, check
from mmt_grpc.store.mysql import MysqlDialect
from mmt_grpc.store.settings import (
    Driver,
    ServerLocation,
    SqliteLocation,
    StoreSettings,
    Tls,
    UrlError,
    locate,
)
from mmt_grpc.store.sqlite import SqliteDialect

SETTINGS = StoreSettings()


def test_an_sqlite_url_is_a_path() -> None:
    assert locate("sqlite:////var/lib/mmt/a%20b.db", SETTINGS) == (SqliteLocation(path="/var/lib/mmt/a b.db"), SETTINGS)
    assert locate("sqlite:///relative.db", SETTINGS)[0] == SqliteLocation(path="relative.db")


@pytest.mark.parametrize("scheme", ["mysql", "mariadb"])
def test_a_server_url_names_everything(scheme: str) -> None:
    location, settings = locate(
        f"{scheme}://us%40er:p%2Fw@db.example:3307/mmt?tls=verify&tls_ca=/ca.pem&wsrep_sync_wait=7"
        "&group_replication_consistency=BEFORE_ON_PRIMARY_FAILOVER&driver=mysqlclient&read_timeout=1.5&sql_mode=A,B",
        SETTINGS,
    )

    assert location == ServerLocation(
        host="db.example", port=3307, unix_socket=None, user="us@er", password="p/w", database="mmt"
    )
    assert settings == StoreSettings(
        tls=Tls.VERIFY,
        tls_ca="/ca.pem",
        wsrep_sync_wait=7,
        group_replication_consistency="BEFORE_ON_PRIMARY_FAILOVER",
        driver=Driver.MYSQLCLIENT,
        read_timeout=1.5,
        sql_mode="A,B",
    )


def test_a_password_is_in_no_repr() -> None:
    location, _ = locate("mysql://user:hunter2@db/mmt", SETTINGS)

    assert "hunter2" not in repr(location)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "postgres://user:hunter2@db/mmt",
        "sqlite://",
        "sqlite:///",
        "sqlite:///a.db?x=hunter2",
        "mysql://user:hunter2@db",
        "mysql://user:hunter2@db/",
        "mysql://user:hunter2@db/a/b",
        "mysql://user:hunter2@db:port/mmt",
        "mysql://user:hunter2@db/mmt?tls=hunter2",
        "mysql://user:hunter2@db/mmt?wsrep_sync_wait=hunter2",
        "mysql://user:hunter2@db/mmt?group_replication_consistency=hunter2';",
        "mysql://user:hunter2@db/mmt?password=hunter2",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_values(url: str) -> None:
    with pytest.raises(UrlError) as refused:
        locate(url, SETTINGS)

    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("host", "socket", "tls", "encrypted"),
    [
        ("localhost", None, Tls.AUTO, False),
        ("127.0.0.1", None, Tls.AUTO, False),
        ("db.example", "/run/s", Tls.AUTO, False),
        ("db.example", None, Tls.AUTO, True),
        ("db.example", None, Tls.OFF, False),
        ("localhost", None, Tls.VERIFY, True),
    ],
)
def test_what_leaves_the_machine_is_encrypted_unless_switched_off(
    host: str, socket: str | None, tls: Tls, *, encrypted: bool
) -> None:
    location = ServerLocation(host=host, port=1, unix_socket=socket, user="", password="", database="d")

    assert location.is_encrypted(tls) is encrypted


def test_every_database_packs_columns_in_its_own_words() -> None:
    sqlite = SqliteDialect(location=SqliteLocation(path="x"), settings=SETTINGS)
    location = ServerLocation(host="h", port=1, unix_socket=None, user="", password="", database="d")
    mysql = MysqlDialect(location=location, settings=SETTINGS)

    assert sqlite.packed(["a", "b"], ["c"]) == "COALESCE(a, '') || ' ' || COALESCE(b, ''), c"
    assert mysql.packed(["a"], ["c", "d"]) == (
        "CONCAT(CONCAT_WS(' ', 2, LENGTH(c), LENGTH(d), COALESCE(a, '')), '|', c, d)"
    )
    assert sqlite.unpacked(("1  x", b"| 2")) == (["1", "", "x"], (b"| 2",))
    assert mysql.unpacked((b"2 3 0 1  x|| 2",)) == (["1", "", "x"], [b"| 2", b""])
    assert mysql.placeholders("x = :x_y AND b IS NULL") == "x = %(x_y)s AND b IS NULL"
    with pytest.raises(ValueError, match="no partitions"):
        sqlite.table_settings(partitions=2)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"token_key": "x" * 32}, TypeError),
        ({"token_key": bytearray(32)}, TypeError),
        ({"token_key": None}, TypeError),
        ({"token_key": b"x" * 31}, ValueError),
        ({"token_key": b"x" * 33}, ValueError),
        ({"attempt_id": b"x" * 32}, ValueError),
        ({"access_blob": b""}, ValueError),
        ({"access_blob": b"x" * (MAX_BLOB + 1)}, ValueError),
        ({"renewal_blob": b"x" * (MAX_BLOB + 1)}, ValueError),
        ({"integration": b"coinbase"}, TypeError),
        ({"integration": "é" * 32}, ValueError),
        ({"shard": "5"}, TypeError),
        ({"shard": None}, TypeError),
        ({"version": True}, TypeError),
        ({"version": 1.0}, TypeError),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused_without_its_content(
    parameters: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error) as refused:
        check(parameters)

    assert "xxx" not in str(refused.value)


@pytest.mark.parametrize(
    "parameters",
    [
        {"token_key": b"x" * 32, "renewal_blob": None, "account_key": None},
        {"access_blob": b"x" * MAX_BLOB, "access_expires_at": None, "integration": "é" * 31},
        {"version": 1 << 60},
    ],
)
def test_a_value_that_fits_its_column_passes(parameters: dict[str, object]) -> None:
    check(parameters)
