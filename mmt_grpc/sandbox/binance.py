"""Binance's shapes: a login that gives a session, and signed reads with an API key."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any

from mmt_grpc.sandbox.books import Books
from mmt_grpc.sandbox.exchange import Endpoint, Outage, retry_header
from mmt_grpc.sandbox.members import Members
from mmt_grpc.sandbox.message import Request, Response, UnreadableError, json_response
from mmt_grpc.sandbox.oauth import whole
from mmt_grpc.sandbox.records import ApiKey, Terms, TokenKind
from mmt_grpc.sandbox.refusal import Reason, RefusedError

READING = "enableReading"
WRITING = ("enableSpotAndMarginTrading", "enableWithdrawals", "permitsUniversalTransfer")
PERMISSIONS = (READING, *WRITING)

_KEY_FORM = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MILLISECONDS = re.compile(r"[0-9]{1,16}")
_RECEIVE_WINDOW = 5_000
_RECEIVE_WINDOW_MOST = 60_000
_AHEAD_MOST = 1_000
"""A timestamp may be so many milliseconds ahead of the exchange's clock."""

_ERRORS: dict[int, tuple[int, str]] = {
    -1003: (429, "Too many requests; please use the websocket for live updates."),
    -1016: (503, "This service is no longer available."),
    -1021: (400, "Timestamp for this request is outside of the recvWindow."),
    -1022: (400, "Signature for this request is not valid."),
    -1102: (400, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."),
    -2014: (401, "API-key format invalid."),
    -2015: (401, "Invalid API-key, IP, or permissions for action."),
}


class BinanceExchange:
    """binance-spot-api-docs, and the login protocol that a bridge to the private login flow speaks."""

    def __init__(self, *, name: str, books: Books, members: Members, clock: Callable[[], float]) -> None:
        self._name = name
        self._books = books
        self._members = members
        self._clock = clock
        restrictions = Endpoint("restrictions", self._restrictions, self._key_owner)
        self.endpoints: Mapping[tuple[str, str], Endpoint] = {
            ("POST", "/login"): Endpoint("login", self._login, self._login_owner, limited=True),
            ("GET", "/session"): Endpoint("session", self._session, self._session_owner),
            ("GET", "/sapi/v1/account/apiRestrictions"): restrictions,
            ("GET", "/api/v3/account"): Endpoint("account", self._account, self._key_owner),
        }

    def refuse(self, outage: Outage, *, endpoint: str, retry_after: float) -> Response:
        wait = retry_header(retry_after)
        if outage is Outage.IP_BAN:
            return json_response(418, {"code": -1003, "msg": "Way too many requests; IP banned."}, wait)
        if endpoint in {"login", "session"}:
            status, error = _LOGIN_OUTAGES[outage]
            return json_response(status, {"error": error}, *((wait,) if status in {429, 503} else ()))
        if outage is Outage.RATE_LIMIT:
            return _error(-1003, wait)
        return _error(-1016, wait) if outage is Outage.UNAVAILABLE else _error(-2015)

    def _login(self, request: Request) -> Response:
        fields = _login_fields(request)
        if fields is None:
            return json_response(400, {"error": "invalid_request"})
        username, password, otp = fields
        try:
            user = self._members.log_in(username=username, password=password, otp=otp)
        except RefusedError as refused:
            error = "otp_required" if refused.reason is Reason.OTP_WANTED else "invalid_credentials"
            return json_response(401, {"error": error})
        terms = Terms(tuple(user.scopes), user.session_seconds, None)
        issued = self._books.open_session(integration=self._name, account=user.account, terms=terms)
        answer = {
            "session_token": issued.access,
            "expires_in": whole(user.session_seconds),
            "account_id": user.account,
            "scopes": user.scopes,
        }
        return json_response(200, answer)

    def _session(self, request: Request) -> Response:
        try:
            token = request.bearer or ""
            chain, _ = self._books.inspect(integration=self._name, token=token, kind=TokenKind.SESSION)
        except RefusedError:
            return json_response(401, {"error": "session_expired"})
        return json_response(200, {"account_id": chain.account, "scopes": list(chain.terms.scopes)})

    def _restrictions(self, request: Request) -> Response:
        key = self._signed(request)
        if isinstance(key, Response):
            return key
        answer: dict[str, Any] = {"ipRestrict": False, "createTime": int(key.created_at * 1000)}
        answer |= {"enableInternalTransfer": False, "enableMargin": False, "enableFutures": False}
        return json_response(200, answer | {name: name in key.permissions for name in PERMISSIONS})

    def _account(self, request: Request) -> Response:
        key = self._signed(request)
        if isinstance(key, Response):
            return key
        if READING not in key.permissions:
            return _error(-2015)
        answer = {
            "canTrade": "enableSpotAndMarginTrading" in key.permissions,
            "canWithdraw": "enableWithdrawals" in key.permissions,
            "accountType": "SPOT",
            "balances": [],
            "permissions": ["SPOT"],
            "uid": _uid(key.account),
        }
        return json_response(200, answer)

    def _signed(self, request: Request) -> ApiKey | Response:
        """The key that signed the request, or the error: format, time, key, signature, in Binance's order."""
        text = request.headers.get("x-mbx-apikey", "")
        if not _KEY_FORM.fullmatch(text):
            return _error(-2014)
        try:
            parameters = request.parameters
        except UnreadableError:
            return _error(-1102)
        if (code := self._time_error(parameters)) is not None:
            return _error(code)
        key = self._members.api_key(text)
        if key is None or key.dead:
            return _error(-2015)
        signed = "&".join(pair for pair in request.query.split("&") if not pair.startswith("signature="))
        expected = hmac.new(self._members.secret_of(text).encode(), signed.encode(), hashlib.sha256).hexdigest()
        presented = parameters.get("signature", "").lower()
        return key if hmac.compare_digest(expected.encode(), presented.encode()) else _error(-1022)

    def _time_error(self, parameters: dict[str, str]) -> int | None:
        timestamp = parameters.get("timestamp", "")
        window = parameters.get("recvWindow", str(_RECEIVE_WINDOW))
        if not _MILLISECONDS.fullmatch(timestamp) or not _MILLISECONDS.fullmatch(window):
            return -1102
        if int(window) > _RECEIVE_WINDOW_MOST:
            return -1102
        age = self._clock() * 1000 - int(timestamp)
        return None if -_AHEAD_MOST < age <= int(window) else -1021

    def _login_owner(self, request: Request) -> str | None:
        fields = _login_fields(request)
        return None if fields is None else self._members.account_of_user(fields[0])

    def _session_owner(self, request: Request) -> str | None:
        return None if request.bearer is None else self._books.owner(integration=self._name, text=request.bearer)

    def _key_owner(self, request: Request) -> str | None:
        key = self._members.api_key(request.headers.get("x-mbx-apikey", ""))
        return None if key is None else key.account


_LOGIN_OUTAGES: dict[Outage, tuple[int, str]] = {
    Outage.RATE_LIMIT: (429, "too_many_requests"),
    Outage.UNAVAILABLE: (503, "unavailable"),
    Outage.INVALID_GRANT: (401, "invalid_credentials"),
    Outage.INVALID_CLIENT: (401, "invalid_credentials"),
    Outage.OTP_REQUIRED: (401, "otp_required"),
    Outage.FORBIDDEN: (403, "forbidden"),
}


def _login_fields(request: Request) -> tuple[str, str, str] | None:
    try:
        body = request.json
    except UnreadableError:
        return None
    otp = body.get("otp")
    fields = (body.get("username"), body.get("password"), "" if otp is None else otp)
    username, password, otp = fields
    if isinstance(username, str) and isinstance(password, str) and isinstance(otp, str):
        return username, password, otp
    return None


def _uid(account: str) -> int | str:
    """Binance's uid is a number; an account that is none stays the text it is."""
    return int(account) if re.fullmatch(r"[1-9][0-9]{0,17}", account) else account


def _error(code: int, *headers: tuple[str, str]) -> Response:
    status, message = _ERRORS[code]
    return json_response(status, {"code": code, "msg": message}, *headers)
