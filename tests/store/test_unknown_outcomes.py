"""A connection that breaks: repeated before the COMMIT, never after it was sent."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from mmt_grpc.domain.errors import StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.store import Store, open_ledger, open_store
from mmt_grpc.store.execution import FaultReport
from tests.store.conftest import MYSQL
from tests.store.material import (
    MINUTE,
    OWNER,
    Tokens,
    again,
    attempt,
    connect,
    connection,
    current,
    key,
    reconnect,
    request,
)
from tests.support.cutting_proxy import Cut, CuttingProxy, cutting_proxy
from tests.support.database_server import DatabaseServer


@dataclass(frozen=True)
class Line:
    """A store behind a proxy, another one that goes around it, and what faults were reported."""

    store: Store
    tokens: Tokens
    direct: Tokens
    proxy: CuttingProxy
    faults: Sequence[FaultReport]


@pytest.fixture(params=["mariadb", MYSQL])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    server: DatabaseServer = request.getfixturevalue(request.param)
    url: str = request.getfixturevalue(f"{request.param}_url")
    faults: list[FaultReport] = []
    with cutting_proxy(server.socket) as proxy, contextlib.ExitStack() as closing:
        store = closing.enter_context(contextlib.closing(open_store(through(proxy, url), on_fault=faults.append)))
        direct = closing.enter_context(contextlib.closing(open_store(url)))
        store.ping()
        yield Line(store, store.tokens, direct.tokens, proxy, faults)  # type: ignore[arg-type]  # both ports in one


def through(proxy: CuttingProxy, url: str) -> str:
    return url.partition("?")[0].replace("@localhost/", f"@127.0.0.1:{proxy.port}/")


@pytest.mark.parametrize(("cut", "state"), [(Cut.AFTER, "DONE"), (Cut.BEFORE, "PENDING")])
def test_a_cut_commit_of_a_first_connect_is_unknown(line: Line, cut: Cut, state: str) -> None:
    made, asked = connection(), request()
    line.tokens.begin(asked)
    line.proxy.arm(cut, "COMMIT")

    with pytest.raises(StoreOutcomeUnknownError):
        line.tokens.create(made, asked)

    recorded = settled_request(line, asked.request_key, state)
    assert recorded == state
    assert (line.direct.read(made.shard, made.binding.token_key).row is not None) is (state == "DONE")
    assert [report.phase for report in line.faults] == ["commit"]


@pytest.mark.parametrize(("cut", "applied"), [(Cut.AFTER, True), (Cut.BEFORE, False)])
def test_a_cut_commit_of_another_connect_is_unknown(line: Line, cut: Cut, *, applied: bool) -> None:
    row = connect(line.tokens)
    line.proxy.arm(cut, "COMMIT")
    asked = request()
    line.direct.begin(asked)

    with pytest.raises(StoreOutcomeUnknownError):
        line.tokens.replace(again(row), asked, grant_number=row.grant_number)

    settled_request(line, asked.request_key, "DONE" if applied else "PENDING")
    assert current(line.direct, row).grant_number == (2 if applied else 1)


@pytest.mark.parametrize(("cut", "applied"), [(Cut.AFTER, True), (Cut.BEFORE, False)])
def test_a_cut_commit_of_a_lease_is_unknown(line: Line, cut: Cut, *, applied: bool) -> None:
    row = connect(line.tokens)
    line.proxy.arm(cut, "COMMIT")

    with pytest.raises(StoreOutcomeUnknownError):
        line.tokens.lease(row, attempt_id=attempt(), owner=OWNER, lease_for=MINUTE)

    eventually(lambda: current(line.direct, row).version == (2 if applied else 1))


@pytest.mark.parametrize(("cut", "applied"), [(Cut.AFTER, True), (Cut.BEFORE, False)])
def test_a_cut_commit_of_a_delete_is_unknown(line: Line, cut: Cut, *, applied: bool) -> None:
    row = connect(line.tokens)
    line.proxy.arm(cut, "COMMIT")

    with pytest.raises(StoreOutcomeUnknownError):
        line.tokens.delete(row)

    eventually(lambda: (line.direct.read(row.shard, row.binding.token_key).row is None) is applied)


@pytest.mark.parametrize("statement", ["BEGIN", "SELECT", "UPDATE", "INSERT INTO token", "INSERT INTO event"])
@pytest.mark.parametrize("cut", list(Cut))
def test_what_is_cut_before_its_commit_is_repeated(line: Line, statement: str, cut: Cut) -> None:
    made, asked = connection(), request()
    line.tokens.begin(asked)
    line.proxy.arm(cut, statement)

    assert line.tokens.create(made, asked)

    assert line.proxy.cuts == 1
    assert current(line.direct, made).version == 1
    assert [report.phase for report in line.faults] == ["transaction"]


def test_a_read_that_is_cut_is_repeated(line: Line) -> None:
    row = connect(line.tokens)
    line.proxy.arm(Cut.AFTER, "SELECT")

    assert line.tokens.read(row.shard, row.binding.token_key).row == row
    assert line.proxy.cuts == 1


def test_a_server_that_was_restarted_in_between_is_not_noticed(line: Line) -> None:
    row = connect(line.tokens)
    line.proxy.drop_all()

    assert reconnect(line.tokens, row).grant_number == 2


def test_an_idle_connection_that_was_dropped_is_noticed(line: Line) -> None:
    pool = line.store._connected.pool
    session = pool.take()
    assert session.is_alive()

    line.proxy.drop_all()

    assert not session.is_alive()
    pool.discard(session)


def test_a_server_that_went_away_is_unavailable(line: Line) -> None:
    row = connect(line.tokens)
    line.proxy.close()

    with pytest.raises(StoreUnavailableError) as refused:
        line.tokens.delete(row)

    assert not isinstance(refused.value, StoreOutcomeUnknownError)
    assert current(line.direct, row) == row


@pytest.mark.parametrize("cut", list(Cut))
def test_a_revocation_is_recorded_over_a_cut_commit(mariadb: DatabaseServer, cut: Cut) -> None:
    url = mariadb.fresh_database()
    token_key = key()
    with cutting_proxy(mariadb.socket) as proxy, contextlib.closing(open_ledger(through(proxy, url))) as ledger:
        ledger.migrate()
        proxy.arm(cut, "COMMIT")

        ledger.record(3, token_key)

        assert proxy.cuts == 1
        assert [entry.token_key for entry in ledger.since(0, 10)] == [token_key]
    mariadb.drop(url)


def settled_request(line: Line, request_key: bytes, state: str) -> str:
    """Return the request's state once the server has noticed the cut and done with the transaction what it will."""
    eventually(lambda: recorded(line, request_key) == state)
    return recorded(line, request_key)


def recorded(line: Line, request_key: bytes) -> str:
    found = line.direct.read_request(request_key)
    assert found is not None
    return found.state


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what a server does on its own, at most for the test's time limit."""
    while not holds():
        time.sleep(0.01)
