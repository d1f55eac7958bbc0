"""A running installation with its callers and its sandbox, as system tests speak to them."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import httpx2
from google.protobuf.timestamp_pb2 import Timestamp

from mmt.v1 import managed_token_pb2 as nouns
from tests.support.clients import READ, WRITE, Caller, calling
from tests.support.dev import RunningDev, environment, running_dev
from tests.support.tree import BIN, ROOT
from tests.support.waiting import until

_NUMBERS = itertools.count()
SCOPES: Mapping[int, str] = {READ: "read", WRITE: "write"}


def someone(kind: str = "user") -> str:
    """A name that no other test uses."""
    return f"{kind}-{os.getpid()}-{next(_NUMBERS)}"


@dataclass(frozen=True)
class Service:
    """An installation, its own client's two callers, and what users do at the sandbox."""

    dev: RunningDev
    write: Caller
    read: Caller

    def code(self, integration: str, account: str, scope: str = "read", **terms: object) -> nouns.AuthorizationCode:
        """Let a user say yes at the exchange, and bring the code."""
        body = {"integration": integration, "account": account, "scope": scope, **terms}
        return nouns.AuthorizationCode(**self.dev.control("authorizations", body))

    def connected(
        self,
        integration: str = "coinbase",
        scope: int = READ,
        *,
        end_user_id: str | None = None,
        account: str | None = None,
        **terms: object,
    ) -> tuple[str, str]:
        """Connect somebody new by a code; return the token id and the account at the exchange."""
        account = account or someone("account")
        code = self.code(integration, account, SCOPES[scope], **terms)
        answer = self.write.connect(end_user_id or someone(), integration, scope, authorization_code=code)
        return answer.token_id, account

    def tokens(
        self, integration: str, account: str, scope: str = "read", *, seconds: float | None = None
    ) -> nouns.OAuthTokens:
        """Redeem a code without the service; bring the tokens, said to expire `seconds` from now."""
        code = self.code(integration, account, scope)
        client, secret = f"sandbox-{integration}", f"sandbox-{integration}-secret"
        basic = integration == "uphold"
        form = {
            "grant_type": "authorization_code",
            "code": code.code,
            "redirect_uri": code.redirect_uri,
            "code_verifier": code.code_verifier,
            **({} if basic else {"client_id": client, "client_secret": secret}),
        }
        given = (
            httpx2.post(
                f"{self.dev.sandbox_url}/{integration}/oauth2/token",
                data={name: value for name, value in form.items() if value},
                auth=(client, secret) if basic else None,
            )
            .raise_for_status()
            .json()
        )
        tokens = nouns.OAuthTokens(
            access_token=given["access_token"],
            refresh_token=given["refresh_token"],
            granted_scopes=given["scope"].split(),
        )
        if seconds is not None:
            tokens.expire_time.FromNanoseconds(time.time_ns() + int(seconds * 1e9))
        return tokens

    @staticmethod
    def is_past(moment: Timestamp) -> Callable[[], bool]:
        """Return what says whether a time has passed."""
        return lambda: time.time_ns() > moment.ToNanoseconds()

    def expired(self, integration: str = "coinbase", scope: int = READ) -> tuple[str, str]:
        """Connect somebody whose token has expired by now; return the token id and the account."""
        token_id, account, expire_time = self.expired_soon(integration, scope)
        until(self.is_past(expire_time), "the token expires")
        return token_id, account

    def expired_soon(self, integration: str = "coinbase", scope: int = READ) -> tuple[str, str, Timestamp]:
        """Connect somebody whose token expires in two seconds; return the token id, the account, and when it does."""
        account = someone("account")
        tokens = self.tokens(integration, account, SCOPES[scope], seconds=2)
        answer = self.write.connect(someone(), integration, scope, oauth_tokens=tokens)
        return answer.token_id, account, tokens.expire_time

    def user(self, account: str, scope: str = "read", **terms: object) -> nouns.UserCredentials:
        """Let a user sign up at Binance, and bring the login."""
        login = {"username": f"{account}@example.com", "password": f"password of {account}"}
        self.dev.control("users", {"account": account, "scope": scope, **login, **terms})
        return nouns.UserCredentials(**login)

    def api_key(self, account: str, scope: str = "read") -> nouns.ApiKey:
        return nouns.ApiKey(**self.dev.control("api-keys", {"account": account, "scope": scope}))

    def fault(self, integration: str, account: str, fault: str, times: int = 1, **more: object) -> None:
        body = {"integration": integration, "account": account, "fault": fault, "times": times, **more}
        self.dev.control("faults", body)

    def end(self, integration: str, account: str, **more: object) -> None:
        """The user withdraws access at the exchange."""
        self.dev.control("deaths", {"integration": integration, "account": account, **more})

    def books(self, integration: str, account: str) -> dict[str, Any]:
        books: dict[str, Any] = self.dev.control(f"books?integration={integration}&account={account}")
        entry: dict[str, Any] = books[integration][account]
        return entry

    def is_live(self, integration: str, account: str, token: str) -> bool:
        """Whether the exchange would accept the token now."""
        return hashlib.sha256(token.encode()).hexdigest() in self.books(integration, account)["live"]

    def mmt(self, *arguments: str) -> str:
        """Run a command on the installation and return what it prints."""
        return command("--config", str(self.dev.config), *arguments)

    def new_client(self, name: str = "another") -> str:
        client_id: str = json.loads(self.mmt("clients", "add", "--name", name, "--json"))["client_id"]
        return client_id

    def new_key(self, client_id: str, scope: str) -> str:
        return str(self.new_key_record(client_id, scope)["api_key"])

    def new_key_record(self, client_id: str, scope: str) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(
            self.mmt("api-keys", "create", "--client", client_id, "--scope", scope, "--json")
        )
        return made

    def caller(self, api_key: str | None) -> AbstractContextManager[Caller]:
        return self.caller_at(self.dev.address, api_key)

    @staticmethod
    def caller_at(address: str, api_key: str | None) -> AbstractContextManager[Caller]:
        """A caller on a connection of its own, at another replica too."""
        return contextlib.closing(Caller(address, api_key))


def command(*arguments: str, **env: str) -> str:
    """Run `mmt` to its end, which must be a good one, and return its standard output."""
    done = ended(*arguments, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ended(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `mmt` to its end, however it ends."""
    return subprocess.run(
        [BIN / "mmt", *arguments],
        cwd=ROOT,
        env=environment(env),
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@contextlib.contextmanager
def serving(dev: RunningDev) -> Iterator[Service]:
    """The callers of a running installation."""
    with calling(dev, "write") as write, calling(dev, "read") as read:
        yield Service(dev, write, read)


@contextlib.contextmanager
def running_service(*arguments: Any, **env: Any) -> Iterator[Service]:
    """An installation of a test's own, with a rate limit that a whole run of tests stays below."""
    limits = {"MMT_PROVIDERS__UPHOLD__RATE_LIMIT": "1000/1s"}
    with running_dev(*arguments, **limits | env) as dev, serving(dev) as service:
        yield service
