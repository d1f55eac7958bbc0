"""Reading the ledger piece by piece, though its positions are not unique."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.store import Ledger, LedgerEntry

BATCH: Final = 500
OVERLAP: Final = 600 * MICROSECONDS
"""Writers at other replicas may commit a lower position later: whoever goes on from a position looks back this far."""


@dataclass(frozen=True, slots=True)
class LedgerBatch:
    """Some entries in order, each of whose positions is there in full; the next batch starts above `reached`."""

    entries: Sequence[LedgerEntry]
    reached: int
    is_last: bool


def read_batch(ledger: Ledger, position: int) -> LedgerBatch:
    """Read about `BATCH` entries above a position; raises as the ledger."""
    limit = BATCH
    while len(entries := ledger.since(position, limit)) == limit:
        last = entries[-1].position
        if last - 1 > position:
            # Others of the last position may lie beyond the limit: it is left to the next batch.
            return LedgerBatch([entry for entry in entries if entry.position < last], last - 1, is_last=False)
        limit *= 2
    return LedgerBatch(entries, entries[-1].position if entries else position, is_last=True)
