"""Connect requests in memory, and the rows that they commit."""

from collections.abc import Sequence
from dataclasses import replace

from mmt_grpc.domain.errors import ConflictError
from mmt_grpc.domain.model import MICROSECONDS, ConnectOutcome
from mmt_grpc.domain.ports.store import ConnectRequest, RecordedRequest, RowMovedError
from mmt_grpc.domain.token_row import Connection, TokenRow, TokenState
from tests.support.fake_reinstatement import FakeReinstatementRows
from tests.support.fake_row_states import settled
from tests.support.fake_rows import FakeClock, Registry

DAY = 24 * 60 * 60 * MICROSECONDS


class FakeTokens(FakeReinstatementRows):
    """`SettlementRows`, `ReinstatementRows` and `ConnectRows`; `rows`, `requests` and `events` are open to tests."""

    def __init__(self, *, clock: FakeClock, registry: Registry) -> None:
        super().__init__(clock=clock, registry=registry)
        self.requests: dict[bytes, RecordedRequest] = {}

    def begin(self, request: ConnectRequest) -> RecordedRequest | None:
        with self._lock:
            recorded = self.requests.get(request.request_key)
            if recorded is not None and recorded.created_at >= self.now() - DAY:
                return recorded
            self.requests[request.request_key] = RecordedRequest(request, "PENDING", None, None, None, self.now())
            return None

    def read_request(self, request_key: bytes) -> RecordedRequest | None:
        return self.requests.get(request_key)

    def reject(self, request: ConnectRequest) -> bool:
        with self._lock:
            if (pending := self._pending(request)) is None:
                return False
            self.requests[request.request_key] = replace(pending, state="REJECTED")
            return True

    def withdraw(self, request: ConnectRequest) -> bool:
        with self._lock:
            if self._pending(request) is None:
                return False
            del self.requests[request.request_key]
            return True

    def create(self, connection: Connection, request: ConnectRequest) -> bool:
        with self._lock:
            if (pending := self._pending(request)) is None:
                return False
            key = (connection.shard, connection.binding.token_key)
            if key in self.rows or self.read_identity(connection.shard, connection.binding.identity_key).row:
                raise ConflictError
            self.rows[key] = new_row(connection, self.now())
            self._done(pending, connection, ConnectOutcome.CREATED)
            self._tell("connected", self.rows[key])
            return True

    def replace(self, connection: Connection, request: ConnectRequest, *, grant_number: int) -> bool:
        with self._lock:
            if (pending := self._pending(request)) is None:
                return False
            current = self.rows.get((connection.shard, connection.binding.token_key))
            if current is None or current.grant_number != grant_number:
                raise ConflictError
            if current.binding.generation != connection.binding.generation - 1:
                raise RowMovedError
            changed = self._put(
                settled(current),
                binding=replace(current.binding, generation=connection.binding.generation),
                grant_number=grant_number + 1,
                account_key=connection.account_key,
                access_expires_at=connection.access_expires_at,
                renewal_expires_at=connection.renewal_expires_at,
                next_refresh_at=connection.next_refresh_at,
                refreshed_at=None,
                connected_at=max(self.now(), connection.sent_at),
                sealed=connection.sealed,
            )
            self._done(pending, connection, ConnectOutcome.REAUTHENTICATED)
            self._tell("reconnected", changed)
            return True

    def pending_requests(self, owner: bytes, *, except_life: bytes) -> Sequence[ConnectRequest]:
        with self._lock:
            recorded = [item.request for item in self.requests.values() if item.state == "PENDING"]
            return [request for request in recorded if request.owner == owner and request.life != except_life]

    def purge_requests(self) -> int:
        with self._lock:
            old = [key for key, item in self.requests.items() if item.created_at < self.now() - DAY]
            for key in old:
                del self.requests[key]
            return len(old)

    def _pending(self, request: ConnectRequest) -> RecordedRequest | None:
        recorded = self.requests.get(request.request_key)
        fits = recorded is not None and recorded.state == "PENDING" and recorded.request == request
        return recorded if fits else None

    def _done(self, pending: RecordedRequest, connection: Connection, outcome: ConnectOutcome) -> None:
        self.requests[pending.request.request_key] = replace(
            pending, state="DONE", shard=connection.shard, token_key=connection.binding.token_key, outcome=outcome
        )


def new_row(connection: Connection, now: int) -> TokenRow:
    """Return the row that a first Connect makes."""
    return TokenRow(
        shard=connection.shard,
        binding=connection.binding,
        end_user_key=connection.end_user_key,
        client_key=connection.client_key,
        account_key=connection.account_key,
        state=TokenState.ACTIVE,
        reason=None,
        version=1,
        grant_number=1,
        attempt_id=None,
        lease_owner=None,
        lease_until=None,
        doubt=None,
        doubt_owner=None,
        not_before=None,
        failures=0,
        access_expires_at=connection.access_expires_at,
        renewal_expires_at=connection.renewal_expires_at,
        next_refresh_at=connection.next_refresh_at,
        refreshed_at=None,
        connected_at=max(now, connection.sent_at),
        sealed=connection.sealed,
    )
