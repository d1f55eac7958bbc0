"""Revoke: the ledger first, then the row, then the exchange. Revoked means revoked."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain import scope_rule, token_id
from mmt_grpc.domain.auditing import trail
from mmt_grpc.domain.callers import Method
from mmt_grpc.domain.errors import MmtError, StoreOutcomeUnknownError, TokenNotFoundError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.model import MICROSECONDS, Upstream
from mmt_grpc.domain.ports.audit import Audit
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.exchanger import CallContext, Exchanger, StagedRevocation
from mmt_grpc.domain.ports.sealing import Index
from mmt_grpc.domain.ports.store import Ledger, TokenRows
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.domain.verbs import Call, Revoked
from mmt_grpc.domain.waiting_room import WaitingRoom

STAGE_PATIENCE: Final = 3 * MICROSECONDS
"""How long the deletion of a row waits for an exchanger to take over what is to be revoked upstream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """Deletes a row at once and for good, whatever state it is in, and whether or not it can be opened."""

    rows: TokenRows
    ledger: Ledger
    index: Index
    guard: RevivalGuard
    exchanger: Exchanger
    audit: Audit
    clock: Clock
    waiting_room: WaitingRoom
    failpoints: Failpoints

    def __call__(self, call: Call, text: str) -> Revoked:
        """Revoke a normalised token id; raises `TokenNotFoundError`, `ScopeMismatchError`.

        A row that the ledger names already is deleted like any other. `StoreUnavailableError` if the database is
        another installation's: what is not there is taken for done, and it would live on in the right one.
        """
        with trail(self.audit, call, Method.REVOKE) as entries:
            key = self.index.token_key(call.client_id, text)
            entries.know(token_key=key)
            calm, row = self.guard.calm, self.rows.read(token_id.shard_of(text), key).row
            self.guard.check(calm, None)
            if row is None:
                raise TokenNotFoundError
            binding = row.binding
            entries.know(integration=binding.integration, generation=binding.generation)
            scope_rule.check(token=binding.scope, caller=call.caller.scope, required=binding.scope)
            entries.intend()
            self.failpoints.reach("revoke.before_ledger")
            self.ledger.record(row.shard, key)
            self.failpoints.reach("revoke.after_ledger")
            revoked = self._end(call, row)
            entries.succeed()
            return revoked

    def _end(self, call: Call, row: TokenRow) -> Revoked:
        """Delete, however often the row moves under it; the newest sealed credentials are what is revoked upstream."""
        unsure = False
        while True:
            # Without an exchanger the row is deleted all the same, and soon.
            staged = self._stage(call, row, STAGE_PATIENCE)
            self.failpoints.reach("revoke.after_stage")
            try:
                revoked_at = self.rows.delete(row)
            except StoreOutcomeUnknownError:
                revoked_at, unsure = None, True
            if revoked_at is None:
                seen = self.rows.read(row.shard, row.binding.token_key)
                if seen.row is not None:
                    call.remaining(self.clock)
                    row = seen.row
                    continue
                if not unsure:
                    raise TokenNotFoundError
                revoked_at = seen.now
            self.failpoints.reach("revoke.after_delete")
            return Revoked(revoked_at, self._tell(call, row, staged=staged))

    def _stage(self, call: Call, row: TokenRow, patience: int) -> bool:
        """Hand the sealed credentials over; return whether that could be done within `patience`, and the call's."""
        context = self._context(call, patience)
        staged = StagedRevocation(
            shard=row.shard,
            binding=row.binding,
            sealed=row.sealed,
            account_key=row.account_key,
            unsettled=row.is_unsettled,
        )
        try:
            self.exchanger.stage_revocation(context, staged)
        except MmtError:
            return False
        return True

    def _tell(self, call: Call, row: TokenRow, *, staged: bool) -> Upstream:
        """Wait for the exchange's word; where too many do so already, the exchanger goes on with it by itself.

        An exchanger that was away has as long as the caller has to come back: nobody else knows what to revoke.
        """
        binding = row.binding
        with self.waiting_room.place(binding.integration) as placed:
            if not placed or not (staged or self._stage(call, row, call.patience(self.clock))):
                return Upstream.FAILED
            context = self._context(call, call.patience(self.clock))
            try:
                return self.exchanger.complete_revocation(context, shard=row.shard, token_key=binding.token_key)
            except MmtError:
                return Upstream.FAILED

    def _context(self, call: Call, patience: int) -> CallContext:
        """Return what the exchanger is told of the call: nothing is waited for beyond that, or the call's own end."""
        return CallContext(call.call_id, call.caller.name, min(patience, call.patience(self.clock)))
