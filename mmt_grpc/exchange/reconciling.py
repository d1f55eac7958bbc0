"""What the ledger names is deleted, whatever database turns up: nothing brings a revoked row back."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import Installations, Ledger, LedgerEntry, TokenRows
from mmt_grpc.exchange.upstream import UpstreamWork

BATCH: Final = 500
OVERLAP: Final = 600 * MICROSECONDS
"""Writers at other replicas may commit a lower position later: an incremental run looks back this far."""

UNDER_WAY: Final = 15 * MICROSECONDS
"""A Revoke that wrote its entry less than this ago may be about to delete the row, and is to be the one who did: its
caller would be told else that there was no such token.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling:
    """Compares the ledger with the rows."""

    rows: TokenRows
    ledger: Ledger
    installations: Installations
    upstream: UpstreamWork
    log: EventLog

    def in_full(self) -> int:
        """Delete every row that the ledger names; return how many there were."""
        return self._from(0)

    def incrementally(self) -> int:
        """Delete what the ledger names since the position that `installation` remembers, and nobody else has by now."""
        installation, now = self.installations.read(), self.rows.now()
        start = max(0, (installation.ledger_head if installation else 0) - OVERLAP)
        return self._from(start, settled_at=now - UNDER_WAY)

    def _from(self, position: int, *, settled_at: int | None = None) -> int:
        """The position is written only after the DELETEs it covers; what came after `settled_at` is left for later."""
        deleted, limit = 0, BATCH
        while entries := self.ledger.since(position, limit):
            young = next((one for one in entries if settled_at is not None and one.revoked_at > settled_at), None)
            if young is not None:
                entries = [entry for entry in entries if entry.position < young.position]
                deleted += sum(self._finish(entry) for entry in entries)
                position = max(position, young.position - 1)
                break
            deleted += sum(self._finish(entry) for entry in entries)
            last = entries[-1].position
            if len(entries) < limit:
                position = last
                break
            # Positions are not unique: others of the last one may lie beyond the limit, so it is read again.
            limit = BATCH if last - 1 > position else 2 * limit
            position = max(position, last - 1)
        installation = self.installations.read()
        if installation is not None and position > installation.ledger_head:
            self.installations.advance_head(before=installation.ledger_head, after=position)
        if deleted:
            self.log.warning("revocations_finished", rows=deleted)
        return deleted

    def _finish(self, entry: LedgerEntry) -> bool:
        """Delete the row of an entry, its sealed credentials kept for revocation upstream; False if it was gone."""
        found = False
        while (row := self.rows.read(entry.shard, entry.token_key).row) is not None:
            found = True
            self.upstream.hand_over(row)
            self.rows.delete(row)
        return found
