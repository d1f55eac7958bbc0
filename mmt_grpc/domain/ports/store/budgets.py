"""A provider's rate limit, shared by all replicas behind one address: what was taken of it within a sliding window."""

from dataclasses import dataclass
from typing import Final, Protocol

BUCKETS: Final = 64
"""A window is counted in so many parts, so that a row has one size however much was taken."""


@dataclass(frozen=True, slots=True)
class Terms:
    """At most `limit` requests in any `window` (microseconds), of which `reserved` are not for whoever asks by these
    terms, and who asks by them comes no sooner than `spacing` microseconds after the last that was taken by anybody.
    """

    limit: int
    window: int
    reserved: int = 0
    spacing: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.reserved < self.limit < 1 << 32 and self.window >= 1 and self.spacing >= 0):
            raise ValueError("a limit leaves 1 or more within a window of 1 microsecond or more")

    @property
    def bucket(self) -> int:
        """The width of a part of the window, microseconds."""
        return -(-self.window // BUCKETS)


@dataclass(frozen=True, slots=True)
class Taken:
    """`count` requests, 1 or more, may be sent; they are counted at `now` (database time, microseconds)."""

    count: int
    now: int


class Budgets(Protocol):
    """One row per integration, moved on by a guarded UPDATE: what is left is given once, whoever asks."""

    def take(self, integration: str, *, count: int, terms: Terms) -> Taken | int:
        """Take up to `count` requests, fewer if fewer are left, or return the microseconds until one may be had.

        What was taken in the last `window`, its first moment included, never exceeds `limit`; a request counts for up
        to one `bucket` longer. Everything taken counts, by whatever terms. After the wait one may be had unless others
        take it; terms may differ between two calls, but what has left the shorter of two windows is forgotten. The row
        is made when it is missing. `ValueError` unless `count` is 1 or more.
        """
        ...

    def postpone(self, integration: str, wait: int) -> None:
        """Give nothing for so many microseconds: the provider said when to come back."""
        ...
