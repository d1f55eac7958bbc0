"""Condemned rows, and their way back after an exchange's bad day: a range of an index, guarded UPDATEs.

Why a refresh token that was refused may be sent again: the row has no doubt, so every POST of this generation was
answered, and each answer said that nothing was spent; there is none whose answer could still turn up. What was refused
without being spent is as good as before. A token that really is dead is refused again and condemned again: it costs one
request. Where there is a doubt, an earlier POST may have spent the token, and to send it again would end what that POST
began; so neither such a row nor a rotation that was lost comes back but by a Connect.
"""

from collections.abc import Sequence
from typing import Final

from mmt_grpc.domain.errors import RowUnparsableError
from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.ports.store import Condemned
from mmt_grpc.domain.token_row import TokenRow, TokenState
from mmt_grpc.store.events import Event
from mmt_grpc.store.rows import REASONS, ROW_COLUMNS, token_row
from mmt_grpc.store.session import Session
from mmt_grpc.store.settlement import PeeweeSettlementRows
from mmt_grpc.store.statement import Row

_ACTIVE: Final = TokenState.ACTIVE.value
_REAUTHENTICATION: Final = TokenState.REAUTHENTICATION.value
_PROVIDER_REVOKED: Final = {cause: number for number, cause in REASONS.items()}[Cause.PROVIDER_REVOKED]
_FIRST_SHARD: Final = -1
_NO_KEY: Final = bytes(32)

# Pages by the index's own order: what is reinstated leaves the range, what is not stays in it.
_CONDEMNED: Final = (
    f"SELECT condemned_at, {ROW_COLUMNS} FROM token {{by index token_condemned_at}} "
    "WHERE condemned_at >= :since AND condemned_at < :condemned_before "
    "AND (condemned_at > :since OR shard > :after_shard OR (shard = :after_shard AND token_key > :token_key)) "
    f"AND integration = :integration AND state = {_REAUTHENTICATION} AND renewal_blob IS NOT NULL "
    "ORDER BY condemned_at, shard, token_key LIMIT :row_limit"
)
_REINSTATE: Final = (
    f"UPDATE token SET state = {_ACTIVE}, reason = NULL, condemned_at = NULL, not_before = NULL, failures = 0, "
    "last_failure = NULL, failed_at = NULL, next_refresh_at = {now} + :wait, version = version + 1 "
    "WHERE shard = :shard AND token_key = :token_key AND version = :version "
    f"AND state = {_REAUTHENTICATION} AND reason = {_PROVIDER_REVOKED} AND doubt IS NULL AND doubt_owner IS NULL "
    "AND renewal_blob IS NOT NULL AND condemned_at = :condemned_at"
)


class PeeweeReinstatementRows(PeeweeSettlementRows):
    """`ReinstatementRows` on a database."""

    def condemned(
        self, integration: str, *, since: int, before: int, behind: Condemned | None, limit: int
    ) -> Sequence[Condemned]:
        values = {
            "integration": integration,
            "since": since if behind is None else behind.condemned_at,
            "condemned_before": before,
            "after_shard": _FIRST_SHARD if behind is None else behind.shard,
            "token_key": _NO_KEY if behind is None else behind.token_key,
            "row_limit": limit,
        }
        return [_condemned(row) for row in self._execution.read(lambda session: session.rows(_CONDEMNED, **values))]

    def reinstate(self, waits: Sequence[tuple[Condemned, int]]) -> Sequence[TokenRow]:
        def work(session: Session) -> Sequence[TokenRow]:
            changed = [row for found, wait in waits if (row := self._reinstate(session, found, wait)) is not None]
            now = session.now() if changed else 0
            for row in changed:
                self._outbox.add(session, Event.REINSTATED, shard=row.shard, binding=row.binding, at=now)
            return changed

        return self._execution.write(work)

    def _reinstate(self, session: Session, found: Condemned, wait: int) -> TokenRow | None:
        row = found.row
        if row is None:
            return None
        values = {"shard": row.shard, "token_key": row.binding.token_key, "version": row.version}
        changed = session.change(_REINSTATE, **values, condemned_at=found.condemned_at, wait=wait)
        return row if changed else None


def _condemned(row: Row) -> Condemned:
    condemned_at, shard, token_key = row[:3]
    try:
        return Condemned(shard, token_key, condemned_at, token_row(row[1:]))
    except RowUnparsableError:
        return Condemned(shard, token_key, condemned_at, None)
