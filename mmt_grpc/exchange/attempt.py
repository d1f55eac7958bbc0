"""One attempt to refresh one row: lease, connect, send, commit. What was sent is never sent again."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.auditing import FAILED, OK
from mmt_grpc.domain.errors import CredentialUnreadableError, StoreOutcomeUnknownError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.model import MICROSECONDS, BearerToken
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import Failure, Issued, Provider, ProviderError
from mmt_grpc.domain.ports.sealing import OpenedToken, Sealing
from mmt_grpc.domain.ports.store import RefreshRows
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange import backoff
from mmt_grpc.exchange.outages import Outages
from mmt_grpc.exchange.write_back import WriteBack

LEASE: Final = 60 * MICROSECONDS
LATEST_SEND: Final = 15 * MICROSECONDS
"""A POST is written less than this after its lease was asked for, or not at all."""
ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Runs attempts under this replica's name, 16 random bytes that its state directory keeps."""

    owner: bytes
    rows: RefreshRows
    sealing: Sealing
    clock: Clock
    randomness: Randomness
    outages: Outages
    write_back: WriteBack
    failpoints: Failpoints
    log: EventLog

    def run(self, provider: Provider, row: TokenRow, opened: OpenedToken) -> str:
        """Refresh a row that was ACTIVE; return what became of it, in a word for log and audit."""
        attempt_id = self.randomness.random_bytes(ID_BYTES)
        began = self.clock.elapsed()
        self.failpoints.reach("refresh.before_lease")
        leased_at = self._lease(row, attempt_id)
        if leased_at is None:
            return "lost_the_race"
        self.failpoints.reach("refresh.after_lease")
        ending = self._send(provider, row, opened, _Lease(attempt_id, began, leased_at, self.clock.elapsed()))
        self.log.info("refresh", integration=provider.name, outcome=ending)
        return ending

    def _lease(self, row: TokenRow, attempt_id: bytes) -> int | None:
        """Take the lease; if that is not known, the row itself says whose it is."""
        try:
            return self.rows.lease(row, attempt_id=attempt_id, owner=self.owner, lease_for=LEASE)
        except StoreOutcomeUnknownError:
            seen = self.write_back.read_back(row)
            if seen is None or seen.attempt_id != attempt_id or seen.lease_until is None:
                return None
            return seen.lease_until - LEASE

    def _send(self, provider: Provider, row: TokenRow, opened: OpenedToken, lease: "_Lease") -> str:
        if opened.renewal is None:
            raise CredentialUnreadableError
        try:
            channel = provider.open_refresh()
        except ProviderError as error:
            return self._put_back(row, lease, error, never_sent=True)
        try:
            self.failpoints.reach("refresh.before_send")
            sent = self.clock.elapsed()
            if sent - lease.began >= LATEST_SEND:
                return self._put_back(row, lease, None, never_sent=True)
            try:
                issued = channel.refresh(opened.renewal)
            except ProviderError as error:
                return self._failed(row, lease, error)
        finally:
            channel.close()
        self.failpoints.reach("refresh.after_answer")
        return self._keep(provider, row, lease, opened, issued, sent_at=lease.leased_at + sent - lease.taken)

    def _failed(self, row: TokenRow, lease: "_Lease", error: ProviderError) -> str:
        self.failpoints.reach("refresh.after_refusal")
        if error.failure is Failure.AMBIGUOUS:
            return self.write_back.doubt(row, lease.attempt_id)
        if error.failure is Failure.PERMANENT:
            return self.write_back.condemn(row, lease.attempt_id)
        return self._put_back(row, lease, error, never_sent=error.failure is Failure.NOT_SENT)

    def _put_back(self, row: TokenRow, lease: "_Lease", error: ProviderError | None, *, never_sent: bool) -> str:
        if error is not None:
            self.outages.learn(error, row.binding.token_key)
        wait = backoff.wait_after(error, failures=row.failures, randomness=self.randomness)
        return self.write_back.release(row, lease.attempt_id, wait=wait, never_sent=never_sent)

    def _keep(
        self,
        provider: Provider,
        row: TokenRow,
        lease: "_Lease",
        opened: OpenedToken,
        issued: Issued,
        *,
        sent_at: int,
    ) -> str:
        if not isinstance(issued.credential, BearerToken):
            return self.write_back.doubt(row, lease.attempt_id)
        ending = self.write_back.commit(provider, row, lease.attempt_id, opened, issued, sent_at=sent_at)
        self.failpoints.reach("refresh.after_commit")
        return ending


@dataclass(frozen=True, slots=True)
class _Lease:
    """`began` before it was asked for (that bounds the POST), `taken` after it was had (so an expiry is only early)."""

    attempt_id: bytes
    began: int
    leased_at: int
    taken: int


def outcome_of(ending: str) -> str:
    """Return the audit's word for an ending."""
    return OK if ending == "refreshed" else FAILED
