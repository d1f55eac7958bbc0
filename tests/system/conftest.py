"""Installations that the tests of a process share; each test brings its own users."""

from collections.abc import Iterator

import pytest

from tests.support.clients import token_of
from tests.support.database_server import DatabaseServer
from tests.support.mariadb import mariadb
from tests.support.service import Service, running_service

__all__ = ["mariadb"]


@pytest.fixture(scope="session")
def on_sqlite() -> Iterator[Service]:
    with running_service() as service:
        yield service


@pytest.fixture(scope="session")
def on_mariadb(mariadb: DatabaseServer) -> Iterator[Service]:
    urls = {"MMT_DATABASE_URL": mariadb.fresh_database(), "MMT_LEDGER_URL": mariadb.fresh_database()}
    with running_service(**urls) as service:
        yield service


@pytest.fixture
def service(on_sqlite: Service) -> Service:
    """The installation for tests that do not care what it stores in."""
    return on_sqlite


@pytest.fixture(params=["sqlite", "mariadb"])
def either(request: pytest.FixtureRequest) -> Service:
    """One installation after the other, for promises that hold on every database."""
    service: Service = request.getfixturevalue(f"on_{request.param}")
    return service


@pytest.fixture
def healthy(service: Service) -> Iterator[None]:
    """The same processes serve after the test as before it."""
    yield
    token_id, account = service.connected()
    assert service.is_live("coinbase", account, token_of(service.write.resolve(token_id)))
    assert '"event":"child_ended"' not in service.dev.logs()
    assert "Traceback" not in service.dev.logs()
