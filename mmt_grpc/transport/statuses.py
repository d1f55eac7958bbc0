"""The one table from reasons to status codes and sentences; metrics, audit and callers all see its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from grpc import StatusCode

from mmt_grpc.domain.errors import MmtError, ProviderUnavailableError, Reason
from mmt_grpc.domain.verbs import DeadlineError


@dataclass(frozen=True, slots=True)
class Status:
    """How a call ends: its code, the fixed sentence that goes with it, and its reason if it is one of the contract."""

    code: StatusCode
    sentence: str
    reason: Reason | None = None


def _row(code: StatusCode, reason: Reason, sentence: str) -> tuple[Reason, Status]:
    return reason, Status(code, sentence, reason)


STATUSES: Final[Mapping[Reason, Status]] = dict(
    (
        _row(StatusCode.INVALID_ARGUMENT, Reason.INVALID_REQUEST, "The request is malformed."),
        _row(StatusCode.INVALID_ARGUMENT, Reason.INTEGRATION_UNKNOWN, "No integration of this name is configured."),
        _row(
            StatusCode.FAILED_PRECONDITION,
            Reason.TOKEN_NOT_REQUIRED,
            "Connections of self-custody wallets hold no token.",
        ),
        _row(
            StatusCode.UNAUTHENTICATED,
            Reason.CALLER_UNAUTHENTICATED,
            "The caller's credentials are missing or not valid.",
        ),
        _row(
            StatusCode.PERMISSION_DENIED,
            Reason.CALLER_FORBIDDEN,
            "The caller may not use this method or act for this client.",
        ),
        _row(StatusCode.PERMISSION_DENIED, Reason.SCOPE_MISMATCH, "The token or the caller lacks the scope."),
        _row(StatusCode.NOT_FOUND, Reason.TOKEN_NOT_FOUND, "There is no such token."),
        _row(StatusCode.FAILED_PRECONDITION, Reason.REAUTHENTICATION_REQUIRED, "The end user has to log in again."),
        _row(
            StatusCode.FAILED_PRECONDITION,
            Reason.ACCOUNT_MISMATCH,
            "The grant belongs to another account than the connection.",
        ),
        _row(
            StatusCode.FAILED_PRECONDITION,
            Reason.GRANT_REJECTED,
            "The provider refused the grant, or granted too little.",
        ),
        _row(StatusCode.FAILED_PRECONDITION, Reason.OTP_REQUIRED, "The provider wants a one-time password."),
        _row(StatusCode.DATA_LOSS, Reason.CREDENTIAL_UNREADABLE, "The stored credential cannot be decrypted."),
        _row(StatusCode.UNAVAILABLE, Reason.PROVIDER_UNAVAILABLE, "The provider does not answer, or not conclusively."),
        _row(StatusCode.UNAVAILABLE, Reason.STORE_UNAVAILABLE, "The store does not answer."),
        _row(StatusCode.UNAVAILABLE, Reason.AUDIT_UNAVAILABLE, "The audit log cannot be written."),
        _row(
            StatusCode.RESOURCE_EXHAUSTED,
            Reason.PROVIDER_RATE_LIMITED,
            "The provider limits the rate of requests.",
        ),
        _row(StatusCode.RESOURCE_EXHAUSTED, Reason.OVERLOADED, "The server serves as many calls as it can."),
        _row(StatusCode.ABORTED, Reason.CONFLICT, "The call lost a race against another change of the same token."),
    )
)
"""What each reason becomes on the wire."""

DEADLINE: Final = Status(StatusCode.DEADLINE_EXCEEDED, "The deadline has passed.")
INTERNAL: Final = Status(StatusCode.INTERNAL, "The server failed to answer.")
"""Whatever is no error of the contract: a bug. Its text stays here, in the log as a place in the code only."""


class ExchangerFailedError(ProviderUnavailableError):
    """A bug in the exchanger: whoever waits for it is served what is alive, as if it were away, and else told INTERNAL.

    It has no reason on the wire.
    """


def status_of(error: Exception) -> Status:
    """Return what an exception becomes on the wire."""
    match error:
        case ExchangerFailedError():
            return INTERNAL
        case MmtError():
            return STATUSES[error.reason]
        case DeadlineError():
            return DEADLINE
        case _:
            return INTERNAL
