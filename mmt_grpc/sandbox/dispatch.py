"""From a request to its response: who answers it, the limits and the faults on the way, one commit, one log event."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from mmt_grpc.sandbox.control import Control
from mmt_grpc.sandbox.exchange import Outage
from mmt_grpc.sandbox.market import Market
from mmt_grpc.sandbox.message import Request, Response, json_response
from mmt_grpc.sandbox.strike import strike

Log = Callable[[str, dict[str, object]], None]

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Dispatcher:
    """Answers requests one at a time; nothing leaves before its changes are with the kernel."""

    def __init__(self, *, market: Market, control: Control, log: Log) -> None:
        self._market = market
        self._control = control
        self._log = log

    def answer(self, request: Request) -> Response:
        """The response to any request at all."""
        try:
            template, response = self._route(request)
        except Exception as failure:  # noqa: BLE001  # a bug here must not show a request's contents anywhere
            self._log("sandbox_failure", {"error": type(failure).__name__})
            template, response = "", json_response(500, {"error": "internal"})
        finally:
            self._market.journal.commit()
        method = request.method if request.method in _METHODS else "OTHER"
        self._log("sandbox_request", {"method": method, "path": template, "status": response.status})
        return response

    def _route(self, request: Request) -> tuple[str, Response]:
        """The path as it may be logged (nothing that a caller made up), and the response."""
        if not _is_local(request.headers.get("host")):
            return "", json_response(421, {"error": "host: the sandbox answers to loopback names only"})
        if request.path.startswith("/control/"):
            # A web page open in some browser here must not steer the sandbox.
            if "origin" in request.headers:
                return "/control", json_response(403, {"error": "origin: browsers may not use this endpoint"})
            return request.path if self._control.knows(request.path) else "", self._control.answer(request)
        return self._provider(request)

    def _provider(self, request: Request) -> tuple[str, Response]:
        name, _, rest = request.path.removeprefix("/").partition("/")
        exchange, path = self._market.exchange(name), f"/{rest}"
        methods = [] if exchange is None else [method for method, known in exchange.endpoints if known == path]
        if exchange is None or not methods:
            return "", json_response(404, {"error": "not_found"})
        template = f"/{{integration}}{path}"
        endpoint = exchange.endpoints.get((request.method, path))
        if endpoint is None:
            return template, json_response(405, {"error": "method_not_allowed"}, ("Allow", ", ".join(methods)))
        if endpoint.limited and (wait := self._market.limiter.wait(name)):
            return template, exchange.refuse(Outage.RATE_LIMIT, endpoint=endpoint.name, retry_after=wait)
        account = endpoint.owner(request)
        fault = self._market.faults.take(integration=name, account=account, endpoint=endpoint.name)
        if fault is None:
            return template, endpoint.answer(request)
        return template, strike(fault=fault, exchange=exchange, endpoint=endpoint, request=request)


def _is_local(host: str | None) -> bool:
    """Whether the Host header names this machine: a foreign name that resolves here is an attack (DNS rebinding)."""
    if host is None:
        return True
    name = host[: host.rfind(":")] if host.rfind(":") > host.rfind("]") else host
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
