"""Requests and responses from the caller's side: the domain's types in, the domain's types out."""

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.model import ApiKeyPair, BearerToken, ConnectOutcome, Credential, Scope, Upstream
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.verbs import ConnectCommand, ConnectResult, Resolved, ResolveQuery, Revoked, ScopeAnswer
from mmt_grpc.transport.enums import SCOPES
from mmt_grpc.transport.grants import grant_field
from mmt_grpc.transport.times import duration, microseconds


def connect_request(client_id: str, command: ConnectCommand) -> pb.ConnectRequest:
    """Return a Connect as it is sent."""
    return pb.ConnectRequest(
        client_id=client_id,
        end_user_id=command.end_user_id,
        integration=command.integration,
        scope=None if command.scope is None else SCOPES[command.scope],
        request_id=command.request_id or "",
        allow_account_change=command.allow_account_change,
        **grant_field(command.grant),
    )


def connect_result(response: pb.ConnectResponse) -> ConnectResult:
    """Return a connection as it was answered; `ValueError` for an enum that is not known here."""
    return ConnectResult(
        token_id=response.token_id,
        outcome=ConnectOutcome(response.outcome),
        integration=response.integration,
        scope=Scope(response.scope),
        expires_at=microseconds(response.expire_time) if response.HasField("expire_time") else None,
        refreshable=response.refreshable,
    )


def resolve_request(client_id: str, query: ResolveQuery) -> pb.ResolveRequest:
    """Return a Resolve as it is sent."""
    return pb.ResolveRequest(
        client_id=client_id,
        token_id=query.token_id,
        end_user_id=query.end_user_id or "",
        required_scope=SCOPES[query.required],
        min_validity=duration(query.min_validity),
        rejected_generation=query.rejected_generation,
    )


def resolved(response: pb.ResolveResponse) -> Resolved:
    """Return a credential as it was answered; `ValueError` for a kind or an enum that is not known here."""
    return Resolved(
        credential=_credential(response),
        integration=response.integration,
        scope=Scope(response.scope),
        expires_at=microseconds(response.expire_time) if response.HasField("expire_time") else None,
        use_until=microseconds(response.use_until),
        generation=response.generation,
    )


def revoked(response: pb.RevokeResponse) -> Revoked:
    """Return a revocation as it was answered; `ValueError` for an enum that is not known here."""
    return Revoked(microseconds(response.revoke_time), Upstream(response.upstream))


def scope_answer(response: pb.CheckScopeResponse) -> ScopeAnswer:
    """Return what was found of a scope; `ValueError` for an enum that is not known here."""
    return ScopeAnswer(allowed=response.allowed, granted=Scope(response.granted_scope))


def _credential(response: pb.ResolveResponse) -> Credential:
    match response.WhichOneof("credential"):
        case "bearer_token":
            return BearerToken(Secret(response.bearer_token.access_token))
        case "api_key":
            return ApiKeyPair(Secret(response.api_key.key), Secret(response.api_key.secret))
        case _:
            raise ValueError("a credential of an unknown kind")
