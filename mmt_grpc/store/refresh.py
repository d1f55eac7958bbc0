"""The transitions of a refresh: guarded UPDATEs, never an INSERT, so that nothing revoked comes back.

A server assigns columns in the order written, each from what the ones before it became; SQLite assigns all of them from
what was there. So a column is written only after every expression that reads it.
"""

from typing import Final

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.ports.store import SEEN_FOR
from mmt_grpc.domain.token_row import Refreshed, TokenRow, TokenState
from mmt_grpc.store.events import Event
from mmt_grpc.store.recoveries import RECOVERED
from mmt_grpc.store.rows import REASONS
from mmt_grpc.store.session import Session
from mmt_grpc.store.tokens import PeeweeTokenRows

_ACTIVE: Final = TokenState.ACTIVE.value
_REFRESHING: Final = TokenState.REFRESHING.value
_IN_DOUBT: Final = TokenState.IN_DOUBT.value
_REAUTHENTICATION: Final = TokenState.REAUTHENTICATION.value
_NUMBERS: Final = {cause: number for number, cause in REASONS.items()}
_ROTATION_LOST: Final = _NUMBERS[Cause.ROTATION_LOST]
_PROVIDER_REVOKED: Final = _NUMBERS[Cause.PROVIDER_REVOKED]

_KEY: Final = "shard = :shard AND token_key = :token_key"
_ATTEMPT: Final = f"{_KEY} AND attempt_id = :attempt_id AND generation = :generation"

_LEASE: Final = (
    f"UPDATE token SET state = {_REFRESHING}, attempt_id = :attempt_id, lease_owner = :owner, "
    "lease_until = :lease_until, version = version + 1 "
    f"WHERE {_KEY} AND version = :version AND state = {_ACTIVE} AND {RECOVERED}"
)
_SEEN: Final = "UPDATE replica SET seen_at = :seen_at WHERE owner = :owner"

_FAILED: Final = "last_failure = :last_failure, failed_at = {now}, "
_MOVED_ON: Final = (
    "not_before = :not_before, failures = failures + 1, "
    "next_refresh_at = CASE WHEN next_refresh_at < :not_before THEN :not_before ELSE next_refresh_at END, "
)
# A doubt is settled though nobody asks for the token: one that is refreshed on demand only, or was due later, as well.
_DUE_AGAIN: Final = "not_before = :not_before, failures = failures + 1, next_refresh_at = :not_before, "

# A never sent attempt is itself the doubt only where its lease ran out and somebody else put the row IN_DOUBT.
_SETTLED: Final = "doubt IS NULL OR (doubt = :attempt_id AND :never_sent = 1)"
_RELEASE: Final = (
    f"UPDATE token SET state = CASE WHEN {_SETTLED} THEN {_ACTIVE} ELSE {_IN_DOUBT} END, "
    f"doubt_owner = CASE WHEN {_SETTLED} THEN NULL ELSE doubt_owner END, "
    f"doubt = CASE WHEN {_SETTLED} THEN NULL ELSE doubt END, "
    f"attempt_id = NULL, lease_owner = NULL, lease_until = NULL, {_MOVED_ON}{_FAILED}version = version + 1 "
    f"WHERE {_ATTEMPT} AND state IN ({_REFRESHING}, {_IN_DOUBT})"
)
COMMIT: Final = (  # where what follows holds
    f"UPDATE token SET state = {_ACTIVE}, reason = NULL, generation = generation + :steps, version = version + 1, "
    "attempt_id = NULL, lease_owner = NULL, lease_until = NULL, doubt = NULL, doubt_owner = NULL, "
    "not_before = NULL, failures = 0, last_failure = NULL, failed_at = NULL, condemned_at = NULL, "
    "refreshed_at = :refreshed_at, access_expires_at = :access_expires_at, "
    "renewal_expires_at = :renewal_expires_at, next_refresh_at = :next_refresh_at, "
    "access_blob = :access_blob, renewal_blob = :renewal_blob "
    f"WHERE {_KEY} AND generation = :generation AND "
)
_COMMIT_PROBED: Final = f"{COMMIT}(attempt_id = :attempt_id OR state <> {_REFRESHING})"
_DOUBT: Final = (
    f"UPDATE token SET state = {_IN_DOUBT}, doubt = COALESCE(doubt, :attempt_id), {{owners}}"
    f"lease_until = NULL, {_DUE_AGAIN}{_FAILED}version = version + 1 "
    f"WHERE {_ATTEMPT} AND state = {_REFRESHING} AND doubt_owner IS "
)
# Two statements, of which at most one finds the row: no single one could swap the owners alike on every database.
_DOUBT_FIRST: Final = _DOUBT.replace("{owners}", "doubt_owner = lease_owner, lease_owner = NULL, ") + "NULL"
_DOUBT_AGAIN: Final = _DOUBT.replace("{owners}", "") + "NOT NULL"
_CONDEMN: Final = (
    f"UPDATE token SET state = {_REAUTHENTICATION}, "
    f"reason = CASE WHEN doubt <> :attempt_id THEN {_ROTATION_LOST} ELSE {_PROVIDER_REVOKED} END, "
    "attempt_id = NULL, lease_owner = NULL, lease_until = NULL, next_refresh_at = NULL, "
    f"condemned_at = {{now}}, {_FAILED}version = version + 1 "
    f"WHERE {_ATTEMPT}"
)


