"""When the ledger is compared with the rows: in full whenever the database is in doubt, else by what is new."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.reconciling import UNDER_WAY, Comparison, Reconciling

PAUSE: Final = MICROSECONDS // 4
MARGIN: Final = MICROSECONDS
"""How much longer than a Revoke takes a start waits for one: the entry's age is the ledger's, the wait our own."""
STRETCH: Final = MICROSECONDS
"""How long a long ledger is compared at a time: whoever compares takes part in recoveries, too, for which all wait."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A comparison that is not over: the signs at its beginning, and whether more rows of a backup might follow it."""

    comparison: Comparison
    signs: int
    is_held: bool
    is_full: bool


@dataclass(slots=True, kw_only=True)
class Comparing:
    """Ends the exchanger's doubt about the database by running through the whole ledger; safe from several threads."""

    guard: RevivalGuard
    reconciling: Reconciling
    clock: Clock
    stopping: threading.Event
    _run: _Run | None = None
    """What the next step goes on with."""
    _compared: tuple[int, bool] = (0, False)
    """The signs that a full run has covered, and whether more rows of a backup might follow it."""
    _end: int = 0
    """When the last full run began: what was revoked later is deleted from the database as it is now."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_for_revokes(self, *, is_stopping: Callable[[], bool]) -> None:
        """Wait, at the start, until no row is left that the ledger named then, or for as long as a Revoke takes.

        The first comparison leaves those whose Revoke may be under way: at another replica, or in a worker here that
        has outlived the exchanger before, and waits for this one. A store that is away now has been there: the doubt
        lasts, and the background goes on with it.
        """
        until = self.clock.elapsed() + UNDER_WAY + MARGIN
        while not (self.guard.calm or is_stopping()) and self.clock.elapsed() < until:
            self.clock.sleep(PAUSE)
            try:
                self.step(looks_back=True)
            except StoreUnavailableError:
                continue

    @property
    def is_under_way(self) -> bool:
        """Whether the next step goes on with what the last one has begun."""
        return self._run is not None

    def step(self, *, looks_back: bool) -> bool:
        """Compare as far as it is wanted now: `looks_back` for late entries, too; True if the next may follow at once.

        Raises as the store; what has failed is begun anew. A full run leaves a Revoke that may be under way its row;
        the next steps come back for it. After a restore a second one follows when no more rows are to be expected.
        """
        with self._lock:
            until = self.clock.elapsed() + STRETCH
            run, self._run = self._run, None
            if run is None:
                run = self._begin(until, looks_back=looks_back)
            else:
                run.comparison.is_overtaken |= run.signs != self.guard.signs
                self.reconciling.go_on(run.comparison, lambda: self._may_go_on(until))
            if run.comparison.is_over:
                self._settle(run)
            else:
                self._run = run
            return not run.comparison.is_over

    def _begin(self, until: int, *, looks_back: bool) -> _Run:
        guard, reconciling = self.guard, self.reconciling
        signs, is_held = guard.signs, guard.is_held
        is_full = not guard.calm and self._compared != (signs, is_held)
        if is_full:
            begin = reconciling.in_full
        elif looks_back or not guard.calm:
            begin = reconciling.incrementally
        else:
            begin = reconciling.follow
        return _Run(begin(lambda: self._may_go_on(until)), signs, is_held, is_full)

    def _may_go_on(self, until: int) -> bool:
        return not self.stopping.is_set() and self.clock.elapsed() < until

    def _settle(self, run: _Run) -> None:
        """Remember what was compared, and the position that was reached; end the doubt if nothing is left."""
        if run.is_full:
            self._compared, self._end = (run.signs, run.is_held), run.comparison.began_at
        self.guard.look()
        if not self.guard.calm and not run.comparison.has_left(self._end):
            self.guard.settle(run.signs)
