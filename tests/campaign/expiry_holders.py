"""The people of the expiry campaign: everybody's token expires in the same minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import TypeVar

from mmt.v1 import managed_token_pb2 as nouns
from tests.campaign.expiry_exchange import Application
from tests.campaign.fleet import Fleet
from tests.support.clients import READ, Caller

T = TypeVar("T")

THREADS = 12
_CONNECTIONS = 2


@dataclass
class Holder:
    """Somebody whose tokens live for `access_seconds`, and whose first one expires at `ends_at`.

    `connected_at` is when the service had acknowledged them. Times by the monotonic clock.
    """

    name: str
    integration: str
    access_seconds: float
    ends_at: float
    connected_at: float = 0.0
    token_id: str = ""
    tokens: nouns.OAuthTokens = field(default_factory=nouns.OAuthTokens, repr=False)


@dataclass
class Holders:
    """Makes holders: they redeem their codes without the service, and bring it the tokens."""

    fleet: Fleet
    application: Application
    progress: Callable[[str], None] = lambda _: None

    def redeem(self, integration: str, count: int, *, ends_at: float) -> Sequence[Holder]:
        """Have so many users say yes at the exchange, all until the same moment (monotonic)."""
        holders = [Holder(f"{integration}-holder-{number}", integration, 0.0, ends_at) for number in range(count)]
        self._each(self._redeem, holders, f"{count:,} users of {integration} have said yes")
        return holders

    def connect(self, holders: Sequence[Holder]) -> None:
        """Connect them, at each replica in turn."""
        with ExitStack() as stack:
            callers = [
                stack.enter_context(closing(Caller(address, self.fleet.api_key)))
                for address in self.fleet.addresses
                for _ in range(_CONNECTIONS)
            ]
            numbered = list(enumerate(holders))
            self._each(
                lambda one: self._connect(callers[one[0] % len(callers)], one[1]),
                numbered,
                f"{len(holders):,} users are connected",
            )

    def _redeem(self, holder: Holder) -> None:
        holder.access_seconds = holder.ends_at - time.monotonic()
        code = self.application.authorize(holder.integration, holder.name, holder.access_seconds)
        self.fleet.notary.announce(code["code"], holder.name)
        holder.tokens = self.application.redeem(holder.integration, code)
        left = holder.ends_at - time.monotonic()
        holder.tokens.expire_time.FromNanoseconds(time.time_ns() + int(left * 1e9))

    @staticmethod
    def _connect(caller: Caller, holder: Holder) -> None:
        answer = caller.connect(holder.name, holder.integration, READ, oauth_tokens=holder.tokens)
        holder.token_id = answer.token_id
        holder.connected_at = time.monotonic()

    def _each(self, work: Callable[[T], None], what: Sequence[T], done: str) -> None:
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(work, what):
                pass
        seconds = time.monotonic() - began
        self.progress(f"{done} ({seconds:.0f} s, {len(what) / max(seconds, 0.001):.0f}/s)")