class PeeweeRefreshRows(PeeweeTokenRows):
    """`RefreshRows` on a database."""

    def lease(self, row: TokenRow, *, attempt_id: bytes, owner: bytes, lease_for: int) -> int | None:
        return self._take(_LEASE, row, attempt_id=attempt_id, owner=owner, lease_for=lease_for)

    def release(
        self, row: TokenRow, *, attempt_id: bytes, not_before: int, never_sent: bool, failure: str | None = None
    ) -> bool:
        values = {
            **_attempt(row, attempt_id),
            "not_before": not_before,
            "never_sent": int(never_sent),
            "last_failure": failure,
        }
        return self._execution.write(lambda session: bool(session.change(_RELEASE, **values)))

    def commit_refresh(self, row: TokenRow, *, attempt_id: bytes, refreshed: Refreshed) -> bool:
        return self._commit(_COMMIT_PROBED, row, attempt_id, refreshed)

    def doubt(self, row: TokenRow, *, attempt_id: bytes, not_before: int, failure: str | None = None) -> bool:
        values = {**_attempt(row, attempt_id), "not_before": not_before, "last_failure": failure}

        def work(session: Session) -> bool:
            if not (session.change(_DOUBT_FIRST, **values) or session.change(_DOUBT_AGAIN, **values)):
                return False
            self._outbox.add(session, Event.DOUBTED, shard=row.shard, binding=row.binding, at=session.now())
            return True

        return self._execution.write(work)

    def condemn(self, row: TokenRow, *, attempt_id: bytes, failure: str | None = None) -> bool:
        def work(session: Session) -> bool:
            if not session.change(_CONDEMN, **_attempt(row, attempt_id), last_failure=failure):
                return False
            event = Event.CONDEMNED if row.doubt in (None, attempt_id) else Event.ROTATION_LOST
            self._outbox.add(session, event, shard=row.shard, binding=row.binding, at=session.now())
            return True

        return self._execution.write(work)

    def _take(
        self, sql: str, row: TokenRow, *, attempt_id: bytes, owner: bytes, lease_for: int, **conditions: int
    ) -> int | None:
        """Lease a row by the statement that tests whether it may be; its owner was seen then."""

        def work(session: Session) -> int | None:
            now = session.now()
            leased = session.change(
                sql,
                shard=row.shard,
                token_key=row.binding.token_key,
                version=row.version,
                attempt_id=attempt_id,
                owner=owner,
                lease_until=now + lease_for,
                leased_at=now,
                seen_after=now - SEEN_FOR,
                **conditions,
            )
            if not leased:
                return None
            session.change(_SEEN, owner=owner, seen_at=now)
            return now

        return self._execution.write(work)

    def _commit(self, sql: str, row: TokenRow, attempt_id: bytes, refreshed: Refreshed) -> bool:
        """Write what a refresh brought by the statement that tests whether it still may be."""
        values = {
            **_attempt(row, attempt_id),
            "access_blob": refreshed.access_blob,
            "renewal_blob": refreshed.renewal_blob,
            "access_expires_at": refreshed.access_expires_at,
            "renewal_expires_at": refreshed.renewal_expires_at,
            "next_refresh_at": refreshed.next_refresh_at,
            "steps": refreshed.steps,
        }

        def work(session: Session) -> bool:
            now = session.now()
            # A clock that is set back before this is written has its times recognized by the one that they count from.
            if not session.change(sql, **values, refreshed_at=max(now, refreshed.sent_at)):
                return False
            self._outbox.add(
                session, Event.REFRESHED, shard=row.shard, binding=row.binding, at=now, step=refreshed.steps
            )
            return True

        return self._execution.write(work)


def _attempt(row: TokenRow, attempt_id: bytes) -> dict[str, object]:
    return {
        "shard": row.shard,
        "token_key": row.binding.token_key,
        "attempt_id": attempt_id,
        "generation": row.binding.generation,
    }
