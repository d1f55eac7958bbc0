"""The scheduler's thread goes on through outages and bugs, and ends when it is told to."""

import threading

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.exchange.scheduler import LONGEST_PAUSE
from tests.exchange.pacing_world import MINUTE, SECOND
from tests.exchange.scheduler_bench import Bench


class TestRunning:
    def test_it_ends_when_it_is_told_to(self, bench: Bench) -> None:
        bench.due(*range(50))
        bench.clock.plan(10 * SECOND + SECOND // 2, bench.stopping.set)

        bench.scheduler.run()

        assert len(bench.started) == 50

    def test_nothing_is_started_once_it_was_told(self, bench: Bench) -> None:
        bench.due(*range(50))
        bench.clock.plan(SECOND // 2, bench.stopping.set)

        bench.ticks()

        assert 0 < len(bench.started) <= 25

    def test_it_ends_promptly_in_real_time(self) -> None:
        bench = Bench()
        stopping = threading.Event()
        bench.scheduler._stopping = stopping
        thread = threading.Thread(target=bench.scheduler.run)
        thread.start()
        stopping.set()
        thread.join(timeout=10)

        assert not thread.is_alive()

    def test_a_store_that_is_away_is_asked_less_and_less_often(self, bench: Bench) -> None:
        bench.table.away = True
        bench.clock.plan(10 * MINUTE, bench.stopping.set)
        bench.scheduler.run()

        asked = bench.table.censuses
        assert 10 * MINUTE // LONGEST_PAUSE <= asked <= 60
        assert len(bench.log.named("schedule_waits")) == bench.table.censuses

    def test_it_goes_on_when_the_store_is_back(self, bench: Bench) -> None:
        bench.due(1, 2)
        bench.table.away = True
        bench.clock.plan(MINUTE, lambda: setattr(bench.table, "away", False))
        bench.clock.plan(MINUTE + LONGEST_PAUSE + 2 * SECOND, bench.stopping.set)

        bench.scheduler.run()

        assert sorted(bench.numbers) == [1, 2]

    def test_a_store_that_goes_away_in_the_middle_ends_the_tick(self, bench: Bench) -> None:
        bench.broken = {1: StoreUnavailableError()}
        bench.due(1)

        with pytest.raises(StoreUnavailableError):
            bench.ticks()

    def test_a_bug_is_an_alarm_and_not_the_end(self, bench: Bench) -> None:
        bench.broken = {1: ZeroDivisionError()}
        bench.due(1)
        bench.clock.plan(MINUTE, bench.stopping.set)

        bench.scheduler.run()

        assert set(bench.log.alarms) == {"schedule_failed"}
        assert len(bench.log.alarms) > 1
