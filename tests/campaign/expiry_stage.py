"""The stage of the expiry campaign: a fleet on MariaDB, the sandbox, everybody connected, and what the rows plan."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

from tests.campaign.expiry_exchange import COINBASE, LIMIT, UPHOLD, Application, two_exchanges
from tests.campaign.expiry_holders import Holder, Holders
from tests.campaign.expiry_measures import Window, spreading_window
from tests.campaign.expiry_watch import Watch, watching
from tests.campaign.fleet import Fleet, running_fleet
from tests.campaign.notary import Exchange
from tests.support.database_server import DatabaseServer

_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Size:
    """How large the campaign is: tokens that live so many seconds from its beginning, and calls in a second."""

    tokens: int = 10_000
    life: float = 920.0
    uphold_tokens: int = 400
    uphold_life: float = 860.0
    replicas: int = 3
    rate: float = 60.0
    uphold_rate: float = 5.0
    limit: str = LIMIT


@dataclass
class Stage:
    """Everybody who is connected, by integration; times by the monotonic clock."""

    size: Size
    fleet: Fleet
    application: Application
    groups: Mapping[str, Sequence[Holder]] = field(default_factory=dict)

    def connect(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Have everybody say yes and be connected; from then on the exchange itself keeps Uphold's limit, too."""
        began = time.monotonic()
        holders = Holders(self.fleet, self.application, say)
        self.groups = {
            COINBASE: holders.redeem(COINBASE, self.size.tokens, ends_at=began + self.size.life),
            UPHOLD: holders.redeem(UPHOLD, self.size.uphold_tokens, ends_at=began + self.size.uphold_life),
        }
        holders.connect([*self.groups[UPHOLD], *self.groups[COINBASE]])
        self.application.control("rate-limits", {"integration": UPHOLD, "limit": self.size.limit})

    def window(self, integration: str) -> Window:
        """Where the policy spreads an integration's refreshes."""
        return spreading_window([(holder.connected_at, holder.ends_at) for holder in self.groups[integration]])

    def plan(self, integration: str) -> Sequence[float]:
        """When the rows themselves say that they are to be refreshed next."""
        rows = self.fleet.query(f"SELECT next_refresh_at FROM token WHERE integration = '{integration}'")  # noqa: S608  # a constant
        return [cast("int", at) / _MICROSECONDS - wall_ahead() for (at,) in rows if at is not None]

    def watching(self) -> AbstractContextManager[Watch]:
        """Resolve everybody's tokens until the block ends, in a process of its own."""
        rates = {COINBASE: self.size.rate, UPHOLD: self.size.uphold_rate}
        return watching(self.fleet.addresses, self.fleet.api_key, self.groups, rates)

    def refreshes(self, integration: str) -> Sequence[Exchange]:
        """All requests for a refresh that came to the exchange, refused or not, in the order in which they came."""
        return [
            each
            for each in list(self.fleet.notary.exchanges)
            if each.is_refresh and each.chain.account.startswith(integration)
        ]

    def strangers(self) -> int:
        """How many requests of the replicas named a token that nobody here has brought, or a code."""
        codes = self.size.tokens + self.size.uphold_tokens
        exchanges = list(self.fleet.notary.exchanges)
        return len([each for each in exchanges if not each.chain.account or not each.is_refresh]) - codes

    def books(self, integration: str) -> Mapping[str, Mapping[str, int]]:
        """What the exchange itself has counted, by account."""
        return dataclasses.replace(self.fleet.exchange, name=integration).books()

    def let_time_pass(self, integration: str, window: Window, *, begins_at: float, times_as_fast: int) -> Window:
        """Move what the rows plan and when their tokens end, as if time had passed and went on faster.

        What was planned for the window's beginning comes at `begins_at`; the window that this makes of it is returned.
        """
        origin, target = _database_time(window.begins_at), _database_time(begins_at)
        moved = "{target} + ({column} - {origin}) DIV {fast}"
        changes = ", ".join(
            f"{column} = " + moved.format(target=target, column=column, origin=origin, fast=times_as_fast)
            for column in ("next_refresh_at", "access_expires_at")
        )
        self.fleet.query(f"UPDATE token SET {changes} WHERE integration = '{integration}'")  # noqa: S608  # constants
        for holder in self.groups[integration]:
            holder.ends_at = begins_at + (holder.ends_at - window.begins_at) / times_as_fast
        return Window(begins_at, begins_at + window.seconds / times_as_fast)

    def make_all_due(self, integration: str) -> None:
        """What happens without jitter: all rows plan the same moment, which is now."""
        now = _database_time(time.monotonic())
        self.fleet.query(f"UPDATE token SET next_refresh_at = {now} WHERE integration = '{integration}'")  # noqa: S608  # constants


@contextlib.contextmanager
def running_stage(database: DatabaseServer, folder: Path, size: Size) -> Iterator[Stage]:
    """Run replicas and exchange until the block ends; nobody is connected yet."""
    exchange = partial(two_exchanges, limit=size.limit)
    with running_fleet(database, folder, replicas=size.replicas, exchange=exchange) as fleet:
        _, door = fleet.notary.open_door()
        with closing(Application(exchange=fleet.exchange, door=door)) as application:
            yield Stage(size, fleet, application)


def wall_ahead() -> float:
    """By how many seconds the wall clock is ahead of the monotonic one."""
    return time.time() - time.monotonic()


def _database_time(moment: float) -> int:
    return int((moment + wall_ahead()) * _MICROSECONDS)
