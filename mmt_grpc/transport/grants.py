"""Grants on the wire, the public and the internal one, and in the domain."""

from collections.abc import Mapping
from typing import Any

from mmt.internal.v1 import exchanger_service_pb2 as internal_pb
from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.errors import InvalidRequestError, Violation
from mmt_grpc.domain.model import (
    ApiKeyGrant,
    AuthorizationCode,
    Grant,
    OAuthTokens,
    SessionGrant,
    UserCredentials,
)
from mmt_grpc.domain.secret import Secret
from mmt_grpc.transport.times import microseconds, timestamp


def grant_of(request: pb.ConnectRequest | internal_pb.ConnectRequest) -> Grant:
    """Return the grant that a request brings; `InvalidRequestError` on `grant` if it brings none."""
    match request.WhichOneof("grant"):
        case "authorization_code":
            return _authorization_code(request.authorization_code)
        case "oauth_tokens":
            return _oauth_tokens(request.oauth_tokens)
        case "user_credentials":
            return _user_credentials(request.user_credentials)
        case "api_key":
            return ApiKeyGrant(key=Secret(request.api_key.key), secret=Secret(request.api_key.secret))
        case "session":
            return _session(request.session)
        case _:
            raise InvalidRequestError(Violation("grant", "must be set"))


def grant_field(grant: Grant) -> Mapping[str, Any]:
    """Return a grant as the one keyword argument that a request message takes for it."""
    match grant:
        case AuthorizationCode():
            code = nouns.AuthorizationCode(
                code=grant.code.reveal(),
                redirect_uri=grant.redirect_uri,
                code_verifier=grant.code_verifier.reveal(),
            )
            return {"authorization_code": code}
        case OAuthTokens():
            tokens = nouns.OAuthTokens(
                access_token=grant.access_token.reveal(),
                refresh_token=_revealed(grant.refresh_token),
                expire_time=timestamp(grant.expires_at),
                granted_scopes=grant.granted_scopes,
            )
            return {"oauth_tokens": tokens}
        case UserCredentials():
            login = nouns.UserCredentials(
                username=grant.username.reveal(), password=grant.password.reveal(), otp=_revealed(grant.otp)
            )
            return {"user_credentials": login}
        case ApiKeyGrant():
            return {"api_key": nouns.ApiKey(key=grant.key.reveal(), secret=grant.secret.reveal())}
        case SessionGrant():
            session = nouns.Session(token=grant.token.reveal(), expire_time=timestamp(grant.expires_at))
            return {"session": session}


def _authorization_code(message: nouns.AuthorizationCode) -> AuthorizationCode:
    return AuthorizationCode(
        code=Secret(message.code),
        redirect_uri=message.redirect_uri,
        code_verifier=Secret(message.code_verifier),
    )


def _oauth_tokens(message: nouns.OAuthTokens) -> OAuthTokens:
    return OAuthTokens(
        access_token=Secret(message.access_token),
        refresh_token=_secret(message.refresh_token),
        expires_at=microseconds(message.expire_time) if message.HasField("expire_time") else None,
        granted_scopes=tuple(message.granted_scopes),
    )


def _user_credentials(message: nouns.UserCredentials) -> UserCredentials:
    return UserCredentials(
        username=Secret(message.username), password=Secret(message.password), otp=_secret(message.otp)
    )


def _session(message: nouns.Session) -> SessionGrant:
    return SessionGrant(
        token=Secret(message.token),
        expires_at=microseconds(message.expire_time) if message.HasField("expire_time") else None,
    )


def _secret(text: str) -> Secret | None:
    return Secret(text) if text else None


def _revealed(secret: Secret | None) -> str:
    return "" if secret is None else secret.reveal()
