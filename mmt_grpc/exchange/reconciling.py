"""What the ledger names is deleted, whatever database turns up: nothing brings a revoked row back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ledger_batch import OVERLAP, read_batch
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import CLOCKS_DIFFER
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import Installations, Ledger, TokenRows
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.upstream import UpstreamWork

UNDER_WAY: Final = 15 * MICROSECONDS
"""A Revoke that wrote its entry less than this ago may be about to delete the row, and is to be the one who did: its
caller would be told else that there was no such token.
"""


def without_pause() -> bool:
    """Go on to the end."""
    return True


@dataclass(slots=True)
class Comparison:
    """How many rows that the ledger names were deleted so far; times are the ledger's, Unix microseconds.

    `began_at` is when the comparison began; `left_at` when the first of those was revoked that are left to Revokes
    which may be under way, None if no row was left. It goes on above `position`, and `head` is what it has covered.
    Whoever finds that the database may have lost something since it began says so in `is_overtaken`.
    """

    deleted: int
    began_at: int
    left_at: int | None = None
    position: int = field(default=0, compare=False)
    head: int = field(default=0, compare=False)
    is_over: bool = field(default=False, compare=False)
    is_overtaken: bool = field(default=False, compare=False)

    def has_left(self, until: int) -> bool:
        """Whether a row is left that was revoked by then."""
        return self.left_at is not None and self.left_at <= until


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling:
    """Compares the ledger with the rows. Each run raises as the store, and may be repeated.

    `may_go_on` is asked between batches; what it has stopped is taken up by `go_on`.
    """

    rows: TokenRows
    ledger: Ledger
    installations: Installations
    upstream: UpstreamWork
    failpoints: Failpoints
    log: EventLog

    def in_full(self, may_go_on: Callable[[], bool] = without_pause) -> Comparison:
        """Compare every entry of the ledger."""
        return self._from(0, may_go_on)

    def incrementally(self, may_go_on: Callable[[], bool] = without_pause) -> Comparison:
        """Compare the entries since the position that `installation` remembers, and late ones before it."""
        return self._from(max(0, self._head() - OVERLAP), may_go_on)

    def follow(self, may_go_on: Callable[[], bool] = without_pause) -> Comparison:
        """Compare the entries since that position alone: what is new costs little."""
        return self._from(self._head(), may_go_on)

    def go_on(self, comparison: Comparison, may_go_on: Callable[[], bool] = without_pause) -> Comparison:
        """Go on with one that is not over: a batch at least.

        The position is written only after the DELETEs it covers, which a failover may have taken back from one that is
        overtaken, and does not pass a row that is left for later.
        """
        self._compare(comparison)
        while not comparison.is_over and may_go_on():
            self._compare(comparison)
        if comparison.is_over:
            if not comparison.is_overtaken:
                self._advance(comparison.head)
            if comparison.deleted:
                self.log.warning("revocations_finished", rows=comparison.deleted)
        return comparison

    def _head(self) -> int:
        installation = self.installations.read()
        return installation.ledger_head if installation else 0

    def _from(self, position: int, may_go_on: Callable[[], bool]) -> Comparison:
        begun = Comparison(0, self.ledger.now(), position=position, head=position)
        return self.go_on(begun, may_go_on)

    def _compare(self, comparison: Comparison) -> None:
        """Compare a batch."""
        batch = read_batch(self.ledger, comparison.position)
        rows = self.rows.read_many([(entry.shard, entry.token_key) for entry in batch.entries])
        for entry in batch.entries:
            row = rows.get(entry.token_key)
            # What the ledger's clock said before it was set back is not under way: that would last until it caught up.
            age = comparison.began_at - entry.revoked_at
            if row is not None and -CLOCKS_DIFFER <= age < UNDER_WAY:
                if comparison.left_at is None:
                    comparison.left_at, comparison.head = entry.revoked_at, entry.position - 1
            elif row is not None:
                comparison.deleted += self._finish(row)
        comparison.position, comparison.is_over = batch.reached, batch.is_last
        if comparison.left_at is None:
            comparison.head = batch.reached

    def _advance(self, head: int) -> None:
        before = self._head()
        if head > before:
            self.installations.advance_head(before=before, after=head)

    def _finish(self, row: TokenRow) -> bool:
        """Delete a row, its sealed credentials kept for revocation upstream; False if it was gone already."""
        found: TokenRow | None = row
        while found is not None:
            self.upstream.hand_over(found)
            self.failpoints.reach("reconcile.after_stage")
            if self.rows.delete(found) is not None:
                self.failpoints.reach("reconcile.after_delete")
                return True
            found = self.rows.read(row.shard, row.binding.token_key).row
        return False
