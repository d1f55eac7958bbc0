"""Any further OAuth integration, by the letter of RFC 6749, 6750 and 7009."""

from __future__ import annotations

from mmt_grpc.sandbox.exchange import Outage, retry_header
from mmt_grpc.sandbox.message import Request, Response, UnreadableError, json_response
from mmt_grpc.sandbox.oauth import OAuthExchange
from mmt_grpc.sandbox.records import Chain, TokenKind


class GenericExchange(OAuthExchange):
    """Client by body or by Basic, one-time refresh tokens, revocation of either token."""

    refused_read = json_response(
        401, {"error": "invalid_token"}, ("WWW-Authenticate", 'Bearer realm="sandbox", error="invalid_token"')
    )

    def client_credentials(self, request: Request) -> tuple[str, str] | None:
        basic, form = request.basic, request.form
        if basic is None and "authorization" not in request.headers:
            return form.get("client_id", ""), form.get("client_secret", "")
        # RFC 6749 section 2.3: one method of authentication per request.
        return None if "client_secret" in form else basic

    def token_error(self, error: str, description: str) -> Response:
        headers = (("WWW-Authenticate", 'Basic realm="sandbox"'),) if error == "invalid_client" else ()
        status = 401 if error == "invalid_client" else 400
        return json_response(status, {"error": error, "error_description": description}, *headers)

    def account_answer(self, chain: Chain) -> dict[str, object]:
        return {"data": {"id": chain.account}}

    def revoke(self, request: Request) -> Response:
        """RFC 7009: 200 also for a token that is unknown."""
        try:
            form = request.form
        except UnreadableError as unreadable:
            return self.token_error("invalid_request", str(unreadable))
        if not self.knows_client(request):
            return self.token_error("invalid_client", "The client's credentials are missing or wrong.")
        if not form.get("token"):
            return self.token_error("invalid_request", "The parameter token is missing.")
        kinds = {TokenKind.ACCESS, TokenKind.REFRESH}
        self.books.revoke(integration=self.registration.name, token=form["token"], kinds=kinds)
        return json_response(200, {})

    def refuse(self, outage: Outage, *, endpoint: str, retry_after: float) -> Response:
        if outage in {Outage.INVALID_GRANT, Outage.INVALID_CLIENT}:
            return self.token_error(outage.value, "Refused.") if endpoint == "token" else self.refused_read
        if outage is Outage.UNAVAILABLE:
            return json_response(503, {"error": "temporarily_unavailable"}, retry_header(retry_after))
        if outage is Outage.RATE_LIMIT:
            return json_response(429, {"error": "slow_down"}, retry_header(retry_after))
        return json_response(403, {"error": "insufficient_scope"})
