"""When a token expires, and when it is refreshed ahead of that."""

from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Randomness
from mmt_grpc.domain.ports.providers import Issued

ASSUMED_LIFETIME: Final = 3600.0
"""Seconds that a refreshable token is taken to live when its provider does not say; Coinbase and Uphold give 1 h."""
LONGEST_LIFETIME: Final = 10 * 365 * 86_400.0
ON_DEMAND_BELOW: Final = 300 * MICROSECONDS
"""Tokens that live shorter are refreshed on demand only."""
EARLIEST_AHEAD: Final = 30 * 60 * MICROSECONDS
LATEST_AHEAD: Final = 15 * 60 * MICROSECONDS


def expiry(issued: Issued, *, sent_at: int, refreshable: bool) -> int | None:
    """Return when the access credential expires, None if never or unknown; `sent_at` by the database's clock."""
    if issued.expires_at is not None:
        return issued.expires_at
    seconds = issued.expires_in
    if seconds is None:
        seconds = ASSUMED_LIFETIME if refreshable and issued.renewal is not None else None
    return None if seconds is None else sent_at + int(min(seconds, LONGEST_LIFETIME) * MICROSECONDS)


def renewal_expiry(issued: Issued, *, sent_at: int) -> int | None:
    """Return when the refresh token itself expires, None if that is not known."""
    seconds = issued.renewal_expires_in
    return None if seconds is None else sent_at + int(min(seconds, LONGEST_LIFETIME) * MICROSECONDS)


def next_refresh(expires_at: int | None, *, now: int, refreshable: bool, randomness: Randomness) -> int | None:
    """Return when to refresh ahead: min(15–30 min, a quarter to a half of the life) before expiry, jittered."""
    if expires_at is None or not refreshable or expires_at - now < ON_DEMAND_BELOW:
        return None
    life = expires_at - now
    ahead = min(randomness.jitter(LATEST_AHEAD, EARLIEST_AHEAD), randomness.jitter(life // 4, life // 2))
    return expires_at - ahead
