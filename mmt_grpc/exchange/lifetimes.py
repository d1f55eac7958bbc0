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
LATEST_AHEAD: Final = 15 * 60 * MICROSECONDS
EARLIEST_AHEAD: Final = 2 * LATEST_AHEAD
RENEWAL_SHARE: Final = 10
LONGEST_AHEAD_OF_RENEWAL: Final = 7 * 86_400 * MICROSECONDS


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


def next_refresh(
    expires_at: int | None,
    *,
    now: int,
    refreshable: bool,
    randomness: Randomness,
    renewal_expires_at: int | None = None,
    is_import: bool = False,
) -> int | None:
    """Return when to refresh ahead of the expiry of the access token or of the refresh token, whichever comes first.

    None: on demand only, or never. Times in Unix microseconds. `is_import`: nobody says when the access token was
    issued, so that little is left of it says nothing of how long such tokens live.
    """
    if not refreshable:
        return None
    times = (
        _ahead_of_access(expires_at, now=now, is_import=is_import, randomness=randomness),
        _ahead_of_renewal(renewal_expires_at, now=now, randomness=randomness),
    )
    return min((at for at in times if at is not None), default=None)


def _ahead_of_access(expires_at: int | None, *, now: int, is_import: bool, randomness: Randomness) -> int | None:
    """Choose evenly within min(15–30 min, a quarter to a half of the life) before expiry.

    Both ranges end at twice their beginning, so one draw chooses in both: the smaller of two draws would not be even,
    and tokens that expire together would be refreshed in a burst.
    """
    if expires_at is None:
        return None
    if expires_at - now < ON_DEMAND_BELOW:
        # Callers have an import refreshed on demand as well. If none comes, its refresh token is not to die of that.
        return now + randomness.jitter(ON_DEMAND_BELOW, 2 * ON_DEMAND_BELOW) if is_import else None
    latest = min(LATEST_AHEAD, (expires_at - now) // 4)
    return expires_at - randomness.jitter(latest, 2 * latest)


def _ahead_of_renewal(expires_at: int | None, *, now: int, randomness: Randomness) -> int | None:
    """Choose within the last tenth of a refresh token's life, or its last 7 days: an idle one is kept alive."""
    if expires_at is None or expires_at <= now:
        return None
    earliest = min((expires_at - now) // RENEWAL_SHARE, LONGEST_AHEAD_OF_RENEWAL)
    return expires_at - randomness.jitter(earliest // 2, earliest)
