"""Refreshes ahead of expiry: what is due is found by index, spread over time, and started where that is possible."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from mmt_grpc.domain.errors import EpochUnknownError, MmtError, UnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.left_alone import LeftAlone

TICK: Final = MICROSECONDS
BATCH: Final = 100
"""Rows of one integration that are read, and started at most, in a tick: what an outage has piled up goes evenly."""
JUST_STARTED: Final = 5 * MICROSECONDS
"""A row that was started is due until its lease is written."""
NOT_STARTED: Final = 60 * MICROSECONDS
"""A row that could not be started, though its provider could, is refreshed elsewhere or unreadable."""
LONGEST_PAUSE: Final = 30 * MICROSECONDS
CENSUS_PAUSE: Final = 600 * MICROSECONDS
"""Between two looks for rows of integrations that are configured no more."""


class DueRows(Protocol):
    """Where rows that are due are found."""

    def due(self, integration: str, limit: int) -> Sequence[TokenRow]:
        """Read up to `limit` rows of an integration that are due, the earliest first."""
        ...

    def integrations(self) -> Sequence[str]:
        """Read the names of all integrations that have rows."""
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """A row to start at `at` (elapsed microseconds)."""

    at: int
    row: TokenRow


class Scheduler:
    """Starts what is due at the configured `integrations`.

    `start` begins a refresh and returns whether it did; `wait` returns for how many microseconds nothing scheduled is
    admitted at an integration, 0 if something may be. Neither may block for long.
    """

    def __init__(
        self,
        *,
        rows: DueRows,
        integrations: Collection[str],
        start: Callable[[TokenRow], bool],
        wait: Callable[[str], int],
        clock: Clock,
        randomness: Randomness,
        stopping: threading.Event,
        log: EventLog,
        batch: int = BATCH,
    ) -> None:
        self._rows = rows
        self._start = start
        self._wait = wait
        self._clock = clock
        self._randomness = randomness
        self._stopping = stopping
        self._log = log
        self._batch = batch
        self._closed_until: dict[str, int] = {}
        self._started = LeftAlone(clock=clock)
        self._refused = {name: LeftAlone(clock=clock) for name in sorted(integrations)}
        self._strangers: set[str] = set()
        self._next_census = 0

    def run(self) -> None:
        """Work in the background until told to stop; a store that is away is asked less and less often."""
        # Replicas that start together do not look at the same moment.
        pause, failures = self._randomness.jitter(0, TICK), 0
        while not self._stopping.wait(pause / MICROSECONDS):
            try:
                pause, failures = self.tick(), 0
            except Exception as error:  # noqa: BLE001  # the next tick tries again; rows stay due
                failures += 1
                ceiling = min(TICK << min(failures, 16), LONGEST_PAUSE)
                pause = self._randomness.jitter(TICK, ceiling)
                self._report(error)

    def tick(self) -> int:
        """Start what is due, spread over a tick; return the microseconds that are left of it. Raises as the store."""
        began = self._clock.elapsed()
        self._look_for_strangers()
        for planned in self.plan():
            left = planned.at - self._clock.elapsed()
            if left > 0 and self._stopping.wait(left / MICROSECONDS):
                return 0
            if self._stopping.is_set():
                return 0
            self.launch(planned.row)
        return max(0, began + TICK - self._clock.elapsed())

    def plan(self) -> list[Planned]:
        """Read what is due and spread each integration's rows over the coming tick, in an order of chance.

        Other replicas read the same rows: in another order they rarely come to the same one at the same moment.
        """
        now = self._clock.elapsed()
        planned: list[Planned] = []
        for integration in self._refused:
            rows = self._startable(integration)
            self._shuffle(rows)
            width = TICK // max(1, len(rows))
            for number, row in enumerate(rows):
                at = now + number * width + self._randomness.jitter(0, width - 1)
                planned.append(Planned(at, row))
        return sorted(planned, key=lambda one: one.at)

    def launch(self, row: TokenRow) -> bool:
        """Start one row, unless its provider admits nothing now; raises `UnavailableError`s that are not the row's own
        as the start.
        """
        integration, key = row.binding.integration, row.binding.token_key
        if self._is_closed(integration):
            return False
        try:
            started = self._start(row)
        except MmtError as error:
            if isinstance(error, UnavailableError) and not isinstance(error, EpochUnknownError):
                raise
            # The row's own fault, perhaps for long: what comes after it must not wait for it.
            self._log.warning("due_row_not_started", integration=integration, reason=error.reason.value)
            started = False
        if started:
            self._started.leave(key, JUST_STARTED)
        elif not self._is_closed(integration):
            self._refused[integration].leave(key, self._randomness.jitter(NOT_STARTED // 2, NOT_STARTED))
        return started

    def _is_closed(self, integration: str) -> bool:
        """Whether an integration admits nothing scheduled now; for how long is remembered."""
        now = self._clock.elapsed()
        if self._closed_until.get(integration, 0) > now:
            return True
        wait = self._wait(integration)
        self._closed_until[integration] = now + wait
        return wait > 0

    def _startable(self, integration: str) -> list[TokenRow]:
        """Read what is due at an integration; nothing is read of one that admits nothing for a tick or longer.

        Rows left alone for long do not use the batch up.
        """
        if self._is_closed(integration) and self._closed_until[integration] >= self._clock.elapsed() + TICK:
            return []
        refused = self._refused[integration]
        rows = self._rows.due(integration, self._batch + refused.count())
        startable = [row for row in rows if not self._is_left_alone(row)]
        return startable[: self._batch]

    def _is_left_alone(self, row: TokenRow) -> bool:
        key = row.binding.token_key
        return self._started.has(key) or self._refused[row.binding.integration].has(key)

    def _look_for_strangers(self) -> None:
        """Say once of each integration that has rows and is configured no more: nothing refreshes them ahead."""
        now = self._clock.elapsed()
        if self._next_census > now:
            return
        for name in sorted(set(self._rows.integrations()) - self._refused.keys() - self._strangers):
            self._strangers.add(name)
            self._log.error("integration_not_configured", integration=name)
        self._next_census = now + CENSUS_PAUSE

    def _shuffle(self, rows: list[TokenRow]) -> None:
        for last in range(len(rows) - 1, 0, -1):
            other = self._randomness.jitter(0, last)
            rows[last], rows[other] = rows[other], rows[last]

    def _report(self, error: Exception) -> None:
        if isinstance(error, UnavailableError):
            self._log.warning("schedule_waits", reason=error.reason.value)
        else:
            self._log.error("schedule_failed", error=type(error).__name__)
