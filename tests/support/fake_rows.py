"""Rows of `token` in memory, and the transitions of a refresh."""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.ports.store import SEEN_FOR, Reading
from mmt_grpc.domain.token_row import AccessRow, Refreshed, TokenRow, TokenState
from tests.support.fake_row_states import access_row, due_again, moved_on, settled

Key = tuple[int, bytes]


@dataclass
class FakeClock:
    """The database's clock: the real one, moved by `shift` microseconds."""

    shift: int = 0
    source: Callable[[], int] = lambda: time.time_ns() // 1000

    def now(self) -> int:
        return self.source() + self.shift


@dataclass(frozen=True)
class FakeEvent:
    """A row of the outbox."""

    kind: str
    token_key: bytes
    generation: int
    at: int


class Registry(Protocol):
    """What rows ask of the replicas."""

    def see(self, owner: bytes, now: int) -> None: ...

    def was_seen(self, owner: bytes, after: int) -> bool: ...

    def have_recovered(self, after: int) -> bool: ...


class FakeRefreshRows:
    """`RefreshRows`; `rows` and `events` are open to tests."""

    def __init__(self, *, clock: FakeClock, registry: Registry) -> None:
        self.rows: dict[Key, TokenRow] = {}
        self.events: list[FakeEvent] = []
        self._clock = clock
        self._registry = registry
        self._lock = threading.RLock()

    def now(self) -> int:
        return self._clock.now()

    def read_access(self, shard: int, token_key: bytes, *, metadata: bool = False) -> Reading[AccessRow | None]:
        row = self.rows.get((shard, token_key))
        return Reading(None if row is None else access_row(row, metadata=metadata), self.now())

    def read(self, shard: int, token_key: bytes) -> Reading[TokenRow | None]:
        return Reading(self.rows.get((shard, token_key)), self.now())

    def read_many(self, keys: Collection[tuple[int, bytes]]) -> Mapping[bytes, TokenRow]:
        return {key: self.rows[shard, key] for shard, key in keys if (shard, key) in self.rows}

    def read_identity(self, shard: int, identity_key: bytes) -> Reading[TokenRow | None]:
        with self._lock:
            found = (r for r in self.rows.values() if (r.shard, r.binding.identity_key) == (shard, identity_key))
            return Reading(next(found, None), self.now())

    def read_account(self, account_key: bytes, limit: int) -> Sequence[TokenRow]:
        with self._lock:
            return [row for row in self.rows.values() if row.account_key == account_key][:limit]

    def delete(self, row: TokenRow) -> int | None:
        with self._lock:
            current = self._current(row)
            if current is None or current.version != row.version:
                return None
            del self.rows[row.shard, row.binding.token_key]
            return self._tell("revoked", row)

    def lease(self, row: TokenRow, *, attempt_id: bytes, owner: bytes, lease_for: int) -> int | None:
        with self._lock:
            now, current = self.now(), self._current(row)
            if current is None or current.version != row.version or current.state is not TokenState.ACTIVE:
                return None
            return self._take(current, now, attempt_id=attempt_id, owner=owner, lease_for=lease_for)

    def release(
        self, row: TokenRow, *, attempt_id: bytes, not_before: int, never_sent: bool, failure: str | None = None
    ) -> bool:
        with self._lock:
            current = self._attempted(row, attempt_id)
            if current is None or not current.is_unsettled:
                return False
            settled = current.doubt is None or (current.doubt == attempt_id and never_sent)
            self._put(
                moved_on(current, not_before),
                last_failure=failure,
                failed_at=self.now(),
                state=TokenState.ACTIVE if settled else TokenState.IN_DOUBT,
                doubt=None if settled else current.doubt,
                doubt_owner=None if settled else current.doubt_owner,
                attempt_id=None,
                lease_owner=None,
                lease_until=None,
            )
            return True

    def commit_refresh(self, row: TokenRow, *, attempt_id: bytes, refreshed: Refreshed) -> bool:
        with self._lock:
            current = self._current(row)
            if current is None or current.binding.generation != row.binding.generation:
                return False
            if current.state is TokenState.REFRESHING and current.attempt_id != attempt_id:
                return False
            self._commit(current, refreshed)
            return True

    def doubt(self, row: TokenRow, *, attempt_id: bytes, not_before: int, failure: str | None = None) -> bool:
        with self._lock:
            current = self._attempted(row, attempt_id)
            if current is None or current.state is not TokenState.REFRESHING:
                return False
            first = current.doubt_owner is None
            changed = self._put(
                due_again(current, not_before),
                last_failure=failure,
                failed_at=self.now(),
                state=TokenState.IN_DOUBT,
                doubt=current.doubt or attempt_id,
                doubt_owner=current.lease_owner if first else current.doubt_owner,
                lease_owner=None if first else current.lease_owner,
                lease_until=None,
            )
            self._tell("doubted", changed)
            return True

    def condemn(self, row: TokenRow, *, attempt_id: bytes, failure: str | None = None) -> bool:
        with self._lock:
            current = self._attempted(row, attempt_id)
            if current is None:
                return False
            lost = current.doubt is not None and current.doubt != attempt_id
            changed = self._put(
                current,
                state=TokenState.REAUTHENTICATION,
                reason=Cause.ROTATION_LOST if lost else Cause.PROVIDER_REVOKED,
                attempt_id=None,
                lease_owner=None,
                lease_until=None,
                next_refresh_at=None,
                last_failure=failure,
                failed_at=self.now(),
            )
            self._tell("condemned", changed)
            return True

    def _take(self, row: TokenRow, now: int, *, attempt_id: bytes, owner: bytes, lease_for: int) -> int | None:
        if not self._registry.have_recovered(now - SEEN_FOR):
            return None
        self._put(
            row,
            state=TokenState.REFRESHING,
            attempt_id=attempt_id,
            lease_owner=owner,
            lease_until=now + lease_for,
        )
        self._registry.see(owner, now)
        return now

    def _commit(self, current: TokenRow, refreshed: Refreshed) -> None:
        changed = self._put(
            settled(current),
            binding=replace(current.binding, generation=current.binding.generation + refreshed.steps),
            refreshed_at=max(self.now(), refreshed.sent_at),
            access_expires_at=refreshed.access_expires_at,
            renewal_expires_at=refreshed.renewal_expires_at,
            next_refresh_at=refreshed.next_refresh_at,
            sealed=replace(current.sealed, access_blob=refreshed.access_blob, renewal_blob=refreshed.renewal_blob),
        )
        self._tell("refreshed", changed)

    def _current(self, row: TokenRow) -> TokenRow | None:
        return self.rows.get((row.shard, row.binding.token_key))

    def _attempted(self, row: TokenRow, attempt_id: bytes) -> TokenRow | None:
        current = self._current(row)
        fits = current is not None and (current.attempt_id, current.binding.generation) == (
            attempt_id,
            row.binding.generation,
        )
        return current if fits else None

    def _put(self, row: TokenRow, **changes: object) -> TokenRow:
        changed = replace(row, version=row.version + 1, **changes)  # type: ignore[arg-type]  # fields by name
        self.rows[row.shard, row.binding.token_key] = changed
        return changed

    def _tell(self, kind: str, row: TokenRow) -> int:
        at = self.now()
        self.events.append(FakeEvent(kind, row.binding.token_key, row.binding.generation, at))
        return at
