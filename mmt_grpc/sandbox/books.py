"""The state machine of grants: codes, chains of one-time refresh tokens, access tokens, sessions."""

from __future__ import annotations

import hmac
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from mmt_grpc.sandbox.journal import Journal
from mmt_grpc.sandbox.pkce import challenge_of, is_verifier
from mmt_grpc.sandbox.records import Chain, Code, Terms, Token, TokenKind, digest
from mmt_grpc.sandbox.refusal import Reason, RefusedError
from mmt_grpc.sandbox.shelf import Shelf
from mmt_grpc.sandbox.tallies import Tallies

_KEEP_EXPIRED_SECONDS = 600.0
"""So long an expired access token still answers "expired" and names its account, then it is unknown."""

_FORGOTTEN_AT_ONCE = 10
"""A refresh makes one token, so that forgetting up to ten keeps up with any chain."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What an exchange, a refresh or a login brought."""

    chain: Chain
    access: str = field(repr=False)
    refresh: str | None = field(repr=False)


class Books:
    """All grants of all integrations; used by one thread."""

    def __init__(
        self, *, journal: Journal, tallies: Tallies, clock: Callable[[], float], make_token: Callable[[], str]
    ) -> None:
        self._tallies = tallies
        self._clock = clock
        self._make_token = make_token
        self._codes = Shelf(kind=Code, journal=journal)
        self._chains = Shelf(kind=Chain, journal=journal)
        self._tokens = Shelf(kind=Token, journal=journal)
        # Keys of the tokens of a chain that are not spent; all but those from before a restart in order of their age.
        self._tokens_of: dict[str, dict[str, None]] = defaultdict(dict)
        for token in self._tokens:
            if not token.spent:
                self._tokens_of[token.chain][token.key] = None

    def authorize(
        self,
        *,
        integration: str,
        account: str,
        terms: Terms,
        redirect_uri: str,
        challenge: str | None,
        code_seconds: float,
    ) -> str:
        """A user said yes: the code, good once and for `code_seconds`."""
        text = self._make_token()
        expires_at = self._clock() + code_seconds
        self._codes.put(Code(digest(text), integration, account, terms, redirect_uri, challenge, expires_at))
        self._tallies.open(integration, account)
        return text

    def exchange(self, *, integration: str, code: str, redirect_uri: str | None, verifier: str | None) -> Issued:
        """The code's first tokens; `redirect_uri` None means that the integration does not compare it."""
        record = self._codes.get(digest(code))
        if record is None or record.integration != integration:
            raise RefusedError(Reason.UNKNOWN)
        if record.chain is not None:
            # RFC 6749 section 4.1.2: what a replayed code gave is revoked.
            self._kill_chain(record.chain)
            raise RefusedError(Reason.SPENT)
        if record.expires_at <= self._clock():
            raise RefusedError(Reason.EXPIRED)
        if redirect_uri is not None and not hmac.compare_digest(redirect_uri.encode(), record.redirect_uri.encode()):
            raise RefusedError(Reason.REDIRECT_MISMATCH)
        if not _proves(verifier, record.challenge):
            raise RefusedError(Reason.VERIFIER_MISMATCH)
        chain = self._open_chain(integration, record.account, record.terms)
        record.chain = chain.key
        self._codes.put(record)
        self._tallies.add_exchange(integration, record.account)
        return self._issue(chain, TokenKind.ACCESS)

    def refresh(self, *, integration: str, token: str) -> Issued:
        """The next tokens of a chain; a spent refresh token ends the whole chain instead."""
        record, chain = self._find(integration, token, {TokenKind.REFRESH})
        if record.spent:
            self._tallies.add_reuse(integration, chain.account)
            self._kill_chain(chain.key)
            raise RefusedError(Reason.SPENT)
        self._must_live(record, chain)
        record.spent = True
        self._tokens.put(record)
        self._tokens_of[chain.key].pop(record.key, None)
        self._forget_expired(chain)
        self._tallies.add_refresh(integration, chain.account)
        return self._issue(chain, TokenKind.ACCESS)

    def open_session(self, *, integration: str, account: str, terms: Terms) -> Issued:
        """A login's session, which nothing can renew."""
        chain = self._open_chain(integration, account, terms)
        self._tallies.add_exchange(integration, account)
        return self._issue(chain, TokenKind.SESSION)

    def inspect(self, *, integration: str, token: str, kind: TokenKind) -> tuple[Chain, float | None]:
        """Whose live token this is, and its expiry (None: never); raises RefusedError."""
        record, chain = self._find(integration, token, {kind})
        self._must_live(record, chain)
        return chain, record.expires_at

    def revoke(self, *, integration: str, token: str, kinds: set[TokenKind]) -> bool:
        """End the chain that the token belongs to; False if the token was not alive."""
        try:
            record, chain = self._find(integration, token, kinds)
            self._must_live(record, chain)
        except RefusedError:
            return False
        self._kill_chain(chain.key)
        return True

    def owner(self, *, integration: str, text: str) -> str | None:
        """The account behind a code or a token in whatever state, or None."""
        key = digest(text)
        if (code := self._codes.get(key)) is not None:
            return code.account if code.integration == integration else None
        token = self._tokens.get(key)
        chain = self._chains.get(token.chain) if token is not None else None
        return chain.account if chain is not None and chain.integration == integration else None

    def kill(self, *, integration: str, account: str, kinds: frozenset[TokenKind]) -> int:
        """End every live token of those kinds that the account has; how many there were."""
        killed = 0
        for chain in list(self._chains):
            if chain.dead or (chain.integration, chain.account) != (integration, account):
                continue
            for token in self._live_of(chain):
                if token.kind in kinds:
                    token.dead = True
                    self._tokens.put(token)
                    killed += 1
        return killed

    def live(self) -> dict[tuple[str, str], list[str]]:
        """The digests of all live tokens, sorted, by integration and account."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for chain in self._chains:
            if not chain.dead:
                found[chain.integration, chain.account] += [token.key for token in self._live_of(chain)]
        return {owner: sorted(digests) for owner, digests in found.items()}

    def _live_of(self, chain: Chain) -> list[Token]:
        now = self._clock()
        tokens = (self._tokens.get(key) for key in self._tokens_of[chain.key])
        return [t for t in tokens if t is not None and not t.dead and (t.expires_at is None or t.expires_at > now)]

    def _open_chain(self, integration: str, account: str, terms: Terms) -> Chain:
        chain = Chain(digest(self._make_token()), integration, account, terms)
        self._chains.put(chain)
        return chain

    def _issue(self, chain: Chain, kind: TokenKind) -> Issued:
        access = self._make_token()
        self._keep(access, chain, kind, chain.terms.access_seconds)
        refresh = None
        if chain.terms.refresh_seconds is not None:
            refresh = self._make_token()
            self._keep(refresh, chain, TokenKind.REFRESH, chain.terms.refresh_seconds)
        return Issued(chain, access, refresh)

    def _keep(self, text: str, chain: Chain, kind: TokenKind, seconds: float | None) -> None:
        expires_at = None if seconds is None else self._clock() + seconds
        token = Token(digest(text), chain.key, kind, expires_at)
        self._tokens.put(token)
        self._tokens_of[chain.key][token.key] = None

    def _find(self, integration: str, text: str, kinds: set[TokenKind]) -> tuple[Token, Chain]:
        token = self._tokens.get(digest(text))
        chain = self._chains.get(token.chain) if token is not None else None
        if token is None or chain is None or chain.integration != integration or token.kind not in kinds:
            raise RefusedError(Reason.UNKNOWN)
        return token, chain

    def _must_live(self, token: Token, chain: Chain) -> None:
        if chain.dead or token.dead:
            raise RefusedError(Reason.DEAD)
        if token.spent:
            raise RefusedError(Reason.SPENT)
        if token.expires_at is not None and token.expires_at <= self._clock():
            raise RefusedError(Reason.EXPIRED)

    def _kill_chain(self, key: str) -> None:
        chain = self._chains.get(key)
        if chain is not None and not chain.dead:
            chain.dead = True
            self._chains.put(chain)

    def _forget_expired(self, chain: Chain) -> None:
        before = self._clock() - _KEEP_EXPIRED_SECONDS
        for key in list(islice(self._tokens_of[chain.key], _FORGOTTEN_AT_ONCE)):
            token = self._tokens.get(key)
            if token is None or _expiry(token) >= before:
                return
            self._tokens.drop(key)
            self._tokens_of[chain.key].pop(key)


def _expiry(token: Token) -> float:
    return math.inf if token.expires_at is None else token.expires_at


def _proves(verifier: str | None, challenge: str | None) -> bool:
    if verifier is None or challenge is None:
        # A verifier without a challenge is a downgrade (RFC 9700 section 4.8.2).
        return verifier is challenge
    return is_verifier(verifier) and hmac.compare_digest(challenge_of(verifier).encode(), challenge.encode())
