"""The proof that ends a doubt: no row is left that the ledger named when the doubt began."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.ledger_batch import OVERLAP, read_batch
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.store import Ledger, TokenRows
from mmt_grpc.domain.revival_guard import RevivalGuard

SKEW: Final = 5 * MICROSECONDS
"""How far the clocks of the ledger's nodes may be apart."""


@dataclass(slots=True, kw_only=True)
class RevivalProof:
    """Looks for rows that the ledger names, from where the database says that it has been compared.

    What is revoked after the doubt began is deleted from the database as it is now, so the proof has an end: what the
    ledger named by then. A Revoke that was under way at that moment is waited for like any row that came back: its own
    worker, or the exchanger, deletes it soon.
    """

    guard: RevivalGuard
    rows: TokenRows
    ledger: Ledger
    _signs: int = 0
    _reached: int = 0
    _end: int = 0

    def step(self) -> bool:
        """Look through one batch if there is doubt; True if the next may follow at once.

        Raises `StoreUnavailableError`.
        """
        if self.guard.calm:
            return False
        signs, age = self.guard.signs, self.guard.look()
        if age is None or self.guard.is_older or self.guard.is_held:
            return False
        if signs != self._signs:
            self._end = self.ledger.now() + SKEW
            self._reached = max(0, age.ledger_head - OVERLAP)
            self._signs = signs
        batch = read_batch(self.ledger, self._reached)
        entries = [entry for entry in batch.entries if entry.position <= self._end]
        standing = self.rows.read_many([(entry.shard, entry.token_key) for entry in entries])
        for entry in entries:
            if entry.token_key in standing:
                self._reached = entry.position - 1
                return False
        self._reached = batch.reached
        if len(entries) == len(batch.entries) and not batch.is_last:
            return True
        self.guard.settle(signs)
        return False
