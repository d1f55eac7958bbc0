"""How many requests one provider is sent at once."""

import threading
from typing import Final

PLACES: Final = 16
SCHEDULED_SHARE: Final = 0.75
"""Work that nobody waits for leaves a quarter of the places to calls that do."""


class Concurrency:
    """One provider's places."""

    def __init__(self, *, places: int = PLACES) -> None:
        self._places = places
        self._scheduled_places = max(1, int(places * SCHEDULED_SHARE))
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many places are taken."""
        return self._taken

    def has_place(self, *, demand: bool) -> bool:
        """Whether there is a place; takes none."""
        return self._taken < (self._places if demand else self._scheduled_places)

    def enter(self, *, demand: bool) -> bool:
        """Take a place; False if there is none."""
        with self._lock:
            free = self.has_place(demand=demand)
            self._taken += free
            return free

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self._taken -= 1
