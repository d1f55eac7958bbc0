"""An OAuth application and a test's hands on the sandbox, as thin as they can be."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx2

from mmt_grpc.sandbox import provider_settings

OAUTH = ("coinbase", "uphold", "acme")


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.stopped_at: float | None = None

    def __call__(self) -> float:
        return self.ahead + (time.time() if self.stopped_at is None else self.stopped_at)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def challenge_for(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Application:
    """The service's side of the fake exchanges."""

    http: httpx2.Client
    base_url: str
    settings: dict[str, dict[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.settings = provider_settings(self.base_url, "acme")

    def control(self, path: str, **body: Any) -> Any:
        answer = self.http.post(f"{self.base_url}/control/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def books(self, integration: str, account: str = "alice") -> Any:
        return self.http.get(f"{self.base_url}/control/books").json()[integration][account]

    def authorize(self, integration: str, account: str = "alice", scope: str = "read", **more: Any) -> dict[str, str]:
        made = self.control("authorizations", integration=integration, account=account, scope=scope, **more)
        assert set(made) == {"code", "redirect_uri", "code_verifier"}
        return dict(made)

    def fault(self, integration: str, fault: str, times: int = 1, account: str = "alice", **more: Any) -> None:
        self.control("faults", integration=integration, account=account, fault=fault, times=times, **more)

    def post_token(self, integration: str, form: dict[str, str]) -> httpx2.Response:
        known = self.settings[integration]
        if integration == "uphold":
            return self.http.post(known["token_url"], data=form, auth=(known["client_id"], known["client_secret"]))
        client = {"client_id": known["client_id"], "client_secret": known["client_secret"]}
        return self.http.post(known["token_url"], data={**client, **form})

    def exchange(self, integration: str, made: dict[str, str]) -> httpx2.Response:
        form = {"grant_type": "authorization_code", "code": made["code"]}
        if integration != "uphold":
            form |= {"redirect_uri": made["redirect_uri"], "code_verifier": made["code_verifier"]}
        return self.post_token(integration, form)

    def refresh(self, integration: str, token: str) -> httpx2.Response:
        return self.post_token(integration, {"grant_type": "refresh_token", "refresh_token": token})

    def connect(self, integration: str, account: str = "alice", scope: str = "read", **more: Any) -> dict[str, Any]:
        answer = self.exchange(integration, self.authorize(integration, account, scope, **more))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def account(self, integration: str, token: str) -> httpx2.Response:
        url = self.settings[integration]["account_url"]
        return self.http.get(url, headers={"Authorization": f"Bearer {token}"})

    def revoke(self, integration: str, token: str) -> httpx2.Response:
        known = self.settings[integration]
        if integration == "acme":
            client = {"client_id": known["client_id"], "client_secret": known["client_secret"]}
            return self.http.post(known["revoke_url"], data={"token": token, **client})
        return self.http.post(known["revoke_url"], data={"token": token}, headers={"Authorization": f"Bearer {token}"})

    def log_in(self, username: str, password: str, otp: str = "") -> httpx2.Response:
        body = {"username": username, "password": password, "otp": otp}
        return self.http.post(self.settings["binance"]["login_url"], json=body)

    def session(self, token: str) -> httpx2.Response:
        return self.http.get(self.settings["binance"]["session_url"], headers={"Authorization": f"Bearer {token}"})

    def signed(
        self, url_name: str, key: str, secret: str, *, at: float | None = None, **parameters: str
    ) -> httpx2.Response:
        moment = str(int((time.time() if at is None else at) * 1000))
        query = urlencode({"timestamp": moment, **parameters})
        signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        url = f"{self.settings['binance'][url_name]}?{query}&signature={signature}"
        return self.http.get(url, headers={"X-MBX-APIKEY": key})
