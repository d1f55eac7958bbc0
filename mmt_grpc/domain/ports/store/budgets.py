"""A provider's rate limit, shared by all replicas behind one address: slots in time, leased in chunks."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Slots:
    """Leased slots: `count` requests, the first not before `first_at` (database time, microseconds), each `spacing`
    microseconds after the one before; `now` is the database's time of the lease.
    """

    first_at: int
    spacing: int
    count: int
    now: int


class Budgets(Protocol):
    """One row per integration, moved on by a guarded UPDATE: a slot is given once, whoever asks."""

    def lease_slots(self, integration: str, *, count: int, spacing: int, burst: int, horizon: int) -> Slots | None:
        """Lease up to `count` slots `spacing` apart, of which `burst` may have been saved up while nobody asked.

        Slots never lie further back than `burst` spacings, nor further ahead than `horizon` microseconds: in any time T
        at most `burst` + 1 + T / `spacing` are given. None if the next free slot lies beyond the horizon. The row is
        made when it is missing. `ValueError` unless `count` and `spacing` are 1 or more.
        """
        ...

    def postpone(self, integration: str, until: int) -> None:
        """Give no slot before `until` (database time): the provider said when to come back."""
        ...
