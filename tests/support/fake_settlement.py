"""The transitions around IN_DOUBT in memory, and the rows that are due."""

from collections.abc import Sequence
from dataclasses import replace

from mmt_grpc.domain.ports.store import SEEN_FOR
from mmt_grpc.domain.token_row import LAST_OF_A_TOKEN, Refreshed, TokenRow, TokenState
from tests.support.fake_rows import FakeRefreshRows


class FakeSettlementRows(FakeRefreshRows):
    """`SettlementRows`."""

    def lease_doubt(
        self, row: TokenRow, *, attempt_id: bytes, owner: bytes, lease_for: int, tolerant: bool
    ) -> int | None:
        with self._lock:
            now, current = self.now(), self._current(row)
            if current is None or current.version != row.version or not self._may_be_retried(current, now):
                return None
            expires_at = current.access_expires_at
            if not tolerant and (expires_at is None or expires_at >= now + LAST_OF_A_TOKEN):
                return None
            return self._take(
                replace(current, doubt_owner=current.doubt_owner or current.lease_owner),
                now,
                attempt_id=attempt_id,
                owner=owner,
                lease_for=lease_for,
            )

    def redate_doubt(self, row: TokenRow, *, not_before: int, access_expires_at: int | None) -> bool:
        with self._lock:
            now, current = self.now(), self._current(row)
            if current is None or current.version != row.version or current.state is not TokenState.IN_DOUBT:
                return False
            self._put(
                current,
                failed_at=now,
                not_before=not_before,
                next_refresh_at=not_before,
                access_expires_at=access_expires_at,
                refreshed_at=now if current.came_at > now else current.refreshed_at,
            )
            return True

    def commit_answer(self, row: TokenRow, *, attempt_id: bytes, refreshed: Refreshed) -> bool:
        with self._lock:
            current = self._attempted(row, attempt_id)
            if current is None or current.state is TokenState.REAUTHENTICATION:
                return False
            self._commit(current, refreshed)
            return True

    def clear_owner(self, row: TokenRow, *, owner: bytes) -> bool:
        with self._lock:
            current = self._current(row)
            if current is None or current.binding.generation != row.binding.generation:
                return True
            if owner not in (current.doubt_owner, current.lease_owner):
                return True
            if current.state is TokenState.REFRESHING:
                return False
            self._put(
                current,
                doubt_owner=None if current.doubt_owner == owner else current.doubt_owner,
                lease_owner=None if current.lease_owner == owner else current.lease_owner,
            )
            return True

    def named(self, owner: bytes) -> Sequence[TokenRow]:
        with self._lock:
            return [row for row in self.rows.values() if owner in (row.lease_owner, row.doubt_owner)]

    def due(self, integration: str, limit: int) -> Sequence[TokenRow]:
        with self._lock:
            now = self.now()
            kept = [row for row in self.rows.values() if row.binding.integration == integration]
            passed = [(row.next_refresh_at, row) for row in kept if row.next_refresh_at is not None]
            due = [(at, row) for at, row in passed if at <= now and self._wants_work(row, now)]
            return [row for _, row in sorted(due, key=lambda found: found[0])][:limit]

    def integrations(self) -> Sequence[str]:
        with self._lock:
            return sorted({row.binding.integration for row in self.rows.values()})

    def erase_renewals(self, older_than: int, limit: int) -> int:
        with self._lock:
            before = self.now() - older_than
            kept = [
                (row.failed_at, row)
                for row in self.rows.values()
                if row.state is TokenState.REAUTHENTICATION and row.sealed.renewal_blob is not None
            ]
            old = sorted([(at, row) for at, row in kept if at is not None and at < before], key=lambda found: found[0])
            for _, row in old[:limit]:
                self._put(row, sealed=replace(row.sealed, renewal_blob=None))
            return len(old[:limit])

    def _wants_work(self, row: TokenRow, now: int) -> bool:
        return row.state is TokenState.ACTIVE or row.lease_is_over(now) or self._may_be_retried(row, now)

    def _may_be_retried(self, row: TokenRow, now: int) -> bool:
        """Whether a row is IN_DOUBT, has waited, and names no replica that was seen lately."""
        named = [owner for owner in (row.doubt_owner, row.lease_owner) if owner is not None]
        seen = any(self._registry.was_seen(owner, now - SEEN_FOR) for owner in named)
        return row.state is TokenState.IN_DOUBT and not row.backs_off(now) and not seen
