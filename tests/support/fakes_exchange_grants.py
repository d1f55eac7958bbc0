"""What the users of an exchange in memory granted: codes, sessions, API keys, and the tokens that came of them."""

import itertools
from dataclasses import dataclass, field

from mmt_grpc.domain.model import (
    MICROSECONDS,
    ApiKeyGrant,
    AuthorizationCode,
    BearerToken,
    Credential,
    OAuthTokens,
    Scope,
    SessionGrant,
    UserCredentials,
)
from mmt_grpc.domain.ports.providers import Issued
from mmt_grpc.domain.secret import Secret
from tests.support.fakes_clock import ManualClock
from tests.support.fakes_exchange_faults import REFUSED, FaultyExchange

SCOPES = {Scope.READ: ("accounts:read",), Scope.WRITE: ("accounts:read", "accounts:send")}
HOUR = 3600.0


@dataclass
class Chain:
    """What came of one grant: its tokens live and die together."""

    account: str
    scopes: tuple[str, ...] | None
    access_seconds: float | None
    refreshable: bool
    renewal: str | None = None
    alive: bool = True
    access: dict[str, int | None] = field(default_factory=dict)


class GrantingExchange(FaultyExchange):
    """An exchange with its users, who grant and withdraw. `says_scopes` puts scopes into its answers."""

    def __init__(self, *, name: str, clock: ManualClock) -> None:
        super().__init__(name=name)
        self.says_scopes = True
        self._clock = clock
        self._numbers = itertools.count(1)
        self._codes: dict[str, Chain] = {}
        self._users: dict[tuple[str, str], tuple[str | None, Chain]] = {}
        self._keys: dict[str, Chain] = {}
        self._chains: list[Chain] = []

    def authorize(
        self,
        account: str,
        scope: Scope = Scope.READ,
        *,
        seconds: float | None = HOUR,
        refreshable: bool = True,
        scopes: tuple[str, ...] | None = None,
    ) -> AuthorizationCode:
        """Let a user say yes; return the code."""
        granted = SCOPES[scope] if scopes is None else scopes
        code = self._text("code")
        self._codes[code] = self._chain(account, granted, seconds, refreshable=refreshable)
        return AuthorizationCode(Secret(code), "https://client.example/back", Secret("verifier-canary"))

    def ready(self, account: str, scope: Scope = Scope.READ, *, refreshable: bool = True) -> OAuthTokens:
        """Return tokens that a client got by itself."""
        chain = self._chain(account, SCOPES[scope], HOUR, refreshable=refreshable)
        issued = self._issue(chain)
        assert isinstance(issued.credential, BearerToken)
        return OAuthTokens(issued.credential.token, issued.renewal, None, SCOPES[scope])

    def add_user(
        self, account: str, *, scope: Scope = Scope.READ, otp: str | None = None, seconds: float | None = HOUR
    ) -> UserCredentials:
        """Give an account a name and a password; return its login."""
        chain = self._chain(account, SCOPES[scope], seconds, refreshable=False)
        self._users[account, f"{account}-password-canary"] = (otp, chain)
        secret = None if otp is None else Secret(otp)
        return UserCredentials(Secret(account), Secret(f"{account}-password-canary"), secret)

    def session(self, account: str, *, expires_at: int | None = None) -> SessionGrant:
        """Return a session that a client has already."""
        issued = self._issue(self._chain(account, SCOPES[Scope.WRITE], None, refreshable=False))
        assert isinstance(issued.credential, BearerToken)
        return SessionGrant(issued.credential.token, expires_at)

    def add_key(self, account: str, scope: Scope = Scope.READ) -> ApiKeyGrant:
        """Return a new API key of an account."""
        key = self._text("key")
        self._keys[key] = self._chain(account, SCOPES[scope], None, refreshable=False)
        return ApiKeyGrant(Secret(key), Secret(f"{key}-secret"))

    def withdraw(self, account: str) -> None:
        """The user withdraws access at the exchange."""
        for chain in self._chains:
            chain.alive = chain.alive and chain.account != account

    def is_alive(self, credential: Credential) -> bool:
        """Whether the exchange takes this credential."""
        text = text_of(credential)
        chain = self._of(text)
        return chain is not None and chain.alive and self._unexpired(chain.access.get(text))

    @property
    def living(self) -> int:
        """How many grants could still be used: whose tokens were given to somebody and not revoked."""
        return sum(1 for chain in self._chains if chain.alive and chain.access)

    def _owner(self, credential: Credential) -> Chain:
        chain = self._of(text_of(credential))
        assert chain is not None
        return chain

    def _of(self, text: str) -> Chain | None:
        return self._keys.get(text) or next((chain for chain in self._chains if text in chain.access), None)

    def _issue(self, chain: Chain) -> Issued:
        if not chain.alive:
            raise self.error(REFUSED)
        token = self._text("access")
        seconds = chain.access_seconds
        chain.access[token] = None if seconds is None else self._clock.elapsed() + int(seconds * MICROSECONDS)
        chain.renewal = self._text("renewal") if chain.refreshable else None
        renewal = None if chain.renewal is None else Secret(chain.renewal)
        return Issued(BearerToken(Secret(token)), renewal, seconds, chain.scopes if self.says_scopes else None)

    def _chain(
        self, account: str, scopes: tuple[str, ...] | None, seconds: float | None, *, refreshable: bool
    ) -> Chain:
        chain = Chain(account, scopes, seconds, refreshable)
        self._chains.append(chain)
        return chain

    def _unexpired(self, until: int | None) -> bool:
        return until is None or self._clock.elapsed() < until

    def _text(self, kind: str) -> str:
        return f"{self.name}-{kind}-{next(self._numbers)}-canary"


def text_of(credential: Credential) -> str:
    """Return what an exchange knows a credential by."""
    return credential.token.reveal() if isinstance(credential, BearerToken) else credential.key.reveal()
