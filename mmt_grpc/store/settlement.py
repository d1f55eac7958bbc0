"""The transitions around IN_DOUBT, and the rows that are due: guarded UPDATEs, ranges of indexes."""

from collections.abc import Sequence
from typing import Final

from mmt_grpc.domain.ports.clock import CLOCKS_DIFFER
from mmt_grpc.domain.ports.store import SEEN_FOR
from mmt_grpc.domain.token_row import LAST_OF_A_TOKEN, LEASE, Refreshed, TokenRow, TokenState
from mmt_grpc.store.columns import text
from mmt_grpc.store.recoveries import NOBODY_NAMED_SEEN, RECOVERED
from mmt_grpc.store.refresh import COMMIT, PeeweeRefreshRows
from mmt_grpc.store.rows import ROW_COLUMNS
from mmt_grpc.store.session import Session
from mmt_grpc.store.statement import Row

_ACTIVE: Final = TokenState.ACTIVE.value
_REFRESHING: Final = TokenState.REFRESHING.value
_IN_DOUBT: Final = TokenState.IN_DOUBT.value
_REAUTHENTICATION: Final = TokenState.REAUTHENTICATION.value

_KEY: Final = "shard = :shard AND token_key = :token_key"
_LEASE_DOUBT: Final = (
    f"UPDATE token SET state = {_REFRESHING}, doubt_owner = COALESCE(doubt_owner, lease_owner), "
    "attempt_id = :attempt_id, lease_owner = :owner, lease_until = :lease_until, version = version + 1 "
    f"WHERE {_KEY} AND version = :version AND state = {_IN_DOUBT} "
    "AND (not_before IS NULL OR not_before <= :leased_at) "
    f"AND (:tolerant = 1 OR access_expires_at < :leased_at + {LAST_OF_A_TOKEN}) "
    f"AND {NOBODY_NAMED_SEEN} AND {RECOVERED}"
)
_REDATE_DOUBT: Final = (
    "UPDATE token SET failed_at = {now}, not_before = :not_before, next_refresh_at = :not_before, "
    "access_expires_at = :access_expires_at, "
    "refreshed_at = CASE WHEN COALESCE(refreshed_at, connected_at) > {now} THEN {now} ELSE refreshed_at END, "
    "version = version + 1 "
    f"WHERE {_KEY} AND version = :version AND state = {_IN_DOUBT}"
)
_COMMIT_OWN: Final = f"{COMMIT}attempt_id = :attempt_id AND state <> {_REAUTHENTICATION}"

_NAMED: Final = "(doubt_owner = :owner OR lease_owner = :owner)"
_CLEAR: Final = (
    "UPDATE token SET doubt_owner = CASE WHEN doubt_owner = :owner THEN NULL ELSE doubt_owner END, "
    "lease_owner = CASE WHEN lease_owner = :owner THEN NULL ELSE lease_owner END, version = version + 1 "
    f"WHERE {_KEY} AND generation = :generation AND state <> {_REFRESHING} AND {_NAMED}"
)
_IS_NAMED: Final = f"SELECT 1 FROM token WHERE {_KEY} AND generation = :generation AND {_NAMED}"

_NAMED_BY_LEASE: Final = f"SELECT {ROW_COLUMNS} FROM token WHERE lease_owner = :owner"
_NAMED_BY_DOUBT: Final = f"SELECT {ROW_COLUMNS} FROM token WHERE doubt_owner = :owner"
# The index is named: an optimizer may hold the one on the time alone to be as good, and read past others' rows.
_DUE: Final = (
    f"SELECT {ROW_COLUMNS} FROM token {{by index token_integration_next_refresh_at}} "
    "WHERE integration = :integration AND next_refresh_at <= :due_at "
    f"AND (state = {_ACTIVE} "
    f"OR (state = {_REFRESHING} AND (lease_until <= :due_at OR lease_until > :due_at + {LEASE + CLOCKS_DIFFER})) "
    f"OR (state = {_IN_DOUBT} AND (not_before IS NULL OR not_before <= :due_at) AND {NOBODY_NAMED_SEEN})) "
    "ORDER BY next_refresh_at LIMIT :row_limit"
)
# One after the other, each a step down the index: a DISTINCT would read all of it where an optimizer knows no better.
_NEXT_INTEGRATION: Final = (
    "SELECT integration FROM token WHERE integration > :after_integration ORDER BY integration LIMIT 1"
)
_KEPT_TOO_LONG: Final = (
    f"SELECT shard, token_key, version FROM token WHERE condemned_at < :condemned_before "
    f"AND state = {_REAUTHENTICATION} ORDER BY condemned_at LIMIT :row_limit"
)
_ERASE: Final = (
    "UPDATE token SET renewal_blob = NULL, condemned_at = NULL, version = version + 1 "
    f"WHERE {_KEY} AND version = :version AND state = {_REAUTHENTICATION}"
)


