"""What is due is started evenly, where that is possible, and whatever else is due that cannot be."""

from collections import Counter

import pytest

from mmt_grpc.domain.errors import CredentialUnreadableError
from mmt_grpc.exchange.scheduler import BATCH, CENSUS_PAUSE, JUST_STARTED, NOT_STARTED, TICK
from tests.exchange.pacing_world import HOUR, MINUTE, SECOND
from tests.exchange.scheduler_bench import Bench


class TestATick:
    def test_what_is_due_is_started_and_nothing_else(self, bench: Bench) -> None:
        bench.due(1, 2, 3)
        bench.table.add(4, next_refresh_at=bench.clock.elapsed() + HOUR)

        bench.ticks(3)

        assert sorted(bench.numbers) == [1, 2, 3]

    def test_it_is_spread_over_the_tick(self, bench: Bench) -> None:
        bench.due(*range(50))
        began = bench.clock.elapsed()

        bench.ticks()

        tenths = Counter((at - began) * 10 // TICK for at, _ in bench.started)
        assert [tenths[tenth] for tenth in range(10)] == [5] * 10
        assert bench.clock.elapsed() - began == TICK

    def test_replicas_take_the_same_rows_in_different_orders(self) -> None:
        orders = []
        for seed in (1, 2):
            bench = Bench(seed=seed)
            bench.due(*range(50))
            bench.ticks()
            orders.append(bench.numbers)

        assert sorted(orders[0]) == sorted(orders[1])
        assert sum(one == other for one, other in zip(*orders, strict=True)) < 10

    def test_a_backlog_goes_in_even_batches(self, bench: Bench) -> None:
        bench.due(*range(5 * BATCH))

        bench.ticks(5)

        assert len(bench.started) == 5 * BATCH
        assert set(bench.table.readings) == {("coinbase", BATCH), ("uphold", BATCH)}
        assert sorted(bench.numbers[:BATCH]) == list(range(BATCH))

    def test_a_row_that_was_started_is_not_started_again_before_its_lease_shows(self, bench: Bench) -> None:
        row = bench.table.add(1, next_refresh_at=bench.clock.elapsed())
        bench.ticks()
        bench.table.move(row, row.next_refresh_at)

        bench.ticks(JUST_STARTED // TICK - 1)
        assert bench.numbers == [1]

        bench.ticks(2)
        assert bench.numbers == [1, 1]


class TestProviders:
    def test_one_with_a_backlog_holds_up_no_other(self, bench: Bench) -> None:
        bench.due(*range(1000), integration="uphold")
        bench.clock.advance(SECOND)
        bench.due(2000, 2001)

        bench.ticks()

        assert {2000, 2001} <= set(bench.numbers)

    def test_one_that_admits_nothing_holds_up_no_other(self, bench: Bench) -> None:
        bench.closed["uphold"] = 100_000
        bench.due(*range(1000), integration="uphold")
        bench.clock.advance(SECOND)
        bench.due(2000)

        bench.ticks()

        assert bench.numbers == [2000]

    def test_its_rows_are_not_even_read_while_it_is_closed_for_long(self, bench: Bench) -> None:
        bench.closed["uphold"] = MINUTE
        bench.due(1, integration="uphold")
        bench.ticks(2)
        assert {integration for integration, _ in bench.table.readings} == {"coinbase"}

        del bench.closed["uphold"]
        bench.ticks(MINUTE // TICK)
        assert bench.numbers == [1]

    def test_one_that_is_configured_no_more_is_an_alarm_once(self, bench: Bench) -> None:
        bench.due(1, integration="bygone")
        bench.due(2, 3)

        bench.ticks(2 * CENSUS_PAUSE // TICK)

        assert bench.log.named("integration_not_configured") == [{"integration": "bygone"}]
        assert bench.log.alarms == ["integration_not_configured"]
        assert sorted(bench.numbers) == [2, 3]

    def test_what_is_configured_no_more_is_looked_for_rarely(self, bench: Bench) -> None:
        bench.ticks(CENSUS_PAUSE // TICK)
        assert bench.table.censuses == 1
        bench.due(1, integration="bygone")

        bench.ticks(2)

        assert bench.table.censuses == 2
        assert len(bench.log.named("integration_not_configured")) == 1


class TestRowsThatDoNotStart:
    @pytest.mark.parametrize("error", [None, CredentialUnreadableError()])
    def test_they_are_left_alone_and_hold_up_no_other(self, bench: Bench, error: Exception | None) -> None:
        bench.broken = dict.fromkeys(range(3 * BATCH), error)
        bench.due(*range(3 * BATCH))
        bench.clock.advance(SECOND)
        bench.due(1000)

        bench.ticks(5)

        assert bench.numbers == [1000]

    def test_they_are_tried_again_later(self, bench: Bench) -> None:
        bench.broken = {1: None}
        bench.due(1)
        bench.ticks()
        bench.broken = {}

        bench.ticks(NOT_STARTED // TICK + 1)

        assert bench.numbers == [1]

    def test_a_row_whose_provider_had_just_closed_is_not_blamed(self, bench: Bench) -> None:
        bench.broken = {1: None}
        bench.due(1)
        # Asked before reading, before starting, and after.
        waits = iter([0, 0, 2 * SECOND])
        bench.scheduler._wait = lambda integration: next(waits, 0) if integration == "coinbase" else 0
        bench.ticks()
        bench.broken = {}

        bench.ticks(4)

        assert bench.numbers == [1]
