"""What the ledger names is deleted, whatever database turns up: nothing brings a revoked row back."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ledger_batch import OVERLAP, read_batch
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import Installations, Ledger, TokenRows
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.upstream import UpstreamWork

UNDER_WAY: Final = 15 * MICROSECONDS
"""A Revoke that wrote its entry less than this ago may be about to delete the row, and is to be the one who did: its
caller would be told else that there was no such token.
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many rows that the ledger names were deleted; times are the ledger's, Unix microseconds.

    `began_at` is when the comparison began; `left_at` when the first of those was revoked that are left to Revokes
    which may be under way, None if no row was left.
    """

    deleted: int
    began_at: int
    left_at: int | None = None

    def has_left(self, until: int) -> bool:
        """Whether a row is left that was revoked by then."""
        return self.left_at is not None and self.left_at <= until


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling:
    """Compares the ledger with the rows. Each run raises as the store, and may be repeated."""

    rows: TokenRows
    ledger: Ledger
    installations: Installations
    upstream: UpstreamWork
    failpoints: Failpoints
    log: EventLog

    def in_full(self) -> Comparison:
        """Compare every entry of the ledger."""
        return self._from(0)

    def incrementally(self) -> Comparison:
        """Compare the entries since the position that `installation` remembers, and late ones before it."""
        return self._from(max(0, self._head() - OVERLAP))

    def follow(self) -> Comparison:
        """Compare the entries since that position alone: what is new costs little."""
        return self._from(self._head())

    def _head(self) -> int:
        installation = self.installations.read()
        return installation.ledger_head if installation else 0

    def _from(self, position: int) -> Comparison:
        """The position is written only after the DELETEs it covers, and does not pass a row that is left for later."""
        began_at, deleted, left_at = self.ledger.now(), 0, None
        is_last, head = False, position
        while not is_last:
            batch = read_batch(self.ledger, position)
            rows = self.rows.read_many([(entry.shard, entry.token_key) for entry in batch.entries])
            for entry in batch.entries:
                row = rows.get(entry.token_key)
                if row is not None and entry.revoked_at > began_at - UNDER_WAY:
                    if left_at is None:
                        left_at, head = entry.revoked_at, entry.position - 1
                elif row is not None:
                    deleted += self._finish(row)
            position, is_last = batch.reached, batch.is_last
            head = position if left_at is None else head
        self._advance(head)
        if deleted:
            self.log.warning("revocations_finished", rows=deleted)
        return Comparison(deleted, began_at, left_at)

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
