"""The exchange: one-time refresh tokens, strictly; whoever uses one twice ends the chain. It keeps its own books."""

from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS, AuthorizationCode, BearerToken, Credential, Grant, Liveness, Upstream
from mmt_grpc.domain.model import Scope as TokenScope
from mmt_grpc.domain.ports.providers import Failure, Issued, ProviderError
from mmt_grpc.domain.secret import Secret
from tests.simulation.scheduler import Scheduler

NAME: Final = "coinbase"
TOTAL_TIMEOUT: Final = 10 * MICROSECONDS
LATEST_ARRIVAL: Final = 45 * MICROSECONDS
"""How late a POST may come to the exchange: the engine reckons with a minute."""


@dataclass(slots=True)
class Chain:
    """One grant: all tokens that came of one login."""

    account: str
    renewal: str = ""
    alive: bool = True
    died_of: str = ""
    access: str = ""


@dataclass(slots=True)
class Post:
    """One refresh on its way; `fate` is what the network and the exchange do with it."""

    renewal: str
    fate: str
    written_at: int
    consumed_at: int | None = None
    refused: bool = False
    answer: Issued | None = None
    has_arrived: bool = False


@dataclass(slots=True)
class Books:
    """What the exchange has given out."""

    chains: list[Chain] = field(default_factory=list)
    by_renewal: dict[str, Chain] = field(default_factory=dict)
    by_access: dict[str, tuple[Chain, int]] = field(default_factory=dict)
    codes: dict[str, Chain] = field(default_factory=dict)
    reuses: int = 0


class Exchange:
    """The exchange itself; `fates` are what befalls the next POSTs, in order."""

    def __init__(self, *, scheduler: Scheduler, life: int, tolerant: bool, probes: bool, kills_old: bool) -> None:
        self.books = Books()
        self.fates: list[str] = []
        self.tolerant = tolerant
        self.probes = probes
        self.is_down_until = 0
        self.refuses_until = 0
        """Until when a bad day lasts: every refresh is refused, and nothing is consumed."""
        self.misjudged: set[str] = set()
        """The refresh tokens that it refused on a bad day though their chains are alive."""
        self.scheduler = scheduler
        self._life = life
        self._kills_old = kills_old
        self._count = 0

    def open_chain(self, account: str) -> Issued:
        """A user logs in."""
        chain = Chain(account)
        self.books.chains.append(chain)
        return self._issue(chain)

    def authorize(self, account: str) -> AuthorizationCode:
        """A user says yes; return the code."""
        self._count += 1
        code = f"code-{self._count}"
        self.books.codes[code] = Chain(account)
        return AuthorizationCode(Secret(code), "https://client.example/back", Secret("verifier"))

    def arrive(self, post: Post) -> None:
        """A POST comes to the exchange; whatever it answers may never come back."""
        post.has_arrived = True
        if post.fate in {"unavailable", "rate_limit", "invalid_client"}:
            return
        chain = self.books.by_renewal[post.renewal]
        if self.refuses_until > self.scheduler.now:
            post.refused = True
            if chain.alive:
                self.misjudged.add(post.renewal)
            return
        if chain.alive and post.renewal != chain.renewal and not self.tolerant:
            self.books.reuses += 1
            self.end(chain, "reuse")
        if not chain.alive:
            post.refused = True
            return
        post.consumed_at = self.scheduler.now
        post.answer = self._issue(chain)

    def end(self, chain: Chain, reason: str) -> None:
        """A chain dies."""
        if chain.alive:
            chain.alive = False
            chain.died_of = reason
            self.scheduler.note(f"exchange: the chain of {chain.account} dies of {reason}")

    def is_alive(self, access: str) -> bool:
        """Whether an access token is taken."""
        chain, until = self.books.by_access[access]
        return chain.alive and self.scheduler.now < until and (chain.access == access or not self._kills_old)

    def error(self, failure: Failure, *, limited: bool = False) -> ProviderError:
        return ProviderError(failure, integration=NAME, rate_limited=limited, retry_after=2.0 if limited else None)

    def redeem(self, grant: Grant, scope: TokenScope) -> Issued:
        """Exchange a code, once."""
        del scope
        assert isinstance(grant, AuthorizationCode)
        chain = self.books.codes.pop(grant.code.reveal(), None)
        if chain is None:
            raise self.error(Failure.PERMANENT)
        self.books.chains.append(chain)
        return self._issue(chain)

    def revoke(self, credential: Credential, renewal: Secret | None) -> Upstream:
        """Revoke a chain by any of its tokens."""
        assert isinstance(credential, BearerToken)
        if self.is_down_until > self.scheduler.now:
            return Upstream.FAILED
        chain = self.books.by_access[credential.token.reveal()][0]
        if renewal is not None:
            chain = self.books.by_renewal[renewal.reveal()]
        self.end(chain, "revoked")
        return Upstream.REVOKED

    def probe(self, credential: Credential) -> Liveness:
        """Say whether a token is taken, where there is an endpoint for that."""
        assert isinstance(credential, BearerToken)
        if self.is_down_until > self.scheduler.now:
            raise self.error(Failure.NOT_CONSUMED)
        if not self.probes:
            return Liveness.UNKNOWN
        return Liveness.ALIVE if self.is_alive(credential.token.reveal()) else Liveness.DEAD

    def _issue(self, chain: Chain) -> Issued:
        self._count += 1
        chain.access, chain.renewal = f"access-{self._count}", f"renewal-{self._count}"
        self.books.by_renewal[chain.renewal] = chain
        self.books.by_access[chain.access] = (chain, self.scheduler.now + self._life)
        seconds = self._life / MICROSECONDS
        return Issued(BearerToken(Secret(chain.access)), Secret(chain.renewal), seconds, ("read",))
