"""What a campaign needs of an exchange: codes from users who agree, and its own books."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2

PATHS: Final[Mapping[str, str]] = {
    "AUTHORIZE_URL": "/oauth2/auth",
    "TOKEN_URL": "/oauth2/token",
    "REVOKE_URL": "/oauth2/revoke",
    "ACCOUNT_URL": "/v2/user",
    "SCOPES_URL": "/v2/user/auth",
}
"""The sandbox's Coinbase, by the settings' names."""


@dataclass(frozen=True)
class Exchange:
    """An exchange whose refresh tokens are good once.

    `settings` returns the environment that points an installation at it through a base URL. Its control endpoints are
    those of the sandbox: `/control/authorizations` and `/control/books`.
    """

    name: str
    base_url: str
    token_path: str
    settings: Callable[[str], Mapping[str, str]]

    def authorize(self, account: str, access_seconds: float) -> Mapping[str, str]:
        """Let a user say yes; bring `code`, `redirect_uri` and `code_verifier`."""
        body = {"integration": self.name, "account": account, "scope": "read", "access_seconds": access_seconds}
        with httpx2.Client(trust_env=False, timeout=30) as client:
            answer = client.post(f"{self.base_url}/control/authorizations", json=body)
        given: Mapping[str, str] = answer.raise_for_status().json()
        return given

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """What the exchange itself has counted, by account: `exchanges`, `refreshes`, `reuses`, `live`."""
        with httpx2.Client(trust_env=False, timeout=60) as client:
            answer = client.get(f"{self.base_url}/control/books", params={"integration": self.name})
        books: Mapping[str, Mapping[str, Any]] = answer.raise_for_status().json().get(self.name, {})
        return books


def sandbox_exchange(url: str, name: str) -> Exchange:
    """The sandbox's exchange of a name."""
    return Exchange(name, url, f"/{name}/oauth2/token", lambda _: {})
