"""Binance as these tests set it up: some credentials, and the adapter before a server with a script."""

from typing import Any

from mmt_grpc.domain.model import ApiKeyGrant, ApiKeyPair, UserCredentials
from mmt_grpc.domain.ports.providers import Provider
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.registry import Surroundings, open_providers
from tests.support.http_script import Act, says
from tests.support.settings_tables import options_of

PAIR = ApiKeyPair(Secret("canary-key"), Secret("canary-secret"))
KEY = ApiKeyGrant(PAIR.key, PAIR.secret)
LOGIN = UserCredentials(Secret("canary-user"), Secret("canary-password"), None)


def scripted(url: str, surroundings: Surroundings | None = None, **fields: object) -> Provider:
    table: dict[str, Any] = {
        "login_url": f"{url}/login",
        "restrictions_url": f"{url}/restrictions",
        "account_url": f"{url}/account",
        "session_url": f"{url}/session",
        **fields,
    }
    around = surroundings or Surroundings(sleep=lambda _: None)
    opened = open_providers({"binance": options_of("binance", table)}, on_retry=lambda *_: None, surroundings=around)
    return opened.get("binance")


def refuses(code: int, status: int = 400, **headers: str) -> Act:
    return says(status, {"code": code, "msg": "canary"}, headers)
