"""Every way a call can be refused or fail, one class per reason of the contract.

MmtError
├── CallerError: CallerUnauthenticatedError, CallerForbiddenError
├── InvalidRequestError, IntegrationUnknownError, TokenNotRequiredError
├── ScopeMismatchError, TokenNotFoundError
├── ReauthenticationRequiredError, AccountMismatchError, GrantRejectedError, OtpRequiredError
├── CredentialUnreadableError, ConflictError
└── UnavailableError: ProviderUnavailableError, StoreUnavailableError, AuditUnavailableError,
                      ProviderRateLimitedError, OverloadedError

Their text is a fixed sentence; what varies are the fields, none of which carries a secret. `StoreUnavailableError` says
that nothing was applied; its subclass `StoreOutcomeUnknownError` that this is not known, so that the writer reads back.
`EpochUnknownError` and `RowUnparsableError`, which is no refusal of the contract, are one row's own fault: whoever goes
through many rows goes on with the next.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from mmt_grpc.domain.model import Cause, Scope

DEFAULT_RETRY_AFTER: Final = 1.0
"""Seconds that a caller is asked to wait when nothing better is known."""


class Reason(enum.StrEnum):
    """The reasons of the contract, as they stand on the wire."""

    INVALID_REQUEST = "INVALID_REQUEST"
    INTEGRATION_UNKNOWN = "INTEGRATION_UNKNOWN"
    TOKEN_NOT_REQUIRED = "TOKEN_NOT_REQUIRED"
    CALLER_UNAUTHENTICATED = "CALLER_UNAUTHENTICATED"
    CALLER_FORBIDDEN = "CALLER_FORBIDDEN"
    SCOPE_MISMATCH = "SCOPE_MISMATCH"
    TOKEN_NOT_FOUND = "TOKEN_NOT_FOUND"
    REAUTHENTICATION_REQUIRED = "REAUTHENTICATION_REQUIRED"
    ACCOUNT_MISMATCH = "ACCOUNT_MISMATCH"
    GRANT_REJECTED = "GRANT_REJECTED"
    OTP_REQUIRED = "OTP_REQUIRED"
    CREDENTIAL_UNREADABLE = "CREDENTIAL_UNREADABLE"
    PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    AUDIT_UNAVAILABLE = "AUDIT_UNAVAILABLE"
    PROVIDER_RATE_LIMITED = "PROVIDER_RATE_LIMITED"
    OVERLOADED = "OVERLOADED"
    CONFLICT = "CONFLICT"


class MmtError(Exception):
    """A refusal or failure with a reason of the contract."""

    reason: ClassVar[Reason]

    def __init__(self) -> None:
        super().__init__(self.reason.value)

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the reason's ErrorInfo carries besides; enum names and integration names only."""
        return {}

    @property
    def retry_after(self) -> float | None:
        """Seconds after which another try may help, None where waiting does not."""
        return None


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that is wrong: its dotted proto name and a fixed description without its value."""

    field: str
    description: str


class InvalidRequestError(MmtError):
    """The request is malformed."""

    reason = Reason.INVALID_REQUEST

    def __init__(self, *violations: Violation) -> None:
        super().__init__()
        self.violations: Sequence[Violation] = violations


class IntegrationUnknownError(MmtError):
    """No integration of this name is configured."""

    reason = Reason.INTEGRATION_UNKNOWN


class TokenNotRequiredError(MmtError):
    """The name is a self-custody wallet's: such connections hold no token."""

    reason = Reason.TOKEN_NOT_REQUIRED


class CallerError(MmtError):
    """The caller may not do this."""


class CallerUnauthenticatedError(CallerError):
    """No caller credentials, or bad ones."""

    reason = Reason.CALLER_UNAUTHENTICATED


class CallerForbiddenError(CallerError):
    """The caller may not use this method or act for this client."""

    reason = Reason.CALLER_FORBIDDEN


class ScopeMismatchError(MmtError):
    """The token or the caller lacks the scope."""

    reason = Reason.SCOPE_MISMATCH

    def __init__(self, *, granted: Scope, required: Scope) -> None:
        super().__init__()
        self.granted = granted
        self.required = required

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"granted_scope": self.granted.wire_name, "required_scope": self.required.wire_name}


class TokenNotFoundError(MmtError):
    """Unknown, revoked, another client's, or not this end user's: the same answer, byte for byte."""

    reason = Reason.TOKEN_NOT_FOUND


class ReauthenticationRequiredError(MmtError):
    """The end user must log in again."""

    reason = Reason.REAUTHENTICATION_REQUIRED

    def __init__(self, *, cause: Cause, integration: str) -> None:
        super().__init__()
        self.cause = cause
        self.integration = integration

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"cause": self.cause.value, "integration": self.integration}


class AccountMismatchError(MmtError):
    """The grant belongs to another account than the token id is pinned to."""

    reason = Reason.ACCOUNT_MISMATCH


class GrantRejectedError(MmtError):
    """The provider refused the code, key or login, or granted too little."""

    reason = Reason.GRANT_REJECTED


class OtpRequiredError(MmtError):
    """The provider wants a one-time password."""

    reason = Reason.OTP_REQUIRED


class CredentialUnreadableError(MmtError):
    """The row does not decrypt: an answer and an alarm, never a write."""

    reason = Reason.CREDENTIAL_UNREADABLE


class ConflictError(MmtError):
    """A lost race that must not be hidden."""

    reason = Reason.CONFLICT


class UnavailableError(MmtError):
    """Not now: `retry_after` seconds say when to try again."""

    def __init__(self, *, retry_after: float = DEFAULT_RETRY_AFTER) -> None:
        super().__init__()
        self._retry_after = retry_after

    @property
    def retry_after(self) -> float:
        return self._retry_after


class ProviderUnavailableError(UnavailableError):
    """The provider does not answer, or a refresh is in doubt."""

    reason = Reason.PROVIDER_UNAVAILABLE


class ExchangerUnreachableError(ProviderUnavailableError):
    """The exchanger that would ask the provider is away, too slow, or just being started again."""


class ProviderRateLimitedError(UnavailableError):
    """The provider limits the rate of requests."""

    reason = Reason.PROVIDER_RATE_LIMITED


class StoreUnavailableError(UnavailableError):
    """The database or the ledger does not answer; nothing was applied."""

    reason = Reason.STORE_UNAVAILABLE


class StoreOutcomeUnknownError(StoreUnavailableError):
    """The database may or may not have applied the change: read back by key, attempt and version."""


class EpochUnknownError(StoreUnavailableError):
    """No key of a row's epoch is here, the keyring read again included: that row's own fault, and not the store's.

    `may_arrive`: other replicas may have it, and this one later. The epoch is newer than those that are loaded, or the
    keyring could not be read again.
    """

    def __init__(self, *, may_arrive: bool) -> None:
        super().__init__()
        self.may_arrive = may_arrive


class RowUnparsableError(ValueError):
    """A row has a value that this version does not know in a `column`: a newer version's, or nobody's."""

    def __init__(self, column: str) -> None:
        super().__init__(f"an unknown value of {column}")
        self.column = column


class AuditUnavailableError(UnavailableError):
    """The audit log cannot be written, so nothing leaves."""

    reason = Reason.AUDIT_UNAVAILABLE


class OverloadedError(UnavailableError):
    """The server serves as many calls as it can."""

    reason = Reason.OVERLOADED
