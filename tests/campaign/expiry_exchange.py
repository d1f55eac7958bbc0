"""The exchange of the expiry campaign: the strict sandbox in a process of its own, Coinbase and Uphold in it."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import urllib.parse
from base64 import b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from mmt.v1 import managed_token_pb2 as nouns
from tests.campaign.exchange import PATHS, Exchange
from tests.support.dev import environment
from tests.support.tree import BIN, ROOT

COINBASE = "coinbase"
UPHOLD = "uphold"
LIMIT = "50/300s"
"""Uphold's, as the service's defaults have it."""
_ENDS_WITH_US = ("setpriv", "--pdeathsig=KILL")
_PATIENCE = 60.0
_UPHOLD_PATHS: Mapping[str, str] = {"REVOKE_URL": "/oauth2/revoke", "ACCOUNT_URL": "/v0/me"}


def two_exchanges(stack: ExitStack, *, limit: str = LIMIT) -> Exchange:
    """Run the sandbox until the stack is closed; Coinbase and Uphold share a base URL, and Uphold has a limit."""
    sandbox = stack.enter_context(
        subprocess.Popen(
            [*_ENDS_WITH_US, BIN / "mmt", "sandbox"],
            cwd=ROOT,
            env=environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
    )
    stack.callback(sandbox.kill)
    assert sandbox.stdout is not None
    base_url = sandbox.stdout.readline().strip()

    def settings(door: str) -> Mapping[str, str]:
        """Only what a limit speaks of, the token endpoint, is reached through the door."""
        return {
            **{f"MMT_PROVIDERS__COINBASE__{field}": f"{base_url}/{COINBASE}{path}" for field, path in PATHS.items()},
            **{
                f"MMT_PROVIDERS__UPHOLD__{field}": f"{base_url}/{UPHOLD}{path}" for field, path in _UPHOLD_PATHS.items()
            },
            "MMT_PROVIDERS__COINBASE__TOKEN_URL": f"{door}/{COINBASE}/oauth2/token",
            "MMT_PROVIDERS__UPHOLD__TOKEN_URL": f"{door}/{UPHOLD}/oauth2/token",
            "MMT_PROVIDERS__UPHOLD__RATE_LIMIT": limit,
        }

    return Exchange(COINBASE, base_url, f"/{COINBASE}/oauth2/token", settings)


class Application:
    """The client's own application, which redeems codes by itself: at `door`, through which the notary learns of them.

    Each thread keeps a connection to the sandbox's control and one to the door, until all are closed.
    """

    def __init__(self, *, exchange: Exchange, door: str) -> None:
        self._exchange = exchange
        self._door = door
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def authorize(self, integration: str, account: str, seconds: float) -> Mapping[str, str]:
        """Let a user say yes to tokens that live so long; bring the code."""
        body = {"integration": integration, "account": account, "scope": "read", "access_seconds": seconds}
        return self.control("authorizations", body)

    def redeem(self, integration: str, code: Mapping[str, str]) -> nouns.OAuthTokens:
        """Exchange a code for tokens; their expiry is for the caller to say."""
        client, secret = f"sandbox-{integration}", f"sandbox-{integration}-secret"
        form = {"grant_type": "authorization_code", **{name: value for name, value in code.items() if value}}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if integration == UPHOLD:
            headers["authorization"] = "Basic " + b64encode(f"{client}:{secret}".encode()).decode()
        else:
            form |= {"client_id": client, "client_secret": secret}
        body = urllib.parse.urlencode(form)
        given = self._post(self._door, f"/{integration}/oauth2/token", body, headers)
        return nouns.OAuthTokens(
            access_token=given["access_token"],
            refresh_token=given["refresh_token"],
            granted_scopes=given["scope"].split(),
        )

    def control(self, name: str, body: Mapping[str, object]) -> Mapping[str, Any]:
        """Tell the sandbox something at one of its own endpoints."""
        return self._post(self._exchange.base_url, f"/control/{name}", json.dumps(body), {})

    def _post(self, base: str, path: str, body: str, headers: Mapping[str, str]) -> Mapping[str, Any]:
        connection = self._connection(base)
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == http.client.OK, f"{path}: {answer.status}"
        given: Mapping[str, Any] = json.loads(content)
        return given

    def _connection(self, base: str) -> http.client.HTTPConnection:
        kept: dict[str, http.client.HTTPConnection] = self._local.__dict__
        if base not in kept:
            kept[base] = http.client.HTTPConnection(base.removeprefix("http://"), timeout=_PATIENCE)
            self._connections.append(kept[base])
        return kept[base]
