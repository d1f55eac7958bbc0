"""What an attempt brought is written back, guarded, for as long as it takes; nothing here repeats blindly."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import Issued, Provider
from mmt_grpc.domain.ports.sealing import OpenedToken, Sealing
from mmt_grpc.domain.ports.store import RefreshRows
from mmt_grpc.domain.token_row import Refreshed, TokenRow, TokenState
from mmt_grpc.exchange import backoff, lifetimes
from mmt_grpc.exchange.upstream import UpstreamWork

T = TypeVar("T")

SHORTEST_PAUSE: Final = 50_000
LONGEST_PAUSE: Final = 2 * MICROSECONDS


class StoppedError(Exception):
    """The process is to end, and the store has not answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBack:
    """Writes the ends of attempts; a store that is away is waited for until the process is told to stop."""

    rows: RefreshRows
    sealing: Sealing
    clock: Clock
    randomness: Randomness
    upstream: UpstreamWork
    stopping: threading.Event
    log: EventLog

    def commit(
        self, provider: Provider, row: TokenRow, attempt_id: bytes, opened: OpenedToken, issued: Issued, *, sent_at: int
    ) -> str:
        """Write new tokens: `refreshed`; `gone` (revoked meanwhile: so are the new tokens, upstream); or `moved`."""
        renewal = issued.renewal or opened.renewal
        binding = replace(row.binding, generation=row.binding.generation + 1)
        access_blob, renewal_blob = self.sealing.reseal(
            binding=binding, sealed=row.sealed, credential=issued.credential, renewal=renewal
        )
        # A refreshable row stays so: an answer without a new refresh token keeps the old one.
        kept = replace(issued, renewal=renewal)
        expires_at = lifetimes.expiry(kept, sent_at=sent_at, refreshable=True)
        refreshed = Refreshed(
            access_blob=access_blob,
            renewal_blob=renewal_blob,
            access_expires_at=expires_at,
            renewal_expires_at=lifetimes.renewal_expiry(issued, sent_at=sent_at) or row.renewal_expires_at,
            next_refresh_at=lifetimes.next_refresh(
                expires_at, now=sent_at, refreshable=True, randomness=self.randomness
            ),
        )
        if self._until_known(
            lambda: self.rows.commit_refresh(row, attempt_id=attempt_id, refreshed=refreshed),
            lambda: self._holds(row, access_blob),
        ):
            return "refreshed"
        if self.read_back(row) is not None:
            return "moved"
        self.log.info("late_answer_unwanted", integration=provider.name)
        self.upstream.end(provider, attempt_id, issued)
        return "gone"

    def read_back(self, row: TokenRow) -> TokenRow | None:
        """Read what became of a row, however long the store is away."""
        return self._until_answered(lambda: self.rows.read(row.shard, row.binding.token_key)).row

    def doubt(self, row: TokenRow, attempt_id: bytes) -> str:
        """Write that the outcome is unknown."""
        not_before = self._now() + backoff.DOUBTFUL
        self._until_known(
            lambda: self.rows.doubt(row, attempt_id=attempt_id, not_before=not_before),
            lambda: self._left(row, attempt_id),
        )
        return "in_doubt"

    def condemn(self, row: TokenRow, attempt_id: bytes) -> str:
        """Write that the user must log in again."""
        self._until_known(lambda: self.rows.condemn(row, attempt_id=attempt_id), lambda: self._left(row, attempt_id))
        return "reauthentication_required"

    def release(self, row: TokenRow, attempt_id: bytes, *, wait: int, never_sent: bool) -> str:
        """Write that nothing was spent, and how long to leave the row alone."""
        not_before = self._now() + wait
        self._until_known(
            lambda: self.rows.release(row, attempt_id=attempt_id, not_before=not_before, never_sent=never_sent),
            lambda: self._left(row, attempt_id),
        )
        return "not_sent" if never_sent else "not_consumed"

    def _now(self) -> int:
        return self._until_answered(self.rows.now)

    def _holds(self, row: TokenRow, access_blob: bytes) -> bool:
        seen = self.rows.read(row.shard, row.binding.token_key).row
        return seen is not None and seen.sealed.access_blob == access_blob

    def _left(self, row: TokenRow, attempt_id: bytes) -> bool:
        seen = self.rows.read(row.shard, row.binding.token_key).row
        return seen is None or seen.attempt_id != attempt_id or seen.state is not TokenState.REFRESHING

    def _until_known(self, change: Callable[[], bool], applied: Callable[[], bool]) -> bool:
        """Change until the store says what became of it; a lost answer is read back before the change is repeated."""
        lost = False

        def once() -> bool:
            nonlocal lost
            if lost and applied():
                return True
            # Whether the answer that is lost was this one's is asked before any repetition, whatever the failure was.
            lost = True
            held = change()
            lost = False
            return held

        return self._until_answered(once)

    def _until_answered(self, ask: Callable[[], T]) -> T:
        pause = SHORTEST_PAUSE
        while True:
            try:
                return ask()
            except StoreUnavailableError:
                if self.stopping.is_set():
                    raise StoppedError from None
                self.clock.sleep(self.randomness.jitter(pause // 2, pause))
                pause = min(2 * pause, LONGEST_PAUSE)
