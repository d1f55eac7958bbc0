"""One error of each kind that the domain may raise."""

from mmt_grpc.domain import errors
from mmt_grpc.domain.errors import MmtError, Violation
from mmt_grpc.domain.model import Cause, Scope

SAMPLES: tuple[MmtError, ...] = (
    errors.InvalidRequestError(Violation("session.expire_time", "must lie ahead"), Violation("grant", "must be set")),
    errors.IntegrationUnknownError(),
    errors.TokenNotRequiredError(),
    errors.CallerUnauthenticatedError(),
    errors.CallerForbiddenError(),
    errors.ScopeMismatchError(granted=Scope.READ, required=Scope.WRITE),
    errors.TokenNotFoundError(),
    errors.ReauthenticationRequiredError(cause=Cause.ROTATION_LOST, integration="coinbase"),
    errors.AccountMismatchError(),
    errors.GrantRejectedError(),
    errors.OtpRequiredError(),
    errors.CredentialUnreadableError(),
    errors.ConflictError(),
    errors.ProviderUnavailableError(retry_after=2.5),
    errors.ExchangerUnreachableError(),
    errors.ProviderRateLimitedError(retry_after=30),
    errors.EpochUnknownError(may_arrive=True),
    errors.StoreUnavailableError(),
    errors.StoreOutcomeUnknownError(),
    errors.AuditUnavailableError(),
    errors.OverloadedError(retry_after=0.25),
)
