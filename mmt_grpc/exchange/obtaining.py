"""What a grant is worth: redeemed at the provider, its account learned, its scopes judged."""

from collections.abc import Callable
from dataclasses import dataclass

from mmt_grpc.domain.errors import (
    GrantRejectedError,
    MmtError,
    OtpRequiredError,
    ProviderRateLimitedError,
    ProviderUnavailableError,
    Reason,
    UnavailableError,
)
from mmt_grpc.domain.model import MICROSECONDS, AuthorizationCode, Grant, Scope, UserCredentials
from mmt_grpc.domain.ports.providers import Failure, Issued, Provider, ProviderError
from mmt_grpc.exchange.admission import Refused


class NotSpentError(Exception):
    """Nothing was spent: the same request may be tried again. `error` is what the caller is told."""

    def __init__(self, error: MmtError) -> None:
        super().__init__(error.reason.value)
        self.error = error


@dataclass(frozen=True, slots=True)
class Worth:
    """What is known of a redeemed grant."""

    account: str | None
    granted_scopes: tuple[str, ...]


def is_ours(grant: Grant) -> bool:
    """Whether what the grant brings was obtained by us, so that we have to revoke it if it is not kept."""
    return isinstance(grant, AuthorizationCode | UserCredentials)


def redeem(provider: Provider, grant: Grant, scope: Scope, *, learn: Callable[[ProviderError | None], None]) -> Issued:
    """Redeem a grant; `learn` is told how the provider answered.

    Raises `NotSpentError`, `GrantRejectedError` (a code exchange whose outcome is unknown, too), `OtpRequiredError`.
    """
    try:
        issued = provider.redeem(grant, scope)
    except ProviderError as error:
        learn(error)
        if error.failure is Failure.OTP_REQUIRED:
            raise NotSpentError(OtpRequiredError()) from None
        if error.failure is Failure.PERMANENT:
            raise GrantRejectedError from None
        if error.failure is Failure.AMBIGUOUS and isinstance(grant, AuthorizationCode):
            raise GrantRejectedError from None
        raise NotSpentError(waiting_for(error)) from None
    learn(None)
    return issued


def judge(provider: Provider, issued: Issued, scope: Scope, *, learn: Callable[[ProviderError | None], None]) -> Worth:
    """Learn account and scopes and judge them; `learn` is told how the provider answered, if it was seen to.

    Raises `GrantRejectedError` and the provider's `UnavailableError`s.
    """
    try:
        account = issued.account or provider.read_account(issued.credential)
        granted = issued.granted_scopes
        if granted is None:
            granted = provider.read_granted_scopes(issued.credential)
    except ProviderError as error:
        learn(error)
        if error.failure is Failure.PERMANENT:
            raise GrantRejectedError from None
        raise waiting_for(error) from None
    if (account, granted) != (issued.account, issued.granted_scopes):
        learn(None)
    if granted is None:
        granted = provider.asked_scopes(scope)
    if not provider.covers(granted, scope) or provider.is_wider(granted, scope):
        raise GrantRejectedError
    return Worth(account, granted)


def waiting_for(error: ProviderError) -> MmtError:
    """Return what a caller is told who may try again."""
    if error.rate_limited:
        return ProviderRateLimitedError(retry_after=error.retry_after or 1.0)
    return ProviderUnavailableError(retry_after=error.retry_after or 1.0)


def refusal(refused: Refused) -> UnavailableError:
    """Return what a caller is told whose grant is not sent now."""
    wait = refused.wait / MICROSECONDS
    if refused.reason is Reason.PROVIDER_RATE_LIMITED:
        return ProviderRateLimitedError(retry_after=wait)
    return ProviderUnavailableError(retry_after=wait)
