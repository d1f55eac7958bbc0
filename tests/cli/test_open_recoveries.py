"""`mmt replicas list` says which replica a recovery waits for, and that nobody leases anything until then."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.cli.running import answer, run_on
from tests.support.dev import RunningDev, running_dev

Change = Callable[[str], None]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> RunningDev:
    """An installation whose one replica has ended, just now."""
    with running_dev(tmp_path_factory.mktemp("dev") / "dev") as dev:
        pass
    return dev


@pytest.fixture
def change(stopped: RunningDev) -> Change:
    """Change the registry, as recoveries do."""

    def changed(statement: str) -> None:
        with closing(sqlite3.connect(stopped.database)) as database, database:
            assert database.execute(statement).rowcount == 1

    changed("UPDATE installation SET recovery = 7")
    changed("UPDATE replica SET settled_recovery = 7, seen_at = CAST(strftime('%s') AS INTEGER) * 1000000")
    return changed


def listed(dev: RunningDev) -> Any:
    (row,) = answer(run_on(dev, "replicas", "list", "--json"))
    return row["settled_recovery"], row["open_recovery"]


@pytest.mark.usefixtures("change")
def test_a_recovery_that_a_replica_has_settled_does_not_wait_for_it(stopped: RunningDev) -> None:
    assert listed(stopped) == (7, None)


def test_a_recovery_that_waits_for_a_replica_is_named(stopped: RunningDev, change: Change) -> None:
    change("UPDATE installation SET recovery = 8")

    assert listed(stopped) == (7, 8)
    head, row = run_on(stopped, "replicas", "list").stdout.splitlines()
    assert head.endswith("settled recovery  open recovery")
    assert row.split()[-2:] == ["7", "8"]


def test_a_replica_that_was_not_seen_for_ten_minutes_is_waited_for_no_more(stopped: RunningDev, change: Change) -> None:
    change("UPDATE installation SET recovery = 8")
    change("UPDATE replica SET seen_at = seen_at - 601000000")

    assert listed(stopped) == (7, None)
