"""The sandbox's own endpoints: what demos, tests and load generators set up and look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmt_grpc.sandbox.binance import PERMISSIONS, READING
from mmt_grpc.sandbox.exchange import Exchange
from mmt_grpc.sandbox.faults import CHANGING, Fault, FaultName, can_hit
from mmt_grpc.sandbox.fields import FieldError, Fields
from mmt_grpc.sandbox.limits import Limit
from mmt_grpc.sandbox.market import Market
from mmt_grpc.sandbox.message import Request, Response, UnreadableError, json_response
from mmt_grpc.sandbox.names import is_scope
from mmt_grpc.sandbox.oauth import OAuthExchange
from mmt_grpc.sandbox.pkce import challenge_of, verifier_from
from mmt_grpc.sandbox.registration import LOGIN_NAME

_SCOPES = ("read", "write")
_KINDS = ("access", "refresh", "session", "api_key")
_YEARS = 10 * 366 * 24 * 3600.0
_SECONDS_MOST = 300.0
_TIMES_MOST = 1_000_000
_SESSION_SECONDS = 3600.0


class Control:
    """Everything under /control/; never hit by a fault or a limit."""

    def __init__(self, *, market: Market, make_token: Callable[[], str]) -> None:
        self._market = market
        self._make_token = make_token
        self._posts: dict[str, Callable[[Fields], Any]] = {
            "/control/authorizations": self._authorizations,
            "/control/users": self._users,
            "/control/api-keys": self._api_keys,
            "/control/faults": self._faults,
            "/control/deaths": self._deaths,
            "/control/rate-limits": self._rate_limits,
        }
        self._gets: dict[str, Callable[[dict[str, str]], Any]] = {
            "/control/books": self._books,
            "/control/health": _health,
        }

    def knows(self, path: str) -> bool:
        """Whether there is such a path."""
        return path in self._posts or path in self._gets

    def answer(self, request: Request) -> Response:
        """200 with what the endpoint gives, or 400 with an error that names the field."""
        method = "POST" if request.path in self._posts else "GET"
        if not self.knows(request.path):
            return json_response(404, {"error": "path: there is no such endpoint"})
        if request.method != method:
            return json_response(405, {"error": f"method: this endpoint takes {method}"}, ("Allow", method))
        try:
            if method == "GET":
                return json_response(200, self._gets[request.path](request.parameters))
            return json_response(200, self._posts[request.path](Fields(request.json)))
        except FieldError as error:
            return json_response(400, {"error": str(error)})
        except UnreadableError as error:
            return json_response(400, {"error": f"body: {error}"})

    def _authorizations(self, fields: Fields) -> dict[str, str]:
        exchange = self._oauth(fields)
        account = fields.account()
        scope = fields.choice("scope", _SCOPES)
        terms = exchange.terms(
            _granted(fields, exchange.write_scopes if scope == "write" else exchange.read_scopes),
            refreshable=fields.flag("refreshable", default=True),
            access_seconds=fields.optional_seconds("access_seconds", most=_YEARS),
            refresh_seconds=fields.optional_seconds("refresh_seconds", most=_YEARS),
            scope_in_answer=fields.flag("scope_in_answer", default=True),
        )
        code_seconds = fields.optional_seconds("code_seconds", most=_YEARS) or exchange.code_seconds
        fields.done()
        verifier = verifier_from(self._make_token()) if exchange.takes_pkce else ""
        code = exchange.books.authorize(
            integration=exchange.registration.name,
            account=account,
            terms=terms,
            redirect_uri=exchange.registration.callback,
            challenge=challenge_of(verifier) if verifier else None,
            code_seconds=code_seconds,
        )
        return {"code": code, "redirect_uri": exchange.registration.callback, "code_verifier": verifier}

    def _users(self, fields: Fields) -> dict[str, str]:
        account = fields.account()
        username, password = fields.text("username"), fields.text("password")
        otp = fields.optional_text("otp")
        scope = fields.choice("scope", _SCOPES)
        seconds = fields.optional_seconds("session_seconds", most=_YEARS)
        fields.done()
        self._market.members.add_user(
            account=account,
            username=username,
            password=password,
            otp=otp,
            scopes=["read", "write"] if scope == "write" else ["read"],
            session_seconds=_SESSION_SECONDS if seconds is None else seconds,
        )
        return {}

    def _api_keys(self, fields: Fields) -> dict[str, str]:
        account = fields.account()
        scope = fields.choice("scope", _SCOPES)
        permissions = fields.optional_texts("permissions")
        fields.done()
        if permissions is None:
            permissions = list(PERMISSIONS) if scope == "write" else [READING]
        elif not set(permissions) <= set(PERMISSIONS):
            raise FieldError(f"permissions: must be of {', '.join(PERMISSIONS)}")
        key, secret = self._market.members.add_api_key(account=account, permissions=permissions)
        return {"key": key, "secret": secret}

    def _faults(self, fields: Fields) -> dict[str, str]:
        integration, exchange = self._exchange(fields)
        account = fields.account()
        name = FaultName(fields.choice("fault", tuple(FaultName)))
        endpoint = fields.optional_text("endpoint")
        seconds = fields.optional_seconds("seconds", most=_SECONDS_MOST)
        times = fields.count("times", default=1, most=_TIMES_MOST)
        fields.done()
        known = {e.name for e in exchange.endpoints.values()} - {"page"}
        if endpoint is not None and endpoint not in known:
            raise FieldError(f"endpoint: must be one of {', '.join(sorted(known))}")
        if not can_hit(name, frozenset(known & CHANGING if endpoint is None else {endpoint})):
            raise FieldError("fault: cannot happen there" if endpoint else "fault: cannot happen without an endpoint")
        fault = Fault(name, endpoint, seconds, times)
        self._market.faults.add(integration=integration, account=account, fault=fault)
        return {}

    def _deaths(self, fields: Fields) -> dict[str, int]:
        integration, _ = self._exchange(fields)
        account = fields.account()
        kind = fields.optional_choice("kind", _KINDS)
        fields.done()
        if not self._market.tallies.knows(integration, account):
            raise FieldError("account: the integration has no such account")
        return {"ended": self._market.kill(integration=integration, account=account, kind=kind)}

    def _rate_limits(self, fields: Fields) -> dict[str, str]:
        integration, _ = self._exchange(fields)
        limit = fields.optional_text("limit")
        fields.done()
        try:
            self._market.limiter.set(integration, None if limit is None else Limit.parse(limit))
        except ValueError as error:
            raise FieldError(f"limit: {error}") from None
        return {}

    def _books(self, parameters: dict[str, str]) -> dict[str, Any]:
        if parameters.keys() - {"integration", "account"}:
            raise FieldError("query: takes integration and account")
        wanted, account = parameters.get("integration"), parameters.get("account")
        return {
            integration: {name: tally for name, tally in tallies.items() if account in {None, name}}
            for integration, tallies in self._market.report().items()
            if wanted in {None, integration}
        }

    def _exchange(self, fields: Fields) -> tuple[str, Exchange]:
        name = fields.text("integration")
        exchange = self._market.exchange(name)
        if exchange is None:
            raise FieldError("integration: must read like [a-z][a-z0-9_-]{0,62} and not be reserved")
        return name, exchange

    def _oauth(self, fields: Fields) -> OAuthExchange:
        _, exchange = self._exchange(fields)
        if not isinstance(exchange, OAuthExchange):
            raise FieldError(f"integration: {LOGIN_NAME} gives no codes; use /control/users or /control/api-keys")
        return exchange


def _granted(fields: Fields, default: tuple[str, ...]) -> tuple[str, ...]:
    granted = fields.optional_texts("granted_scopes")
    if granted is None:
        return default
    if not all(is_scope(scope) for scope in granted):
        raise FieldError("granted_scopes: must be scope tokens of RFC 6749")
    return tuple(granted)


def _health(_parameters: dict[str, str]) -> dict[str, str]:
    return {"status": "ok"}
