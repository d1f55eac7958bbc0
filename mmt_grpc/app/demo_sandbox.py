"""The exchange's side of the demonstration: users who give access, and what the exchange's books say."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from mmt_grpc.domain.model import ApiKeyGrant, AuthorizationCode, BearerToken, Scope, UserCredentials
from mmt_grpc.domain.secret import Secret

TIMEOUT: Final = 10.0
READS: Final = {"coinbase": "/coinbase/v2/user", "uphold": "/uphold/v0/me", "binance": "/binance/session"}
"""What a backend service would ask each exchange with a bearer token."""


class ExchangeGoneError(Exception):
    """The sandbox exchange does not answer."""


@dataclass(frozen=True, slots=True)
class Book:
    """What the exchange counted for one account; `live` the sha256, hex, of every credential it would accept."""

    refreshes: int
    reuses: int
    live: frozenset[str]

    def accepts(self, secret: Secret) -> bool:
        """Whether a credential would be accepted."""
        return hashlib.sha256(secret.reveal().encode()).hexdigest() in self.live


@dataclass(frozen=True, slots=True)
class SandboxUsers:
    """Speaks to the sandbox exchange over HTTP; `spoken` gathers every secret that it gave out."""

    url: str
    spoken: list[Secret] = field(default_factory=list)

    def authorize(self, integration: str, account: str, scope: Scope, life: float | None = None) -> AuthorizationCode:
        """Have a user allow access by OAuth; access tokens live `life` seconds, None: as long as the exchange's."""
        terms = {} if life is None else {"access_seconds": life}
        made = self._post(
            "authorizations", {"integration": integration, "account": account, "scope": scope.name.lower(), **terms}
        )
        grant = AuthorizationCode(Secret(made["code"]), made["redirect_uri"], Secret(made["code_verifier"]))
        self.spoken.extend(secret for secret in (grant.code, grant.code_verifier) if secret)
        return grant

    def sign_up(self, account: str, password: Secret, scope: Scope, life: float) -> UserCredentials:
        """Make a user whose login sessions live `life` seconds, and return the login."""
        self._post(
            "users",
            {
                "account": account,
                "username": account,
                "password": password.reveal(),
                "scope": scope.name.lower(),
                "session_seconds": life,
            },
        )
        self.spoken.append(password)
        return UserCredentials(Secret(account), password, None)

    def make_api_key(self, account: str, scope: Scope) -> ApiKeyGrant:
        """Have a user make an API key."""
        made = self._post("api-keys", {"account": account, "scope": scope.name.lower()})
        grant = ApiKeyGrant(Secret(made["key"]), Secret(made["secret"]))
        self.spoken.extend((grant.key, grant.secret))
        return grant

    def book(self, integration: str, account: str) -> Book:
        """Return what the exchange counted."""
        entry = self._ask("GET", "/control/books").raise_for_status().json()[integration][account]
        return Book(entry["refreshes"], entry["reuses"], frozenset(entry["live"]))

    def lets_in(self, integration: str, token: BearerToken) -> bool:
        """Ask the exchange something with a token, as a backend service would."""
        headers = {"authorization": f"Bearer {token.token.reveal()}"}
        return self._ask("GET", READS[integration], headers=headers).status_code == httpx2.codes.OK

    def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self._ask("POST", f"/control/{what}", json=body).raise_for_status().json()
        return made

    def _ask(self, method: str, path: str, **content: Any) -> httpx2.Response:  # noqa: ANN401  # what httpx2 takes
        try:
            with httpx2.Client(trust_env=False, timeout=TIMEOUT) as client:
                return client.request(method, self.url + path, **content)
        except httpx2.HTTPError as error:
            raise ExchangeGoneError(f"the sandbox exchange: {type(error).__name__}") from None
