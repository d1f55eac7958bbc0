"""The four verbs of the service, as their callers see them: what goes in, what comes out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.callers import Caller
from mmt_grpc.domain.model import MICROSECONDS, ConnectOutcome, Credential, Grant, Scope, Upstream
from mmt_grpc.domain.ports.clock import Clock

DEFAULT_MIN_VALIDITY: Final = 60 * MICROSECONDS
MAX_MIN_VALIDITY: Final = 24 * 3600 * MICROSECONDS
MARGIN: Final = 250_000
"""How long before its deadline a call gives up, so that the caller still gets its answer."""


class DeadlineError(Exception):
    """The call's deadline has passed; nothing that was decided is lost by it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its id, who calls for which client (checked), and by when it must be answered (`Clock.elapsed`)."""

    call_id: str
    caller: Caller
    client_id: str
    deadline: int

    def patience(self, clock: Clock) -> int:
        """Return the microseconds that something may be waited for, so that the caller still gets its answer."""
        return max(0, self.deadline - MARGIN - clock.elapsed())

    def remaining(self, clock: Clock) -> int:
        """Return the microseconds left; raises `DeadlineError` if there are none."""
        left = self.deadline - clock.elapsed()
        if left <= 0:
            raise DeadlineError
        return left


@dataclass(frozen=True, slots=True)
class ConnectCommand:
    """A Connect whose form was checked; `scope` None stands for the caller's own."""

    end_user_id: str
    integration: str
    scope: Scope | None
    request_id: str | None
    allow_account_change: bool
    grant: Grant


@dataclass(frozen=True, slots=True)
class ConnectResult:
    """A connection that stands; `expires_at` in Unix microseconds, None if it does not expire or that is unknown."""

    token_id: str
    outcome: ConnectOutcome
    integration: str
    scope: Scope
    expires_at: int | None
    refreshable: bool


@dataclass(frozen=True, slots=True)
class ResolveQuery:
    """A Resolve whose form was checked: `token_id` normalised, `min_validity` in microseconds."""

    token_id: str
    end_user_id: str | None
    required: Scope
    min_validity: int = DEFAULT_MIN_VALIDITY
    rejected_generation: int | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A usable credential; times in Unix microseconds, `use_until` never past `expires_at`."""

    credential: Credential
    integration: str
    scope: Scope
    expires_at: int | None
    use_until: int
    generation: int


@dataclass(frozen=True, slots=True)
class Revoked:
    """A token that is gone, since when, and what the exchange said."""

    revoked_at: int
    upstream: Upstream


@dataclass(frozen=True, slots=True)
class ScopeAnswer:
    """Whether Resolve would hand the token out for the scope, and the lower of the token's and the caller's scope."""

    allowed: bool
    granted: Scope


@dataclass(frozen=True, slots=True)
class Verbs:
    """The service behind the wire. Each raises `MmtError` or `DeadlineError`."""

    connect: Callable[[Call, ConnectCommand], ConnectResult]
    resolve: Callable[[Call, ResolveQuery], Resolved]
    revoke: Callable[[Call, str], Revoked]
    check_scope: Callable[[Call, str, Scope], ScopeAnswer]
    find_integration: Callable[[str], object] = lambda _: None
    """Raises unless tokens of an integration of this name are held: asked before a malformed grant is refused."""
