"""The public protos and the domain, each turned into the other; the requests have been validated."""

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain import token_id
from mmt_grpc.domain.errors import InvalidRequestError, Violation
from mmt_grpc.domain.model import ApiKeyPair, BearerToken, Scope
from mmt_grpc.domain.verbs import (
    DEFAULT_MIN_VALIDITY,
    ConnectCommand,
    ConnectResult,
    Resolved,
    ResolveQuery,
    Revoked,
    ScopeAnswer,
)
from mmt_grpc.transport.enums import OUTCOMES, SCOPES, UPSTREAMS
from mmt_grpc.transport.grants import grant_of
from mmt_grpc.transport.times import microseconds, timestamp


def connect_command(request: pb.ConnectRequest) -> ConnectCommand:
    """Return what a Connect asks for; an unspecified scope stands for the caller's own."""
    return ConnectCommand(
        end_user_id=request.end_user_id,
        integration=request.integration,
        scope=Scope(request.scope) if request.scope else None,
        request_id=request.request_id or None,
        allow_account_change=request.allow_account_change,
        grant=grant_of(request),
    )


def connect_response(result: ConnectResult) -> pb.ConnectResponse:
    """Return a connection as it is answered."""
    return pb.ConnectResponse(
        token_id=result.token_id,
        outcome=OUTCOMES[result.outcome],
        integration=result.integration,
        scope=SCOPES[result.scope],
        expire_time=timestamp(result.expires_at),
        refreshable=result.refreshable,
    )


def resolve_query(request: pb.ResolveRequest) -> ResolveQuery:
    """Return what a Resolve asks for."""
    return ResolveQuery(
        token_id=normalised(request.token_id),
        end_user_id=request.end_user_id or None,
        required=Scope(request.required_scope),
        min_validity=microseconds(request.min_validity) if request.HasField("min_validity") else DEFAULT_MIN_VALIDITY,
        rejected_generation=request.rejected_generation if request.HasField("rejected_generation") else None,
    )


def resolve_response(resolved: Resolved) -> pb.ResolveResponse:
    """Return a credential as it is answered: the one place where it is opened for a caller."""
    response = pb.ResolveResponse(
        integration=resolved.integration,
        scope=SCOPES[resolved.scope],
        expire_time=timestamp(resolved.expires_at),
        use_until=timestamp(resolved.use_until),
        generation=resolved.generation,
    )
    match resolved.credential:
        case BearerToken(token=token):
            response.bearer_token.access_token = token.reveal()
        case ApiKeyPair(key=key, secret=secret):
            response.api_key.key, response.api_key.secret = key.reveal(), secret.reveal()
    return response


def revoke_response(revoked: Revoked) -> pb.RevokeResponse:
    """Return a revocation as it is answered."""
    return pb.RevokeResponse(revoke_time=timestamp(revoked.revoked_at), upstream=UPSTREAMS[revoked.upstream])


def check_scope_response(answer: ScopeAnswer) -> pb.CheckScopeResponse:
    """Return what was found of a scope as it is answered."""
    return pb.CheckScopeResponse(allowed=answer.allowed, granted_scope=SCOPES[answer.granted])


def normalised(text: str) -> str:
    """Return a token id in lower case; `InvalidRequestError` if it is none."""
    normal = token_id.normalise(text)
    if normal is None:
        raise InvalidRequestError(Violation("token_id", "must be of the documented form"))
    return normal
