"""What is left of a provider's rate limit: one row per integration holds what was taken within the last window."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.ports.clock import CLOCKS_DIFFER
from mmt_grpc.domain.ports.store import Taken, Terms
from mmt_grpc.store import spending
from mmt_grpc.store.execution import Execution
from mmt_grpc.store.faults import DuplicateError, Fault, StatementError
from mmt_grpc.store.session import Session
from mmt_grpc.store.spending import Entry

# Counting the version up takes the row's lock, so that whoever reads after it is read after by everybody else.
_LOCK: Final = "UPDATE provider_budget SET version = version + 1 WHERE integration = :integration"
_INSERT: Final = (
    "INSERT INTO provider_budget (integration, window_began_at, leased, version, next_at) "
    "VALUES (:integration, 0, 0, 1, 0)"
)
_READ: Final = "SELECT version, next_at, spent FROM provider_budget WHERE integration = :integration"
_SPEND: Final = "UPDATE provider_budget SET spent = :spent WHERE integration = :integration AND version = :version"
_REDATE: Final = (
    "UPDATE provider_budget SET spent = :spent, next_at = :next_at "
    "WHERE integration = :integration AND version = :version"
)
_POSTPONE: Final = (
    "UPDATE provider_budget SET next_at = :next_at WHERE integration = :integration AND next_at < :next_at"
)


@dataclass(frozen=True, slots=True)
class _Budget:
    """A row: nothing may be taken before `next_at`."""

    version: int
    next_at: int
    spent: list[Entry]

    def ahead_of(self, now: int) -> int:
        """Return by how much the clock that the last was taken by was ahead of this one, 0 if it is the same."""
        ahead = self.spent[-1].at - now if self.spent else 0
        return ahead if ahead > CLOCKS_DIFFER else 0

    def at(self, now: int) -> "_Budget":
        """Return what a clock that has been set back since left, by this one: as if the last was taken now."""
        spent = [Entry(min(one.at, now), one.count) for one in self.spent]
        return _Budget(self.version, max(0, self.next_at - self.ahead_of(now)), spent)


class PeeweeBudgets:
    """`Budgets` on a database."""

    def __init__(self, *, execution: Execution) -> None:
        self._execution = execution

    def take(self, integration: str, *, count: int, terms: Terms) -> Taken | int:
        if count < 1:
            raise ValueError("1 or more requests are taken")

        def work(session: Session) -> Taken | int:
            _lock(session, integration)
            budget, now = _read(session, integration), session.now()
            if budget.ahead_of(now):
                budget = _redated(session, integration, budget.at(now))
            if budget.next_at > now:
                return budget.next_at - now
            recent = spending.recent(budget.spent, now, terms.window)
            if wait := spending.wait(recent, now, terms):
                return wait
            given = min(count, spending.left(recent, terms))
            spent = spending.packed(spending.added(recent, now, given, terms.bucket))
            _guarded(session.change(_SPEND, integration=integration, spent=spent, version=budget.version))
            return Taken(count=given, now=now)

        return self._execution.write(work)

    def postpone(self, integration: str, wait: int) -> None:
        def work(session: Session) -> None:
            _lock(session, integration)
            session.change(_POSTPONE, integration=integration, next_at=session.now() + wait)

        self._execution.write(work)


def _lock(session: Session, integration: str) -> None:
    """Take the row for the rest of the transaction; make it where it is missing."""
    if session.change(_LOCK, integration=integration):
        return
    try:
        session.change(_INSERT, integration=integration)
    except DuplicateError:
        # Somebody else was first with this very row; what stood in its way is committed by now.
        session.change(_LOCK, integration=integration)


def _redated(session: Session, integration: str, budget: _Budget) -> _Budget:
    """Keep by this clock what one left that was ahead: else each wait would begin anew until this one had caught up."""
    values = {"spent": spending.packed(budget.spent), "next_at": budget.next_at, "version": budget.version}
    _guarded(session.change(_REDATE, integration=integration, **values))
    return budget


def _guarded(changed: int) -> None:
    """On a cluster two nodes may take the row at once: one of them has to ask again."""
    if not changed:
        raise StatementError(fault=Fault.NOT_APPLIED, kind="BudgetLost", number=None)


def _read(session: Session, integration: str) -> _Budget:
    row = session.row(_READ, integration=integration)
    if row is None:
        raise StatementError(fault=Fault.NOT_APPLIED, kind="BudgetGone", number=None)
    version, next_at, spent = row
    return _Budget(int(version), int(next_at), spending.unpacked(spent))
