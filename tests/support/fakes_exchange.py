"""An exchange in memory, as strict as the strictest: codes and refresh tokens once only, reuse ends the whole chain."""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from mmt_grpc.domain.model import (
    MICROSECONDS,
    ApiKeyGrant,
    ApiKeyPair,
    AuthorizationCode,
    BearerToken,
    Credential,
    OAuthTokens,
    Scope,
    SessionGrant,
    UserCredentials,
)
from mmt_grpc.domain.ports.providers import Failure, Issued, ProviderError
from mmt_grpc.domain.secret import Secret
from tests.support.fakes_clock import ManualClock

SCOPES = {Scope.READ: ("accounts:read",), Scope.WRITE: ("accounts:read", "accounts:send")}
HOUR = 3600.0


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request; `done` says whether the exchange did what was asked all the same."""

    failure: Failure
    done: bool = False
    rate_limited: bool = False
    retry_after: float | None = None


NOT_SENT = Fault(Failure.NOT_SENT)
LOST_ANSWER = Fault(Failure.AMBIGUOUS, done=True)
LOST_REQUEST = Fault(Failure.AMBIGUOUS)
OUTAGE = Fault(Failure.NOT_CONSUMED)
INVALID_CLIENT = Fault(Failure.OUR_OUTAGE)
REFUSED = Fault(Failure.PERMANENT)


def limited(retry_after: float) -> Fault:
    """Return a 429."""
    return Fault(Failure.NOT_CONSUMED, rate_limited=True, retry_after=retry_after)


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


class FakeExchange:
    """One exchange: its users, its books, and what goes wrong there. `says_scopes` puts scopes into its answers."""

    def __init__(self, *, name: str, clock: ManualClock) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self.says_scopes = True
        self.tells_account = True
        self.probes = True
        self._clock = clock
        self._numbers = itertools.count(1)
        self._codes: dict[str, Chain] = {}
        self._spent: dict[str, Chain] = {}
        self._users: dict[tuple[str, str], tuple[str | None, Chain]] = {}
        self._keys: dict[str, Chain] = {}
        self._chains: list[Chain] = []
        self._faults: dict[str, list[Fault]] = {}
        self._meanwhile: dict[str, list[Callable[[], None]]] = {}

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

    def strike(self, operation: str, fault: Fault, times: int = 1) -> None:
        """Have something go wrong: redeem, connect, refresh, account, scopes, revoke or probe."""
        self._faults.setdefault(operation, []).extend([fault] * times)

    def meanwhile(self, operation: str, happening: Callable[[], None]) -> None:
        """Have something happen elsewhere while the next such request is on its way back."""
        self._meanwhile.setdefault(operation, []).append(happening)

    def is_alive(self, credential: Credential) -> bool:
        """Whether the exchange takes this credential."""
        text = credential.token.reveal() if isinstance(credential, BearerToken) else credential.key.reveal()
        chain = self._keys.get(text) or self._of_access(text)
        return chain is not None and chain.alive and self._unexpired(chain.access.get(text))

    @property
    def living(self) -> int:
        """How many grants could still be used: whose tokens were given to somebody and not revoked."""
        return sum(1 for chain in self._chains if chain.alive and chain.access)

    # What a provider's client asks.

    def perform(self, operation: str, done: Callable[[], "Issued"]) -> Issued:
        """Do what is asked for, unless something goes wrong."""
        faults = self._faults.get(operation)
        fault = faults.pop(0) if faults else None
        if fault is not None and not fault.done:
            self._happen(operation)
            raise self.error(fault)
        issued = done()
        self._happen(operation)
        if fault is not None:
            raise self.error(fault)
        return issued

    def check(self, operation: str) -> None:
        """Raise what goes wrong with a request that changes nothing."""
        faults = self._faults.get(operation)
        fault = faults.pop(0) if faults else None
        self._happen(operation)
        if fault is not None:
            raise self.error(fault)

    def error(self, fault: Fault) -> ProviderError:
        """Return what a client makes of a fault."""
        return ProviderError(
            fault.failure, integration=self.name, rate_limited=fault.rate_limited, retry_after=fault.retry_after
        )

    def redeem_code(self, grant: AuthorizationCode) -> Issued:
        """Exchange a code, once."""
        chain = self._codes.pop(grant.code.reveal(), None)
        if chain is None:
            raise self.error(REFUSED)
        self.counts["exchanges"] += 1
        return self._issue(chain)

    def log_in(self, grant: UserCredentials) -> Issued:
        """Give a session for a login."""
        found = self._users.get((grant.username.reveal(), grant.password.reveal()))
        if found is None or not found[1].alive:
            raise self.error(REFUSED)
        otp, user = found
        if otp is not None and grant.otp is None:
            raise self.error(Fault(Failure.OTP_REQUIRED))
        self.counts["exchanges"] += 1
        return self._issue(self._chain(user.account, user.scopes, user.access_seconds, refreshable=False))

    def key_scopes(self, grant: ApiKeyGrant) -> Issued:
        """Say what a key may do."""
        chain = self._keys.get(grant.key.reveal())
        if chain is None or not chain.alive:
            raise self.error(REFUSED)
        return Issued(ApiKeyPair(grant.key, grant.secret), None, None, chain.scopes)

    def refresh(self, renewal: str) -> Issued:
        """Rotate a refresh token, once; a spent one ends the chain."""
        spent = self._spent.get(renewal)
        if spent is not None:
            self.counts["reuses"] += 1
            spent.alive = False
        chain = next((chain for chain in self._chains if chain.renewal == renewal and chain.alive), None)
        if chain is None:
            raise self.error(REFUSED)
        self.counts["refreshes"] += 1
        self._spent[renewal] = chain
        return self._issue(chain)

    def account_of(self, credential: Credential) -> str | None:
        """Say whose a credential is."""
        self.check("account")
        if not self.is_alive(credential):
            raise self.error(REFUSED)
        return self._owner(credential).account if self.tells_account else None

    def scopes_of(self, credential: Credential) -> tuple[str, ...] | None:
        """Say what a credential may do."""
        self.check("scopes")
        return self._owner(credential).scopes

    def end(self, credential: Credential, renewal: str | None) -> bool:
        """Revoke; return whether the credential was alive before."""
        self.counts["revocations"] += 1
        was_alive = self.is_alive(credential)
        for chain in self._chains:
            text = credential.token.reveal() if isinstance(credential, BearerToken) else credential.key.reveal()
            if text in chain.access or (renewal is not None and renewal == chain.renewal):
                chain.alive = False
        return was_alive

    def _owner(self, credential: Credential) -> Chain:
        text = credential.token.reveal() if isinstance(credential, BearerToken) else credential.key.reveal()
        chain = self._keys.get(text) or self._of_access(text)
        assert chain is not None
        return chain

    def _of_access(self, text: str) -> Chain | None:
        return next((chain for chain in self._chains if text in chain.access), None)

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

    def _happen(self, operation: str) -> None:
        happenings = self._meanwhile.get(operation)
        if happenings:
            happenings.pop(0)()

    def _text(self, kind: str) -> str:
        return f"{self.name}-{kind}-{next(self._numbers)}-canary"
