"""A strict authorization server of nobody's: RFC 6749, 7009 and 7636 to the letter, one-time refresh tokens.

It shares no code and no idea with the sandbox: what works with both works with the standard.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Answer = tuple[int, dict[str, Any]]
CLIENT = ("mmt at the strict server", "a secret: with colons & signs +%")
REDIRECT = "https://app.example/back"


@dataclass
class Grant:
    """What one user allowed: the tokens that are alive, and those that were."""

    user: str
    scope: str
    access: set[str] = field(default_factory=set)
    refresh: str | None = None
    spent: set[str] = field(default_factory=set)
    dead: bool = False


class AuthorizationServer:
    """Serves /token, /revoke and /me on a loopback port; `problems` says what a client did against the rules."""

    def __init__(self, *, client_auth: str = "basic", seconds: int = 3600) -> None:
        self.client_auth = client_auth
        self.seconds = seconds
        self.codes: dict[str, tuple[Grant, str]] = {}
        self.grants: list[Grant] = []
        self.problems: list[str] = []
        self.refreshes = 0
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(*owner.post(self.path, dict(self.headers.items()), body))

            def do_GET(self) -> None:
                self._answer(*owner.get(self.path, dict(self.headers.items())))

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json;charset=UTF-8")
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def allow(self, user: str, scope: str) -> dict[str, str]:
        """A user says yes; return what the application brings."""
        code, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        grant = Grant(user, scope)
        with self._lock:
            self.grants.append(grant)
            self.codes[code] = grant, challenge
        return {"code": code, "redirect_uri": REDIRECT, "code_verifier": verifier}

    def post(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if headers.get("Content-Type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            return self._wrong("a body that is no form")
        pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
        form = dict(pairs)
        if len(form) != len(pairs):
            return self._wrong("a parameter twice")  # RFC 6749 section 3.2
        if "" in form.values():
            return self._wrong("an empty parameter")
        with self._lock:
            if not self._is_client(headers, form):
                return 401, {"error": "invalid_client"}
            return {"/token": self._token, "/revoke": self._revoke}[path](form)

    def get(self, path: str, headers: dict[str, str]) -> Answer:
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        with self._lock:
            for grant in self.grants:
                if path == "/me" and token in grant.access and not grant.dead:
                    return 200, {"data": {"id": grant.user}}
        return 401, {"error": "invalid_token"}

    def _is_client(self, headers: dict[str, str], form: dict[str, str]) -> bool:
        basic = headers.get("Authorization", "")
        if self.client_auth == "basic":
            # RFC 6749 section 2.3.1: both are form-encoded before they are joined; and one method only.
            joined = ":".join(urllib.parse.quote_plus(part) for part in CLIENT)
            right = f"Basic {base64.b64encode(joined.encode()).decode()}"
            return basic == right and "client_secret" not in form
        return not basic and (form.get("client_id"), form.get("client_secret")) == CLIENT

    def _token(self, form: dict[str, str]) -> Answer:
        if form.get("grant_type") == "authorization_code":
            return self._redeem(form)
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form.get("refresh_token", ""))
        return self._wrong("a grant type that does not exist", "unsupported_grant_type")

    def _redeem(self, form: dict[str, str]) -> Answer:
        grant, challenge = self.codes.pop(form.get("code", ""), (None, ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if grant is None or form.get("redirect_uri") != REDIRECT:
            return 400, {"error": "invalid_grant"}
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
            return 400, {"error": "invalid_grant"}
        return self._issue(grant)

    def _refresh(self, token: str) -> Answer:
        for grant in self.grants:
            if token in grant.spent:
                grant.dead = True  # RFC 9700 section 4.14
                return self._wrong("a refresh token twice", "invalid_grant")
            if token == grant.refresh and not grant.dead:
                self.refreshes += 1
                grant.spent.add(token)
                return self._issue(grant)
        return 400, {"error": "invalid_grant"}

    def _issue(self, grant: Grant) -> Answer:
        access, grant.refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        grant.access.add(access)
        answer = {"access_token": access, "token_type": "bearer", "refresh_token": grant.refresh}
        return 200, {**answer, "expires_in": self.seconds, "scope": grant.scope}

    def _revoke(self, form: dict[str, str]) -> Answer:
        for grant in self.grants:
            if form.get("token", "") in {*grant.access, grant.refresh}:
                grant.dead = True
        return 200, {}

    def _wrong(self, what: str, error: str = "invalid_request") -> Answer:
        self.problems.append(what)
        return 400, {"error": error}
