"""A sandbox exchange and its own endpoints, as tests of its users see them."""

from typing import Any

import httpx2

from mmt_grpc.domain.model import AuthorizationCode
from mmt_grpc.domain.secret import Secret


class Exchange:
    """What tests arrange at a running sandbox."""

    def __init__(self, *, base_url: str) -> None:
        self.base_url = base_url
        self._client = httpx2.Client(base_url=f"{base_url}/control", trust_env=False, timeout=10)

    def close(self) -> None:
        """Close what is held open."""
        self._client.close()

    def control(self, path: str, **fields: object) -> Any:
        """POST to /control/`path`."""
        return self._client.post(f"/{path}", json=fields).raise_for_status().json()

    def books(self, integration: str, account: str) -> Any:
        """Read what the exchange has on an account."""
        return self._client.get("/books").raise_for_status().json()[integration][account]

    def code(self, integration: str, account: str, scope: str = "read", **terms: object) -> AuthorizationCode:
        """Let a user say yes; return the code that the application gets."""
        given = self.control("authorizations", integration=integration, account=account, scope=scope, **terms)
        return AuthorizationCode(Secret(given["code"]), given["redirect_uri"], Secret(given["code_verifier"]))

    def fault(self, integration: str, account: str, fault: str, times: int = 1, **more: object) -> None:
        """Make something go wrong."""
        self.control("faults", integration=integration, account=account, fault=fault, times=times, **more)

    def end(self, integration: str, account: str) -> None:
        """The user withdraws access at the exchange."""
        self.control("deaths", integration=integration, account=account)
