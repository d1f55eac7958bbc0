"""Slots in time, leased in chunks from the store, spent here in order, and lost when they are not used in time."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.store import Budgets

CHUNK: Final = MICROSECONDS
"""So much time a chunk is worth: a replica that dies loses no more, and a fast budget is not leased slot by slot."""
LARGEST_CHUNK: Final = 200
SHORTEST_PAUSE: Final = 20_000
"""Between two leases that come too early; else a quarter of the spacing, as tolerance makes up for asking late."""
MOST_LEASES: Final = 3
"""Leases for one request: others in this process may take what the first ones brought."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """One slot every `spacing` microseconds, each of which may be used up to `tolerance` microseconds late."""

    spacing: int
    tolerance: int

    def burst(self, round_trip: int) -> int:
        """How many slots that have passed while nobody asked may still be used when they arrive, beside the present
        one; the store answers in `round_trip` microseconds.
        """
        return max(0, self.tolerance - 1 - round_trip) // self.spacing

    @property
    def chunk(self) -> int:
        """How many slots are leased at a time."""
        return max(1, min(CHUNK // self.spacing, LARGEST_CHUNK))


@dataclass(frozen=True, slots=True)
class Slot:
    """One request may be sent from `opens_at` and before `closes_at` (microseconds of elapsed time here)."""

    opens_at: int
    closes_at: int


class SlotQueue:
    """What this process holds of one row of slots."""

    def __init__(self, *, name: str, spacing: Spacing, budgets: Budgets, clock: Clock) -> None:
        self._name = name
        self._spacing = spacing
        self._budgets = budgets
        self._clock = clock
        self._slots: deque[Slot] = deque()
        self._held_until = 0
        self._asked_too_early: dict[int, int] = {}
        self._database_ahead: int | None = None
        self._round_trip = 0
        self._lock = threading.Lock()
        self._leasing = threading.Lock()

    def take(self, *, patience: int, horizon: int) -> Slot | int:
        """Take a slot that opens within `patience` microseconds, or return how long none will.

        The store is asked for slots up to `horizon` microseconds ahead. Raises `StoreUnavailableError`.
        """
        for _ in range(MOST_LEASES):
            taken = self._take(patience, horizon)
            if taken is not None:
                return taken
            with self._leasing:
                taken = self._take(patience, horizon)
                if taken is not None:
                    return taken
                self._lease(horizon)
        return min(self._spacing.spacing, MICROSECONDS)

    def put_back(self, slot: Slot) -> None:
        """Give back a slot that was not used."""
        with self._lock:
            self._slots.appendleft(slot)

    def wait(self, *, horizon: int) -> int:
        """Return for how long, as far as this process knows, no slot opens; takes nothing, asks nobody."""
        with self._lock:
            now = self._clock.elapsed()
            known = self._known(now, horizon)
            return 0 if known is None else max(0, known - now)

    def hold(self, wait: int) -> None:
        """Send nothing for so many microseconds, in any replica; raises `StoreUnavailableError`, held here even so."""
        with self._lock:
            now = self._clock.elapsed()
            self._held_until = max(self._held_until, now + wait)
            self._slots.clear()
            ahead = self._database_ahead
        if ahead is not None:
            self._budgets.postpone(self._name, now + wait + ahead)

    def _take(self, patience: int, horizon: int) -> Slot | int | None:
        """Return a slot, or how long there is none; None: the store has to be asked."""
        with self._lock:
            now = self._clock.elapsed()
            known = self._known(now, horizon)
            if known is None:
                return None
            if known > now + patience or not self._slots:
                return max(1, known - now)
            return self._slots.popleft()

    def _known(self, now: int, horizon: int) -> int | None:
        """Return when something may be had, None if that has to be asked."""
        while self._slots and self._slots[0].closes_at <= now:
            self._slots.popleft()
        if self._held_until > now:
            return self._held_until
        if self._slots:
            return self._slots[0].opens_at
        ask_again = self._asked_too_early.get(horizon, 0)
        return ask_again if ask_again > now else None

    def _lease(self, horizon: int) -> None:
        """Lease a chunk. The database's time of it lies between two readings of this clock: each bound takes the safer.

        A slot opens no earlier and closes no later than it does by the database's clock.
        """
        asked_at = self._clock.elapsed()
        spacing = self._spacing
        slots = self._budgets.lease_slots(
            self._name,
            count=spacing.chunk,
            spacing=spacing.spacing,
            burst=spacing.burst(self._round_trip),
            horizon=horizon,
        )
        answered_at = self._clock.elapsed()
        # A store that is slow now is slow the next time: slots that would be too old on arrival are not asked for.
        self._round_trip = answered_at - asked_at
        with self._lock:
            if slots is None:
                self._asked_too_early[horizon] = answered_at + max(spacing.spacing // 4, horizon, SHORTEST_PAUSE)
                return
            self._database_ahead = slots.now - asked_at
            for number in range(slots.count):
                ahead = slots.first_at + number * slots.spacing - slots.now
                self._slots.append(Slot(answered_at + ahead, asked_at + ahead + spacing.tolerance))
