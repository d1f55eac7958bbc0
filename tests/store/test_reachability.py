"""Why no connection can be had is told by class and number, once for each cause, and never with who wanted it."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.store import open_store
from mmt_grpc.store.ledger import open_ledger
from mmt_grpc.store.reachability import QUIET, Reachability, Unreachable, place_of
from mmt_grpc.store.refusals import AccessDeniedError
from mmt_grpc.store.settings import StoreSettings, locate
from tests.support.cutting_proxy import cutting_proxy
from tests.support.database_server import PASSWORD
from tests.support.mariadb import private_mariadb

NOBODY = "mysql://canary-user:canary-password@127.0.0.1:1/canary_database"


def why(url: str, error: type[StoreUnavailableError] = StoreUnavailableError) -> Unreachable:
    """Open a database that cannot be, and return the one reason that is told."""
    told: list[Unreachable] = []
    with contextlib.closing(open_store(url, on_unreachable=told.append)) as store:
        for _ in range(3):
            with pytest.raises(error):
                store.ping()
    (reason,) = told
    return reason


@dataclass(frozen=True)
class Server:
    """A server on a port, and the name of a database of its."""

    port: int
    database: str


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with private_mariadb() as mariadb, cutting_proxy(mariadb.socket) as proxy:
        yield Server(proxy.port, mariadb.fresh_database().partition("?")[0].rpartition("/")[2])


def test_a_port_at_which_nobody_listens_is_told_from_a_host_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(why(NOBODY)) == "127.0.0.1:1: OperationalError 2003 (ConnectionRefusedError 111)"

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "canary")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert str(why(NOBODY.replace("127.0.0.1", "db.example"))) == "db.example:1: OperationalError 2003 (gaierror -2)"


@pytest.mark.parametrize(
    ("password", "database", "number"), [("wrong-canary", None, 1045), (PASSWORD, "no_such_canary", 1044)]
)
def test_a_wrong_password_is_told_from_a_wrong_database(
    server: Server, password: str, database: str | None, number: int
) -> None:
    url = f"mysql://mmt:{password}@127.0.0.1:{server.port}/{database or server.database}?tls=off"

    reason = why(url, AccessDeniedError)

    assert (reason.place, reason.kind, reason.number) == (f"127.0.0.1:{server.port}", "OperationalError", number)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "mmt.db").mkdir()

    assert str(why(f"sqlite:///{tmp_path}/mmt.db")) == f"{tmp_path}/mmt.db: OperationalError 14"


def test_nothing_is_told_of_who_connects() -> None:
    reason = why(NOBODY)

    assert "canary" not in str(reason)
    assert "canary" not in repr(reason)


def test_a_ledger_tells_likewise() -> None:
    told: list[Unreachable] = []
    opened = contextlib.closing(open_ledger(NOBODY, on_unreachable=told.append))
    with opened as ledger, pytest.raises(StoreUnavailableError):
        ledger.head()

    assert [reason.place for reason in told] == ["127.0.0.1:1"]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("mysql://u:p@[::1]:7/d", "[::1]:7"),
        ("mysql://u:p@db.example/d", "db.example:3306"),
        ("mysql://u:p@localhost/d?unix_socket=/run/db.sock", "/run/db.sock"),
        ("sqlite:////var/mmt.db", "/var/mmt.db"),
    ],
)
def test_a_place_is_all_that_is_left_of_a_url(url: str, place: str) -> None:
    assert place_of(locate(url, StoreSettings())[0]) == place


@pytest.fixture
def told() -> list[str | None]:
    """The causes that were told."""
    return []


@pytest.fixture
def now() -> list[float]:
    """The seconds that have passed."""
    return [0.0]


@pytest.fixture
def reachability(told: list[str | None], now: list[float]) -> Reachability:
    return Reachability(place="p", on_unreachable=lambda why: told.append(why.kind), elapsed=lambda: now[0])


def test_a_cause_that_lasts_is_told_once(reachability: Reachability, told: list[str], now: list[float]) -> None:
    for _ in range(5):
        reachability.refused(ConnectionRefusedError(111, "refused"))
        now[0] += QUIET

    assert told == ["ConnectionRefusedError"]


def test_another_cause_is_told_and_two_that_take_turns_only_so_often(
    reachability: Reachability, told: list[str], now: list[float]
) -> None:
    for _ in range(100):
        reachability.refused(ConnectionRefusedError(111, "refused"))
        reachability.refused(TimeoutError("timed out"))
    assert told == ["ConnectionRefusedError"]

    now[0] += QUIET
    reachability.refused(TimeoutError("timed out"))
    assert told == ["ConnectionRefusedError", "TimeoutError"]


def test_a_cause_that_comes_back_after_a_connection_is_told_again(
    reachability: Reachability, told: list[str], now: list[float]
) -> None:
    for _ in range(2):
        reachability.refused(ConnectionRefusedError(111, "refused"))
        reachability.opened()
        now[0] += QUIET

    assert told == ["ConnectionRefusedError", "ConnectionRefusedError"]
