"""CheckScope: whether Resolve would hand the token out for a scope. It opens no credential."""

from dataclasses import dataclass

from mmt_grpc.domain import scope_rule, token_id
from mmt_grpc.domain.auditing import trail
from mmt_grpc.domain.callers import Method
from mmt_grpc.domain.errors import TokenNotFoundError
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.ports.audit import Audit
from mmt_grpc.domain.ports.sealing import AccessSealing, Index
from mmt_grpc.domain.ports.store import AccessRows
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.verbs import Call, ScopeAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckScope:
    """Answers CheckScope from the row and its sealed metadata, which a changed scope column does not fit."""

    rows: AccessRows
    index: Index
    sealing: AccessSealing
    guard: RevivalGuard
    audit: Audit

    def __call__(self, call: Call, text: str, required: Scope) -> ScopeAnswer:
        """Answer for a normalised token id; raises `TokenNotFoundError`, `CredentialUnreadableError`."""
        with trail(self.audit, call, Method.CHECK_SCOPE) as entries:
            key = self.index.token_key(call.client_id, text)
            entries.know(token_key=key)
            calm = self.guard.calm
            row = self.rows.read_access(token_id.shard_of(text), key, metadata=True).row
            self.guard.check(calm, None if row is None else key)
            if row is None:
                raise TokenNotFoundError
            entries.know(integration=row.binding.integration, generation=row.binding.generation)
            token = self.sealing.open_metadata(row).identity.scope
            caller = call.caller.scope
            answer = ScopeAnswer(
                allowed=scope_rule.permits(token=token, caller=caller, required=required),
                granted=scope_rule.granted_scope(token=token, caller=caller),
            )
            entries.succeed()
            return answer
