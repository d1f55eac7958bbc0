"""Places for calls that wait for a provider: slow ones never take the threads of calls that wait for none."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator


class WaitingRoom:
    """At most `places` calls wait per integration, and `total` for all of them; who finds no place is told so at once.

    Without a total each integration has its places to itself.
    """

    def __init__(self, *, places: int, total: int | None = None) -> None:
        self._places = places
        self._total = total
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def place(self, integration: str) -> Iterator[bool]:
        """Take a place for the length of the block; False if there is none."""
        with self._lock:
            has_room = self._total is None or self._waiting.total() < self._total
            taken = has_room and self._waiting[integration] < self._places
            if taken:
                self._waiting[integration] += 1
        try:
            yield taken
        finally:
            if taken:
                with self._lock:
                    self._waiting[integration] -= 1
