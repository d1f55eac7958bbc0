"""Coinbase's shapes: client in the form body, PKCE S256 always, and a revocation that says yes to everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mmt_grpc.sandbox.exchange import Endpoint, Outage, retry_header
from mmt_grpc.sandbox.message import Request, Response, json_response
from mmt_grpc.sandbox.oauth import MONTH_SECONDS, OAuthExchange, readable_form
from mmt_grpc.sandbox.records import Chain, TokenKind
from mmt_grpc.sandbox.refusal import Reason

_READ = ("wallet:user:read", "wallet:accounts:read", "wallet:transactions:read", "wallet:addresses:read")
_WRITE = (*_READ, "wallet:transactions:send", "wallet:transactions:transfer")

_OUTAGES: dict[Outage, tuple[int, str, str]] = {
    Outage.RATE_LIMIT: (429, "rate_limit_exceeded", "Too many requests"),
    Outage.UNAVAILABLE: (503, "unavailable", "Temporarily unavailable"),
    Outage.INVALID_GRANT: (401, "invalid_token", "The access token is invalid"),
    Outage.OTP_REQUIRED: (402, "two_factor_required", "Two-step verification is required"),
    Outage.FORBIDDEN: (403, "invalid_scope", "The token lacks the scope that this takes"),
    Outage.IP_BAN: (403, "forbidden", "Requests from this address are blocked"),
    Outage.INVALID_CLIENT: (401, "invalid_client", "The client is unknown"),
}


def _errors(status: int, error: str, message: str, *headers: tuple[str, str]) -> Response:
    return json_response(status, {"errors": [{"id": error, "message": message}]}, *headers)


class CoinbaseExchange(OAuthExchange):
    """docs.cdp.coinbase.com, OAuth2 reference."""

    account_path = "/v2/user"
    read_scopes = _READ
    write_scopes = _WRITE
    offline_scope = "offline_access"
    access_scope = "wallet:user:read"
    requires_pkce = True
    state_least = 8
    refresh_seconds = 18 * MONTH_SECONDS
    # A refresh token that is no longer good may be told by 401 and in either of the two error shapes.
    refused_grants: ClassVar[Mapping[tuple[str, Reason], Response]] = {
        ("refresh_token", Reason.SPENT): _errors(401, "invalid_grant", "The refresh token was exchanged before"),
        ("refresh_token", Reason.EXPIRED): json_response(
            401, {"error": "invalid_grant", "error_description": "The refresh token has expired."}
        ),
    }
    refused_reads: ClassVar[Mapping[Reason, Response]] = {
        Reason.EXPIRED: _errors(401, "expired_token", "The access token has expired"),
        Reason.DEAD: _errors(401, "revoked_token", "The access token was revoked"),
    }
    refused_read = _errors(401, "invalid_token", "The access token is invalid")

    def further_endpoints(self) -> Mapping[tuple[str, str], Endpoint]:
        return {("GET", "/v2/user/auth"): Endpoint("scopes", self._scopes, self.bearer_owner)}

    def client_credentials(self, request: Request) -> tuple[str, str] | None:
        if "authorization" in request.headers:
            return None
        return request.form.get("client_id", ""), request.form.get("client_secret", "")

    def token_error(self, error: str, description: str) -> Response:
        status = 401 if error == "invalid_client" else 400
        return json_response(status, {"error": error, "error_description": description})

    def account_answer(self, chain: Chain) -> dict[str, object]:
        user = {"id": chain.account, "name": chain.account, "resource": "user", "resource_path": "/v2/user"}
        return {"data": user}

    def revoke(self, request: Request) -> Response:
        """Takes the access token in the body and as Bearer; answers 200 whatever came of it."""
        token = readable_form(request).get("token")
        if token is not None and token == request.bearer:
            self.books.revoke(integration=self.registration.name, token=token, kinds={TokenKind.ACCESS})
        return json_response(200, {})

    def refuse(self, outage: Outage, *, endpoint: str, retry_after: float) -> Response:
        if endpoint == "token" and outage in {Outage.INVALID_GRANT, Outage.INVALID_CLIENT}:
            return self.token_error(outage.value, "Refused.")
        status, error, message = _OUTAGES[outage]
        headers = (retry_header(retry_after),) if status in {429, 503} else ()
        return _errors(status, error, message, *headers)

    def _scopes(self, request: Request) -> Response:
        return self.reading(request, None, _scopes_answer)


def _scopes_answer(chain: Chain) -> dict[str, object]:
    return {"data": {"method": "oauth", "scopes": list(chain.terms.scopes), "oauth_meta": {}}}
