"""Recoveries after an outage of the database, and the conditions that its replicas put on a lease."""

from typing import Final

from mmt_grpc.store.execution import Execution

# A subquery of an UPDATE at READ COMMITTED reads what is committed as it runs, and locks nothing.
RECOVERED: Final = (
    "NOT EXISTS (SELECT 1 FROM replica WHERE seen_at > :seen_after "
    "AND settled_recovery < (SELECT recovery FROM installation WHERE singleton = 1))"
)
"""The condition of every lease: no replica that was seen lately still has to settle the newest recovery."""
NOBODY_NAMED_SEEN: Final = (
    "NOT EXISTS (SELECT 1 FROM replica WHERE (replica.owner = token.doubt_owner OR replica.owner = token.lease_owner) "
    "AND replica.seen_at > :seen_after)"
)
"""That no replica which a row of `token` names was seen lately; one that was forgotten never is."""

_CURRENT: Final = "SELECT recovery FROM installation WHERE singleton = 1"
_SETTLED_BY: Final = "SELECT settled_recovery FROM replica WHERE owner = :owner"
_OPEN: Final = "UPDATE installation SET recovery = :recovery WHERE singleton = 1 AND recovery = :recovery_before"
_SETTLE: Final = "UPDATE replica SET settled_recovery = :recovery WHERE owner = :owner AND settled_recovery < :recovery"


class PeeweeRecoveries:
    """`Recoveries` on a database; one without an installation has had none, and opens none."""

    def __init__(self, *, execution: Execution) -> None:
        self._execution = execution

    def current(self) -> int:
        row = self._execution.read(lambda session: session.row(_CURRENT))
        return 0 if row is None else int(row[0])

    def settled_by(self, owner: bytes) -> int | None:
        row = self._execution.read(lambda session: session.row(_SETTLED_BY, owner=owner))
        return None if row is None else int(row[0])

    def open(self, after: int) -> bool:
        return self._execution.write(
            lambda session: bool(session.change(_OPEN, recovery=after + 1, recovery_before=after))
        )

    def settle(self, owner: bytes, number: int) -> None:
        self._execution.write(lambda session: session.change(_SETTLE, owner=owner, recovery=number))
