"""Places for calls that wait for a provider: one provider's slowness never takes the threads of another's calls."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator


class WaitingRoom:
    """At most `places` calls wait per integration; who finds none is told so at once."""

    def __init__(self, *, places: int) -> None:
        self._places = places
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def place(self, integration: str) -> Iterator[bool]:
        """Take a place for the length of the block; False if there is none."""
        with self._lock:
            taken = self._waiting[integration] < self._places
            if taken:
                self._waiting[integration] += 1
        try:
            yield taken
        finally:
            if taken:
                with self._lock:
                    self._waiting[integration] -= 1
