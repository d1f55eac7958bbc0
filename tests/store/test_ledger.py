"""The ledger: what it names stays revoked."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from mmt_grpc.domain.ports.store import Ledger
from mmt_grpc.store import PeeweeLedger, open_ledger
from mmt_grpc.store.refusals import NewerSchemaError, NotMigratedError
from tests.store.backends import query
from tests.store.material import key
from tests.support.database_server import DatabaseServer
from tests.support.fakes_store import FakeClock, FakeLedger

KINDS = ["fake", "sqlite", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)]


class Opening(Protocol):
    """Opens the same ledger again."""

    def __call__(self) -> contextlib.AbstractContextManager[Ledger]: ...


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=KINDS)
def opening(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Opening]:
    if request.param == "fake":
        fake = FakeLedger(clock=clock)
        yield lambda: contextlib.nullcontext(fake)
        return
    server: DatabaseServer | None = None if request.param == "sqlite" else request.getfixturevalue(request.param)
    url = f"sqlite:///{tmp_path / 'ledger.db'}" if server is None else server.fresh_database()

    def opened() -> contextlib.AbstractContextManager[PeeweeLedger]:
        made = open_ledger(url, clock_shift=lambda: clock.shift)
        made.migrate()
        return contextlib.closing(made)

    yield opened
    if server is not None:
        server.drop(url)


@pytest.fixture
def ledger(opening: Opening) -> Iterator[Ledger]:
    with opening() as made:
        yield made


def test_an_empty_ledger_has_an_identity_and_no_head(ledger: Ledger) -> None:
    assert len(ledger.identity()) == 16
    assert ledger.head() == 0
    assert ledger.since(0, 10) == []


def test_the_identity_stays_over_openings(opening: Opening) -> None:
    with opening() as first, opening() as second:
        assert first.identity() == second.identity()


def test_positions_are_times_of_the_ledgers_own_clock(ledger: Ledger, clock: FakeClock) -> None:
    before = ledger.now()
    ledger.record(1, key())

    assert before <= ledger.head() <= ledger.now()
    clock.shift = 1_000_000_000
    assert ledger.now() > ledger.head() + 900_000_000


def test_a_revocation_is_recorded(ledger: Ledger) -> None:
    token_key = key()

    ledger.record(4095, token_key)

    assert ledger.contains(token_key)
    assert not ledger.contains(key())
    (entry,) = ledger.since(0, 10)
    assert (entry.shard, entry.token_key, entry.position) == (4095, token_key, ledger.head())
    assert entry.revoked_at == entry.position > 0


def test_a_revocation_recorded_twice_is_one_entry(ledger: Ledger, clock: FakeClock) -> None:
    token_key = key()
    ledger.record(1, token_key)
    head = ledger.head()
    clock.shift = 1_000_000

    ledger.record(1, token_key)

    assert ledger.head() == head
    assert len(ledger.since(0, 10)) == 1


def test_entries_come_in_order_from_a_position_on(ledger: Ledger, clock: FakeClock) -> None:
    for second in (3, 1, 2):
        clock.shift = second * 1_000_000_000
        ledger.record(second, key())

    assert [entry.shard for entry in ledger.since(0, 10)] == [1, 2, 3]
    assert [entry.shard for entry in ledger.since(0, 2)] == [1, 2]
    assert [entry.shard for entry in ledger.since(ledger.since(0, 1)[0].position, 10)] == [2, 3]
    assert ledger.since(ledger.head(), 10) == []


def test_a_ledger_that_was_never_made_has_no_identity(tmp_path: Path) -> None:
    with (
        contextlib.closing(open_ledger(f"sqlite:///{tmp_path / 'none.db'}")) as ledger,
        pytest.raises(NotMigratedError),
    ):
        ledger.identity()


def test_a_ledger_that_a_newer_version_made_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with contextlib.closing(open_ledger(url)) as ledger:
        ledger.migrate()
        assert ledger.now() > 0
        query(url, "UPDATE ledger SET schema_number = 99")

        with pytest.raises(NewerSchemaError):
            ledger.identity()


def test_two_ledgers_differ(tmp_path: Path) -> None:
    identities = set()
    for name in ("one", "two"):
        with contextlib.closing(open_ledger(f"sqlite:///{tmp_path / name}")) as ledger:
            ledger.migrate()
            identities.add(ledger.identity())

    assert len(identities) == 2
