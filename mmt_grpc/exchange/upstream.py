"""Revocation at the providers: once when asked, then in the background for as long as it fails."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from mmt_grpc.domain.errors import CredentialUnreadableError, MmtError, StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS, Upstream
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.exchanger import StagedRevocation
from mmt_grpc.domain.ports.providers import Issued
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.pacing import Pacing
from mmt_grpc.exchange.records import GrantRecord, decode_staged, encode_grant, encode_staged
from mmt_grpc.exchange.sending import REVOCATION, UNWANTED, Sending
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.spool_listing import Entry

FIRST_PAUSE: Final = 10 * MICROSECONDS
LONGEST_PAUSE: Final = 3600 * MICROSECONDS
CROWDED_PAUSE: Final = MICROSECONDS
"""Until the next look at the spool where a lane had no room for all that was due."""
THREADS: Final = 4
"""Of one provider: what fails takes ten seconds each, and nobody waits for it."""
QUEUED: Final = 64


class SpoolObserver(Protocol):
    """Told of what operators watch."""

    def spooled(self, records: Mapping[str, tuple[int, int]]) -> None:
        """Say what the spool holds: by kind how many records, and when the oldest was written (Unix microseconds)."""
        ...


@dataclass(slots=True)
class _Tries:
    since: int
    not_before: int
    failures: int = 0
    integration: str | None = None
    is_reported: bool = False


@dataclass(slots=True, kw_only=True)
class UpstreamWork:
    """Has what the spool holds for revocation sent, one at a time per record, in lanes of its own by provider."""

    spool: Spool
    sending: Sending
    pacing: Pacing
    lanes: Lanes
    clock: Clock
    randomness: Randomness
    log: EventLog
    observer: SpoolObserver
    stopping: threading.Event
    _woken: threading.Event = field(default_factory=threading.Event)
    _tries: dict[tuple[str, bytes], _Tries] = field(default_factory=dict)
    _staging: threading.Lock = field(default_factory=threading.Lock)

    def wake(self) -> None:
        """Have the background look at the spool now."""
        self._woken.set()

    def complete(self, shard: int, token_key: bytes) -> Upstream:
        """Revoke what was staged for a row, if the row is gone; FAILED keeps it for the background."""
        with self.lanes.held(token_key) as held:
            return self.sending.complete(shard, token_key) if held else Upstream.FAILED

    def run(self) -> None:
        """Work in the background until told to stop."""
        while not self.stopping.is_set():
            pause = FIRST_PAUSE
            try:
                if not self.sweep():
                    pause = CROWDED_PAUSE
            except Exception as error:  # noqa: BLE001  # the next sweep tries again; nothing is lost on disk
                self.log.error("revocation_sweep_failed", error=error)
            self._woken.wait(pause / MICROSECONDS)
            self._woken.clear()

    def sweep(self, *, is_alone: bool = False) -> bool:
        """Have each record that is due tried once, in its provider's lane; False if a lane had no room for all.

        What belongs to a provider that fails now stays due, untried. Who `is_alone` has no workers that complete what
        they have staged: all is due then that was not tried before.
        """
        self._look_over()
        waits: dict[str, int] = {}
        has_room = True
        for kind in (UNWANTED, REVOCATION):
            for entry in list(self.spool.entries(kind)):
                if self.stopping.is_set():
                    return True
                tries = self._due(entry, is_alone=is_alone)
                if tries is None or tries.integration is None:
                    continue
                integration = tries.integration
                if integration not in waits:
                    waits[integration] = self.pacing.probe_wait(integration)
                if not waits[integration] and not self._start(integration, entry, tries):
                    has_room = False
        return has_room

    def finish(self, patience: int) -> None:
        """Have each record tried once, those excepted whose provider fails, and wait for that: so many microseconds at
        most. For a replica whose workers are gone.
        """
        until = self.clock.elapsed() + patience
        has_room = False
        while not has_room and (left := until - self.clock.elapsed()) > 0:
            has_room = self.sweep(is_alone=True)
            self.lanes.is_idle(left / MICROSECONDS)

    def add(self, key: bytes, integration: str, issued: Issued) -> None:
        """Have what no row wants revoked soon and for as long as that fails; where the disk refuses, once and now."""
        record = GrantRecord(key, integration, issued.credential, issued.renewal)
        try:
            self.spool.put(UNWANTED, key, encode_grant(record))
        except StoreUnavailableError:
            self.sending.revoke(integration, issued.credential, issued.renewal)
            return
        self.wake()

    def hand_over(self, row: TokenRow) -> None:
        """Keep the sealed credentials of a row that is about to be deleted; `StoreUnavailableError` as the spool."""
        staged = StagedRevocation(row.shard, row.binding, row.sealed, row.account_key, row.is_unsettled)
        self.stage(staged)
        # No worker completes this one.
        now = self.clock.elapsed()
        self._tries[REVOCATION, row.binding.token_key] = _Tries(since=now, not_before=now)
        self.wake()

    def stage(self, staged: StagedRevocation) -> None:
        """Keep a row's sealed credentials, never in place of newer ones: two Revokes may come the wrong way round."""
        key = staged.binding.token_key
        with self._staging:
            if self._kept_generation(key) <= staged.binding.generation:
                self.spool.put(REVOCATION, key, encode_staged(staged))

    def close(self) -> None:
        """Start nothing any more and wait for what runs; what is queued stays on disk."""
        self.wake()
        self.lanes.close()

    def _kept_generation(self, key: bytes) -> int:
        try:
            content = self.spool.get(REVOCATION, key)
        except CredentialUnreadableError:
            return 0
        return 0 if content is None else decode_staged(content).binding.generation

    def _look_over(self) -> None:
        """Say what the spool holds, and forget the tries of what others have completed."""
        entries = list(self.spool.entries())
        held: dict[str, tuple[int, int]] = {}
        for entry in entries:
            count, oldest = held.get(entry.kind, (0, entry.written_at))
            held[entry.kind] = (count + 1, min(oldest, entry.written_at))
        self.observer.spooled(held)
        kept = {(entry.kind, entry.key) for entry in entries}
        # A copy: rows are handed over by other threads meanwhile.
        for name in [name for name in list(self._tries) if name not in kept]:
            self._tries.pop(name, None)

    def _due(self, entry: Entry, *, is_alone: bool) -> _Tries | None:
        """Return the tries of a record that is to be revoked now; without an integration if it does not open."""
        now = self.clock.elapsed()
        # A Revoke that has just staged is left the time to complete by itself.
        first = now if is_alone or entry.kind == UNWANTED else now + FIRST_PAUSE
        tries = self._tries.setdefault((entry.kind, entry.key), _Tries(since=now, not_before=first))
        if tries.not_before > now or self.lanes.is_running(entry.key):
            return None
        if tries.integration is None:
            try:
                tries.integration = self.sending.integration_of(entry)
            except Exception as error:  # noqa: BLE001  # one record that is wrong must not hold up those behind it
                self._failed(entry, tries, error)
        return tries

    def _start(self, integration: str, entry: Entry, tries: _Tries) -> bool:
        """Start a record's next try; False if there is no room for it."""
        started = self.lanes.start(integration, entry.key, partial(self._attempt, entry, tries))
        return started or self.lanes.is_running(entry.key)

    def _attempt(self, entry: Entry, tries: _Tries) -> None:
        """Try a record on a thread of its lane: nothing may escape it. What is queued at the end stays on disk."""
        if self.stopping.is_set():
            return
        try:
            done = self.sending.send(entry, self.clock.elapsed() - tries.since)
        except Exception as error:  # noqa: BLE001  # a bug must not kill the lane; the record stays
            self._failed(entry, tries, error)
            return
        if done:
            self._tries.pop((entry.kind, entry.key), None)
        else:
            self._leave(tries)

    def _failed(self, entry: Entry, tries: _Tries, error: Exception) -> None:
        """Leave a record that could not even be sent; one that never opens again is dropped, and said to be."""
        try:
            if isinstance(error, CredentialUnreadableError | StoreUnavailableError) and self.sending.is_lost(entry):
                self.spool.scrub(entry.kind, entry.key)
                self.log.error("revocation_lost", kind=entry.kind, integration=tries.integration)
                return
        except StoreUnavailableError as refused:
            error = refused
        self._report(entry, tries, error)
        self._leave(tries, longest=isinstance(error, CredentialUnreadableError))

    def _report(self, entry: Entry, tries: _Tries, error: Exception) -> None:
        """Say why a record waits: what does not open is an alarm, once in a life of the process."""
        if isinstance(error, CredentialUnreadableError):
            if not tries.is_reported:
                self.log.error("revocation_unreadable", kind=entry.kind, integration=tries.integration)
            tries.is_reported = True
        elif isinstance(error, MmtError):
            self.log.warning("revocation_waits", reason=error.reason.value)
        else:
            self.log.error("revocation_failed", error=error)

    def _leave(self, tries: _Tries, *, longest: bool = False) -> None:
        tries.failures += 1
        ceiling = LONGEST_PAUSE if longest else min(LONGEST_PAUSE, FIRST_PAUSE << min(tries.failures, 10))
        tries.not_before = self.clock.elapsed() + self.randomness.jitter(ceiling // 2, ceiling)
