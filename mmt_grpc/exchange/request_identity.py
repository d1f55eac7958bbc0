"""What makes two Connects the same request: an id, and the canonical bytes of their content."""

import hashlib
from dataclasses import dataclass
from typing import Final, assert_never

from mmt_grpc.domain.framing import frame
from mmt_grpc.domain.model import (
    ApiKeyGrant,
    AuthorizationCode,
    Grant,
    OAuthTokens,
    SessionGrant,
    UserCredentials,
)
from mmt_grpc.domain.ports.clock import Randomness
from mmt_grpc.domain.ports.exchanger import ConnectOrder
from mmt_grpc.domain.ports.sealing import RequestIndex
from mmt_grpc.domain.ports.store import ConnectRequest
from mmt_grpc.domain.secret import Secret

_RANDOM_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestIdentities:
    """Names Connect requests for this replica (`owner`) and this life of it."""

    index: RequestIndex
    randomness: Randomness
    owner: bytes
    life: bytes

    def of(self, order: ConnectOrder) -> ConnectRequest:
        """Return the request: the caller's id, else one derived from the code, else a random one."""
        if order.request_id:
            name = f"id:{order.request_id}"
        elif isinstance(order.grant, AuthorizationCode):
            code = frame(order.identity.integration.encode(), order.grant.code.reveal().encode())
            name = f"code:{hashlib.sha256(code).hexdigest()}"
        else:
            name = f"random:{self.randomness.random_bytes(_RANDOM_BYTES).hex()}"
        return ConnectRequest(
            request_key=self.index.request_key(order.identity.client_id, name),
            content_mac=self.index.content_mac(canonical(order)),
            owner=self.owner,
            life=self.life,
        )


def canonical(order: ConnectOrder) -> bytes:
    """Return the content of a Connect as bytes; two differ if anything in them does."""
    identity = order.identity
    return frame(
        identity.client_id.encode(),
        identity.end_user_id.encode(),
        identity.integration.encode(),
        identity.scope.wire_name.encode(),
        b"may_change" if order.allow_account_change else b"",
        *_parts(order.grant),
    )


def _parts(grant: Grant) -> list[bytes]:
    match grant:
        case AuthorizationCode():
            return [b"code", _bytes(grant.code), grant.redirect_uri.encode(), _bytes(grant.code_verifier)]
        case OAuthTokens():
            scopes = frame(*(scope.encode() for scope in grant.granted_scopes))
            tokens = [_bytes(grant.access_token), _bytes(grant.refresh_token)]
            return [b"tokens", *tokens, _time(grant.expires_at), scopes]
        case UserCredentials():
            return [b"login", _bytes(grant.username), _bytes(grant.password), _bytes(grant.otp)]
        case ApiKeyGrant():
            return [b"key", _bytes(grant.key), _bytes(grant.secret)]
        case SessionGrant():
            return [b"session", _bytes(grant.token), _time(grant.expires_at)]
        case _:
            assert_never(grant)


def _bytes(secret: Secret | None) -> bytes:
    return b"" if secret is None else secret.reveal().encode()


def _time(at: int | None) -> bytes:
    return b"" if at is None else str(at).encode()
