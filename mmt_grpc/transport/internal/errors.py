"""Statuses of the exchanger turned back into the domain's errors."""

from collections.abc import Callable, Mapping
from typing import Final

import grpc

from mmt_grpc.domain import errors
from mmt_grpc.domain.errors import DEFAULT_RETRY_AFTER, MmtError, Reason, Violation
from mmt_grpc.domain.model import Cause, Scope
from mmt_grpc.transport.rich_error import DOMAIN, Details
from mmt_grpc.transport.statuses import INTERNAL, ExchangerFailedError

_SCOPES: Final = {scope.wire_name: scope for scope in Scope}


def _invalid_request(details: Details) -> MmtError:
    return errors.InvalidRequestError(
        *(Violation(violation.field, violation.description) for violation in details.bad_request.field_violations)
    )


def _scope_mismatch(details: Details) -> MmtError:
    metadata = details.info.metadata
    return errors.ScopeMismatchError(
        granted=_SCOPES[metadata["granted_scope"]], required=_SCOPES[metadata["required_scope"]]
    )


def _reauthentication_required(details: Details) -> MmtError:
    metadata = details.info.metadata
    return errors.ReauthenticationRequiredError(cause=Cause(metadata["cause"]), integration=metadata["integration"])


def _plain(error: type[MmtError]) -> Callable[[Details], MmtError]:
    return lambda _: error()


def _unavailable(error: type[errors.UnavailableError]) -> Callable[[Details], MmtError]:
    return lambda details: error(retry_after=DEFAULT_RETRY_AFTER if details.retry is None else details.retry)


ERRORS: Final[Mapping[Reason, Callable[[Details], MmtError]]] = {
    Reason.INVALID_REQUEST: _invalid_request,
    Reason.INTEGRATION_UNKNOWN: _plain(errors.IntegrationUnknownError),
    Reason.TOKEN_NOT_REQUIRED: _plain(errors.TokenNotRequiredError),
    # The exchanger does not know this worker: nothing that the caller could mend.
    Reason.CALLER_UNAUTHENTICATED: _plain(errors.ProviderUnavailableError),
    Reason.CALLER_FORBIDDEN: _plain(errors.CallerForbiddenError),
    Reason.SCOPE_MISMATCH: _scope_mismatch,
    Reason.TOKEN_NOT_FOUND: _plain(errors.TokenNotFoundError),
    Reason.REAUTHENTICATION_REQUIRED: _reauthentication_required,
    Reason.ACCOUNT_MISMATCH: _plain(errors.AccountMismatchError),
    Reason.GRANT_REJECTED: _plain(errors.GrantRejectedError),
    Reason.OTP_REQUIRED: _plain(errors.OtpRequiredError),
    Reason.CREDENTIAL_UNREADABLE: _plain(errors.CredentialUnreadableError),
    Reason.PROVIDER_UNAVAILABLE: _unavailable(errors.ProviderUnavailableError),
    Reason.STORE_UNAVAILABLE: _unavailable(errors.StoreUnavailableError),
    Reason.AUDIT_UNAVAILABLE: _unavailable(errors.AuditUnavailableError),
    Reason.PROVIDER_RATE_LIMITED: _unavailable(errors.ProviderRateLimitedError),
    Reason.OVERLOADED: _unavailable(errors.OverloadedError),
    Reason.CONFLICT: _plain(errors.ConflictError),
}
"""How each reason is read; what varies of an error comes back with it."""


def error_of(failure: grpc.RpcError) -> MmtError:
    """Return the error that a failed call stands for.

    `ExchangerFailedError` for a bug there; `ExchangerUnreachableError` for whatever else has no reason: an exchanger
    that is down or too slow.
    """
    # grpcio raises objects that are both, which its stubs hold impossible.
    call: object = failure
    if not isinstance(call, grpc.Call):
        return errors.ExchangerUnreachableError()
    # gRPC's own core says INTERNAL of broken streams as well: the sentence is the exchanger's.
    if call.code() is INTERNAL.code and call.details() == INTERNAL.sentence:
        return ExchangerFailedError()
    details = Details(call.trailing_metadata() or ())
    try:
        if details.info.domain == DOMAIN:
            return ERRORS[Reason(details.info.reason)](details)
    except (KeyError, ValueError):
        return errors.ProviderUnavailableError()
    return errors.ExchangerUnreachableError()


def is_not_taken(failure: grpc.RpcError) -> bool:
    """Whether no handler has seen the call: so gRPC's core ends what arrives while a server stops (grpc/grpc#41785).

    Handlers of the exchanger never say CANCELLED, and one that is cut short ends otherwise.
    """
    call: object = failure
    return isinstance(call, grpc.Call) and call.code() is grpc.StatusCode.CANCELLED
