"""Which credential a Resolve may hand out: the one at hand, a refreshed one, or none."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import (
    CredentialUnreadableError,
    ExchangerUnreachableError,
    MmtError,
    ProviderRateLimitedError,
    ProviderUnavailableError,
    Reason,
    ReauthenticationRequiredError,
    StoreUnavailableError,
    TokenNotFoundError,
    UnavailableError,
)
from mmt_grpc.domain.model import MICROSECONDS, Cause, Liveness
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.exchanger import CallContext, Exchanger, Progress, RefreshAnswer
from mmt_grpc.domain.ports.store import AccessRows, Reading
from mmt_grpc.domain.token_row import AccessRow, TokenState, is_unexpired
from mmt_grpc.domain.verbs import MARGIN, Call, ResolveQuery
from mmt_grpc.domain.waiting_room import WaitingRoom

FIRST_PAUSE: Final = 20_000
LONGEST_PAUSE: Final = 200_000
PATIENCE: Final = 2 * MICROSECONDS
"""How long a call waits for a refresh while the token at hand is alive."""

Seen = Reading[AccessRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """Has a token refreshed where it must be, and waits for it by reading the row, holding no connection."""

    rows: AccessRows
    exchanger: Exchanger
    clock: Clock
    waiting_room: WaitingRoom

    def ensure(self, call: Call, query: ResolveQuery, seen: Seen) -> Seen:
        """Return a reading whose credential may leave now.

        Raises `ReauthenticationRequiredError`, `TokenNotFoundError` (revoked meanwhile) and the `UnavailableError`s.
        """
        row = seen.row
        check_authenticated(row)
        rejected = query.rejected_generation is not None and row.binding.generation <= query.rejected_generation
        if not row.refreshable:
            return self._without_renewal(call, seen, rejected=rejected)
        if not rejected and not row.wants_refresh(seen.now, query.min_validity):
            return seen
        fallback = seen if row.is_alive(seen.now) and not rejected else None
        with self.waiting_room.place(row.binding.integration) as placed:
            if not placed:
                return serve_or_raise(fallback, ProviderUnavailableError())
            return _Wait(self, call, seen, fallback).run()

    def _without_renewal(self, call: Call, seen: Seen, *, rejected: bool) -> Seen:
        row = seen.row
        integration = row.binding.integration
        if not is_unexpired(row.access_expires_at, seen.now):
            raise ReauthenticationRequiredError(cause=Cause.EXPIRED, integration=integration)
        if not rejected:
            return seen
        with self.waiting_room.place(integration) as placed:
            if not placed:
                raise ProviderUnavailableError
            liveness = self.exchanger.probe(
                CallContext(call.call_id, call.caller.name, call.patience(self.clock)),
                shard=row.shard,
                token_key=row.binding.token_key,
                generation=row.binding.generation,
            )
        return self._judge(seen, liveness)

    def _judge(self, seen: Seen, liveness: Liveness) -> Seen:
        """Read what the probe spoke of again: a Connect may have replaced it meanwhile, or a Revoke ended it."""
        again = reread(self.rows, seen.row)
        binding = again.row.binding
        if not again.row.is_alive(again.now):
            raise ReauthenticationRequiredError(cause=Cause.EXPIRED, integration=binding.integration)
        if liveness is Liveness.ALIVE or binding.generation > seen.row.binding.generation:
            return again
        raise ReauthenticationRequiredError(cause=Cause.PROVIDER_REVOKED, integration=binding.integration)


class _Wait:
    """One call's wait for one refresh."""

    def __init__(self, freshness: Freshness, call: Call, seen: Seen, fallback: Seen | None) -> None:
        self._rows = freshness.rows
        self._exchanger = freshness.exchanger
        self._clock = freshness.clock
        self._call = call
        self._asked = seen.row
        self._fallback = fallback

    def run(self) -> Seen:
        """Return the reading to serve, refreshed or the one at hand; raises as `Freshness.ensure`."""
        until = self._call.deadline - MARGIN
        if self._fallback is not None:
            until = min(until, self._clock.elapsed() + PATIENCE)
        pause = FIRST_PAUSE
        ending = self._ask(until)
        while may_change(ending) and self._clock.elapsed() < until:
            self._clock.sleep(min(pause, max(0, until - self._clock.elapsed())))
            pause = min(2 * pause, LONGEST_PAUSE)
            seen = self._read()
            if seen.row.binding.generation > self._asked.binding.generation:
                return self._newer(seen)
            if seen.row.state is not TokenState.REFRESHING and self._clock.elapsed() < until:
                ending = self._ask(until)
        return serve_or_raise(self._still_alive(), ending or ProviderUnavailableError())

    def _ask(self, until: int) -> MmtError | None:
        """Ask for the refresh; return why it does not run, None if it does. Asking again starts no second one."""
        row = self._asked
        time_left = max(0, until - self._clock.elapsed())
        context = CallContext(self._call.call_id, self._call.caller.name, time_left)
        try:
            answer = self._exchanger.refresh(
                context, shard=row.shard, token_key=row.binding.token_key, generation=row.binding.generation
            )
        except (UnavailableError, CredentialUnreadableError) as error:
            return error
        return _ending(answer) if answer.progress is Progress.BACKING_OFF else None

    def _read(self) -> Seen:
        return reread(self._rows, self._asked)

    def _newer(self, seen: Seen) -> Seen:
        if seen.row.is_alive(seen.now):
            return seen
        if not seen.row.refreshable:
            raise ReauthenticationRequiredError(cause=Cause.EXPIRED, integration=seen.row.binding.integration)
        raise ProviderUnavailableError

    def _still_alive(self) -> Seen | None:
        """Return a fresh reading of the token at hand, None if it has died or changed hands meanwhile."""
        if self._fallback is None:
            return None
        seen = self._read()
        return seen if seen.row.is_alive(seen.now) else None


def reread(rows: AccessRows, row: AccessRow) -> Seen:
    """Read a row again; raises `TokenNotFoundError`, `ReauthenticationRequiredError`."""
    seen = rows.read_access(row.shard, row.binding.token_key)
    if seen.row is None:
        raise TokenNotFoundError
    check_authenticated(seen.row)
    return Reading(seen.row, seen.now)


def check_authenticated(row: AccessRow) -> None:
    """Raise `ReauthenticationRequiredError` if the row says that the user must log in again."""
    if row.state is TokenState.REAUTHENTICATION:
        cause = row.reason or Cause.PROVIDER_REVOKED
        raise ReauthenticationRequiredError(cause=cause, integration=row.binding.integration)


def serve_or_raise(fallback: Seen | None, error: MmtError) -> Seen:
    """Return what is alive, else raise."""
    if fallback is None:
        raise error
    return fallback


def may_change(ending: MmtError | None) -> bool:
    """Whether a refresh may still come of it: it runs, or nobody has said that it does not.

    An exchanger that is being started again drains first, which may take as long as the provider does.
    """
    return ending is None or isinstance(ending, ExchangerUnreachableError)


def _ending(answer: RefreshAnswer) -> MmtError:
    wait = max(answer.wait, 0) / MICROSECONDS
    if answer.reason is Reason.PROVIDER_RATE_LIMITED:
        return ProviderRateLimitedError(retry_after=wait)
    if answer.reason is Reason.STORE_UNAVAILABLE:
        return StoreUnavailableError(retry_after=wait)
    return ProviderUnavailableError(retry_after=wait)
