"""Everything that can be asked of a service, with recognisable secrets in every place that takes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mmt.v1 import token_service_pb2 as pb
from tests.support.canaries import Canaries
from tests.support.clients import READ, Refused, token_of
from tests.support.service import Service, someone

FAULTS = ("garbage", "lost_answer", "bad_gateway", "unavailable", "invalid_grant", "no_expires_in", "rate_limit")
A_DAY = {"seconds": 86_400}


@dataclass
class Drill:
    """All that is tried, and what callers were told."""

    service: Service
    canaries: Canaries
    told: list[bytes] = field(default_factory=list)

    def ask(self, call: Callable[[], Any]) -> Any:
        """Make a call, and keep what its caller is told."""
        try:
            answer = call()
        except Refused as refused:
            self.told.append(refused.everything)
            return None
        if not isinstance(answer, pb.ResolveResponse):
            self.told.append(repr(answer).encode() + answer.SerializeToString())
        return answer

    def connect(self, user: str, integration: str, **grant: Any) -> str:
        answer = self.ask(lambda: self.service.write.connect(user, integration, READ, **grant))
        return answer.token_id if answer is not None else "12345678-1234-8234-9234-123456789abc"

    def everything(self) -> None:
        self.logins()
        self.codes_and_tokens()
        self.keys_and_sessions()
        self.nonsense()

    def bugs(self) -> None:
        """Meet a bug in each verb, with secrets in its hands."""
        account = someone("account")
        code = self.service.code("coinbase", account)
        self.canaries.add("code", code.code)
        self.connect(someone(), "coinbase", authorization_code=code)
        tokens = self.service.tokens("coinbase", account, seconds=3000)
        self.canaries.add("access token", tokens.access_token)
        self.canaries.add("refresh token", tokens.refresh_token)
        token_id = self.connect(someone(), "coinbase", oauth_tokens=tokens)
        self.ask(lambda: self.service.write.resolve(token_id, min_validity=A_DAY))
        self.ask(lambda: self.service.write.revoke(token_id))
        self.nonsense()

    def logins(self) -> None:
        account, mint = someone("account"), self.canaries.mint
        login = {"username": mint("username"), "password": mint("password")}
        self.service.dev.control("users", {"account": account, "scope": "read", **login, "otp": (otp := mint("otp"))})
        for grant in (login, login | {"otp": mint("wrong otp")}, login | {"password": mint("wrong password")}):
            self.connect(someone(), "binance", user_credentials=grant)
        user = someone()
        self.use(self.connect(user, "binance", user_credentials=login | {"otp": otp}))
        for fault in ("garbage", "lost_answer"):
            self.service.fault("binance", account, fault, endpoint="login")
            self.connect(user, "binance", user_credentials=login | {"otp": otp})

    def codes_and_tokens(self) -> None:
        service, add = self.service, self.canaries.add
        for integration in ("coinbase", "uphold"):
            for fault in (None, *FAULTS):
                account, user = someone("account"), someone()
                if fault is not None:
                    service.fault(integration, account, fault, endpoint="token")
                code = service.code(integration, account, access_seconds=1)
                add("code", code.code)
                if code.code_verifier:
                    add("verifier", code.code_verifier)
                self.use(self.connect(user, integration, authorization_code=code))
                if fault is not None:
                    # A breaker that has opened meanwhile lets nothing through that could have met it.
                    service.fault(integration, account, fault, times=0, endpoint="token")
                tokens = service.tokens(integration, account, seconds=3000)
                add("access token", tokens.access_token)
                add("refresh token", tokens.refresh_token)
                self.use(self.connect(user, integration, oauth_tokens=tokens), min_validity=A_DAY)
        made_up = {"code": self.canaries.token("made-up code"), "redirect_uri": "https://example.com/"}
        self.connect(someone(), "coinbase", authorization_code=made_up)
        for _ in range(4):
            self.connect(someone(), "acme", authorization_code=made_up)

    def keys_and_sessions(self) -> None:
        key = self.service.api_key(account := someone("account"))
        self.canaries.add("api key", key.key)
        self.canaries.add("api secret", key.secret)
        self.use(self.connect(user := someone(), "binance", api_key=key))
        wrong = {"key": self.canaries.token("wrong key"), "secret": self.canaries.token("wrong secret")}
        self.connect(user, "binance", api_key=wrong)
        self.service.end("binance", account)
        self.connect(user, "binance", api_key=key)
        self.use(self.connect(someone(), "binance", session={"token": self.canaries.token("session")}))

    def use(self, token_id: str, **fields: Any) -> None:
        write = self.service.write
        for call in (
            lambda: write.check_scope(token_id),
            lambda: write.resolve(token_id, **fields),
            lambda: write.resolve(token_id, 2),
            lambda: write.resolve(token_id, rejected_generation=1),
        ):
            answer = self.ask(call)
            if isinstance(answer, pb.ResolveResponse) and answer.WhichOneof("credential") == "bearer_token":
                self.canaries.add("resolved", token_of(answer))
        if len(self.told) % 2:
            self.ask(lambda: write.revoke(token_id))

    def nonsense(self) -> None:
        """Send secrets where nobody can read them: torn bodies, wrong kinds, headers."""
        token = self.canaries.token("torn").encode()
        for method in ("Connect", "Resolve", "Revoke", "CheckScope"):
            for body in (token, b"\x0a\xff" + token, b"\x3a" + bytes([len(token)]) + token, token + b"\xff"):
                self.ask(lambda method=method, body=body: self.service.write.raw(method, body))  # type: ignore[misc]  # bound
        self.connect(self.canaries.mint("user\x00"), "coinbase", session={"token": self.canaries.mint("misplaced")})
        wrong = f"mmt_0123456789abcdef_{'A' * 20}{self.canaries.add('wrong MMT key', 'canaryBCDEFGHIJKLMNOPQR')}"
        for header in (wrong, self.canaries.token("no MMT key")):
            with self.service.caller(header) as caller:
                self.ask(lambda: caller.resolve("12345678-1234-8234-9234-123456789abc"))
