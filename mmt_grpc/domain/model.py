"""What MMT is about: scopes, grants, credentials, and the connection they belong to."""

import enum
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.secret import Secret

MICROSECONDS: Final = 1_000_000
"""Times are integers, Unix microseconds of the database's clock; so are the differences between them."""


class Scope(enum.IntEnum):
    """What a token may be used for, numbered as on the wire; a higher one includes the lower."""

    READ = 1
    WRITE = 2

    @property
    def wire_name(self) -> str:
        """The enum name of the contract, `SCOPE_READ` or `SCOPE_WRITE`."""
        return f"SCOPE_{self.name}"

    def includes(self, other: "Scope") -> bool:
        """Whether whoever holds this scope may do what `other` allows."""
        return self >= other


class Cause(enum.StrEnum):
    """Why an end user has to log in again."""

    EXPIRED = "EXPIRED"
    PROVIDER_REVOKED = "PROVIDER_REVOKED"
    ROTATION_LOST = "ROTATION_LOST"


class ConnectOutcome(enum.IntEnum):
    """What a Connect did to the identity, numbered as on the wire."""

    CREATED = 1
    REAUTHENTICATED = 2


class Upstream(enum.IntEnum):
    """What the exchange said of a revocation, numbered as on the wire."""

    REVOKED = 1
    ACCEPTED = 2
    UNSUPPORTED = 3
    FAILED = 4


class Liveness(enum.Enum):
    """What the exchange says of a credential; UNKNOWN where the integration has no endpoint to ask."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An access token or a session token."""

    token: Secret


@dataclass(frozen=True, slots=True)
class ApiKeyPair:
    """An exchange's API key: the key that is sent and the secret that signs."""

    key: Secret
    secret: Secret


Credential = BearerToken | ApiKeyPair
"""What a backend service presents to the exchange."""


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """An OAuth code, to be exchanged with the provider."""

    code: Secret
    redirect_uri: str
    code_verifier: Secret


@dataclass(frozen=True, slots=True)
class OAuthTokens:
    """OAuth tokens that the client holds already; `expires_at` in Unix microseconds, None if they do not expire."""

    access_token: Secret
    refresh_token: Secret | None
    expires_at: int | None
    granted_scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserCredentials:
    """A login, sent to the provider once and never stored."""

    username: Secret
    password: Secret
    otp: Secret | None


@dataclass(frozen=True, slots=True)
class ApiKeyGrant:
    """An API key, checked for its permissions before it is stored."""

    key: Secret
    secret: Secret


@dataclass(frozen=True, slots=True)
class SessionGrant:
    """A session that the client holds already; `expires_at` in Unix microseconds, None if unknown."""

    token: Secret
    expires_at: int | None


Grant = AuthorizationCode | OAuthTokens | UserCredentials | ApiKeyGrant | SessionGrant
"""What proves a connection."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a token id stands for: one per (client, end user, integration, scope), for ever."""

    client_id: str
    end_user_id: str
    integration: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a row says of itself, sealed beside the credentials."""

    token_id: str
    identity: Identity
    account: str | None
    granted_scopes: tuple[str, ...]
