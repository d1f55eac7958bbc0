"""Which integrations there are, of which kind, and which names are wallets."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import (
    IntegrationUnknownError,
    InvalidRequestError,
    TokenNotRequiredError,
    Violation,
)
from mmt_grpc.domain.model import (
    ApiKeyGrant,
    AuthorizationCode,
    Grant,
    OAuthTokens,
    SessionGrant,
    UserCredentials,
)


class Kind(enum.StrEnum):
    """The families of integrations."""

    OAUTH = "oauth"
    LOGIN = "login"


_GRANTS: Final[Mapping[Kind, tuple[type, ...]]] = {
    Kind.OAUTH: (AuthorizationCode, OAuthTokens),
    Kind.LOGIN: (UserCredentials, SessionGrant, ApiKeyGrant),
}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The configured integrations by name, and the names of self-custody wallets."""

    kinds: Mapping[str, Kind]
    wallets: frozenset[str]

    def find(self, integration: str) -> Kind:
        """Return an integration's family; raises unless there is one of this name that holds tokens."""
        if integration in self.wallets:
            raise TokenNotRequiredError
        kind = self.kinds.get(integration)
        if kind is None:
            raise IntegrationUnknownError
        return kind

    def admit(self, integration: str, grant: Grant) -> None:
        """Raise unless the integration exists and takes this kind of grant."""
        if not isinstance(grant, _GRANTS[self.find(integration)]):
            raise InvalidRequestError(Violation("grant", "must be of a kind that the integration takes"))
