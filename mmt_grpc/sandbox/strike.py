"""What a fault does to the request that it hits."""

from __future__ import annotations

import json
from dataclasses import replace
from http import HTTPStatus

from mmt_grpc.sandbox.exchange import Endpoint, Exchange, Outage
from mmt_grpc.sandbox.faults import Fault, FaultName
from mmt_grpc.sandbox.message import NO_STORE, Request, Response, json_response

SLOW_SECONDS = 3.0
RETRY_AFTER_SECONDS = 1.0

_NOT_DONE: dict[FaultName, Outage] = {
    FaultName.RATE_LIMIT: Outage.RATE_LIMIT,
    FaultName.UNAVAILABLE: Outage.UNAVAILABLE,
    FaultName.INVALID_GRANT: Outage.INVALID_GRANT,
    FaultName.INVALID_CLIENT: Outage.INVALID_CLIENT,
    FaultName.OTP_REQUIRED: Outage.OTP_REQUIRED,
    FaultName.FORBIDDEN: Outage.FORBIDDEN,
    FaultName.IP_BAN: Outage.IP_BAN,
}


def strike(*, fault: Fault, exchange: Exchange, endpoint: Endpoint, request: Request) -> Response:
    """Refuse without doing anything, or do it and spoil the answer."""
    outage = _NOT_DONE.get(fault.name)
    if outage is not None:
        retry_after = RETRY_AFTER_SECONDS if fault.seconds is None else fault.seconds
        return exchange.refuse(outage, endpoint=endpoint.name, retry_after=retry_after)
    if fault.name is FaultName.REVOKE_LIES:
        return json_response(200, {})
    return _spoilt(fault, endpoint.answer(request))


def _spoilt(fault: Fault, response: Response) -> Response:
    if fault.name is FaultName.LOST_ANSWER:
        return replace(response, dropped=True)
    if fault.name is FaultName.SLOW:
        return replace(response, delay=SLOW_SECONDS if fault.seconds is None else fault.seconds)
    if fault.name is FaultName.GARBAGE:
        return Response(200, b'{"access_token": "', (("Content-Type", "application/json"), *NO_STORE))
    if fault.name is FaultName.BAD_GATEWAY:
        return Response(502, b"<html><h1>502 Bad Gateway</h1></html>", (("Content-Type", "text/html"), *NO_STORE))
    return _without_expiry(response)


def _without_expiry(response: Response) -> Response:
    if response.status != HTTPStatus.OK:
        return response
    answer = json.loads(response.body)
    answer.pop("expires_in", None)
    return replace(response, body=json.dumps(answer).encode())
