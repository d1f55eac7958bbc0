"""What a worker asks of its exchanger."""

import enum
from dataclasses import dataclass
from typing import Protocol

from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.model import ConnectOutcome, Grant, Identity, Liveness, Upstream
from mmt_grpc.domain.token_row import Binding, SealedToken


@dataclass(frozen=True, slots=True)
class CallContext:
    """The outer call, for the audit log: its id, and the caller's name (the id of its API key).

    `time_left`: microseconds that an answer is waited for at most, None for as long as the exchanger's end allows.
    """

    call_id: str
    caller: str
    time_left: int | None = None


@dataclass(frozen=True, slots=True)
class ConnectOrder:
    """A Connect whose shape, caller and scope have been checked; `time_left`: microseconds to its deadline."""

    context: CallContext
    identity: Identity
    grant: Grant
    request_id: str | None
    allow_account_change: bool
    time_left: int


@dataclass(frozen=True, slots=True)
class Connected:
    """A committed Connect; `expires_at` in Unix microseconds, None if it does not expire or that is unknown."""

    token_id: str
    outcome: ConnectOutcome
    expires_at: int | None
    refreshable: bool


class Progress(enum.IntEnum):
    """How a refresh stands, numbered as on the internal wire."""

    STARTED = 1
    RUNNING = 2
    BACKING_OFF = 3
    SETTLED = 4


@dataclass(frozen=True, slots=True)
class RefreshAnswer:
    """How a refresh stands; with BACKING_OFF the reason a caller would be told, and the wait in microseconds."""

    progress: Progress
    reason: Reason | None = None
    wait: int = 0


@dataclass(frozen=True, slots=True)
class StagedRevocation:
    """The sealed credentials of a row about to be deleted; `unsettled`: a refresh was running or in doubt."""

    shard: int
    binding: Binding
    sealed: SealedToken
    account_key: bytes | None
    unsettled: bool


class Exchanger(Protocol):
    """Each method answers within its own bounds and raises `MmtError`s.

    An exchanger that cannot be reached: `ExchangerUnreachableError` (for Connect too: nothing is known to have
    happened, the request id makes the retry safe).
    """

    def connect(self, order: ConnectOrder) -> Connected:
        """Do and commit a whole Connect."""
        ...

    def refresh(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> RefreshAnswer:
        """Start a refresh of that generation, or say why not now; answers at once. Asked again, no second one."""
        ...

    def probe(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> Liveness:
        """Ask the provider whether the row's credential is alive; writes nothing."""
        ...

    def stage_revocation(self, context: CallContext, staged: StagedRevocation) -> None:
        """Keep a row's sealed credentials durably for revocation upstream, replacing what was kept for its key."""
        ...

    def complete_revocation(self, context: CallContext, *, shard: int, token_key: bytes) -> Upstream:
        """Revoke upstream what was staged, now that the row is gone."""
        ...
