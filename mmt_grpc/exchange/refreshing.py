"""Refresh on demand and ahead of expiry: single flight in the process, the committed lease between processes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

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
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.token_row import TokenRow, TokenState
from mmt_grpc.exchange.account_limits import AccountLimits
from mmt_grpc.exchange.admission import Refused
from mmt_grpc.exchange.attempt import LOST_THE_RACE, Attempts, outcome_of
from mmt_grpc.exchange.fitness import Fitness
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.pacing import Pacing
from mmt_grpc.exchange.write_back import StoppedError, WriteBack, retried_at

RESTING: Final = 2 * MICROSECONDS
"""How long a row in doubt is left alone whose retry the store has just refused."""
NOT_CONFIGURED_PAUSE: Final = 30 * MICROSECONDS
SHORTEST_WAIT: Final = MICROSECONDS // 4
OWN_WORK: Final = "mmt"
"""The caller of what nobody asked for, in the audit log."""
SETTLED: Final = RefreshAnswer(Progress.SETTLED)
RUNNING: Final = RefreshAnswer(Progress.RUNNING)
STARTED: Final = RefreshAnswer(Progress.STARTED)


class RefreshObserver(Protocol):
    """Told of what operators count."""

    def refresh_ended(self, integration: str, outcome: str) -> None:
        """Count a refresh by how it ended."""
        ...


class _Change(Protocol):
    def __call__(self, *, tolerant: bool) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshing:
    """Decides whether a refresh may start now, and starts it; `resting` remembers rows that are left alone."""

    rows: SettlementRows
    providers: Providers
    sealing: Sealing
    audit: Audit
    attempts: Attempts
    write_back: WriteBack
    pacing: Pacing
    resting: AccountLimits
    lanes: Lanes
    fitness: Fitness
    guard: RevivalGuard
    observer: RefreshObserver
    log: EventLog

    def start(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> RefreshAnswer:
        """Start a refresh that a call waits for, or say why not.

        Raises `TokenNotFoundError`, `CredentialUnreadableError`, `StoreUnavailableError`, `AuditUnavailableError`.
        """
        if self.lanes.is_running(token_key):
            return RUNNING
        calm, seen = self.guard.calm, self.rows.read(shard, token_key)
        self.guard.check(calm, None if seen.row is None else token_key)
        if seen.row is None:
            raise TokenNotFoundError
        if seen.row.binding.generation > generation:
            return SETTLED
        return self._answer(context, seen.row, seen.now, demand=True)

    def start_due(self, row: TokenRow, call_id: str) -> bool:
        """Start a refresh ahead of expiry; False if it may not be now, or the row has changed. Raises as `start`."""
        if self.lanes.is_running(row.binding.token_key):
            return False
        calm, seen = self.guard.calm, self.rows.read(row.shard, row.binding.token_key)
        if seen.row is None or seen.row.version != row.version:
            # It was read a while ago, with all that is due: another replica has come to it since.
            return False
        self.guard.check(calm, row.binding.token_key)
        return self._answer(CallContext(call_id, OWN_WORK), seen.row, seen.now, demand=False) is STARTED

    def _answer(self, context: CallContext, row: TokenRow, now: int, *, demand: bool) -> RefreshAnswer:
        if row.state is TokenState.REAUTHENTICATION:
            return SETTLED
        try:
            provider = self.providers.get(row.binding.integration)
        except IntegrationUnknownError:
            # Configured no more, while its tokens live on: ours to mend, and no fault in the request.
            self.log.error("integration_not_configured", integration=row.binding.integration)
            return backing_off(Reason.PROVIDER_UNAVAILABLE, NOT_CONFIGURED_PAUSE)
        if row.lease_is_over(now) and row.attempt_id is not None and self.fitness.database_clock.is_trusted:
            doubt = partial(self.write_back.doubt, row, row.attempt_id, failure="lease_over")
            return self._written(provider, row, doubt)
        if row.state is TokenState.REFRESHING:
            return RUNNING
        if row.is_doubt_ahead(now) and self.fitness.may_lease():
            return self._written(provider, row, partial(self.write_back.redate_doubt, row))
        refused = self._hindrance(provider, row, now, demand=demand)
        if refused is not None:
            return backing_off(refused.reason, max(refused.wait, SHORTEST_WAIT))
        return self._launch(context, provider, row, demand=demand)

    def _written(self, provider: Provider, row: TokenRow, change: "_Change") -> RefreshAnswer:
        """Change a row's doubt on its provider's lane: the store may not write for a long time."""

        def work() -> None:
            try:
                change(tolerant=provider.tolerates_reuse)
            except StoppedError:
                return
            except Exception as error:  # noqa: BLE001  # a bug must not kill the lane; whoever asks next tries again
                self.log.error("refresh_failed", integration=provider.name, error=error)

        return self._in_lane(provider, row, work, RUNNING)

    def _in_lane(
        self, provider: Provider, row: TokenRow, work: Callable[[], None], started: RefreshAnswer
    ) -> RefreshAnswer:
        """Run a row's work on its provider's lane; return `started` if that began it."""
        key = row.binding.token_key
        if self.lanes.start(provider.name, key, work):
            return started
        return RUNNING if self.lanes.is_running(key) else backing_off(Reason.PROVIDER_UNAVAILABLE, MICROSECONDS)

    def _hindrance(self, provider: Provider, row: TokenRow, now: int, *, demand: bool) -> Refused | None:
        """Return why a refresh is not tried now: the provider, this replica, or the row itself."""
        key, account = row.binding.token_key, account_of(row)
        repeats = is_repetition(provider, row)
        hindered = self.pacing.hindrance(provider.name, demand=demand, account=account, repeats=repeats)
        if hindered is not None:
            return hindered
        waits = (row.backs_off(now), self.resting.wait(key), self._doubt_wait(provider, row, now))
        if any(waits) or not self.fitness.may_lease():
            return Refused(Reason.PROVIDER_UNAVAILABLE, max(waits))
        return None

    @staticmethod
    def _doubt_wait(provider: Provider, row: TokenRow, now: int) -> int:
        """Return how long a row in doubt is left alone because its token is alive: the lease statement tests it too."""
        if row.state is not TokenState.IN_DOUBT or provider.tolerates_reuse:
            return 0
        return max(0, retried_at(row) - now)

    def _launch(self, context: CallContext, provider: Provider, row: TokenRow, *, demand: bool) -> RefreshAnswer:
        opened = self.sealing.open(row.binding, row.sealed)
        if opened.renewal is None:
            return SETTLED
        try:
            self.audit.write(record_of(context, row, opened, Phase.INTENT))
        except AuditUnavailableError as error:
            self.observer.refresh_ended(provider.name, error.reason.value.lower())
            raise
        work = partial(self._run, context, provider, row, opened, demand=demand)
        return self._in_lane(provider, row, work, STARTED)

    def _run(
        self, context: CallContext, provider: Provider, row: TokenRow, opened: OpenedToken, *, demand: bool
    ) -> None:
        """Run an attempt on a lane's thread: nothing may escape it, everything is logged."""
        try:
            ending = self._admitted(provider, row, opened, demand=demand)
        except StoppedError:
            ending = "stopped"
        except MmtError as error:
            ending = error.reason.value.lower()
        except Exception as error:  # noqa: BLE001  # a bug must not kill the lane; the heartbeat settles the row
            ending = "bug"
            self.log.error("refresh_failed", integration=provider.name, error=error)
        self.observer.refresh_ended(provider.name, ending)
        try:
            self.audit.write(record_of(context, row, opened, Phase.OUTCOME, ending))
        except AuditUnavailableError:
            self.log.error("audit_lost_an_outcome", integration=row.binding.integration, outcome=ending)

    def _admitted(self, provider: Provider, row: TokenRow, opened: OpenedToken, *, demand: bool) -> str:
        """Wait for the provider's leave, then run the attempt: a lease is not held meanwhile."""
        if self.write_back.stopping.is_set():
            # What has only queued is left to the next life: nobody waits until a slow provider has answered it all.
            return "stopped"
        if not self.fitness.may_lease():
            # Neither does a recovery wait until what queued before it has come to its turn.
            return "not_admitted"
        key, account, repeats = row.binding.token_key, account_of(row), is_repetition(provider, row)
        in_doubt = row.state is TokenState.IN_DOUBT
        admission = self.pacing.admit(provider.name, demand=demand, account=account, repeats=repeats, in_doubt=in_doubt)
        if isinstance(admission, Refused):
            return "not_admitted"
        with admission:
            ending = self.attempts.run(provider, row, opened, admission)
        if ending == LOST_THE_RACE and row.state is TokenState.IN_DOUBT:
            self.resting.hold(key, RESTING)
        return ending


def account_of(row: TokenRow) -> bytes:
    """Return what stands for a row's account at the exchange: ids of one account share its limits."""
    return row.account_key or row.binding.token_key


def is_repetition(provider: Provider, row: TokenRow) -> bool:
    """Whether a refresh repeats one that failed, and so needs the retry budget's leave.

    The one retry of a strict provider's doubt does not: it has waited for the last two minutes of the access token, and
    whoever has lost a rotation is to learn it by their end, however many were lost with it.
    """
    return row.failures > 0 and (row.state is not TokenState.IN_DOUBT or provider.tolerates_reuse)


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
