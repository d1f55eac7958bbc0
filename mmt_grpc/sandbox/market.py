"""All fake exchanges of one process and what they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mmt_grpc.sandbox.binance import BinanceExchange
from mmt_grpc.sandbox.books import Books
from mmt_grpc.sandbox.coinbase import CoinbaseExchange
from mmt_grpc.sandbox.exchange import Exchange
from mmt_grpc.sandbox.faults import Faults
from mmt_grpc.sandbox.generic import GenericExchange
from mmt_grpc.sandbox.journal import Journal
from mmt_grpc.sandbox.limits import Limiter
from mmt_grpc.sandbox.members import Members
from mmt_grpc.sandbox.oauth import OAuthExchange
from mmt_grpc.sandbox.records import TokenKind
from mmt_grpc.sandbox.registration import LOGIN_NAME, is_name, registration
from mmt_grpc.sandbox.tallies import Tallies
from mmt_grpc.sandbox.uphold import UpholdExchange

_EXCHANGES_KEPT = 1_000
"""Exchanges hold no state of their own, so that further ones are made anew for each request."""

_OAUTH: dict[str, type[OAuthExchange]] = {"coinbase": CoinbaseExchange, "uphold": UpholdExchange}


class Market:
    """The exchanges by name; any further name becomes a generic OAuth exchange when it is first asked for."""

    def __init__(
        self,
        *,
        base_url: str,
        clients: Mapping[str, tuple[str, str]],
        journal: Journal,
        clock: Callable[[], float],
        make_token: Callable[[], str],
    ) -> None:
        self._base_url = base_url
        self._clients = clients
        self.journal = journal
        self.tallies = Tallies(journal=journal)
        self.books = Books(journal=journal, tallies=self.tallies, clock=clock, make_token=make_token)
        self.members = Members(
            integration=LOGIN_NAME, journal=journal, tallies=self.tallies, clock=clock, make_token=make_token
        )
        self.faults = Faults()
        self.limiter = Limiter(clock=clock)
        binance = BinanceExchange(name=LOGIN_NAME, books=self.books, members=self.members, clock=clock)
        self._exchanges: dict[str, Exchange] = {LOGIN_NAME: binance}
        journal.commit()

    def exchange(self, name: str) -> Exchange | None:
        """The exchange of that name, or None if the name cannot be one."""
        found = self._exchanges.get(name)
        if found is not None or not is_name(name):
            return found
        app = registration(name, base_url=self._base_url, clients=self._clients)
        exchange = _OAUTH.get(name, GenericExchange)(registration=app, books=self.books)
        if len(self._exchanges) < _EXCHANGES_KEPT:
            self._exchanges[name] = exchange
        return exchange

    def kill(self, *, integration: str, account: str, kind: str | None) -> int:
        """End the account's live credentials of one kind, or all of them; how many there were."""
        kinds = frozenset(TokenKind) if kind is None else frozenset(k for k in TokenKind if k == kind)
        killed = self.books.kill(integration=integration, account=account, kinds=kinds)
        if integration == LOGIN_NAME and kind in {None, "api_key"}:
            killed += self.members.kill_api_keys(account)
        return killed

    def report(self) -> dict[str, dict[str, dict[str, object]]]:
        """The books: integration → account → exchanges, refreshes, reuses, digests of all live credentials."""
        live = self.books.live()
        for owner, digests in self.members.live().items():
            live[owner] = sorted(live.get(owner, []) + digests)
        report: dict[str, dict[str, dict[str, object]]] = {}
        for tally in self.tallies:
            report.setdefault(tally.integration, {})[tally.account] = {
                "exchanges": tally.exchanges,
                "refreshes": tally.refreshes,
                "reuses": tally.reuses,
                "live": live.get((tally.integration, tally.account), []),
            }
        return report
