"""Who may log in with a password or an API key; the state machine behind the Binance endpoints."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable

from mmt_grpc.sandbox.journal import Journal
from mmt_grpc.sandbox.records import ApiKey, Seed, User, digest
from mmt_grpc.sandbox.refusal import Reason, RefusedError
from mmt_grpc.sandbox.shelf import Shelf
from mmt_grpc.sandbox.tallies import Tallies


class Members:
    """Users and API keys; no password and no API secret is kept, only what recognises them."""

    def __init__(
        self,
        *,
        integration: str,
        journal: Journal,
        tallies: Tallies,
        clock: Callable[[], float],
        make_token: Callable[[], str],
    ) -> None:
        self._integration = integration
        self._tallies = tallies
        self._clock = clock
        self._make_token = make_token
        self._users = Shelf(kind=User, journal=journal)
        self._api_keys = Shelf(kind=ApiKey, journal=journal)
        self._seed = bytes.fromhex(_seed_of(Shelf(kind=Seed, journal=journal)))

    def add_user(
        self,
        *,
        account: str,
        username: str,
        password: str,
        otp: str | None,
        scopes: list[str],
        session_seconds: float,
    ) -> None:
        """A user who may log in; replaces an earlier one of that name."""
        hidden_otp = None if otp is None else self._hidden("otp", otp)
        hidden_password = self._hidden("password", password)
        self._users.put(User(username, account, hidden_password, hidden_otp, scopes, session_seconds))
        self._tallies.open(self._integration, account)

    def log_in(self, *, username: str, password: str, otp: str) -> User:
        """The user whose credentials these are; raises RefusedError."""
        user = self._users.get(username)
        expected = user.password if user is not None else ""
        if not hmac.compare_digest(self._hidden("password", password), expected) or user is None:
            raise RefusedError(Reason.BAD_LOGIN)
        if user.otp is not None:
            if not otp:
                raise RefusedError(Reason.OTP_WANTED)
            if not hmac.compare_digest(self._hidden("otp", otp), user.otp):
                raise RefusedError(Reason.BAD_LOGIN)
        return user

    def account_of_user(self, username: str) -> str | None:
        """The account that a user name belongs to."""
        user = self._users.get(username)
        return user.account if user is not None else None

    def add_api_key(self, *, account: str, permissions: list[str]) -> tuple[str, str]:
        """A new API key and its secret."""
        key = self._make_token()
        self._api_keys.put(ApiKey(digest(key), account, permissions, self._clock()))
        self._tallies.open(self._integration, account)
        return key, self.secret_of(key)

    def api_key(self, key: str) -> ApiKey | None:
        """What is known of an API key, dead ones included."""
        return self._api_keys.get(digest(key))

    def secret_of(self, key: str) -> str:
        """The secret that belongs to a key: derived, so that it need not be kept."""
        made = hmac.new(self._seed, b"api-secret\0" + key.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    def kill_api_keys(self, account: str) -> int:
        """End all API keys of an account; how many there were."""
        doomed = [key for key in self._api_keys if key.account == account and not key.dead]
        for key in doomed:
            key.dead = True
            self._api_keys.put(key)
        return len(doomed)

    def live(self) -> dict[tuple[str, str], list[str]]:
        """The digests of all live API keys by integration and account."""
        found: dict[tuple[str, str], list[str]] = {}
        for key in self._api_keys:
            if not key.dead:
                found.setdefault((self._integration, key.account), []).append(key.key)
        return found

    def _hidden(self, purpose: str, text: str) -> str:
        message = f"{purpose}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._seed, message, hashlib.sha256).hexdigest()


def _seed_of(shelf: Shelf[Seed]) -> str:
    seed = shelf.get("seed")
    if seed is None:
        seed = Seed(secrets.token_hex(32))
        shelf.put(seed)
    return seed.value
