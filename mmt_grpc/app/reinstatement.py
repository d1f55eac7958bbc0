"""The composition root of `mmt token reinstate`: what an exchange condemned on a bad day is refreshed again.

It is safe because of the rows that are chosen: `mmt_grpc.store.reinstatement` says why.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mmt_grpc.app.administration import Administration, RefusedError
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.domain.auditing import FAILED, Trail
from mmt_grpc.domain.errors import MmtError, StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS, Cause
from mmt_grpc.domain.ports.audit import Audit, AuditRecord, Phase
from mmt_grpc.domain.ports.clock import Randomness
from mmt_grpc.domain.ports.store import Condemned
from mmt_grpc.domain.token_row import TokenRow, TokenState

OWN_WORK: Final = "mmt"
METHOD: Final = "Reinstate"
BATCH: Final = 100
"""Rows per transaction: a cluster ships each transaction whole, and everybody else writes beside it."""
SPREAD: Final = 15 * 60 * MICROSECONDS
"""Over how long the refreshes are spread: an exchange that has just recovered is not to get all of them at once."""


@dataclass(slots=True)
class Reinstated:
    """How many rows were found, of those how many may come back and did, and why the others were left alone."""

    found: int = 0
    reinstatable: int = 0
    reinstated: int = 0
    left_in_doubt: int = 0
    """An earlier POST may have spent the token: a doubt, or a rotation that was lost."""
    left_revoked: int = 0
    """The ledger names them: a backup has brought them back, and they are about to be deleted."""
    left_unknown: int = 0
    """Another version's: this one cannot make sense of them."""
    left_changed: int = 0
    """Connected again, revoked or erased meanwhile."""


@dataclass(slots=True, kw_only=True)
class Reinstatement:
    """The rows of an integration that were condemned from `since` on and before `before` (Unix microseconds).

    Times are the database's. `on_batch` is told the counts after each batch.
    """

    administration: Administration
    integration: str
    since: int
    before: int
    on_batch: Callable[[Reinstated], None] = lambda _: None
    counts: Reinstated = field(default_factory=Reinstated)
    randomness: Randomness = field(default_factory=SystemRandomness)

    def look(self) -> Reinstated:
        """Count what would come back; changes nothing."""
        return self._each(_nothing, self._end())

    def reinstate(self, audit: Audit) -> Reinstated:
        """Bring back what may come back, audited before, and after by row.

        Raises `RefusedError` for a time that is none, the `UnavailableError` of the store, the ledger or the audit log:
        what has come back by then has, and is not found by the next try.
        """
        end = self._end()
        record = AuditRecord(
            call_id=str(uuid.uuid4()),
            caller=OWN_WORK,
            client_id="",
            method=METHOD,
            phase=Phase.INTENT,
            integration=self.integration,
        )
        entries = Trail(audit, record)
        entries.intend()
        try:
            counts = self._each(lambda chosen: self._bring_back(chosen, entries), end)
        except MmtError as error:
            entries.fail(FAILED, error.reason)
            raise
        entries.succeed()
        return counts

    def _end(self) -> int:
        """Return the end of the time: what this very run has condemned again is not to be found by it."""
        end = min(self.before, self.administration.store.tokens.now())
        if end <= self.since:
            raise RefusedError("that time is over before it begins, or has yet to come")
        return end

    def _each(self, act: Callable[[Sequence[Condemned]], None], end: int) -> Reinstated:
        tokens, behind = self.administration.store.tokens, None
        while page := tokens.condemned(self.integration, since=self.since, before=end, behind=behind, limit=BATCH):
            chosen = [found for found in page if self._may_come_back(found)]
            self.counts.found += len(page)
            self.counts.reinstatable += len(chosen)
            if chosen:
                act(chosen)
            self.on_batch(self.counts)
            behind = page[-1]
        return self.counts

    def _may_come_back(self, found: Condemned) -> bool:
        """Judge a row that was just read; the statement that brings it back tests all but the ledger again."""
        row = found.row
        if row is None:
            self.counts.left_unknown += 1
        elif row.reason is not Cause.PROVIDER_REVOKED or row.doubt is not None or row.doubt_owner is not None:
            self.counts.left_in_doubt += 1
        elif self.administration.ledger.contains(row.binding.token_key):
            # Asked after the row was read: a Revoke that comes later deletes the row, reinstated or not.
            self.counts.left_revoked += 1
        else:
            return True
        return False

    def _bring_back(self, chosen: Sequence[Condemned], entries: Trail) -> None:
        changed = self._written(chosen)
        self.counts.reinstated += len(changed)
        self.counts.left_changed += len(chosen) - len(changed)
        for row in changed:
            binding = row.binding
            known = replace(
                entries.record,
                token_key=binding.token_key,
                generation=binding.generation,
                key_epoch=row.sealed.key_epoch,
            )
            Trail(entries.audit, known).succeed()

    def _written(self, chosen: Sequence[Condemned]) -> Sequence[TokenRow]:
        """Reinstate a batch and return the rows that were; where the outcome is not known it is read back."""
        tokens = self.administration.store.tokens
        waits = [(found, self.randomness.jitter(0, SPREAD)) for found in chosen]
        try:
            return tokens.reinstate(waits)
        except StoreOutcomeUnknownError:
            rows = [found.row for found in chosen if found.row is not None]
            standing = tokens.read_many([(row.shard, row.binding.token_key) for row in rows])
        changed = [row for row in rows if _has_come_back(row, standing.get(row.binding.token_key))]
        if not changed:
            raise StoreUnavailableError
        return changed


def _has_come_back(before: TokenRow, standing: TokenRow | None) -> bool:
    """Whether a row is reinstated, or was and has been refreshed since: the batch was one transaction."""
    return (
        standing is not None
        and standing.version > before.version
        and standing.grant_number == before.grant_number
        and standing.state is not TokenState.REAUTHENTICATION
    )


def _nothing(chosen: Sequence[Condemned]) -> None:
    del chosen
