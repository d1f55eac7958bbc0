"""The interceptor that knows callers: who calls, whether they may use the method, and until when they wait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias

import grpc

from mmt_grpc.domain.callers import Caller, admit
from mmt_grpc.domain.errors import MmtError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.audit import Audit, AuditRecord, Phase
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.transport.bodies import Bodies, Messages
from mmt_grpc.transport.sanitise import Behaviour

CALL_ID_BYTES: Final = 16
NO_DEADLINE: Final = 1e9
"""Seconds: grpcio reports a call without a deadline as one of three hundred billion years."""

CallMetadata: TypeAlias = Sequence[tuple[str, str | bytes]]


class Authenticator(Protocol):
    """Who is calling."""

    def authenticate(self, metadata: CallMetadata) -> Caller:
        """Return the caller that a call's metadata proves; raises `CallerUnauthenticatedError`."""
        ...


class Arrival(NamedTuple):
    """A call whose caller is known; `deadline` as in `domain.verbs.Call`."""

    call_id: str
    caller: Caller
    method: str
    deadline: int


Authorised: TypeAlias = Callable[[bytes, Arrival], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Microseconds: what a call without a deadline gets, and what the most patient one gets."""

    default: int = 10 * MICROSECONDS
    longest: int = 60 * MICROSECONDS

    def allow(self, remaining: float) -> int:
        """Return the microseconds that a call has, whose caller waits `remaining` seconds more."""
        if remaining > NO_DEADLINE:
            return self.default
        return min(int(remaining * MICROSECONDS), self.longest)


class Refusals:
    """Audits refusals of known callers that no verb gets to see; verbs audit their own."""

    def __init__(self, *, audit: Audit) -> None:
        self._audit = audit

    def record(self, arrival: Arrival, error: MmtError) -> None:
        """Record why a call is refused; raises `AuditUnavailableError`, which then is why."""
        clients = arrival.caller.clients
        self._audit.write(
            AuditRecord(
                call_id=arrival.call_id,
                caller=arrival.caller.name,
                # What the request calls its client is not to be believed yet.
                client_id=next(iter(clients)) if len(clients) == 1 else "",
                method=arrival.method,
                phase=Phase.OUTCOME,
                outcome="refused",
                reason=error.reason,
            )
        )


def authorised(
    method: str,
    inner: Authorised,
    *,
    authenticator: Authenticator,
    refusals: Refusals,
    deadlines: Deadlines,
    bodies: Bodies,
    clock: Clock,
    randomness: Randomness,
) -> Behaviour[Messages, bytes]:
    """Wrap what serves known callers so that those alone reach it, with their bodies, who may use the method."""

    def authorise(messages: Messages, context: grpc.ServicerContext) -> bytes:
        deadline = clock.elapsed() + deadlines.allow(context.time_remaining())
        caller = authenticator.authenticate(context.invocation_metadata())
        arrival = Arrival(randomness.random_bytes(CALL_ID_BYTES).hex(), caller, method, deadline)
        try:
            admit(caller, method)
            body = bodies.take(messages, context)
        except MmtError as error:
            refusals.record(arrival, error)
            raise
        return inner(body, arrival)

    return authorise
