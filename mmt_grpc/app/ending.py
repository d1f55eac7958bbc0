"""When a process is told to end: a start hears it at once, who serves only when its calls have been answered."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Ending:
    """The order to end; given by a signal's handler, or by any thread."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._starting: threading.Event | None = None

    def ask(self) -> None:
        """Tell the process to end."""
        self.asked.set()
        starting = self._starting
        if starting is not None:
            starting.set()

    @contextmanager
    def heard_by(self, stopping: threading.Event) -> Iterator[None]:
        """Have `stopping` set, too, if the order comes before the end of the block, or has come already."""
        self._starting = stopping
        if self.asked.is_set():
            stopping.set()
        try:
            yield
        finally:
            self._starting = None
