"""Uphold's shapes: HTTP Basic, no PKCE, a redirect fixed at registration, tokens with and without an end."""

from __future__ import annotations

from mmt_grpc.sandbox.books import Books, Issued
from mmt_grpc.sandbox.exchange import Outage, retry_header
from mmt_grpc.sandbox.message import Request, Response, json_response
from mmt_grpc.sandbox.oauth import OAuthExchange, readable_form
from mmt_grpc.sandbox.records import Chain, TokenKind
from mmt_grpc.sandbox.registration import Registration

_READ = ("accounts:read", "cards:read", "transactions:read", "user:read")
_WRITE = (*_READ, "cards:write", "transactions:transfer:others", "transactions:withdraw")


def _unauthorized(*headers: tuple[str, str]) -> Response:
    return json_response(401, {"code": "unauthorized"}, ("WWW-Authenticate", 'Bearer realm="uphold"'), *headers)


class UpholdExchange(OAuthExchange):
    """The public API reference of Uphold (uphold/docs)."""

    account_path = "/v0/me"
    read_scopes = _READ
    write_scopes = _WRITE
    access_scope = "user:read"
    takes_pkce = False
    fixed_redirect = True
    client_id_in_path = True
    state_least = 1
    code_seconds = 300.0
    access_seconds: float | None = 3599.0
    lone_access_seconds: float | None = None
    refused_read = _unauthorized()

    def __init__(self, *, registration: Registration, books: Books) -> None:
        self.authorize_path = f"/authorize/{registration.client_id}"
        super().__init__(registration=registration, books=books)

    def client_credentials(self, request: Request) -> tuple[str, str] | None:
        return request.basic

    def token_answer(self, issued: Issued) -> dict[str, object]:
        return {"expires_in": None, **super().token_answer(issued)}

    def token_error(self, error: str, description: str) -> Response:
        headers = (("WWW-Authenticate", 'Basic realm="uphold"'),) if error == "invalid_client" else ()
        status = 401 if error == "invalid_client" else 400
        return json_response(status, {"error": error, "error_description": description}, *headers)

    def account_answer(self, chain: Chain) -> dict[str, object]:
        return {"id": chain.account, "username": chain.account, "country": "US", "status": "ok", "currencies": []}

    def revoke(self, request: Request) -> Response:
        """Takes a token in the body and as Bearer; 401 if it is gone already."""
        token = readable_form(request).get("token")
        kinds = {TokenKind.ACCESS, TokenKind.REFRESH}
        if token is None or token != request.bearer:
            return json_response(400, {"code": "validation_failed", "errors": {"token": [{"code": "required"}]}})
        if not self.books.revoke(integration=self.registration.name, token=token, kinds=kinds):
            return _unauthorized()
        return json_response(200, {})

    def refuse(self, outage: Outage, *, endpoint: str, retry_after: float) -> Response:
        if outage in {Outage.INVALID_GRANT, Outage.INVALID_CLIENT} and endpoint == "token":
            return self.token_error(outage.value, "Refused.")
        if outage is Outage.OTP_REQUIRED:
            return _unauthorized(("OTP-Token", "Required"))
        if outage in {Outage.INVALID_GRANT, Outage.INVALID_CLIENT}:
            return _unauthorized()
        if outage is Outage.UNAVAILABLE:
            return json_response(503, {"code": "service_unavailable"}, retry_header(retry_after))
        if outage is Outage.RATE_LIMIT:
            return json_response(429, {"code": "too_many_requests"}, retry_header(retry_after))
        return json_response(403, {"code": "forbidden"})
