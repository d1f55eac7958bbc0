"""Revocation at the providers: once when asked, then in the background for as long as it fails."""

import threading
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.errors import CredentialUnreadableError, IntegrationUnknownError, StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS, Credential, Upstream
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.exchanger import StagedRevocation
from mmt_grpc.domain.ports.providers import Issued, Providers
from mmt_grpc.domain.ports.sealing import Sealing
from mmt_grpc.domain.ports.store import Ledger, TokenRows
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.records import GrantRecord, decode_grant, decode_staged, encode_grant, encode_staged
from mmt_grpc.exchange.spool import Entry, Spool

UNWANTED: Final = "unwanted"
"""A grant that no row holds: to be revoked upstream, however often that has to be tried."""
REVOCATION: Final = "revocation"
"""The sealed credentials of a row that a Revoke deletes."""
FIRST_PAUSE: Final = 10 * MICROSECONDS
LONGEST_PAUSE: Final = 3600 * MICROSECONDS
ABANDONED_AFTER: Final = 3600 * MICROSECONDS
"""A staged revocation whose row stands this long after, and in no ledger, belongs to a Revoke that never happened."""


@dataclass(slots=True)
class _Tries:
    since: int
    not_before: int
    failures: int = 0


@dataclass(slots=True, kw_only=True)
class UpstreamWork:
    """Sends what the spool holds for revocation, one at a time per record."""

    spool: Spool
    rows: TokenRows
    ledger: Ledger
    sealing: Sealing
    providers: Providers
    clock: Clock
    randomness: Randomness
    log: EventLog
    stopping: threading.Event
    _woken: threading.Event = field(default_factory=threading.Event)
    _tries: dict[tuple[str, bytes], _Tries] = field(default_factory=dict)
    _busy: set[bytes] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _staging: threading.Lock = field(default_factory=threading.Lock)

    def wake(self) -> None:
        """Have the background look at the spool now."""
        self._woken.set()

    def complete(self, shard: int, token_key: bytes) -> Upstream:
        """Revoke what was staged for a row, if the row is gone; FAILED keeps it for the background."""
        if not self._enter(token_key):
            return Upstream.FAILED
        try:
            return self._complete(shard, token_key)
        finally:
            self._leave(token_key)

    def run(self) -> None:
        """Work in the background until told to stop."""
        while not self.stopping.is_set():
            try:
                self.sweep()
            except Exception as error:  # noqa: BLE001  # the next sweep tries again; nothing is lost on disk
                self.log.error("revocation_sweep_failed", error=type(error).__name__)
            self._woken.wait(FIRST_PAUSE / MICROSECONDS)
            self._woken.clear()

    def sweep(self) -> None:
        """Try each record that is due once."""
        now = self.clock.elapsed()
        self._forget_tries()
        for kind in (UNWANTED, REVOCATION):
            for entry in list(self.spool.entries(kind)):
                # A Revoke that has just staged is left the time to complete by itself.
                first = now if kind == UNWANTED else now + FIRST_PAUSE
                tries = self._tries.setdefault((kind, entry.key), _Tries(since=now, not_before=first))
                if self.stopping.is_set() or tries.not_before > now or not self._enter(entry.key):
                    continue
                try:
                    self._attempt(entry, tries)
                finally:
                    self._leave(entry.key)

    def _forget_tries(self) -> None:
        """Forget the tries of what others have completed."""
        kept = {(entry.kind, entry.key) for entry in self.spool.entries()}
        # A copy: rows are handed over by other threads meanwhile.
        for name in [name for name in list(self._tries) if name not in kept]:
            del self._tries[name]

    def add(self, key: bytes, integration: str, issued: Issued) -> None:
        """Have what no row wants revoked soon and for as long as that fails; where the disk refuses, once and now."""
        record = GrantRecord(key, integration, issued.credential, issued.renewal)
        try:
            self.spool.put(UNWANTED, key, encode_grant(record))
        except StoreUnavailableError:
            self._send(integration, issued.credential, issued.renewal)
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

    def _kept_generation(self, key: bytes) -> int:
        try:
            content = self.spool.get(REVOCATION, key)
        except CredentialUnreadableError:
            return 0
        return 0 if content is None else decode_staged(content).binding.generation

    def _attempt(self, entry: Entry, tries: _Tries) -> None:
        try:
            done = self._revoke_unwanted(entry.key) if entry.kind == UNWANTED else self._revoke_staged(entry, tries)
        except (StoreUnavailableError, CredentialUnreadableError, IntegrationUnknownError) as error:
            self.log.warning("revocation_waits", reason=error.reason.value)
            done = False
        if done:
            self._tries.pop((entry.kind, entry.key), None)
            return
        tries.failures += 1
        ceiling = min(LONGEST_PAUSE, FIRST_PAUSE << min(tries.failures, 10))
        tries.not_before = self.clock.elapsed() + self.randomness.jitter(ceiling // 2, ceiling)

    def _revoke_unwanted(self, key: bytes) -> bool:
        content = self.spool.get(UNWANTED, key)
        if content is None:
            return True
        record = decode_grant(content)
        upstream = self._send(record.integration, record.credential, record.renewal)
        if upstream is Upstream.FAILED:
            return False
        self.spool.scrub(UNWANTED, key)
        return True

    def _revoke_staged(self, entry: Entry, tries: _Tries) -> bool:
        content = self.spool.get(REVOCATION, entry.key)
        if content is None:
            return True
        staged = decode_staged(content)
        if self.rows.read(staged.shard, entry.key).row is None:
            return self._complete(staged.shard, entry.key) is not Upstream.FAILED
        waited = self.clock.elapsed() - tries.since
        if waited > ABANDONED_AFTER and not self.ledger.contains(entry.key):
            self.spool.scrub(REVOCATION, entry.key)
            return True
        return False

    def _complete(self, shard: int, token_key: bytes) -> Upstream:
        content = self.spool.get(REVOCATION, token_key)
        if content is None or self.rows.read(shard, token_key).row is not None:
            return Upstream.FAILED
        staged = decode_staged(content)
        opened = self.sealing.open(staged.binding, staged.sealed)
        upstream = self._send(staged.binding.integration, opened.credential, opened.renewal)
        if upstream is not Upstream.FAILED:
            self.spool.scrub(REVOCATION, token_key)
        return at_most_accepted(upstream, staged)

    def _send(self, integration: str, credential: Credential, renewal: Secret | None) -> Upstream:
        upstream = self.providers.get(integration).revoke(credential, renewal)
        self.log.info("revoked_upstream", integration=integration, upstream=upstream.name)
        return upstream

    def _enter(self, key: bytes) -> bool:
        with self._lock:
            if key in self._busy:
                return False
            self._busy.add(key)
            return True

    def _leave(self, key: bytes) -> None:
        with self._lock:
            self._busy.discard(key)


def at_most_accepted(upstream: Upstream, staged: StagedRevocation) -> Upstream:
    """Return what may be said of a revocation: with a refresh in flight a newer token may exist."""
    return Upstream.ACCEPTED if upstream is Upstream.REVOKED and staged.unsettled else upstream
