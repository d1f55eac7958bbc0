"""Refresh on demand: single flight in the process, the committed lease between processes."""

from dataclasses import dataclass

from mmt_grpc.domain.errors import (
    AuditUnavailableError,
    IntegrationUnknownError,
    MmtError,
    Reason,
    TokenNotFoundError,
)
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.audit import Audit, AuditRecord, Phase
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.exchanger import CallContext, Progress, RefreshAnswer
from mmt_grpc.domain.ports.providers import Provider, Providers
from mmt_grpc.domain.ports.sealing import OpenedToken, Sealing
from mmt_grpc.domain.ports.store import SettlementRows
from mmt_grpc.domain.token_row import TokenRow, TokenState
from mmt_grpc.exchange.attempt import Attempts, outcome_of
from mmt_grpc.exchange.disk import Disk
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.outages import OUR_OUTAGE_PAUSE, Outages
from mmt_grpc.exchange.recovery import Recovery
from mmt_grpc.exchange.write_back import StoppedError, WriteBack

RETRIED_BEFORE_EXPIRY = 120 * MICROSECONDS
"""Until so little is left of it, a token whose one-time refresh is in doubt is served, not risked."""
SETTLED = RefreshAnswer(Progress.SETTLED)
RUNNING = RefreshAnswer(Progress.RUNNING)
STARTED = RefreshAnswer(Progress.STARTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshing:
    """Decides whether a refresh may start now, and starts it."""

    rows: SettlementRows
    providers: Providers
    sealing: Sealing
    audit: Audit
    attempts: Attempts
    write_back: WriteBack
    outages: Outages
    lanes: Lanes
    disk: Disk
    recovery: Recovery
    log: EventLog

    def start(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> RefreshAnswer:
        """Start a refresh, or say why not.

        Raises `TokenNotFoundError`, `CredentialUnreadableError`, `StoreUnavailableError`, `AuditUnavailableError`.
        """
        if self.lanes.is_running(token_key):
            return RUNNING
        seen = self.rows.read(shard, token_key)
        if seen.row is None:
            raise TokenNotFoundError
        return self._answer(context, seen.row, generation, seen.now)

    def _answer(self, context: CallContext, row: TokenRow, generation: int, now: int) -> RefreshAnswer:
        if row.binding.generation > generation or row.state is TokenState.REAUTHENTICATION:
            return SETTLED
        if row.lease_is_over(now) and row.attempt_id is not None:
            self.write_back.doubt(row, row.attempt_id)
            return backing_off(Reason.PROVIDER_UNAVAILABLE, MICROSECONDS)
        if row.state is TokenState.REFRESHING:
            return RUNNING
        outage = self.outages.current(row.binding.integration, row.binding.token_key)
        if outage is not None:
            return backing_off(outage.reason, outage.wait)
        wait = max(row.backs_off(now), self._doubt_wait(row, now))
        if wait or not self.disk.is_trusted or self.recovery.is_open:
            return backing_off(Reason.PROVIDER_UNAVAILABLE, max(wait, MICROSECONDS // 4))
        return self._launch(context, row)

    def _doubt_wait(self, row: TokenRow, now: int) -> int:
        """Return how long a row in doubt is left alone because its token is alive: the lease statement tests it too."""
        if row.state is not TokenState.IN_DOUBT or row.access_expires_at is None:
            return 0
        if self.providers.get(row.binding.integration).tolerates_reuse:
            return 0
        return max(0, row.access_expires_at - RETRIED_BEFORE_EXPIRY - now)

    def _launch(self, context: CallContext, row: TokenRow) -> RefreshAnswer:
        try:
            provider = self.providers.get(row.binding.integration)
        except IntegrationUnknownError:
            # Configured no more, while its tokens live on: ours to mend, and no fault in the request.
            self.log.error("integration_not_configured", integration=row.binding.integration)
            return backing_off(Reason.PROVIDER_UNAVAILABLE, OUR_OUTAGE_PAUSE)
        opened = self.sealing.open(row.binding, row.sealed)
        if opened.renewal is None:
            return SETTLED
        self.audit.write(record_of(context, row, opened, Phase.INTENT))
        started = self.lanes.start(
            provider.name, row.binding.token_key, lambda: self._run(context, provider, row, opened)
        )
        if started or self.lanes.is_running(row.binding.token_key):
            return STARTED if started else RUNNING
        return backing_off(Reason.PROVIDER_UNAVAILABLE, MICROSECONDS)

    def _run(self, context: CallContext, provider: Provider, row: TokenRow, opened: OpenedToken) -> None:
        """Run an attempt on a lane's thread: nothing may escape it, everything is logged."""
        try:
            ending = self.attempts.run(provider, row, opened)
        except StoppedError:
            ending = "stopped"
        except MmtError as error:
            ending = error.reason.value.lower()
        except Exception as error:  # noqa: BLE001  # a bug must not kill the lane; the row stays leased, then in doubt
            ending = "bug"
            self.log.error("refresh_failed", integration=provider.name, error=type(error).__name__)
        try:
            self.audit.write(record_of(context, row, opened, Phase.OUTCOME, ending))
        except AuditUnavailableError:
            self.log.error("audit_lost_an_outcome", integration=provider.name, outcome=ending)


def backing_off(reason: Reason, wait: int) -> RefreshAnswer:
    """Answer that it is not tried now."""
    return RefreshAnswer(Progress.BACKING_OFF, reason, wait)


def record_of(
    context: CallContext, row: TokenRow, opened: OpenedToken, phase: Phase, ending: str | None = None
) -> AuditRecord:
    """Return the audit record of a refresh."""
    return AuditRecord(
        call_id=context.call_id,
        caller=context.caller,
        client_id=opened.metadata.identity.client_id,
        method="Refresh",
        phase=phase,
        token_key=row.binding.token_key,
        integration=row.binding.integration,
        generation=row.binding.generation,
        outcome=None if ending is None else outcome_of(ending),
        key_epoch=row.sealed.key_epoch,
    )