class PeeweeSettlementRows(PeeweeRefreshRows):
    """`SettlementRows` on a database."""

    def lease_doubt(
        self, row: TokenRow, *, attempt_id: bytes, owner: bytes, lease_for: int, tolerant: bool
    ) -> int | None:
        return self._take(
            _LEASE_DOUBT, row, attempt_id=attempt_id, owner=owner, lease_for=lease_for, tolerant=int(tolerant)
        )

    def redate_doubt(self, row: TokenRow, *, not_before: int, access_expires_at: int | None) -> bool:
        values = {
            "shard": row.shard,
            "token_key": row.binding.token_key,
            "version": row.version,
            "not_before": not_before,
            "access_expires_at": access_expires_at,
        }
        return self._execution.write(lambda session: bool(session.change(_REDATE_DOUBT, **values)))

    def commit_answer(self, row: TokenRow, *, attempt_id: bytes, refreshed: Refreshed) -> bool:
        return self._commit(_COMMIT_OWN, row, attempt_id, refreshed)

    def clear_owner(self, row: TokenRow, *, owner: bytes) -> bool:
        values = {
            "shard": row.shard,
            "token_key": row.binding.token_key,
            "generation": row.binding.generation,
            "owner": owner,
        }

        def work(session: Session) -> bool:
            return bool(session.change(_CLEAR, **values)) or session.row(_IS_NAMED, **values) is None

        return self._execution.write(work)

    def named(self, owner: bytes) -> Sequence[TokenRow]:
        # A name moves from the lease to the doubt and never back: read in this order, no row is missed in between.
        def work(session: Session) -> Sequence[TokenRow]:
            by_lease = session.rows(_NAMED_BY_LEASE, owner=owner)
            by_doubt = session.rows(_NAMED_BY_DOUBT, owner=owner)
            rows = self._parser.parsed((*by_lease, *by_doubt))
            return list({(row.shard, row.binding.token_key): row for row in rows}.values())

        return self._execution.read(work)

    def due(self, integration: str, limit: int) -> Sequence[TokenRow]:
        # Those that nobody here can make sense of stay due: they are not to use the batch up.
        most = limit + self._parser.left_out(integration)

        def work(session: Session) -> Sequence[Row]:
            now = session.now()
            return session.rows(_DUE, integration=integration, due_at=now, seen_after=now - SEEN_FOR, row_limit=most)

        return self._parser.parsed(self._execution.read(work))[:limit]

    def integrations(self) -> Sequence[str]:
        def work(session: Session) -> Sequence[str]:
            names: list[str] = []
            while (row := session.row(_NEXT_INTEGRATION, after_integration=names[-1] if names else "")) is not None:
                names.append(text(row[0]))
            return names

        return self._execution.read(work)

    def erase_renewals(self, older_than: int, limit: int) -> int:
        def work(session: Session) -> int:
            kept = session.rows(_KEPT_TOO_LONG, condemned_before=session.now() - older_than, row_limit=limit)
            return sum(
                session.change(_ERASE, shard=shard, token_key=token_key, version=version)
                for shard, token_key, version in kept
            )

        erased = self._execution.write(work)
        if erased:
            self._after_delete()
        return erased
