"""Binance's signed requests (binance-spot-api-docs, "SIGNED endpoint security")."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from mmt_grpc.domain.model import ApiKeyPair
from mmt_grpc.providers.endpoint import Endpoint
from mmt_grpc.providers.message import Request

RECEIVE_WINDOW: Final = 5_000
"""Milliseconds after its timestamp that a request is good for; the exchange's own default, said aloud."""


def signed_get(endpoint: Endpoint, pair: ApiKeyPair, *, now: float, parameters: Mapping[str, str]) -> Request:
    """Build a GET signed with HMAC-SHA256 over its query; `now` in Unix seconds by the wall clock."""
    dated = {**parameters, "recvWindow": str(RECEIVE_WINDOW), "timestamp": str(int(now * 1000))}
    query = urlencode(dated)
    signature = hmac.new(pair.secret.reveal().encode("utf-8", "surrogatepass"), query.encode("ascii"), hashlib.sha256)
    signed = endpoint.with_query(f"{query}&signature={signature.hexdigest()}")
    return Request("GET", signed, {"X-MBX-APIKEY": pair.key.reveal()})
