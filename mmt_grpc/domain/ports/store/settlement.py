"""What settles refreshes whose outcome is not known, and finds those that are due."""

from collections.abc import Sequence
from typing import Protocol

from mmt_grpc.domain.ports.store.rows import RefreshRows
from mmt_grpc.domain.token_row import Refreshed, TokenRow


class SettlementRows(RefreshRows, Protocol):
    """The transitions around IN_DOUBT; `owner` is a replica's id, 16 bytes."""

    def lease_doubt(
        self, row: TokenRow, *, attempt_id: bytes, owner: bytes, lease_for: int, tolerant: bool
    ) -> int | None:
        """IN_DOUBT → REFRESHING under the row's version, where a retry is allowed; the statement tests that itself.

        Allowed when `not_before` has passed, `doubt_owner` and `lease_owner` are each NULL or a replica that was not
        seen for 10 min, and the provider tolerates reuse (`tolerant`) or less than 2 min of the access token are left.
        First `doubt_owner` = COALESCE(doubt_owner, lease_owner). Returns as `lease` does. Refuses, like `lease`, while
        a recovery is not settled by every replica seen in the last 10 min.
        """
        ...

    def redate_doubt(self, row: TokenRow, *, not_before: int, access_expires_at: int | None) -> bool:
        """Have a row IN_DOUBT, under its version, have failed now: a clock that was ahead had written down when it did.

        Where its token came at a time that lies ahead, `refreshed_at` becomes now, too; `connected_at` says which
        Connect it was, and stays.
        """
        ...

    def commit_answer(self, row: TokenRow, *, attempt_id: bytes, refreshed: Refreshed) -> bool:
        """→ ACTIVE with `generation` + `steps`, WHERE generation AND attempt_id AND state <> REAUTHENTICATION.

        What an answer may do that nobody has probed: its attempt is still the row's own. `commit_refresh` is for
        answers that were probed.
        """
        ...

    def clear_owner(self, row: TokenRow, *, owner: bytes) -> bool:
        """Clear `owner` out of `doubt_owner` and `lease_owner` WHERE generation AND state <> REFRESHING.

        The owner runs no attempt and holds no answer for the row. True also if it was named nowhere any more, or the
        row has moved on to another generation.
        """
        ...

    def named(self, owner: bytes) -> Sequence[TokenRow]:
        """Read the rows that name `owner` as `lease_owner` or `doubt_owner`, whatever their state.

        One that does not parse is left out, here and of what is due: it goes on to name its owner, and waits for a
        version that can make sense of it.
        """
        ...

    def due(self, integration: str, limit: int) -> Sequence[TokenRow]:
        """Read up to `limit` rows of an integration whose `next_refresh_at` has passed by the database's clock, the
        earliest first.

        By index: the cost grows with what is due there, not with what is stored, nor with what is due elsewhere. ACTIVE
        rows; REFRESHING ones whose lease is over, for their replica may never come back to doubt them; IN_DOUBT ones
        whose `not_before` has passed and that name no replica seen in the last 10 min. A failure moves
        `next_refresh_at` on to `not_before`; a doubt is due then, whenever its row was to be refreshed.
        """
        ...

    def integrations(self) -> Sequence[str]:
        """Read the names of all integrations that have rows, configured or not; the cost grows with their number."""
        ...

    def erase_renewals(self, older_than: int, limit: int) -> int:
        """Erase `renewal_blob` of up to `limit` rows that were condemned longer than `older_than` microseconds ago.

        By index too; returns how many were erased.
        """
        ...


class Recoveries(Protocol):
    """What all replicas agree on after an outage or failover of the database.

    Whoever notices one opens a recovery; while one is open, no lease is given (the lease statements test it) until
    every replica that was seen in the last 10 min has settled it: its running attempts ended, its spool re-applied.
    """

    def current(self) -> int:
        """Return the number of the newest recovery, 0 before the first."""
        ...

    def settled_by(self, owner: bytes) -> int | None:
        """Return the newest recovery that a replica has settled as far as the database knows, None if it knows none.

        One that was forgotten, or whose registration a failover took back, is none before its next beat.
        """
        ...

    def open(self, after: int) -> bool:
        """Open recovery `after` + 1, guarded by the number read before; False if somebody else has.

        The `installation` row keeps the number: without one nothing is opened.
        """
        ...

    def settle(self, owner: bytes, number: int) -> None:
        """Record that a replica has settled a recovery, and with it every earlier one.

        A replica registers by its first beat, and starts from 0. A failover can take both numbers back.
        """
        ...
