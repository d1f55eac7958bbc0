"""Slots of a provider's rate limit: one row per integration says when the next one is free."""

from typing import Final

from mmt_grpc.domain.ports.store import Slots
from mmt_grpc.store.execution import Execution
from mmt_grpc.store.faults import DuplicateError, Fault, StatementError
from mmt_grpc.store.session import Session

# Counting the version up takes the row's lock, so that whoever reads after it is read after by everybody else.
_TAKE: Final = "UPDATE provider_budget SET version = version + 1 WHERE integration = :integration"
_INSERT: Final = (
    "INSERT INTO provider_budget (integration, window_began_at, leased, version, next_at) "
    "VALUES (:integration, 0, 0, 1, 0)"
)
_READ: Final = "SELECT next_at FROM provider_budget WHERE integration = :integration"
_MOVE_ON: Final = (
    "UPDATE provider_budget SET next_at = :next_at WHERE integration = :integration AND next_at = :next_at_before"
)
_POSTPONE: Final = (
    "UPDATE provider_budget SET next_at = :next_at WHERE integration = :integration AND next_at < :next_at"
)


class PeeweeBudgets:
    """`Budgets` on a database."""

    def __init__(self, *, execution: Execution) -> None:
        self._execution = execution

    def lease_slots(self, integration: str, *, count: int, spacing: int, burst: int, horizon: int) -> Slots | None:
        if count < 1 or spacing < 1:
            raise ValueError("slots are counted and spaced by 1 or more")

        def work(session: Session) -> Slots | None:
            _take(session, integration)
            before, now = _next_at(session, integration), session.now()
            slots = fitting(before, now, count=count, spacing=spacing, burst=burst, horizon=horizon)
            if slots is not None:
                after = slots.first_at + slots.count * spacing
                if not session.change(_MOVE_ON, integration=integration, next_at=after, next_at_before=before):
                    # On a cluster two nodes may take the row at once: one of them has to ask again.
                    raise StatementError(fault=Fault.NOT_APPLIED, kind="SlotsLost", number=None)
            return slots

        return self._execution.write(work)

    def postpone(self, integration: str, until: int) -> None:
        def work(session: Session) -> None:
            _take(session, integration)
            session.change(_POSTPONE, integration=integration, next_at=until)

        self._execution.write(work)


def fitting(next_at: int, now: int, *, count: int, spacing: int, burst: int, horizon: int) -> Slots | None:
    """Return the slots that are free from `next_at` on, none older than `burst` spacings, none beyond the horizon."""
    first_at = max(next_at, now - burst * spacing)
    room = (now + horizon - first_at) // spacing + 1
    return None if room < 1 else Slots(first_at=first_at, spacing=spacing, count=min(count, room), now=now)


def _take(session: Session, integration: str) -> None:
    """Take the row for the rest of the transaction; make it where it is missing."""
    if session.change(_TAKE, integration=integration):
        return
    try:
        session.change(_INSERT, integration=integration)
    except DuplicateError:
        # Somebody else was first with this very row; what stood in its way is committed by now.
        session.change(_TAKE, integration=integration)


def _next_at(session: Session, integration: str) -> int:
    row = session.row(_READ, integration=integration)
    if row is None:
        raise StatementError(fault=Fault.NOT_APPLIED, kind="BudgetGone", number=None)
    return int(row[0])
