"""Resolve: a usable credential for a token id. What leaves is in the audit log first."""

import hmac
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain import end_user, scope_rule, token_id
from mmt_grpc.domain.auditing import Trail, trail
from mmt_grpc.domain.callers import Method
from mmt_grpc.domain.errors import InvalidRequestError, TokenNotFoundError, Violation
from mmt_grpc.domain.freshness import Freshness, Seen
from mmt_grpc.domain.model import MICROSECONDS, Identity
from mmt_grpc.domain.ports.audit import Audit
from mmt_grpc.domain.ports.sealing import AccessSealing, Index
from mmt_grpc.domain.ports.store import AccessRows, Reading
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.token_row import AccessRow
from mmt_grpc.domain.verbs import Call, Resolved, ResolveQuery

LONGEST_USE: Final = 60 * MICROSECONDS
"""How long a caller may cache an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """Reads the row, has it refreshed where needed, opens the access credential, audits, answers."""

    rows: AccessRows
    index: Index
    sealing: AccessSealing
    guard: RevivalGuard
    freshness: Freshness
    audit: Audit

    def __call__(self, call: Call, query: ResolveQuery) -> Resolved:
        """Resolve; checks existence, end user and scope in this order."""
        with trail(self.audit, call, Method.RESOLVE) as entries:
            if query.end_user_id is not None and (flaw := end_user.flaw(query.end_user_id)):
                raise InvalidRequestError(Violation("end_user_id", flaw))
            key = self.index.token_key(call.client_id, query.token_id)
            entries.know(token_key=key)
            calm = self.guard.calm
            first = self.rows.read_access(token_id.shard_of(query.token_id), key)
            self.guard.check(calm, None if first.row is None else key)
            if first.row is None or not self._is_end_users(call.client_id, query.end_user_id, first.row):
                raise TokenNotFoundError
            entries.know(integration=first.row.binding.integration, generation=first.row.binding.generation)
            scope_rule.check(token=first.row.binding.scope, caller=call.caller.scope, required=query.required)
            return self._hand_out(entries, self._fresh(call, query, Reading(first.row, first.now), calm))

    def _fresh(self, call: Call, query: ResolveQuery, first: Seen, calm: int) -> Seen:
        """Return what may leave now; a row that was read again, or over which doubt has come, is examined again."""
        try:
            seen = self.freshness.ensure(call, query, first)
        except TokenNotFoundError:
            self.guard.check(calm, None)
            raise
        if self.guard.calm != calm or (not calm and seen.row is not first.row):
            self.guard.examine(first.row.binding.token_key)
        return seen

    def _is_end_users(self, client_id: str, end_user_id: str | None, row: AccessRow) -> bool:
        if end_user_id is None:
            return True
        binding = row.binding
        identity = Identity(client_id, end_user_id, binding.integration, binding.scope)
        return hmac.compare_digest(self.index.identity_key(identity), binding.identity_key)

    def _hand_out(self, entries: Trail, seen: Seen) -> Resolved:
        row = seen.row
        credential = self.sealing.open_access(row)
        entries.know(generation=row.binding.generation, key_epoch=row.key_epoch)
        entries.succeed()
        use_until = seen.now + LONGEST_USE
        return Resolved(
            credential=credential,
            integration=row.binding.integration,
            scope=row.binding.scope,
            expires_at=row.access_expires_at,
            use_until=use_until if row.access_expires_at is None else min(use_until, row.access_expires_at),
            generation=row.binding.generation,
        )
