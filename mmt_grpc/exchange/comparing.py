"""When the ledger is compared with the rows: in full whenever the database is in doubt, else by what is new."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.reconciling import UNDER_WAY, Comparison, Reconciling

PAUSE: Final = MICROSECONDS // 4
MARGIN: Final = MICROSECONDS
"""How much longer than a Revoke takes a start waits for one: the entry's age is the ledger's, the wait our own."""


@dataclass(slots=True, kw_only=True)
class Comparing:
    """Ends the exchanger's doubt about the database by running through the whole ledger."""

    guard: RevivalGuard
    reconciling: Reconciling
    clock: Clock
    _compared: tuple[int, bool] = (0, False)
    """The signs that a full run has covered, and whether more rows of a backup might follow it."""
    _end: int = 0
    """When the last full run began: what was revoked later is deleted from the database as it is now."""

    def wait_for_revokes(self, *, is_stopping: Callable[[], bool]) -> None:
        """Wait, at the start, until no row is left that the ledger named then; raises as the store.

        The first comparison leaves those whose Revoke may be under way: at another replica, or in a worker here that
        has outlived the exchanger before, and waits for this one.
        """
        until = self.clock.elapsed() + UNDER_WAY + MARGIN
        while not (self.guard.calm or is_stopping()) and self.clock.elapsed() < until:
            self.clock.sleep(PAUSE)
            self.step(looks_back=True)

    def step(self, *, looks_back: bool) -> None:
        """Compare as far as it is wanted now: `looks_back` for late entries, too. Raises as the store.

        A full run leaves a Revoke that may be under way its row; the next steps come back for it. After a restore a
        second one follows when no more rows are to be expected.
        """
        guard = self.guard
        signs, is_held = guard.signs, guard.is_held
        if guard.calm:
            found = self.reconciling.incrementally() if looks_back else self.reconciling.follow()
        elif self._compared == (signs, is_held):
            found = self.reconciling.incrementally()
        else:
            found = self.reconciling.in_full()
            self._compared, self._end = (signs, is_held), found.began_at
        self._settle(signs, found)

    def _settle(self, signs: int, found: Comparison) -> None:
        """Remember the position that was reached, and end the doubt if nothing is left."""
        self.guard.look()
        if not self.guard.calm and not found.has_left(self._end):
            self.guard.settle(signs)
