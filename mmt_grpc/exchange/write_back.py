"""The ends of attempts are written back, guarded, for as long as it takes; nothing here repeats blindly."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import CLOCKS_DIFFER, Clock, Randomness
from mmt_grpc.domain.ports.store import SettlementRows
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.token_row import LAST_OF_A_TOKEN, Refreshed, TokenRow, TokenState
from mmt_grpc.exchange import backoff

T = TypeVar("T")

SHORTEST_PAUSE: Final = 50_000
LONGEST_PAUSE: Final = 2 * MICROSECONDS
REFUSED: Final = "invalid_grant"
"""The last failure of a row that says REAUTHENTICATION."""


class StoppedError(Exception):
    """The process is to end, and the store has not answered: what is on disk is settled at the next start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBack:
    """Writes the ends of attempts; a store that is away is waited for until the process is told to stop."""

    rows: SettlementRows
    guard: RevivalGuard
    clock: Clock
    randomness: Randomness
    stopping: threading.Event

    def commit(self, row: TokenRow, attempt_id: bytes, refreshed: Refreshed, *, probed: bool) -> bool:
        """Write new tokens for the row's next generation; False if the row is no longer what it was.

        One that nobody has probed is written only while its attempt is still the row's own.
        """
        change = self.rows.commit_refresh if probed else self.rows.commit_answer
        return self._until_known(
            lambda: change(row, attempt_id=attempt_id, refreshed=refreshed),
            lambda: self._holds(row, refreshed.access_blob),
        )

    def doubt(self, row: TokenRow, attempt_id: bytes, *, tolerant: bool, failure: str) -> None:
        """Write that the outcome is unknown; a late POST may still be on its way for a while.

        Where the provider does not tolerate reuse, nothing is due before the access token is nearly over.
        """

        def change() -> bool:
            not_before = max(self.rows.now() + backoff.DOUBTFUL, 0 if tolerant else retried_at(row))
            return self.rows.doubt(row, attempt_id=attempt_id, not_before=not_before, failure=failure)

        self._until_known(change, lambda: self._left(row, attempt_id))

    def redate_doubt(self, row: TokenRow, *, tolerant: bool) -> None:
        """Write that a row's outcome is unknown since now, where a clock said so that was ahead: `is_doubt_ahead`.

        A token that came by that clock has no more of its life left than it had at the doubt; if the doubt came by this
        clock, nobody knows how much, and it is taken to be over soon.
        """

        def change() -> bool:
            now, expires_at = self.rows.now(), row.access_expires_at
            if expires_at is not None and row.came_at > now + CLOCKS_DIFFER:
                failed_at = row.failed_at or 0
                expires_at = now + (max(0, expires_at - failed_at) if failed_at > now else LAST_OF_A_TOKEN)
            dated = replace(row, access_expires_at=expires_at)
            not_before = max(now + backoff.DOUBTFUL, 0 if tolerant else retried_at(dated))
            return self.rows.redate_doubt(row, not_before=not_before, access_expires_at=expires_at)

        self._until_answered(change)

    def condemn(self, row: TokenRow, attempt_id: bytes) -> None:
        """Write that the user must log in again."""
        self._until_known(
            lambda: self.rows.condemn(row, attempt_id=attempt_id, failure=REFUSED),
            lambda: self._left(row, attempt_id),
        )

    def release(
        self, row: TokenRow, attempt_id: bytes, *, wait: int, never_sent: bool, failure: str | None = None
    ) -> None:
        """Write that nothing was spent, why, and how many microseconds to leave the row alone."""

        def change() -> bool:
            return self.rows.release(
                row,
                attempt_id=attempt_id,
                not_before=self.rows.now() + wait,
                never_sent=never_sent,
                failure=failure,
            )

        self._until_known(change, lambda: self._left(row, attempt_id))

    def clear_owner(self, shard: int, token_key: bytes, owner: bytes, *, unreadable: Collection[bytes] = ()) -> None:
        """Take a replica's name out of a row for which it has nothing left to settle.

        The name stays while the row's attempt, or the one in doubt, is `unreadable` and may have been answered.
        """
        while not self._until_answered(lambda: self._cleared(shard, token_key, owner, unreadable)):
            self.clock.sleep(SHORTEST_PAUSE)

    def _cleared(self, shard: int, token_key: bytes, owner: bytes, unreadable: Collection[bytes]) -> bool:
        row = self.rows.read(shard, token_key).row
        if row is None or row.state is TokenState.REFRESHING or owner not in {row.doubt_owner, row.lease_owner}:
            return True
        if row.attempt_id in unreadable or row.doubt in unreadable:
            return True
        return self.rows.clear_owner(row, owner=owner)

    def read_back(self, shard: int, token_key: bytes) -> TokenRow | None:
        """Read what became of a row, however long the store is away, or another installation's is in its place."""
        return self._until_answered(lambda: self._read(shard, token_key))

    def _read(self, shard: int, token_key: bytes) -> TokenRow | None:
        calm, row = self.guard.calm, self.rows.read(shard, token_key).row
        if row is None:
            # What was brought for a row that is gone is revoked upstream: it has to be our database that says so.
            self.guard.check(calm, None)
        return row

    def now(self) -> int:
        """Return the database's clock, however long the store is away."""
        return self._until_answered(self.rows.now)

    def _holds(self, row: TokenRow, access_blob: bytes) -> bool:
        seen = self.rows.read(row.shard, row.binding.token_key).row
        return seen is not None and seen.sealed.access_blob == access_blob

    def _left(self, row: TokenRow, attempt_id: bytes) -> bool:
        seen = self.rows.read(row.shard, row.binding.token_key).row
        return seen is None or seen.attempt_id != attempt_id or seen.state is not TokenState.REFRESHING

    def _until_known(self, change: Callable[[], bool], applied: Callable[[], bool]) -> bool:
        """Change until the store says what became of it; a lost answer is read back before the change is repeated."""
        lost = False

        def once() -> bool:
            nonlocal lost
            if lost and applied():
                return True
            # Whether the answer that is lost was this one's is asked before any repetition, whatever the failure was.
            lost = True
            held = change()
            lost = False
            return held

        return self._until_answered(once)

    def _until_answered(self, ask: Callable[[], T]) -> T:
        pause = SHORTEST_PAUSE
        while True:
            try:
                return ask()
            except StoreUnavailableError:
                if self.stopping.is_set():
                    raise StoppedError from None
                self.clock.sleep(self.randomness.jitter(pause // 2, pause))
                pause = min(2 * pause, LONGEST_PAUSE)


def retried_at(row: TokenRow) -> int:
    """Return when a strict provider may be asked once more about a row in doubt, 0 if that is not known."""
    return 0 if row.access_expires_at is None else row.access_expires_at - LAST_OF_A_TOKEN
