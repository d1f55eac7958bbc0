"""What is repeated, what is undone, and what is said to be unknown."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmt_grpc.domain.errors import StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.store import StoreSettings, open_store
from mmt_grpc.store.execution import ATTEMPTS, Execution, FaultReport
from mmt_grpc.store.faults import Fault
from mmt_grpc.store.pool import SessionPool
from mmt_grpc.store.session import Session
from mmt_grpc.store.settings import SqliteLocation
from mmt_grpc.store.sqlite import SqliteDialect
from tests.store.backends import database, sqlite_url
from tests.store.material import connect
from tests.store.scripted import Scripted


def run(**plan: list[Fault]) -> tuple[str, list[str], list[FaultReport]]:
    """Run one step of work in a transaction and return how it ended, what ran, and what was reported."""
    session = Scripted(plan)
    reports: list[FaultReport] = []
    pool = SessionPool(connect=lambda: session, size=1, wait=0.0)
    execution = Execution(pool=pool, on_fault=reports.append, sleep=lambda _: None)
    try:
        execution.write(lambda _: session.step("work"))
    except StoreOutcomeUnknownError:
        ended = "unknown"
    except StoreUnavailableError:
        ended = "unavailable"
    else:
        ended = "done"
    pool.give_back(pool.take())  # nothing was left checked out
    return ended, session.ran, reports


@pytest.mark.parametrize("step", ["begin", "work", "commit"])
def test_what_was_not_applied_is_repeated(step: str) -> None:
    ended, ran, reports = run(**{step: [Fault.NOT_APPLIED] * 2})

    assert ended == "done"
    assert ran.count("begin") == 3
    assert len(reports) == 2


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.READ_ONLY])
@pytest.mark.parametrize("step", ["begin", "work"])
def test_what_broke_before_its_commit_is_repeated_on_another_connection(step: str, fault: Fault) -> None:
    ended, ran, _ = run(**{step: [fault]})

    assert ended == "done"
    assert "close" in ran
    assert "rollback" not in ran


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.OTHER])
def test_a_commit_that_broke_is_unknown_and_never_repeated(fault: Fault) -> None:
    ended, ran, reports = run(commit=[fault])

    assert ended == "unknown"
    assert ran.count("commit") == 1
    assert [report.phase for report in reports] == ["commit"]


def test_anything_else_before_the_commit_is_undone_and_not_repeated() -> None:
    ended, ran, _ = run(work=[Fault.OTHER])

    assert ended == "unavailable"
    assert ran == ["begin", "work", "rollback"]


def test_repeating_ends() -> None:
    ended, ran, _ = run(work=[Fault.NOT_APPLIED] * 100)

    assert ended == "unavailable"
    assert ran.count("work") == ATTEMPTS


def test_a_slow_failure_is_not_repeated() -> None:
    session = Scripted({"work": [Fault.NOT_APPLIED] * 100})
    clock = iter([0.0, 60.0])
    execution = Execution(
        pool=SessionPool(connect=lambda: session, size=1, wait=0.0),
        sleep=lambda _: None,
        elapsed=lambda: next(clock),
    )

    with pytest.raises(StoreUnavailableError):
        execution.write(lambda _: session.step("work"))

    assert session.ran.count("work") == 1


def test_works_own_error_undoes_its_transaction() -> None:
    session = Scripted({})
    pool = SessionPool(connect=lambda: session, size=1, wait=0.0)

    def work(_: Session) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        Execution(pool=pool).write(work)

    assert session.ran == ["begin", "rollback"]
    pool.give_back(pool.take())


@contextlib.contextmanager
def writer(folder: Path) -> Iterator[None]:
    """Hold SQLite's write lock."""
    with contextlib.closing(sqlite3.connect(folder / "mmt.db", isolation_level=None)) as connected:
        connected.execute("BEGIN IMMEDIATE")
        yield


def test_a_locked_database_file_is_unavailable_with_nothing_applied(tmp_path: Path) -> None:
    with database(sqlite_url(tmp_path)) as opened:
        row = connect(opened.backend().tokens)
        hasty = open_store(opened.url, settings=StoreSettings(lock_timeout=0.02))
        with writer(tmp_path), contextlib.closing(hasty), pytest.raises(StoreUnavailableError) as refused:
            hasty.tokens.delete(row)

        assert not isinstance(refused.value, StoreOutcomeUnknownError)
        assert opened.store.tokens.read(row.shard, row.binding.token_key).row == row


def test_readers_go_on_while_another_process_writes(tmp_path: Path) -> None:
    with database(sqlite_url(tmp_path)) as opened:
        row = connect(opened.backend().tokens)
        with writer(tmp_path):
            assert opened.store.tokens.read(row.shard, row.binding.token_key).row == row


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "mmt.db").write_bytes(b"planted text, no database" * 100)

    with contextlib.closing(open_store(sqlite_url(tmp_path))) as store, pytest.raises(StoreUnavailableError):
        store.ping()


def test_sqlites_writers_of_one_process_take_turns(tmp_path: Path) -> None:
    dialect = SqliteDialect(
        location=SqliteLocation(path=str(tmp_path / "mmt.db")), settings=StoreSettings(lock_timeout=0.01)
    )

    with dialect.turns(), pytest.raises(StoreUnavailableError), dialect.turns():
        pass

    with dialect.turns():
        pass
