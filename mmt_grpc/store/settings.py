"""What can be set about a database: where it is, and how patient, private and consistent its connections are."""

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

MYSQL_PORT: Final = 3306
STRICT_SQL_MODE: Final = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
"""Every session's mode: without a strict one a value that is too long is cut silently, a ciphertext included."""


class Tls(enum.StrEnum):
    """Whether a connection is encrypted; AUTO: verified, but over a unix socket or a loopback address not at all."""

    AUTO = "auto"
    OFF = "off"
    VERIFY = "verify"


class Driver(enum.StrEnum):
    """Which client library speaks to MySQL and MariaDB."""

    PYMYSQL = "pymysql"
    MYSQLCLIENT = "mysqlclient"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Options of a database; waits in seconds. Each may stand in the URL's query by its name too."""

    checkout_timeout: float = 2.0
    """How long a call waits for a connection while all are in use."""
    connect_timeout: float = 2.0
    read_timeout: float = 5.0
    write_timeout: float = 5.0
    lock_timeout: float = 4.0
    """How long a statement waits for another's lock before it counts as not applied."""
    driver: Driver = Driver.PYMYSQL
    tls: Tls = Tls.AUTO
    tls_ca: str | None = None
    """File of the authorities to verify against; None: the system's."""
    tls_cert: str | None = None
    tls_key: str | None = None
    wsrep_sync_wait: int | None = None
    """Galera: 7 makes every statement see what any node has acknowledged."""
    group_replication_consistency: str | None = None
    """Group Replication: BEFORE does the same there."""
    sql_mode: str = STRICT_SQL_MODE


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteLocation:
    """A database file."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLocation:
    """A database on a MySQL or MariaDB server."""

    host: str
    port: int
    unix_socket: str | None
    user: str
    password: str = field(repr=False)
    database: str

    def is_encrypted(self, tls: Tls) -> bool:
        """Whether the connection is to be encrypted, and the server's certificate verified."""
        stays_here = self.unix_socket is not None or self.host in {"localhost", "127.0.0.1", "::1"}
        return tls is Tls.VERIFY or (tls is Tls.AUTO and not stays_here)


Location = SqliteLocation | ServerLocation


class UrlError(ValueError):
    """A database URL cannot be used; the text names what is wrong, never a value."""


def locate(url: str, settings: StoreSettings) -> tuple[Location, StoreSettings]:
    """Return where a URL points and the settings with its query applied; `UrlError` for what is no such URL.

    `sqlite:////absolute/path`, `mysql://user:password@host:port/database?option=…`, `mariadb://…` likewise.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlError("the database's URL is malformed") from None
    if parts.scheme == "sqlite":
        return _sqlite(parts), settings
    if parts.scheme in {"mysql", "mariadb"}:
        return _server(parts, port or MYSQL_PORT, settings)
    raise UrlError("a database's URL begins with sqlite, mysql or mariadb")


def _sqlite(parts: SplitResult) -> SqliteLocation:
    path = unquote(parts.path[1:])
    if parts.netloc or parts.query or not path:
        raise UrlError("an SQLite URL is sqlite:/// and a path")
    return SqliteLocation(path=path)


def _server(parts: SplitResult, port: int, settings: StoreSettings) -> tuple[ServerLocation, StoreSettings]:
    database = unquote(parts.path[1:])
    if not database or "/" in database:
        raise UrlError("a MySQL URL ends with the name of one database")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    location = ServerLocation(
        host=parts.hostname or "localhost",
        port=port,
        unix_socket=options.pop("unix_socket", None),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=database,
    )
    return location, dataclasses.replace(settings, **_read_options(options))


def _read_options(options: Mapping[str, str]) -> dict[str, Any]:
    return {name: _option(name, text) for name, text in options.items()}


def _option(name: str, text: str) -> str | float | Tls | Driver:
    try:
        match name:
            case "checkout_timeout" | "connect_timeout" | "read_timeout" | "write_timeout" | "lock_timeout":
                return float(text)
            case "wsrep_sync_wait":
                return int(text)
            case "tls":
                return Tls(text)
            case "driver":
                return Driver(text)
            case "tls_ca" | "tls_cert" | "tls_key" | "sql_mode":
                return text
            case "group_replication_consistency" if text.replace("_", "").isalpha():
                return text
    except ValueError:
        raise UrlError(f"the option {name} of the database's URL has no such value") from None
    raise UrlError("the database's URL has an option that is none, or with a value that is none of its own")
