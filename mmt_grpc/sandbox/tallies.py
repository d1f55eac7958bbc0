"""What happened to each account, counted: exchanges, refreshes, reuses of spent refresh tokens."""

from __future__ import annotations

from collections.abc import Iterator

from mmt_grpc.sandbox.journal import Journal
from mmt_grpc.sandbox.records import Tally, account_key
from mmt_grpc.sandbox.shelf import Shelf


class Tallies:
    """One tally per integration and account, there from the moment the account is first named."""

    def __init__(self, *, journal: Journal) -> None:
        self._shelf = Shelf(kind=Tally, journal=journal)

    def __iter__(self) -> Iterator[Tally]:
        return iter(self._shelf)

    def knows(self, integration: str, account: str) -> bool:
        """Whether the account was ever named."""
        return self._shelf.get(account_key(integration, account)) is not None

    def open(self, integration: str, account: str) -> Tally:
        """The account's tally, made if there is none."""
        tally = self._shelf.get(account_key(integration, account))
        if tally is None:
            tally = Tally(integration, account)
            self._shelf.put(tally)
        return tally

    def add_exchange(self, integration: str, account: str) -> None:
        """A code or a login was turned into tokens."""
        tally = self.open(integration, account)
        tally.exchanges += 1
        self._shelf.put(tally)

    def add_refresh(self, integration: str, account: str) -> None:
        """A refresh token was spent for new tokens."""
        tally = self.open(integration, account)
        tally.refreshes += 1
        self._shelf.put(tally)

    def add_reuse(self, integration: str, account: str) -> None:
        """A refresh token was presented that had been spent before."""
        tally = self.open(integration, account)
        tally.reuses += 1
        self._shelf.put(tally)
