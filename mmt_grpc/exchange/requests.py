"""Connect requests: whoever comes second gets the first one's answer, and nothing single-use is sent twice."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.errors import (
    ConflictError,
    GrantRejectedError,
    InvalidRequestError,
    ProviderUnavailableError,
    StoreOutcomeUnknownError,
    StoreUnavailableError,
    TokenNotFoundError,
    Violation,
)
from mmt_grpc.domain.model import ConnectOutcome
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.exchanger import Connected
from mmt_grpc.domain.ports.sealing import Sealing
from mmt_grpc.domain.ports.store import SEEN_FOR, ConnectRequest, ConnectRows, RecordedRequest, Replicas
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.write_back import StoppedError

PAUSE: Final = 100_000
MARGIN: Final = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Opens requests, answers repeated ones, and gives up those of the dead."""

    rows: ConnectRows
    replicas: Replicas
    sealing: Sealing
    guard: RevivalGuard
    clock: Clock
    stopping: threading.Event
    running: set[bytes] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def opened(self, request: ConnectRequest, time_left: int) -> Iterator[Connected | None]:
        """Record a request as PENDING for the length of the block; yields the earlier answer if there is one.

        Raises `InvalidRequestError` (other content), `GrantRejectedError` (given up), `ConflictError` (revoked since),
        `ProviderUnavailableError` (still running elsewhere).
        """
        until = self.clock.elapsed() + time_left - MARGIN
        while not self._enter(request.request_key):
            self._pause(until)
        try:
            yield self._begin(request, until)
        finally:
            with self.lock:
                self.running.discard(request.request_key)

    def _begin(self, request: ConnectRequest, until: int) -> Connected | None:
        """Insert the request, or return the answer that it had; whoever is at work on it is waited for."""
        while True:
            try:
                recorded = self.rows.begin(request)
            except StoreOutcomeUnknownError:
                self._pause(until)
                continue
            # One of this very life was never sent, for what was sent has ended by now: only an INSERT's answer was
            # lost, or a withdrawal.
            if recorded is None or (recorded.request == request and recorded.state == "PENDING"):
                return None
            answer = self._answer(request, recorded)
            if answer is not None:
                return answer
            self._pause(until)

    def withdraw(self, request: ConnectRequest) -> None:
        """Forget a request of which nothing was spent; a store that is away finds it unsent when it is repeated."""
        with contextlib.suppress(StoreUnavailableError):
            self.rows.withdraw(request)

    def give_up(self, request: ConnectRequest) -> bool:
        """Set a request REJECTED before anybody is told so; False if it is DONE. Waits for the store.

        Raises `StoppedError` if the process is to end first: nobody is told anything then, and the next life finds the
        request PENDING, and on disk what it brought.
        """
        while True:
            try:
                return self.rows.reject(request) or self._is_rejected(request)
            except StoreUnavailableError:
                if self.stopping.is_set():
                    raise StoppedError from None
                self.clock.sleep(PAUSE)

    def _is_rejected(self, request: ConnectRequest) -> bool:
        recorded = self.rows.read_request(request.request_key)
        return recorded is None or recorded.state == "REJECTED"

    def _enter(self, key: bytes) -> bool:
        with self.lock:
            if key in self.running:
                return False
            self.running.add(key)
            return True

    def _answer(self, request: ConnectRequest, recorded: RecordedRequest) -> Connected | None:
        if recorded.request.content_mac != request.content_mac:
            raise InvalidRequestError(Violation("request_id", "was used with other content"))
        if recorded.state == "REJECTED":
            raise GrantRejectedError
        if recorded.state == "DONE":
            return self._rebuilt(recorded)
        if self._is_dead(recorded.request, request):
            self.rows.reject(recorded.request)
        return None

    def _is_dead(self, theirs: ConnectRequest, ours: ConnectRequest) -> bool:
        """Whether nobody works on a PENDING request any more. In this life, all who do are in `running`."""
        if theirs.owner == ours.owner:
            return True
        now = self.rows.now()
        for replica in self.replicas.list():
            if replica.beat.owner == theirs.owner:
                return replica.beat.life != theirs.life or now - replica.seen_at >= SEEN_FOR
        return True

    def _rebuilt(self, recorded: RecordedRequest) -> Connected:
        if recorded.shard is None or recorded.token_key is None:
            raise ConflictError
        calm, row = self.guard.calm, self.rows.read(recorded.shard, recorded.token_key).row
        if row is None or not self._is_standing(recorded.token_key, calm):
            raise ConflictError
        return Connected(
            token_id=self.sealing.open_metadata(row.binding, row.sealed).token_id,
            outcome=recorded.outcome or ConnectOutcome.REAUTHENTICATED,
            expires_at=row.access_expires_at,
            refreshable=row.sealed.renewal_blob is not None,
        )

    def _is_standing(self, token_key: bytes, calm: int) -> bool:
        """Whether a row that was read is none that was revoked and came back."""
        if calm and self.guard.calm == calm:
            return True
        try:
            self.guard.examine(token_key)
        except TokenNotFoundError:
            return False
        return True

    def _pause(self, until: int) -> None:
        if self.clock.elapsed() >= until:
            raise ProviderUnavailableError
        self.clock.sleep(PAUSE)
